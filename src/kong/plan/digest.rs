//! SHA-256 of bodies and of sides.

use serde_json::{Map, Value};

use super::canonical::write_canonical;
use crate::kong::model::{EntityKind, Packed, Snapshot};
use crate::migration::digest::{BodyDigest, Digest};
use crate::migration::parallel;
use crate::migration::subject::EntityKey;

/// The digest of all fields that are compared.
#[must_use]
pub fn digest_body(kind: &EntityKind, body: &Map<String, Value>) -> BodyDigest {
    let mut text = Vec::with_capacity(1024);
    write_canonical(kind, body, &mut text);
    BodyDigest::of(&text)
}

/// The same of a packed entity.
#[must_use]
pub fn digest_packed(packed: &Packed) -> BodyDigest {
    digest_body(packed.kind, &packed.unpack().body)
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
            bodies: parallel::map(&held, |(key, packed)| (*key, digest_packed(packed))),
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
        digest_body(named("services").unwrap(), body.as_object().unwrap())
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
