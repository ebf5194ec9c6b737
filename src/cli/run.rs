//! `run`: the operator.

use std::{fs, io, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use url::Url;
use uuid::Uuid;

use super::endpoints::{self, EndpointError};
use crate::{
    config::{Config, CredentialLabels, KonnectKinds},
    http::{EndpointMap, HostList, TransportOptions, host_list::InvalidHost},
    k8s::lease::{InvalidTiming, LeaseOptions},
    kong::konnect::identity::{GLOBAL_HOST, regions_that_serve_identity},
    operator::{OperatorError, operate},
    telemetry::{
        shutdown,
        tracing::{LogError, LogFormat, init},
    },
};

/// What is logged unless told otherwise. The verifier of certificates tells of an untrusted server as an error at every try, and the client of
/// Kubernetes of an API server that does not answer; conditions and the operator's own lines say it too, with what to do.
const DEFAULT_LOG: &str = "info,rustls_platform_verifier=off,kube_client::client::builder=off";

/// Name of the Lease that replicas share.
const LEASE: &str = "gateway-migration-operator";

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Send calls for a host elsewhere, as host=url; for proxies and for simulators. Manifests stay unchanged.
    #[arg(long = "konnect-endpoint", value_name = "HOST=URL")]
    konnect_endpoints: Vec<String>,
    /// Where Konnect's identity API answers, for the token check: https://global.api.konghq.com for the public regions, the server itself
    /// for every other one, unless this says otherwise.
    #[arg(long, value_name = "URL")]
    konnect_global: Option<String>,
    /// Hosts that may be called beside those that always may, separated by commas: names (kong.example.com), ends of names
    /// (.example.com), addresses and networks (127.0.0.0/8). Konnect tokens go to *.konghq.com, and addresses of this machine, its
    /// network and its cloud's metadata are not called, unless they are listed here.
    #[arg(long = "allow-hosts", value_name = "HOSTS", value_delimiter = ',')]
    allowed_hosts: Vec<String>,
    /// PEM file with certificate authorities to trust beside the system's.
    #[arg(long = "ca-file", value_name = "FILE")]
    ca_files: Vec<PathBuf>,
    /// Whose the konnect.konghq.com kinds are; read-only when Kong's operator runs in this cluster.
    #[arg(long, value_enum, default_value_t)]
    konnect_kinds: KonnectKinds,
    /// What becomes of a Secret without the label that says what it may be read for; warn reads it and tells, for one release.
    #[arg(long, value_enum, default_value_t)]
    require_credential_labels: CredentialLabels,
    /// Address of /livez and /readyz, and of /metrics unless --metrics-addr is given.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    admin_addr: SocketAddr,
    /// Own address of /metrics.
    #[arg(long, value_name = "ADDRESS")]
    metrics_addr: Option<SocketAddr>,
    /// Elect a leader by Lease, so that several replicas are safe.
    #[arg(long)]
    leader_elect: bool,
    /// Namespace of the Lease; that of the kubeconfig or the service account when left out.
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE")]
    leader_elect_namespace: Option<String>,
    /// How long a standby waits after the leader's last sign of life. Shorter: a dead leader is replaced sooner; a slow API server
    /// costs the lead sooner.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_duration)]
    leader_elect_lease_duration: Duration,
    /// How long the leader writes on after it could last renew the Lease.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    leader_elect_renew_deadline: Duration,
    /// Pause between two renewals.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration)]
    leader_elect_retry_period: Duration,
    /// Name of this replica in the Lease; a random one is added.
    #[arg(long, value_name = "NAME", env = "POD_NAME", default_value = LEASE)]
    identity: String,
    /// Look at one namespace only.
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Calls with one token to one Konnect server at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = Config::default().konnect_in_flight, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    konnect_in_flight: usize,
    /// Migrations that work at the same time; the others wait for a place, and their status says for whom.
    #[arg(long, value_name = "NUMBER", default_value_t = Config::default().max_concurrent_migrations, value_parser = clap::value_parser!(u16).range(1..=1024))]
    max_concurrent_migrations: u16,
    /// Memory in MiB for the entities of all migrations that work at the same time, estimated from their number; a migration that is larger
    /// works alone. No bound when left out.
    #[arg(long, value_name = "MIB")]
    memory_budget: Option<u32>,
    /// How long a Secret, ConfigMap, workspace or object that a manifest refers to may be missing before `Stalled` says so; `0s` for ever.
    /// Its coming is noticed all the same.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    missing_reference_deadline: Duration,
    /// What to log, in the syntax of RUST_LOG.
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = DEFAULT_LOG)]
    log: String,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

/// Why the operator could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
    /// `--konnect-endpoint`.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// `--allow-hosts`.
    #[error("--allow-hosts: {0}")]
    AllowedHosts(#[from] InvalidHost),
    /// `--ca-file`.
    #[error("cannot read the CA file {path}: {source}")]
    CaFile {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The times of the leader election.
    #[error(transparent)]
    Timing(#[from] InvalidTiming),
    /// Signals or threads.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// While running.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// Runs the operator until it is told to stop.
///
/// # Errors
/// When it cannot start, or had to end by itself.
pub fn run(args: &RunArgs) -> Result<(), RunError> {
    init(&args.log, args.log_format)?;
    let config = build_config(args)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(args, config))
}

async fn serve(args: &RunArgs, mut config: Config) -> Result<(), RunError> {
    let stop = shutdown::on_signal()?;
    let cluster = kube::Config::infer().await.map_err(|error| {
        let error = kube::Error::InferConfig(error);
        OperatorError::Kubernetes(Box::new(error))
    })?;
    if args.leader_elect {
        let default = cluster.default_namespace.clone();
        let namespace = args.leader_elect_namespace.clone().unwrap_or(default);
        // Never the same after a restart: a replica must not take its own old Lease for its present one.
        let identity = format!("{}_{}", args.identity, Uuid::new_v4());
        let options = LeaseOptions {
            duration: args.leader_elect_lease_duration,
            renew_deadline: args.leader_elect_renew_deadline,
            retry_period: args.leader_elect_retry_period,
            ..LeaseOptions::new(namespace, LEASE, identity)
        };
        options.check_timing()?;
        config.election = Some(options);
    }
    Ok(operate(cluster, config, stop).await?)
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    duration
        .try_into()
        .map_err(|_| "it must not be negative".to_owned())
}

/// `--konnect-global` is a short form for an endpoint of the global host.
fn endpoint_map(args: &RunArgs) -> Result<EndpointMap, EndpointError> {
    let global = args.konnect_global.iter();
    let global = global.map(|url| format!("{GLOBAL_HOST}={url}"));
    let entries: Vec<_> = args.konnect_endpoints.iter().cloned().chain(global).collect();
    let endpoints = endpoints::parse(&entries)?;
    for region in regions_that_serve_identity(&endpoints) {
        tracing::info!(
            region,
            "--konnect-endpoint sends this region elsewhere and says nothing of {GLOBAL_HOST}: tokens are checked at the region's \
             address too; --konnect-global URL says where else"
        );
    }
    Ok(endpoints)
}

/// The hosts of the proxies that the HTTP client will find in the environment. It connects to them and to nothing else, so they are no
/// servers that a user could name.
#[expect(
    clippy::disallowed_methods,
    reason = "these are no settings of ours: the HTTP client reads them by itself, and this only asks which hosts it found"
)]
fn proxies() -> HostList {
    const VARIABLES: [&str; 6] = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let values = VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
    let hosts = values.filter_map(|value| {
        let parsed = Url::parse(&value).or_else(|_| Url::parse(&format!("http://{value}")));
        parsed.ok()?.host_str().map(str::to_owned)
    });
    // What is no host is no proxy either.
    HostList::parse(hosts).unwrap_or_default()
}

fn build_config(args: &RunArgs) -> Result<Config, RunError> {
    let mut extra_roots = Vec::new();
    for path in &args.ca_files {
        let path_text = path.display().to_string();
        match fs::read(path) {
            Ok(pem) => extra_roots.push((path_text, pem)),
            Err(source) => {
                return Err(RunError::CaFile {
                    path: path_text,
                    source,
                });
            }
        }
    }
    let transport = TransportOptions {
        extra_roots,
        endpoints: endpoint_map(args)?,
        ..TransportOptions::default()
    };
    Ok(Config {
        transport,
        konnect_kinds: args.konnect_kinds,
        credential_labels: args.require_credential_labels,
        allowed_hosts: HostList::parse(&args.allowed_hosts)?,
        proxies: proxies(),
        admin_address: Some(args.admin_addr),
        metrics_address: args.metrics_addr,
        election: None,
        namespace: args.namespace.clone(),
        konnect_in_flight: args.konnect_in_flight,
        max_concurrent_migrations: args.max_concurrent_migrations,
        memory_budget: args.memory_budget.map(|mebibytes| u64::from(mebibytes) << 20),
        missing_reference_deadline: Some(args.missing_reference_deadline).filter(|limit| !limit.is_zero()),
        ..Config::default()
    })
}
