//! PEM checks of certificates, CA certificates and their keys.

use rcgen::PublicKeyData;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_parser::pem::Pem;

use super::errors::Detail;

/// Checks both pairs of a certificate. Names are kept by the SNI entities alone: sent ones are ignored.
pub fn certificate(entity: &mut Value, details: &mut Vec<Detail>) {
    if let Some(map) = entity.as_object_mut() {
        map.remove("snis");
    }
    for (cert, key) in [("cert", "key"), ("cert_alt", "key_alt")] {
        check_pair(entity, (cert, key), details);
    }
}

fn check_pair(entity: &Value, (cert, key): (&str, &str), details: &mut Vec<Detail>) {
    let text = |field: &str| {
        entity[field]
            .as_str()
            .filter(|text| !text.starts_with("{vault://"))
    };
    let public = text(cert).map(public_key);
    if let Some(Err(reason)) = &public {
        details.push(Detail::field(cert, reason.clone()));
    }
    let Some(private) = text(key) else { return };
    let is_key = Pem::iter_from_buffer(private.as_bytes())
        .flatten()
        .any(|block| block.label.ends_with("PRIVATE KEY"));
    if !is_key {
        details.push(Detail::field(key, "invalid key: not a PEM private key"));
    }
    // Keys of a kind that cannot be read here are not compared.
    if let (Ok(pair), Some(Ok(public))) = (rcgen::KeyPair::from_pem(private), public)
        && public != pair.der_bytes()
    {
        details.push(Detail::field(cert, "certificate does not match key"));
    }
}

/// The raw public key of the first certificate in a PEM text, or why there is none.
fn public_key(text: &str) -> Result<Vec<u8>, String> {
    let certificates = parse(text)?;
    let first = certificates.first().ok_or("invalid certificate: no PEM block")?;
    let certificate = first
        .parse_x509()
        .map_err(|error| format!("invalid certificate: {error}"))?;
    Ok(certificate.public_key().subject_public_key.data.to_vec())
}

/// Checks a CA certificate and sets its digest: SHA-256 over the DER form, in hexadecimal.
pub fn ca_certificate(entity: &mut Value, details: &mut Vec<Detail>) {
    let text = entity["cert"].as_str().unwrap_or_default();
    match ca_digest(text) {
        Ok(digest) => entity["cert_digest"] = json!(digest),
        Err(reason) => details.push(Detail::field("cert", reason)),
    }
}

fn ca_digest(text: &str) -> Result<String, String> {
    let certificates = parse(text)?;
    let [only] = certificates.as_slice() else {
        return Err("please submit only one certificate at a time".into());
    };
    let certificate = only
        .parse_x509()
        .map_err(|error| format!("invalid certificate: {error}"))?;
    if !certificate.is_ca() {
        return Err(
            "certificate does not appear to be a CA because it is missing the \"CA\" basic constraint".into(),
        );
    }
    Ok(Sha256::digest(&only.contents)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The PEM certificates of a text; refuses a text without any.
pub fn parse(text: &str) -> Result<Vec<Pem>, String> {
    let blocks: Result<Vec<_>, _> = Pem::iter_from_buffer(text.as_bytes()).collect();
    let blocks = blocks.map_err(|error| format!("invalid certificate: {error}"))?;
    let all_certificates = blocks.iter().all(|block| block.label.ends_with("CERTIFICATE"));
    if blocks.is_empty() || !all_certificates || blocks.iter().any(|block| block.parse_x509().is_err()) {
        return Err("invalid certificate: not a PEM certificate".to_owned());
    }
    Ok(blocks)
}
