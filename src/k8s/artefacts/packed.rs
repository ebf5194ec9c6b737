//! A document on its way into Secrets: compressed while it is written, so that the whole text is never held.

use std::io::{self, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::{CHUNK, MOST_BYTES};
use crate::migration::hex::Hex;

/// A compressed document with the digest of its text.
#[derive(Debug)]
pub struct PackedDocument {
    pub(super) compressed: Vec<u8>,
    pub(super) digest: String,
}

impl PackedDocument {
    /// Compresses what `text` writes.
    ///
    /// # Errors
    /// What `text` returns.
    pub fn write(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Self> {
        let mut writer = Digesting {
            encoder: GzEncoder::new(Vec::new(), Compression::default()),
            digest: Sha256::new(),
        };
        {
            let mut buffered = io::BufWriter::new(&mut writer);
            text(&mut buffered)?;
            buffered.flush()?;
        }
        Ok(Self {
            digest: shown(writer.digest),
            compressed: writer.encoder.finish()?,
        })
    }

    /// The parts that fit into a Secret each; at least one.
    pub(super) fn chunks(&self) -> Vec<&[u8]> {
        self.compressed.chunks(CHUNK).collect()
    }
}

struct Digesting {
    encoder: GzEncoder<Vec<u8>>,
    digest: Sha256,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write_all(bytes)?;
        self.digest.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text again, if it is the one that was digested.
pub(super) fn unpack(compressed: &[u8], expected: &str) -> Option<Vec<u8>> {
    use io::Read as _;
    let mut document = Vec::new();
    GzDecoder::new(compressed)
        .take(MOST_BYTES)
        .read_to_end(&mut document)
        .ok()?;
    (digest(&document) == expected).then_some(document)
}

/// The digest of a text.
pub(super) fn digest(text: &[u8]) -> String {
    shown(Sha256::new_with_prefix(text))
}

fn shown(digest: Sha256) -> String {
    format!("sha256:{}", Hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_it_was_written_and_no_other() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
        let packed =
            PackedDocument::write(|out| text.chunks(7).try_for_each(|part| out.write_all(part))).unwrap();
        assert_eq!(packed.digest, digest(&text));
        assert_eq!(unpack(&packed.compressed, &packed.digest), Some(text));
        assert_eq!(unpack(&packed.compressed, &digest(b"another")), None);
        assert_eq!(unpack(b"no gzip", &packed.digest), None);
    }

    #[test]
    fn the_same_document_compresses_to_the_same_bytes() {
        let packed = || {
            PackedDocument::write(|out| out.write_all(&[b'x'; 100_000]))
                .unwrap()
                .compressed
        };
        assert_eq!(packed(), packed());
        assert!(packed().len() < 1000);
    }
}
