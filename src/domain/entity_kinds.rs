//! The table of entity kinds: the single place that knows them. Adding a kind is adding a row.
//!
//! Facts: Kong Admin API 3.9 and 3.10 (source paths), Konnect control planes configuration API 3.15 (target paths, closed objects),
//! recorded exchanges of Kong 3.9.1 (read-only fields).

use super::entity_kind::{EntityKind, ForeignKey, Listing, Write};

const fn fk(field: &'static str, kind: &'static str) -> ForeignKey {
    ForeignKey { field, kind }
}

const CONSUMER: &[ForeignKey] = &[fk("consumer", "consumers")];

/// A credential: listed flat, written below its consumer.
const fn credential(name: &'static str, path: &'static str) -> EntityKind {
    EntityKind {
        write: Write::PutBelow {
            parent: "consumers",
            field: "consumer",
            path,
        },
        foreign_keys: CONSUMER,
        ..EntityKind::flat(name, 2)
    }
}

/// An entity that Konnect cannot hold.
const fn impossible(name: &'static str, reason: &'static str) -> EntityKind {
    EntityKind {
        target: None,
        write: Write::Impossible(reason),
        unique: &[],
        ..EntityKind::flat(name, 5)
    }
}

/// All kinds, by level.
pub static ENTITY_KINDS: &[EntityKind] = &[
    EntityKind {
        unique: &[&["prefix"]],
        labels: &["prefix"],
        secrets: &["config"],
        ..EntityKind::flat("vaults", 0)
    },
    EntityKind {
        unique: &[&["cert"]],
        read_only: &["id", "created_at", "updated_at", "cert_digest"],
        labels: &[],
        ..EntityKind::flat("ca_certificates", 1)
    },
    EntityKind {
        unique: &[],
        // Server name indications are entities of their own; Konnect refuses the list as input.
        read_only: &["id", "created_at", "updated_at", "snis"],
        secrets: &["key", "key_alt"],
        labels: &[],
        ..EntityKind::flat("certificates", 1)
    },
    EntityKind::flat("key-sets", 1),
    EntityKind {
        secrets: &["config"],
        ..EntityKind::flat("partials", 1)
    },
    EntityKind {
        unique: &[&["username"], &["custom_id"]],
        // Enterprise editions return the lower-case copy that their own look-ups use.
        read_only: &["id", "created_at", "updated_at", "username_lower"],
        // 0 is a consumer of the proxy; other values belong to the self-managed Dev Portal.
        inert: &[("type", 0)],
        labels: &["username", "custom_id"],
        ..EntityKind::flat("consumers", 1)
    },
    EntityKind::flat("consumer_groups", 1),
    EntityKind {
        foreign_keys: &[fk("certificate", "certificates")],
        ..EntityKind::flat("snis", 2)
    },
    EntityKind {
        foreign_keys: &[fk("set", "key-sets")],
        unique: &[&["name"], &["kid", "set"]],
        secrets: &["jwk", "pem"],
        labels: &["name", "kid"],
        ..EntityKind::flat("keys", 2)
    },
    EntityKind {
        foreign_keys: &[
            fk("client_certificate", "certificates"),
            fk("ca_certificates", "ca_certificates"),
        ],
        sets: &["tags", "ca_certificates"],
        ..EntityKind::flat("services", 2)
    },
    EntityKind {
        foreign_keys: &[fk("client_certificate", "certificates")],
        ..EntityKind::flat("upstreams", 2)
    },
    EntityKind {
        unique: &[&["key"]],
        secrets: &["key"],
        // The seconds left tick on, so two reads of an unchanged credential differ.
        write_only: &["ttl"],
        labels: &[],
        ..credential("key-auths", "key-auth")
    },
    EntityKind {
        unique: &[&["username"]],
        secrets: &["password"],
        // Undocumented, used by Kong's own tools: the stored hash is taken as it is instead of being hashed again.
        write_query: &[("skip_hash", "true")],
        labels: &["username"],
        ..credential("basic-auths", "basic-auth")
    },
    EntityKind {
        unique: &[&["username"]],
        secrets: &["secret"],
        labels: &["username"],
        ..credential("hmac-auths", "hmac-auth")
    },
    EntityKind {
        unique: &[&["key"]],
        secrets: &["secret"],
        labels: &[],
        ..credential("jwts", "jwt")
    },
    EntityKind {
        unique: &[&["consumer", "group"]],
        labels: &["group"],
        ..credential("acls", "acls")
    },
    EntityKind {
        source: Listing::Below {
            parent: "consumer_groups",
            path: "consumers",
        },
        target: Some(Listing::Below {
            parent: "consumer_groups",
            path: "consumers",
        }),
        write: Write::Member,
        foreign_keys: &[
            fk("consumer_group", "consumer_groups"),
            fk("consumer", "consumers"),
        ],
        unique: &[],
        labels: &[],
        ..EntityKind::flat(MEMBERS, 2)
    },
    EntityKind {
        foreign_keys: &[fk("service", "services")],
        sets: &[
            "tags",
            "protocols",
            "methods",
            "hosts",
            "snis",
            "sources",
            "destinations",
        ],
        ..EntityKind::flat("routes", 3)
    },
    EntityKind {
        source: Listing::Below {
            parent: "upstreams",
            path: "targets",
        },
        write: Write::PutBelow {
            parent: "upstreams",
            field: "upstream",
            path: "targets",
        },
        foreign_keys: &[fk("upstream", "upstreams")],
        unique: &[&["upstream", "target"]],
        labels: &["target"],
        ..EntityKind::flat("targets", 3)
    },
    EntityKind {
        foreign_keys: &[
            fk("service", "services"),
            fk("route", "routes"),
            fk("consumer", "consumers"),
            fk("consumer_group", "consumer_groups"),
            fk("partials", "partials"),
        ],
        unique: &[PLUGIN_SCOPE, &["instance_name"]],
        sets: &["tags", "protocols"],
        labels: &["instance_name", "name"],
        ..EntityKind::flat("plugins", 4)
    },
    EntityKind {
        labels: &["name"],
        ..impossible("oauth2", "Konnect has no endpoint for OAuth 2.0 credentials")
    },
    EntityKind {
        labels: &[],
        ..impossible("oauth2_tokens", "Konnect has no endpoint for OAuth 2.0 tokens")
    },
];

/// Name of the membership kind: a consumer in a consumer group.
pub const MEMBERS: &str = "consumer_group_members";

/// A plugin is unique by name and scope, absent parts of the scope included (Kong 3.9.1, recorded exchange 640).
pub const PLUGIN_SCOPE: &[&str] = &["name", "service", "route", "consumer", "consumer_group"];

/// The row of a name, if there is one.
#[must_use]
pub fn named(name: &str) -> Option<&'static EntityKind> {
    ENTITY_KINDS.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_points_to_a_lower_level() {
        for kind in ENTITY_KINDS {
            for key in kind.foreign_keys {
                let parent =
                    named(key.kind).unwrap_or_else(|| panic!("{kind}.{}: no kind {}", key.field, key.kind));
                assert!(
                    parent.level < kind.level,
                    "{kind} refers to {parent} on its own level or above"
                );
            }
            for listing in [Some(kind.source), kind.target].into_iter().flatten() {
                if let Listing::Below { parent, .. } = listing {
                    assert!(named(parent).is_some_and(|p| p.level < kind.level));
                }
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ENTITY_KINDS.iter().map(|k| k.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ENTITY_KINDS.len());
    }
}
