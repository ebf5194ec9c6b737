//! `benchmarks.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::cases::{CASES, Case};

const FILE: &str = "benchmarks.json";

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    cases: Vec<Record>,
}

/// One case as measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its name.
    pub case: String,
    /// Entities of the source, of all migrations together; for the idle operator its migrations.
    pub entities: usize,
    /// How often it was measured.
    pub runs: usize,
    /// Time of a run.
    pub wall_ms: Spread,
    /// Requests of one run to both servers, by method.
    pub requests: BTreeMap<String, u64>,
    /// The most that one of the servers had at a time.
    pub peak_in_flight: u64,
    /// To both servers.
    pub connections: u64,
    /// The most of all runs.
    pub peak_rss_kib: u64,
    /// The least time that these requests can take.
    pub floor_ms: u64,
}

/// Milliseconds over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The quickest.
    pub min: u64,
    /// The one in the middle.
    pub median: u64,
    /// The slowest.
    pub max: u64,
}

impl Record {
    /// Of one run in which nothing was counted yet.
    pub fn empty(case: &Case, entities: usize) -> Self {
        Self {
            case: case.name.to_owned(),
            entities,
            runs: 1,
            wall_ms: Spread::once(Duration::ZERO),
            requests: BTreeMap::new(),
            peak_in_flight: 0,
            connections: 0,
            peak_rss_kib: 0,
            floor_ms: 0,
        }
    }

    /// All runs of a case as one: their times, the most memory of any, and what else the last one counted. None without any.
    pub fn of_runs(runs: Vec<Self>) -> Option<Self> {
        let mut times: Vec<_> = runs.iter().map(|run| run.wall_ms.median as f64).collect();
        let wall_ms = Spread::of(&mut times)?;
        let peak_rss_kib = runs.iter().map(|run| run.peak_rss_kib).max()?;
        let count = runs.len();
        let last = runs.into_iter().last()?;
        Some(Self {
            runs: count,
            wall_ms,
            peak_rss_kib,
            ..last
        })
    }
}

impl Spread {
    /// Of one run.
    pub fn once(took: Duration) -> Self {
        let time = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self {
            min: time,
            median: time,
            max: time,
        }
    }

    /// Of these times; none without any.
    pub fn of(times: &mut [f64]) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let whole = |time: f64| time.round() as u64;
        Some(Self {
            min: whole(*times.first()?),
            median: whole(*times.get(times.len() / 2)?),
            max: whole(*times.last()?),
        })
    }
}

/// What was measured before; nothing when there is no such file.
pub fn read(folder: &Path) -> anyhow::Result<Vec<Record>> {
    match fs::read(folder.join(FILE)) {
        Ok(bytes) => {
            let file: File = serde_json::from_slice(&bytes).context(FILE)?;
            Ok(file.cases)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Puts a record in the place of an older one, in the order of the cases.
pub fn put(records: &mut Vec<Record>, record: Record) {
    records.retain(|other| other.case != record.case);
    records.push(record);
    records.sort_by_key(|record| CASES.iter().position(|case| case.name == record.case));
}

/// Writes the file.
pub fn write(folder: &Path, records: &[Record]) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let file = File {
        cases: records.to_vec(),
    };
    let text = serde_json::to_string_pretty(&file)?;
    Ok(fs::write(folder.join(FILE), text + "\n")?)
}
