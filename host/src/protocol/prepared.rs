//! What both parties prepare for an image before they know it.
//!
//! Nearly everything in an inference is independent of its input: the server's shares are its own masks, so it can draw
//! them, garble on them and send the tables; the client can draw encryptions of zero. With a preparation an image takes
//!
//! | step | client to server | server to client |
//! |---|---|---|
//! | linear layer | ciphertexts: blanks filled with the share | responses, blinded as was prepared |
//! | activation | a bit for each bit of its shares | a label for each |
//!
//! and no table. A preparation serves one image, whether that comes to an answer or not: both halves are consumed by
//! use, the client's as a value that cannot be copied, the server's by the number under which it is asked for. A number
//! asked for twice, or never given out, ends the session.

use super::ProtocolError;
use crate::he::BlankCiphertext;
use crate::linear::Blinding;
use crate::mpc::{GarbledAhead, TablesAhead};

/// The client's half of a preparation for one image of one session. Using it consumes it:
///
/// ```compile_fail
/// # use addax::protocol::{Client, Prepared, ProtocolError};
/// # fn twice<S: std::io::Read + std::io::Write>(
/// #     client: &mut Client<S>, prepared: Prepared, image: &[u8]
/// # ) -> Result<(), ProtocolError> {
/// client.classify_prepared(prepared, image, |_| ())?;
/// client.classify_prepared(prepared, image, |_| ())?; // use of moved value
/// # Ok(())
/// # }
/// ```
pub struct Prepared {
    pub(super) session: [u8; 32],
    pub(super) number: u64,
    pub(super) stages: Vec<ClientStage>,
    pub(super) answer: Option<TablesAhead>,
}

impl Prepared {
    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let tables = self.stages.iter().map(|stage| &stage.activation);
        let tables = tables.chain([&self.answer]).flatten();
        let blanks = self.stages.iter().flat_map(|stage| &stage.blanks);
        tables.map(TablesAhead::memory).sum::<usize>()
            + blanks.map(BlankCiphertext::memory).sum::<usize>()
    }
}

/// A stage on the client's side.
#[derive(Default)]
pub(super) struct ClientStage {
    /// One for each ciphertext of the linear layer.
    pub blanks: Vec<BlankCiphertext>,
    pub activation: Option<TablesAhead>,
}

/// The server's half.
#[derive(Default)]
pub(super) struct ServerPrepared {
    pub stages: Vec<ServerStage>,
    pub answer: Option<GarbledAhead>,
}

impl ServerPrepared {
    /// Bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        let garbled = self.stages.iter().map(|stage| &stage.activation);
        let garbled = garbled.chain([&self.answer]).flatten();
        let blindings = self.stages.iter().flat_map(|stage| &stage.blindings);
        garbled.map(GarbledAhead::memory).sum::<usize>()
            + blindings.map(Blinding::memory).sum::<usize>()
    }
}

/// A stage on the server's side.
#[derive(Default)]
pub(super) struct ServerStage {
    /// One for each response of the linear layer.
    pub blindings: Vec<Blinding>,
    pub activation: Option<GarbledAhead>,
}

/// The server's halves of a session, by number.
#[derive(Default)]
pub(super) struct Shelf {
    next: u64,
    waiting: Vec<(u64, ServerPrepared)>,
    peak: usize,
}

impl Shelf {
    /// Whether another preparation may be asked for where `most` may wait.
    ///
    /// # Errors
    /// [`ProtocolError::TooManyPrepared`].
    pub fn has_room(&self, most: usize) -> Result<(), ProtocolError> {
        match self.waiting.len() < most {
            true => Ok(()),
            false => Err(ProtocolError::TooManyPrepared { most }),
        }
    }

    /// Keeps a preparation under the next number, which the client counts as well.
    pub fn put(&mut self, prepared: ServerPrepared) {
        self.waiting.push((self.next, prepared));
        self.next += 1;
        let memory = self.waiting.iter().map(|(_, waiting)| waiting.memory());
        self.peak = self.peak.max(memory.sum());
    }

    /// Takes the preparation of a number, for good.
    ///
    /// # Errors
    /// [`ProtocolError::NotPrepared`] for one that was used before or never made.
    pub fn take(&mut self, number: u64) -> Result<ServerPrepared, ProtocolError> {
        let place = self.waiting.iter().position(|(n, _)| *n == number);
        let place = place.ok_or(ProtocolError::NotPrepared { number })?;
        Ok(self.waiting.swap_remove(place).1)
    }

    /// Most bytes that preparations took at a time.
    pub const fn peak(&self) -> usize {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_serves_once_and_the_shelf_is_bounded() {
        const MOST: usize = 5;
        let mut shelf = Shelf::default();
        for _ in 0..MOST {
            shelf.has_room(MOST).unwrap();
            shelf.put(ServerPrepared::default());
        }
        assert!(matches!(
            shelf.has_room(MOST),
            Err(ProtocolError::TooManyPrepared { most: MOST })
        ));
        shelf.take(3).unwrap();
        shelf.has_room(MOST).unwrap();
        for unknown in [3, MOST as u64, u64::MAX] {
            assert!(matches!(
                shelf.take(unknown),
                Err(ProtocolError::NotPrepared { number }) if number == unknown
            ));
        }
        shelf.put(ServerPrepared::default());
        shelf.take(MOST as u64).unwrap();
    }
}
