//! How an entity of the target looked to a plan: what a last look before an overwrite or a delete has to find again.

use serde_json::{Map, Value};

use super::digest::digest_body;
use crate::kong::model::{Entity, EntityKind};
use crate::migration::digest::BodyDigest;

/// Digests of one entity. A list may leave out a secret that a read by id shows, or the other way round, so secrets count only where both
/// show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    open: BodyDigest,
    secret: Option<BodyDigest>,
}

impl Sighting {
    /// Of an entity as the target returned it.
    #[must_use]
    pub fn of(entity: &Entity) -> Self {
        let (kind, body) = (entity.kind, &entity.body);
        Self {
            open: digest_body(kind, &part(kind, body, false)),
            secret: shows_secret(kind, body).then(|| digest_body(kind, &part(kind, body, true))),
        }
    }

    /// True when the entity is as it was.
    #[must_use]
    pub fn is_still(&self, now: &Self) -> bool {
        let secrets = self.secret.zip(now.secret);
        self.open == now.open && secrets.is_none_or(|(before, now)| before == now)
    }
}

fn part(kind: &EntityKind, body: &Map<String, Value>, secret: bool) -> Map<String, Value> {
    let fields = body.iter();
    let wanted = fields.filter(|(name, _)| kind.secrets.contains(&name.as_str()) == secret);
    wanted
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn shows_secret(kind: &EntityKind, body: &Map<String, Value>) -> bool {
    let shown = |value: &Value| !value.is_null() && value.as_str() != Some("");
    kind.secrets
        .iter()
        .any(|field| body.get(*field).is_some_and(shown))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kong::plan::test_support::entity;

    fn still(kind: &str, before: Value, now: Value) -> bool {
        let of = |body| Sighting::of(&entity(kind, body));
        of(before).is_still(&of(now))
    }

    #[test]
    fn what_a_server_makes_itself_is_no_change_and_everything_else_is() {
        let seen = json!({"id": "s", "host": "a", "tags": ["x", "y"], "updated_at": 1, "path": null});
        for (now, same) in [
            (
                json!({"id": "s", "host": "a", "tags": ["y", "x"], "updated_at": 2}),
                true,
            ),
            (json!({"id": "s", "host": "b", "tags": ["x", "y"]}), false),
            (json!({"id": "s", "host": "a", "tags": ["x"]}), false),
            (
                json!({"id": "s", "host": "a", "tags": ["x", "y"], "path": "/p"}),
                false,
            ),
        ] {
            assert_eq!(still("services", seen.clone(), now.clone()), same, "{now}");
        }
    }

    #[test]
    fn a_secret_counts_where_both_show_it() {
        let hmac = |secret: Value| json!({"id": "h", "username": "u", "secret": secret});
        for (before, now, same) in [
            (json!("a"), json!("a"), true),
            (json!("a"), json!("b"), false),
            (json!("a"), json!(null), true),
            (json!(""), json!("b"), true),
        ] {
            assert_eq!(still("hmac-auths", hmac(before), hmac(now)), same);
        }
        let renamed = json!({"id": "h", "username": "v"});
        assert!(!still("hmac-auths", hmac(json!("a")), renamed));
    }
}
