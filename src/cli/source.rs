//! The source of a migration from flags, else from its manifest.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::files::{self, FileError};
use crate::api::workspace_migration;
use crate::http::{InvalidToken, TlsOptions, Transport, TransportError};
use crate::kong::admin;
use crate::kong::admin::client::InvalidClient;
use crate::kong::engine::{DeclarativeFile, Source};
use crate::kong::model::KongVersion;

/// The workspace that every gateway has.
const DEFAULT: &str = "default";

/// Flags that name the source.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Address of the source's Admin API, for example https://kong-admin.example.com:8444.
    #[arg(long, value_name = "URL", conflicts_with = "declarative_config")]
    admin_url: Option<String>,
    /// File to read the workspace from instead: decK's format, or Kong's DB-less one.
    #[arg(long, value_name = "FILE")]
    declarative_config: Option<PathBuf>,
    /// Version of the gateway that the file was written for, for example 3.9: it tells the defaults of what the file leaves out.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kong_version: Option<KongVersion>,
    /// Workspace to move; default when left out, which is the one that an open-source gateway has.
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    /// File with an Admin API token; else the environment variable KONG_ADMIN_TOKEN; none when both are absent.
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// PEM file with the only certificate authorities to trust for the Admin API.
    #[arg(long, value_name = "FILE")]
    admin_ca_file: Option<PathBuf>,
}

fn version(text: &str) -> Result<KongVersion, String> {
    KongVersion::parse(text).ok_or_else(|| "write major and minor version, as 3.9".to_owned())
}

/// Why the source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Neither flag nor manifest names one.
    #[error(
        "there is no source: name it with --admin-url or --declarative-config, or by a manifest with --spec"
    )]
    None,
    /// The manifest names a file in a cluster.
    #[error(
        "the manifest (--spec) reads its file from a Secret or ConfigMap, which is in a cluster: name the file with --declarative-config"
    )]
    InCluster,
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Certificates.
    #[error("--admin-ca-file: {0}")]
    Tls(#[from] TransportError),
    /// The address.
    #[error(
        "{flag}: {problem}; write it as https://kong-admin.example.com:8444, and give the token by --admin-token-file or KONG_ADMIN_TOKEN"
    )]
    Address {
        /// Where it stands.
        flag: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The token.
    #[error("the admin token (--admin-token-file or KONG_ADMIN_TOKEN): {0}")]
    Token(#[from] InvalidToken),
}

impl SourceArgs {
    /// The workspace to move.
    pub fn workspace(&self, manifest: &workspace_migration::SourceSpec) -> String {
        let said = Some(manifest.workspace.as_str()).filter(|name| !name.is_empty());
        let flag = self.workspace.as_deref();
        flag.or(said).unwrap_or(DEFAULT).to_owned()
    }

    /// The source that the flags name, else the manifest.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn source(
        &self,
        manifest: &workspace_migration::SourceSpec,
        transport: &Transport,
    ) -> Result<Source, SourceError> {
        if let Some(path) = &self.declarative_config {
            let declared = manifest.declarative_config.as_ref();
            let said = declared.and_then(|declared| KongVersion::parse(declared.kong_version.as_deref()?));
            let text = SecretString::from(files::text("--declarative-config", path)?);
            return Ok(Source::Declarative(DeclarativeFile::new(
                text,
                self.kong_version.or(said),
            )));
        }
        if self.admin_url.is_none() && manifest.declarative_config.is_some() {
            return Err(SourceError::InCluster);
        }
        let admin_api = manifest.admin_api.as_ref();
        let url = self
            .admin_url
            .as_deref()
            .or(admin_api.map(|api| api.url.as_str()));
        let url = url.ok_or(SourceError::None)?;
        let tls = admin_api.and_then(|api| api.tls.as_ref());
        let trusted = TlsOptions {
            ca_pem: self
                .admin_ca_file
                .as_deref()
                .map(|path| files::text("--admin-ca-file", path))
                .transpose()?,
            // Said of the manifest's own address, and of no other.
            insecure_skip_verify: self.admin_url.is_none() && tls.is_some_and(|tls| tls.insecure_skip_verify),
            ..TlsOptions::default()
        };
        let token = files::token(
            "--admin-token-file",
            self.admin_token_file.as_deref(),
            "KONG_ADMIN_TOKEN",
        )?;
        let transport = transport.with_tls(&trusted)?;
        match admin::Client::new(&transport, url, token.as_ref()) {
            Ok(client) => Ok(client.into()),
            Err(InvalidClient::Token(error)) => Err(error.into()),
            Err(InvalidClient::Url(problem)) => Err(SourceError::Address {
                flag: if self.admin_url.is_some() {
                    "--admin-url"
                } else {
                    "spec.source.adminAPI.url of --spec"
                },
                problem,
            }),
        }
    }
}
