//! `addax serve`: a model for clients that keep their images to themselves.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use addax::accel::Accelerator;
use addax::he::TransformCounts;
use addax::protocol::{ServerModel, SessionReport};
use addax::random::PartyRandomness;
use addax_core::isa::Geometry;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::connection::{self, Address};
use super::load::{ModelArgs, reveal};
use super::memory::peak_mb;
use super::output::{self, Report, milliseconds, plural, print};
use super::progress;

/// Arguments of `addax serve`.
#[derive(Args)]
pub struct ServeArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7700")]
    listen: Address,
    /// What computes on ciphertexts; see `addax accel list`
    #[arg(long, default_value_t)]
    accelerator: Accelerator,
    /// Reveal the label only, not the logits
    #[arg(long)]
    arg_max: bool,
    /// How long a client may take for a message
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = connection::seconds)]
    timeout: Duration,
    /// End after so many sessions, failed ones included
    #[arg(long, value_name = "COUNT")]
    sessions: Option<u64>,
    /// Clients served at a time; others wait. Where a device computes, it is one
    #[arg(long, value_name = "COUNT", default_value = "8")]
    max_clients: NonZeroUsize,
    /// Write the address to this file once clients can connect
    #[arg(long, value_name = "FILE")]
    address_file: Option<PathBuf>,
}

/// What a server did until it ended.
#[derive(Serialize, Deserialize)]
pub struct ServeReport {
    /// Where it listened.
    pub address: SocketAddr,
    /// What computed.
    pub accelerator: String,
    /// Transforms for encoding the weights, once for all sessions.
    pub encoding_transforms: u64,
    /// Sessions that came to their end.
    pub sessions: Vec<SessionRow>,
    /// Sessions that did not.
    pub failures: Vec<Failure>,
    /// Most memory that the process had, in megabytes, where the system tells.
    #[serde(default)]
    pub peak_mb: Option<f64>,
}

/// A session that came to its end.
#[derive(Serialize)]
pub struct SessionRow {
    /// The client's address.
    pub peer: SocketAddr,
    /// Bytes from client to server.
    pub bytes_up: u64,
    /// Bytes from server to client.
    pub bytes_down: u64,
    /// What was computed.
    #[serde(flatten)]
    pub report: SessionReport,
}

/// One object is read as two, because numbers of flattened fields cannot be read when `serde_json` keeps all their digits,
/// as the decoder of device logs has it do.
impl<'de> Deserialize<'de> for SessionRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Line {
            peer: SocketAddr,
            bytes_up: u64,
            bytes_down: u64,
        }
        let row = serde_json::Value::deserialize(deserializer)?;
        let Line {
            peer,
            bytes_up,
            bytes_down,
        } = Line::deserialize(&row).map_err(D::Error::custom)?;
        let report = SessionReport::deserialize(&row).map_err(D::Error::custom)?;
        Ok(Self {
            peer,
            bytes_up,
            bytes_down,
            report,
        })
    }
}

/// A session that failed.
#[derive(Serialize, Deserialize)]
pub struct Failure {
    /// The client's address.
    pub peer: SocketAddr,
    /// Why.
    pub error: String,
}

impl Report for ServeReport {
    fn text(&self, _width: usize) -> String {
        let served = plural(self.sessions.len(), "session");
        format!("{served} served, {} failed", self.failures.len())
    }
}

impl ServeReport {
    /// Transforms outside the ring processor, by reason: the encoding of weights and those of all sessions.
    pub fn host_transforms(&self) -> TransformCounts {
        let sessions = self.sessions.iter().map(|row| row.report.host_transforms);
        let none = TransformCounts {
            encoding: self.encoding_transforms,
            ..TransformCounts::default()
        };
        sessions.fold(none, |sum, counts| TransformCounts {
            encryption: sum.encryption + counts.encryption,
            encoding: sum.encoding + counts.encoding,
            decryption: sum.decryption + counts.decryption,
        })
    }
}

/// Serves until the sessions asked for have ended, or until the process is ended.
///
/// # Errors
/// A model that cannot be served, an address that cannot be listened on. Failed sessions are reported, not errors.
pub fn run(args: &ServeArgs, json: bool) -> Result<ServeReport> {
    let network = args.model.network()?;
    let model = args.model.server_model(&network, reveal(args.arg_max))?;
    if args.accelerator.place().is_some() {
        // A device that cannot be used is no news for the first client, but for whoever starts the server.
        drop(
            args.accelerator
                .open(&**model.context().basis(), Geometry::DEFAULT)?,
        );
    }
    let name = args.listen.as_str();
    let listener = TcpListener::bind(name).with_context(|| format!("cannot listen on {name}"))?;
    let address = listener.local_addr()?;
    announce(address, args.address_file.as_deref(), json)?;

    // A device serves one host at a time.
    let clients = match args.accelerator.place() {
        Some(_) => NonZeroUsize::MIN,
        None => args.max_clients,
    };
    let server = Server {
        args,
        model: &model,
        json,
        room: Room::new(clients),
        sessions: Mutex::default(),
        failures: Mutex::default(),
    };
    std::thread::scope(|scope| {
        let mut accepted = 0;
        while args.sessions.is_none_or(|most| accepted < most) {
            let place = server.room.enter();
            match listener.accept() {
                Ok((stream, peer)) => {
                    accepted += 1;
                    let server = &server;
                    scope.spawn(move || {
                        server.session(stream, peer);
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::error!("cannot accept a client: {error}");
                    // Out of file handles, most likely: give sessions the time to end.
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
    });
    Ok(ServeReport {
        address,
        accelerator: args.accelerator.to_string(),
        encoding_transforms: model.context().host_transforms().read().encoding,
        sessions: server
            .sessions
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner),
        failures: server
            .failures
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner),
        peak_mb: peak_mb(),
    })
}

fn announce(address: SocketAddr, file: Option<&Path>, json: bool) -> Result<()> {
    if let Some(file) = file {
        // Whoever waits for the file must not find it empty.
        let part = file.with_extension("part");
        std::fs::write(&part, address.to_string())
            .and_then(|()| std::fs::rename(&part, file))
            .with_context(|| format!("cannot write the address to {}", file.display()))?;
    }
    let line = format!("listening on {address}");
    if json {
        eprintln!("{line}");
    } else {
        print(&line)?;
    }
    Ok(())
}

struct Server<'a> {
    args: &'a ServeArgs,
    model: &'a ServerModel,
    json: bool,
    room: Room,
    sessions: Mutex<Vec<SessionRow>>,
    failures: Mutex<Vec<Failure>>,
}

impl Server<'_> {
    /// Serves one client; whatever happens, the server goes on.
    fn session(&self, stream: TcpStream, peer: SocketAddr) {
        tracing::info!(%peer, "session begins");
        let result = catch_unwind(AssertUnwindSafe(|| self.serve(stream, peer)))
            .unwrap_or_else(|_| Err(anyhow!("the session ended in a defect of this program")));
        // A server without an end would collect reports without an end.
        let keeps = self.args.sessions.is_some();
        match result {
            Ok(row) => {
                if !self.json {
                    let images = plural(row.report.images as usize, "image");
                    let ms = milliseconds(row.report.ms);
                    let bytes = output::bytes(row.bytes_up + row.bytes_down);
                    // Nobody may be reading any more; the clients are still there.
                    let _ = print(&format!("{peer}: {images} in {ms} ms, {bytes}"));
                }
                if keeps {
                    lock(&self.sessions).push(row);
                }
            }
            Err(error) => {
                let error = super::describe(&error);
                tracing::error!(%peer, "session failed: {error}");
                if keeps {
                    lock(&self.failures).push(Failure { peer, error });
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) -> Result<SessionRow> {
        let mut channel = connection::channel(stream, self.args.timeout)?;
        let basis = self.model.context().basis();
        let opened = self
            .args
            .accelerator
            .open_kind(&**basis, Geometry::DEFAULT, None)?;
        let mut machine = progress::watched(opened);
        let randomness = PartyRandomness::from_system()?;
        let report = self
            .model
            .serve(&mut channel, &mut *machine, randomness, |images| {
                tracing::debug!(%peer, images, "answered");
            })?;
        Ok(SessionRow {
            peer,
            bytes_up: channel.bytes_received(),
            bytes_down: channel.bytes_sent(),
            report,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number of places that are taken and given back.
struct Room {
    free: Mutex<usize>,
    left: Condvar,
}

struct Place<'a>(&'a Room);

impl Room {
    fn new(places: NonZeroUsize) -> Self {
        Self {
            free: Mutex::new(places.get()),
            left: Condvar::new(),
        }
    }

    fn enter(&self) -> Place<'_> {
        let free = lock(&self.free);
        let mut free = self
            .left
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.left.notify_one();
    }
}
