//! What the simulated organisation holds. Ids and times come from counters, so that two runs answer alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::errors::Failure;
use super::kinds::{Foreign, Kind};
use super::lag::Lag;
use super::{Options, TokenState};

/// Seconds since the epoch of the first write.
const START: u64 = 1_790_000_000;

/// The organisation.
pub struct State {
    /// How the simulator was configured.
    pub options: Options,
    /// Every token ever known.
    pub tokens: BTreeMap<String, TokenState>,
    /// Control planes by id.
    pub control_planes: BTreeMap<String, ControlPlane>,
    /// What lists do not show.
    pub lag: Lag,
    counters: Counters,
}

/// Sources of time and ids.
#[derive(Debug, Default, Clone)]
pub struct Counters {
    writes: u64,
    ids: u64,
}

/// A foreign key's value: path of the kind that holds it, its field, the id that it names.
type Reference = (&'static str, &'static str, String);

/// One control plane with what it holds.
#[derive(Debug, Default)]
pub struct ControlPlane {
    /// As the control planes API answers it.
    pub record: Value,
    /// Entities by kind path and id.
    entities: BTreeMap<&'static str, BTreeMap<String, Value>>,
    /// Owner of every unique key: kind, label and value to id.
    pub unique: HashMap<String, String>,
    /// Ids of the entities that refer to another one.
    referring: HashMap<Reference, BTreeSet<String>>,
    /// Consumer group members: (group, consumer).
    pub members: BTreeSet<(String, String)>,
    /// Data plane client certificates in the order of their creation.
    pub certificates: Vec<Value>,
    /// Uploaded plugin schemas by plugin name.
    pub plugin_schemas: BTreeMap<String, Value>,
    /// Grows with every write.
    pub revision: u64,
}

impl Counters {
    /// Advances the clock by a second and returns it, in seconds since the epoch.
    pub fn tick(&mut self) -> u64 {
        self.writes += 1;
        START + self.writes
    }

    /// The time of the last write, in seconds since the epoch.
    pub fn now(&self) -> u64 {
        START + self.writes
    }

    /// A fresh id; always the same sequence.
    pub fn id(&mut self) -> String {
        self.ids += 1;
        Uuid::new_v5(&Uuid::NAMESPACE_URL, &self.ids.to_be_bytes()).to_string()
    }

    /// A generated credential secret of 32 letters and digits, as Kong makes them.
    pub fn secret(&mut self) -> String {
        self.id().replace('-', "")
    }
}

impl State {
    /// An empty organisation.
    pub fn new(options: Options) -> Self {
        let tokens = options
            .tokens
            .iter()
            .map(|token| (token.clone(), TokenState::Active))
            .collect();
        let lag = Lag::none(options.pages_by_position);
        Self {
            options,
            tokens,
            control_planes: BTreeMap::new(),
            lag,
            counters: Counters::default(),
        }
    }

    /// The sources of time and ids.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// A control plane, as the entity API misses it: 404 with code 5.
    pub fn control_plane(&mut self, id: &str) -> Result<&mut ControlPlane, Failure> {
        self.control_planes
            .get_mut(id)
            .ok_or_else(Failure::entity_not_found)
    }

    /// A control plane together with what its lists do not show.
    pub fn lister(&mut self, id: &str) -> Result<(&ControlPlane, &mut Lag), Failure> {
        let control_plane = self
            .control_planes
            .get(id)
            .ok_or_else(Failure::entity_not_found)?;
        Ok((control_plane, &mut self.lag))
    }

    /// A control plane together with the counters.
    pub fn writer(&mut self, id: &str) -> Result<(&mut ControlPlane, &mut Counters), Failure> {
        let control_plane = self
            .control_planes
            .get_mut(id)
            .ok_or_else(Failure::entity_not_found)?;
        Ok((control_plane, &mut self.counters))
    }
}

impl ControlPlane {
    /// An empty one.
    pub fn new(record: Value) -> Self {
        Self {
            record,
            ..Self::default()
        }
    }

    /// Entities of a kind in order of id.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.entities.get(kind).into_iter().flat_map(BTreeMap::values)
    }

    /// Entities of a kind from an id on, in order of id.
    pub fn of_from<'c>(&'c self, kind: &str, from: &str) -> impl Iterator<Item = &'c Value> + use<'c> {
        let bounds = (Bound::Included(from), Bound::Unbounded);
        let held = self.entities.get(kind).map(|held| held.range::<str, _>(bounds));
        held.into_iter().flatten().map(|(_, entity)| entity)
    }

    /// Entities of a kind that name `id` in a foreign key, in order of id.
    pub fn referring<'c>(
        &'c self,
        kind: &'static Kind,
        field: &'static str,
        id: &str,
    ) -> impl Iterator<Item = &'c Value> + use<'c> {
        let ids = self.referring.get(&(kind.path, field, id.to_owned()));
        let ids = ids.into_iter().flatten();
        ids.filter_map(|id| self.get(kind.path, id))
    }

    /// Stores an entity in place of the one with its id. Keys are the caller's business.
    pub fn insert(&mut self, kind: &'static Kind, id: &str, entity: Value) {
        self.remove(kind, id);
        for reference in references(kind, &entity) {
            self.referring.entry(reference).or_default().insert(id.to_owned());
        }
        let entities = self.entities.entry(kind.path).or_default();
        entities.insert(id.to_owned(), entity);
        self.revision += 1;
    }

    /// Takes an entity out.
    pub fn remove(&mut self, kind: &'static Kind, id: &str) {
        let Some(entity) = self.entities.get_mut(kind.path).and_then(|held| held.remove(id)) else {
            return;
        };
        for reference in references(kind, &entity) {
            if let Some(ids) = self.referring.get_mut(&reference) {
                ids.remove(id);
            }
        }
    }

    /// One entity by id.
    pub fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.entities.get(kind)?.get(id)
    }

    /// One entity by id, or by the property that the kind is looked up by; what looks like an id is one.
    pub fn find(&self, kind: &Kind, id_or_name: &str) -> Option<&Value> {
        if Uuid::parse_str(id_or_name).is_ok() {
            return self.get(kind.path, id_or_name);
        }
        let field = kind.lookup?;
        self.of(kind.path).find(|entity| entity[field] == id_or_name)
    }

    /// The documented type of the control plane.
    pub fn cluster_type(&self) -> &str {
        self.record["config"]["cluster_type"].as_str().unwrap_or_default()
    }

    /// Where its data planes run, in the words of the plugin support list.
    pub fn deployment(&self) -> &'static str {
        if self.cluster_type().starts_with("CLUSTER_TYPE_SERVERLESS") {
            "serverless"
        } else if self.record["config"]["cloud_gateway"] == true {
            "cloud-gateways"
        } else {
            "hybrid"
        }
    }

    /// 32 hexadecimal digits over all entities and the revision; zeros for an empty configuration, as Kong has it.
    pub fn expected_hash(&self) -> String {
        if self.entities.values().all(BTreeMap::is_empty) {
            return "0".repeat(32);
        }
        let content = json!([self.revision, self.entities, self.members]);
        let digest = Sha256::digest(content.to_string().as_bytes());
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What an entity names in its foreign keys.
fn references(kind: &'static Kind, entity: &Value) -> Vec<Reference> {
    let named = |foreign: &Foreign| {
        let id = entity[foreign.field]["id"].as_str()?;
        Some((kind.path, foreign.field, id.to_owned()))
    };
    kind.foreign.iter().filter_map(named).collect()
}
