//! Writes ledgers of runs that ended in every way, as this version stores them, into a folder: one file for each way.
//!
//! Made with the code of a former version, they are what an upgrade meets; `tests/migration/data/README.md` says which were.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result};
use gateway_migration_operator::kong::model::entity_kinds::named;
use gateway_migration_operator::kong::model::{Entity, KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::ledger::format::LedgerEnds;
use gateway_migration_operator::kong::plan::{
    Catalogue, Circumstances, Ledger, PlanInput, Planned, build_plan,
};
use gateway_migration_operator::manifest;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Services by the last digit of their id, with their hosts.
type Services<'a> = &'a [(u8, &'a str)];

fn service((number, host): (u8, &str)) -> Result<Entity> {
    let id = format!("5c000000-0000-4000-8000-00000000000{number}");
    // As a gateway and Konnect return it.
    let body = json!({
        "name": format!("service-{number}"), "host": host, "port": 80, "protocol": "http", "enabled": true, "retries": 5,
        "connect_timeout": 60_000, "read_timeout": 60_000, "write_timeout": 60_000,
    });
    let Value::Object(body) = body else {
        anyhow::bail!("a body is an object")
    };
    Ok(Entity {
        kind: named("services").context("the kind")?,
        id: id.as_str().into(),
        body,
    })
}

fn side(services: Services<'_>) -> Result<Snapshot> {
    services.iter().map(|one| service(*one)).collect()
}

/// Source, target and ledger between two runs.
#[derive(Default)]
struct World {
    target: Snapshot,
    ledger: Ledger,
}

impl World {
    fn plan(&self, source: Services<'_>) -> Result<Planned> {
        let spec = serde_json::from_value(json!({
            "source": {"workspace": "WORKSPACE", "declarativeConfig": {"secretRef": {"name": "n", "key": "k"}}},
            "target": {"controlPlaneRef": {"name": "n"}},
            "prune": true,
            "conflictPolicy": "Overwrite",
        }))?;
        let policy = manifest::policy(&spec, "CONTROL-PLANE")?;
        Ok(build_plan(&PlanInput {
            source: &side(source)?,
            notes: &[],
            target: &self.target,
            ledger: &self.ledger,
            version: KongVersion::parse("3.9.1"),
            policy: &policy,
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances::default(),
        }))
    }

    /// What a run keeps before its first write.
    fn begin(&mut self, source: Services<'_>) -> Result<Planned> {
        let planned = self.plan(source)?;
        self.ledger.intend(&planned, &self.target, Timestamp::UNIX_EPOCH);
        Ok(planned)
    }

    /// A whole run.
    fn run(&mut self, source: Services<'_>) -> Result<()> {
        let planned = self.begin(source)?;
        for desired in planned.desired.values() {
            self.target.insert_packed(desired.entity.clone());
        }
        for key in planned.deletions.keys() {
            self.target.remove(key);
        }
        self.ledger.settle(&planned, &self.target, Timestamp::UNIX_EPOCH);
        Ok(())
    }

    fn store(&self, folder: &Path, name: &str) -> Result<()> {
        let mut document = Vec::new();
        let ends = LedgerEnds {
            workspace: "WORKSPACE",
            control_plane: "CONTROL-PLANE",
        };
        self.ledger.write_to(ends, &mut document)?;
        Ok(fs::write(folder.join(name), document)?)
    }
}

fn main() -> Result<()> {
    let folder = env::args().nth(1).context("name a folder")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;

    // 1 was there and equal, 2 was there and is overwritten, 3 and 4 are created, and 4 is deleted again.
    let all: Services<'_> = &[(1, "one"), (2, "two"), (3, "three"), (4, "four")];
    let mut world = World {
        target: side(&[(1, "one"), (2, "theirs")])?,
        ..World::default()
    };
    world.run(all)?;
    let kept: Services<'_> = &[(1, "one"), (2, "two"), (3, "three")];
    world.run(kept)?;
    world.store(folder, "settled.jsonl")?;

    // Killed before 1 to 3 were updated, 5 was created and 3 was deleted.
    world.begin(&[(1, "one-more"), (2, "two-more"), (5, "five")])?;
    world.store(folder, "half-written.jsonl")?;

    // Killed before anything was created.
    let mut world = World::default();
    world.begin(kept)?;
    world.store(folder, "intended.jsonl")
}
