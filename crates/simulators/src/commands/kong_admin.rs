//! `simulators kong-admin`

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use simulators::kong_admin::{self, DEFAULT, Edition, INVENTORY, KongAdmin, SALES};
use simulators::workload;

use super::serving::Serving;

/// Simulate the Admin API of a self-managed Kong Gateway, for reading.
///
/// Without --data and --workload it holds three sample workspaces: `default` (128 entities of a real Kong), `inventory` and `sales`.
/// Prints its URL; `GET /_simulator/stats` counts what was asked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  simulators kong-admin --listen 127.0.0.1:8001
  simulators kong-admin --tls --ca-out ca.pem --token secret --latency 20ms
  simulators kong-admin --open-source --data default=dump.json
  simulators kong-admin --workload 1000      # 11,010 entities, always the same
  simulators kong-admin --fault '/consumers=503;times=2' --fault 'GET /plugins=drop;skip=1;times=1'")]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    #[command(flatten)]
    serving: Serving,

    /// Demand this token in the header Kong-Admin-Token.
    #[arg(long, env = "KONG_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Simulate the open-source edition: no workspaces, consumer groups or partials.
    #[arg(long)]
    open_source: bool,

    /// Fill the workspace `generated` with this many units of 11 entities (2 routes and plugins, a service, an upstream, a consumer, ...).
    #[arg(long, value_name = "UNITS")]
    workload: Option<usize>,

    /// Load a workspace from a JSON file `{"/services": [...], "/routes": [...], ...}`, one list per path, or from a
    /// declarative file in YAML (`.yaml`, `.yml`: decK or DB-less). May be repeated.
    #[arg(long, value_name = "WORKSPACE=FILE", value_parser = parse_data)]
    data: Vec<(String, PathBuf)>,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let edition = if arguments.open_source {
        Edition::OpenSource
    } else {
        Edition::Enterprise
    };
    let kong = KongAdmin::new(kong_admin::Options {
        edition,
        token: arguments.token,
        ..kong_admin::Options::default()
    });
    let (files, dumps): (Vec<_>, Vec<_>) = arguments
        .data
        .iter()
        .cloned()
        .partition(|(_, file)| file.extension().is_some_and(|end| end == "yaml" || end == "yml"));
    for (workspace, file) in &files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        kong.load_declarative(workspace, &text)
            .with_context(|| format!("cannot load {}", file.display()))?;
    }
    let samples = arguments.workload.is_none() && arguments.data.is_empty() || !dumps.is_empty();
    for (workspace, dump) in samples
        .then(|| workspaces(edition, &dumps))
        .transpose()?
        .unwrap_or_default()
    {
        kong.load(&workspace, &dump)
            .with_context(|| format!("cannot load workspace {workspace}"))?;
    }
    if let Some(units) = arguments.workload {
        let workspace = if edition == Edition::OpenSource {
            "default"
        } else {
            "generated"
        };
        kong.load(workspace, &workload::dump(units)?)
            .context("cannot load the workload")?;
    }
    arguments
        .serving
        .run(vec![(arguments.listen, kong.router())])
        .await
}

/// Name and dump of each workspace: the user's, or the samples.
fn workspaces(edition: Edition, data: &[(String, PathBuf)]) -> anyhow::Result<Vec<(String, Value)>> {
    if data.is_empty() {
        let samples = [("default", DEFAULT), ("inventory", INVENTORY), ("sales", SALES)];
        let count = if edition == Edition::OpenSource {
            1
        } else {
            samples.len()
        };
        return samples[..count]
            .iter()
            .map(|(name, dump)| Ok(((*name).to_owned(), serde_json::from_str(dump)?)))
            .collect();
    }
    data.iter()
        .map(|(workspace, file)| {
            let dump =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let dump =
                serde_json::from_str(&dump).with_context(|| format!("{} is not JSON", file.display()))?;
            Ok((workspace.clone(), dump))
        })
        .collect()
}

fn parse_data(text: &str) -> anyhow::Result<(String, PathBuf)> {
    let (workspace, file) = text.split_once('=').context("expected WORKSPACE=FILE")?;
    Ok((workspace.to_owned(), file.into()))
}
