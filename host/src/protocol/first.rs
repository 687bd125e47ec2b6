//! Who holds a layer's input, and makes ciphertexts of it: this party, or something that it does not see into.

use zeroize::Zeroizing;

use super::ProtocolError;
use crate::he::{BlankCiphertext, Context, FreshCiphertext, PublicKey, SecretKey};
use crate::linear::Packing;
use crate::net::{self, Shape};
use crate::random::PartyRandomness;

/// The layer whose input is encrypted. All of it is public.
pub struct FirstLayer<'p> {
    /// Where values stand in polynomials.
    pub packing: &'p Packing,
    /// Plaintexts are mod 2^this.
    pub plain_bits: u32,
    /// Bits of a value of the network's input: pixels are rounded to so many.
    pub input_bits: u32,
}

/// Whoever holds values that a linear layer takes in encrypted.
pub trait Input {
    /// The session's keys: the secret key, and the bytes of a public key for the server.
    ///
    /// # Errors
    /// What whoever holds the keys fails with.
    fn keys(
        &mut self,
        context: &Context,
        randomness: &mut PartyRandomness,
    ) -> Result<(SecretKey, Vec<u8>), ProtocolError>;

    /// The bytes of a fresh ciphertext of the layer's `index`-th input polynomial. Asked for in order, from 0; 0 begins
    /// another input.
    ///
    /// # Errors
    /// What whoever holds the values fails with.
    fn encrypt(
        &mut self,
        layer: &FirstLayer<'_>,
        index: usize,
        encryptor: Encryptor<'_>,
    ) -> Result<Vec<u8>, ProtocolError>;

    /// The values themselves, for a network that does not begin with a linear layer.
    ///
    /// # Errors
    /// An input that gives its values to nobody.
    fn values(&mut self) -> Result<Zeroizing<Vec<u64>>, ProtocolError>;
}

/// Encrypts with this party's secret key, and its randomness or what was drawn of that ahead.
pub struct Encryptor<'c> {
    context: &'c Context,
    secret: &'c SecretKey,
    randomness: &'c mut PartyRandomness,
    blank: Option<BlankCiphertext>,
}

impl<'c> Encryptor<'c> {
    pub(super) const fn new(
        context: &'c Context,
        secret: &'c SecretKey,
        randomness: &'c mut PartyRandomness,
        blank: Option<BlankCiphertext>,
    ) -> Self {
        Self {
            context,
            secret,
            randomness,
            blank,
        }
    }

    /// The context of the session.
    #[must_use]
    pub const fn context(&self) -> &Context {
        self.context
    }

    /// The bytes of a fresh ciphertext of n integers mod 2^plain_bits.
    #[must_use]
    pub fn encrypt(self, plain_bits: u32, message: &[u64]) -> Vec<u8> {
        let ciphertext = match self.blank {
            Some(blank) => blank.fill(self.context, plain_bits, message),
            None => FreshCiphertext::encrypt(
                self.context,
                self.secret,
                plain_bits,
                message,
                self.randomness,
            ),
        };
        ciphertext.to_bytes(self.context)
    }
}

/// Values that this party holds: an image, or its share of what a layer left. Zeroised on drop.
#[derive(Default)]
pub struct OwnImage {
    values: Zeroizing<Vec<u64>>,
}

impl OwnImage {
    /// An image of bytes, in channel, row, column order.
    ///
    /// # Errors
    /// Another size.
    pub fn of(shape: Shape, input_bits: u32, image: &[u8]) -> Result<Self, ProtocolError> {
        let values = Zeroizing::new(net::network::image_values(shape, input_bits, image)?);
        let values: Vec<u64> = values.iter().map(|&value| value as u64).collect();
        Ok(Zeroizing::new(values).into())
    }
}

impl From<Zeroizing<Vec<u64>>> for OwnImage {
    fn from(values: Zeroizing<Vec<u64>>) -> Self {
        Self { values }
    }
}

impl Input for OwnImage {
    fn keys(
        &mut self,
        context: &Context,
        randomness: &mut PartyRandomness,
    ) -> Result<(SecretKey, Vec<u8>), ProtocolError> {
        let secret = SecretKey::generate(context, randomness);
        let public = PublicKey::generate(context, &secret, randomness).to_bytes(context);
        Ok((secret, public))
    }

    fn encrypt(
        &mut self,
        layer: &FirstLayer<'_>,
        index: usize,
        encryptor: Encryptor<'_>,
    ) -> Result<Vec<u8>, ProtocolError> {
        let message = Zeroizing::new(layer.packing.input_polynomial(&self.values, index));
        Ok(encryptor.encrypt(layer.plain_bits, &message))
    }

    fn values(&mut self) -> Result<Zeroizing<Vec<u64>>, ProtocolError> {
        Ok(std::mem::take(&mut self.values))
    }
}
