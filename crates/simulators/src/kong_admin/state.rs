//! What the simulated Kong holds: entities by workspace and kind, ordered as Kong orders them.

use std::collections::{BTreeMap, BTreeSet};

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

/// One workspace.
#[derive(Debug)]
pub(super) struct Workspace {
    pub id: String,
    /// Unix seconds.
    pub created_at: i64,
    tables: BTreeMap<&'static str, Table>,
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

    fn table_mut(&mut self, workspace: &str, kind: &'static Kind, now: i64) -> &mut Table {
        if kind.global {
            return self.global.entry(kind.list).or_default();
        }
        self.ensure_workspace(workspace, now)
            .tables
            .entry(kind.list)
            .or_default()
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
        let table = self.table_mut(workspace, kind, now);
        let arrival = table.get(&id).map_or(arrival, |row| row.arrival);
        table.insert(
            id,
            Row {
                body,
                expires_at,
                arrival,
            },
        );
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
        let table = self.table_mut(workspace, kind, now);
        table.retain(|_, row| {
            row.reference("certificate") != Some(certificate)
                || row.field("name").is_some_and(|name| wanted.contains(name))
        });
        let held: BTreeSet<String> = table
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
    pub fn delete(&mut self, workspace: &str, kind: &'static Kind, id: &str, now: i64) -> bool {
        let id = id.to_ascii_lowercase();
        if self.table_mut(workspace, kind, now).remove(&id).is_none() {
            return false;
        }
        for (child, foreign) in kinds::children(kind).filter(|(_, foreign)| foreign.cascade) {
            let orphans: Vec<String> = self
                .table(workspace, child)
                .iter()
                .filter(|(_, row)| row.reference(foreign.field) == Some(id.as_str()))
                .map(|(id, _)| id.clone())
                .collect();
            for orphan in orphans {
                self.delete(workspace, child, &orphan, now);
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
        (kind, foreign): (&Kind, &Foreign),
        parent: &str,
        key: &str,
    ) -> Option<&Row> {
        let id = as_uuid(key);
        let field = kind.key.unwrap_or("group");
        self.table(workspace, kind).values().find(|row| {
            let named = match &id {
                Some(id) => row.field("id") == Some(id),
                None => row.field(field) == Some(key),
            };
            named && row.reference(foreign.field) == Some(parent)
        })
    }
}

/// The canonical form of a hyphenated UUID; Kong takes anything of that form for an id.
pub(super) fn as_uuid(text: &str) -> Option<String> {
    if text.len() != 36 {
        return None;
    }
    Uuid::try_parse(text).ok().map(|id| id.to_string())
}
