//! A device as an executor like any other.
//!
//! The client does for the device what the traits want: it fetches words and delivers them while the device computes, and
//! holds the device to the definition where a line could blur it. A device that was reset has lost its slots: the client
//! opens a new session, repeats the jobs that the slots depend on (`journal`), then the job under way;
//! words that were fetched are sent again from a tape, words that were delivered are compared and not
//! delivered again. So a reset costs time and nothing else.

mod run;

use std::time::{Duration, Instant};

use addax_core::isa::{Geometry, Program, validate};
use addax_core::link::message::{
    DIGEST_BYTES, Failure, Reply, Request, Status, WORDS_BYTES, WORDS_PER_PACKET, device_error,
    encode,
};
use addax_core::link::{Payload, Traffic};
use addax_core::machine::{
    Digests, LinkUse, MachineError, Report, RingProcessor, Sink, Source, Tags,
};
use addax_core::modulus::{Modulus, WORD_BITS};
use addax_core::packing::{pack_words, packed_len, unpack_words};
use zeroize::Zeroizing;

use super::endpoint::{Endpoint, Transport};
use super::journal::{Job, Journal};
use super::line::Line;
use super::session::{begin, next_packet, wait};
use super::tape::Tape;
use super::{LinkError, Patience};

/// Resets that one job survives.
const MOST_RESETS: u32 = 100;

/// The journal is replaced by what the slots hold when it has more jobs than this, or more words.
const LONGEST_JOURNAL: usize = 64;
const LARGEST_JOURNAL: usize = 1 << 25;

/// What a device said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The machine's size.
    pub geometry: Geometry,
    /// The moduli of its limbs.
    pub moduli: Vec<u64>,
    /// What computes.
    pub name: String,
    /// Whether a clock of its own counts cycles.
    pub clocked: bool,
}

/// A device over a line.
pub struct Client {
    endpoint: Endpoint,
    patience: Patience,
    identity: Identity,
    moduli: Vec<Modulus>,
    journal: Journal,
    resets: u64,
    waited: Duration,
    last_error: Option<LinkError>,
    progress: Option<Box<dyn FnMut(Transfer) + Send>>,
}

/// How far the words of a program have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Stream words sent, and those stored words that came back.
    pub done: u64,
    /// All that there will be if nothing goes wrong.
    pub all: u64,
}

/// The streams of a run; none when it is only repeated.
type Streams<'s> = Option<(&'s mut dyn Source, &'s mut dyn Sink)>;

impl Client {
    /// Opens a session with the device at the other end of a line.
    ///
    /// # Errors
    /// A device that does not answer, serves another host or speaks another version.
    pub fn open(line: Line, patience: Patience) -> Result<Self, LinkError> {
        let endpoint = Endpoint::new(Box::new(Transport::host()), line);
        begin(&endpoint, patience)?;
        let identity = loop {
            match identify(&endpoint, patience) {
                Err(LinkError::Lost) => begin(&endpoint, patience)?,
                outcome => break outcome?,
            }
        };
        let moduli = identity.moduli.iter().map(|&q| Modulus::new(q));
        let moduli = moduli
            .collect::<Result<_, _>>()
            .map_err(|_| LinkError::Nonsense)?;
        Ok(Self {
            endpoint,
            patience,
            identity,
            moduli,
            journal: Journal::default(),
            resets: 0,
            waited: Duration::ZERO,
            last_error: None,
            progress: None,
        })
    }

    /// What the device said of itself.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What has travelled.
    pub fn traffic(&self) -> Traffic {
        self.endpoint.traffic()
    }

    /// Resets of the device that were survived.
    pub const fn resets(&self) -> u64 {
        self.resets
    }

    /// Why the last job failed, if the link was the reason: with more words than [`MachineError::Device`] has.
    pub const fn last_error(&self) -> Option<LinkError> {
        self.last_error
    }

    /// From now on `progress` hears how far each program's words have come.
    pub fn on_progress(&mut self, progress: impl FnMut(Transfer) + Send + 'static) {
        self.progress = Some(Box::new(progress));
    }

    /// How the device is.
    ///
    /// # Errors
    /// A link that does not work.
    pub fn status(&mut self) -> Result<Status, MachineError> {
        self.job(|client| {
            client.send(&Request::Status)?;
            client.receive(|reply| match reply {
                Reply::Status(status) => Some(Ok(*status)),
                _ => None,
            })
        })
    }

    /// Lets the device multiply two polynomials in every limb and compare with what must come out. Empties all slots.
    ///
    /// # Errors
    /// [`MachineError::Device`] if it finds a difference, or a link that does not work.
    pub fn self_test(&mut self) -> Result<(), MachineError> {
        self.journal.clear();
        self.job(|client| {
            client.send(&Request::SelfTest)?;
            client.done()
        })
    }

    const fn n(&self) -> usize {
        self.identity.geometry.n()
    }

    /// Does a job, again after every reset.
    fn job<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<Result<T, MachineError>, LinkError>,
    ) -> Result<T, MachineError> {
        let start = Instant::now();
        self.last_error = None;
        self.endpoint.with(|transport, _| transport.watch(true));
        let mut resets = 0;
        let mut outcome = attempt(self);
        while outcome.as_ref().err() == Some(&LinkError::Lost) {
            outcome = self.resume(&mut resets).and_then(|()| attempt(self));
        }
        self.endpoint.with(|transport, _| transport.watch(false));
        self.waited += start.elapsed();
        outcome.unwrap_or_else(|error| {
            self.last_error = Some(error);
            Err(MachineError::Device(error.reason()))
        })
    }

    /// Opens a new session and repeats what the slots depend on.
    fn resume(&mut self, resets: &mut u32) -> Result<(), LinkError> {
        loop {
            self.resets += 1;
            *resets += 1;
            if *resets > MOST_RESETS {
                return Err(LinkError::Restless { resets: *resets });
            }
            match self.try_resume() {
                Err(LinkError::Lost) => {}
                outcome => return outcome,
            }
        }
    }

    fn try_resume(&mut self) -> Result<(), LinkError> {
        begin(&self.endpoint, self.patience)?;
        self.endpoint.with(|transport, _| transport.watch(true));
        let found = identify(&self.endpoint, self.patience)?;
        let Identity {
            geometry, moduli, ..
        } = &self.identity;
        if (found.geometry, &found.moduli) != (*geometry, moduli) {
            return Err(LinkError::Changed);
        }
        let mut journal = std::mem::take(&mut self.journal);
        let mut repeat = || {
            for job in journal.jobs_mut() {
                let as_before = match job {
                    Job::Load { slot, limb, words } => self.try_load(*slot, *limb, words)?.is_ok(),
                    Job::Run {
                        program,
                        tape,
                        succeeded,
                    } => self.try_run(program, tape, &mut None)?.is_ok() == *succeeded,
                };
                if !as_before {
                    return Err(LinkError::Differs);
                }
            }
            Ok(())
        };
        let outcome = repeat();
        self.journal = journal;
        outcome
    }

    /// Adds to the journal, and makes it short when it has become long.
    fn note(&mut self, job: Job) -> Result<(), MachineError> {
        self.journal.push(job);
        if self.journal.len() <= LONGEST_JOURNAL && self.journal.words() <= LARGEST_JOURNAL {
            return Ok(());
        }
        let mut slots = Vec::new();
        for slot in 0..self.identity.geometry.slots() as u8 {
            let mut words = Zeroizing::new(vec![0; self.n()]);
            match self.store(slot, &mut words) {
                Ok(limb) => slots.push(Job::Load { slot, limb, words }),
                Err(MachineError::Unwritten { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.journal.clear();
        for job in slots {
            self.journal.push(job);
        }
        Ok(())
    }

    fn send(&self, request: &Request<'_>) -> Result<(), LinkError> {
        let packet = encode(request);
        let start = Instant::now();
        self.wait(start, |transport| {
            transport.has_room().then(|| transport.send(&packet))
        })
    }

    /// Waits for something in the session, since `start` at the earliest.
    fn wait<T>(
        &self,
        start: Instant,
        look: impl FnMut(&mut Transport) -> Option<T>,
    ) -> Result<T, LinkError> {
        wait(&self.endpoint, self.patience, start, look)
    }

    fn next_packet(&self) -> Result<Payload, LinkError> {
        next_packet(&self.endpoint, self.patience)
    }

    /// Waits for a reply. Failures are errors; `read` says `None` to what makes no sense.
    fn receive<T>(
        &self,
        read: impl FnOnce(&Reply<'_>) -> Option<Result<T, MachineError>>,
    ) -> Result<Result<T, MachineError>, LinkError> {
        let packet = self.next_packet()?;
        match Reply::parse(&packet).map_err(|_| LinkError::Nonsense)? {
            Reply::Failed(failure) => Ok(Err(self.error(failure, None))),
            reply => read(&reply).ok_or(LinkError::Nonsense),
        }
    }

    fn done(&self) -> Result<Result<(), MachineError>, LinkError> {
        self.receive(|reply| matches!(reply, Reply::Done).then_some(Ok(())))
    }

    fn error(&self, failure: Failure, program: Option<&Program>) -> MachineError {
        failure.into_error(program, &self.identity.geometry, self.moduli.len())
    }

    fn try_load(
        &self,
        slot: u8,
        limb: u8,
        words: &[u64],
    ) -> Result<Result<(), MachineError>, LinkError> {
        self.send(&Request::Load { slot, limb })?;
        for words in words.chunks(WORDS_PER_PACKET) {
            self.send_words(words)?;
        }
        self.done()
    }

    fn send_words(&self, words: &[u64]) -> Result<(), LinkError> {
        let mut packed = Zeroizing::new([0; WORDS_BYTES]);
        let packed = &mut packed[..packed_len(words.len(), WORD_BITS)];
        pack_words(words, packed);
        self.send(&Request::Words {
            count: words.len() as u16,
            packed,
        })
    }

    fn try_store(
        &self,
        slot: u8,
        words: &mut [u64],
    ) -> Result<Result<u8, MachineError>, LinkError> {
        self.send(&Request::Store { slot })?;
        let slot = self.receive(|reply| match *reply {
            Reply::Slot { limb } => Some(Ok(limb)),
            _ => None,
        })?;
        let Ok(limb) = slot else { return Ok(slot) };
        let mut filled = 0;
        while filled < words.len() {
            let rest = &mut words[filled..];
            filled += self.receive(|reply| match *reply {
                Reply::Words { count, packed } => {
                    unpack_words(packed, rest.get_mut(..usize::from(count))?)?;
                    Some(Ok(usize::from(count)))
                }
                _ => None,
            })??;
        }
        Ok(Ok(limb))
    }
}

fn identify(endpoint: &Endpoint, patience: Patience) -> Result<Identity, LinkError> {
    let request = encode(&Request::Identify);
    wait(endpoint, patience, Instant::now(), |transport| {
        transport.watch(true);
        transport.has_room().then(|| transport.send(&request))
    })?;
    let packet = next_packet(endpoint, patience)?;
    let found = match Reply::parse(&packet) {
        Ok(Reply::Identity(found)) => found,
        Ok(Reply::Failed(Failure::Device(number))) => {
            return Err(LinkError::Refused {
                reason: device_error(number),
            });
        }
        _ => return Err(LinkError::Nonsense),
    };
    let geometry = Geometry::new(
        found.log_n.into(),
        found.butterflies.into(),
        found.slots.into(),
    );
    let (moduli, _) = found.moduli.as_chunks::<8>();
    Ok(Identity {
        geometry: geometry.map_err(|_| LinkError::Nonsense)?,
        moduli: moduli
            .iter()
            .map(|&modulus| u64::from_le_bytes(modulus))
            .collect(),
        // The name is shown to people.
        name: found
            .name
            .chars()
            .filter(|character| !character.is_control())
            .collect(),
        clocked: found.clocked,
    })
}

impl RingProcessor for Client {
    fn geometry(&self) -> Geometry {
        self.identity.geometry
    }

    fn reset(&mut self) -> Result<(), MachineError> {
        self.journal.clear();
        self.job(|client| {
            client.send(&Request::Reset)?;
            client.done()
        })
    }

    fn load(&mut self, slot: u8, limb: u8, words: &[u64]) -> Result<(), MachineError> {
        Tags::load_target(
            &self.identity.geometry,
            self.moduli.len(),
            slot,
            limb,
            words,
        )?;
        let q = self.moduli[usize::from(limb)].value();
        if let Some(position) = words.iter().position(|&word| word >= q) {
            return Err(MachineError::Residue { position, limb });
        }
        self.job(|client| client.try_load(slot, limb, words))?;
        self.note(Job::Load {
            slot,
            limb,
            words: Zeroizing::new(words.to_vec()),
        })
    }

    fn store(&mut self, slot: u8, words: &mut [u64]) -> Result<u8, MachineError> {
        Tags::slot(&self.identity.geometry, slot)?;
        let mut all = Zeroizing::new(vec![0; self.n()]);
        let limb = self.job(|client| client.try_store(slot, &mut all))?;
        let (expected, found) = (all.len(), words.len());
        if expected != found {
            return Err(MachineError::Length { expected, found });
        }
        words.copy_from_slice(&all);
        Ok(limb)
    }

    fn run(
        &mut self,
        program: &Program,
        source: &mut dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Report, MachineError> {
        validate(program, &self.identity.geometry, self.moduli.len())?;
        let mut tape = Tape::default();
        let mut streams: Streams<'_> = Some((source, sink));
        let outcome = self.job(|client| client.try_run(program, &mut tape, &mut streams));
        if self.last_error.is_none() {
            let succeeded = outcome.is_ok();
            self.note(Job::Run {
                program: Box::new(program.clone()),
                tape,
                succeeded,
            })?;
        }
        outcome
    }

    fn digests(&mut self) -> Result<Option<Digests>, MachineError> {
        let slots = self.identity.geometry.slots();
        self.job(|client| {
            client.send(&Request::Digests)?;
            client.receive(|reply| match reply {
                Reply::Digests(bytes) if bytes.len() == slots * (1 + DIGEST_BYTES) => {
                    let digest = |slot: &[u8; 1 + DIGEST_BYTES]| {
                        let (limb, digest) = (slot[0], std::array::from_fn(|i| slot[1 + i]));
                        (limb != u8::MAX).then_some((limb, digest))
                    };
                    Some(Ok(Some(bytes.as_chunks().0.iter().map(digest).collect())))
                }
                _ => None,
            })
        })
    }

    fn link_use(&self) -> Option<LinkUse> {
        let traffic = self.endpoint.traffic();
        Some(LinkUse {
            bytes_out: traffic.wire_out,
            bytes_in: traffic.wire_in,
            repeated: traffic.repeated,
            resets: self.resets,
            micros: self.waited.as_micros() as u64,
        })
    }
}

impl From<MachineError> for LinkError {
    /// A failure in the middle of an answer.
    fn from(_: MachineError) -> Self {
        Self::Nonsense
    }
}
