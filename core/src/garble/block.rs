//! 128-bit blocks: wire labels, garbled rows and the free-XOR offset.

use core::ops::{BitXor, BitXorAssign};
use rand_core::CryptoRng;
use zeroize::{DefaultIsZeroes, Zeroize, ZeroizeOnDrop};

/// 128 bits, the size of a label. Addition of labels is XOR.
///
/// Labels are secrets of one party or of both, so a block has no `Debug`; buffers of blocks are to be zeroised by
/// whoever owns them ([`Zeroize`] is implemented for slices of blocks).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Block([u64; 2]);

impl DefaultIsZeroes for Block {}

impl Block {
    /// The block of zeros.
    pub const ZERO: Self = Self([0; 2]);

    /// A uniform block.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self([rng.next_u64(), rng.next_u64()])
    }

    /// The block whose little-endian bytes are `bytes`.
    #[inline(always)]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_u128(u128::from_le_bytes(bytes))
    }

    /// The block as little-endian bytes.
    #[inline(always)]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.to_u128().to_le_bytes()
    }

    /// The block whose bits are those of `value`.
    #[inline(always)]
    pub const fn from_u128(value: u128) -> Self {
        Self([value as u64, (value >> 64) as u64])
    }

    /// The block as an integer; bit 0 is the colour.
    #[inline(always)]
    pub const fn to_u128(self) -> u128 {
        self.0[0] as u128 | (self.0[1] as u128) << 64
    }

    /// The two 64-bit halves, low half first.
    #[inline(always)]
    pub const fn halves(self) -> [u64; 2] {
        self.0
    }

    /// The colour of a label, 0 or 1: its lowest bit (point and permute).
    #[inline(always)]
    pub const fn colour(self) -> u64 {
        self.0[0] & 1
    }

    /// The block itself if `bit` is 1, zero if `bit` is 0, without a branch.
    #[inline(always)]
    #[must_use]
    pub const fn select(self, bit: u64) -> Self {
        let mask = 0u64.wrapping_sub(bit);
        Self([self.0[0] & mask, self.0[1] & mask])
    }
}

impl BitXor for Block {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        Self([self.0[0] ^ other.0[0], self.0[1] ^ other.0[1]])
    }
}

impl BitXorAssign for Block {
    #[inline(always)]
    fn bitxor_assign(&mut self, other: Self) {
        *self = *self ^ other;
    }
}

/// The garbler's global offset Δ: the label of "true" is the label of "false" XOR Δ, on every wire of a session
/// (free XOR, Kolesnikov and Schneider, ICALP 2008). Its lowest bit is 1, so that the two labels of a wire have
/// different colours. Zeroised on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Delta(Block);

impl Delta {
    /// A uniform offset with lowest bit 1.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut block = Block::random(rng);
        block.0[0] |= 1;
        Self(block)
    }

    /// The offset as a block.
    #[inline(always)]
    pub const fn block(&self) -> Block {
        self.0
    }
}
