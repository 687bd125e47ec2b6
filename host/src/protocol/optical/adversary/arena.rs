//! Many sessions of one adversary on one matrix, and what they come to.

use addax_sim::optical::{leak, pass};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::super::leaks::LayerLeak;
use super::super::lowering::{MatrixShape, OpticalNetwork};
use super::super::session::{Link, Receiver, Sender, run_matrix};
use super::super::{Client, Conditions, Dice, OpticalError, Server, dice};
use super::client::{Eavesdropper, Heterodyne, Taking};
use super::information::Correlation;
use super::server::{Crafted, Noise, Reading};
use super::{Adversary, Outcome};

/// Queries of one session, whatever the budget holds.
const MOST_QUERIES: u64 = 1000;

/// A stage for attacks: one matrix of a network, and what its server demands.
pub struct Arena {
    network: OpticalNetwork,
    conditions: Conditions,
    /// The means of the matrix, row by row.
    truth: Vec<f64>,
}

/// One session.
#[derive(Default)]
struct Trial {
    caught: bool,
    exhausted: bool,
    queries: u64,
    /// Of readings of all modes.
    readings: Correlation,
    /// Of honest measurements.
    answers: Correlation,
    p_value: f64,
    observed: (f64, f64),
}

impl Arena {
    /// An arena for attacks on matrix `number` of a network, counted from 0, by itself.
    ///
    /// # Errors
    /// [`OpticalError::NoLayer`]; conditions that no server accepts.
    pub fn new(
        network: &OpticalNetwork,
        number: usize,
        conditions: Conditions,
    ) -> Result<Self, OpticalError> {
        let matrices = network.public().matrices().count();
        let network = network
            .alone(number)
            .ok_or(OpticalError::NoLayer { number, matrices })?;
        Server::new(&network, conditions)?;
        let mut arena = Self {
            network,
            conditions,
            truth: Vec::new(),
        };
        let shape = arena.shape();
        let amplitude = shape.amplitude(&conditions.setting);
        let rows = arena.network.matrix(0).chunks_exact(shape.columns);
        let truth = rows.flat_map(|row| pass::modes_of(row, amplitude));
        arena.truth = truth.flat_map(|mean| [mean.re, mean.im]).collect();
        Ok(arena)
    }

    /// The matrix that is attacked.
    ///
    /// # Panics
    /// Never: there is one.
    #[must_use]
    pub fn shape(&self) -> &MatrixShape {
        let mut shapes = self.network.public().matrices();
        shapes.next().expect("an arena is of one matrix")
    }

    /// Runs `trials` > 0 sessions, on all cores, and tells `done` of each.
    ///
    /// # Errors
    /// [`OpticalError::BudgetTooSmall`] for who repeats queries. Being caught is an outcome.
    pub fn attack(
        &self,
        adversary: Adversary,
        trials: usize,
        seed: u64,
        done: impl Fn() + Sync,
    ) -> Result<Outcome, OpticalError> {
        match adversary.reading() {
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
        let mut conditions = self.conditions;
        let Conditions {
            setting, variant, ..
        } = &self.conditions;
        let asked = LayerLeak::of(self.shape(), *variant, setting).weight_an_image;
        match adversary {
            Adversary::Repeat if asked > conditions.budget_bits => {
                return Err(OpticalError::BudgetTooSmall {
                    limit: conditions.budget_bits,
                    asked,
                });
            }
            Adversary::Repeat => {}
            // One query each.
            _ => conditions.budget_bits = f64::MAX,
        }
        let sessions = (0..trials as u64).into_par_iter().map(|number| {
            let trial = self.session(adversary, conditions, &mut dice(seed, number));
            done();
            trial
        });
        let sessions: Vec<Trial> = sessions.collect::<Result<_, _>>()?;
        let mean = |of: fn(&Trial) -> f64| sessions.iter().map(of).sum::<f64>() / trials as f64;
        let (mut readings, mut answers) = (Correlation::default(), Correlation::default());
        for trial in &sessions {
            readings.join(&trial.readings);
            answers.join(&trial.answers);
        }
        let shape = self.shape();
        let queries = mean(|trial| trial.queries as f64);
        let uses = queries * shape.uses() as f64;
        let learnt = 2.0 * readings.bits() + answers.bits() * uses / shape.modes() as f64;
        let (transmittance, excess) = (mean(|t| t.observed.0), mean(|t| t.observed.1));
        Ok(Outcome {
            trials,
            caught: sessions.iter().filter(|trial| trial.caught).count(),
            exhausted: sessions.iter().filter(|trial| trial.exhausted).count(),
            queries,
            information_bits: conditions.variant.weight_share() * learnt,
            bound_bits: self.weight_bound(transmittance, excess) * uses,
            bound_of: conditions.variant.name(),
            observed: Some((transmittance, excess)),
            p_values: sessions.iter().map(|trial| trial.p_value).collect(),
        })
    }

    /// Bits of a weight in a pass for light that came back like this. No channel is better than the honest one: what looks
    /// better does so by chance.
    fn weight_bound(&self, transmittance: f64, excess: f64) -> f64 {
        let Conditions {
            setting, variant, ..
        } = &self.conditions;
        let honest = leak::honest_excess(setting, self.shape().modes());
        let transmittance = transmittance.min(setting.transmittance());
        leak::observed_weight_leak(*variant, setting, transmittance, excess.max(honest))
    }

    /// One session of a cheating client, or an honest one, with an honest server.
    fn session(
        &self,
        adversary: Adversary,
        conditions: Conditions,
        dice: &mut Dice,
    ) -> Result<Trial, OpticalError> {
        let setting = conditions.setting;
        let agreed = Link::Agreed(setting);
        let mut server = Server::new(&self.network, conditions)?;
        let mut client = Client::new(self.network.public(), setting);
        let mut trial = Trial::default();
        let values = self.data(dice);
        match adversary {
            Adversary::Heterodyne => {
                let mut receiver = Heterodyne::new(setting);
                self.query(&mut server, agreed, &mut receiver, &mut trial, dice)?;
                trial.readings = self.readings(receiver.estimates());
            }
            Adversary::InterceptResend => {
                client.begin_values(values);
                let mut receiver = Eavesdropper::new(client, Taking::Copy);
                self.query(&mut server, agreed, &mut receiver, &mut trial, dice)?;
                trial.readings = self.readings(receiver.estimates());
            }
            Adversary::Split(_) | Adversary::Door => {
                let (fraction, link) = match adversary {
                    Adversary::Split(fraction) => (fraction, agreed),
                    _ => (1.0 - setting.transmittance(), Link::Perfect),
                };
                client.begin_values(values.clone());
                let mut receiver = Eavesdropper::new(client, Taking::Fraction(fraction));
                self.query(&mut server, link, &mut receiver, &mut trial, dice)?;
                trial.readings = self.readings(receiver.estimates());
                trial.answers = self.answers(&values, &receiver.into_client().take_logits()?);
            }
            Adversary::Repeat => {
                while server.budget().queries() < MOST_QUERIES {
                    let values = self.data(dice);
                    client.begin_values(values.clone());
                    if self.query(&mut server, agreed, &mut client, &mut trial, dice)? {
                        break;
                    }
                    let answers = self.answers(&values, &client.take_logits()?);
                    trial.answers.join(&answers);
                }
            }
            _ => {
                client.begin_values(values.clone());
                self.query(&mut server, agreed, &mut client, &mut trial, dice)?;
                trial.answers = self.answers(&values, &client.take_logits()?);
            }
        }
        let verdicts = server.verdicts();
        let count = verdicts.len().max(1) as f64;
        for verdict in verdicts {
            trial.observed.0 += verdict.transmittance / count;
            trial.observed.1 += verdict.excess / count;
            trial.p_value = verdict.p_value;
        }
        trial.queries = server.budget().queries();
        Ok(trial)
    }

    /// One query; whether it ended the session. What was measured is the client's even then.
    fn query(
        &self,
        server: &mut Server<'_>,
        link: Link,
        receiver: &mut dyn Receiver,
        trial: &mut Trial,
        dice: &mut Dice,
    ) -> Result<bool, OpticalError> {
        let result = server
            .open()
            .and_then(|()| run_matrix(server, link, receiver, 0, self.shape(), dice));
        match result {
            Ok(_) => return Ok(false),
            Err(OpticalError::Caught { .. }) => trial.caught = true,
            Err(OpticalError::BudgetSpent { .. }) => trial.exhausted = true,
            Err(defect) => return Err(defect),
        }
        Ok(true)
    }

    /// Data as the bounds suppose them: normal numbers.
    fn data(&self, dice: &mut Dice) -> Vec<f32> {
        let count = self.shape().input.len();
        StandardNormal.sample_iter(dice).take(count).collect()
    }

    fn readings(&self, estimates: impl Iterator<Item = f64>) -> Correlation {
        Correlation::of(estimates, self.truth.iter().copied())
    }

    /// Outputs with what they measured: each row's light along the data of each position.
    fn answers(&self, values: &[f32], outputs: &[f32]) -> Correlation {
        let shape = self.shape();
        let uses = shape.uses();
        let mut answers = Correlation::default();
        for position in 0..uses {
            let Some((v, norm)) = shape.data(values, position) else {
                continue;
            };
            let rows = self.truth.chunks_exact(2 * v.len());
            for (row, truth) in rows.enumerate() {
                let pairs = truth.chunks_exact(2).zip(&v);
                let light: f64 = pairs.map(|(w, v)| w[0] * v.re + w[1] * v.im).sum();
                // In units that do not matter to a correlation, but must be those of all rows.
                answers.add(f64::from(outputs[row * uses + position]) / norm, light);
            }
        }
        answers
    }

    fn attack_data(
        &self,
        reading: Reading,
        trials: usize,
        seed: u64,
        done: impl Fn() + Sync,
    ) -> Result<Outcome, OpticalError> {
        let (shape, setting) = (self.shape(), self.conditions.setting);
        let sessions = (0..trials as u64).into_par_iter().map(|number| {
            let mut dice = dice(seed, number);
            let values = self.data(&mut dice);
            let learnt = match reading {
                Reading::Photons => {
                    let noise = Noise::counted(shape, &setting, &values, &mut dice);
                    let bits = noise.counted_bits(shape, &setting, &values);
                    (Correlation::default(), bits)
                }
                Reading::Quadratures(launched) => {
                    let mut server = Crafted::new(shape, launched);
                    let mut client = Client::new(self.network.public(), setting);
                    client.begin_values(values.clone());
                    // Nearer than it says: no loss and no noise hide what it looks for.
                    let link = Link::Perfect;
                    run_matrix(&mut server, link, &mut client, 0, shape, &mut dice)?;
                    (server.into_noise().learnt(shape, &values), 0.0)
                }
            };
            done();
            Ok(learnt)
        });
        let sessions: Vec<(Correlation, f64)> = sessions.collect::<Result<_, OpticalError>>()?;
        let mut correlation = Correlation::default();
        let mut counted = 0.0;
        for (session, bits) in &sessions {
            correlation.join(session);
            counted += bits / trials as f64;
        }
        let Conditions {
            setting, variant, ..
        } = self.conditions;
        let (bound_bits, bound_of) =
            reading.bound(variant, setting.gain(), shape.rows, shape.columns);
        Ok(Outcome {
            trials,
            caught: 0,
            exhausted: 0,
            queries: 1.0,
            // A mode carries two data.
            information_bits: (correlation.bits() + counted) / 2.0,
            bound_bits,
            bound_of,
            observed: None,
            p_values: Vec::new(),
        })
    }
}
