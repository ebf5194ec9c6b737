//! Services, upstreams, targets, keys: where traffic goes, and what the new data planes must know of it.

use serde_json::Value;

use super::super::mask;
use super::facts::{Facts, text};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::Write;
use crate::migration::finding::{Finding, rules};

rules! {
    PARENT_MISSING: Error, waivable, "parent-missing",
        "The entity belongs to no other, but Konnect only takes it below one; it stays behind.",
        "Remove the entity from the source, or give it its parent.",
        "A key-auth credential with consumer = null.";
    ADDRESS_IS_LOCAL: Warning, waivable, "address-is-local",
        "The address is the gateway node itself; the new data planes run elsewhere.",
        "Make the address one that the new data planes reach.",
        "A service with the host localhost.";
    HOST_IS_SHORT_NAME: Info, waivable, "host-is-short-name",
        "The host is a name without dots that no upstream has, so the network of the data planes must resolve it.",
        "Check that the new data planes resolve the name; search domains differ between clusters.",
        "A service with the host billing, and no upstream of that name.";
    UPSTREAM_WITHOUT_TARGETS: Info, waivable, "upstream-without-targets",
        "The upstream has no target, so requests to it fail, as they do today.",
        "Remove the upstream, or give it targets.",
        "An upstream whose targets have all been deleted.";
    TLS_VERIFY_UNSET: Warning, waivable, "service-tls-verify-unset",
        "The service does not say whether to verify the upstream's certificate; data planes from 3.14 on verify by default.",
        "Set tls_verify in the source, or tls_certificate_verify on the data planes.",
        "A service with protocol https and tls_verify = null.";
    KEY_WITHOUT_MATERIAL: Error, waivable, "key-without-material",
        "The key holds neither a JWK nor PEM, so nothing can use it and Konnect refuses it.",
        "Put the key's material into the source, or remove the key.",
        "A key with jwk = null and pem = null.";
}

/// Protocols in which a service speaks TLS to its upstream.
const TLS: &[&str] = &["https", "wss", "tls", "grpcs"];

/// Judges the kinds of this family.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    if let Write::PutBelow { field, .. } = entity.kind.write
        && reference(&entity.body, field).is_none()
    {
        verdict.keep_back(
            Finding::new(&PARENT_MISSING, entity.subject(), format!("{field} is empty")).at(field),
        );
    }
    match entity.kind.name {
        "services" => check_service(entity, facts, verdict),
        "targets" => check_address(entity, "target", verdict),
        "upstreams" if !facts.has_targets(&entity.id) && !facts.is_unread("targets") => {
            verdict.tell(&UPSTREAM_WITHOUT_TARGETS, entity, "no targets");
        }
        "keys" => {
            let empty = |field: &str| entity.body.get(field).is_none_or(Value::is_null);
            if empty("jwk") && empty("pem") {
                verdict.tell(&KEY_WITHOUT_MATERIAL, entity, "neither jwk nor pem");
            }
        }
        _ => {}
    }
}

fn check_service(service: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    check_address(service, "host", verdict);
    if let Some(host) = text(service, "host") {
        let short = !host.contains(['.', ':', '{']) && host != "localhost";
        if short && facts.find("upstreams", host).is_none() {
            let shown = mask::text(service, "host", host);
            verdict.tell_at(&HOST_IS_SHORT_NAME, service, "host", format!("host = {shown}"));
        }
    }
    let protocol = text(service, "protocol").unwrap_or_default();
    if TLS.contains(&protocol) && service.body.get("tls_verify").is_none_or(Value::is_null) {
        let observed = format!("protocol = {protocol}, tls_verify is not set");
        verdict.tell_at(&TLS_VERIFY_UNSET, service, "tls_verify", observed);
    }
}

fn check_address(entity: &Entity, field: &str, verdict: &mut EntityVerdict) {
    let Some(address) = text(entity, field) else {
        return;
    };
    let local = [
        "localhost",
        "127.",
        "[::1]",
        "::1",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
    ];
    let host = address.strip_suffix('.').unwrap_or(address);
    if local.iter().any(|prefix| {
        host == *prefix
            || host.starts_with(&format!("{}:", prefix))
            || (prefix.ends_with('.') && host.starts_with(prefix))
    }) {
        verdict.tell_at(&ADDRESS_IS_LOCAL, entity, field, format!("{field} = {address}"));
    }
}
