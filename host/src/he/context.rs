//! What both parties derive from a parameter set, and the count of transforms computed outside the ring processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use addax_core::ntt::{NttPlan, Twiddle};
use addax_core::params::ParameterSet;
use addax_core::poly::RnsBasis;

/// A basis whose twiddles live on the heap.
pub type Basis = RnsBasis<Vec<Twiddle>>;

/// A parameter set with its transforms. Cloning shares the twiddles and starts new counts.
pub struct Context {
    parameters: ParameterSet,
    basis: Arc<Basis>,
    counts: HostTransforms,
}

/// Transforms computed on the host, by reason. Everything else runs on the ring processor.
#[derive(Default)]
pub struct HostTransforms {
    encryption: AtomicU64,
    encoding: AtomicU64,
    decryption: AtomicU64,
}

/// A reading of [`HostTransforms`], in transforms of one limb.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TransformCounts {
    /// Keys, fresh encryptions and encryptions of zero.
    pub encryption: u64,
    /// Weights, once a model.
    pub encoding: u64,
    /// Decryption, on the key owner's side.
    pub decryption: u64,
}

impl HostTransforms {
    /// The counts so far.
    #[must_use]
    pub fn read(&self) -> TransformCounts {
        TransformCounts {
            encryption: self.encryption.load(Ordering::Relaxed),
            encoding: self.encoding.load(Ordering::Relaxed),
            decryption: self.decryption.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn encryption(&self, transforms: usize) {
        self.encryption
            .fetch_add(transforms as u64, Ordering::Relaxed);
    }

    pub(crate) fn encoding(&self, transforms: usize) {
        self.encoding
            .fetch_add(transforms as u64, Ordering::Relaxed);
    }

    pub(crate) fn decryption(&self, transforms: usize) {
        self.decryption
            .fetch_add(transforms as u64, Ordering::Relaxed);
    }
}

impl Context {
    /// The context of a parameter set.
    ///
    /// # Panics
    /// Never for the sets of [`addax_core::params`], whose primes all have the roots they need.
    #[must_use]
    pub fn new(parameters: ParameterSet) -> Self {
        let moduli: Vec<_> = parameters.moduli().collect();
        let twiddles = NttPlan::<Vec<Twiddle>>::storage_len(parameters.log_n);
        let basis = RnsBasis::new(&moduli, parameters.log_n, |_| {
            vec![Twiddle::default(); twiddles]
        })
        .expect("parameter sets have transforms");
        Self {
            parameters,
            basis: Arc::new(basis),
            counts: HostTransforms::default(),
        }
    }

    /// The parameter set.
    #[must_use]
    pub const fn parameters(&self) -> &ParameterSet {
        &self.parameters
    }

    /// Primes and transforms.
    #[must_use]
    pub const fn basis(&self) -> &Arc<Basis> {
        &self.basis
    }

    /// The ring degree.
    #[must_use]
    pub const fn n(&self) -> usize {
        self.parameters.degree()
    }

    /// Number of limbs.
    #[must_use]
    pub const fn limbs(&self) -> usize {
        self.parameters.limbs
    }

    /// Transforms computed with this context outside the ring processor.
    #[must_use]
    pub const fn host_transforms(&self) -> &HostTransforms {
        &self.counts
    }
}

impl Clone for Context {
    fn clone(&self) -> Self {
        Self {
            parameters: self.parameters,
            basis: Arc::clone(&self.basis),
            counts: HostTransforms::default(),
        }
    }
}
