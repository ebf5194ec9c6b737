//! References by name ([`super::super::named`]), and vaults.
//!
//! What they name is written in an earlier wave (consumers, groups, key sets, certificates, vaults before plugins). What they
//! name and the source does not have, or what stays behind, is told.

use super::super::mask;
use super::super::named::{places, vault_references};
use super::facts::{Facts, text};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::migration::finding::{Finding, Rule, rules};

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

/// Judges the references of an entity, and a vault.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    for (place, value) in places(entity) {
        let missing = facts.find(place.kind, value).is_none() && !value.starts_with("{vault://");
        if let Some(rule) = unknown(place.kind).filter(|_| missing) {
            let shown = mask::text(entity, place.field, value);
            let observed = format!("{} names {shown}", place.field);
            verdict.tell_at(rule, entity, place.field, observed);
        }
    }
    check_vault_references(entity, facts, verdict);
    if entity.kind.name == "vaults" {
        check_vault(entity, verdict);
    }
}

/// What a name of this kind is when the source does not have it; none where it may be the name of something else.
fn unknown(kind: &str) -> Option<&'static Rule> {
    match kind {
        "consumers" => Some(&CONSUMER_UNKNOWN),
        "consumer_groups" => Some(&CONSUMER_GROUP_UNKNOWN),
        "key-sets" => Some(&KEY_SET_UNKNOWN),
        "certificates" => Some(&CERTIFICATE_UNKNOWN),
        "ca_certificates" => Some(&CA_CERTIFICATE_UNKNOWN),
        _ => None,
    }
}

fn check_vault(vault: &Entity, verdict: &mut EntityVerdict) {
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

fn check_vault_references(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
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
