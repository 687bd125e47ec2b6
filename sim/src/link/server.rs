//! An executor as a device on a socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::time::Duration;

use addax_core::link::fault::Rates;
use addax_core::link::message::Status;
use addax_core::link::{Channel, Device, Event, Gone, Payload};
use addax_core::machine::RingProcessor;

use super::LinkError;
use super::endpoint::{Endpoint, Transport};
use super::line::Line;

/// How long a host that comes while another is served has to hear it.
const REFUSAL: Duration = Duration::from_secs(2);

/// The device's end of a line, for [`Device::serve`].
pub struct DeviceChannel {
    endpoint: Endpoint,
    begun: bool,
    starts: u32,
}

impl DeviceChannel {
    /// Listens to a line. `nonce` as [`addax_core::link::Transport::device`] wants it.
    pub fn new(line: Line, nonce: u32) -> Self {
        let transport = Box::new(Transport::device(nonce));
        Self {
            endpoint: Endpoint::new(transport, line),
            begun: false,
            starts: 1,
        }
    }

    /// Whether there will be no further session.
    pub fn is_closed(&self) -> bool {
        self.endpoint.failure().is_some()
    }

    /// Waits until `look` finds something or the session ends.
    fn wait<T>(&mut self, mut look: impl FnMut(&mut Transport) -> Option<T>) -> Result<T, Gone> {
        let begun = &mut self.begun;
        let outcome = self.endpoint.wait(None, |transport| {
            if transport.event() == Some(Event::Opened) && std::mem::replace(begun, true) {
                return Some(Err(Gone));
            }
            look(transport).map(Ok)
        });
        outcome.unwrap_or(Err(Gone))
    }
}

impl Channel for DeviceChannel {
    fn receive(&mut self, packet: &mut Payload) -> Result<(), Gone> {
        self.wait(|transport| transport.receive(packet).then_some(()))
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), Gone> {
        self.wait(|transport| transport.has_room().then(|| transport.send(packet)))
    }

    fn status(&self) -> Status {
        let traffic = self.endpoint.traffic();
        Status {
            uptime_ms: self.endpoint.age().as_millis() as u64,
            damaged: traffic.damaged,
            repeated: traffic.repeated,
            starts: self.starts,
            ..Status::default()
        }
    }
}

/// Serves one line until it closes.
///
/// # Errors
/// [`LinkError::Randomness`].
pub fn serve_line<M, S>(device: &mut Device<M, S>, line: Line) -> Result<(), LinkError>
where
    M: RingProcessor,
    S: AsMut<[u64]>,
{
    let mut channel = DeviceChannel::new(line, random()?);
    while !channel.is_closed() {
        let Gone = device.serve(&mut channel);
    }
    Ok(())
}

/// A number that nobody knows before.
pub(super) fn random() -> Result<u32, LinkError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|_| LinkError::Randomness)?;
    Ok(u32::from_le_bytes(bytes))
}

/// What is wrong with lines on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quality {
    /// Bytes a second in each direction.
    pub rate: Option<f64>,
    /// Faults, and the seed that decides which.
    pub faults: Option<(Rates, u64)>,
}

/// Serves one host after the other, over lines of a `quality`, and tells those that come meanwhile that the device is busy.
/// `hosts` limits how many are served.
///
/// # Errors
/// A listener that fails, or no randomness.
pub fn serve<M, S>(
    device: &mut Device<M, S>,
    listener: &TcpListener,
    quality: Quality,
    hosts: Option<u64>,
    mut connected: impl FnMut(SocketAddr),
) -> io::Result<()>
where
    M: RingProcessor,
    S: AsMut<[u64]>,
{
    let next = |listener: &TcpListener| -> io::Result<(Line, SocketAddr)> {
        let (stream, peer) = listener.accept()?;
        Ok((Line::tcp(stream)?, peer))
    };
    let served = Mutex::new(false);
    let mut count = 0;
    while hosts.is_none_or(|hosts| count < hosts) {
        let (mut line, peer) = next(listener)?;
        connected(peer);
        if let Some(rate) = quality.rate {
            line = line.limited(rate);
        }
        if let Some((rates, seed)) = quality.faults {
            line = line.faulty(rates, seed.wrapping_add(count)).0;
        }
        *lock(&served) = true;
        let others = listener.try_clone()?;
        others.set_nonblocking(true)?;
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| refuse_others(&others, &served));
            let outcome = serve_line(device, line);
            *lock(&served) = false;
            outcome.map_err(io::Error::other)
        });
        listener.set_nonblocking(false)?;
        outcome?;
        count += 1;
    }
    Ok(())
}

fn lock(flag: &Mutex<bool>) -> std::sync::MutexGuard<'_, bool> {
    flag.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// While a host is served, tells others so.
fn refuse_others(listener: &TcpListener, served: &Mutex<bool>) {
    while *lock(served) {
        match listener.accept().and_then(|(stream, _)| {
            stream.set_nonblocking(false)?;
            Line::tcp(stream)
        }) {
            Ok(line) => {
                let endpoint = Endpoint::new(Box::new(Transport::refusing()), line);
                // It goes when the host has hung up, or after a while.
                let _ = endpoint.wait(Some(REFUSAL), |_| None::<()>);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
