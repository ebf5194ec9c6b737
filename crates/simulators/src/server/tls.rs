//! Certificates of a server: an own authority, made anew for each, and a leaf signed by it.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// An own certificate authority with a server certificate, valid for the names it was generated for.
#[derive(Clone)]
pub struct Tls {
    ca: Arc<Issuer<'static, KeyPair>>,
    ca_pem: String,
    ca_der: CertificateDer<'static>,
    leaf_pem: String,
    leaf_der: CertificateDer<'static>,
    key_pem: String,
    config: Arc<ServerConfig>,
}

/// A client certificate and its private key, both in PEM.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key (PKCS #8).
    pub key_pem: String,
}

impl Tls {
    /// A new authority and a server certificate for `names` (DNS names and IP addresses).
    ///
    /// # Errors
    /// When a name is neither a DNS name nor an IP address.
    pub fn generate(names: &[&str]) -> anyhow::Result<Self> {
        let ca_key = KeyPair::generate()?;
        let mut ca_params = CertificateParams::default();
        ca_params
            .distinguished_name
            .push(DnType::CommonName, "simulators test authority");
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_certificate = ca_params.self_signed(&ca_key)?;
        let (ca_pem, ca_der) = (ca_certificate.pem(), ca_certificate.der().clone());
        let ca = Issuer::new(ca_params, ca_key);

        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).context("a name of the server certificate")?;
        params.distinguished_name.push(DnType::CommonName, "simulator");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = params.signed_by(&key, &ca)?;
        let config = server_config(leaf.der(), &key, Arc::new(NoClientAuth))?;
        Ok(Self {
            ca: Arc::new(ca),
            ca_pem,
            ca_der,
            leaf_pem: leaf.pem(),
            leaf_der: leaf.der().clone(),
            key_pem: key.serialize_pem(),
            config,
        })
    }

    /// The same certificates, for a server that refuses clients without a certificate of this authority.
    ///
    /// # Errors
    /// When rustls refuses the authority's certificate.
    pub fn require_client_certificate(self) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca_der.clone())?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build()?;
        let config = server_config(&self.leaf_der, &KeyPair::from_pem(&self.key_pem)?, verifier)?;
        Ok(Self { config, ..self })
    }

    /// A client certificate with this common name, signed by the authority.
    ///
    /// # Errors
    /// When no key can be generated.
    pub fn issue_client(&self, common_name: &str) -> anyhow::Result<ClientIdentity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate_pem = params.signed_by(&key, &*self.ca)?.pem();
        Ok(ClientIdentity {
            certificate_pem,
            key_pem: key.serialize_pem(),
        })
    }

    /// The authority's certificate in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The authority's certificate in DER.
    pub(crate) fn ca_der(&self) -> &CertificateDer<'static> {
        &self.ca_der
    }

    /// The server certificate and its key (PKCS #8), both in PEM, for a server of another make.
    pub(crate) fn server_pem(&self) -> (&str, &str) {
        (&self.leaf_pem, &self.key_pem)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.config.clone().into()
    }
}

fn server_config(
    leaf: &CertificateDer<'static>,
    key: &KeyPair,
    verifier: Arc<dyn ClientCertVerifier>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![leaf.clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tls")
            .field("ca_pem", &self.ca_pem)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}
