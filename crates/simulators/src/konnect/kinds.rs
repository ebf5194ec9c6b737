//! The table of entity kinds: where each lives, what is unique, what it refers to.
//!
//! Paths and nesting come from the `control-planes-config` document; unique and foreign keys and what a delete does to
//! them from the schemas of Kong 3.9.

/// One kind of core entity.
#[derive(Debug)]
pub struct Kind {
    /// Path of the flat list below `core-entities`.
    pub path: &'static str,
    /// Name of the schema in the document that describes the entity.
    pub schema: &'static str,
    /// Name of the entity in the Admin API's `/schemas/{name}/validate`, where it differs from the path.
    pub dao: &'static str,
    /// The property that may stand in a path instead of the id.
    pub lookup: Option<&'static str>,
    /// Unique keys besides the id.
    pub unique: &'static [Unique],
    /// References to other kinds.
    pub foreign: &'static [Foreign],
    /// Parents below which the kind is served too.
    pub nested: &'static [Nested],
}

/// A unique key.
#[derive(Debug)]
pub struct Unique {
    /// The field that errors name.
    pub label: &'static str,
    /// The properties that make up the key; a reference counts by its id.
    pub fields: &'static [&'static str],
    /// Whether an absent property is a value too; else an absent property exempts the entity.
    pub absent_counts: bool,
}

/// A reference `{"<field>": {"id": …}}`.
#[derive(Debug)]
pub struct Foreign {
    /// The property.
    pub field: &'static str,
    /// Path of the kind that it refers to.
    pub kind: &'static str,
    /// Whether deleting the parent deletes the child; else it is refused.
    pub cascade: bool,
}

/// A place below a parent: `{parent}/{id}/{segment}`.
#[derive(Debug)]
pub struct Nested {
    /// Path of the parent's kind.
    pub parent: &'static str,
    /// What follows the parent's id.
    pub segment: &'static str,
    /// The reference that the path sets.
    pub field: &'static str,
}

const fn unique(label: &'static str, fields: &'static [&'static str]) -> Unique {
    Unique {
        label,
        fields,
        absent_counts: false,
    }
}

const fn cascade(field: &'static str, kind: &'static str) -> Foreign {
    Foreign {
        field,
        kind,
        cascade: true,
    }
}

const fn restrict(field: &'static str, kind: &'static str) -> Foreign {
    Foreign {
        field,
        kind,
        cascade: false,
    }
}

const fn below(parent: &'static str, segment: &'static str, field: &'static str) -> Nested {
    Nested {
        parent,
        segment,
        field,
    }
}

const NAME: &[Unique] = &[unique("name", &["name"])];
const OF_CONSUMER: &[Foreign] = &[cascade("consumer", "consumers")];
const OF_SERVICE: &[Foreign] = &[cascade("service", "services")];

const fn plain(path: &'static str, schema: &'static str, dao: &'static str) -> Kind {
    Kind {
        path,
        schema,
        dao,
        lookup: Some("name"),
        unique: NAME,
        foreign: &[],
        nested: &[],
    }
}

const fn credential(
    path: &'static str,
    schema: &'static str,
    dao: &'static str,
    nested: &'static [Nested],
) -> Kind {
    Kind {
        path,
        schema,
        dao,
        lookup: None,
        unique: &[],
        foreign: OF_CONSUMER,
        nested,
    }
}

/// Every kind that the simulator serves.
pub static KINDS: &[Kind] = &[
    Kind {
        foreign: &[restrict("client_certificate", "certificates")],
        ..plain("services", "Service", "services")
    },
    Kind {
        foreign: &[restrict("service", "services")],
        nested: &[below("services", "routes", "service")],
        ..plain("routes", "Route", "routes")
    },
    Kind {
        foreign: &[restrict("client_certificate", "certificates")],
        ..plain("upstreams", "Upstream", "upstreams")
    },
    Kind {
        lookup: Some("target"),
        unique: &[unique("target", &["upstream", "target"])],
        foreign: &[cascade("upstream", "upstreams")],
        nested: &[below("upstreams", "targets", "upstream")],
        ..plain("targets", "Target", "targets")
    },
    Kind {
        lookup: Some("username"),
        unique: &[
            unique("username", &["username"]),
            unique("custom_id", &["custom_id"]),
        ],
        ..plain("consumers", "Consumer", "consumers")
    },
    plain("consumer_groups", "ConsumerGroup", "consumer_groups"),
    Kind {
        unique: &[unique("key", &["key"])],
        ..credential(
            "key-auths",
            "KeyAuth",
            "keyauth_credentials",
            &[below("consumers", "key-auth", "consumer")],
        )
    },
    Kind {
        unique: &[unique("username", &["username"])],
        ..credential(
            "basic-auths",
            "BasicAuth",
            "basicauth_credentials",
            &[below("consumers", "basic-auth", "consumer")],
        )
    },
    Kind {
        unique: &[unique("username", &["username"])],
        ..credential(
            "hmac-auths",
            "HMACAuth",
            "hmacauth_credentials",
            &[below("consumers", "hmac-auth", "consumer")],
        )
    },
    Kind {
        unique: &[unique("key", &["key"])],
        ..credential(
            "jwts",
            "JWT",
            "jwt_secrets",
            &[below("consumers", "jwt", "consumer")],
        )
    },
    Kind {
        unique: &[unique("group", &["consumer", "group"])],
        ..credential("acls", "ACL", "acls", &[below("consumers", "acls", "consumer")])
    },
    Kind {
        unique: &[Unique {
            label: "subject_name",
            fields: &["subject_name", "ca_certificate"],
            absent_counts: true,
        }],
        foreign: &[
            cascade("consumer", "consumers"),
            cascade("ca_certificate", "ca_certificates"),
        ],
        ..credential(
            "mtls-auths",
            "MTLSAuth",
            "mtls_auth_credentials",
            &[below("consumers", "mtls-auth", "consumer")],
        )
    },
    Kind {
        lookup: None,
        unique: &[],
        ..plain("certificates", "CertificateRequest", "certificates")
    },
    Kind {
        foreign: &[cascade("certificate", "certificates")],
        nested: &[below("certificates", "snis", "certificate")],
        ..plain("snis", "SNI", "snis")
    },
    Kind {
        lookup: None,
        unique: &[unique("cert_digest", &["cert_digest"])],
        ..plain("ca_certificates", "CACertificate", "ca_certificates")
    },
    plain("key-sets", "KeySet", "key_sets"),
    Kind {
        unique: &[
            unique("name", &["name"]),
            Unique {
                label: "kid",
                fields: &["kid", "set"],
                absent_counts: true,
            },
        ],
        foreign: &[cascade("set", "key-sets")],
        nested: &[below("key-sets", "keys", "set")],
        ..plain("keys", "Key", "keys")
    },
    Kind {
        lookup: Some("prefix"),
        unique: &[unique("prefix", &["prefix"])],
        ..plain("vaults", "Vault", "vaults")
    },
    plain("partials", "Partial", "partials"),
    Kind {
        lookup: Some("instance_name"),
        unique: &[
            unique("instance_name", &["instance_name"]),
            Unique {
                label: "unique-plugin-per-entity",
                fields: &["name", "service", "route", "consumer", "consumer_group"],
                absent_counts: true,
            },
        ],
        foreign: &[
            cascade("service", "services"),
            cascade("route", "routes"),
            cascade("consumer", "consumers"),
            cascade("consumer_group", "consumer_groups"),
        ],
        nested: &[
            below("services", "plugins", "service"),
            below("routes", "plugins", "route"),
            below("consumers", "plugins", "consumer"),
            below("consumer_groups", "plugins", "consumer_group"),
        ],
        ..plain("plugins", "Plugin", "plugins")
    },
    Kind {
        lookup: None,
        unique: &[],
        foreign: OF_SERVICE,
        nested: &[below("services", "degraphql/routes", "service")],
        ..plain("degraphql_routes", "Degraphql_route", "degraphql_routes")
    },
    Kind {
        lookup: None,
        unique: &[],
        foreign: OF_SERVICE,
        nested: &[below(
            "services",
            "graphql-rate-limiting-advanced/costs",
            "service",
        )],
        ..plain(
            "graphql-rate-limiting-advanced/costs",
            "GraphQLCostDecoration",
            "graphql_ratelimiting_advanced_cost_decoration",
        )
    },
];

/// The kind whose flat list is at `path`.
pub fn by_path(path: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.path == path)
}

/// What a path below `core-entities` names.
#[derive(Debug)]
pub struct Address {
    /// The kind of the entities there.
    pub kind: &'static Kind,
    /// The parent's place and its id or name, on nested paths.
    pub parent: Option<(&'static Nested, String)>,
    /// The entity's id or name; absent for a list.
    pub id: Option<String>,
}

/// Reads a path below `core-entities`, or nothing when no kind lives there.
pub fn address(segments: &[&str]) -> Option<Address> {
    KINDS.iter().find_map(|kind| {
        if let Some(id) = after(kind.path, segments) {
            return Some(Address {
                kind,
                parent: None,
                id,
            });
        }
        kind.nested.iter().find_map(|nested| {
            let [parent, id, rest @ ..] = segments else {
                return None;
            };
            (*parent == nested.parent).then_some(())?;
            let own = after(nested.segment, rest)?;
            Some(Address {
                kind,
                parent: Some((nested, (*id).to_owned())),
                id: own,
            })
        })
    })
}

/// `Some(id)` when `segments` is `path`, alone or with one more segment.
fn after(path: &str, segments: &[&str]) -> Option<Option<String>> {
    let length = path.split('/').count();
    let matches = segments.len() >= length && path.split('/').zip(segments).all(|(a, b)| a == *b);
    match (matches, segments.get(length..)) {
        (true, Some([])) => Some(None),
        (true, Some([id])) => Some(Some((*id).to_owned())),
        _ => None,
    }
}
