//! What the engine knows about one kind of Kong entity: one row of the table in [`super::entity_kinds`].

use std::fmt;

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
    /// How the source (Kong Admin API) lists it, below the workspace.
    pub source: Listing,
    /// How the target (Konnect) lists it, or none when Konnect has no such list.
    pub target: Option<Listing>,
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
    pub inert: &'static [(&'static str, i64)],
    /// Lists whose order has no meaning.
    pub sets: &'static [&'static str],
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
            source: Listing::Flat(name),
            target: Some(Listing::Flat(name)),
            write: Write::Put(name),
            level,
            foreign_keys: &[],
            unique: &[&["name"]],
            read_only: &["id", "created_at", "updated_at"],
            write_only: &[],
            inert: &[],
            sets: &["tags"],
            secrets: &[],
            write_query: &[],
            labels: &["name"],
        }
    }

    /// True when Konnect has a counterpart.
    #[must_use]
    pub const fn movable(&self) -> bool {
        !matches!(self.write, Write::Impossible(_))
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
