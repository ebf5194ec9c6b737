//! Where a migration reads from: the Secrets that its manifest names, and the source made of them.

use std::collections::{BTreeMap, btree_map::Entry};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};

use super::config_maps::ConfigMaps;
use super::error::Error;
use crate::api::workspace_migration::{AdminApi, WorkspaceMigration};
use crate::controllers::runtime::context::Context;
use crate::http::tls::ClientIdentity;
use crate::http::{TlsOptions, Transport};
use crate::k8s::secrets::{self, ReadVersions, SecretError, SecretKey};
use crate::kong::admin;
use crate::kong::engine::{DeclarativeFile, Source};
use crate::kong::model::KongVersion;

/// The Secrets that the source's settings name, as they were just read.
pub struct SourceSecrets {
    namespace: String,
    found: BTreeMap<SecretKey, Option<Secret>>,
}

impl SourceSecrets {
    /// Reads each by name; one that does not exist is remembered as absent, so that its creation can be watched for.
    ///
    /// # Errors
    /// When the API server refuses or fails.
    pub async fn fetch(context: &Context, migration: &WorkspaceMigration) -> Result<Self, Error> {
        let namespace = migration.namespace().unwrap_or_default();
        let admin_api = migration.spec.source.admin_api.as_ref();
        let tls = admin_api.and_then(|admin_api| admin_api.tls.as_ref());
        let file = migration.spec.source.declarative_config.as_ref();
        let names = [
            file.and_then(|file| file.secret_ref.as_ref())
                .map(|entry| &entry.name),
            admin_api
                .and_then(|admin_api| admin_api.token_secret_ref.as_ref())
                .map(|entry| &entry.name),
            tls.and_then(|tls| tls.ca_secret_ref.as_ref())
                .map(|entry| &entry.name),
            tls.and_then(|tls| tls.client_certificate_secret_ref.as_ref())
                .map(|secret| &secret.name),
        ];
        let mut found = BTreeMap::new();
        for name in names.into_iter().flatten() {
            let key = SecretKey {
                namespace: namespace.clone(),
                name: name.clone(),
            };
            // A Secret that several settings name is read once, so that all of them see one version.
            if let Entry::Vacant(unread) = found.entry(key) {
                let secret = secrets::get(&context.client, unread.key()).await?;
                unread.insert(secret);
            }
        }
        Ok(Self { namespace, found })
    }

    /// Which versions were read: what a watch compares with.
    pub fn versions(&self) -> ReadVersions {
        let version = |secret: &Option<Secret>| secret.as_ref().and_then(ResourceExt::resource_version);
        self.found
            .iter()
            .map(|(key, secret)| (key.clone(), version(secret)))
            .collect()
    }

    fn text(&self, name: &str, entry: &str) -> Result<SecretString, SecretError> {
        let key = SecretKey {
            namespace: self.namespace.clone(),
            name: name.to_owned(),
        };
        secrets::text(self.found.get(&key).and_then(Option::as_ref), &key, entry)
    }
}

/// The source that the manifest names: a client of the Admin API with its credentials, or the text of a file.
///
/// # Errors
/// When a Secret or one of its keys is missing, or a certificate cannot be used.
pub fn build_source(
    context: &Context,
    migration: &WorkspaceMigration,
    secrets: &SourceSecrets,
    config_maps: &ConfigMaps,
) -> Result<Source, Error> {
    let Some(admin_api) = &migration.spec.source.admin_api else {
        return build_file(migration, secrets, config_maps);
    };
    let token = admin_api
        .token_secret_ref
        .as_ref()
        .map(|entry| secrets.text(&entry.name, &entry.key))
        .transpose()?;
    let transport = build_transport(context, admin_api, secrets)?;
    let client = admin::Client::new(&transport, &admin_api.url, token.as_ref())?;
    Ok(client.into())
}

fn build_file(
    migration: &WorkspaceMigration,
    secrets: &SourceSecrets,
    config_maps: &ConfigMaps,
) -> Result<Source, Error> {
    let Some(declared) = &migration.spec.source.declarative_config else {
        return Err(Error::NoSource);
    };
    let text = match (&declared.secret_ref, &declared.config_map_ref) {
        (Some(entry), _) => secrets.text(&entry.name, &entry.key)?,
        (None, Some(entry)) => SecretString::from(config_maps.text(entry)?),
        (None, None) => return Err(Error::NoSource),
    };
    let version = declared.kong_version.as_deref().and_then(KongVersion::parse);
    Ok(Source::Declarative(DeclarativeFile::new(text, version)))
}

fn build_transport(
    context: &Context,
    admin_api: &AdminApi,
    secrets: &SourceSecrets,
) -> Result<Transport, Error> {
    let Some(tls) = &admin_api.tls else {
        return Ok(context.transport.clone());
    };
    let ca = tls
        .ca_secret_ref
        .as_ref()
        .map(|entry| secrets.text(&entry.name, &entry.key))
        .transpose()?;
    let pair = |name: &str| -> Result<ClientIdentity, SecretError> {
        let certificate_pem = secrets.text(name, "tls.crt")?.expose_secret().to_owned();
        Ok(ClientIdentity {
            certificate_pem,
            key_pem: secrets.text(name, "tls.key")?,
        })
    };
    let client_certificate = tls
        .client_certificate_secret_ref
        .as_ref()
        .map(|secret| pair(&secret.name))
        .transpose()?;
    let ca_pem = ca.map(|pem| pem.expose_secret().to_owned());
    let options = TlsOptions {
        ca_pem,
        client_certificate,
        insecure_skip_verify: tls.insecure_skip_verify,
    };
    Ok(context.transport.with_tls(&options)?)
}
