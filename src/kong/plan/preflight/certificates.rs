//! Certificates: an expired one stops the configuration of data planes from 3.2 on (P191).

use jiff::{SignedDuration, Timestamp};
use x509_parser::pem::Pem;

use super::facts::{Facts, text};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::migration::finding::rules;

rules! {
    CERTIFICATE_EXPIRED: Error, waivable, "certificate-expired",
        "The certificate has expired; data planes that get it take no configuration any more (P191).",
        "Renew the certificate in the source, or remove it.",
        "A certificate that was valid until last month.";
    CERTIFICATE_EXPIRES_SOON: Warning, waivable, "certificate-expires-soon",
        "The certificate expires within 30 days; an expired one stops data planes from taking configuration (P191).",
        "Renew the certificate in the source before the cut-over.",
        "A certificate that is valid for another week.";
    CERTIFICATE_NOT_YET_VALID: Warning, waivable, "certificate-not-yet-valid",
        "The certificate is not valid yet.",
        "Check the certificate, and the clock of who made it.",
        "A certificate that is valid from next month.";
    CERTIFICATE_UNREADABLE: Error, waivable, "certificate-unreadable",
        "The text is neither a certificate in PEM nor a reference to a vault, so Konnect refuses it.",
        "Correct the certificate in the source.",
        "A certificate with the text none.";
}

const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Judges the certificates that an entity holds.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    if !matches!(entity.kind.name, "certificates" | "ca_certificates") {
        return;
    }
    for field in ["cert", "cert_alt"] {
        if let Some(pem) = text(entity, field).filter(|text| !text.starts_with("{vault://")) {
            check_certificate(entity, field, pem, facts.input.circumstances.now, verdict);
        }
    }
}

fn check_certificate(
    entity: &Entity,
    field: &str,
    pem: &str,
    now: Option<Timestamp>,
    verdict: &mut EntityVerdict,
) {
    let Some((from, until)) = validity(pem) else {
        let observed = format!("{field} is no certificate");
        return verdict.tell_at(&CERTIFICATE_UNREADABLE, entity, field, observed);
    };
    let Some(now) = now else { return };
    let (rule, observed) = if until < now {
        (&CERTIFICATE_EXPIRED, format!("{field} was valid until {until}"))
    } else if now.checked_add(SOON).is_ok_and(|soon| until < soon) {
        (
            &CERTIFICATE_EXPIRES_SOON,
            format!("{field} is valid until {until}"),
        )
    } else if now < from {
        (
            &CERTIFICATE_NOT_YET_VALID,
            format!("{field} is valid from {from}"),
        )
    } else {
        return;
    };
    verdict.tell_at(rule, entity, field, observed);
}

/// From when until when the first certificate of a chain is valid.
fn validity(pem: &str) -> Option<(Timestamp, Timestamp)> {
    let block = Pem::iter_from_buffer(pem.as_bytes()).next()?.ok()?;
    let validity = block.parse_x509().ok()?.tbs_certificate.validity;
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some((at(validity.not_before)?, at(validity.not_after)?))
}
