//! Files of `addax device encrypt`: one fresh ciphertext, and how its plaintext lies in it.
//!
//! | bytes | what |
//! |---|---|
//! | 0–3 | `ADXC` |
//! | 4 | version, 1 |
//! | 5 | plaintext bits k |
//! | 6–7 | coefficients that hold the reading, from the first on; little-endian |
//! | 8–55335 | the ciphertext: its seed and three limbs of packed words |

use std::path::Path;

use addax::he::{Context, FreshCiphertext};
use anyhow::{Context as _, Result, bail};

const MAGIC: [u8; 5] = *b"ADXC\x01";
const HEAD: usize = MAGIC.len() + 3;

/// A ciphertext of a device's reading.
pub struct CiphertextFile {
    /// Plaintexts are mod 2^this.
    pub plain_bits: u32,
    /// Coefficients of the reading.
    pub length: usize,
    /// The ciphertext's bytes.
    pub bytes: Vec<u8>,
}

impl CiphertextFile {
    /// Writes it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut file = MAGIC.to_vec();
        file.push(self.plain_bits as u8);
        file.extend_from_slice(&(self.length as u16).to_le_bytes());
        file.extend_from_slice(&self.bytes);
        std::fs::write(path, file).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads what [`CiphertextFile::write`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, or is another.
    pub fn read(path: &Path, context: &Context) -> Result<Self> {
        use std::io::Read;
        let whole = HEAD + FreshCiphertext::wire_len(context);
        let mut file = Vec::with_capacity(whole + 1);
        std::fs::File::open(path)
            .and_then(|source| source.take(whole as u64 + 1).read_to_end(&mut file))
            .with_context(|| format!("cannot read {}", path.display()))?;
        let (plain_bits, length) = match file.strip_prefix(&MAGIC) {
            Some(&[bits, low, high, ..]) if file.len() == whole => (
                u32::from(bits),
                usize::from(u16::from_le_bytes([low, high])),
            ),
            _ => bail!("{} is not a file of `addax device encrypt`", path.display()),
        };
        if !(1..=25).contains(&plain_bits) || length > context.n() {
            bail!("{} is damaged", path.display());
        }
        Ok(Self {
            plain_bits,
            length,
            bytes: file.split_off(HEAD),
        })
    }
}
