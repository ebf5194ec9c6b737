//! What the engine knows about one kind of Kong entity: one row of the table in [`super::entity_kinds`].

use std::fmt;

use super::KongVersion;
use crate::migration::subject::EntityKey;

/// How all entities of a kind are listed on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// One flat list, for example `services`.
    Flat(&'static str),
    /// One list below each entity of another kind, for example `upstreams/{id}/targets`.
    Below {
        /// Name of the parent's kind.
        parent: &'static str,
        /// Last path segments below the parent.
        path: &'static str,
    },
    /// A list in a field of one object: `ids` of `keyring`, `plugins` of `consumer_groups/{id}`.
    Within {
        /// Name of the parent's kind, whose single read holds the list; none when the object stands alone.
        parent: Option<&'static str>,
        /// Path of the object where it stands alone, else the parent's.
        path: &'static str,
        /// The field.
        field: &'static str,
    },
}

/// Which gateways have a kind. Where Kong's documents leave a version open the field stays open too, and a 404 answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// First version with the kind.
    pub since: Option<KongVersion>,
    /// Only Kong Gateway Enterprise has it.
    pub enterprise: bool,
    /// Every supported gateway has it: a 404 is then a fault and no answer.
    pub always: bool,
    /// One list for the whole gateway, outside workspaces.
    pub global: bool,
    /// No gateway lists it: the user gives it.
    pub given: bool,
    /// Flat paths of older versions, each with the first version that no longer uses it.
    pub earlier: &'static [(KongVersion, &'static str)],
}

/// What is known of a source before its lists are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// None when it does not tell; nothing is skipped then.
    pub version: Option<KongVersion>,
    /// Kong Gateway Enterprise.
    pub enterprise: bool,
}

/// A value at which a field means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inert {
    /// A whole number.
    Number(i64),
    /// A word.
    Word(&'static str),
}

impl Inert {
    /// True when a field holds this value.
    #[must_use]
    pub fn is(&self, value: &serde_json::Value) -> bool {
        match self {
            Self::Number(number) => value.as_i64() == Some(*number),
            Self::Word(word) => value.as_str() == Some(word),
        }
    }
}

/// How one entity is written to Konnect (control planes configuration API 3.15, `core-entities`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// `PUT {path}/{id}`.
    Put(&'static str),
    /// `PUT {parent}/{parent id}/{path}/{id}`; the parent's id is the foreign key `field` of the body.
    PutBelow {
        /// Name of the parent's kind, which is also its Konnect path.
        parent: &'static str,
        /// Foreign-key field that holds the parent.
        field: &'static str,
        /// Last path segment below the parent.
        path: &'static str,
    },
    /// `POST consumer_groups/{group}/consumers`: a membership has no id and no PUT.
    Member,
    /// Konnect has no counterpart; the reason is for the finding.
    Impossible(&'static str),
    /// No configuration of a gateway, such as its users: counted, and told once for the kind. The reason is for the finding.
    Counted(&'static str),
}

/// A field that names another entity by id: `{"id": …}`, a list of such objects, or a list of plain ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Field of the entity.
    pub field: &'static str,
    /// Kind of the entity it names.
    pub kind: &'static str,
}

/// One row of the table of entity kinds.
#[derive(Debug)]
pub struct EntityKind {
    /// Plural name as in the Admin API's list path; also the name in plans, findings and metrics.
    pub name: &'static str,
    /// Field that holds the id.
    pub id_field: &'static str,
    /// How the source (Kong Admin API) lists it, below the workspace.
    pub source: Listing,
    /// How the target (Konnect) lists it, or none when Konnect has no such list.
    pub target: Option<Listing>,
    /// Which sources have it.
    pub presence: Presence,
    /// How it is written.
    pub write: Write,
    /// Dependency level: everything a row refers to has a lower one. Writes go up, deletes go down.
    pub level: u8,
    /// References by id.
    pub foreign_keys: &'static [ForeignKey],
    /// Groups of fields that are unique within a control plane; a group with a null in it does not bind, except for plugins.
    pub unique: &'static [&'static [&'static str]],
    /// Fields the server makes itself; neither sent nor compared.
    pub read_only: &'static [&'static str],
    /// Fields that are sent but not compared.
    pub write_only: &'static [&'static str],
    /// Fields of the source that Konnect does not know, each with the value at which it means nothing.
    pub inert: &'static [(&'static str, Inert)],
    /// Lists whose order has no meaning.
    pub sets: &'static [&'static str],
    /// Fields of the form `host:port`, of which the server completes the port and writes out IPv6 addresses.
    pub addresses: &'static [&'static str],
    /// Fields that hold a secret, as dotted paths.
    pub secrets: &'static [&'static str],
    /// Query of every write.
    pub write_query: &'static [(&'static str, &'static str)],
    /// Fields that name an entity for a person, the first one present wins.
    pub labels: &'static [&'static str],
}

impl EntityKind {
    /// A row with the values most kinds share: a flat list of the same name on both sides, written by `PUT`.
    #[must_use]
    pub const fn flat(name: &'static str, level: u8) -> Self {
        Self {
            name,
            id_field: "id",
            source: Listing::Flat(name),
            target: Some(Listing::Flat(name)),
            presence: Presence {
                since: None,
                enterprise: false,
                always: false,
                global: false,
                given: false,
                earlier: &[],
            },
            write: Write::Put(name),
            level,
            foreign_keys: &[],
            unique: &[&["name"]],
            read_only: &["id", "created_at", "updated_at"],
            write_only: &[],
            inert: &[],
            sets: &["tags"],
            addresses: &[],
            secrets: &[],
            write_query: &[],
            labels: &["name"],
        }
    }

    /// The same row for sources of the Enterprise edition only.
    #[must_use]
    pub const fn enterprise(mut self) -> Self {
        self.presence.enterprise = true;
        self
    }

    /// The same row for sources from a version on.
    #[must_use]
    pub const fn since(mut self, major: u16, minor: u16) -> Self {
        self.presence.since = Some(KongVersion { major, minor });
        self
    }

    /// The same row, found in every supported source.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.presence.always = true;
        self
    }

    /// The key of an entity of this kind.
    #[must_use]
    pub fn key(&self, id: &str) -> EntityKey {
        EntityKey::new(self.name, id)
    }

    /// True when Konnect has a counterpart.
    #[must_use]
    pub const fn movable(&self) -> bool {
        !matches!(self.write, Write::Impossible(_) | Write::Counted(_))
    }

    /// True for a kind that is counted and not read entity by entity.
    #[must_use]
    pub const fn counted(&self) -> bool {
        matches!(self.write, Write::Counted(_))
    }

    /// How a gateway lists the kind; none when it is known not to have it.
    #[must_use]
    pub fn source_of(&self, gateway: Gateway) -> Option<Listing> {
        let presence = self.presence;
        if presence.given || presence.enterprise && !gateway.enterprise {
            return None;
        }
        let Some(version) = gateway.version else {
            return Some(self.source);
        };
        if presence.since.is_some_and(|since| version < since) {
            return None;
        }
        let earlier = presence.earlier.iter().find(|(until, _)| version < *until);
        Some(earlier.map_or(self.source, |(_, path)| Listing::Flat(path)))
    }
}

impl PartialEq for EntityKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for EntityKind {}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
