//! A host's sessions with a device, whatever the device does: packets in order, within a patience.

use std::time::{Duration, Instant};

use addax_core::link::{Payload, Traffic};

use super::LinkError;
use super::endpoint::{Endpoint, Transport, event_error};
use super::line::Line;
use super::server::random;

/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For any sign of life.
    pub silence: Duration,
    /// For a job to go on, while the device is alive.
    pub job: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(10),
            job: Duration::from_secs(600),
        }
    }
}

/// A session with a device, for programs that speak another language than
/// [`Client`](super::Client) does.
pub struct Session {
    endpoint: Endpoint,
    patience: Patience,
}

impl Session {
    /// Opens a session with the device at the other end of a line.
    ///
    /// # Errors
    /// A device that does not answer, serves another host or speaks another version.
    pub fn open(line: Line, patience: Patience) -> Result<Self, LinkError> {
        let endpoint = Endpoint::new(Box::new(Transport::host()), line);
        let session = Self { endpoint, patience };
        session.reopen()?;
        Ok(session)
    }

    /// Opens another session over the same line, after [`LinkError::Lost`].
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn reopen(&self) -> Result<(), LinkError> {
        loop {
            match begin(&self.endpoint, self.patience) {
                Err(LinkError::Lost) => {}
                outcome => break outcome?,
            }
        }
        // A device that is reset while nobody speaks is noticed.
        self.endpoint.with(|transport, _| transport.watch(true));
        Ok(())
    }

    /// Sends a packet, if need be after waiting for room.
    ///
    /// # Errors
    /// [`LinkError::Lost`] if the device was reset; otherwise a link that does not work.
    pub fn send(&self, packet: &[u8]) -> Result<(), LinkError> {
        wait(&self.endpoint, self.patience, Instant::now(), |transport| {
            transport.has_room().then(|| transport.send(packet))
        })
    }

    /// Waits for the next packet.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn receive(&self) -> Result<Payload, LinkError> {
        next_packet(&self.endpoint, self.patience)
    }

    /// Sends a packet unless one arrives first, which is then returned.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn send_or_receive(&self, packet: &[u8]) -> Result<Option<Payload>, LinkError> {
        let mut arrived = Payload::new();
        wait(&self.endpoint, self.patience, Instant::now(), |transport| {
            if transport.receive(&mut arrived) {
                return Some(true);
            }
            transport.has_room().then(|| {
                transport.send(packet);
                false
            })
        })
        .map(|came| came.then_some(arrived))
    }

    /// What has travelled.
    pub fn traffic(&self) -> Traffic {
        self.endpoint.traffic()
    }
}

/// Waits for something in the session, since `start` at the earliest.
pub(super) fn wait<T>(
    endpoint: &Endpoint,
    patience: Patience,
    start: Instant,
    mut look: impl FnMut(&mut Transport) -> Option<T>,
) -> Result<T, LinkError> {
    endpoint.wait(Some(patience.silence), |transport| {
        if let Some(error) = transport.event().and_then(event_error) {
            return Some(Err(error));
        }
        if let Some(found) = look(transport) {
            return Some(Ok(found));
        }
        let waited = start.elapsed();
        (waited > patience.job).then_some(Err(LinkError::Stuck {
            seconds: waited.as_secs(),
        }))
    })?
}

/// Waits for the next packet.
pub(super) fn next_packet(endpoint: &Endpoint, patience: Patience) -> Result<Payload, LinkError> {
    let mut packet = Payload::new();
    wait(endpoint, patience, Instant::now(), |transport| {
        transport.receive(&mut packet).then_some(())
    })?;
    Ok(packet)
}

/// Opens a session.
pub(super) fn begin(endpoint: &Endpoint, patience: Patience) -> Result<(), LinkError> {
    let half = random()?;
    endpoint.with(|transport, now| transport.open(now, half));
    wait(endpoint, patience, Instant::now(), |transport| {
        transport.is_open().then_some(())
    })
}
