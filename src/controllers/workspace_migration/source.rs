//! Where a migration reads from: the Secrets that its manifest names, and the source made of them.

use std::collections::{BTreeMap, btree_map::Entry};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::config_maps::ConfigMaps;
use super::error::Error;
use crate::api::annotations::HOSTS;
use crate::api::refs::KeyRef;
use crate::api::workspace_migration::{AdminApi, WorkspaceMigration};
use crate::config::CredentialLabels;
use crate::controllers::runtime::context::Context;
use crate::controllers::runtime::labels::Unlabelled;
use crate::http::host_list::InvalidHost;
use crate::http::tls::ClientIdentity;
use crate::http::{HostList, TlsOptions, Transport};
use crate::k8s::secret_use::{self, SecretUse};
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

    fn get(&self, name: &str) -> (SecretKey, Option<&Secret>) {
        let key = SecretKey {
            namespace: self.namespace.clone(),
            name: name.to_owned(),
        };
        let found = self.found.get(&key).and_then(Option::as_ref);
        (key, found)
    }
}

/// Takes values out of Secrets, each for its use.
struct Reader<'a> {
    secrets: &'a SourceSecrets,
    rule: CredentialLabels,
    unlabelled: &'a mut Unlabelled,
}

impl Reader<'_> {
    fn text(&mut self, name: &str, entry: &str, purpose: SecretUse) -> Result<SecretString, SecretError> {
        let (key, found) = self.secrets.get(name);
        self.unlabelled
            .admit(self.rule, secret_use::check(found, &key, purpose))?;
        secrets::text(found, &key, entry)
    }

    /// The token of an Admin API, unless its Secret says that it goes to other hosts.
    fn admin_token(&mut self, entry: &KeyRef, url: &str) -> Result<SecretString, Error> {
        let token = self.text(&entry.name, &entry.key, SecretUse::AdminToken)?;
        let (key, found) = self.secrets.get(&entry.name);
        let listed = found.and_then(|secret| secret.annotations().get(HOSTS));
        if let Some(listed) = listed
            && let Err(problem) = permits_host(listed, url)
        {
            return Err(Error::SecretNotForHost {
                namespace: key.namespace,
                name: key.name,
                host: host_of(url),
                problem,
            });
        }
        Ok(token)
    }
}

/// Why a token whose Secret lists these hosts does not go to this URL.
fn permits_host(listed: &str, url: &str) -> Result<(), String> {
    let hosts: HostList = listed.parse().map_err(|error: InvalidHost| error.to_string())?;
    let url = Url::parse(url.trim()).map_err(|error| error.to_string())?;
    if hosts.has_host_of(&url) {
        return Ok(());
    }
    Err(format!("it has {listed:?}"))
}

fn host_of(url: &str) -> String {
    let url = Url::parse(url.trim()).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or("its host");
    host.to_owned()
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
    unlabelled: &mut Unlabelled,
) -> Result<Source, Error> {
    let mut reader = Reader {
        secrets,
        rule: context.config.credential_labels,
        unlabelled,
    };
    let Some(admin_api) = &migration.spec.source.admin_api else {
        return build_file(migration, &mut reader, config_maps);
    };
    let token = admin_api
        .token_secret_ref
        .as_ref()
        .map(|entry| reader.admin_token(entry, &admin_api.url))
        .transpose()?;
    let transport = build_transport(context, admin_api, &mut reader)?;
    let client = admin::Client::new(&transport, &admin_api.url, token.as_ref())?;
    Ok(client.into())
}

fn build_file(
    migration: &WorkspaceMigration,
    reader: &mut Reader<'_>,
    config_maps: &ConfigMaps,
) -> Result<Source, Error> {
    let Some(declared) = &migration.spec.source.declarative_config else {
        return Err(Error::NoSource);
    };
    let text = match (&declared.secret_ref, &declared.config_map_ref) {
        (Some(entry), _) => reader.text(&entry.name, &entry.key, SecretUse::DeclarativeConfig)?,
        (None, Some(entry)) => SecretString::from(config_maps.text(entry)?),
        (None, None) => return Err(Error::NoSource),
    };
    let version = declared.kong_version.as_deref().and_then(KongVersion::parse);
    Ok(Source::Declarative(DeclarativeFile::new(text, version)))
}

fn build_transport(
    context: &Context,
    admin_api: &AdminApi,
    reader: &mut Reader<'_>,
) -> Result<Transport, Error> {
    let Some(tls) = &admin_api.tls else {
        return Ok(context.transport.clone());
    };
    let ca = tls
        .ca_secret_ref
        .as_ref()
        .map(|entry| reader.text(&entry.name, &entry.key, SecretUse::CaBundle))
        .transpose()?;
    let mut pair = |name: &str| -> Result<ClientIdentity, SecretError> {
        let purpose = SecretUse::ClientCertificate;
        let certificate_pem = reader.text(name, "tls.crt", purpose)?.expose_secret().to_owned();
        Ok(ClientIdentity {
            certificate_pem,
            key_pem: reader.text(name, "tls.key", purpose)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_only_where_its_secret_says() {
        for (listed, url, passes) in [
            ("kong.example.com", "https://kong.example.com:8444", true),
            ("a.example, .kong.svc", "https://admin.kong.svc/prefix", true),
            ("10.0.0.0/8", "http://10.1.2.3:8001", true),
            ("kong.example.com", "https://evil.example/kong.example.com", false),
            ("kong.example.com", "https://kong.example.com@evil.example", false),
            // An address counts only where the URL names it: what a name leads to may change.
            ("10.0.0.0/8", "http://kong.example.com", false),
            ("", "https://kong.example.com", false),
            ("https://kong.example.com", "https://kong.example.com", false),
        ] {
            assert_eq!(permits_host(listed, url).is_ok(), passes, "{listed:?} {url}");
        }
    }
}
