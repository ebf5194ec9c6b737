//! The client certificate of data planes: making one, reading one, judging one.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use k8s_openapi::ByteString;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::migration::hex::Hex;

/// Key of the certificate in a Secret of type `kubernetes.io/tls`.
pub const CERTIFICATE_KEY: &str = "tls.crt";
/// Key of the private key in a Secret of type `kubernetes.io/tls`.
pub const PRIVATE_KEY_KEY: &str = "tls.key";
/// Key of the issuer's certificate beside them, as Kong's operator writes it.
pub const ISSUER_KEY: &str = "ca.crt";

const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// Valid from a little earlier, so that a node or a Konnect host with a slow clock takes it at once.
const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// Upper bound of a common name in RFC 5280 (`ub-common-name`).
const COMMON_NAME_LIMIT: usize = 64;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// SHA-256 over the DER form of a certificate: the same whatever white space or text the PEM form carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the first certificate in a PEM text; `None` when there is none.
    pub fn of_pem(pem: &str) -> Option<Self> {
        CertificateDer::from_pem_slice(pem.as_bytes())
            .ok()
            .map(|der| Self::of_der(&der))
    }

    fn of_der(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(formatter)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({self})")
    }
}

/// A new certificate with its private key.
pub struct Generated {
    /// PEM. It signs itself, so it is its own issuer.
    pub certificate_pem: String,
    /// PEM, PKCS#8.
    pub private_key_pem: SecretString,
    /// When it expires.
    pub not_after: Timestamp,
}

/// Makes a self-signed ECDSA P-256 client certificate, valid for a year from `now`.
///
/// Self-signed, because Konnect pins the certificate itself: an issuer would be one more key to keep, for nothing.
///
/// # Errors
/// Only when the system gives no randomness.
pub fn generate(namespace: &str, name: &str, now: Timestamp) -> Result<Generated, rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let seconds = |time: Timestamp| Duration::from_secs(time.as_second().unsigned_abs());
    let epoch = date_time_ymd(1970, 1, 1);
    let not_after = seconds(now) + LIFETIME;
    let mut params = CertificateParams::default();
    params.not_before = epoch + (seconds(now) - CLOCK_SKEW);
    params.not_after = epoch + not_after;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, build_common_name(namespace, name));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(Generated {
        certificate_pem: params.self_signed(&key)?.pem(),
        private_key_pem: key.serialize_pem().into(),
        not_after: Timestamp::UNIX_EPOCH + not_after,
    })
}

/// `<name>.<namespace>`, as Kong's operator names it; a longer one is cut and told apart by a hash.
fn build_common_name(namespace: &str, name: &str) -> String {
    let full = format!("{name}.{namespace}");
    if full.len() <= COMMON_NAME_LIMIT {
        return full;
    }
    let hash = format!("-{}", short_hash(&full));
    format!(
        "{}{hash}",
        &full[..full.floor_char_boundary(COMMON_NAME_LIMIT - hash.len())]
    )
}

/// Ten hexadecimal digits that stand for a text too long to be used itself.
pub fn short_hash(text: &str) -> String {
    Fingerprint::of_der(text.as_bytes()).to_string()[..10].to_owned()
}

/// A certificate that data planes can use, with what must be known about it. The private key stays in its Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM of the certificate itself, without the rest of a chain: what Konnect pins.
    pub pem: String,
    /// What it is recognised by.
    pub fingerprint: Fingerprint,
    /// When it expires.
    pub not_after: Timestamp,
}

/// Why the content of a Secret is no usable client certificate. Says what to do; never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// A key is missing or empty.
    #[error("has no value under the key {0:?}; add it, in PEM")]
    KeyMissing(&'static str),
    /// `tls.crt` is not a certificate.
    #[error("holds no PEM certificate under the key \"tls.crt\"; replace it")]
    NoCertificate,
    /// `tls.key` is not a private key that can be read.
    #[error(
        "holds no usable private key under the key \"tls.key\"; put an unencrypted RSA, ECDSA or Ed25519 key there, in PEM"
    )]
    NoPrivateKey,
    /// The two do not belong together.
    #[error(
        "holds a private key that is not the one of its certificate; put a matching pair into tls.crt and tls.key"
    )]
    KeyMismatch,
    /// The certificate has expired.
    #[error("holds a certificate that expired at {0}; replace it")]
    Expired(Timestamp),
    /// The certificate is not valid yet.
    #[error("holds a certificate that is not valid before {0}; replace it or wait")]
    NotYetValid(Timestamp),
}

/// Reads the certificate in a Secret's data, and refuses it when a data plane could not use it at `now`.
///
/// # Errors
/// The first fault found.
pub fn read(
    data: &BTreeMap<String, ByteString>,
    now: Timestamp,
) -> Result<ClientCertificate, CertificateFault> {
    let value = |key: &'static str| match data.get(key) {
        Some(ByteString(bytes)) if !bytes.is_empty() => Ok(bytes.as_slice()),
        _ => Err(CertificateFault::KeyMissing(key)),
    };
    let (chain, private_key) = (value(CERTIFICATE_KEY)?, value(PRIVATE_KEY_KEY)?);
    let der = CertificateDer::from_pem_slice(chain).map_err(|_| CertificateFault::NoCertificate)?;
    let pem = first_certificate(chain).ok_or(CertificateFault::NoCertificate)?;
    let (_, certificate) =
        x509_parser::parse_x509_certificate(&der).map_err(|_| CertificateFault::NoCertificate)?;
    let private_key =
        PrivateKeyDer::from_pem_slice(private_key).map_err(|_| CertificateFault::NoPrivateKey)?;
    let private_key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private_key)
        .map_err(|_| CertificateFault::NoPrivateKey)?;
    let public_key = private_key.public_key().ok_or(CertificateFault::NoPrivateKey)?;
    if public_key.as_ref() != certificate.public_key().raw {
        return Err(CertificateFault::KeyMismatch);
    }
    let moment = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|_| CertificateFault::NoCertificate)
    };
    let (not_before, not_after) = (
        moment(certificate.validity().not_before)?,
        moment(certificate.validity().not_after)?,
    );
    if now < not_before {
        return Err(CertificateFault::NotYetValid(not_before));
    }
    if now >= not_after {
        return Err(CertificateFault::Expired(not_after));
    }
    Ok(ClientCertificate {
        pem: pem.to_owned(),
        fingerprint: Fingerprint::of_der(&der),
        not_after,
    })
}

/// The text of the first certificate alone: a chain has more, and bundles carry comments.
fn first_certificate(pem: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(pem).ok()?;
    let text = &text[text.find(BEGIN)?..];
    Some(&text[..text.find(END)? + END.len()])
}

#[cfg(test)]
mod tests;
