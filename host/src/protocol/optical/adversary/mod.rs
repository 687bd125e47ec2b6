//! Who cheats, what they learn, and who notices.
//!
//! Each adversary takes an honest party's place through the same traits, on the first matrix of a network, and many trials
//! measure two things: how often the honest party stops the session, and how much was learnt, which is compared with the bound
//! for the light that came back.
//!
//! # What was learnt
//!
//! Of weights: an eavesdropper ends with a number for every quadrature. With ρ its correlation with the truth over a matrix,
//! the information on a symbol is −log₂(1 − ρ²) bits, two quadratures of −½ log₂(1 − ρ²) each: exact for a Gaussian channel of
//! that correlation. A variant that counts a weight as half of a symbol counts half.
//!
//! Of data: see [`server`].

pub mod client;
mod information;
pub mod server;

use addax_sim::optical::{Variant, leak, pass};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::lowering::{MatrixShape, OpticalNetwork};
use super::session::{Receiver, Sender, run_matrix};
use super::{Client, Conditions, Dice, OpticalError, Server, dice};
use client::{Heterodyne, InterceptResend, Splitter};
use information::Correlation;
use server::{Crafted, Reading};

/// X variance of the light of the server that squeezes it: 10 dB below the vacuum's.
const SQUEEZED: f64 = 0.1;

/// A way to cheat, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Adversary {
    /// A client that does what it should, and what its answers tell of the weights.
    Honest,
    /// A client that measures both quadratures of every mode and returns light with the means it estimates.
    Heterodyne,
    /// Someone on the line who measures everything and sends the client light with the means that were read.
    InterceptResend,
    /// A client that keeps this fraction of the light, measures it, and treats the rest honestly.
    Split(f64),
    /// A client that asks again and again, one datum at a time.
    Repeat,
    /// A server that sends no light and looks at each returned mode's noise.
    Crafted,
    /// The same, looking at all modes together.
    Joint,
    /// A server that sends squeezed vacuum instead.
    Squeezed,
}

impl Adversary {
    /// All, a split in the middle of the interesting range among them.
    pub const ALL: [Self; 8] = [
        Self::Honest,
        Self::Heterodyne,
        Self::InterceptResend,
        Self::Split(0.01),
        Self::Repeat,
        Self::Crafted,
        Self::Joint,
        Self::Squeezed,
    ];

    /// The name people choose it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Heterodyne => "heterodyne",
            Self::InterceptResend => "intercept-resend",
            Self::Split(_) => "split",
            Self::Repeat => "repeat",
            Self::Crafted => "crafted-server",
            Self::Joint => "joint-server",
            Self::Squeezed => "squeezed-server",
        }
    }

    /// The adversary of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|adversary| adversary.name() == name)
    }
}

/// What many trials of one attack come to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Sessions.
    pub trials: usize,
    /// Sessions that the honest party stopped.
    pub stopped: usize,
    /// What stops them, if anything can.
    pub stopped_by: Option<&'static str>,
    /// Queries of each session.
    pub queries: u64,
    /// Bits learnt of a weight or of a datum.
    pub information_bits: f64,
    /// The most that can be learnt with light coming back as it did.
    pub bound_bits: f64,
    /// T and ε that the server saw, on average; None if the server is the one that cheats.
    pub observed: Option<(f64, f64)>,
    /// p of the server's check, one a trial.
    pub p_values: Vec<f64>,
}

/// A stage for attacks: a network and what its server demands.
pub struct Arena<'a> {
    network: &'a OpticalNetwork,
    shape: &'a MatrixShape,
    conditions: Conditions,
    /// The means of the first matrix, row by row.
    truth: Vec<f64>,
}

/// One session.
struct Trial {
    stopped: bool,
    queries: u64,
    learnt: Correlation,
    p_value: f64,
    observed: (f64, f64),
}

impl<'a> Arena<'a> {
    /// An arena for attacks on the first matrix.
    ///
    /// # Errors
    /// [`OpticalError`]: conditions that no server accepts, or whose budget does not hold one query.
    pub fn new(network: &'a OpticalNetwork, conditions: Conditions) -> Result<Self, OpticalError> {
        Server::new(network, conditions)?.open()?;
        let shape = network
            .public()
            .matrices()
            .next()
            .ok_or(OpticalError::NoMatrix)?;
        let factor = conditions.setting.power().sqrt() / shape.scale;
        let rows = network.matrix(0).chunks_exact(shape.columns);
        let truth = rows.flat_map(|row| pass::modes_of(row, factor));
        Ok(Self {
            network,
            shape,
            conditions,
            truth: truth.flat_map(|mean| [mean.re, mean.im]).collect(),
        })
    }

    /// The matrix that is attacked.
    #[must_use]
    pub const fn shape(&self) -> &MatrixShape {
        self.shape
    }

    /// Runs `trials` sessions, on all cores, and tells `done` of each.
    ///
    /// # Errors
    /// Defects only: being caught is an outcome.
    pub fn attack(
        &self,
        adversary: Adversary,
        trials: usize,
        seed: u64,
        done: impl Fn() + Sync,
    ) -> Result<Outcome, OpticalError> {
        let reading = match adversary {
            Adversary::Crafted => Some(Reading::separate(1.0)),
            Adversary::Squeezed => Some(Reading::separate(SQUEEZED)),
            Adversary::Joint => Some(Reading::joint()),
            _ => None,
        };
        match reading {
            Some(reading) => self.attack_data(reading, trials, seed, done),
            None => self.attack_weights(adversary, trials, seed, done),
        }
    }

    fn attack_weights(
        &self,
        adversary: Adversary,
        trials: usize,
        seed: u64,
        done: impl Fn() + Sync,
    ) -> Result<Outcome, OpticalError> {
        let sessions = (0..trials as u64).into_par_iter().map(|number| {
            let trial = self.session(adversary, &mut dice(seed, number));
            done();
            trial
        });
        let sessions: Vec<Trial> = sessions.collect::<Result<_, _>>()?;
        let mut learnt = Correlation::default();
        let (mut transmittance, mut excess, mut queries) = (0.0, 0.0, 0.0);
        for trial in &sessions {
            learnt.join(&trial.learnt);
            transmittance += trial.observed.0 / trials as f64;
            excess += trial.observed.1 / trials as f64;
            queries += trial.queries as f64 / trials as f64;
        }
        let Conditions {
            setting, variant, ..
        } = &self.conditions;
        // Rounding and chance may take T above 1 and ε below 0, where no channel is.
        let bound =
            leak::observed_weight_leak(*variant, setting, transmittance.min(1.0), excess.max(0.0));
        Ok(Outcome {
            trials,
            stopped: sessions.iter().filter(|trial| trial.stopped).count(),
            stopped_by: Some(match adversary {
                Adversary::Repeat => "budget",
                _ => "check",
            }),
            queries: queries.round() as u64,
            information_bits: variant.weight_share() * 2.0 * learnt.bits(),
            bound_bits: bound * queries * self.shape.uses() as f64,
            observed: Some((transmittance, excess)),
            p_values: sessions.iter().map(|trial| trial.p_value).collect(),
        })
    }

    /// One session of a cheating client, or an honest one, with an honest server.
    fn session(&self, adversary: Adversary, dice: &mut Dice) -> Result<Trial, OpticalError> {
        let setting = self.conditions.setting;
        let mut server = Server::new(self.network, self.conditions)?;
        let mut client = Client::new(self.network.public(), setting);
        let (ended, learnt) = match adversary {
            Adversary::Heterodyne => {
                let mut receiver = Heterodyne::new(setting);
                let ended = self.query(&mut server, &mut receiver, dice)?;
                (ended, self.correlation(receiver.estimates()))
            }
            Adversary::InterceptResend => {
                client.begin_values(self.data(dice));
                let mut receiver = InterceptResend::new(client);
                let ended = self.query(&mut server, &mut receiver, dice)?;
                (ended, self.correlation(receiver.estimates()))
            }
            Adversary::Split(fraction) => {
                client.begin_values(self.data(dice));
                let mut receiver = Splitter::new(client, fraction);
                let ended = self.query(&mut server, &mut receiver, dice)?;
                (ended, self.correlation(receiver.estimates()))
            }
            Adversary::Repeat => {
                let mut estimates = vec![0.0; self.truth.len()];
                let mut data = (0..self.shape.input.len()).cycle();
                let ended = loop {
                    let mut values = vec![0.0; self.shape.input.len()];
                    if let Some(datum) = data.next() {
                        values[datum] = 1.0;
                    }
                    client.begin_values(values.clone());
                    if let Some(end) = self.query(&mut server, &mut client, dice)? {
                        break Some(end);
                    }
                    self.learn(&values, &client.take_logits(), &mut estimates);
                };
                (ended, self.correlation(estimates.into_iter()))
            }
            _ => {
                let mut estimates = vec![0.0; self.truth.len()];
                let values = self.data(dice);
                client.begin_values(values.clone());
                let ended = self.query(&mut server, &mut client, dice)?;
                // What was measured is known to the client even if the server stops then.
                self.learn(&values, &client.take_logits(), &mut estimates);
                (ended, self.correlation(estimates.into_iter()))
            }
        };
        let verdicts = server.verdicts();
        let count = verdicts.len().max(1) as f64;
        let observed = verdicts.iter().fold((0.0, 0.0), |(t, e), verdict| {
            (
                t + verdict.transmittance / count,
                e + verdict.excess / count,
            )
        });
        Ok(Trial {
            stopped: ended.is_some(),
            queries: server.budget().queries(),
            learnt,
            p_value: verdicts.last().map_or(0.0, |verdict| verdict.p_value),
            observed,
        })
    }

    /// One query that ends after the first matrix: what ended the session, if it ended.
    fn query(
        &self,
        server: &mut Server<'_>,
        receiver: &mut dyn Receiver,
        dice: &mut Dice,
    ) -> Result<Option<OpticalError>, OpticalError> {
        let result = server
            .open()
            .and_then(|()| run_matrix(server, receiver, 0, self.shape, dice));
        match result {
            Ok(_) => Ok(None),
            Err(end @ (OpticalError::Caught { .. } | OpticalError::BudgetSpent { .. })) => {
                Ok(Some(end))
            }
            Err(defect) => Err(defect),
        }
    }

    fn correlation(&self, estimates: impl Iterator<Item = f64>) -> Correlation {
        Correlation::of(estimates, self.truth.iter().copied())
    }

    /// Data as the bounds suppose them: normal numbers.
    fn data(&self, dice: &mut Dice) -> Vec<f32> {
        let count = self.shape.input.len();
        StandardNormal.sample_iter(dice).take(count).collect()
    }

    /// What outputs tell of the weights: each measured the light along its data.
    fn learn(&self, values: &[f32], outputs: &[f32], estimates: &mut [f64]) {
        let uses = self.shape.uses();
        for position in 0..uses {
            let mut numbers = Vec::with_capacity(self.shape.columns);
            self.shape.gather(values, position, &mut numbers);
            let Some((v, norm)) = pass::data_of(&numbers) else {
                continue;
            };
            let rows = estimates.chunks_exact_mut(2 * self.shape.modes());
            for (row, estimates) in rows.enumerate() {
                let projection = f64::from(outputs[row * uses + position]) / norm;
                for (pair, v) in estimates.chunks_exact_mut(2).zip(&v) {
                    pair[0] += projection * v.re;
                    pair[1] += projection * v.im;
                }
            }
        }
    }

    fn attack_data(
        &self,
        reading: Reading,
        trials: usize,
        seed: u64,
        done: impl Fn() + Sync,
    ) -> Result<Outcome, OpticalError> {
        let setting = self.conditions.setting;
        let sessions = (0..trials as u64).into_par_iter().map(|number| {
            let mut dice = dice(seed, number);
            let values = self.data(&mut dice);
            let mut server = Crafted::new(self.shape, setting, reading);
            let mut client = Client::new(self.network.public(), setting);
            client.begin_values(values.clone());
            run_matrix(&mut server, &mut client, 0, self.shape, &mut dice)?;
            done();
            Ok(server.learnt(&values))
        });
        let sessions: Vec<Correlation> = sessions.collect::<Result<_, OpticalError>>()?;
        let mut learnt = Correlation::default();
        for session in &sessions {
            learnt.join(session);
        }
        let rows = self.shape.rows * self.shape.uses();
        let (gain, data) = (setting.gain(), self.shape.columns);
        Ok(Outcome {
            trials,
            stopped: 0,
            stopped_by: None,
            queries: 1,
            information_bits: reading.bits(&learnt, data, trials),
            bound_bits: reading.bound(self.conditions.variant, gain, rows, data),
            observed: None,
            p_values: Vec::new(),
        })
    }
}

/// The bound that a variant publishes on data, whatever the server does.
#[must_use]
pub fn published_data_bound(variant: Variant, shape: &MatrixShape, gain: f64) -> f64 {
    leak::data_leak(variant, gain, shape.rows, shape.columns)
}
