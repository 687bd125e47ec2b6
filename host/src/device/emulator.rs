//! Emulated boards: `qemu-system-arm -M mps2-an386` with the firmware, its UARTs as sockets.
