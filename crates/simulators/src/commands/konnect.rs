//! `simulators konnect`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};
use simulators::konnect::{self, Konnect, PostWithId, Side};
use simulators::workload;

use super::serving::Serving;

/// Simulate one organisation of Kong Konnect: its control planes and everything in them.
///
/// A region (control planes) and the global host (identity) listen at an address each, as the hosts of Konnect do, and know only their own
/// paths. Prints the region's URL, then the global one's; map them, for the operator by `--konnect-endpoint us.api.konghq.com=URL` and
/// `--konnect-global URL`. `GET /_simulator/stats` counts what each was asked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  simulators konnect --region-listen 127.0.0.1:8443 --global-listen 127.0.0.1:8444 --tls --ca-out ca.pem --token kpat_demo
  simulators konnect --latency 50ms --rate-limit '10;retry-after=1'
  simulators konnect --fault 'PUT /core-entities/routes/=503;skip=3;times=2' --fault 'POST .*=drop;after;times=1'
  simulators konnect --data planes.json

Data: [{\"name\": \"inventory\", \"entities\": [{\"path\": \"services\", \"body\": {\"name\": \"a\", \"host\": \"a.example\"}}]}]")]
pub(crate) struct Arguments {
    /// Address of the region; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    region_listen: SocketAddr,

    /// Address of the global host.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    global_listen: SocketAddr,

    /// Serve both sides at the region's address, as no real host of Konnect does.
    #[arg(long, conflicts_with = "global_listen")]
    one_address: bool,

    #[command(flatten)]
    serving: Serving,

    /// Bearer token that is accepted. May be repeated. Without any, `kpat_simulated` is.
    #[arg(long)]
    token: Vec<String>,

    /// Create the control plane `generated` with this many units of 11 entities, as after a migration of `kong-admin --workload`.
    #[arg(long, value_name = "UNITS")]
    workload: Option<usize>,

    /// Create control planes with entities from a JSON file (see below): each entity as by a POST to its path.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Answer 404 to the PUT of a target that does not exist, as Kong does; a client must then POST it with its id.
    #[arg(long)]
    target_put_missing_is_404: bool,

    /// What a POST does with the id in its body: `refuses` one that is there (400), `refuses-with-409`, `refuses-by-field` (400 that
    /// names a unique field), `assigns-ids` of its own, or `overwrites` what is there.
    #[arg(long, value_name = "MANNER", default_value = "refuses")]
    post_with_id: PostWithId,

    /// Begin pages at a position of the list, so that they shift while others write.
    #[arg(long)]
    pages_by_position: bool,

    /// Leave an entity out of lists, as one that lags: `LIST/ID[=TIMES]`, such as `services/51de6f12-d9f9-445d-8534-5c5457870a35=1`; reads
    /// by id show it. May be repeated.
    #[arg(long, value_name = "ENTITY")]
    leave_out: Vec<LeaveOut>,
}

/// An entity that lists leave out.
#[derive(Debug, Clone)]
struct LeaveOut {
    list: String,
    id: String,
    times: Option<u64>,
}

impl FromStr for LeaveOut {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (entity, times) = match text.split_once('=') {
            Some((entity, times)) => (entity, Some(times.parse().context("TIMES is no number")?)),
            None => (text, None),
        };
        let (list, id) = entity.rsplit_once('/').context("expected LIST/ID[=TIMES]")?;
        Ok(Self {
            list: list.to_owned(),
            id: id.to_owned(),
            times,
        })
    }
}

/// A control plane of a data file.
#[derive(Deserialize)]
struct Plane {
    #[serde(default)]
    entities: Vec<Entity>,
    /// The body of its creation.
    #[serde(flatten)]
    body: Map<String, Value>,
}

#[derive(Deserialize)]
struct Entity {
    path: String,
    body: Value,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut options = konnect::Options {
        target_put_missing_is_404: arguments.target_put_missing_is_404,
        post_with_id: arguments.post_with_id,
        pages_by_position: arguments.pages_by_position,
        ..konnect::Options::default()
    };
    if !arguments.token.is_empty() {
        options.tokens = arguments.token;
    }
    let konnect = Konnect::new(options);
    if let Some(file) = &arguments.data {
        load(&konnect, file).with_context(|| format!("cannot load {}", file.display()))?;
    }
    if let Some(units) = arguments.workload {
        workload::seed(&konnect, "generated", units).context("cannot load the workload")?;
    }
    for LeaveOut { list, id, times } in &arguments.leave_out {
        konnect.leave_out(list, id, *times);
    }
    let (region, global) = (arguments.region_listen, arguments.global_listen);
    let routers = if arguments.one_address {
        vec![(region, konnect.router(Side::Both))]
    } else {
        vec![
            (region, konnect.router(Side::Region)),
            (global, konnect.router(Side::Global)),
        ]
    };
    arguments.serving.run(routers).await
}

fn load(konnect: &Konnect, file: &Path) -> anyhow::Result<()> {
    let planes: Vec<Plane> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    for plane in planes {
        let created = konnect.seed_control_plane(&Value::Object(plane.body))?;
        let id = created["id"].as_str().context("a control plane without id")?;
        for entity in &plane.entities {
            konnect.seed(id, &entity.path, &entity.body)?;
        }
    }
    Ok(())
}
