//! The table of what lies below an entity in Konnect, a part of the table of kinds ([`super::entity_kinds`]): what a delete of the entity
//! would take along, or be refused for.
//!
//! Paths: Konnect control planes configuration API 3.15, held to it by `plan::konnect_paths`. That an mTLS credential goes with its CA
//! certificate is from Kong 3.9's own schema.

use serde_json::{Map, Value, json};

use super::entity::reference;
use super::entity_kind::{Listing, Write};
use super::entity_kinds::{ENTITY_KINDS, MEMBERS, named};
use super::{Entity, EntityKind};

/// A list in which an entity's own stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListBelow {
    /// `{path of the entity}/{path}` lists them alone; of a membership it lists the other end.
    Nested {
        /// Kind of what is listed.
        kind: &'static str,
        /// Last path segments.
        path: &'static str,
    },
    /// The kind has a list of all alone, of which those count that name the entity.
    Flat {
        /// Kind of what is listed.
        kind: &'static str,
        /// Foreign-key field that holds the entity.
        field: &'static str,
    },
}

const fn nested(path: &'static str, kind: &'static str) -> ListBelow {
    ListBelow::Nested { kind, path }
}

const PLUGINS: ListBelow = nested("plugins", "plugins");

/// Lists by the kind of the entity above them.
static LISTS_BELOW: &[(&str, &[ListBelow])] = &[
    (
        "consumers",
        &[
            nested("key-auth", "key-auths"),
            nested("basic-auth", "basic-auths"),
            nested("hmac-auth", "hmac-auths"),
            nested("jwt", "jwts"),
            nested("acls", "acls"),
            nested("mtls-auth", "mtls-auths"),
            PLUGINS,
            nested("consumer_groups", MEMBERS),
        ],
    ),
    ("consumer_groups", &[nested("consumers", MEMBERS), PLUGINS]),
    (
        "services",
        &[
            nested("routes", "routes"),
            PLUGINS,
            nested("degraphql/routes", "degraphql_routes"),
            nested("graphql-rate-limiting-advanced/costs", "graphql_costs"),
        ],
    ),
    ("routes", &[PLUGINS]),
    ("upstreams", &[nested("targets", "targets")]),
    ("certificates", &[nested("snis", "snis")]),
    ("key-sets", &[nested("keys", "keys")]),
    (
        "ca_certificates",
        &[ListBelow::Flat {
            kind: "mtls-auths",
            field: "ca_certificate",
        }],
    ),
];

/// The lists below entities of a kind.
#[must_use]
pub fn lists_below(kind: &EntityKind) -> &'static [ListBelow] {
    let lists = LISTS_BELOW.iter().find(|(above, _)| *above == kind.name);
    lists.map_or(&[], |(_, lists)| lists)
}

impl ListBelow {
    /// Path of the list below an entity of a kind, relative to `core-entities`; none where either kind has no list.
    #[must_use]
    pub fn path(&self, above: &Entity) -> Option<String> {
        match self {
            Self::Nested { path, .. } => match above.kind.write {
                Write::Put(collection) => Some(format!("{collection}/{}/{path}", above.id)),
                _ => None,
            },
            Self::Flat { kind, .. } => match named(kind)?.target {
                Some(Listing::Flat(path)) => Some(path.to_owned()),
                _ => None,
            },
        }
    }

    /// What an entry of the list stands for; none for one that does not belong to the entity, or is none.
    #[must_use]
    pub fn entity(&self, above: &Entity, mut body: Map<String, Value>) -> Option<Entity> {
        let here = || json!({"id": &*above.id});
        match *self {
            Self::Nested { kind, .. } => {
                let kind = named(kind)?;
                let field = field_of(kind, above.kind)?;
                if kind.write == Write::Member {
                    let other = kind.foreign_keys.iter().find(|key| key.field != field)?;
                    let ends = [(field, here()), (other.field, json!({"id": body.get("id")?}))];
                    let body = ends.map(|(field, end)| (field.to_owned(), end));
                    return Entity::from_body(kind, Map::from_iter(body));
                }
                // What is listed below it is its own, whether an entry says so or not.
                body.insert(field.to_owned(), here());
                Entity::from_body(kind, body)
            }
            Self::Flat { kind, field } => {
                let named_there = reference(&body, field)? == &*above.id;
                named_there.then(|| Entity::from_body(named(kind)?, body))?
            }
        }
    }
}

/// The foreign-key field by which a kind names another.
fn field_of(kind: &EntityKind, above: &EntityKind) -> Option<&'static str> {
    let mut keys = kind.foreign_keys.iter();
    keys.find(|key| key.kind == above.name).map(|key| key.field)
}

/// Every list of the table with the kind above it.
pub fn all() -> impl Iterator<Item = (&'static EntityKind, ListBelow)> {
    let rows = ENTITY_KINDS.iter();
    rows.flat_map(|kind| lists_below(kind).iter().map(move |list| (kind, *list)))
}
