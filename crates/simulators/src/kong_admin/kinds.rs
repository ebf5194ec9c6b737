//! The entity kinds of Kong, how the Admin API names them and how they refer to each other.

/// A field of one kind that holds `{"id": …}` of another.
#[derive(Debug)]
pub(super) struct Foreign {
    /// The field, which is also the last segment of `/{child}/{key}/{field}`.
    pub field: &'static str,
    /// Key of the kind referred to (its list segment).
    pub kind: &'static str,
    /// Segment of the nested list below the parent; none where Kong has no such list.
    pub nested: Option<&'static str>,
    /// Deleting the parent deletes this child too (else Kong refuses the delete).
    pub cascade: bool,
}

/// One kind of entity.
#[derive(Debug)]
pub(super) struct Kind {
    /// Segment of the list path, `key-auths`; it identifies the kind here.
    pub list: &'static str,
    /// Name of the kind in Kong's schemas and in `/tags`, `keyauth_credentials`.
    pub schema: &'static str,
    /// Unique field that may stand for the id in a path.
    pub key: Option<&'static str>,
    pub foreign: &'static [Foreign],
    /// Answered by Kong Enterprise alone.
    pub enterprise: bool,
    /// Rows carry `ttl` and vanish when it has run out.
    pub ttl: bool,
}

impl Kind {
    /// The kind with this list segment.
    pub fn by_list(list: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.list == list)
    }

    /// The child kind and its foreign field behind `/{parent}/{key}/{segment}`.
    pub fn nested(parent: &Kind, segment: &str) -> Option<(&'static Kind, &'static Foreign)> {
        children(parent).find(|(_, foreign)| foreign.nested == Some(segment))
    }
}

/// Every kind that refers to `parent`, with the field that does.
pub(super) fn children(parent: &Kind) -> impl Iterator<Item = (&'static Kind, &'static Foreign)> {
    let list = parent.list;
    KINDS
        .iter()
        .flat_map(|kind| kind.foreign.iter().map(move |foreign| (kind, foreign)))
        .filter(move |(_, foreign)| foreign.kind == list)
}

const fn kind(
    list: &'static str,
    schema: &'static str,
    key: Option<&'static str>,
    foreign: &'static [Foreign],
) -> Kind {
    Kind {
        list,
        schema,
        key,
        foreign,
        enterprise: false,
        ttl: false,
    }
}

const fn owned(field: &'static str, kind: &'static str, nested: &'static str) -> Foreign {
    Foreign {
        field,
        kind,
        nested: Some(nested),
        cascade: true,
    }
}

const fn used(field: &'static str, kind: &'static str, nested: &'static str) -> Foreign {
    Foreign {
        field,
        kind,
        nested: Some(nested),
        cascade: false,
    }
}

/// Kinds of Kong 3.9.1 as `GET /endpoints` lists them, and those that the Enterprise Admin API document 3.10 adds.
pub(super) const KINDS: &[Kind] = &[
    kind(
        "services",
        "services",
        Some("name"),
        &[used("client_certificate", "certificates", "services")],
    ),
    kind(
        "routes",
        "routes",
        Some("name"),
        &[used("service", "services", "routes")],
    ),
    kind(
        "upstreams",
        "upstreams",
        Some("name"),
        &[used("client_certificate", "certificates", "upstreams")],
    ),
    kind(
        "targets",
        "targets",
        Some("target"),
        &[owned("upstream", "upstreams", "targets")],
    ),
    kind("consumers", "consumers", Some("username"), &[]),
    Kind {
        ttl: true,
        ..kind(
            "key-auths",
            "keyauth_credentials",
            Some("key"),
            &[owned("consumer", "consumers", "key-auth")],
        )
    },
    kind(
        "basic-auths",
        "basicauth_credentials",
        Some("username"),
        &[owned("consumer", "consumers", "basic-auth")],
    ),
    kind(
        "hmac-auths",
        "hmacauth_credentials",
        Some("username"),
        &[owned("consumer", "consumers", "hmac-auth")],
    ),
    kind(
        "jwts",
        "jwt_secrets",
        Some("key"),
        &[owned("consumer", "consumers", "jwt")],
    ),
    // Below its consumer an ACL may also be named by its group; at the top only by its id (sequence 456, 463).
    kind("acls", "acls", None, &[owned("consumer", "consumers", "acls")]),
    kind(
        "oauth2",
        "oauth2_credentials",
        Some("client_id"),
        &[owned("consumer", "consumers", "oauth2")],
    ),
    Kind {
        ttl: true,
        ..kind(
            "oauth2_tokens",
            "oauth2_tokens",
            Some("access_token"),
            &[
                owned("credential", "oauth2", "oauth2_tokens"),
                owned("service", "services", "oauth2_tokens"),
            ],
        )
    },
    Kind {
        enterprise: true,
        ..kind("consumer_groups", "consumer_groups", Some("name"), &[])
    },
    // A certificate may also be named by one of its SNIs.
    kind("certificates", "certificates", None, &[]),
    kind(
        "snis",
        "snis",
        Some("name"),
        &[owned("certificate", "certificates", "snis")],
    ),
    kind("ca_certificates", "ca_certificates", None, &[]),
    kind(
        "plugins",
        "plugins",
        Some("instance_name"),
        &[
            owned("service", "services", "plugins"),
            owned("route", "routes", "plugins"),
            owned("consumer", "consumers", "plugins"),
            owned("consumer_group", "consumer_groups", "plugins"),
        ],
    ),
    kind("vaults", "sm_vaults", Some("prefix"), &[]),
    kind("key-sets", "key_sets", Some("name"), &[]),
    kind("keys", "keys", Some("name"), &[owned("set", "key-sets", "keys")]),
    Kind {
        enterprise: true,
        ..kind("partials", "partials", Some("name"), &[])
    },
    kind("sessions", "sessions", Some("session_id"), &[]),
    kind("acme_storage", "acme_storage", Some("key"), &[]),
];
