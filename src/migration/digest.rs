//! SHA-256 of bodies, of sides and of plans.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::hex::Hex;
use super::subject::EntityKey;

/// SHA-256 of an entity's fields in their canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// Of the bytes of that form. What it is, the product decides.
    #[must_use]
    pub fn of(canonical: &[u8]) -> Self {
        Self(Sha256::digest(canonical).into())
    }

    /// Its first half: enough to tell whether an entity is as it was.
    #[must_use]
    pub fn half(&self) -> [u8; 16] {
        let mut half = [0; 16];
        half.copy_from_slice(&self.0[..16]);
        half
    }
}

/// Running SHA-256 over values.
#[derive(Default)]
pub struct Digest {
    sum: Sha256,
    text: Vec<u8>,
}

impl Digest {
    /// Adds a value in the order of its fields.
    pub fn add(&mut self, value: &impl Serialize) {
        self.write(value);
        self.end_line();
    }

    /// Adds an entity: its key as JSON, and the bytes of its body's digest.
    pub fn add_entity(&mut self, key: &EntityKey, body: &BodyDigest) {
        // Spelled out, and not left to a type's own form: hashes that people have approved are over it, so it must never move.
        self.text.extend_from_slice(b"[{\"id\":");
        self.write(&*key.id);
        self.text.extend_from_slice(b",\"kind\":");
        self.write(&*key.kind);
        self.text.extend_from_slice(b"},");
        self.text.extend_from_slice(&body.0);
        self.text.push(b']');
        self.end_line();
    }

    /// As serde writes it. Neither a plain value nor a vector refuses.
    fn write(&mut self, value: &(impl Serialize + ?Sized)) {
        let _ = serde_json::to_writer(&mut self.text, value);
    }

    fn end_line(&mut self) {
        self.text.push(b'\n');
        self.sum.update(&self.text);
        self.text.clear();
    }

    /// `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        format!("sha256:{}", Hex(&self.sum.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_and_their_order_count() {
        let of = |values: &[serde_json::Value]| {
            let mut digest = Digest::default();
            values.iter().for_each(|value| digest.add(value));
            digest.finish()
        };
        assert_eq!(of(&[]).len(), "sha256:".len() + 64);
        assert_ne!(of(&[json!(1), json!(2)]), of(&[json!(2), json!(1)]));
        assert_ne!(of(&[json!([1, 2])]), of(&[json!(1), json!(2)]));
    }
}
