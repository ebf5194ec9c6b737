//! What the engine knows about one kind of Kong entity: one row of the table in [`super::entity_kinds`].

use std::fmt;

use serde_json::{Map, Value};

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
    /// Every workspace lists all that the gateway has, so they say nothing of one workspace.
    pub shared: bool,
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
    pub fn is(&self, value: &Value) -> bool {
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

/// What the code treats in a way of its own. It asks for the role and never for the name, so that what is known of kinds by name
/// stands in the table alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing beyond its row.
    None,
    /// A plugin: `name` says which one, and each has a configuration of its own form.
    Plugin,
    /// The schema of a custom plugin, which its plugins need.
    PluginSchema,
    /// A route; its router may be one of expressions.
    Route,
    /// A service, whose address may be written as one `url`.
    Service,
    /// A server name, which files may write as plain text.
    ServerName,
    /// A consumer, whom files may list in its groups.
    Consumer,
    /// A group of consumers, which files may list in its consumers.
    ConsumerGroup,
    /// A password that is stored as a hash, salted with the consumer's id (Kong 3.9, `kong/plugins/basic-auth/crypto.lua`).
    HashedPassword,
    /// A key that the source stores encrypted.
    EncryptedKey,
    /// Rate limits of a consumer group from before plugins could be scoped to one.
    GroupOverride,
    /// A vault, which `{vault://prefix/…}` in any text names.
    Vault,
}

/// A field that names another entity as text, without a foreign key.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedReference {
    /// Plugins with the field; none: any plugin, or a kind that is none.
    pub plugins: &'static [&'static str],
    /// Path of the field.
    pub field: &'static str,
    /// Kind of what it names.
    pub kind: &'static str,
}

/// What an entity is a part of: whoever calls the whole by name means its parts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartOf {
    /// Foreign-key field that holds the whole.
    pub field: &'static str,
    /// The whole does nothing without its parts, so they take part wherever it does.
    pub vital: bool,
}

/// How the schemas of one kind's bodies differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// All have the same.
    One,
    /// Those that set this field have another.
    WhereSet(&'static str),
    /// Each value of this field has its own.
    ByValueOf(&'static str),
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
    /// Konnect reads a single one below its parent alone, and not by its id.
    pub read_below: bool,
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
    /// See [`Role`].
    pub role: Role,
    /// Fields, `id` among them, by whose texts others call an entity without a foreign key.
    pub called_by: &'static [&'static str],
    /// Fields in which it calls others so.
    pub calls: &'static [NamedReference],
    /// Fields of any form, in which a text that is an id means that entity.
    pub free_form: &'static [&'static str],
    /// See [`PartOf`].
    pub part_of: Option<PartOf>,
    /// Foreign-key field of what it belongs to and is selected with, where it has no tags of its own and is not written below that.
    pub owner: Option<&'static str>,
    /// See [`BodyForm`].
    pub form: BodyForm,
    /// Fields that Konnect adds without another effect than the source's.
    pub added_quietly: &'static [&'static str],
    /// Kind as which its entities move, where Konnect does not have it; see [`super::recast`].
    pub moves_as: Option<&'static str>,
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
                shared: false,
                given: false,
                earlier: &[],
            },
            write: Write::Put(name),
            read_below: false,
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
            role: Role::None,
            called_by: &[],
            calls: &[],
            free_form: &[],
            part_of: None,
            owner: None,
            form: BodyForm::One,
            added_quietly: &[],
            moves_as: None,
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

    /// Name of the plugin that a body of this kind is; none when the kind is another.
    #[must_use]
    pub fn plugin_name<'b>(&self, body: &'b Map<String, Value>) -> Option<&'b str> {
        body.get("name").filter(|_| self.role == Role::Plugin)?.as_str()
    }

    /// Name of the form that a body has, where its kind has several.
    #[must_use]
    pub fn form_of<'b>(&self, body: &'b Map<String, Value>) -> Option<&'b str> {
        match self.form {
            BodyForm::One => None,
            BodyForm::WhereSet(field) => body.get(field).filter(|value| !value.is_null()).map(|_| field),
            BodyForm::ByValueOf(field) => body.get(field)?.as_str(),
        }
    }

    /// Kind of what a foreign-key field holds.
    #[must_use]
    pub fn referred_by(&self, field: &str) -> Option<&'static str> {
        let mut keys = self.foreign_keys.iter();
        keys.find(|key| key.field == field).map(|key| key.kind)
    }

    /// True when Konnect has a counterpart.
    #[must_use]
    pub const fn movable(&self) -> bool {
        !matches!(self.write, Write::Impossible(_) | Write::Counted(_))
    }

    /// True when the body of the POST that creates one takes its id.
    #[must_use]
    pub fn is_created_with_id(&self) -> bool {
        self.id_field == "id" && self.write != Write::Member
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
