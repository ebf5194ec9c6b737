//! `plan`: what a migration would do. Reads both sides, or the plan that the operator stored, and writes nothing.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::advice::explain;
use super::decisions::DecisionArgs;
use super::ends::{ConnectedEnds, EndsError, TargetArgs, connect};
use super::output::{Output, OutputError, print, style};
use super::source::SourceArgs;
use super::stored::{StoredCommand, StoredError};
use super::workspace_migration::PLAN;
use crate::clock::{Clock as _, SystemClock};
use crate::kong::engine::{self, Observed};
use crate::kong::plan::document::{PlanEnds, plan_report};
use crate::kong::plan::{Ledger, Planned};
use crate::migration::plan::{Action, Plan};
use crate::migration::report::{PlanReport, Secrets};
use crate::telemetry::tracing::{LogError, LogFormat, init};

/// Exit status when the plan changes something.
const CHANGES: u8 = 2;
/// Exit status when something is in the way that only a person can solve.
pub(super) const BLOCKED: u8 = 3;

/// Options of `plan`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct PlanArgs {
    #[command(subcommand)]
    stored: Option<StoredCommand>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    target: Option<TargetArgs>,
    #[command(flatten)]
    decisions: DecisionArgs,
    /// Form of the plan.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    /// List every entity, and every subject of a finding.
    #[arg(long)]
    full: bool,
    /// Print secrets in clear in --output deck and kong-operator. The file is then as secret as the gateway.
    #[arg(long)]
    include_secrets: bool,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Flags, files, the control plane.
    #[error(transparent)]
    Ends(#[from] EndsError),
    /// Reading a side.
    #[error("{}", explain(.0))]
    Engine(#[from] engine::Error),
    /// Printing.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A stored plan.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// Neither flags nor a subcommand. The command line does not let that through.
    #[error(
        "name both ends with --admin-url or --declarative-config, --konnect-url and --control-plane, or a stored plan with show, diff or export"
    )]
    Nothing,
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Plans and prints. The exit status is 0 for no change, 2 for changes, 3 when something is blocked; of a stored plan it is
/// always 0.
///
/// # Errors
/// When a side or the stored plan cannot be read.
pub fn run(args: &PlanArgs) -> Result<ExitCode, PlanError> {
    init(LOG, LogFormat::Text)?;
    runtime()?.block_on(async {
        match (&args.stored, &args.target) {
            (Some(command), _) => {
                command.run().await?;
                Ok(ExitCode::SUCCESS)
            }
            (None, Some(target)) => plan_and_print(args, target).await,
            (None, None) => Err(PlanError::Nothing),
        }
    })
}

async fn plan_and_print(args: &PlanArgs, target: &TargetArgs) -> Result<ExitCode, PlanError> {
    let ends = connect(&args.source, target, &args.decisions).await?;
    let (observed, planned) = observe(&ends).await?;
    let secrets = if args.include_secrets {
        Secrets::Included
    } else {
        Secrets::Masked
    };
    let names = names(&ends, &observed);
    let report = if args.output.shows_bodies() {
        plan_report(&planned, names, secrets)
    } else {
        PlanReport::without_entities(&planned.plan, names, secrets)
    };
    let text = PLAN.render(&report, args.output, style(args.full))?;
    print(&text).map_err(OutputError::from)?;
    Ok(status(&planned.plan))
}

/// What these commands log: the plan and its progress are their output, so only trouble, and not what is an error of theirs
/// anyway.
pub(super) const LOG: &str = "error,rustls_platform_verifier=off,kube_client=off";

/// The threads of a command.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Reads both sides and plans.
pub(super) async fn observe(ends: &ConnectedEnds) -> Result<(Observed, Planned), engine::Error> {
    let migration = &ends.migration;
    let (source, target) = tokio::try_join!(migration.observe_source(), migration.observe_target())?;
    let observed = Observed { source, target };
    // Without a cluster there is no ledger: whatever the target has and differs is foreign.
    let planned = observed.plan(&ends.policy, SystemClock.now(), &ends.waivers, &Ledger::default());
    Ok((observed, planned))
}

/// The names of both ends.
pub(super) fn names(ends: &ConnectedEnds, observed: &Observed) -> PlanEnds {
    PlanEnds {
        workspace: ends.migration.workspace.clone(),
        source_version: observed.source.version_text().unwrap_or_default(),
        control_plane: ends.control_plane.id.clone(),
        control_plane_name: Some(ends.control_plane.name.clone()),
        control_plane_ref: None,
    }
}

/// The exit status for a plan.
pub(super) fn status(plan: &Plan) -> ExitCode {
    if plan.blocking().next().is_some() || waiting(plan) > 0 {
        ExitCode::from(BLOCKED)
    } else if plan.writes() > 0 {
        ExitCode::from(CHANGES)
    } else {
        ExitCode::SUCCESS
    }
}

/// Entities that could move and are not written as things are.
pub(super) fn waiting(plan: &Plan) -> usize {
    plan.count(Action::Blocked)
}
