//! What the instruction set promises.

mod programs;
mod words;
