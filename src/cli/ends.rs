//! Both ends of a migration from flags, for those commands that work without a cluster.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap::Args;
use secrecy::SecretString;
use uuid::Uuid;

use crate::engine::{Migration, OnRefusal, Throttle};
use crate::http::endpoints::InvalidEndpoint;
use crate::http::{
    self, Budget, EndpointMap, InvalidToken, TlsOptions, Transport, TransportError, TransportOptions,
};
use crate::kong_admin::client::InvalidClient;
use crate::konnect::{ClusterType, ControlPlane, Filter, InvalidServerUrl, ServerUrl};
use crate::plan::Waiver;
use crate::{kong_admin, konnect};

/// The server that calls are addressed to when `--konnect-url` is no server of Konnect but a way to one.
const ANY_REGION: &str = "us.api.konghq.com";

/// Flags that name source and target.
#[derive(Debug, Args)]
pub struct EndsArgs {
    /// Address of the source's Admin API, for example https://kong-admin.example.com:8444.
    #[arg(long, value_name = "URL")]
    admin_url: String,
    /// Workspace to move; an open-source gateway has one, named default.
    #[arg(long, value_name = "NAME", default_value = "default")]
    workspace: String,
    /// Server of Konnect, for example us.api.konghq.com; or the URL of a proxy or simulator that answers in its place.
    #[arg(long, value_name = "SERVER")]
    konnect_url: String,
    /// Name or id of the control plane to move to. It must exist.
    #[arg(long, value_name = "NAME|ID")]
    control_plane: String,
    /// File with a Konnect token; else the environment variable KONNECT_TOKEN.
    #[arg(long, value_name = "FILE")]
    konnect_token_file: Option<PathBuf>,
    /// File with an Admin API token; else the environment variable KONG_ADMIN_TOKEN; none when both are absent.
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// PEM file with certificate authorities to trust on both sides, beside the system's.
    #[arg(long = "ca-file", value_name = "FILE")]
    ca_files: Vec<PathBuf>,
    /// PEM file with the only certificate authorities to trust for the Admin API.
    #[arg(long, value_name = "FILE")]
    admin_ca_file: Option<PathBuf>,
    /// Send calls for a host elsewhere, as host=url.
    #[arg(long = "konnect-endpoint", value_name = "HOST=URL")]
    konnect_endpoints: Vec<String>,
    /// Requests at a time, to each side.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    max_in_flight: u16,
    /// Accept all findings of an id, with a reason, as id=reason; an error that nobody accepted keeps apply from writing.
    #[arg(long = "waive", value_name = "ID=REASON", value_parser = waiver)]
    waivers: Vec<Waiver>,
}

/// Reads `id=reason`.
fn waiver(text: &str) -> Result<Waiver, String> {
    match text.split_once('=') {
        Some((id, reason)) if !id.is_empty() && !reason.trim().is_empty() => Ok(Waiver {
            id: id.to_owned(),
            subject: None,
            reason: reason.trim().to_owned(),
            expires: None,
        }),
        _ => Err(
            "write the id of the finding and why it is accepted, as plugin-unsupported=replaced by OIDC"
                .to_owned(),
        ),
    }
}

/// Why the ends could not be reached. The text says what to do next and holds no token.
#[derive(Debug, thiserror::Error)]
pub enum EndsError {
    /// A file.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file without anything in it.
    #[error("{path} is empty; put the token into it")]
    EmptyToken {
        /// The file.
        path: String,
    },
    /// No token at all.
    #[error("there is no Konnect token: set KONNECT_TOKEN, or name a file with --konnect-token-file")]
    NoToken,
    /// `--konnect-endpoint`.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// `--konnect-url`.
    #[error("--konnect-url: {0}")]
    Server(#[from] InvalidServerUrl),
    /// Certificates.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// `--admin-url` or its token.
    #[error("--admin-url: {0}")]
    Source(#[from] InvalidClient),
    /// The Konnect token.
    #[error("the Konnect token: {0}")]
    Token(#[from] InvalidToken),
    /// Konnect did not answer as it should.
    #[error("target: {0}")]
    Konnect(#[from] http::Error),
    /// No such control plane.
    #[error("there is no control plane {0}; create it in Konnect, or name another with --control-plane")]
    NoControlPlane(String),
    /// A control plane that takes no entities.
    #[error(
        "the control plane {name} is of type {cluster_type}, which takes no entities; name one of type CLUSTER_TYPE_CONTROL_PLANE"
    )]
    ClusterType {
        /// Its name.
        name: String,
        /// Its type.
        cluster_type: String,
    },
}

/// A migration that is ready to be read, and the control plane it goes to.
#[derive(Debug)]
pub struct Ends {
    /// Both clients.
    pub migration: Migration,
    /// The target as Konnect describes it.
    pub control_plane: ControlPlane,
    /// Findings that the user accepts.
    pub waivers: Vec<Waiver>,
}

impl EndsArgs {
    /// Reads files and environment, and finds the control plane.
    ///
    /// # Errors
    /// Flags or files that cannot be used, and a Konnect that does not answer or has no such control plane.
    pub async fn connect(&self) -> Result<Ends, EndsError> {
        let (server_url, endpoints) = self.server()?;
        let transport = Transport::new(TransportOptions {
            extra_roots: self.roots()?,
            endpoints,
            ..TransportOptions::default()
        })?;
        let token = token(self.konnect_token_file.as_deref(), "KONNECT_TOKEN")?.ok_or(EndsError::NoToken)?;
        let in_flight = usize::from(self.max_in_flight);
        let target = konnect::Client::new(&transport, &server_url, &token, Budget::new(in_flight).into())?;
        let control_plane = self.find_control_plane(&target).await?;
        let migration = Migration {
            source: self.source(&transport)?.into(),
            workspace: self.workspace.clone(),
            target,
            control_plane: control_plane.id.clone(),
            throttle: Throttle::new(in_flight),
            on_refusal: OnRefusal::GoOn,
        };
        Ok(Ends {
            migration,
            control_plane,
            waivers: self.waivers.clone(),
        })
    }

    /// A URL that is no server of Konnect stands for one, as `--konnect-endpoint` says it.
    fn server(&self) -> Result<(ServerUrl, EndpointMap), EndsError> {
        let mut endpoints = self.konnect_endpoints.clone();
        let url = self.konnect_url.trim();
        let server = match ServerUrl::parse(url) {
            Err(_) if url.starts_with("https://") || url.starts_with("http://") => {
                endpoints.push(format!("{ANY_REGION}={url}"));
                ServerUrl::parse(ANY_REGION)?
            }
            other => other?,
        };
        Ok((server, EndpointMap::parse(&endpoints)?))
    }

    fn roots(&self) -> Result<Vec<(String, Vec<u8>)>, EndsError> {
        let read = |path: &PathBuf| Ok((path.display().to_string(), read(path)?.into_bytes()));
        self.ca_files.iter().map(read).collect()
    }

    fn source(&self, transport: &Transport) -> Result<kong_admin::Client, EndsError> {
        let token = token(self.admin_token_file.as_deref(), "KONG_ADMIN_TOKEN")?;
        let trusted = TlsOptions {
            ca_pem: self.admin_ca_file.as_deref().map(read).transpose()?,
            ..TlsOptions::default()
        };
        let transport = transport.with_tls(&trusted)?;
        Ok(kong_admin::Client::new(
            &transport,
            &self.admin_url,
            token.as_ref(),
        )?)
    }

    async fn find_control_plane(&self, target: &konnect::Client) -> Result<ControlPlane, EndsError> {
        let wanted = &self.control_plane;
        let by_id = match Uuid::parse_str(wanted) {
            Ok(_) => target.get_control_plane(wanted).await?,
            Err(_) => None,
        };
        let found = match by_id {
            Some(found) => Some(found),
            None => target
                .list_control_planes(&Filter::name(wanted))
                .await?
                .into_iter()
                .next(),
        };
        let found = found.ok_or_else(|| EndsError::NoControlPlane(wanted.clone()))?;
        if found.config.cluster_type != ClusterType::ControlPlane {
            return Err(EndsError::ClusterType {
                name: found.name,
                cluster_type: found.config.cluster_type.to_string(),
            });
        }
        Ok(found)
    }
}

fn read(path: &Path) -> Result<String, EndsError> {
    fs::read_to_string(path).map_err(|source| EndsError::File {
        path: path.display().to_string(),
        source,
    })
}

/// The token of a file, else of an environment variable. A token among the arguments would be seen by every user of the
/// machine.
fn token(file: Option<&Path>, variable: &str) -> Result<Option<SecretString>, EndsError> {
    let Some(path) = file else {
        let token = env::var(variable).ok().filter(|token| !token.trim().is_empty());
        return Ok(token.map(SecretString::from));
    };
    let token = read(path)?;
    if token.trim().is_empty() {
        return Err(EndsError::EmptyToken {
            path: path.display().to_string(),
        });
    }
    Ok(Some(SecretString::from(token)))
}
