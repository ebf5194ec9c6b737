//! References by name, which no foreign key shows: in plugin configurations, in vault references, in the host of a service.
//!
//! The rules ([`super::preflight::references`]) and the selection ([`super::select`]) ask here, so that both mean the same.
//! Fields: Kong's published plugin schemas, 3.4 to 3.15.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::kong::model::entity::reference;
use crate::kong::model::{Entity, Packed, Snapshot, json};
use crate::migration::subject::EntityKey;

/// Fields by which other entities and plugin configurations name an entity.
const NAMES: &[(&str, &[&str])] = &[
    ("consumers", &["id", "username"]),
    ("consumer_groups", &["id", "name"]),
    ("key-sets", &["name"]),
    ("vaults", &["prefix"]),
    ("upstreams", &["name"]),
    ("certificates", &["id"]),
    ("ca_certificates", &["id"]),
];

/// The entities of a source by the names that others call them.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<&'static str, BTreeMap<Box<str>, EntityKey>>);

impl Names {
    /// Indexes the source.
    #[must_use]
    pub fn of(source: &Snapshot) -> Self {
        Self::among(NAMES.iter().flat_map(|(kind, _)| source.of_kind(kind)))
    }

    /// True for a kind whose entities others call by names.
    #[must_use]
    pub fn are_given_to(kind: &str) -> bool {
        NAMES.iter().any(|(named, _)| *named == kind)
    }

    /// Indexes some entities.
    #[must_use]
    pub fn among<'p>(entities: impl Iterator<Item = &'p Packed>) -> Self {
        let mut names = Self::default();
        for packed in entities {
            let Some((kind, fields)) = NAMES.iter().find(|(kind, _)| *kind == packed.kind.name) else {
                continue;
            };
            let of_kind = names.0.entry(kind).or_default();
            let key = packed.key();
            for field in *fields {
                // A body that is yet to be written does not have it.
                let name = match *field {
                    "id" => Some((*key.id).into()),
                    _ => packed.word(field).map(Into::into),
                };
                if let Some(name) = name {
                    of_kind.entry(name).or_insert_with(|| key.clone());
                }
            }
        }
        names
    }

    /// The entity that a text names, by name or id.
    #[must_use]
    pub fn find(&self, kind: &str, name: &str) -> Option<&EntityKey> {
        self.0.get(kind)?.get(name)
    }
}

/// One place that names another entity.
#[derive(Debug)]
pub struct Place {
    /// Plugins with the place; none: any plugin.
    plugins: &'static [&'static str],
    /// Path of the field.
    pub field: &'static str,
    /// Kind of what it names.
    pub kind: &'static str,
}

const fn place(plugins: &'static [&'static str], field: &'static str, kind: &'static str) -> Place {
    Place { plugins, field, kind }
}

/// Places in configurations of plugins.
const IN_PLUGINS: &[Place] = &[
    place(&[], "config.anonymous", "consumers"),
    place(
        &["header-cert-auth", "mtls-auth"],
        "config.default_consumer",
        "consumers",
    ),
    place(
        &["rate-limiting-advanced"],
        "config.consumer_groups[]",
        "consumer_groups",
    ),
    place(&["jwe-decrypt"], "config.key_sets[]", "key-sets"),
    place(&["acme"], "config.account_key.key_set", "key-sets"),
    place(
        &["header-cert-auth", "mtls-auth", "forward-proxy"],
        "config.ca_certificates[]",
        "ca_certificates",
    ),
    place(
        &["openid-connect"],
        "config.proof_of_possession_mtls_from_header.ca_certificates[]",
        "ca_certificates",
    ),
    place(
        &["openid-connect"],
        "config.tls_client_auth_cert_id",
        "certificates",
    ),
    place(
        &["kafka-consume", "kafka-log", "kafka-upstream"],
        "config.security.certificate_id",
        "certificates",
    ),
    place(&["http-log"], "config.client_certificate.id", "certificates"),
    place(
        &["jwt-signer"],
        "config.access_token_jwks_uri_client_certificate.id",
        "certificates",
    ),
    place(
        &["jwt-signer"],
        "config.access_token_keyset_client_certificate.id",
        "certificates",
    ),
    place(
        &["jwt-signer"],
        "config.channel_token_jwks_uri_client_certificate.id",
        "certificates",
    ),
    place(
        &["jwt-signer"],
        "config.channel_token_keyset_client_certificate.id",
        "certificates",
    ),
    // These may also be names that the network resolves, as the host of a service.
    place(&["route-by-header"], "config.rules[].upstream_name", "upstreams"),
    place(&["canary"], "config.upstream_host", "upstreams"),
];

const IN_SERVICES: &[Place] = &[place(&[], "host", "upstreams")];

/// Texts of an entity's places with what they may name.
pub fn places(entity: &Entity) -> impl Iterator<Item = (&'static Place, &str)> {
    let plugin = entity
        .body
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let places = match entity.kind.name {
        "plugins" => IN_PLUGINS,
        "services" => IN_SERVICES,
        _ => &[],
    };
    let of = move |place: &&Place| place.plugins.is_empty() || place.plugins.contains(&plugin);
    places.iter().filter(of).flat_map(move |place| {
        let values = json::select(&entity.body, place.field)
            .into_iter()
            .filter_map(Value::as_str);
        values
            .filter(|value| !value.is_empty())
            .map(move |value| (place, value))
    })
}

/// An entity calls another by name or id.
#[derive(Debug)]
pub struct Call<'e> {
    /// Path of the field.
    pub field: String,
    /// Kind of what it calls.
    pub kind: &'static str,
    /// Name or id.
    pub text: &'e str,
}

/// All calls of an entity, whether anything answers or not.
pub fn calls(entity: &Entity) -> impl Iterator<Item = Call<'_>> {
    let by_place = places(entity).map(|(place, text)| Call {
        field: place.field.to_owned(),
        kind: place.kind,
        text,
    });
    let by_vault = vault_references(entity)
        .into_iter()
        .map(|(field, reference)| Call {
            field,
            kind: "vaults",
            text: reference.prefix,
        });
    by_place.chain(by_vault)
}

/// Entities that this one names, with the field: a foreign key in all but form.
#[must_use]
pub fn named_entities(entity: &Entity, names: &Names) -> Vec<(String, EntityKey)> {
    let found = |call: Call<'_>| Some((call.field, names.find(call.kind, call.text)?.clone()));
    calls(entity).filter_map(found).collect()
}

/// Kinds of what another entity consists of, with the field that refers to it: whoever calls that one by name means these too.
const PARTS: &[(&str, &str)] = &[
    ("targets", "upstream"),
    ("keys", "set"),
    ("consumer_group_members", "consumer_group"),
];

/// True for a kind whose entities are parts of others.
#[must_use]
pub fn is_part(kind: &str) -> bool {
    PARTS.iter().any(|(part, _)| *part == kind)
}

/// What an entity is a part of.
#[must_use]
pub fn whole_of(part: &Entity) -> Option<EntityKey> {
    let (_, field) = PARTS.iter().find(|(kind, _)| *kind == part.kind.name)?;
    let foreign_key = part.kind.foreign_keys.iter().find(|key| key.field == *field)?;
    let id = reference(&part.body, field)?;
    Some(EntityKey::new(foreign_key.kind, id))
}

/// A reference in a text: `{vault://prefix/…}`.
#[derive(Debug)]
pub struct VaultReference<'e> {
    /// Prefix of the vault.
    pub prefix: &'e str,
    /// True when the text is the reference and nothing else, which is what data planes resolve.
    pub whole: bool,
}

impl<'e> VaultReference<'e> {
    fn find(text: &'e str) -> Option<Self> {
        let at = text.find("{vault://")?;
        let rest = text.get(at + "{vault://".len()..)?;
        let end = rest.find('}')?;
        Some(Self {
            prefix: rest.get(..end)?.split(['/', '?']).next()?,
            whole: at == 0 && end + 1 == rest.len(),
        })
    }
}

/// All references of an entity, with their fields.
#[must_use]
pub fn vault_references(entity: &Entity) -> Vec<(String, VaultReference<'_>)> {
    let mut found = Vec::new();
    // Most entities have none, and the names of their fields need not be put together.
    if entity.body.values().any(mentions_vault) {
        collect_fields(&entity.body, "", &mut found);
    }
    found
}

fn mentions_vault(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(mentions_vault),
        Value::Array(items) => items.iter().any(mentions_vault),
        Value::String(text) => text.contains("{vault://"),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn collect_fields<'e>(
    fields: &'e Map<String, Value>,
    at: &str,
    found: &mut Vec<(String, VaultReference<'e>)>,
) {
    for (name, value) in fields {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        collect_value(value, &path, found);
    }
}

fn collect_value<'e>(value: &'e Value, at: &str, found: &mut Vec<(String, VaultReference<'e>)>) {
    match value {
        Value::Object(fields) => collect_fields(fields, at, found),
        Value::Array(items) => {
            let path = format!("{at}[]");
            items.iter().for_each(|item| collect_value(item, &path, found));
        }
        Value::String(text) => {
            found.extend(VaultReference::find(text).map(|reference| (at.to_owned(), reference)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
