//! What the twiddle memories hold.
//!
//! W\[i\] = ψ^brv(i)·2^36 mod q. Stage s, of 2^s blocks and pairs at distance d = n/2^(s+1), uses W\[2^s + block\].
//! Pairs at distance below R lie in one bank, so a block belongs to one bank and its twiddle to that bank's lane, at
//! half·R + (block within the bank)·2d + d. Pairs at distance R and above are of lane u and block u mod 2^s.

use addax_core::ntt::{NttPlan, Twiddle, bit_reverse};

use crate::shape::Shape;

/// A word of a twiddle memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwiddleWord {
    /// Lane, below B.
    pub lane: usize,
    /// Address in the lane's memory.
    pub address: usize,
    /// ψ^brv(i)·2^36 mod q.
    pub word: u64,
}

/// The words of `limb`, whose transform is `plan`; n − 1 factors, those of the row stages once for each lane.
///
/// # Panics
/// If the plan is of another degree than the shape, or the shape has no such limb.
pub fn twiddles<T: AsRef<[Twiddle]>>(
    shape: &Shape,
    limb: usize,
    plan: &NttPlan<T>,
) -> Vec<TwiddleWord> {
    assert_eq!(plan.log_n(), shape.log_n(), "degree");
    assert!(limb < shape.limbs(), "limb");
    let (modulus, psi) = (plan.modulus(), plan.psi());
    // ψ^e for all e below n, then looked up in bit-reversed order.
    let mut powers = Vec::with_capacity(shape.n());
    let mut power = modulus.to_montgomery(1);
    for _ in 0..shape.n() {
        powers.push(power);
        power = modulus.mul(power, psi);
    }
    let factor = |i: usize| powers[bit_reverse(i, shape.log_n())];

    let (lanes, rows) = (shape.butterflies(), shape.rows());
    let row_stages = shape.log_banks() as usize;
    let mut words = Vec::new();
    for stage in 0..row_stages {
        let address = shape.row_base(limb) + stage * shape.row_stride();
        for lane in 0..lanes {
            let word = factor((1 << stage) + lane % (1 << stage));
            words.push(TwiddleWord {
                lane,
                address,
                word,
            });
        }
    }
    for stage in row_stages..shape.log_n() as usize {
        let distance = shape.n() >> (stage + 1);
        let blocks = rows / (2 * distance);
        for bank in 0..shape.banks() {
            let (lane, half) = (bank % lanes, bank / lanes);
            for block in 0..blocks {
                words.push(TwiddleWord {
                    lane,
                    address: shape.twiddle_base(limb)
                        + half * rows
                        + block * 2 * distance
                        + distance,
                    word: factor((1 << stage) + bank * blocks + block),
                });
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use addax_core::isa::Geometry;
    use addax_core::modulus::Modulus;
    use addax_core::params::PRIMES;

    use super::*;
    use crate::shape::Target;

    #[test]
    fn no_word_is_listed_twice_and_every_factor_is_there() {
        for (log_n, butterflies) in [(10, 1), (10, 2), (11, 4), (12, 8)] {
            let geometry = Geometry::new(log_n, butterflies, 2).unwrap();
            let shape = Shape::new(geometry, 3, Target::Behavioural).unwrap();
            let modulus = Modulus::new(PRIMES[2]).unwrap();
            let storage = vec![Twiddle::default(); NttPlan::<Vec<Twiddle>>::storage_len(log_n)];
            let plan = NttPlan::new(modulus, log_n, storage).unwrap();
            let words = twiddles(&shape, 1, &plan);
            let mut places: Vec<_> = words.iter().map(|word| (word.lane, word.address)).collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), words.len());
            assert!(places.iter().all(|&(lane, address)| {
                lane < shape.butterflies() && address < shape.twiddle_depth()
            }));
            let mut factors: Vec<_> = words.iter().map(|word| word.word).collect();
            factors.sort_unstable();
            factors.dedup();
            assert_eq!(factors.len(), shape.n() - 1);
        }
    }
}
