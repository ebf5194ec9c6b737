//! Both ends of a migration, and what is decided about it, for those commands that work without a cluster.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use uuid::Uuid;

use super::advice::explain_call;
use super::decisions::{DecisionArgs, DecisionError};
use super::endpoints::{self, EndpointError};
use super::files::{self, FileError};
use super::source::{SourceArgs, SourceError};
use crate::api::workspace_migration::{Approval, ApprovalPolicy, FailurePolicy, WorkspaceMigrationSpec};
use crate::http::{
    self, Budget, EndpointMap, InvalidToken, Throttle, Transport, TransportError, TransportOptions,
};
use crate::kong::engine::error::Side;
use crate::kong::engine::{Migration, OnRefusal};
use crate::kong::konnect;
use crate::kong::konnect::{ControlPlane, Filter, InvalidServerUrl, ServerUrl};
use crate::kong::model::ClusterType;
use crate::kong::plan::Policy;
use crate::manifest::{InvalidPolicy, accepted, policy};
use crate::migration::waivers::Waiver;

/// The server that calls are addressed to when `--konnect-url` is no server of Konnect but a way to one.
const ANY_REGION: &str = "us.api.konghq.com";

/// Flags that name the target.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Server of Konnect, for example us.api.konghq.com; or the URL of a proxy or simulator that answers in its place.
    #[arg(long, value_name = "SERVER", value_parser = NonEmptyStringValueParser::new())]
    konnect_url: String,
    /// Name or id of the control plane to move to. It must exist.
    #[arg(long, value_name = "NAME|ID", value_parser = NonEmptyStringValueParser::new())]
    control_plane: String,
    /// File with a Konnect token; else the environment variable KONNECT_TOKEN.
    #[arg(long, value_name = "FILE")]
    konnect_token_file: Option<PathBuf>,
    /// PEM file with certificate authorities to trust on both sides, beside the system's.
    #[arg(long = "ca-file", value_name = "FILE")]
    ca_files: Vec<PathBuf>,
    /// Send calls for a host elsewhere, as host=url.
    #[arg(long = "konnect-endpoint", value_name = "HOST=URL")]
    konnect_endpoints: Vec<String>,
    /// Requests at a time, to each side; 16 unless the manifest says otherwise.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=256))]
    max_in_flight: Option<u32>,
}

/// Flags that name both ends, and what is decided about the migration.
#[derive(Debug, Args)]
pub struct EndsArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    decisions: DecisionArgs,
}

impl EndsArgs {
    /// See [`connect`].
    ///
    /// # Errors
    /// As there.
    pub async fn connect(&self) -> Result<ConnectedEnds, EndsError> {
        connect(&self.source, &self.target, &self.decisions).await
    }
}

/// Why the ends could not be reached. The text says what to do next and holds no token.
#[derive(Debug, thiserror::Error)]
pub enum EndsError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manifest.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// Decisions that cannot be followed.
    #[error("--spec: {0}")]
    Policy(#[from] InvalidPolicy),
    /// No token at all.
    #[error("there is no Konnect token: set KONNECT_TOKEN, or name a file with --konnect-token-file")]
    NoToken,
    /// `--konnect-endpoint`.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// `--konnect-url`.
    #[error("--konnect-url: {0}")]
    Server(#[from] InvalidServerUrl),
    /// Certificates.
    #[error("--ca-file: {0}")]
    Transport(#[from] TransportError),
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The Konnect token.
    #[error("the Konnect token (--konnect-token-file or KONNECT_TOKEN): {0}")]
    Token(#[from] InvalidToken),
    /// Konnect did not answer as it should.
    #[error("{}", explain_call(Side::Target, .0))]
    Konnect(#[from] http::Error),
    /// No such control plane.
    #[error("there is no control plane {wanted}; {}", advice(known))]
    NoControlPlane {
        /// The name or id asked for.
        wanted: String,
        /// Names there are, at most ten.
        known: Vec<String>,
    },
    /// Several of that name.
    #[error("{} control planes have the name {name}: name the one by its id, with --control-plane {}", ids.len(), ids.join(" or "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Their ids.
        ids: Vec<String>,
    },
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

fn advice(known: &[String]) -> String {
    if known.is_empty() {
        "there is none at all: create it in Konnect, or check region and token".to_owned()
    } else {
        format!(
            "there are {}: name one of them with --control-plane, or create it in Konnect",
            known.join(", ")
        )
    }
}

/// A migration that is ready to be read, and the control plane it goes to.
#[derive(Debug)]
pub struct ConnectedEnds {
    /// Both clients.
    pub migration: Migration,
    /// The target as Konnect describes it.
    pub control_plane: ControlPlane,
    /// What the user has decided.
    pub policy: Policy,
    /// Findings that the user accepts.
    pub waivers: Vec<Waiver>,
    /// The manifest's word that a plan has to be approved, with the hash that is.
    pub approval: Option<Approval>,
}

/// Reads files and environment, and finds the control plane.
///
/// # Errors
/// Flags or files that cannot be used, and a Konnect that does not answer or has no such control plane.
pub async fn connect(
    source: &SourceArgs,
    target: &TargetArgs,
    decisions: &DecisionArgs,
) -> Result<ConnectedEnds, EndsError> {
    let spec = decisions.spec()?;
    let transport = target.transport()?;
    let kong = source.source(&spec.source, &transport)?;
    // Faults of the manifest are told before the network is asked; the id is known only afterwards.
    policy(&spec, "")?;
    let custom_plugins = decisions.custom_plugins(&spec)?;
    let in_flight = target.in_flight(&spec);
    let konnect = target.client(&transport, in_flight)?;
    let control_plane = target.find_control_plane(&konnect).await?;
    Ok(ConnectedEnds {
        policy: Policy {
            custom_plugins,
            ..policy(&spec, &control_plane.id)?
        },
        waivers: spec.waivers.iter().map(accepted).collect(),
        migration: Migration {
            source: kong,
            workspace: source.workspace(&spec.source),
            target: konnect,
            control_plane: control_plane.id.clone(),
            throttle: Throttle::new(in_flight),
            on_refusal: match spec.failure_policy {
                FailurePolicy::ContinueIndependent => OnRefusal::GoOn,
                FailurePolicy::Stop | FailurePolicy::RollbackOnFailure => OnRefusal::Stop,
            },
        },
        approval: spec
            .approval
            .filter(|approval| approval.policy == ApprovalPolicy::Required),
        control_plane,
    })
}

impl TargetArgs {
    fn transport(&self) -> Result<Transport, EndsError> {
        let (_, endpoints) = self.server()?;
        Ok(Transport::new(TransportOptions {
            extra_roots: self.roots()?,
            endpoints,
            ..TransportOptions::default()
        })?)
    }

    fn in_flight(&self, spec: &WorkspaceMigrationSpec) -> usize {
        let in_flight = self.max_in_flight.unwrap_or_else(|| spec.max_in_flight());
        usize::try_from(in_flight).unwrap_or(usize::MAX)
    }

    /// A URL that is no server of Konnect stands for one, as `--konnect-endpoint` says it.
    fn server(&self) -> Result<(ServerUrl, EndpointMap), EndsError> {
        let mut entries = self.konnect_endpoints.clone();
        let url = self.konnect_url.trim();
        let server = match ServerUrl::parse(url) {
            Err(_) if url.starts_with("https://") || url.starts_with("http://") => {
                entries.push(format!("{ANY_REGION}={url}"));
                ServerUrl::parse(ANY_REGION)?
            }
            other => other?,
        };
        Ok((server, endpoints::parse(&entries)?))
    }

    fn roots(&self) -> Result<Vec<(String, Vec<u8>)>, EndsError> {
        let read = |path: &PathBuf| {
            let pem = files::text("--ca-file", path)?;
            Ok((path.display().to_string(), pem.into_bytes()))
        };
        self.ca_files.iter().map(read).collect()
    }

    fn client(&self, transport: &Transport, in_flight: usize) -> Result<konnect::Client, EndsError> {
        let (server, _) = self.server()?;
        let token = files::token(
            "--konnect-token-file",
            self.konnect_token_file.as_deref(),
            "KONNECT_TOKEN",
        )?;
        let token = token.ok_or(EndsError::NoToken)?;
        Ok(konnect::Client::new(
            transport,
            &server,
            &token,
            Budget::new(in_flight).into(),
        )?)
    }

    async fn find_control_plane(&self, target: &konnect::Client) -> Result<ControlPlane, EndsError> {
        let wanted = &self.control_plane;
        let by_id = match Uuid::parse_str(wanted) {
            Ok(_) => target.get_control_plane(wanted).await?,
            Err(_) => None,
        };
        let found = match by_id {
            Some(found) => found,
            None => by_name(target, wanted).await?,
        };
        if found.config.cluster_type != ClusterType::ControlPlane {
            return Err(EndsError::ClusterType {
                name: found.name,
                cluster_type: found.config.cluster_type.to_string(),
            });
        }
        Ok(found)
    }
}

async fn by_name(target: &konnect::Client, name: &str) -> Result<ControlPlane, EndsError> {
    let mut found = target.list_control_planes(&Filter::name(name)).await?;
    if found.len() > 1 {
        return Err(EndsError::Ambiguous {
            name: name.to_owned(),
            ids: found.into_iter().map(|one| one.id).collect(),
        });
    }
    if let Some(found) = found.pop() {
        return Ok(found);
    }
    let all = target.list_control_planes(&Filter::default()).await?;
    Err(EndsError::NoControlPlane {
        wanted: name.to_owned(),
        known: all.into_iter().take(10).map(|one| one.name).collect(),
    })
}
