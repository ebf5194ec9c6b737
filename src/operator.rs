//! Puts the parts together: leader election, controllers, admin port, and an end in the right order.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use kube::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    controllers::{self, runtime::context::Context},
    http::{Attempt, Budgets, Fence, HostRule, Observer, Transport, TransportError, TransportOptions},
    k8s::{
        events::Events,
        lead,
        lease::{Election, ElectionEnd, Leadership},
    },
    telemetry::{
        admin::{AdminServer, health_routes, metrics_routes},
        metrics::{BudgetLoad, Metrics, RemoteAttempt},
        readiness::Readiness,
    },
};

/// How long running reconciles may take to end. Kubernetes kills a pod 30 s after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the operator ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The cluster.
    #[error("cannot connect to Kubernetes: {0}; set KUBECONFIG, or run inside a cluster")]
    Kubernetes(#[from] Box<kube::Error>),
    /// The remote connections cannot be set up.
    #[error("cannot set up connections: {0}")]
    Transport(#[from] TransportError),
    /// A port cannot be served.
    #[error(
        "cannot serve on {address}: {source}; choose another address with --admin-addr or --metrics-addr"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A controller ended, which none does by itself.
    #[error("a controller ended unexpectedly; the log has the reason, and the operator starts again")]
    ControllerEnded,
    /// Another replica writes now.
    #[error("the leader lease was lost; another replica goes on, and this one starts again")]
    LeaseLost,
}

/// Runs in a cluster until `stop` is cancelled, then ends gracefully: no new reconcile begins, running ones finish, the lease is let
/// go, the admin port closes.
///
/// # Errors
/// When it cannot start, or had to end by itself.
pub async fn operate(
    cluster: kube::Config,
    config: Config,
    stop: CancellationToken,
) -> Result<(), OperatorError> {
    let metrics = Metrics::new();
    let budgets = Arc::new(Budgets::new(config.konnect_in_flight));
    let sampled = Arc::clone(&budgets);
    metrics.sample_budgets(move || load_of(&sampled));
    let readiness = Readiness::default();
    let drained = CancellationToken::new();
    let mut servers = serve_admin(&config, &metrics, &readiness, &drained).await?;
    let working = stop.child_token();
    let clock = Arc::clone(&config.clock);
    let mut election = JoinSet::new();
    let leadership = match config.election.clone() {
        None => {
            metrics.set_leading(true);
            Leadership::unlimited()
        }
        Some(options) => {
            // A client of its own: the Lease has to be written before this replica leads.
            let client = Client::try_from(cluster.clone()).map_err(Box::new)?;
            let (candidate, leadership) = Election::new(client, options, Arc::clone(&clock));
            let stand = stand(
                candidate,
                leadership.clone(),
                metrics.clone(),
                working.clone(),
                drained.clone(),
            );
            election.spawn(stand);
            leadership
        }
    };
    let client = lead::connect(cluster, leadership.clone()).map_err(Box::new)?;
    let transport = transport(&config, &metrics, leadership.clone())?;
    work(&Context {
        transport,
        budgets,
        events: Events::new(client.clone()),
        config: Arc::new(config),
        client,
        clock,
        metrics,
        leadership,
        readiness,
        stop: working,
    })
    .await;
    drained.cancel();
    let ended = election.join_next().await;
    while servers.join_next().await.is_some() {}
    match ended {
        Some(Ok(ElectionEnd::Lost)) => Err(OperatorError::LeaseLost),
        _ if !stop.is_cancelled() => Err(OperatorError::ControllerEnded),
        _ => Ok(()),
    }
}

fn load_of(budgets: &Budgets) -> BudgetLoad {
    let mut load = BudgetLoad::default();
    for budget in budgets.all() {
        load.in_flight += budget.in_flight();
        load.throttled += budget.throttled();
        load.paused += usize::from(budget.paused_for().is_some());
    }
    load
}

/// Runs all controllers until the first ends, which is the sign that all have to: each runs until it is told to stop.
async fn work(context: &Context) {
    let mut controllers = controllers::spawn_all(context);
    controllers.join_next().await;
    context.stop.cancel();
    let rest = async { while controllers.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, rest).await.is_err() {
        tracing::warn!("some reconciles did not end in time and are cut off");
    }
}

/// Stands for election until `drained`; losing the lease stops all work.
async fn stand(
    candidate: Election,
    mut leadership: Leadership,
    metrics: Metrics,
    working: CancellationToken,
    drained: CancellationToken,
) -> ElectionEnd {
    let counted = metrics.clone();
    let count = async move {
        leadership.acquired().await;
        counted.set_leading(true);
        std::future::pending::<Infallible>().await
    };
    let ended = tokio::select! {
        ended = candidate.run(drained) => ended,
        never = count => match never {},
    };
    metrics.set_leading(false);
    working.cancel();
    ended
}

async fn serve_admin(
    config: &Config,
    metrics: &Metrics,
    readiness: &Readiness,
    stop: &CancellationToken,
) -> Result<JoinSet<io::Result<()>>, OperatorError> {
    let health = health_routes(readiness.clone());
    let numbers = metrics_routes(metrics.clone());
    let ports = match (config.admin_address, config.metrics_address) {
        (Some(admin), None) => vec![(admin, health.merge(numbers))],
        (Some(admin), Some(own)) => vec![(admin, health), (own, numbers)],
        (None, Some(own)) => vec![(own, numbers)],
        (None, None) => Vec::new(),
    };
    let mut servers = JoinSet::new();
    for (address, routes) in ports {
        let listen = |source| OperatorError::Listen { address, source };
        let server = AdminServer::bind(address, routes).await.map_err(listen)?;
        tracing::info!(address = %server.address().map_err(listen)?, "admin port");
        servers.spawn(server.serve(stop.clone()));
    }
    Ok(servers)
}

fn transport(
    config: &Config,
    metrics: &Metrics,
    leadership: Leadership,
) -> Result<Transport, TransportError> {
    let observer = Arc::new(AttemptCounter(metrics.clone()));
    let hosts = HostRule::new(
        config.allowed_hosts.clone(),
        &config.transport.endpoints,
        config.proxies.clone(),
    );
    Transport::new(TransportOptions {
        observer: Some(observer),
        hosts: Some(Arc::new(hosts)),
        fence: Some(Arc::new(Lead(leadership))),
        ..config.transport.clone()
    })
}

/// Lets a replica write only while it leads.
struct Lead(Leadership);

impl Fence for Lead {
    fn is_open(&self) -> bool {
        self.0.is_held()
    }
}

/// Counts every remote attempt.
struct AttemptCounter(Metrics);

impl Observer for AttemptCounter {
    fn attempt(&self, attempt: &Attempt<'_>) {
        let status = attempt.status.map(|status| status.to_string());
        self.0.remote_attempted(RemoteAttempt {
            service: attempt.product.label,
            method: attempt.method,
            route: attempt.route,
            status: status.as_deref().or(attempt.failure).unwrap_or("none"),
            took: attempt.duration,
        });
    }
}
