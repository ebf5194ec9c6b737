//! What the simulated Kong holds: entities by workspace and kind, ordered as Kong orders them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::kinds::{self, Foreign, Kind};

/// The workspace that every Kong has; open-source Kong has no other.
pub(super) const DEFAULT_WORKSPACE: &str = "default";

/// One stored entity.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub body: Map<String, Value>,
    /// Unix milliseconds after which the row is gone; only kinds with a `ttl` have one.
    pub expires_at: Option<i64>,
    /// Position in the order of arrival; breaks ties among targets made in the same millisecond.
    pub arrival: u64,
}

impl Row {
    /// The row as Kong answers it at `now` (Unix milliseconds), none once it has expired.
    pub fn read(&self, now: i64) -> Option<Map<String, Value>> {
        let mut body = self.body.clone();
        if let Some(expires_at) = self.expires_at {
            let left = expires_at - now;
            if left <= 0 {
                return None;
            }
            body.insert("ttl".to_owned(), json!(left / 1000));
        }
        Some(body)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    /// Id in the foreign field `name`.
    pub fn reference(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.get("id")?.as_str()
    }
}

/// Rows of one kind by id, which is the order of Kong's lists.
pub(super) type Table = BTreeMap<String, Row>;

/// A foreign key's value: list of the kind that holds it, its field, the id that it names.
type Reference = (&'static str, &'static str, String);

/// One workspace.
#[derive(Debug)]
pub(super) struct Workspace {
    pub id: String,
    /// Unix seconds.
    pub created_at: i64,
    tables: BTreeMap<&'static str, Table>,
    /// Ids of the rows that refer to another one.
    referring: HashMap<Reference, BTreeSet<String>>,
    /// Consumer ids by consumer group id.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// Overrides of plugins by consumer group id.
    pub overrides: BTreeMap<String, Vec<Value>>,
}

impl Workspace {
    fn new(name: &str, now: i64) -> Self {
        Self {
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string(),
            created_at: now / 1000,
            tables: BTreeMap::new(),
            referring: HashMap::new(),
            members: BTreeMap::new(),
            overrides: BTreeMap::new(),
        }
    }
}

static NO_ROWS: Table = Table::new();

/// All workspaces, and what is shared among them.
#[derive(Debug)]
pub(super) struct State {
    pub workspaces: BTreeMap<String, Workspace>,
    /// CA certificates and others belong to no workspace.
    global: BTreeMap<&'static str, Table>,
    arrivals: u64,
}

impl State {
    pub fn new(now: i64) -> Self {
        let mut state = Self {
            workspaces: BTreeMap::new(),
            global: BTreeMap::new(),
            arrivals: 0,
        };
        state.ensure_workspace(DEFAULT_WORKSPACE, now);
        state
    }

    pub fn ensure_workspace(&mut self, name: &str, now: i64) -> &mut Workspace {
        self.workspaces
            .entry(name.to_owned())
            .or_insert_with(|| Workspace::new(name, now))
    }

    /// The rows of one kind in one workspace.
    pub fn table(&self, workspace: &str, kind: &Kind) -> &Table {
        if kind.global {
            return self.global.get(kind.list).unwrap_or(&NO_ROWS);
        }
        self.workspaces
            .get(workspace)
            .and_then(|held| held.tables.get(kind.list))
            .unwrap_or(&NO_ROWS)
    }

    /// The rows of a kind that name `id` in a foreign key, in the order of their ids. What is global refers to nothing.
    pub fn referring<'s>(
        &'s self,
        workspace: &str,
        (kind, foreign): (&'static Kind, &'static Foreign),
        id: &str,
    ) -> impl Iterator<Item = &'s Row> + use<'s> {
        let reference = (kind.list, foreign.field, id.to_owned());
        let held = self.workspaces.get(workspace);
        let ids = held.and_then(|held| held.referring.get(&reference));
        let table = self.table(workspace, kind);
        ids.into_iter().flatten().filter_map(|id| table.get(id))
    }

    fn insert(&mut self, workspace: &str, kind: &'static Kind, id: String, row: Row, now: i64) {
        self.remove(workspace, kind, &id);
        if kind.global {
            self.global.entry(kind.list).or_default().insert(id, row);
            return;
        }
        let held = self.ensure_workspace(workspace, now);
        for reference in references(kind, &row) {
            held.referring.entry(reference).or_default().insert(id.clone());
        }
        held.tables.entry(kind.list).or_default().insert(id, row);
    }

    fn remove(&mut self, workspace: &str, kind: &'static Kind, id: &str) -> Option<Row> {
        if kind.global {
            return self.global.get_mut(kind.list)?.remove(id);
        }
        let held = self.workspaces.get_mut(workspace)?;
        let row = held.tables.get_mut(kind.list)?.remove(id)?;
        for reference in references(kind, &row) {
            if let Some(ids) = held.referring.get_mut(&reference) {
                ids.remove(id);
            }
        }
        Some(row)
    }

    /// Stores `body` under its id in place of what was there. The SNIs that a certificate names are made or dropped
    /// along with it, as Kong does. None when the body has no id.
    pub fn put(
        &mut self,
        workspace: &str,
        kind: &'static Kind,
        mut body: Map<String, Value>,
        now: i64,
    ) -> Option<()> {
        let id = body.get("id")?.as_str()?.to_ascii_lowercase();
        let snis = if kind.list == "certificates" {
            body.remove("snis")
        } else {
            None
        };
        if let Some(Value::Array(names)) = snis {
            self.sync_snis(workspace, &id, &body, &names, now);
        }
        let expires_at = match (kind.ttl, body.get("ttl").and_then(Value::as_i64)) {
            // A second that has begun still counts, so that a row reads back with the ttl it was stored with.
            (true, Some(seconds)) => Some(now + seconds * 1000 + 999),
            _ => None,
        };
        self.arrivals += 1;
        let arrival = self.arrivals;
        let known = self.table(workspace, kind).get(&id);
        let row = Row {
            body,
            expires_at,
            arrival: known.map_or(arrival, |row| row.arrival),
        };
        self.insert(workspace, kind, id, row, now);
        Some(())
    }

    fn sync_snis(
        &mut self,
        workspace: &str,
        certificate: &str,
        body: &Map<String, Value>,
        names: &[Value],
        now: i64,
    ) {
        let Some(kind) = Kind::by_list("snis") else { return };
        let wanted: BTreeSet<&str> = names.iter().filter_map(Value::as_str).collect();
        let unwanted = |row: &&Row| !row.field("name").is_some_and(|name| wanted.contains(name));
        let own = kind.foreign.iter().find(|foreign| foreign.field == "certificate");
        let own = own.map(|own| self.referring(workspace, (kind, own), certificate));
        let dropped = own.into_iter().flatten().filter(unwanted);
        let dropped: Vec<String> = dropped
            .filter_map(|row| row.field("id"))
            .map(str::to_owned)
            .collect();
        for id in dropped {
            self.remove(workspace, kind, &id);
        }
        let held: BTreeSet<String> = self
            .table(workspace, kind)
            .values()
            .filter_map(|row| row.field("name"))
            .map(str::to_owned)
            .collect();
        let stamp = body
            .get("updated_at")
            .cloned()
            .unwrap_or_else(|| json!(now / 1000));
        for name in wanted.into_iter().filter(|name| !held.contains(*name)) {
            let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{certificate}/{name}").as_bytes());
            let sni = json!({
                "id": id, "name": name, "tags": null, "certificate": { "id": certificate },
                "created_at": stamp, "updated_at": stamp,
            });
            if let Value::Object(sni) = sni {
                self.put(workspace, kind, sni, now);
            }
        }
    }

    /// Removes an entity and, as Kong's database does, everything that belongs to it.
    pub fn delete(&mut self, workspace: &str, kind: &'static Kind, id: &str) -> bool {
        let id = id.to_ascii_lowercase();
        if self.remove(workspace, kind, &id).is_none() {
            return false;
        }
        for (child, foreign) in kinds::children(kind).filter(|(_, foreign)| foreign.cascade) {
            let orphans = self.referring(workspace, (child, foreign), &id);
            let orphans: Vec<String> = orphans
                .filter_map(|row| row.field("id"))
                .map(str::to_owned)
                .collect();
            for orphan in orphans {
                self.delete(workspace, child, &orphan);
            }
        }
        if let Some(held) = self.workspaces.get_mut(workspace) {
            held.members.remove(&id);
            held.overrides.remove(&id);
            for consumers in held.members.values_mut() {
                consumers.remove(&id);
            }
        }
        true
    }

    /// Empties one workspace; what belongs to none too when it is the default one.
    pub fn clear(&mut self, workspace: &str) {
        if workspace == DEFAULT_WORKSPACE {
            self.global.clear();
        }
        if let Some(held) = self.workspaces.get_mut(workspace) {
            held.tables.clear();
            held.referring.clear();
            held.members.clear();
            held.overrides.clear();
        }
    }

    /// The row that a path segment names: by id when it looks like one, else by the kind's unique field.
    pub fn find(&self, workspace: &str, kind: &Kind, key: &str) -> Option<&Row> {
        let table = self.table(workspace, kind);
        if let Some(id) = as_uuid(key) {
            return table.get(&id);
        }
        let field = kind.key?;
        table.values().find(|row| row.field(field) == Some(key))
    }

    /// The child of `parent` that a path segment names. A target is unique below its upstream only, and below its
    /// consumer an ACL may be named by its group.
    pub fn find_below(
        &self,
        workspace: &str,
        child: (&'static Kind, &'static Foreign),
        parent: &str,
        key: &str,
    ) -> Option<&Row> {
        let id = as_uuid(key);
        let field = child.0.key.unwrap_or("group");
        self.referring(workspace, child, parent).find(|row| match &id {
            Some(id) => row.field("id") == Some(id),
            None => row.field(field) == Some(key),
        })
    }
}

/// What a row names in its foreign keys.
fn references(kind: &'static Kind, row: &Row) -> Vec<Reference> {
    let named = |foreign: &'static Foreign| {
        Some((kind.list, foreign.field, row.reference(foreign.field)?.to_owned()))
    };
    kind.foreign.iter().filter_map(named).collect()
}

/// The canonical form of a hyphenated UUID; Kong takes anything of that form for an id.
pub(super) fn as_uuid(text: &str) -> Option<String> {
    if text.len() != 36 {
        return None;
    }
    Uuid::try_parse(text).ok().map(|id| id.to_string())
}
