//! The whole protocol between two threads over loopback.

mod exactness;
mod hostile;
mod networks;
mod secrecy;
mod session;
