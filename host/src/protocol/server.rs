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
use super::measure::{LayerMeasure, Measures, Running, Side};
use super::plan::{LinearStage, PlanError, PublicPlan, Reveal};
use super::{ProtocolError, abort_on_error};
use crate::he::{Context, FreshCiphertext, PublicKey, TransformCounts, noise, wire};
use crate::linear::{EncodedLayer, LayerCost, ServerInput, pool};
use crate::mpc::{Channel, Garbler, HEADER_BYTES, MessageKind};
use crate::net::{IntegerNetwork, Layer, Pool, Shape};
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
                (MessageKind::Finished, 0),
            ];
            let (kind, first) = channel.receive_one_of(&expected)?;
            if kind == MessageKind::Finished {
                break;
            }
            self.answer(channel, &mut peer, first)?;
            channel.flush()?;
            images += 1;
            observe(images);
        }
        let layers = std::mem::take(&mut self.measures).into_layers();
        Ok(SessionReport {
            images,
            machine_transforms: layers.iter().map(|layer| layer.transforms).sum(),
            machine_cycles: layers.iter().map(|layer| layer.cycles).sum(),
            layers,
            host_transforms: self.context.host_transforms().read(),
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

    /// Answers one image, whose first ciphertext has arrived.
    fn answer<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        peer: &mut Peer,
        first: Vec<u8>,
    ) -> Result<(), ProtocolError> {
        self.measures.begin_image();
        let plan = &self.model.plan;
        let mut arrived = Some(first);
        let mut layers = self.model.layers.iter();
        let mut shape = plan.input_shape();
        // Before the first layer the image is the client's alone.
        let mut share: Option<Zeroizing<Vec<u64>>> = None;
        for (index, stage) in plan.stages.iter().enumerate() {
            if let Some(linear) = &stage.linear
                && let Some(layer) = layers.next()
            {
                let result = self.linear(
                    channel,
                    peer,
                    linear,
                    layer,
                    share.as_deref(),
                    arrived.take(),
                )?;
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
                self.end(
                    channel,
                    &running,
                    (&layer.name, "sum"),
                    LayerCost::default(),
                    0,
                );
            }
            if let Some(activation) = &stage.activation {
                let running = Running::start(channel);
                let circuit = activation.circuit(stage.plain_bits, plan.next_plain_bits(index));
                if let Some(window) = &activation.max_pool {
                    let window = Pool::from(*window);
                    own = Zeroizing::new(fit(pool::gather_windows(&own, shape, &window))?);
                    shape = fit(activation.output_shape(shape))?;
                }
                let mut rng = self.randomness.generator(Purpose::Garbling);
                own = peer
                    .garbler
                    .layer(channel, &circuit, &own, &mut rng)?
                    .into();
                let gates = circuit.and_gates() * shape.len();
                let name = (&activation.name[..], activation.kind());
                self.end(channel, &running, name, LayerCost::default(), gates);
            }
            share = Some(own);
        }
        let share = share.unwrap_or_default();
        self.reveal(channel, peer, shape, &share)
    }

    fn linear<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        peer: &Peer,
        linear: &LinearStage,
        layer: &EncodedLayer,
        share: Option<&Vec<u64>>,
        mut arrived: Option<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u64>>, ProtocolError> {
        let early = arrived
            .as_ref()
            .map_or(0, |bytes| HEADER_BYTES + bytes.len());
        let running = Running::start(channel).and_received(early as u64);
        let length = FreshCiphertext::wire_len(&self.context);
        let ciphertexts = (0..layer.packing().inputs())
            .map(|_| {
                let bytes = match arrived.take() {
                    Some(bytes) => bytes,
                    None => channel.receive_exact(MessageKind::Ciphertexts, length)?,
                };
                Ok(FreshCiphertext::from_bytes(&self.context, &bytes)?)
            })
            .collect::<Result<Vec<_>, ProtocolError>>()?;
        let format = layer.format();
        let input = ServerInput {
            public_key: &peer.public_key,
            ciphertexts,
            share: share.map(|share| &share[..]),
        };
        let (result, cost) = layer.answer(
            &self.context,
            &mut *self.machine,
            input,
            &mut self.randomness,
            |response| {
                channel.send(MessageKind::Response, &response.to_bytes(format))?;
                // Decryption overlaps with the next response.
                channel.flush()?;
                Ok::<(), ProtocolError>(())
            },
        )?;
        self.end(channel, &running, (&linear.name, linear.kind()), cost, 0);
        Ok(result)
    }

    fn reveal<S: Read + Write>(
        &mut self,
        channel: &mut Channel<S>,
        peer: &mut Peer,
        shape: Shape,
        share: &[u64],
    ) -> Result<(), ProtocolError> {
        let plan = &self.model.plan;
        let bits = plan.stages.last().map_or(1, |stage| stage.plain_bits);
        match plan.reveal {
            Reveal::Logits => {
                let mut masks = Vec::new();
                wire::pack(share.iter().copied(), bits, &mut masks);
                channel.send(MessageKind::LogitMasks, &masks)?;
            }
            Reveal::ArgMax => {
                let running = Running::start(channel);
                let mut rng = self.randomness.generator(Purpose::Garbling);
                peer.garbler.arg_max(channel, bits, share, &mut rng)?;
                let gates = crate::mpc::arg_max_and_gates(bits, shape.len());
                self.end(
                    channel,
                    &running,
                    ("answer", "arg max"),
                    LayerCost::default(),
                    gates,
                );
            }
        }
        Ok(())
    }

    fn end<S: Read + Write>(
        &mut self,
        channel: &Channel<S>,
        running: &Running,
        (name, kind): (&str, &str),
        cost: LayerCost,
        and_gates: usize,
    ) {
        let counts = (cost, and_gates as u64);
        self.measures
            .end(running, channel, Side::Server, name, kind, counts);
    }
}
