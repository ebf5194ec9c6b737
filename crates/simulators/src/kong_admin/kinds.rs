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
    /// One list for all workspaces.
    pub global: bool,
    /// First version (major, minor) that has the list.
    pub since: (u16, u16),
    /// First version that no longer has it.
    pub until: (u16, u16),
}

/// Later than any version.
const NEVER: (u16, u16) = (u16::MAX, 0);

impl Kind {
    /// The kind with this list segment.
    pub fn by_list(list: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.list == list)
    }

    /// The kind at the beginning of a path, whose list takes one segment or two (`rbac/roles`), and the segments behind it.
    pub fn leading<'p, 's>(segments: &'p [&'s str]) -> Option<(&'static Kind, &'p [&'s str])> {
        let [first, rest @ ..] = segments else { return None };
        if let [second, rest @ ..] = rest
            && let Some(kind) = Kind::by_list(&format!("{first}/{second}"))
        {
            return Some((kind, rest));
        }
        Kind::by_list(first).map(|kind| (kind, rest))
    }

    /// Whether a Kong of this version has the list; unreadable versions have all that are not gone.
    pub fn in_version(&self, version: &str) -> bool {
        let mut numbers = version.split(['.', '-']).map(str::parse::<u16>);
        let version = match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
            _ => (u16::MAX - 1, 0),
        };
        self.since <= version && version < self.until
    }

    const fn enterprise(mut self) -> Self {
        self.enterprise = true;
        self
    }

    const fn global(mut self) -> Self {
        self.global = true;
        self.enterprise()
    }

    const fn since(mut self, major: u16, minor: u16) -> Self {
        self.since = (major, minor);
        self
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
        global: false,
        since: (0, 0),
        until: NEVER,
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
    Kind {
        global: true,
        ..kind("ca_certificates", "ca_certificates", None, &[])
    },
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
    kind("vaults", "sm_vaults", Some("prefix"), &[]).since(3, 0),
    Kind {
        until: (3, 0),
        ..kind("vaults-beta", "vaults_beta", Some("prefix"), &[]).since(2, 8)
    },
    kind("key-sets", "key_sets", Some("name"), &[]).since(3, 1),
    kind("keys", "keys", Some("name"), &[owned("set", "key-sets", "keys")]).since(3, 1),
    Kind {
        enterprise: true,
        ..kind("partials", "partials", Some("name"), &[])
    },
    kind("sessions", "sessions", Some("session_id"), &[]),
    kind("acme_storage", "acme_storage", Some("key"), &[]),
    // Enterprise, by the documents of 3.10 and 3.15.
    kind(
        "mtls-auths",
        "mtls_auth_credentials",
        None,
        &[
            owned("consumer", "consumers", "mtls-auth"),
            Foreign {
                nested: None,
                ..owned("ca_certificate", "ca_certificates", "")
            },
        ],
    )
    .enterprise(),
    kind(
        "degraphql_routes",
        "degraphql_routes",
        None,
        &[Foreign {
            nested: None,
            ..owned("service", "services", "")
        }],
    )
    .enterprise(),
    kind(
        "graphql-rate-limiting-advanced/costs",
        "graphql_ratelimiting_advanced_cost_decoration",
        None,
        &[Foreign {
            nested: None,
            ..owned("service", "services", "")
        }],
    )
    .enterprise(),
    // In no document; named as the plugin's other lists are.
    Kind {
        ttl: true,
        ..kind(
            "key-auths-enc",
            "keyauth_enc_credentials",
            None,
            &[owned("consumer", "consumers", "key-auth-enc")],
        )
        .enterprise()
    },
    kind("custom-plugins", "custom_plugins", Some("name"), &[])
        .enterprise()
        .since(3, 10),
    kind("cloned-plugins", "cloned_plugins", Some("name"), &[])
        .enterprise()
        .since(3, 15),
    kind("rbac/users", "rbac_users", Some("name"), &[]).enterprise(),
    kind("rbac/roles", "rbac_roles", Some("name"), &[]).enterprise(),
    kind(
        "rbac_role_endpoints",
        "rbac_role_endpoints",
        None,
        &[owned("role", "rbac/roles", "endpoints")],
    )
    .enterprise(),
    kind(
        "rbac_role_entities",
        "rbac_role_entities",
        None,
        &[owned("role", "rbac/roles", "entities")],
    )
    .enterprise(),
    kind("groups", "groups", Some("name"), &[]).global(),
    kind("admins", "admins", Some("username"), &[]).global(),
    kind("licenses", "licenses", None, &[]).global(),
    kind("event-hooks", "event_hooks", None, &[]).global(),
    kind(KEYRING, "keyring", None, &[]).global(),
    kind("oic_jwks", "oic_jwks", None, &[]).global(),
    // The Dev Portal of the gateway itself: no document describes its administration any more.
    kind("developers", "developers", Some("email"), &[]).enterprise(),
    kind("applications", "applications", None, &[]).enterprise(),
    kind(
        "application_instances",
        "application_instances",
        None,
        &[owned("application", "applications", "application_instances")],
    )
    .enterprise(),
    kind("files", "files", Some("path"), &[]).enterprise(),
    // Open source 3.9, once `wasm` is on.
    kind(
        FILTER_CHAINS,
        "filter_chains",
        Some("name"),
        &[
            owned("service", "services", "filter-chains"),
            owned("route", "routes", "filter-chains"),
        ],
    )
    .since(3, 4),
];

/// The list of chains of wasm filters.
pub(super) const FILTER_CHAINS: &str = "filter-chains";

/// Keys of the keyring; they are answered as one object.
pub(super) const KEYRING: &str = "keyring";
