//! All metric families. Labels are bounded: controllers, kinds, classes, services, routes; never names of objects.

use std::{
    fmt,
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper bounds in seconds; a reconcile is a few calls, a migration may take minutes.
const RECONCILE_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1200.0];
const REMOTE_SECONDS: [f64; 8] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    controller: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MigrationLabels {
    kind: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    controller: &'static str,
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RemoteLabels {
    service: String,
    method: String,
    route: String,
    status: String,
}

/// One attempt to call a remote API, as counted.
#[derive(Debug, Clone, Copy)]
pub struct RemoteAttempt<'a> {
    /// Which product API, for instance `konnect`.
    pub service: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path with ids replaced by placeholders, so that the number of values is bounded.
    pub route: &'a str,
    /// The HTTP status, or a word such as `timeout` when there was none.
    pub status: &'a str,
    /// From sending to the end of the answer.
    pub took: Duration,
}

/// What all organisations' budgets show together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetLoad {
    /// Calls in flight.
    pub in_flight: usize,
    /// Calls answered 429 since the start.
    pub throttled: u64,
    /// Organisations that Konnect has asked to pause.
    pub paused: usize,
}

/// Asks for the load when metrics are read.
type Sampler = Box<dyn Fn() -> BudgetLoad + Send + Sync>;

/// The operator's metrics; clones count into the same families.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_seconds: Family<ControllerLabels, Histogram, fn() -> Histogram>,
    reconcile_errors: Family<ErrorLabels, Counter>,
    left_behind: Family<ControllerLabels, Counter>,
    remote_attempts: Family<RemoteLabels, Counter>,
    remote_seconds: Histogram,
    leading: Gauge,
    migrations: Family<MigrationLabels, Gauge>,
    konnect_in_flight: Gauge,
    konnect_throttled: Counter,
    konnect_paused: Gauge,
    sampler: Arc<OnceLock<Sampler>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all families.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("gateway_migration");
        let reconciles = Family::default();
        registry.register(
            "reconciles",
            "Reconciles by controller and outcome",
            reconciles.clone(),
        );
        let reconcile_seconds: Family<ControllerLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(RECONCILE_SECONDS));
        registry.register_with_unit(
            "reconcile_duration",
            "Time of one reconcile",
            Unit::Seconds,
            reconcile_seconds.clone(),
        );
        let reconcile_errors = Family::default();
        registry.register(
            "reconcile_errors",
            "Failed reconciles by controller and error class",
            reconcile_errors.clone(),
        );
        let left_behind = Family::default();
        registry.register(
            "left_behind",
            "Objects that went with their namespace and could not be cleaned up for",
            left_behind.clone(),
        );
        let remote_attempts = Family::default();
        registry.register(
            "remote_attempts",
            "HTTP attempts by service, method, route template and status",
            remote_attempts.clone(),
        );
        let remote_seconds = Histogram::new(REMOTE_SECONDS);
        registry.register_with_unit(
            "remote_attempt_duration",
            "Time of one HTTP attempt",
            Unit::Seconds,
            remote_seconds.clone(),
        );
        let leading = Gauge::default();
        registry.register(
            "leading",
            "1 while this replica is the one that writes",
            leading.clone(),
        );
        let (konnect_in_flight, konnect_throttled, konnect_paused) = register_budgets(&mut registry);
        let migrations = Family::default();
        registry.register(
            "migrations",
            "Migrations at work, and those that wait for a place",
            migrations.clone(),
        );
        Self {
            registry: Arc::new(registry),
            reconciles,
            reconcile_seconds,
            reconcile_errors,
            left_behind,
            remote_attempts,
            remote_seconds,
            leading,
            konnect_in_flight,
            konnect_throttled,
            konnect_paused,
            sampler: Arc::default(),
            migrations,
        }
    }

    /// Where the load of the budgets is asked for whenever the metrics are read. Only the first call counts.
    pub fn sample_budgets(&self, sampler: impl Fn() -> BudgetLoad + Send + Sync + 'static) {
        // A second sampler would be a second operator in one process.
        let _ = self.sampler.set(Box::new(sampler));
    }

    /// Counts one finished reconcile.
    pub fn reconciled(&self, controller: &'static str, outcome: &'static str, took: Duration) {
        self.reconciles
            .get_or_create(&ReconcileLabels { controller, outcome })
            .inc();
        self.reconcile_seconds
            .get_or_create(&ControllerLabels { controller })
            .observe(took.as_secs_f64());
    }

    /// Counts one failed reconcile.
    pub fn reconcile_failed(&self, controller: &'static str, class: &'static str) {
        self.reconcile_errors
            .get_or_create(&ErrorLabels { controller, class })
            .inc();
    }

    /// Counts one object that went with its namespace, and left behind what it had made.
    pub fn left_behind(&self, controller: &'static str) {
        self.left_behind
            .get_or_create(&ControllerLabels { controller })
            .inc();
    }

    /// Counts one attempt to call a remote API.
    pub fn remote_attempted(&self, attempt: RemoteAttempt<'_>) {
        let labels = RemoteLabels {
            service: attempt.service.to_owned(),
            method: attempt.method.to_owned(),
            route: attempt.route.to_owned(),
            status: attempt.status.to_owned(),
        };
        self.remote_attempts.get_or_create(&labels).inc();
        self.remote_seconds.observe(attempt.took.as_secs_f64());
    }

    /// Records whether this replica leads.
    pub fn set_leading(&self, leading: bool) {
        self.leading.set(i64::from(leading));
    }

    /// Records how many migrations of a kind are at work, and how many wait for a place.
    pub fn set_migrations(&self, kind: &str, working: usize, waiting: usize) {
        for (state, count) in [("working", working), ("waiting", waiting)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let kind = kind.to_owned();
            let labels = MigrationLabels { kind, state };
            self.migrations.get_or_create(&labels).set(count);
        }
    }

    /// All metrics as OpenMetrics text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        if let Some(sampler) = self.sampler.get() {
            let load = sampler();
            let figure = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            self.konnect_in_flight.set(figure(load.in_flight));
            self.konnect_paused.set(figure(load.paused));
            self.konnect_throttled
                .inner()
                .store(load.throttled, Ordering::Relaxed);
        }
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn register_budgets(registry: &mut Registry) -> (Gauge, Counter, Gauge) {
    let families: (Gauge, Counter, Gauge) = Default::default();
    let (in_flight, throttled, paused) = &families;
    registry.register(
        "konnect_in_flight",
        "Calls to Konnect in flight",
        in_flight.clone(),
    );
    registry.register(
        "konnect_throttled_calls",
        "Calls that Konnect has answered 429 since the start",
        throttled.clone(),
    );
    registry.register(
        "konnect_paused_organisations",
        "Organisations that Konnect has asked to pause",
        paused.clone(),
    );
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_exposed_with_its_labels() {
        let metrics = Metrics::new();
        metrics.reconciled("control-plane", "done", Duration::from_millis(20));
        metrics.reconcile_failed("control-plane", "throttled");
        metrics.remote_attempted(RemoteAttempt {
            service: "konnect",
            method: "GET",
            route: "/v3/organizations/me",
            status: "200",
            took: Duration::from_millis(3),
        });
        metrics.set_leading(true);
        metrics.sample_budgets(|| BudgetLoad {
            in_flight: 7,
            throttled: 5,
            paused: 1,
        });
        metrics.set_migrations("WorkspaceMigration", 2, 5);
        let text = metrics.encode().unwrap();
        for line in [
            r#"gateway_migration_reconciles_total{controller="control-plane",outcome="done"} 1"#,
            r#"gateway_migration_reconcile_errors_total{controller="control-plane",class="throttled"} 1"#,
            r#"gateway_migration_remote_attempts_total{service="konnect",method="GET",route="/v3/organizations/me",status="200"} 1"#,
            "gateway_migration_leading 1",
            "gateway_migration_konnect_in_flight 7",
            "gateway_migration_konnect_throttled_calls_total 5",
            "gateway_migration_konnect_paused_organisations 1",
            r#"gateway_migration_migrations{kind="WorkspaceMigration",state="waiting"} 5"#,
            r#"gateway_migration_reconcile_duration_seconds_count{controller="control-plane"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
