//! SHA-256 of bodies, of sides and of plans.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::canonical::{write_canonical, write_plain};
use super::parallel;
use crate::kong::model::{EntityKey, EntityKind, Hex, Packed, Snapshot};

/// SHA-256 of an entity's fields in their canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// Of all fields that are compared.
    #[must_use]
    pub fn of(kind: &EntityKind, body: &Map<String, Value>) -> Self {
        let mut text = Vec::with_capacity(1024);
        write_canonical(kind, body, &mut text);
        Self(Sha256::digest(text).into())
    }

    /// The same of a packed entity.
    #[must_use]
    pub fn of_packed(packed: &Packed) -> Self {
        Self::of(packed.kind, &packed.unpack().body)
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
        write_plain(value, &mut self.text);
        self.end_line();
    }

    /// Adds an entity: its key as JSON, and the bytes of its body's digest.
    pub fn add_entity(&mut self, key: &EntityKey, body: &BodyDigest) {
        self.text.extend_from_slice(b"[{\"id\":");
        write_plain(&*key.id, &mut self.text);
        self.text.extend_from_slice(b",\"kind\":");
        write_plain(&*key.kind, &mut self.text);
        self.text.extend_from_slice(b"},");
        self.text.extend_from_slice(&body.0);
        self.text.push(b']');
        self.end_line();
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

/// The digest of every entity that one side holds.
#[derive(Debug)]
pub struct Held<'s> {
    /// By kind and id.
    bodies: Vec<(&'s EntityKey, BodyDigest)>,
}

impl<'s> Held<'s> {
    /// Digests a side.
    #[must_use]
    pub fn by(side: &'s Snapshot) -> Self {
        let held: Vec<(&EntityKey, &Packed)> = side.entities.iter().collect();
        Self {
            bodies: parallel::map(&held, |(key, packed)| (*key, BodyDigest::of_packed(packed))),
        }
    }

    /// The digest of one entity.
    #[must_use]
    pub fn get(&self, key: &EntityKey) -> Option<&BodyDigest> {
        let found = self.bodies.binary_search_by_key(&key, |(key, _)| key).ok()?;
        self.bodies.get(found).map(|(_, body)| body)
    }

    /// All of them, by kind and id.
    pub fn iter(&self) -> impl Iterator<Item = (&'s EntityKey, &BodyDigest)> {
        self.bodies.iter().map(|(key, body)| (*key, body))
    }

    /// The digest of the side.
    #[must_use]
    pub fn total(&self) -> String {
        let mut digest = Digest::default();
        self.iter().for_each(|(key, body)| digest.add_entity(key, body));
        digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kong::model::entity_kinds::named;

    fn of(body: &Value) -> BodyDigest {
        BodyDigest::of(named("services").unwrap(), body.as_object().unwrap())
    }

    #[test]
    fn key_and_body_of_an_entity_count() {
        let total = |kind: &'static str, id: &str, body: Value| {
            let mut digest = Digest::default();
            digest.add_entity(&EntityKey::new(kind, id), &of(&body));
            digest.finish()
        };
        let one = total("services", "\"s", json!({"b": 1.0, "a": "ä"}));
        assert_eq!(one, total("services", "\"s", json!({"a": "ä", "b": 1})));
        assert_ne!(one, total("services", "s", json!({"a": "ä", "b": 1})));
        assert_ne!(one, total("routes", "\"s", json!({"a": "ä", "b": 1})));
        assert_ne!(one, total("services", "\"s", json!({"a": "a", "b": 1})));
    }

    #[test]
    fn different_values_have_different_digests() {
        assert_ne!(of(&json!({"a": 1})), of(&json!({"a": "1"})));
        assert_eq!(
            of(&json!({"a": 1, "updated_at": 5})),
            of(&json!({"a": 1.0, "b": null}))
        );
        assert_eq!(Digest::default().finish().len(), "sha256:".len() + 64);
    }
}
