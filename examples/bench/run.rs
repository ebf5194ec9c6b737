//! One run, in a process of its own.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use gateway_migration_operator::http::Throttle;
use gateway_migration_operator::http::{
    Budget, EndpointMap, RetryPolicy, TlsOptions, Transport, TransportOptions,
};
use gateway_migration_operator::kong::admin;
use gateway_migration_operator::kong::engine::undo::plan_rollback;
use gateway_migration_operator::kong::engine::{Migration, Observed, ObservedSource, OnRefusal, Target};
use gateway_migration_operator::kong::konnect::{Client, CreateControlPlane, Filter, ServerUrl};
use gateway_migration_operator::kong::model::{Entity, Snapshot};
use gateway_migration_operator::kong::plan::input::ConflictPolicy;
use gateway_migration_operator::kong::plan::ledger::Ledger;
use gateway_migration_operator::kong::plan::{Planned, Policy, RollbackInput};
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::progress::Progress;
use gateway_migration_operator::migration::rollback::{ChangedSince, Extent};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::cases::Phase;

/// Requests in flight, on either side.
pub const IN_FLIGHT: usize = 50;
/// Workspace and control plane as the simulators call them.
pub const GENERATED: &str = "generated";
/// Accepted by the simulated Konnect.
pub const KONNECT_TOKEN: &str = "kpat_simulated";

/// Where the servers are, and what to do.
#[derive(Debug, Args)]
pub struct Run {
    /// What to do.
    #[arg(long)]
    phase: Phase,
    /// URL of the Admin API.
    #[arg(long)]
    kong: String,
    /// URL of Konnect.
    #[arg(long)]
    konnect: String,
    /// File with both authorities.
    #[arg(long)]
    ca: PathBuf,
    /// Name of the control plane to make.
    #[arg(long)]
    control_plane: String,
}

/// What a run found out about itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Finished {
    /// From the first connection to the end of the work.
    pub wall_ms: f64,
    /// Most memory the process ever held.
    pub peak_rss_kib: u64,
}

impl Run {
    /// Runs, and prints a [`Finished`] as JSON.
    pub async fn report(&self) -> anyhow::Result<()> {
        let ca_pem = fs::read_to_string(&self.ca)?;
        let begun = Instant::now();
        self.work(ca_pem).await?;
        let finished = Finished {
            wall_ms: begun.elapsed().as_secs_f64() * 1_000.0,
            peak_rss_kib: memory("self", "VmHWM").context("the peak memory is not known")?,
        };
        println!("{}", serde_json::to_string(&finished)?);
        Ok(())
    }

    async fn work(&self, ca_pem: String) -> anyhow::Result<()> {
        let migration = self.migration(ca_pem).await?;
        if self.phase == Phase::SourceRead {
            let source = migration.observe_source().await?;
            ensure!(!source.snapshot.entities.is_empty(), "nothing was read");
            return Ok(());
        }
        if self.phase == Phase::Rollback {
            return roll_back(&migration).await;
        }
        let (source, target) = tokio::join!(migration.observe_source(), migration.observe_target());
        let mut observed = Observed {
            source: source?,
            target: target?,
        };
        let mut policy = Policy::default();
        if self.phase == Phase::Updates {
            observed.source.snapshot.change(tag);
            policy.conflicts.default = ConflictPolicy::Overwrite;
        }
        let planned = observed.plan(&policy, jiff::Timestamp::UNIX_EPOCH, &[], &Ledger::default());
        let left = unwritten(&planned);
        if self.phase == Phase::SteadyState {
            ensure!(left == 0, "{left} entities differ between equal sides");
            return Ok(());
        }
        let (progress, _) = watch::channel(Progress::before(&planned.plan));
        let applied = migration
            .apply(&planned, &CancellationToken::new(), &progress)
            .await;
        if let Some(error) = applied.interrupted {
            return Err(error.into());
        }
        ensure!(applied.refused.is_empty(), "refused: {:?}", applied.refused);
        if self.phase == Phase::FirstMigration {
            let verification = migration.verify(&planned, None).await?;
            ensure!(verification.holds(), "the sides differ after the migration");
        }
        Ok(())
    }

    async fn migration(&self, ca_pem: String) -> anyhow::Result<Migration> {
        let transport = Transport::new(TransportOptions {
            extra_roots: vec![("the simulators' CA".to_owned(), ca_pem.clone().into_bytes())],
            endpoints: EndpointMap::parse([format!("us.api.konghq.com={}", self.konnect)])?,
            request_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
            ..TransportOptions::default()
        })?;
        let trusted = transport.with_tls(&TlsOptions {
            ca_pem: Some(ca_pem),
            ..TlsOptions::default()
        })?;
        let source = admin::Client::new(&trusted, &self.kong, None)?;
        let target = Client::new(
            &transport,
            &ServerUrl::parse("us.api.konghq.com")?,
            &SecretString::from(KONNECT_TOKEN),
            Budget::new(IN_FLIGHT).into(),
        )?;
        let control_plane = self.control_plane(&target).await?;
        Ok(Migration {
            source: source.into(),
            workspace: GENERATED.to_owned(),
            target,
            control_plane,
            throttle: Throttle::new(IN_FLIGHT),
            on_refusal: OnRefusal::Stop,
        })
    }

    /// Finds the one with the entities, or makes an empty one.
    async fn control_plane(&self, client: &Client) -> anyhow::Result<String> {
        match self.phase {
            Phase::SourceRead | Phase::Idle | Phase::Queue => Ok(String::new()),
            Phase::SteadyState | Phase::Updates | Phase::Rollback => {
                let found = client.list_control_planes(&Filter::name(GENERATED)).await?;
                let found = found.into_iter().next().context("no generated control plane")?;
                Ok(found.id)
            }
            Phase::FirstMigration | Phase::Writes => {
                let wanted = CreateControlPlane {
                    name: self.control_plane.clone(),
                    ..CreateControlPlane::default()
                };
                Ok(client.create_control_plane(&wanted).await?.id)
            }
        }
    }
}

/// Gives an entity other tags, where it takes any.
fn tag(entity: &mut Entity) {
    if entity.body.contains_key("tags") {
        entity.body.insert("tags".to_owned(), json!(["changed"]));
    }
}

/// Undoes a migration that has made everything that the control plane holds.
async fn roll_back(migration: &Migration) -> anyhow::Result<()> {
    let target = Target {
        client: migration.target.clone(),
        control_plane: migration.control_plane.clone(),
        throttle: migration.throttle.clone(),
    };
    let held = target.observe().await?;
    // What it would have planned, as if the target's entities were those of a source.
    let made = Observed {
        source: ObservedSource {
            node: None,
            version: None,
            workspace_id: None,
            snapshot: held.clone(),
            notes: Vec::new(),
        },
        target: Snapshot::default(),
    };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let planned = made.plan(&Policy::default(), now, &[], &Ledger::default());
    let mut ledger = Ledger::default();
    ledger.intend(&planned, &made.target, now);
    ledger.settle(&planned, &held, now);
    let rollback = plan_rollback(&RollbackInput {
        ledger: &ledger,
        target: &held,
        extent: Extent::Everything,
        changed: ChangedSince::Keep,
    });
    ensure!(rollback.steps.len() == held.len(), "{}", rollback.summary());
    let (progress, _) = watch::channel(Progress::before_undoing(&rollback));
    let undone = target
        .undo(&rollback, (&ledger, &held), &CancellationToken::new(), &progress)
        .await;
    ensure!(undone.deleted == held.len(), "{undone:?}");
    Ok(())
}

fn unwritten(planned: &Planned) -> usize {
    planned
        .plan
        .operations
        .iter()
        .filter(|operation| operation.action != Action::Unchanged)
        .count()
}

/// A line such as `VmHWM` of a process' status, in KiB.
pub fn memory(process: &str, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|text| text.strip_prefix(line))?;
    value
        .trim_start_matches(':')
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()
}
