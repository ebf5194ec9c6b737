//! Puts the parts together: leader election, controllers, admin port, and an end in the right order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use kube::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    controllers::{self, context::Context},
    http::{Attempt, Budgets, Observer, Transport, TransportError, TransportOptions},
    k8s::{
        events::Events,
        lease::{Election, Ended, Leadership, LeaseOptions},
    },
    telemetry::{
        admin::{AdminServer, health_routes, metrics_routes},
        metrics::{Metrics, RemoteAttempt},
        readiness::Readiness,
    },
};

/// How long running reconciles may take to end. Kubernetes kills a pod 30 s after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the operator ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The remote connections cannot be set up.
    #[error("cannot set up connections: {0}")]
    Transport(#[from] TransportError),
    /// A port cannot be served.
    #[error("cannot serve on {address}; choose another address with --admin-addr or --metrics-addr")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Another replica writes now.
    #[error("the leader lease was lost; another replica goes on, and this one starts again")]
    LeaseLost,
}

/// Runs until `stop` is cancelled, then ends gracefully: no new reconcile begins, running ones finish, the lease is let
/// go, the admin port closes.
pub async fn operate(client: Client, config: Config, stop: CancellationToken) -> Result<(), OperatorError> {
    let metrics = Metrics::new();
    let readiness = Readiness::default();
    let drained = CancellationToken::new();
    let mut servers = serve_admin(&config, &metrics, &readiness, &drained).await?;
    let working = stop.child_token();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (election, leadership) = elect(&client, config.election.clone(), &clock, &working, &drained);
    tell_leadership(leadership.clone(), metrics.clone(), working.clone());
    let context = Context {
        transport: transport(&config, &metrics)?,
        budgets: Arc::new(Budgets::new(config.konnect_in_flight)),
        events: Events::new(client.clone()),
        config: Arc::new(config),
        client,
        clock,
        metrics,
        leadership,
        readiness,
        stop: working.clone(),
    };
    let mut tasks = controllers::spawn_all(&context);
    // A controller runs until it is told to stop, so the first to end is the sign that all have to.
    tasks.join_next().await;
    working.cancel();
    if tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} })
        .await
        .is_err()
    {
        tracing::warn!("some reconciles did not end in time and are cut off");
        tasks.abort_all();
    }
    drained.cancel();
    let ended = election.await;
    while servers.join_next().await.is_some() {}
    match ended {
        Ok(Ended::Lost) => Err(OperatorError::LeaseLost),
        Ok(Ended::Stopped) | Err(_) => Ok(()),
    }
}

/// Stands for election when there is one; loss of the lease stops all work.
fn elect(
    client: &Client,
    options: Option<LeaseOptions>,
    clock: &Arc<dyn Clock>,
    working: &CancellationToken,
    drained: &CancellationToken,
) -> (tokio::task::JoinHandle<Ended>, Leadership) {
    let (working, drained) = (working.clone(), drained.clone());
    let Some(options) = options else {
        return (tokio::spawn(async { Ended::Stopped }), Leadership::unlimited());
    };
    let (election, leadership) = Election::new(client.clone(), options, Arc::clone(clock));
    let task = tokio::spawn(async move {
        let ended = election.run(drained).await;
        working.cancel();
        ended
    });
    (task, leadership)
}

/// Shows in the metrics when this replica becomes the one that writes. Whoever loses the lease ends.
fn tell_leadership(mut leadership: Leadership, metrics: Metrics, stop: CancellationToken) {
    tokio::spawn(async move {
        tokio::select! {
            () = leadership.acquired() => metrics.set_leading(true),
            () = stop.cancelled() => {}
        }
    });
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

fn transport(config: &Config, metrics: &Metrics) -> Result<Transport, TransportError> {
    let observer = Arc::new(AttemptCounter(metrics.clone()));
    Transport::new(TransportOptions {
        observer: Some(observer),
        ..config.transport.clone()
    })
}

/// Counts every remote attempt.
struct AttemptCounter(Metrics);

impl Observer for AttemptCounter {
    fn attempt(&self, attempt: &Attempt<'_>) {
        let status = attempt.status.map(|status| status.to_string());
        self.0.remote_attempted(RemoteAttempt {
            service: attempt.service.label(),
            method: attempt.method,
            route: attempt.route,
            status: status.as_deref().or(attempt.failure).unwrap_or("none"),
            took: attempt.duration,
        });
    }
}
