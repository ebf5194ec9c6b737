//! A small world to plan in, as written in `cases/*.yaml` or in a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use gateway_migration_operator::kong::model::entity_kinds::named;
use gateway_migration_operator::kong::model::recast::recast;
use gateway_migration_operator::kong::model::{Entity, Gap, GapCause, KongVersion, Snapshot};
use gateway_migration_operator::kong::plan::input::{CustomPlugin, Exclusion, Selection};
use gateway_migration_operator::kong::plan::ledger::format::LedgerEnds;
use gateway_migration_operator::kong::plan::{
    Catalogue, Circumstances, Ledger, PlanInput, Planned, Policy, build_plan,
};
use gateway_migration_operator::migration::waivers::Waiver;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Entities by kind, as a gateway returns them.
pub type Side = BTreeMap<String, Vec<Map<String, Value>>>;

/// Both sides and the circumstances.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    pub source: Side,
    #[serde(default)]
    pub target: Side,
    /// Absent: the source did not tell.
    #[serde(default = "usual_version")]
    pub version: Option<String>,
    #[serde(default)]
    pub router_flavor: Option<String>,
    #[serde(default)]
    pub audit_log: bool,
    #[serde(default)]
    pub now: Option<Timestamp>,
    #[serde(default)]
    pub waivers: Vec<Accepted>,
    /// Schemas of custom plugins by plugin name; a text, or a text with the files beside it.
    #[serde(default)]
    pub custom_plugins: BTreeMap<String, Schema>,
    /// Kinds that the source refuses to list.
    #[serde(default)]
    pub forbidden: Vec<String>,
    /// Kinds that the source does not have.
    #[serde(default)]
    pub absent: Vec<String>,
    /// What the source had when everything was migrated to the target.
    #[serde(default)]
    pub migrated: Side,
    /// What somebody has made in the target after that.
    #[serde(default)]
    pub afterwards: Side,
    /// What a former version of the operator was about to write when it was interrupted; it kept no fingerprint of that.
    #[serde(default)]
    pub interrupted: Side,
    /// The ids of the source are looked at, as where it is read from a gateway or a file. Elsewhere here they are short.
    #[serde(default)]
    pub ids_matter: bool,
    #[serde(default)]
    pub prune: bool,
    /// Kinds that the selection leaves out now.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// So many services beside the source's.
    #[serde(default)]
    pub services: usize,
}

/// A schema of a custom plugin.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Schema {
    Alone(String),
    Beside { schema: String, files: Vec<String> },
}

/// A waiver.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    pub id: String,
    pub subject: Option<String>,
    pub expires: Option<Timestamp>,
}

fn usual_version() -> Option<String> {
    Some("3.9.1".into())
}

impl Scenario {
    /// A world with a source alone.
    pub fn of(source: Value) -> Result<Self> {
        Ok(serde_json::from_value(json!({"source": source}))?)
    }

    /// The plan in this world.
    pub fn plan(&self) -> Result<Planned> {
        let mut source = snapshot(&self.source)?;
        for number in 0..self.services {
            source.insert(&entity(
                "services",
                json!({"id": format!("s{number}"), "host": "a.example"}),
            )?);
        }
        recast(&mut source);
        if self.ids_matter {
            source.look_for_names();
        }
        let forbidden = self.forbidden.iter().map(|kind| (kind, GapCause::Forbidden));
        let absent = self.absent.iter().map(|kind| (kind, GapCause::Absent));
        for (kind, cause) in forbidden.chain(absent) {
            let kind = named(kind).context("no such kind")?;
            source.gaps.push(Gap { kind, cause });
        }
        let policy = Policy {
            custom_plugins: self.custom_plugins.iter().map(custom_plugin).collect(),
            ..Policy::default()
        };
        let (mut target, mut ledger) = (snapshot(&self.target)?, Ledger::default());
        if !self.migrated.is_empty() {
            let before = self.build(&snapshot(&self.migrated)?, &target, &ledger, &policy);
            ledger.intend(&before, &target, Timestamp::UNIX_EPOCH);
            for desired in before.desired.values() {
                target.insert_packed(desired.entity.clone());
            }
            ledger.settle(&before, &target, Timestamp::UNIX_EPOCH);
            for entity in snapshot(&self.afterwards)?.iter() {
                target.insert(entity);
            }
        }
        if !self.interrupted.is_empty() {
            let before = self.build(
                &snapshot(&self.interrupted)?,
                &Snapshot::default(),
                &ledger,
                &policy,
            );
            ledger.intend(&before, &Snapshot::default(), Timestamp::UNIX_EPOCH);
            ledger = of_a_former_version(&ledger)?;
        }
        let exclusion = |kind: &String| Exclusion {
            kind: kind.clone(),
            name: None,
        };
        let policy = Policy {
            prune: self.prune,
            select: Selection {
                exclude: self.exclude.iter().map(exclusion).collect(),
                ..Selection::default()
            },
            ..policy
        };
        Ok(self.build(&source, &target, &ledger, &policy))
    }

    fn build(&self, source: &Snapshot, target: &Snapshot, ledger: &Ledger, policy: &Policy) -> Planned {
        let waiver = |accepted: &Accepted| Waiver {
            id: accepted.id.clone(),
            subject: accepted.subject.clone(),
            reason: "known".into(),
            expires: accepted.expires,
        };
        build_plan(&PlanInput {
            notes: &[],
            source,
            target,
            ledger,
            version: self.version.as_deref().and_then(KongVersion::parse),
            policy,
            catalogue: Catalogue::bundled(),
            circumstances: &Circumstances {
                now: self.now,
                router_flavor: self.router_flavor.clone(),
                audit_log: self.audit_log,
                waivers: self.waivers.iter().map(waiver).collect(),
            },
        })
    }
}

/// As a version stored it that kept no fingerprints.
fn of_a_former_version(ledger: &Ledger) -> Result<Ledger> {
    let ends = LedgerEnds {
        workspace: "w",
        control_plane: "c",
    };
    let mut document = Vec::new();
    ledger.write_to(ends, &mut document)?;
    let mut former = String::new();
    for line in str::from_utf8(&document)?.lines() {
        let mut line: Map<String, Value> = serde_json::from_str(line)?;
        line.retain(|field, _| field != "intended" && field != "outline");
        writeln!(former, "{}", Value::Object(line))?;
    }
    Ok(Ledger::read_from(ends, former.as_bytes())?)
}

/// An entity of a kind.
pub fn entity(kind: &str, body: Value) -> Result<Entity> {
    let kind = named(kind).with_context(|| format!("no kind {kind}"))?;
    let body = body.as_object().cloned().context("an entity is an object")?;
    Entity::from_body(kind, body).context("an entity without id")
}

fn custom_plugin((name, schema): (&String, &Schema)) -> CustomPlugin {
    let (schema, files) = match schema.clone() {
        Schema::Alone(schema) => (schema, Vec::new()),
        Schema::Beside { schema, files } => (schema, files),
    };
    CustomPlugin {
        name: name.clone(),
        schema,
        files,
    }
}

fn snapshot(side: &Side) -> Result<Snapshot> {
    side.iter()
        .flat_map(|(kind, bodies)| {
            bodies
                .iter()
                .map(move |body| entity(kind, Value::Object(body.clone())))
        })
        .collect::<Result<Vec<_>>>()
        .map(|entities| entities.into_iter().collect())
}
