//! Ids for entities that have none in the file.

use serde_json::{Map, Value};
use uuid::{Uuid, uuid};

use super::DEFAULT_WORKSPACE;
use super::sections::{Identity, Section};
use crate::kong::model::entity::reference;

/// The namespace in which Kong derives ids when it loads a DB-less file. With the same one, a file and the gateway that
/// runs it give the same ids (recorded exchange 14 of Kong 3.9.1: services, routes, consumers, upstreams, targets,
/// plugins, ACLs).
const KONG: Uuid = uuid!("fd02801f-0957-4a15-a55a-c8d9606f30b5");

/// Derives ids within one workspace. Other workspaces than the default one have ids of their own, so that two files with
/// the same names can move into one control plane.
#[derive(Debug)]
pub struct Naming {
    namespace: Uuid,
}

impl Naming {
    /// The names of a workspace.
    pub fn new(workspace: &str) -> Self {
        let namespace = if workspace == DEFAULT_WORKSPACE {
            KONG
        } else {
            Uuid::new_v5(&KONG, format!("workspaces:{workspace}").as_bytes())
        };
        Self { namespace }
    }

    /// The id of an entity, out of its body with all foreign keys resolved.
    ///
    /// A key-auth key is secret, and the id a digest of it: it cannot be computed back, but a weak key can be guessed by
    /// who sees the id. An id by position would not have that, and would make a rotated key collide with its successor.
    pub fn id(&self, section: &Section, body: &Map<String, Value>) -> String {
        let name = match section.identity {
            Identity::Name(fields) => fields.iter().find_map(|field| text(body, field)),
            Identity::Fields(fields) => joined(section, fields, body),
        };
        // Without any part of its identity, an entity is what it says.
        let name = name.unwrap_or_else(|| format!("{}:{}", section.name, Value::Object(body.clone())));
        self.of_name(section, &name)
    }

    /// The id that an entity of this name has.
    pub fn of_name(&self, section: &Section, name: &str) -> String {
        let table = Uuid::new_v5(&self.namespace, section.name.as_bytes());
        Uuid::new_v5(&table, name.as_bytes()).to_string()
    }
}

/// `table:*:first:second`, where the star stands for the workspace; none when all fields are empty.
fn joined(section: &Section, fields: &[&str], body: &Map<String, Value>) -> Option<String> {
    let mut parts = vec![section.name.to_owned(), "*".to_owned()];
    let mut known = false;
    for field in fields {
        let value = text(body, field.trim_start_matches('?'));
        known |= value.is_some();
        match value {
            None if field.starts_with('?') => {}
            value => parts.push(value.unwrap_or_default()),
        }
    }
    known.then(|| parts.join(":"))
}

fn text(body: &Map<String, Value>, field: &str) -> Option<String> {
    reference(body, field)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
