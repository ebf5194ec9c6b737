//! `report`: how far a migration is and what stays behind, for the file that is kept of it. Reads both sides and writes nothing.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::ends::EndsArgs;
use super::output::{OutputError, print};
use super::plan::{LOG, PlanError, names, observe, runtime, status};
use super::result::{ResultFormat, Verified};
use crate::kong::plan::document::PlanEnds;
use crate::kong::plan::render::text;
use crate::kong::plan::{Catalogue, verify};
use crate::migration::render::terminal::Style;
use crate::migration::report::{PlanReport, Secrets};
use crate::telemetry::tracing::{LogFormat, init};

/// Name and version of the JSON form; fields may be added without a new version.
const FORMAT: &str = "gatewaymigration.dev/report/v1";

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    ends: EndsArgs,
    /// Form of the report.
    #[arg(long, short, value_enum, default_value_t = ResultFormat::Markdown)]
    output: ResultFormat,
}

/// The JSON form.
#[derive(Serialize)]
struct ReportDocument<'a> {
    format: &'static str,
    verification: Verified,
    plan: &'a PlanReport<PlanEnds>,
}

/// Compares both sides and prints everything. The exit status is that of `plan`.
///
/// # Errors
/// When a side cannot be read.
pub fn run(args: &ReportArgs) -> Result<ExitCode, PlanError> {
    init(LOG, LogFormat::Text)?;
    runtime()?.block_on(async {
        let ends = args.ends.connect().await?;
        let (observed, planned) = observe(&ends).await?;
        let verification = verify(
            &planned,
            &observed.target,
            observed.version(),
            Catalogue::bundled(),
        );
        let report = PlanReport::without_entities(&planned.plan, names(&ends, &observed), Secrets::Masked);
        args.print(&report, Verified::from(&verification))?;
        Ok(status(&planned.plan))
    })
}

impl ReportArgs {
    fn print(&self, report: &PlanReport<PlanEnds>, verification: Verified) -> Result<(), OutputError> {
        let text = match self.output {
            ResultFormat::Terminal => {
                let style = Style {
                    colour: false,
                    full: true,
                };
                format!("{}{verification}\n", text::terminal(report, style))
            }
            ResultFormat::Markdown => {
                format!("{}\n## Verification\n\n{verification}\n", text::markdown(report))
            }
            ResultFormat::Json => {
                let document = ReportDocument {
                    format: FORMAT,
                    verification,
                    plan: report,
                };
                format!("{}\n", serde_json::to_string_pretty(&document)?)
            }
        };
        Ok(print(&text)?)
    }
}
