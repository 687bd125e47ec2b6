//! The server: owns the weights, computes on ciphertexts, garbles circuits, learns nothing.

use std::io::{Read, Write};
use std::time::Instant;

use addax_core::machine::RingProcessor;
use addax_core::params::ParameterSet;
use addax_core::random::Purpose;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::client::fit;
use super::handshake;
use super::measure::{Counts, LayerMeasure, Measures, Running, Side};
use super::plan::{PlanError, PublicPlan, Reveal};
use super::prepared::{ServerPrepared, ServerStage, Shelf};
use super::{ProtocolError, abort_on_error};
use crate::he::{Context, FreshCiphertext, PublicKey, Response, TransformCounts, noise, wire};
use crate::linear::{Blinding, EncodedLayer, LayerCost, ServerInput, pool};
use crate::mpc::{Channel, GarbledAhead, Garbler, HEADER_BYTES, MessageKind, Task};
use crate::net::{IntegerNetwork, Layer, Pool};
use crate::random::PartyRandomness;

/// A model ready to serve: its public plan, and its weights encoded once. Shared by all sessions.
pub struct ServerModel {
    context: Context,
    plan: PublicPlan,
    /// One for each stage that has a linear layer, in order.
    layers: Vec<EncodedLayer>,
}

/// What a session did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionReport {
    /// Images answered.
    pub images: u64,
    /// Layer by layer, summed over the images.
    pub layers: Vec<LayerMeasure>,
    /// Transforms on the ring processor.
    pub machine_transforms: u64,
    /// Cycles of the ring processor.
    pub machine_cycles: u64,
    /// Transforms that the server computed for this session outside the ring processor.
    pub host_transforms: TransformCounts,
    /// Most bytes that preparations took at a time.
    #[serde(default)]
    pub prepared_bytes: u64,
    /// Milliseconds.
    pub ms: f64,
}

impl ServerModel {
    /// Plans a network and encodes its weights.
    ///
    /// # Errors
    /// A network that cannot be planned, see [`PublicPlan::of_network`].
    pub fn new(
        network: &IntegerNetwork,
        parameters: ParameterSet,
        reveal: Reveal,
        plain_bits: Option<u32>,
    ) -> Result<Self, PlanError> {
        let plan = PublicPlan::of_network(network, &parameters, reveal, plain_bits)?;
        let context = Context::new(parameters);
        let stages = plan.stages.iter();
        let linear = stages.filter_map(|stage| Some((stage.plain_bits, stage.linear.as_ref()?)));
        let weights = network.layers.iter().filter_map(|layer| match layer {
            Layer::Linear(linear) => Some(linear),
            Layer::SumPool(_) | Layer::Activation(_) => None,
        });
        let layers = linear
            .zip(weights)
            .map(|((plain_bits, stage), layer)| {
                let packing = stage.packing(&parameters)?;
                let format = noise::response_format(&parameters, plain_bits);
                let weights = layer.map.weights();
                Ok(EncodedLayer::encode(
                    &context,
                    packing,
                    format,
                    weights,
                    &layer.bias,
                ))
            })
            .collect::<Result<_, PlanError>>()?;
        Ok(Self {
            context,
            plan,
            layers,
        })
    }

    /// The public plan.
    #[must_use]
    pub const fn plan(&self) -> &PublicPlan {
        &self.plan
    }

    /// Parameters and transforms.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Serves one client until it says that it has finished. `observe` hears of every image answered.
    ///
    /// # Errors
    /// Whatever ends the session early. The report so far is lost; the model is unaffected.
    pub fn serve<S: Read + Write>(
        &self,
        channel: &mut Channel<S>,
        machine: &mut dyn RingProcessor,
        randomness: PartyRandomness,
        observe: impl FnMut(u64),
    ) -> Result<SessionReport, ProtocolError> {
        let mut session = Session {
            model: self,
            context: self.context.clone(),
            machine,
            randomness,
            measures: Measures::default(),
            shelf: Shelf::default(),
        };
        let result = session.run(channel, observe);
        abort_on_error(channel, result)
    }
}

struct Session<'a> {
    model: &'a ServerModel,
    /// Shares the model's transforms; counts those of this session alone.
    context: Context,
    machine: &'a mut dyn RingProcessor,
    randomness: PartyRandomness,
    measures: Measures,
    shelf: Shelf,
}

/// How the stages of an image are gone through.
enum Pass {
    /// All at once. The first ciphertext has arrived, and is there until its layer takes it.
    Once(Option<Vec<u8>>),
    /// Ahead of the image: what the server's shares alone determine.
    Ahead,
    /// With the image, on what was prepared.
    Online(ServerPrepared),
}

/// What a client's key and transfers leave for all its images.
struct Peer {
    public_key: PublicKey,
    garbler: Garbler,
}

impl Session<'_> {
    fn run<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        mut observe: impl FnMut(u64),
    ) -> Result<SessionReport, ProtocolError> {
        let start = Instant::now();
        let mut peer = self.set_up(channel)?;
        let mut images = 0;
        let ciphertext = FreshCiphertext::wire_len(&self.context);
        loop {
            let expected = [
                (MessageKind::Ciphertexts, ciphertext),
                (MessageKind::UsePrepared, size_of::<u64>()),
                (MessageKind::Prepare, 0),
                (MessageKind::Finished, 0),
            ];
            let (kind, message) = channel.receive_one_of(&expected)?;
            let pass = match kind {
                MessageKind::Finished => break,
                MessageKind::Prepare => Pass::Ahead,
                MessageKind::UsePrepared => {
                    // A number of another length is none that was given out.
                    let number = message.try_into().map_or(u64::MAX, u64::from_le_bytes);
                    Pass::Online(self.shelf.take(number)?)
                }
                _ => Pass::Once(Some(message)),
            };
            match pass {
                Pass::Ahead => {
                    self.shelf.has_room(self.model.plan.most_prepared())?;
                    let prepared = self.pass(channel, &mut peer, pass)?;
                    self.shelf.put(prepared);
                    channel.flush()?;
                }
                pass => {
                    self.pass(channel, &mut peer, pass)?;
                    channel.flush()?;
                    images += 1;
                    observe(images);
                }
            }
        }
        let layers = std::mem::take(&mut self.measures).into_layers();
        Ok(SessionReport {
            images,
            machine_transforms: layers.iter().map(|layer| layer.transforms).sum(),
            machine_cycles: layers.iter().map(|layer| layer.cycles).sum(),
            layers,
            host_transforms: self.context.host_transforms().read(),
            prepared_bytes: self.shelf.peak() as u64,
            ms: start.elapsed().as_secs_f64() * 1e3,
        })
    }

    fn set_up<S: Read + Write>(&mut self, channel: &mut Channel<S>) -> Result<Peer, ProtocolError> {
        let mut transcript = handshake::welcome(channel, &self.model.plan, &mut self.randomness)?;
        let length = PublicKey::wire_len(&self.context);
        let key = channel.receive_exact(MessageKind::PublicKey, length)?;
        transcript.add(&key);
        let public_key = PublicKey::from_bytes(&self.context, &key)?;
        let mut rng = self.randomness.generator(Purpose::ObliviousTransfer);
        let garbler = Garbler::new(channel, transcript.session(), &mut rng)?;
        Ok(Peer {
            public_key,
            garbler,
        })
    }

    /// Goes through all stages, and returns what that prepared.
    fn pass<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        peer: &mut Peer,
        mut pass: Pass,
    ) -> Result<ServerPrepared, ProtocolError> {
        let mut made = ServerPrepared::default();
        self.measures.begin(matches!(pass, Pass::Ahead));
        let plan = &self.model.plan;
        let mut layers = self.model.layers.iter();
        let mut shape = plan.input_shape();
        // Before the first layer the image is the client's alone.
        let mut share: Option<Zeroizing<Vec<u64>>> = None;
        for (index, stage) in plan.stages.iter().enumerate() {
            let mut made_stage = ServerStage::default();
            let mut ready = match &mut pass {
                Pass::Online(prepared) => std::mem::take(&mut prepared.stages[index]),
                _ => ServerStage::default(),
            };
            if let Some(linear) = &stage.linear
                && let Some(layer) = layers.next()
            {
                let (key, context) = (&peer.public_key, &self.context);
                let mut running = Running::start(channel);
                let (result, cost) = match &mut pass {
                    Pass::Ahead => {
                        made_stage.blindings = layer.blind(context, key, &mut self.randomness);
                        let share = layer.share(&made_stage.blindings);
                        (share, LayerCost::default())
                    }
                    Pass::Online(_) => {
                        let mut blindings = std::mem::take(&mut ready.blindings).into_iter();
                        let query = Query::receive(context, channel, layer, None)?;
                        query.answer(channel, &mut *self.machine, share, &mut blindings)?
                    }
                    Pass::Once(first) => {
                        let first = first.take();
                        if let Some(first) = &first {
                            running = running.and_received((HEADER_BYTES + first.len()) as u64);
                        }
                        let query = Query::receive(context, channel, layer, first)?;
                        let mut blindings = layer.blind_lazily(context, key, &mut self.randomness);
                        query.answer(channel, &mut *self.machine, share, &mut blindings)?
                    }
                };
                let name = (&linear.name[..], linear.kind());
                self.end(channel, &running, name, Counts::machine(cost));
                share = Some(result);
                shape = linear.convolution.output_shape();
            }
            let mut own = share
                .take()
                .unwrap_or_else(|| Zeroizing::new(vec![0; shape.len()]));
            for layer in &stage.pools {
                let running = Running::start(channel);
                let window = Pool::from(layer.window);
                let sums = pool::sum_windows(&own, shape, &window, layer.weight, stage.plain_bits);
                own = Zeroizing::new(fit(sums)?);
                shape = fit(layer.output_shape(shape))?;
                self.end(channel, &running, (&layer.name, "sum"), Counts::default());
            }
            if let Some(activation) = &stage.activation {
                let running = Running::start(channel);
                let circuit = activation.circuit(stage.plain_bits, plan.next_plain_bits(index));
                if let Some(window) = &activation.max_pool {
                    let window = Pool::from(*window);
                    own = Zeroizing::new(fit(pool::gather_windows(&own, shape, &window))?);
                    shape = fit(activation.output_shape(shape))?;
                }
                let task = Task::Layer(circuit);
                let gates = circuit.and_gates() * shape.len();
                let (shares, kept, gates) = match ready.activation {
                    Some(prepared) => (peer.garbler.correct(channel, prepared)?, None, gates),
                    None => {
                        let mut rng = self.randomness.generator(Purpose::Garbling);
                        let garbler = &mut peer.garbler;
                        match pass {
                            Pass::Ahead => {
                                let kept = garbler.garble_ahead(channel, task, &own, &mut rng)?;
                                (kept.shares().to_vec(), Some(kept), 0)
                            }
                            _ => {
                                let shares = garbler.layer(channel, &circuit, &own, &mut rng)?;
                                (shares, None, gates)
                            }
                        }
                    }
                };
                own = shares.into();
                made_stage.activation = kept;
                let name = (&activation.name[..], activation.kind());
                self.end(channel, &running, name, Counts::gates(gates));
            }
            share = Some(own);
            made.stages.push(made_stage);
        }
        let share = share.unwrap_or_default();
        made.answer = self.reveal(channel, peer, &share, pass)?;
        Ok(made)
    }

    /// Gives the answer to the client, or prepares to.
    fn reveal<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        peer: &mut Peer,
        share: &[u64],
        pass: Pass,
    ) -> Result<Option<GarbledAhead>, ProtocolError> {
        let plan = &self.model.plan;
        let bits = plan.stages.last().map_or(1, |stage| stage.plain_bits);
        match (plan.reveal, pass) {
            (Reveal::Logits, Pass::Ahead) => Ok(None),
            (Reveal::Logits, _) => {
                let mut masks = Vec::new();
                wire::pack(share.iter().copied(), bits, &mut masks);
                channel.send(MessageKind::LogitMasks, &masks)?;
                Ok(None)
            }
            (Reveal::ArgMax, pass) => {
                let running = Running::start(channel);
                let mut gates = crate::mpc::arg_max_and_gates(bits, share.len());
                let mut rng = self.randomness.generator(Purpose::Garbling);
                let garbler = &mut peer.garbler;
                let mut kept = None;
                match pass {
                    Pass::Ahead => {
                        let values = share.len();
                        let task = Task::ArgMax { values, bits };
                        kept = Some(garbler.garble_ahead(channel, task, share, &mut rng)?);
                        gates = 0;
                    }
                    Pass::Online(ServerPrepared {
                        answer: Some(answer),
                        ..
                    }) => drop(garbler.correct(channel, answer)?),
                    _ => garbler.arg_max(channel, bits, share, &mut rng)?,
                }
                self.end(
                    channel,
                    &running,
                    ("answer", "arg max"),
                    Counts::gates(gates),
                );
                Ok(kept)
            }
        }
    }

    fn end<S: Read + Write>(
        &mut self,
        channel: &Channel<S>,
        running: &Running,
        (name, kind): (&str, &str),
        counts: Counts,
    ) {
        self.measures
            .end(running, channel, Side::Server, name, kind, counts);
    }
}

/// What a client asks of one linear layer.
struct Query<'a> {
    context: &'a Context,
    layer: &'a EncodedLayer,
    ciphertexts: Vec<FreshCiphertext>,
}

impl<'a> Query<'a> {
    /// Receives the ciphertexts, the first of which may have arrived already.
    fn receive<S: Read + Write>(
        context: &'a Context,
        channel: &mut Channel<S>,
        layer: &'a EncodedLayer,
        mut arrived: Option<Vec<u8>>,
    ) -> Result<Self, ProtocolError> {
        let length = FreshCiphertext::wire_len(context);
        let ciphertexts = (0..layer.packing().inputs())
            .map(|_| {
                let bytes = match arrived.take() {
                    Some(bytes) => bytes,
                    None => channel.receive_exact(MessageKind::Ciphertexts, length)?,
                };
                Ok(FreshCiphertext::from_bytes(context, &bytes)?)
            })
            .collect::<Result<_, ProtocolError>>()?;
        Ok(Self {
            context,
            layer,
            ciphertexts,
        })
    }

    /// Sends each response as soon as it is ready; returns the server's share of the result and what the machine took.
    fn answer<S: Read + Write>(
        self,
        channel: &mut Channel<S>,
        machine: &mut dyn RingProcessor,
        share: Option<Zeroizing<Vec<u64>>>,
        blindings: &mut dyn Iterator<Item = Blinding>,
    ) -> Result<(Zeroizing<Vec<u64>>, LayerCost), ProtocolError> {
        let input = ServerInput {
            ciphertexts: self.ciphertexts,
            share: share.as_ref().map(|share| &share[..]),
        };
        let format = self.layer.format();
        let send = |response: Response| {
            channel.send(MessageKind::Response, &response.to_bytes(format))?;
            // Decryption overlaps with the next response.
            channel.flush()?;
            Ok(())
        };
        self.layer
            .answer(self.context, machine, input, blindings, send)
    }
}
