//! An emulated microcontroller as client: its bytes, its readings classified, what it takes.

mod board;
mod cost;
mod gateway;
