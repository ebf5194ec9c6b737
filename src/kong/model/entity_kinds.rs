//! The table of entity kinds: the single place that knows them. Adding a kind is adding a row.
//!
//! Facts: Kong Admin API 3.9 and 3.10 (source paths), Konnect control planes configuration API 3.15 (target paths, closed objects),
//! recorded exchanges of Kong 3.9.1 (read-only fields).

use super::KongVersion;
use super::entity_kind::{BodyForm, EntityKind, ForeignKey, Inert, Listing, PartOf, Presence, Role, Write};
use super::named_references::{IN_PLUGINS, IN_SERVICES};

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

/// Something that is no configuration of a gateway; only its number is of interest, and none of its fields is kept.
const fn counted(name: &'static str, source: Listing, reason: &'static str) -> EntityKind {
    EntityKind {
        source,
        write: Write::Counted(reason),
        labels: &[],
        ..impossible(name, reason)
    }
}

/// The same, listed once for the whole gateway.
const fn global(name: &'static str, source: Listing, reason: &'static str) -> EntityKind {
    let mut kind = counted(name, source, reason).enterprise();
    kind.presence.global = true;
    kind
}

const fn below(parent: &'static str, path: &'static str) -> Listing {
    Listing::Below { parent, path }
}

const ROLES: &str = "access to Konnect is given by its own teams and roles; make them there";
const PORTAL: &str = "Konnect has a Dev Portal of its own; set it up and invite its developers there";

/// All kinds, by level.
pub static ENTITY_KINDS: &[EntityKind] = &[
    EntityKind {
        unique: &[&["prefix"]],
        labels: &["prefix"],
        secrets: &["config"],
        presence: Presence {
            // A beta in 2.8, under another path.
            earlier: &[(KongVersion { major: 3, minor: 0 }, "vaults-beta")],
            ..EntityKind::flat("vaults", 0).since(2, 8).presence
        },
        role: Role::Vault,
        called_by: &["prefix"],
        ..EntityKind::flat("vaults", 0)
    },
    EntityKind {
        unique: &[&["cert"]],
        read_only: &["id", "created_at", "updated_at", "cert_digest"],
        labels: &[],
        called_by: &["id"],
        presence: Presence {
            // Kong Enterprise 3.10.
            shared: true,
            ..EntityKind::flat("ca_certificates", 1).always().presence
        },
        ..EntityKind::flat("ca_certificates", 1)
    },
    EntityKind {
        unique: &[],
        // Server name indications are entities of their own; Konnect refuses the list as input.
        read_only: &["id", "created_at", "updated_at", "snis"],
        secrets: &["key", "key_alt"],
        labels: &[],
        called_by: &["id"],
        ..EntityKind::flat("certificates", 1).always()
    },
    EntityKind {
        called_by: &["name"],
        ..EntityKind::flat("key-sets", 1).since(3, 1)
    },
    EntityKind {
        secrets: &["config"],
        form: BodyForm::ByValueOf("type"),
        ..EntityKind::flat("partials", 1).enterprise()
    },
    EntityKind {
        unique: &[&["username"], &["custom_id"]],
        // Enterprise editions return the lower-case copy that their own look-ups use.
        read_only: &["id", "created_at", "updated_at", "username_lower"],
        // 0 is a consumer of the proxy; other values belong to the self-managed Dev Portal.
        inert: &[("type", Inert::Number(0))],
        labels: &["username", "custom_id"],
        role: Role::Consumer,
        called_by: &["id", "username"],
        ..EntityKind::flat("consumers", 1).always()
    },
    EntityKind {
        role: Role::ConsumerGroup,
        called_by: &["id", "name"],
        ..EntityKind::flat("consumer_groups", 1).enterprise()
    },
    EntityKind {
        // Konnect knows a schema by the name of its plugin, and takes that name out of the text.
        id_field: "name",
        presence: Presence {
            given: true,
            ..EntityKind::flat(PLUGIN_SCHEMAS, 1).presence
        },
        unique: &[],
        read_only: &["name", "created_at", "updated_at"],
        sets: &[],
        labels: &[],
        role: Role::PluginSchema,
        ..EntityKind::flat(PLUGIN_SCHEMAS, 1)
    },
    EntityKind {
        foreign_keys: &[fk("certificate", "certificates")],
        role: Role::ServerName,
        owner: Some("certificate"),
        ..EntityKind::flat("snis", 2).always()
    },
    EntityKind {
        foreign_keys: &[fk("set", "key-sets")],
        unique: &[&["name"], &["kid", "set"]],
        secrets: &["jwk", "pem"],
        labels: &["name", "kid"],
        part_of: Some(PartOf {
            field: "set",
            vital: false,
        }),
        ..EntityKind::flat("keys", 2).since(3, 1)
    },
    EntityKind {
        foreign_keys: &[
            fk("client_certificate", "certificates"),
            fk("ca_certificates", "ca_certificates"),
        ],
        sets: &["tags", "ca_certificates"],
        role: Role::Service,
        calls: IN_SERVICES,
        ..EntityKind::flat("services", 2).always()
    },
    EntityKind {
        foreign_keys: &[fk("client_certificate", "certificates")],
        called_by: &["name"],
        // The path of a cookie that is only set where `sticky_sessions_cookie` names one.
        added_quietly: &["sticky_sessions_cookie_path"],
        ..EntityKind::flat("upstreams", 2).always()
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
        role: Role::HashedPassword,
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
        foreign_keys: &[
            fk("consumer", "consumers"),
            fk("ca_certificate", "ca_certificates"),
        ],
        unique: &[&["subject_name", "ca_certificate"]],
        labels: &["subject_name"],
        ..credential("mtls-auths", "mtls-auth").enterprise()
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
        part_of: Some(PartOf {
            field: "consumer_group",
            vital: false,
        }),
        ..EntityKind::flat(MEMBERS, 2).enterprise()
    },
    EntityKind {
        foreign_keys: &[fk("service", "services")],
        sets: &[
            "tags",
            "protocols",
            "methods",
            // Lists to Kong, but its router sorts them: their order decides nothing.
            "hosts",
            "paths",
            "snis",
            "sources",
            "destinations",
        ],
        // A router of expressions returns both priorities of every route; the one that the route's form lacks may not be set
        // (Kong 3.9.1, recorded exchanges of the group "expressions").
        inert: &[
            ("regex_priority", Inert::Number(0)),
            ("priority", Inert::Number(0)),
        ],
        role: Role::Route,
        form: BodyForm::WhereSet("expression"),
        ..EntityKind::flat("routes", 3).always()
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
        read_below: true,
        foreign_keys: &[fk("upstream", "upstreams")],
        unique: &[&["upstream", "target"]],
        addresses: &["target"],
        labels: &["target"],
        part_of: Some(PartOf {
            field: "upstream",
            vital: true,
        }),
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
        // A relic of 1.x that 2.8 may still return.
        inert: &[("run_on", Inert::Word("first"))],
        labels: &["instance_name", "name"],
        role: Role::Plugin,
        calls: IN_PLUGINS,
        free_form: &["config"],
        ..EntityKind::flat("plugins", 4).always()
    },
    EntityKind {
        write: Write::PutBelow {
            parent: "services",
            field: "service",
            path: "degraphql/routes",
        },
        foreign_keys: &[fk("service", "services")],
        unique: &[],
        sets: &["methods"],
        labels: &["uri"],
        ..EntityKind::flat("degraphql_routes", 3).enterprise()
    },
    EntityKind {
        source: Listing::Flat("graphql-rate-limiting-advanced/costs"),
        target: Some(Listing::Flat("graphql-rate-limiting-advanced/costs")),
        write: Write::PutBelow {
            parent: "services",
            field: "service",
            path: "graphql-rate-limiting-advanced/costs",
        },
        foreign_keys: &[fk("service", "services")],
        unique: &[],
        labels: &["type_path"],
        ..EntityKind::flat("graphql_costs", 3).enterprise()
    },
    EntityKind {
        secrets: &["client_secret"],
        ..impossible("oauth2", "Konnect has no endpoint for OAuth 2.0 credentials")
    },
    EntityKind {
        secrets: &["access_token", "refresh_token"],
        labels: &[],
        ..impossible("oauth2_tokens", "Konnect has no endpoint for OAuth 2.0 tokens")
    },
    EntityKind {
        // What can be read moves as key-auth, see `model::recast`.
        foreign_keys: CONSUMER,
        secrets: &["key", "key_ident"],
        labels: &[],
        role: Role::EncryptedKey,
        moves_as: Some("key-auths"),
        ..impossible(
            KEY_AUTH_ENC,
            "Konnect has no encrypted key credentials, and the key cannot be read",
        )
        .enterprise()
    },
    EntityKind {
        // What a plugin enforces moves as plugins, see `model::recast`.
        source: Listing::Within {
            parent: Some("consumer_groups"),
            path: "consumer_groups",
            field: "plugins",
        },
        foreign_keys: &[fk("consumer_group", "consumer_groups")],
        role: Role::GroupOverride,
        moves_as: Some("plugins"),
        ..impossible(
            OVERRIDES,
            "no plugin enforces this override in a scope that a plugin of the group can have",
        )
        .enterprise()
    },
    impossible("filter-chains", "Konnect's API has no filter chains").since(3, 4),
    EntityKind {
        secrets: &["schema", "handler"],
        ..impossible(
            "custom-plugins",
            "the plugin's code must be brought to Konnect and its data planes by hand",
        )
        .enterprise()
    },
    // Not in the Admin API document of 3.10, but in that of 3.15.
    impossible("cloned-plugins", "Konnect's API has no cloned plugins")
        .enterprise()
        .since(3, 11),
    counted("rbac_users", Listing::Flat("rbac/users"), ROLES).enterprise(),
    counted("rbac_roles", Listing::Flat("rbac/roles"), ROLES).enterprise(),
    counted("rbac_role_endpoints", below("rbac_roles", "endpoints"), ROLES).enterprise(),
    counted("rbac_role_entities", below("rbac_roles", "entities"), ROLES).enterprise(),
    global("groups", Listing::Flat("groups"), ROLES),
    global("admins", Listing::Flat("admins"), ROLES),
    global(
        "licenses",
        Listing::Flat("licenses"),
        "Konnect brings its own licence to the data planes",
    ),
    global(
        "event-hooks",
        Listing::Flat("event-hooks"),
        "Konnect has no event hooks; use its audit log and notifications",
    ),
    global(
        "keyring",
        Listing::Within {
            parent: None,
            path: "keyring",
            field: "ids",
        },
        "Konnect encrypts what it stores by itself; entities are read in clear",
    ),
    global(
        "oic_jwks",
        Listing::Flat("oic_jwks"),
        "the plugin openid-connect makes its own keys anew on each data plane",
    ),
    counted("developers", Listing::Flat("developers"), PORTAL).enterprise(),
    counted("applications", Listing::Flat("applications"), PORTAL).enterprise(),
    // Registrations of applications with services.
    counted(
        "application_instances",
        below("applications", "application_instances"),
        PORTAL,
    )
    .enterprise(),
    counted("files", Listing::Flat("files"), PORTAL).enterprise(),
];

/// Name of the membership kind: a consumer in a consumer group.
pub const MEMBERS: &str = "consumer_group_members";

/// Schemas of custom plugins (`schema.lua`), which Konnect needs before their plugins.
pub const PLUGIN_SCHEMAS: &str = "plugin-schemas";

/// Key credentials that the gateway stores encrypted.
pub const KEY_AUTH_ENC: &str = "key-auths-enc";

/// Rate limits of a consumer group from before group-scoped plugins.
pub const OVERRIDES: &str = "consumer_group_overrides";

/// A plugin is unique by name and scope, absent parts of the scope included (Kong 3.9.1, recorded exchange 640).
pub const PLUGIN_SCOPE: &[&str] = &["name", "service", "route", "consumer", "consumer_group"];

/// The row of a name, if there is one.
#[must_use]
pub fn named(name: &str) -> Option<&'static EntityKind> {
    ENTITY_KINDS.iter().find(|kind| kind.name == name)
}

/// The kind of a role, which one kind has at most; none of [`Role::None`].
#[must_use]
pub fn of_role(role: Role) -> Option<&'static EntityKind> {
    let mut kinds = ENTITY_KINDS.iter().filter(|kind| kind.role != Role::None);
    kinds.find(|kind| kind.role == role)
}

/// The kinds whose entities move as those of another one.
pub fn moving_as(kind: &EntityKind) -> impl Iterator<Item = &'static EntityKind> {
    let name = kind.name;
    let kinds = ENTITY_KINDS.iter();
    kinds.filter(move |kind| kind.moves_as == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kong::model::entity_kind::Gateway;

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
                let parent = match listing {
                    Listing::Below { parent, .. } => Some(parent),
                    Listing::Within { parent, .. } => parent,
                    Listing::Flat(_) => None,
                };
                // What is only counted is read in the order of the table.
                assert!(
                    parent.is_none_or(|p| named(p).is_some_and(|p| p.level < kind.level || kind.counted()))
                );
            }
        }
    }

    #[test]
    fn every_name_in_a_row_is_one_of_the_table() {
        for kind in ENTITY_KINDS {
            let named_there = kind.calls.iter().map(|call| call.kind).chain(kind.moves_as);
            for name in named_there {
                assert!(named(name).is_some(), "{kind} names {name}");
            }
            let fields = kind.part_of.map(|part| part.field).into_iter().chain(kind.owner);
            for field in fields {
                assert!(
                    kind.referred_by(field).is_some(),
                    "{kind} has no foreign key {field}"
                );
            }
            assert!(
                kind.role == Role::None || of_role(kind.role) == Some(kind),
                "{kind}"
            );
            for call in kind.calls {
                let called = named(call.kind).is_some_and(|kind| !kind.called_by.is_empty());
                assert!(called, "{kind} calls {} by a name that nothing has", call.kind);
            }
        }
        assert_eq!(of_role(Role::None), None);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ENTITY_KINDS.iter().map(|k| k.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ENTITY_KINDS.len());
    }

    #[test]
    fn older_gateways_and_the_open_source_edition_lack_kinds() {
        let gateway = |version: &str, enterprise| Gateway {
            version: KongVersion::parse(version),
            enterprise,
        };
        let path =
            |kind: &str, version, enterprise| named(kind).unwrap().source_of(gateway(version, enterprise));
        assert_eq!(path("vaults", "2.8.1", false), Some(Listing::Flat("vaults-beta")));
        assert_eq!(path("vaults", "3.0", false), Some(Listing::Flat("vaults")));
        assert_eq!(path("vaults", "2.7", true), None);
        assert_eq!(path("keys", "3.0.2", true), None);
        assert_eq!(path("keys", "3.1.0", false), Some(Listing::Flat("keys")));
        assert_eq!(path("consumer_groups", "3.15", false), None);
        assert_eq!(path("cloned-plugins", "3.10.0.1", true), None);
        assert!(path("cloned-plugins", "3.15", true).is_some());
        assert!(
            path("cloned-plugins", "next", true).is_some(),
            "an unknown version skips nothing"
        );
    }
}
