//! The whole protocol between two threads over loopback.

mod exactness;
mod hostile;
mod networks;
mod prepared;
mod secrecy;
mod session;
