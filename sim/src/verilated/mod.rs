//! The machine as Verilator compiles it: a child process that is told what to do over pipes.
mod build;
mod harness;
mod isolate;

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};

use addax_hdl::Shape;
use zeroize::Zeroize;

use crate::Stalls;
use crate::circuit::{Batch, Circuit, CircuitError, Command, Progress, Stop};

pub use build::{BuildError, Design, TOP, cache_directory, tools};

/// Numbers of the requests; `harness.cpp` explains them.
mod request {
    pub const COMMAND: u64 = 1;
    pub const STATUS: u64 = 2;
    pub const STALLS: u64 = 3;
    pub const ADVANCE: u64 = 4;
    pub const SLOT: u64 = 5;
    pub const TAG: u64 = 6;
}

/// A verilated machine. Its process ends when this is dropped, and with it everything that the machine held.
pub struct Verilated {
    shape: Shape,
    process: Child,
    /// None once the process has been told to end.
    requests: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
    bytes: Vec<u8>,
}

impl Verilated {
    /// Starts the simulator of a design, building it first if need be. With `trace`, which the design must have been
    /// built for, it writes every signal in every cycle to a VCD file.
    ///
    /// # Errors
    /// A simulator that cannot be built or started.
    pub fn start(design: &Design, trace: Option<&Path>) -> Result<Self, BuildError> {
        let simulator = design.simulator()?;
        let cannot = |error: String| BuildError::Start {
            path: simulator.clone(),
            error,
        };
        let mut process = Process::new(&simulator)
            .args(trace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| cannot(error.to_string()))?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| cannot("it has no pipes".to_owned()))?;
        Ok(Self {
            shape: design.shape,
            process,
            requests: Some(BufWriter::with_capacity(1 << 16, stdin)),
            answers: BufReader::with_capacity(1 << 16, stdout),
            bytes: Vec::new(),
        })
    }

    fn send(&mut self, words: &[&[u64]]) -> Result<(), CircuitError> {
        let requests = self.requests.as_mut().ok_or(CircuitError::Gone)?;
        self.bytes.clear();
        for word in words.iter().copied().flatten() {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        let sent = requests
            .write_all(&self.bytes)
            .and_then(|()| requests.flush());
        self.bytes.zeroize();
        sent.map_err(|_| CircuitError::Gone)
    }

    fn receive(&mut self, words: &mut [u64]) -> Result<(), CircuitError> {
        self.bytes.resize(8 * words.len(), 0);
        self.answers
            .read_exact(&mut self.bytes)
            .map_err(|_| CircuitError::Gone)?;
        for (word, bytes) in words.iter_mut().zip(self.bytes.chunks_exact(8)) {
            *word = bytes.try_into().map_or(0, u64::from_le_bytes);
        }
        self.bytes.zeroize();
        Ok(())
    }

    fn ask<const N: usize>(&mut self, words: &[&[u64]]) -> Result<[u64; N], CircuitError> {
        let mut answer = [0; N];
        self.send(words)?;
        self.receive(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Verilated {
    fn drop(&mut self) {
        // It ends by itself when its input does, and completes its waveform.
        self.requests = None;
        let _ = self.process.wait();
    }
}

impl Circuit for Verilated {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn command(&mut self, commands: &[Command]) -> Result<(), CircuitError> {
        let mut words = Vec::with_capacity(2 * commands.len());
        for &Command {
            kind,
            address,
            data,
        } in commands
        {
            words.extend([u64::from(kind) | u64::from(address) << 8, data]);
        }
        let header = [request::COMMAND, commands.len() as u64];
        match self.ask(&[&header, &words])? {
            [1] => Ok(()),
            _ => Err(CircuitError::Refused),
        }
    }

    fn status(&mut self, addresses: &[u64]) -> Result<Vec<u64>, CircuitError> {
        let header = [request::STATUS, addresses.len() as u64];
        let mut words = addresses.to_vec();
        self.send(&[&header, addresses])?;
        self.receive(&mut words)?;
        Ok(words)
    }

    fn set_stalls(&mut self, stalls: Stalls) -> Result<(), CircuitError> {
        let chances = [stalls.input, stalls.output].map(u64::from);
        let [_] = self.ask(&[&[request::STALLS, stalls.seed], &chances])?;
        Ok(())
    }

    fn advance(
        &mut self,
        batch: &Batch<'_>,
        output: &mut Vec<u64>,
    ) -> Result<Progress, CircuitError> {
        let flags = u64::from(batch.to_retired) | u64::from(batch.past_idle) << 1;
        let header = [
            request::ADVANCE,
            batch.input.len() as u64,
            batch.lanes as u64,
            batch.room as u64,
            flags,
            batch.cycles,
        ];
        let [stop, word, beats, running, counted, count] = self.ask(&[&header, batch.input])?;
        let count = usize::try_from(count)
            .ok()
            .filter(|&count| count <= batch.room)
            .ok_or(CircuitError::Gone)?;
        let before = output.len();
        output.resize(before + count, 0);
        self.receive(&mut output[before..])?;
        let stop = match stop {
            0 => Stop::Idle,
            1 => Stop::Input,
            2 => Stop::Output { word },
            3 => Stop::Retired,
            4 => Stop::Cycles,
            _ => return Err(CircuitError::Gone),
        };
        Ok(Progress {
            stop,
            beats: beats as usize,
            running,
            counted,
        })
    }

    fn peek_slot(&mut self, slot: u8, words: &mut [u64]) -> Result<(), CircuitError> {
        self.send(&[&[request::SLOT, u64::from(slot)]])?;
        self.receive(words)
    }

    fn peek_tag(&mut self, slot: u8) -> Result<Option<u8>, CircuitError> {
        let [tag] = self.ask(&[&[request::TAG, u64::from(slot)]])?;
        Ok((tag & 16 != 0).then_some((tag & 15) as u8))
    }
}
