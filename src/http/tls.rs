//! What one server is trusted by, and how we show ourselves to it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::transport::TransportError;

/// TLS settings of one source. Empty (the default): the operator's own roots, no client certificate.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// PEM with one or more CA certificates. When given, nothing else is trusted for this source.
    pub ca_pem: Option<String>,
    /// Shown when the server asks for a client certificate.
    pub client_certificate: Option<ClientIdentity>,
    /// Accept any certificate of the server. Then anybody on the way can read the token.
    pub insecure_skip_verify: bool,
}

/// A certificate chain and its private key. `Debug` hides the key.
#[derive(Clone)]
pub struct ClientIdentity {
    /// PEM, the leaf first.
    pub certificate_pem: String,
    /// PEM: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key_pem: SecretString,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

impl TlsOptions {
    /// True when the operator's shared connections serve as well.
    pub fn is_default(&self) -> bool {
        self.ca_pem.is_none() && self.client_certificate.is_none() && !self.insecure_skip_verify
    }

    /// Equal for equal settings; tells nothing about them.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |part: Option<&str>| {
            let part = part.unwrap_or_default();
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        };
        add(self.ca_pem.as_deref());
        add(self
            .client_certificate
            .as_ref()
            .map(|pair| pair.certificate_pem.as_str()));
        add(self
            .client_certificate
            .as_ref()
            .map(|pair| pair.key_pem.expose_secret()));
        add(self.insecure_skip_verify.then_some("insecure"));
        hash.finalize().into()
    }

    /// Applies these settings to a client under construction.
    pub(super) fn configure(
        &self,
        mut builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, TransportError> {
        if let Some(pem) = &self.ca_pem {
            builder = builder.tls_certs_only(certificates(pem.as_bytes(), "the source's CA")?);
        }
        if let Some(pair) = &self.client_certificate {
            builder = builder.identity(pair.identity()?);
        }
        Ok(builder.tls_danger_accept_invalid_certs(self.insecure_skip_verify))
    }
}

impl ClientIdentity {
    fn identity(&self) -> Result<reqwest::Identity, TransportError> {
        let pem = format!("{}\n{}", self.certificate_pem, self.key_pem.expose_secret());
        reqwest::Identity::from_pem(pem.as_bytes()).map_err(|_| TransportError::ClientCertificate)
    }
}

/// All certificates of a PEM text; at least one. `what` names the text in the error.
pub(super) fn certificates(pem: &[u8], what: &str) -> Result<Vec<reqwest::Certificate>, TransportError> {
    match reqwest::Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TransportError::Ca {
            what: what.to_owned(),
        }),
    }
}
