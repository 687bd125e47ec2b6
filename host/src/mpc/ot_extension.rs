//! Correlated oblivious transfers in any number from 128 base transfers, at 4 bytes each.
//!
//! For each transfer j with choice bit b_j of the receiver, the sender obtains q_j and the receiver t_j = q_j ⊕ b_j·Δ,
//! for one Δ of the sender.
//!
//! # Construction
//! The semi-honest protocol of SoftSpokenOT (Roy, CRYPTO 2022) with trees of 2^4 leaves; with trees of two leaves it
//! would be IKNP (Ishai, Kilian, Nissim, Petrank, CRYPTO 2003) at 16 bytes a transfer.
//! Δ is cut into 32 parts Δ_i of 4 bits. For each part the receiver expands a random root into 16 seeds s_x, and the
//! sender learns all of them but s_{Δ_i} (a punctured function: Goldreich, Goldwasser, Micali 1986). Each seed is
//! stretched to a stream r_x of bits. The receiver computes
//!
//! ```text
//! u = ⊕_x r_x,   v = ⊕_x x·r_x  (4 rows of bits),   and sends  d = u ⊕ b;
//! ```
//!
//! the sender computes w = ⊕_x (x ⊕ Δ_i)·r_x, where the seed it lacks does not occur, thus w = v ⊕ Δ_i·u, and
//! w ⊕ Δ_i·d = v ⊕ Δ_i·b. The 32 parts together are 128 rows: q_j is column j of w ⊕ Δ·d, t_j column j of v.
//! For every x ≠ Δ_i the sender knows r_x, but u is masked by r_{Δ_i}, so d hides b.
//!
//! Level l of a tree is bit l of the leaf's number. From base transfer 4i + l, with choice bit Δ_{4i+l}, the sender learns
//! the sum of all nodes of level l whose bit differs from Δ's, and this gives it the one node that it cannot expand
//! itself. It stores leaves under x ⊕ Δ_i, where the missing one has number 0: nothing is then indexed by Δ.
//!
//! Streams are AES-128 in counter mode under the seeds. The counter goes on through all extensions of a session.

use super::base_ot::{self, Key};
use super::nonlinear::{self, Task};
use super::{Channel, MessageKind, MpcError};
use addax_core::garble::{Block, Circuit, Delta, LANES, LEAVES, LEVELS, Prg, transpose};
use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use rand_core::CryptoRng;
use std::io::{Read, Write};
use zeroize::Zeroizing;

const TREES: usize = 128 / LEVELS;

/// Transfers are extended in blocks of this many.
pub const BLOCK: usize = 128;

/// Bytes that the receiver sends for a block of transfers.
pub const BLOCK_BYTES: usize = TREES * BLOCK / 8;

/// Blocks of a message; it has at most 32 KiB.
const SEGMENT: usize = 64;

/// Bytes of set-up: base transfers and masked sums of seeds, headers included (receiver to sender, sender to receiver).
pub const SETUP_BYTES: (usize, usize) = (
    2 * super::channel::HEADER_BYTES + 32 + base_ot::TRANSFERS * 32,
    super::channel::HEADER_BYTES + base_ot::TRANSFERS * 32,
);

/// Bytes that the receiver sends for `transfers` transfers, headers included.
pub const fn extension_bytes(transfers: usize) -> usize {
    let blocks = transfers.div_ceil(BLOCK);
    blocks * BLOCK_BYTES + blocks.div_ceil(SEGMENT) * super::channel::HEADER_BYTES
}

/// The two children of a tree's node.
fn children(node: &Block) -> [Block; 2] {
    let cipher = Aes128Enc::new(&node.to_bytes().into());
    [0u8, 1].map(|side| {
        let mut block = aes::Block::from([side; 16]);
        cipher.encrypt_block(&mut block);
        Block::from_bytes(block.0)
    })
}

/// Streams of the leaves of all trees, read in step.
struct Streams {
    trees: Vec<[Prg; LEAVES]>,
    /// Blocks of 128 bits that have been read from each stream.
    position: u64,
}

impl Streams {
    fn new(leaves: &[Block]) -> Self {
        let stream = |leaf: Block| Prg::new(leaf.to_bytes());
        Self {
            trees: leaves
                .as_chunks::<LEAVES>()
                .0
                .iter()
                .map(|tree| tree.map(stream))
                .collect(),
            position: 0,
        }
    }
}

/// Appends the columns of 128 rows of `blocks` blocks.
fn append_columns(rows: &[Block], blocks: usize, columns: &mut Vec<Block>) {
    let mut low = Zeroizing::new([0; 128]);
    let mut high = Zeroizing::new([0; 128]);
    for block in 0..blocks {
        for (r, row) in rows.chunks_exact(blocks).enumerate() {
            [low[r], high[r]] = row[block].halves();
        }
        transpose(&mut low, &mut high);
        let halves = low.iter().zip(high.iter());
        columns
            .extend(halves.map(|(&l, &h)| Block::from_u128(u128::from(h) << 64 | u128::from(l))));
    }
}

/// Choice bits, in order.
#[derive(Default)]
pub struct Choices {
    words: Zeroizing<Vec<u128>>,
    length: usize,
}

impl Choices {
    /// No bits yet, but room for `bits` of them, so that no copy of any is left behind by growing.
    pub fn with_capacity(bits: usize) -> Self {
        Self {
            words: Zeroizing::new(Vec::with_capacity(bits.div_ceil(BLOCK))),
            length: 0,
        }
    }

    /// `bits` random bits.
    pub fn random<R: CryptoRng + ?Sized>(bits: usize, rng: &mut R) -> Self {
        let mut choices = Self::with_capacity(bits);
        while choices.length < bits {
            let count = (bits - choices.length).min(64);
            choices.push(rng.next_u64() >> (64 - count), count);
        }
        choices
    }

    /// The evaluator's input bits of instances with these shares, in the order of its labels.
    pub(super) fn of_shares(task: &Task, circuit: &Circuit<'_>, shares: &[u64]) -> Self {
        let (inputs, window) = (circuit.evaluator_inputs(), task.window());
        let instances = shares.len() / window;
        let mut choices = Self::with_capacity(instances * inputs);
        let words = nonlinear::input_words(shares, window, task.bits(), 0);
        for (chunk, words) in words.chunks(inputs).enumerate() {
            let lanes = LANES.min(instances - chunk * LANES);
            words.iter().for_each(|&word| choices.push(word, lanes));
        }
        choices
    }

    /// Where two strings of bits of one length differ, lowest first, in whole bytes.
    pub(super) fn difference(&self, other: &Self) -> Vec<u8> {
        let words = self.words.iter().zip(other.words.iter());
        let mut bytes: Vec<u8> = words.flat_map(|(a, b)| (a ^ b).to_le_bytes()).collect();
        bytes.truncate(self.length.div_ceil(8));
        bytes
    }

    /// Appends the lowest `count` ≤ 64 bits of `bits`, which has no others.
    pub fn push(&mut self, bits: u64, count: usize) {
        let offset = self.length % BLOCK;
        if offset == 0 {
            self.words.push(0);
        }
        let wide = u128::from(bits);
        if let Some(last) = self.words.last_mut() {
            *last |= wide << offset;
        }
        if offset + count > BLOCK {
            self.words.push(wide >> (BLOCK - offset));
        }
        self.length += count;
    }

    /// Number of bits.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no bit.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// The party with choice bits.
pub struct OtReceiver {
    streams: Streams,
}

impl OtReceiver {
    /// Runs the set-up: base transfers, in which this party is the sender, and the trees.
    ///
    /// # Errors
    /// Those of [`base_ot::send`] and of the channel.
    pub fn new<S: Read + Write, R: CryptoRng + ?Sized>(
        channel: &mut Channel<S>,
        session_id: &[u8; 32],
        rng: &mut R,
    ) -> Result<Self, MpcError> {
        let keys = base_ot::send(channel, session_id, rng)?;
        let mut message = Vec::with_capacity(keys.len() * 32);
        let mut leaves = Zeroizing::new(Vec::with_capacity(TREES * LEAVES));
        for tree_keys in keys.chunks_exact(LEVELS) {
            let mut nodes = Zeroizing::new([Block::ZERO; LEAVES]);
            nodes[0] = Block::random(rng);
            for (level, [key0, key1]) in tree_keys.iter().enumerate() {
                let mut sums = Zeroizing::new([Block::ZERO; 2]);
                for parent in 0..1 << level {
                    let [zero, one] = children(&nodes[parent]);
                    nodes[parent] = zero;
                    nodes[parent | 1 << level] = one;
                    sums[0] ^= zero;
                    sums[1] ^= one;
                }
                // Choice bit δ opens the sum of the nodes whose bit is not δ.
                for (sum, key) in [(sums[1], key0), (sums[0], key1)] {
                    message.extend_from_slice(&(sum ^ Block::from_bytes(*key)).to_bytes());
                }
            }
            leaves.extend_from_slice(&*nodes);
        }
        channel.send(MessageKind::OtSeeds, &message)?;
        Ok(Self {
            streams: Streams::new(&leaves),
        })
    }

    /// Runs transfers for `choices`: returns t, one block a choice. Sends, and waits for nothing.
    ///
    /// # Errors
    /// Errors of the channel.
    pub fn extend<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        choices: &Choices,
    ) -> Result<Zeroizing<Vec<Block>>, MpcError> {
        let mut labels = Zeroizing::new(Vec::with_capacity(choices.words.len() * BLOCK));
        let mut message = Vec::with_capacity(SEGMENT * BLOCK_BYTES);
        for segment in choices.words.chunks(SEGMENT) {
            let blocks = segment.len();
            let mut rows = Zeroizing::new(vec![Block::ZERO; BLOCK * blocks]);
            let mut sum = Zeroizing::new(vec![Block::ZERO; blocks]);
            message.clear();
            let trees = self.streams.trees.iter();
            for (tree, rows) in trees.zip(rows.chunks_exact_mut(LEVELS * blocks)) {
                Prg::combine(tree, 0, self.streams.position, &mut sum, rows);
                for (&sum, &bits) in sum.iter().zip(segment) {
                    message.extend_from_slice(&(sum ^ Block::from_u128(bits)).to_bytes());
                }
            }
            self.streams.position += blocks as u64;
            channel.send(MessageKind::OtMatrix, &message)?;
            append_columns(&rows, blocks, &mut labels);
        }
        labels.truncate(choices.length);
        Ok(labels)
    }
}

/// The party with Δ.
pub struct OtSender {
    delta: Delta,
    streams: Streams,
}

impl OtSender {
    /// Δ.
    pub(super) const fn delta(&self) -> Block {
        self.delta.block()
    }

    /// Runs the set-up: base transfers, in which this party is the receiver with the bits of `delta`, and the trees.
    ///
    /// # Errors
    /// Those of [`base_ot::receive`] and of the channel.
    pub fn new<S: Read + Write, R: CryptoRng + ?Sized>(
        channel: &mut Channel<S>,
        session_id: &[u8; 32],
        delta: Delta,
        rng: &mut R,
    ) -> Result<Self, MpcError> {
        let bits = Zeroizing::new(delta.block().to_u128());
        let keys = base_ot::receive(channel, session_id, &bits, rng)?;
        let message = channel.receive_exact(MessageKind::OtSeeds, keys.len() * 32)?;
        let sums: Vec<[Key; 2]> = message
            .chunks_exact(32)
            .map(|pair| {
                let mut keys = [Key::default(); 2];
                keys[0].copy_from_slice(&pair[..16]);
                keys[1].copy_from_slice(&pair[16..]);
                keys
            })
            .collect();
        let mut leaves = Zeroizing::new(Vec::with_capacity(TREES * LEAVES));
        for tree in 0..TREES {
            // Node y is node y ⊕ Δ_i of the receiver's tree; number 0 is the path that stays unknown.
            let mut nodes = Zeroizing::new([Block::ZERO; LEAVES]);
            for level in 0..LEVELS {
                let transfer = tree * LEVELS + level;
                let choice = (*bits >> transfer & 1) as u64;
                let [masked0, masked1] = sums[transfer].map(Block::from_bytes);
                let masked = masked0 ^ (masked0 ^ masked1).select(choice);
                let mut sibling = masked ^ Block::from_bytes(keys[transfer]);
                for parent in 1..1 << level {
                    let [zero, one] = children(&nodes[parent]);
                    let swap = (zero ^ one).select(choice);
                    nodes[parent] = zero ^ swap;
                    nodes[parent | 1 << level] = one ^ swap;
                    sibling ^= one ^ swap;
                }
                nodes[1 << level] = sibling;
            }
            leaves.extend_from_slice(&*nodes);
        }
        Ok(Self {
            delta,
            streams: Streams::new(&leaves),
        })
    }

    /// Runs `transfers` transfers: returns q, one block a transfer. Receives, and sends nothing.
    ///
    /// # Errors
    /// Errors of the channel.
    pub fn extend<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        transfers: usize,
    ) -> Result<Zeroizing<Vec<Block>>, MpcError> {
        let total = transfers.div_ceil(BLOCK);
        let mut labels = Zeroizing::new(Vec::with_capacity(total * BLOCK));
        let mut done = 0;
        while done < total {
            let blocks = SEGMENT.min(total - done);
            let message = channel.receive_exact(MessageKind::OtMatrix, blocks * BLOCK_BYTES)?;
            let mut rows = Zeroizing::new(vec![Block::ZERO; BLOCK * blocks]);
            let mut unused = Zeroizing::new(vec![Block::ZERO; blocks]);
            for (tree, rows) in rows.chunks_exact_mut(LEVELS * blocks).enumerate() {
                let streams = &self.streams.trees[tree];
                Prg::combine(streams, 1, self.streams.position, &mut unused, rows);
                for (level, row) in rows.chunks_exact_mut(blocks).enumerate() {
                    let delta = self.delta.block().to_u128() >> (tree * LEVELS + level) & 1;
                    let masked = message[tree * blocks * 16..].chunks_exact(16);
                    for (row, masked) in row.iter_mut().zip(masked) {
                        let mut bytes = [0; 16];
                        bytes.copy_from_slice(masked);
                        *row ^= Block::from_bytes(bytes).select(delta as u64);
                    }
                }
            }
            self.streams.position += blocks as u64;
            append_columns(&rows, blocks, &mut labels);
            done += blocks;
        }
        labels.truncate(transfers);
        Ok(labels)
    }
}
