//! Running the ring processor's RTL, and the conformance suite that every executor passes.
#![forbid(unsafe_code)]
