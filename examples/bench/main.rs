//! Measures the release build against simulators that run as processes of their own, over TLS with HTTP/2, and writes
//! `docs/benchmarks.md`, `.svg` and `.json`: `make bench`.
//!
//! Each run is a process of its own (this program again, with `run`), so that its peak memory is its own.

mod cases;
mod chart;
mod deck;
mod idle;
mod installation;
mod machine;
mod measure;
mod page;
mod queue;
mod record;
mod run;
mod servers;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use cases::{CASES, Case};
use measure::measure;

/// Measures reads, plans, migrations and memory.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// A hundredth of the entities and one run each: shows that the measuring works, not how fast anything is.
    #[arg(long)]
    short: bool,

    /// Runs of each case.
    #[arg(long, default_value_t = 5)]
    runs: usize,

    /// Only the cases whose name contains this. The other rows of benchmarks.json stay. May be repeated.
    #[arg(long)]
    case: Vec<String>,

    /// Where benchmarks.md, .svg and .json are written.
    #[arg(long, default_value = "docs")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One run of one phase, in this process.
    Run(run::Run),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Run(run)) = arguments.command {
        return run.report().await;
    }
    let runs = if arguments.short { 1 } else { arguments.runs };
    let mut records = record::read(&arguments.out)?;
    for case in CASES {
        if !arguments.case.is_empty()
            && !arguments
                .case
                .iter()
                .any(|part| case.name.contains(part.as_str()))
        {
            continue;
        }
        let case = if arguments.short { case.shortened() } else { *case };
        eprintln!("{} ...", case.name);
        let measured = match case.phase {
            cases::Phase::Idle | cases::Phase::Queue => installed(&case, runs).await,
            _ => measure(&case, runs).await,
        };
        let measured = measured.with_context(|| case.name.to_owned())?;
        eprintln!("{}", page::summary(&measured));
        record::put(&mut records, measured);
    }
    record::write(&arguments.out, &records)?;
    std::fs::write(arguments.out.join("benchmarks.svg"), chart::draw(&records))?;
    page::update(&arguments.out.join("benchmarks.md"), &records)
}

/// Measures the deployed operator, each time in a cluster of its own.
async fn installed(case: &Case, runs: usize) -> anyhow::Result<record::Record> {
    let mut records = Vec::new();
    for _ in 0..runs {
        records.push(match case.phase {
            cases::Phase::Idle => idle::measure(case).await?,
            _ => queue::measure(case).await?,
        });
    }
    record::Record::of_runs(records).context("not even one run")
}

/// Entities of so many units.
const fn entities(units: usize) -> usize {
    units * 11 + units.div_ceil(100)
}

/// The figures of a case in the issue, and decK's.
fn case_named(name: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.name == name)
}
