//! The client: owns the image and the secret key, evaluates circuits, learns the answer.

use std::io::{Read, Write};

use addax_core::random::Purpose;
use addax_core::share::Ring;
use zeroize::Zeroizing;

use super::first::{Encryptor, FirstLayer, Input, OwnImage};
use super::handshake;
use super::measure::{Counts, LayerMeasure, Measures, Running, Side};
use super::plan::{ClientLimits, LimitError, LinearStage, PlanError, PublicPlan, Reveal, Stage};
use super::prepared::{ClientStage, Prepared};
use super::{ProtocolError, abort_on_error};
use crate::he::{BlankCiphertext, Context, Response, SecretKey, TransformCounts, noise, wire};
use crate::linear::pool;
use crate::mpc::{Channel, Evaluator, MessageKind, TablesAhead, Task};
use crate::net::{self, Pool, Shape};
use crate::random::PartyRandomness;

/// What the client learns of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Index of the largest logit, the lowest if several are equal.
    pub label: usize,
    /// All logits, if the plan reveals them.
    pub logits: Option<Vec<i64>>,
}

/// A session with a server.
pub struct Client<S> {
    channel: Channel<S>,
    context: Context,
    plan: PublicPlan,
    secret: SecretKey,
    evaluator: Evaluator,
    randomness: PartyRandomness,
    measures: Measures,
    session: [u8; 32],
    /// Preparations made so far, and those that wait for their image.
    prepared: (u64, usize),
    /// Bytes that one of them may take.
    prepared_limit: usize,
}

/// What connecting yields.
struct SetUp {
    context: Context,
    plan: PublicPlan,
    secret: SecretKey,
    evaluator: Evaluator,
    session: [u8; 32],
}

impl<S: Read + Write> Client<S> {
    /// Connects: handshake, check of the server's plan, keys, base oblivious transfers.
    ///
    /// # Errors
    /// A peer of another version or none at all, a plan that is inconsistent or beyond `limits`, a failed connection.
    pub fn connect(
        channel: Channel<S>,
        limits: &ClientLimits,
        randomness: PartyRandomness,
    ) -> Result<Self, ProtocolError> {
        Self::connect_with(channel, limits, randomness, &mut OwnImage::default())
    }

    /// The same with the keys of `input`.
    ///
    /// # Errors
    /// As [`Client::connect`], and what `input` fails with.
    pub fn connect_with(
        mut channel: Channel<S>,
        limits: &ClientLimits,
        mut randomness: PartyRandomness,
        input: &mut dyn Input,
    ) -> Result<Self, ProtocolError> {
        let result = Self::set_up(&mut channel, limits, &mut randomness, input);
        let set_up = abort_on_error(&mut channel, result)?;
        Ok(Self {
            channel,
            context: set_up.context,
            plan: set_up.plan,
            secret: set_up.secret,
            evaluator: set_up.evaluator,
            randomness,
            measures: Measures::default(),
            session: set_up.session,
            prepared: (0, 0),
            prepared_limit: limits.prepared_bytes,
        })
    }

    fn set_up(
        channel: &mut Channel<S>,
        limits: &ClientLimits,
        randomness: &mut PartyRandomness,
        input: &mut dyn Input,
    ) -> Result<SetUp, ProtocolError> {
        let (plan, mut transcript) = handshake::greet(channel, randomness)?;
        let parameters = plan.check(limits)?;
        let context = Context::new(parameters);
        let (secret, public) = input.keys(&context, randomness)?;
        channel.send(MessageKind::PublicKey, &public)?;
        transcript.add(&public);
        let mut rng = randomness.generator(Purpose::ObliviousTransfer);
        let session = transcript.session();
        let evaluator = Evaluator::new(channel, session, &mut rng)?;
        Ok(SetUp {
            context,
            plan,
            secret,
            evaluator,
            session,
        })
    }

    /// The server's plan, checked.
    pub const fn plan(&self) -> &PublicPlan {
        &self.plan
    }

    /// The connection, for its counts of bytes and rounds.
    pub const fn channel(&self) -> &Channel<S> {
        &self.channel
    }

    /// The connection, for time limits and transcripts.
    pub const fn channel_mut(&mut self) -> &mut Channel<S> {
        &mut self.channel
    }

    /// What each layer took so far.
    pub fn layers(&self) -> &[LayerMeasure] {
        self.measures.layers()
    }

    /// Transforms that this party computed.
    pub fn transforms(&self) -> TransformCounts {
        self.context.host_transforms().read()
    }

    /// Classifies one image of bytes, in channel, row, column order. `progress` hears the number of stages done.
    ///
    /// # Errors
    /// An image of another size (the session stays usable), or a failed session.
    pub fn classify(
        &mut self,
        image: &[u8],
        mut progress: impl FnMut(usize),
    ) -> Result<Answer, ProtocolError> {
        let mut image = OwnImage::of(self.plan.input_shape(), self.plan.input_bits, image)?;
        self.classify_input(&mut image, &mut progress)
    }

    /// Classifies what `input` encrypts, under the keys that this session [began with](Client::connect_with).
    ///
    /// # Errors
    /// What `input` fails with, or a failed session.
    pub fn classify_input(
        &mut self,
        input: &mut dyn Input,
        mut progress: impl FnMut(usize),
    ) -> Result<Answer, ProtocolError> {
        let result = self.infer(input, None, &mut progress);
        abort_on_error(&mut self.channel, result)
    }

    /// Prepares for an image that is not known yet: the server draws its shares and garbles on them.
    ///
    /// # Errors
    /// [`ProtocolError::TooManyPrepared`] if as many wait for their images as [can](PublicPlan::most_prepared), or
    /// [`PlanError::Limit`] if one takes more memory than this client's limit; the session stays usable. Or a failed session.
    pub fn prepare(&mut self) -> Result<Prepared, ProtocolError> {
        let (found, limit) = (self.plan.prepared_bytes(), self.prepared_limit);
        if found > limit {
            return Err(PlanError::Limit(LimitError {
                stage: self.plan.stages.len() - 1,
                what: "the number of bytes kept of a preparation up to it",
                found,
                most: limit,
            })
            .into());
        }
        let most = self.plan.most_prepared();
        if self.prepared.1 >= most {
            return Err(ProtocolError::TooManyPrepared { most });
        }
        let result = self.prepare_image();
        abort_on_error(&mut self.channel, result)
    }

    /// Classifies one image as [`Client::classify`] does, with what was prepared for it.
    ///
    /// # Errors
    /// An image of another size or a preparation of another session (this one stays usable), or a failed session. The
    /// preparation is used up in any case.
    pub fn classify_prepared(
        &mut self,
        prepared: Prepared,
        image: &[u8],
        progress: impl FnMut(usize),
    ) -> Result<Answer, ProtocolError> {
        let mut image = OwnImage::of(self.plan.input_shape(), self.plan.input_bits, image)?;
        self.classify_input_prepared(prepared, &mut image, progress)
    }

    /// Classifies what `input` encrypts, with what was prepared for it.
    ///
    /// # Errors
    /// As [`Client::classify_prepared`], and what `input` fails with.
    pub fn classify_input_prepared(
        &mut self,
        prepared: Prepared,
        input: &mut dyn Input,
        mut progress: impl FnMut(usize),
    ) -> Result<Answer, ProtocolError> {
        if prepared.session != self.session {
            return Err(ProtocolError::ForeignPreparation);
        }
        self.prepared.1 -= 1;
        let result = self.infer(input, Some(prepared), &mut progress);
        abort_on_error(&mut self.channel, result)
    }

    /// Ends the session: the server learns that no image follows.
    ///
    /// # Errors
    /// A failed connection.
    pub fn finish(mut self) -> Result<Vec<LayerMeasure>, ProtocolError> {
        self.channel.send(MessageKind::Finished, &[])?;
        self.channel.flush()?;
        Ok(self.measures.into_layers())
    }

    fn prepare_image(&mut self) -> Result<Prepared, ProtocolError> {
        self.measures.begin(true);
        self.channel.send(MessageKind::Prepare, &[])?;
        let mut shape = self.plan.input_shape();
        let mut stages = Vec::with_capacity(self.plan.stages.len());
        for index in 0..self.plan.stages.len() {
            let stage = self.plan.stages[index].clone();
            let mut made = ClientStage::default();
            if let Some(linear) = &stage.linear {
                let running = Running::start(&self.channel);
                let packing = linear.packing(self.context.parameters())?;
                let draw =
                    |_| BlankCiphertext::draw(&self.context, &self.secret, &mut self.randomness);
                made.blanks = (0..packing.inputs()).map(draw).collect();
                shape = linear.convolution.output_shape();
                self.end(&running, &linear.name, linear.kind(), 0);
            }
            for layer in &stage.pools {
                let running = Running::start(&self.channel);
                shape = fit(layer.output_shape(shape))?;
                self.end(&running, &layer.name, "sum", 0);
            }
            if let Some(activation) = &stage.activation {
                let running = Running::start(&self.channel);
                let next = self.plan.next_plain_bits(index);
                let task = Task::Layer(activation.circuit(stage.plain_bits, next));
                shape = fit(activation.output_shape(shape))?;
                made.activation = Some(self.receive_ahead(task, shape.len())?);
                self.end(&running, &activation.name, activation.kind(), 0);
            }
            stages.push(made);
        }
        let mut answer = None;
        if self.plan.reveal == Reveal::ArgMax {
            let running = Running::start(&self.channel);
            let bits = self.plan.stages.last().map_or(1, |stage| stage.plain_bits);
            let values = shape.len();
            answer = Some(self.receive_ahead(Task::ArgMax { values, bits }, 1)?);
            self.end(&running, "answer", "arg max", 0);
        }
        let number = self.prepared.0;
        self.prepared = (number + 1, self.prepared.1 + 1);
        Ok(Prepared {
            session: self.session,
            number,
            stages,
            answer,
        })
    }

    fn receive_ahead(
        &mut self,
        task: Task,
        instances: usize,
    ) -> Result<TablesAhead, ProtocolError> {
        let mut rng = self.randomness.generator(Purpose::ObliviousTransfer);
        let channel = &mut self.channel;
        Ok(self
            .evaluator
            .receive_ahead(channel, task, instances, &mut rng)?)
    }

    fn infer(
        &mut self,
        input: &mut dyn Input,
        mut prepared: Option<Prepared>,
        progress: &mut impl FnMut(usize),
    ) -> Result<Answer, ProtocolError> {
        self.measures.begin(false);
        if let Some(prepared) = &prepared {
            let number = prepared.number.to_le_bytes();
            self.channel.send(MessageKind::UsePrepared, &number)?;
        }
        let mut shape = self.plan.input_shape();
        let first = self.plan.stages.first();
        // Where the first layer encrypts, nothing else needs the values.
        let mut share = match first.is_some_and(|stage| stage.linear.is_some()) {
            true => Zeroizing::default(),
            false => input.values()?,
        };
        for index in 0..self.plan.stages.len() {
            let stage = self.plan.stages[index].clone();
            let ready = match &mut prepared {
                Some(prepared) => std::mem::take(&mut prepared.stages[index]),
                None => ClientStage::default(),
            };
            if let Some(linear) = &stage.linear {
                let blanks = ready.blanks;
                share = match index {
                    0 => self.linear(linear, stage.plain_bits, input, blanks)?,
                    _ => {
                        let mut own = OwnImage::from(share);
                        self.linear(linear, stage.plain_bits, &mut own, blanks)?
                    }
                };
                shape = linear.convolution.output_shape();
            }
            (shape, share) = self.pools(&stage, shape, share)?;
            if let Some(activation) = &stage.activation {
                let running = Running::start(&self.channel);
                let circuit =
                    activation.circuit(stage.plain_bits, self.plan.next_plain_bits(index));
                if let Some(window) = &activation.max_pool {
                    let window = Pool::from(*window);
                    share = Zeroizing::new(fit(pool::gather_windows(&share, shape, &window))?);
                    shape = fit(activation.output_shape(shape))?;
                }
                let (evaluator, channel) = (&mut self.evaluator, &mut self.channel);
                let result = match ready.activation {
                    Some(tables) => evaluator.evaluate_ahead(channel, tables, &share)?,
                    None => evaluator.layer(channel, &circuit, &share)?,
                };
                share = result.into();
                let gates = circuit.and_gates() * shape.len();
                self.end(&running, &activation.name, activation.kind(), gates);
            }
            progress(index + 1);
        }
        self.reveal(&share, prepared.and_then(|prepared| prepared.answer))
    }

    fn linear(
        &mut self,
        linear: &LinearStage,
        plain_bits: u32,
        input: &mut dyn Input,
        blanks: Vec<BlankCiphertext>,
    ) -> Result<Zeroizing<Vec<u64>>, ProtocolError> {
        let running = Running::start(&self.channel);
        let context = &self.context;
        let packing = linear.packing(context.parameters())?;
        let mut blanks = blanks.into_iter();
        for index in 0..packing.inputs() {
            let layer = FirstLayer {
                packing: &packing,
                plain_bits,
                input_bits: self.plan.input_bits,
            };
            let blank = blanks.next();
            let encryptor = Encryptor::new(context, &self.secret, &mut self.randomness, blank);
            let ciphertext = input.encrypt(&layer, index, encryptor)?;
            self.channel.send(MessageKind::Ciphertexts, &ciphertext)?;
        }
        let format = noise::response_format(context.parameters(), plain_bits);
        let mut result = Zeroizing::new(vec![0; packing.convolution().output_shape().len()]);
        for response in 0..packing.responses() {
            let positions = packing.outputs(response);
            let length = format.wire_len(context, positions.len());
            let bytes = self.channel.receive_exact(MessageKind::Response, length)?;
            let response = Response::from_bytes(&format, context, positions.len(), &bytes)?;
            let used: Vec<usize> = positions
                .iter()
                .map(|position| position.coefficient)
                .collect();
            let values = response.decrypt(&format, context, &self.secret, &used);
            for (position, &value) in positions.iter().zip(values.iter()) {
                result[position.output] = value;
            }
        }
        self.end(&running, &linear.name, linear.kind(), 0);
        Ok(result)
    }

    fn pools(
        &mut self,
        stage: &Stage,
        mut shape: Shape,
        mut share: Zeroizing<Vec<u64>>,
    ) -> Result<(Shape, Zeroizing<Vec<u64>>), ProtocolError> {
        for layer in &stage.pools {
            let running = Running::start(&self.channel);
            let window = Pool::from(layer.window);
            let sums = pool::sum_windows(&share, shape, &window, layer.weight, stage.plain_bits);
            share = Zeroizing::new(fit(sums)?);
            shape = fit(layer.output_shape(shape))?;
            self.end(&running, &layer.name, "sum", 0);
        }
        Ok((shape, share))
    }

    fn reveal(
        &mut self,
        share: &[u64],
        tables: Option<TablesAhead>,
    ) -> Result<Answer, ProtocolError> {
        let bits = self.plan.stages.last().map_or(1, |stage| stage.plain_bits);
        match self.plan.reveal {
            Reveal::Logits => {
                let length = wire::packed_len(share.len(), bits);
                let masks = self
                    .channel
                    .receive_exact(MessageKind::LogitMasks, length)?;
                let masks = wire::unpack(&masks, share.len(), bits, "masks of the logits")?;
                let ring = ring(bits)?;
                let logits: Vec<i64> = share
                    .iter()
                    .zip(masks)
                    .map(|(&own, mask)| ring.to_signed(ring.add(own, mask)))
                    .collect();
                Ok(Answer {
                    label: net::accuracy::arg_max(&logits),
                    logits: Some(logits),
                })
            }
            Reveal::ArgMax => {
                let running = Running::start(&self.channel);
                let (evaluator, channel) = (&mut self.evaluator, &mut self.channel);
                let label = match tables {
                    Some(tables) => evaluator.arg_max_ahead(channel, tables, share)?,
                    None => evaluator.arg_max(channel, bits, share)?,
                };
                let gates = crate::mpc::arg_max_and_gates(bits, share.len());
                self.end(&running, "answer", "arg max", gates);
                Ok(Answer {
                    label,
                    logits: None,
                })
            }
        }
    }

    fn end(&mut self, running: &Running, name: &str, kind: &str, and_gates: usize) {
        let counts = Counts::gates(and_gates);
        self.measures
            .end(running, &self.channel, Side::Client, name, kind, counts);
    }
}

/// The ring of shares mod 2^bits of a checked plan.
fn ring(bits: u32) -> Result<Ring, ProtocolError> {
    Ring::new(bits).ok_or_else(|| ProtocolError::PlanFormat(format!("shares of {bits} bits")))
}

/// A shape that the plan's check has established.
pub(super) fn fit<T>(value: Option<T>) -> Result<T, ProtocolError> {
    value.ok_or_else(|| ProtocolError::PlanFormat("a window does not fit its input".to_owned()))
}
