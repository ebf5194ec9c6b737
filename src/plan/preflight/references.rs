//! References by name, which no foreign key shows: in plugin configurations and in vault references.
//!
//! What they name is written in an earlier wave (consumers, groups, key sets, certificates, vaults before plugins). What they
//! name and the source does not have, or what stays behind, is told.

use serde_json::{Map, Value};

use super::super::finding::{Finding, Rule};
use super::super::mask;
use super::super::rule::rules;
use super::facts::text;
use super::{Facts, Verdict};
use crate::domain::{Entity, EntityKey, json};

rules! {
    CONSUMER_GROUP_UNKNOWN: Warning, waivable, "consumer-group-unknown",
        "The plugin names a consumer group that the workspace does not have.",
        "Correct the name in the source, or make the group.",
        "A rate-limiting-advanced plugin with consumer_groups = [gold], and no group gold.";
    CONSUMER_UNKNOWN: Warning, waivable, "named-consumer-unknown",
        "The plugin names a consumer, by id or username, that the workspace does not have; such requests fail.",
        "Correct the name in the source, or make the consumer.",
        "A key-auth plugin with anonymous = nobody, and no consumer nobody.";
    KEY_SET_UNKNOWN: Warning, waivable, "key-set-unknown",
        "The plugin names a key set that the workspace does not have.",
        "Correct the name in the source, or make the key set.",
        "A jwe-decrypt plugin with key_sets = [partners], and no such set.";
    CERTIFICATE_UNKNOWN: Error, waivable, "named-certificate-unknown",
        "The plugin names a certificate by id that the source did not list.",
        "Check the token's rights, or correct the id in the source.",
        "A kafka-log plugin with a certificate_id of another workspace.";
    CA_CERTIFICATE_UNKNOWN: Error, waivable, "named-ca-certificate-unknown",
        "The plugin names a CA certificate by id that the source did not list.",
        "Check the token's rights, or correct the id in the source.",
        "An mtls-auth plugin with a CA certificate that was deleted.";
    NAMED_ENTITY_LEFT_BEHIND: Error, waivable, "named-entity-left-behind",
        "The entity names another that is not moved; it is written, but does not work as before.",
        "Solve the finding of the entity it names.",
        "A key-auth plugin whose anonymous consumer stays behind.";
    VAULT_UNKNOWN: Error, waivable, "vault-unknown",
        "A value refers to a vault that the workspace does not have, so data planes cannot resolve it.",
        "Make the vault in the source, or correct the reference.",
        "A password {vault://aws-prod/redis}, and no vault aws-prod.";
    VAULT_REFERENCE_PARTIAL: Warning, waivable, "vault-reference-partial",
        "A vault reference is only a part of the value; data planes resolve it only as the whole value.",
        "Put the whole value into the vault.",
        "A header Bearer {vault://env/token}.";
    VAULT_NEEDS_ENVIRONMENT: Warning, waivable, "vault-needs-node-environment",
        "Values come from the environment of the nodes, which the configuration does not hold.",
        "Give the new data planes the same environment variables.",
        "A vault of type env.";
    VAULT_NEEDS_CREDENTIALS: Info, waivable, "vault-needs-node-credentials",
        "Nodes reach the vault with credentials of their own, which may not be in the configuration.",
        "Give the new data planes the same identity or the same settings.",
        "A vault of type aws.";
    VAULT_TYPE_UNSUPPORTED: Error, waivable, "vault-type-unsupported",
        "Konnect does not know this type of vault; the vault stays behind.",
        "Move the secrets to a vault of a type that Konnect knows.",
        "A custom vault.";
    VAULT_PREFIX_RESERVED: Error, waivable, "vault-prefix-reserved",
        "The prefix is the name of a type of vault, which Konnect reserves.",
        "Give the vault another prefix, and change what refers to it.",
        "A vault with the prefix aws.";
}

/// One place in a plugin's configuration that names another entity.
struct Place {
    /// None: any plugin.
    plugins: &'static [&'static str],
    field: &'static str,
    kind: &'static str,
    rule: &'static Rule,
}

const PLACES: &[Place] = &[
    Place {
        plugins: &[],
        field: "config.anonymous",
        kind: "consumers",
        rule: &CONSUMER_UNKNOWN,
    },
    Place {
        plugins: &["header-cert-auth", "mtls-auth"],
        field: "config.default_consumer",
        kind: "consumers",
        rule: &CONSUMER_UNKNOWN,
    },
    Place {
        plugins: &["rate-limiting-advanced"],
        field: "config.consumer_groups[]",
        kind: "consumer_groups",
        rule: &CONSUMER_GROUP_UNKNOWN,
    },
    Place {
        plugins: &["jwe-decrypt"],
        field: "config.key_sets[]",
        kind: "key-sets",
        rule: &KEY_SET_UNKNOWN,
    },
    Place {
        plugins: &["acme"],
        field: "config.account_key.key_set",
        kind: "key-sets",
        rule: &KEY_SET_UNKNOWN,
    },
    Place {
        plugins: &["header-cert-auth", "mtls-auth", "forward-proxy"],
        field: "config.ca_certificates[]",
        kind: "ca_certificates",
        rule: &CA_CERTIFICATE_UNKNOWN,
    },
    Place {
        plugins: &["openid-connect"],
        field: "config.proof_of_possession_mtls_from_header.ca_certificates[]",
        kind: "ca_certificates",
        rule: &CA_CERTIFICATE_UNKNOWN,
    },
    Place {
        plugins: &["openid-connect"],
        field: "config.tls_client_auth_cert_id",
        kind: "certificates",
        rule: &CERTIFICATE_UNKNOWN,
    },
    Place {
        plugins: &["kafka-consume", "kafka-log", "kafka-upstream"],
        field: "config.security.certificate_id",
        kind: "certificates",
        rule: &CERTIFICATE_UNKNOWN,
    },
    Place {
        plugins: &["http-log"],
        field: "config.client_certificate.id",
        kind: "certificates",
        rule: &CERTIFICATE_UNKNOWN,
    },
];

/// Types of vaults that Konnect knows, with the prefixes that nodes know without a vault entity.
const VAULT_TYPES: &[&str] = &[
    "env",
    "aws",
    "gcp",
    "azure",
    "hcv",
    "conjur",
    "azure_certs",
    "fs",
    "konnect",
];

/// Texts of an entity's places with what they may name.
fn places(entity: &Entity) -> impl Iterator<Item = (&'static Place, &str)> {
    let name = text(entity, "name").unwrap_or_default();
    let plugin = entity.kind.name == "plugins";
    let of = move |place: &&Place| plugin && (place.plugins.is_empty() || place.plugins.contains(&name));
    PLACES.iter().filter(of).flat_map(move |place| {
        let values = json::select(&entity.body, place.field)
            .into_iter()
            .filter_map(Value::as_str);
        values
            .filter(|value| !value.is_empty())
            .map(move |value| (place, value))
    })
}

/// Judges the references of an entity, and a vault.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut Verdict) {
    for (place, value) in places(entity) {
        if facts.find(place.kind, value).is_none() && !value.starts_with("{vault://") {
            let shown = mask::text(entity, place.field, value);
            let observed = format!("{} names {shown}", place.field);
            verdict.tell_at(place.rule, entity, place.field, observed);
        }
    }
    check_vault_references(entity, facts, verdict);
    if entity.kind.name == "vaults" {
        check_vault(entity, verdict);
    }
}

fn check_vault(vault: &Entity, verdict: &mut Verdict) {
    let kind = text(vault, "name").unwrap_or_default();
    match kind {
        "env" => verdict.tell(&VAULT_NEEDS_ENVIRONMENT, vault, "a vault of type env"),
        known if VAULT_TYPES.contains(&known) => {
            verdict.tell(
                &VAULT_NEEDS_CREDENTIALS,
                vault,
                format!("a vault of type {known}"),
            );
        }
        other => {
            let finding = Finding::new(&VAULT_TYPE_UNSUPPORTED, vault.subject(), format!("type {other}"));
            verdict.keep_back(finding.at("name"));
        }
    }
    let prefix = text(vault, "prefix").unwrap_or_default();
    if ["azure", "gcp", "aws", "hcv"].contains(&prefix) {
        verdict.tell_at(
            &VAULT_PREFIX_RESERVED,
            vault,
            "prefix",
            format!("prefix {prefix}"),
        );
    }
}

fn check_vault_references(entity: &Entity, facts: &Facts<'_>, verdict: &mut Verdict) {
    for (field, reference) in vault_references(entity) {
        let prefix = reference.prefix;
        if facts.find("vaults", prefix).is_none() && !VAULT_TYPES.contains(&prefix) {
            verdict.tell_at(
                &VAULT_UNKNOWN,
                entity,
                &field,
                format!("{field} refers to vault {prefix}"),
            );
        }
        if !reference.whole {
            verdict.tell_at(
                &VAULT_REFERENCE_PARTIAL,
                entity,
                &field,
                format!("{field} is more than a reference"),
            );
        }
    }
}

/// A reference in a text: `{vault://prefix/…}`.
struct VaultReference<'e> {
    prefix: &'e str,
    whole: bool,
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
fn vault_references(entity: &Entity) -> Vec<(String, VaultReference<'_>)> {
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

/// Entities that this one names, with the field: a foreign key in all but form.
#[must_use]
pub fn named_entities(entity: &Entity, facts: &Facts<'_>) -> Vec<(String, EntityKey)> {
    let mut named: Vec<_> = places(entity)
        .filter_map(|(place, value)| Some((place.field.to_owned(), facts.find(place.kind, value)?.clone())))
        .collect();
    named.extend(
        vault_references(entity)
            .into_iter()
            .filter_map(|(field, reference)| Some((field, facts.find("vaults", reference.prefix)?.clone()))),
    );
    let host = (entity.kind.name == "services")
        .then(|| text(entity, "host"))
        .flatten();
    named.extend(host.and_then(|host| Some(("host".to_owned(), facts.find("upstreams", host)?.clone()))));
    named
}
