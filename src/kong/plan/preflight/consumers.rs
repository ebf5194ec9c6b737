//! Consumers and their credentials.

use serde_json::Value;

use super::facts::{Facts, text};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::migration::finding::{Finding, rules};
use crate::migration::subject::{EntityKey, Subject};

rules! {
    CONSUMER_NOT_OF_PROXY: Error, waivable, "consumer-not-of-proxy",
        "The consumer stands for a developer, application or administrator of the self-managed gateway; it stays behind.",
        "Invite the person in Konnect instead; waive this when that is done.",
        "A consumer with type = 2.";
    CONSUMER_WITHOUT_NAME: Error, waivable, "consumer-without-name",
        "The consumer has neither username nor custom_id, so Konnect refuses it.",
        "Name the consumer in the source, or remove it.",
        "A consumer with username = null and custom_id = null.";
    CREDENTIALS_UNREAD: Warning, waivable, "plugin-credentials-not-read",
        "The plugin has credentials of its own, for which neither Konnect's API nor a list of the whole workspace has a place; they are not read and do not move.",
        "List them below each consumer, and let the plugin find consumers by username or custom_id instead.",
        "A header-cert-auth plugin, whose credentials stand below /consumers/{consumer}/header-cert-auth.";
    PASSWORD_HASHES: Info, waivable, "password-hashes-moved",
        "Basic-auth passwords move as hashes, which hold as long as the consumers keep their ids.",
        "Try one password against a new data plane before the cut-over.",
        "A workspace with basic-auth credentials.";
}

/// Plugins with credentials that no list of the Admin API returns.
const UNREAD: &[&str] = &["header-cert-auth", "vault-auth"];

/// Judges a consumer, and plugins whose credentials are not read.
pub fn check(entity: &Entity, _: &Facts<'_>, verdict: &mut EntityVerdict) {
    match entity.kind.name {
        "consumers" => check_consumer(entity, verdict),
        "plugins" => {
            let name = text(entity, "name").unwrap_or_default();
            if UNREAD.contains(&name) {
                verdict.tell(&CREDENTIALS_UNREAD, entity, format!("plugin {name}"));
            }
        }
        _ => {}
    }
}

fn check_consumer(consumer: &Entity, verdict: &mut EntityVerdict) {
    let kind = consumer.body.get("type").and_then(Value::as_i64);
    if let Some(kind @ 1..=3) = kind {
        let observed = format!("type = {kind}");
        verdict.keep_back(Finding::new(&CONSUMER_NOT_OF_PROXY, consumer.subject(), observed).at("type"));
    }
    let empty = |field: &str| {
        consumer
            .body
            .get(field)
            .is_none_or(|value| value.is_null() || value == "")
    };
    if empty("username") && empty("custom_id") {
        verdict.tell(&CONSUMER_WITHOUT_NAME, consumer, "neither username nor custom_id");
    }
}

/// One word about all passwords that move.
pub fn tell_passwords<'k>(moved: impl Iterator<Item = &'k EntityKey>) -> Option<Finding> {
    let count = moved.filter(|key| key.kind == "basic-auths").count();
    let finding = || {
        Finding::new(
            &PASSWORD_HASHES,
            Subject::whole_kind("basic-auths"),
            format!("{count} passwords"),
        )
    };
    (count > 0).then(finding)
}
