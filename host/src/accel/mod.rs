//! Executors of ring-processor programs, by the name that `--accelerator` takes.
//!
//! An accelerator is whatever implements [`RingProcessor`]; all give the same bits, and the same cycles for the same
//! geometry, and [`conformance`](addax_sim::conformance) checks that one does. There are those of [`list`]:
//!
//! * `cpu`, the default: the [`Cpu`] executor, with the vector instructions that there are;
//! * `reference`: [`addax_core::machine::Reference`], the definition, one word at a time;
//! * `rtl`: the circuit, as the model that its description in Rust is;
//! * `verilator`: the circuit, as the Verilog that is generated from its description, compiled by Verilator;
//! * `serial:PATH[@BAUD]`, `socket:HOST:PORT`: a [device] at the other end of a link.
mod cpu;
pub mod device;
mod listing;

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::str::FromStr;

use addax_core::isa::Geometry;
use addax_core::machine::{MachineError, Reference, RingProcessor};
use addax_sim::conformance::Subject;
use addax_sim::driver::OpenError;
use addax_sim::link::{Client, Patience};
use addax_sim::{Clocked, verilated};
use zeroize::Zeroizing;

use crate::he::Basis;

pub use cpu::Cpu;
use device::{DeviceError, Place};
pub use listing::{Contents, Listing, ListingError};

/// Why an accelerator could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccelError {
    /// The name is none of this build's.
    #[error("unknown accelerator {name:?}, there are: {}", names())]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The name says no place where a device can be.
    #[error("{name:?}: {reason}")]
    Place {
        /// The name asked for.
        name: String,
        /// What it should look like.
        reason: &'static str,
    },
    /// The device cannot be used.
    #[error("accelerator {name}: {source}")]
    Device {
        /// The accelerator's name.
        name: Accelerator,
        /// Why.
        source: DeviceError,
    },
    /// The accelerator cannot work with these parameters.
    #[error("accelerator {name}: {source}")]
    Machine {
        /// The accelerator's name.
        name: Accelerator,
        /// Why.
        source: MachineError,
    },
    /// The circuit cannot be simulated.
    #[error("accelerator {name}: {source}")]
    Simulation {
        /// The accelerator's name.
        name: Accelerator,
        /// Why.
        source: OpenError,
    },
    /// Signals were to be recorded of something that has none.
    #[error(
        "accelerator {name} records no signals, {} does",
        Accelerator::Verilator
    )]
    Untraced {
        /// The accelerator's name.
        name: Accelerator,
    },
}

/// An accelerator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Accelerator {
    /// The fast executor.
    #[default]
    Cpu,
    /// The definition.
    Reference,
    /// The circuit's model in Rust.
    Rtl,
    /// The circuit's Verilog, compiled.
    Verilator,
    /// A device at the other end of a link.
    Device(Place),
}

/// A row of the table that `addax accel list` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What `--accelerator` takes.
    pub name: &'static str,
    /// What it is, in a few words.
    pub description: &'static str,
    /// Whether it is what runs when nothing is asked for.
    pub default: bool,
    /// Why it cannot be opened on this computer, if it cannot.
    pub missing: Option<String>,
}

/// An open accelerator.
pub enum Opened<'p> {
    /// One that reports cycles by the model.
    Software(Box<dyn RingProcessor + Send + 'p>),
    /// One with a clock.
    Clocked(Box<dyn Clocked + Send>),
    /// One at the other end of a link.
    Device(Box<Client>),
}

impl<'p> Opened<'p> {
    /// For the conformance suite.
    pub fn subject(&mut self) -> Subject<'_> {
        match self {
            Self::Software(machine) => Subject::Software(&mut **machine),
            Self::Device(client) => Subject::Software(&mut **client),
            Self::Clocked(machine) => Subject::Clocked(&mut **machine),
        }
    }

    /// As an executor and nothing more.
    pub fn into_machine(self) -> Box<dyn RingProcessor + Send + 'p> {
        match self {
            Self::Software(machine) => machine,
            Self::Clocked(machine) => machine,
            Self::Device(client) => client,
        }
    }
}

impl Accelerator {
    /// Every accelerator that is part of this program, the default first.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Reference, Self::Rtl, Self::Verilator];

    /// What `--accelerator` takes, for those of [`Accelerator::ALL`].
    const fn row(&self) -> (&'static str, &'static str) {
        match self {
            Self::Cpu => ("cpu", "this computer, with the vector instructions it has"),
            Self::Reference => (
                "reference",
                "this computer, the machine's definition, one word at a time",
            ),
            Self::Rtl => ("rtl", "the circuit's model in Rust, cycle by cycle"),
            Self::Verilator => (
                "verilator",
                "the circuit's Verilog compiled by Verilator, cycle by cycle",
            ),
            Self::Device(Place::Socket(_)) => (
                "socket:HOST:PORT",
                "a device behind a socket, such as `addax-sim serve`",
            ),
            Self::Device(Place::Serial { .. }) => {
                ("serial:PATH[@BAUD]", "a device behind a serial port")
            }
        }
    }

    /// Where the device is, if it is one.
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Device(place) => Some(place),
            _ => None,
        }
    }

    /// Whether cycles are simulated one by one, which takes minutes for what software does in a second.
    pub const fn is_simulated(&self) -> bool {
        matches!(self, Self::Rtl | Self::Verilator)
    }

    /// Whether this computer has what the accelerator needs.
    ///
    /// # Errors
    /// [`AccelError::Simulation`] with the program that is missing.
    pub fn check(&self) -> Result<(), AccelError> {
        match self {
            Self::Verilator => verilated::tools().map_err(|error| self.failed(error.into())),
            _ => Ok(()),
        }
    }

    fn failed(&self, source: OpenError) -> AccelError {
        let name = self.clone();
        match source {
            OpenError::Machine(source) => AccelError::Machine { name, source },
            source => AccelError::Simulation { name, source },
        }
    }

    /// Opens a session with the device.
    ///
    /// # Errors
    /// [`AccelError::Device`] with what keeps the link from working.
    ///
    /// # Panics
    /// If the accelerator is not a device.
    pub fn connect(&self, patience: Patience) -> Result<Client, AccelError> {
        let place = self.place().expect("a device");
        let client = place.connect(patience);
        client.map_err(|source| AccelError::Device {
            name: self.clone(),
            source,
        })
    }

    /// Opens the accelerator for a basis (a reference or an [`Arc`](std::sync::Arc)) and a geometry of the same
    /// degree. Its slots are empty. Software erases what they held when it is dropped; a simulator's process ends. A device
    /// has a geometry of its own.
    ///
    /// # Errors
    /// [`AccelError::Machine`] when basis and geometry do not fit together, [`AccelError::Simulation`] when there is no
    /// simulator, [`AccelError::Device`] when there is no device, or one for other parameters.
    pub fn open<'p, P>(
        &self,
        basis: P,
        geometry: Geometry,
    ) -> Result<Box<dyn RingProcessor + Send + 'p>, AccelError>
    where
        P: Deref<Target = Basis> + Send + 'p,
    {
        self.open_kind(basis, geometry, None)
            .map(Opened::into_machine)
    }

    /// The same, as what it is. With `trace` the circuit's signals are recorded in every cycle, in a VCD file.
    ///
    /// # Errors
    /// As [`Accelerator::open`], and [`AccelError::Untraced`] for what has no signals to record.
    pub fn open_kind<'p, P>(
        &self,
        basis: P,
        geometry: Geometry,
        trace: Option<&Path>,
    ) -> Result<Opened<'p>, AccelError>
    where
        P: Deref<Target = Basis> + Send + 'p,
    {
        if trace.is_some() && *self != Self::Verilator {
            return Err(AccelError::Untraced { name: self.clone() });
        }
        let refused = |source| AccelError::Machine {
            name: self.clone(),
            source,
        };
        Ok(match self {
            Self::Cpu => {
                let machine = Cpu::new(basis, geometry).map_err(refused)?;
                Opened::Software(Box::new(machine))
            }
            Self::Reference => {
                let storage = Zeroizing::new(vec![0; geometry.slots() * geometry.n()]);
                let machine = Reference::new(basis, geometry, storage).map_err(refused)?;
                Opened::Software(Box::new(machine))
            }
            Self::Rtl => {
                let machine = addax_sim::open_native(&basis, geometry);
                Opened::Clocked(Box::new(machine.map_err(|error| self.failed(error))?))
            }
            Self::Verilator => {
                let machine = addax_sim::open_verilated(&basis, geometry, trace);
                Opened::Clocked(Box::new(machine.map_err(|error| self.failed(error))?))
            }
            Self::Device(_) => {
                let client = self.connect(Patience::default())?;
                device::check(&client, &basis).map_err(|source| AccelError::Device {
                    name: self.clone(),
                    source,
                })?;
                Opened::Device(Box::new(client))
            }
        })
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(place) => f.pad(&place.to_string()),
            known => f.pad(known.row().0),
        }
    }
}

impl FromStr for Accelerator {
    type Err = AccelError;

    fn from_str(name: &str) -> Result<Self, AccelError> {
        if let Some(place) = Place::parse(name) {
            return place.map(Self::Device);
        }
        let known = Self::ALL
            .into_iter()
            .find(|accelerator| accelerator.row().0 == name);
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

/// The accelerators that there are.
pub fn list() -> impl Iterator<Item = Row> {
    let (path, baud) = (String::new(), device::DEFAULT_BAUD);
    let devices =
        [Place::Serial { path, baud }, Place::Socket(String::new())].map(Accelerator::Device);
    Accelerator::ALL
        .into_iter()
        .chain(devices)
        .map(|accelerator| {
            let (name, description) = accelerator.row();
            Row {
                name,
                description,
                default: accelerator == Accelerator::default(),
                missing: accelerator.check().err().map(|error| match error {
                    AccelError::Simulation { source, .. } => source.to_string(),
                    error => error.to_string(),
                }),
            }
        })
}

fn names() -> String {
    list().map(|row| row.name).collect::<Vec<_>>().join(", ")
}
