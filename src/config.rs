//! What `run` is told, as values: `cli/run.rs` makes it of flags, some of which have an environment variable as their default.
//!
//! Below `cli` nothing of this crate reads the environment (`clippy.toml` refuses it). Its libraries do: the HTTP clients take proxies
//! from `HTTPS_PROXY` and its like, and the Kubernetes client finds its cluster by `KUBECONFIG`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    clock::{Clock, SystemClock},
    http::{HostList, TransportOptions},
    k8s::lease::LeaseOptions,
};

/// Whose the `konnect.konghq.com` kinds are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum KonnectKinds {
    /// Ours: this operator reconciles them.
    #[default]
    Own,
    /// Kong's operator runs in this cluster and owns them: this one reads their status and never writes them.
    ReadOnly,
}

/// What becomes of a Secret without the label that says what it may be read for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum CredentialLabels {
    /// It is not read.
    #[default]
    Enforce,
    /// It is read, and a condition and an event tell; for one release, so that labels can be put on before they are asked for.
    Warn,
}

/// The configuration of `run`.
#[derive(Debug, Clone)]
pub struct Config {
    /// How remote servers are reached: trusted certificates, other addresses for some hosts, repeats.
    pub transport: TransportOptions,
    /// Whose the Konnect kinds are.
    pub konnect_kinds: KonnectKinds,
    /// What becomes of a Secret without the label of its use.
    pub credential_labels: CredentialLabels,
    /// Hosts that may be called beside those that always may: see [`HostRule`](crate::http::HostRule).
    pub allowed_hosts: HostList,
    /// Names of the proxies that the HTTP client takes from the environment.
    pub proxies: HostList,
    /// Where `/livez` and `/readyz` are served, and `/metrics` unless it has its own address; `None` serves nothing.
    pub admin_address: Option<SocketAddr>,
    /// Where `/metrics` is served, when not on the admin address.
    pub metrics_address: Option<SocketAddr>,
    /// The leader election; `None` for a single replica.
    pub election: Option<LeaseOptions>,
    /// The one namespace to look at; `None` for all.
    pub namespace: Option<String>,
    /// Calls with one token to one Konnect server at the same time.
    pub konnect_in_flight: usize,
    /// Migrations that work at the same time; the others wait for a place.
    pub max_concurrent_migrations: u16,
    /// Bytes for the entities of all migrations that work at the same time; `None` for no bound.
    pub memory_budget: Option<u64>,
    /// How long something that is referred to may be missing before its absence is called a failure; `None` for ever.
    pub missing_reference_deadline: Option<Duration>,
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transport: TransportOptions::default(),
            konnect_kinds: KonnectKinds::Own,
            credential_labels: CredentialLabels::Enforce,
            allowed_hosts: HostList::default(),
            proxies: HostList::default(),
            admin_address: None,
            metrics_address: None,
            election: None,
            namespace: None,
            konnect_in_flight: 16,
            max_concurrent_migrations: 8,
            memory_budget: None,
            missing_reference_deadline: Some(Duration::from_secs(300)),
            clock: Arc::new(SystemClock),
        }
    }
}
