//! Executors of ring-processor programs, by the name that `--accelerator` takes.
//!
//! An accelerator is whatever implements [`RingProcessor`]; all give the same bits and the same cycles, and
//! [`conformance`](addax_sim::conformance) checks that one does. This build has those of [`list`]:
//!
//! * `cpu`, the default: the [`Cpu`] executor, portable and fast;
//! * `reference`: [`addax_core::machine::Reference`], the definition, one word at a time.
mod cpu;

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use addax_core::isa::Geometry;
use addax_core::machine::{MachineError, Reference, RingProcessor};
use zeroize::Zeroizing;

use crate::he::Basis;

pub use cpu::Cpu;

/// Why an accelerator could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccelError {
    /// The name is none of this build's.
    #[error("unknown accelerator {name:?}, this build has: {}", names())]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The accelerator cannot work with these parameters.
    #[error("accelerator {name}: {source}")]
    Machine {
        /// The accelerator's name.
        name: Accelerator,
        /// Why.
        source: MachineError,
    },
}

/// An accelerator of this build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Accelerator {
    /// The fast portable executor.
    #[default]
    Cpu,
    /// The definition.
    Reference,
}

/// A row of the table that `addax accel list` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What `--accelerator` takes.
    pub name: &'static str,
    /// What it is, in a few words.
    pub description: &'static str,
    /// Whether it is what runs when nothing is asked for.
    pub default: bool,
}

impl Accelerator {
    /// Every accelerator of this build, the default first.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Reference];

    /// What `--accelerator` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Reference => "reference",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Cpu => "this computer, portable code",
            Self::Reference => "this computer, the machine's definition, one word at a time",
        }
    }

    /// Opens the accelerator for a basis (a reference or an [`Arc`](std::sync::Arc)) and a geometry of the same
    /// degree. Its slots are empty; what they held is erased when it is dropped.
    ///
    /// # Errors
    /// [`AccelError::Machine`] when basis and geometry do not fit together.
    pub fn open<'p, P>(
        self,
        basis: P,
        geometry: Geometry,
    ) -> Result<Box<dyn RingProcessor + Send + 'p>, AccelError>
    where
        P: Deref<Target = Basis> + Send + 'p,
    {
        let machine: Result<Box<dyn RingProcessor + Send + 'p>, MachineError> = match self {
            Self::Cpu => Cpu::new(basis, geometry).map(|machine| Box::new(machine) as _),
            Self::Reference => {
                let storage = ErasedSlots(Zeroizing::new(vec![0; geometry.slots() * geometry.n()]));
                Reference::new(basis, geometry, storage).map(|machine| Box::new(machine) as _)
            }
        };
        machine.map_err(|source| AccelError::Machine { name: self, source })
    }
}

/// Storage of the reference machine's slots, erased when dropped.
struct ErasedSlots(Zeroizing<Vec<u64>>);

impl AsRef<[u64]> for ErasedSlots {
    fn as_ref(&self) -> &[u64] {
        &self.0
    }
}

impl AsMut<[u64]> for ErasedSlots {
    fn as_mut(&mut self) -> &mut [u64] {
        &mut self.0
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Accelerator {
    type Err = AccelError;

    fn from_str(name: &str) -> Result<Self, AccelError> {
        let known = Self::ALL
            .into_iter()
            .find(|accelerator| accelerator.name() == name);
        known.ok_or_else(|| AccelError::Unknown {
            name: name.to_owned(),
        })
    }
}

/// Opens an accelerator by its name; see [`Accelerator::open`].
///
/// # Errors
/// [`AccelError::Unknown`] for a name that this build does not have, [`AccelError::Machine`] when basis and
/// geometry do not fit together.
pub fn open<'p, P>(
    name: &str,
    basis: P,
    geometry: Geometry,
) -> Result<Box<dyn RingProcessor + Send + 'p>, AccelError>
where
    P: Deref<Target = Basis> + Send + 'p,
{
    name.parse::<Accelerator>()?.open(basis, geometry)
}

/// The accelerators of this build.
pub fn list() -> impl Iterator<Item = Row> {
    Accelerator::ALL.into_iter().map(|accelerator| Row {
        name: accelerator.name(),
        description: accelerator.description(),
        default: accelerator == Accelerator::default(),
    })
}

fn names() -> String {
    Accelerator::ALL.map(Accelerator::name).join(", ")
}
