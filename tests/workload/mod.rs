//! The generated workspace of the test bed, as the operator would have read it.

use anyhow::{Context as _, Result};
use gateway_migration_operator::kong::model::entity_kinds::{ENTITY_KINDS, MEMBERS, named};
use gateway_migration_operator::kong::model::{Entity, Snapshot};
use serde_json::{Map, Value, json};
use simulators::workload;

/// A workspace of `units` (see [`workload`]), each of 11 entities, and a consumer group for each hundred.
pub fn snapshot(units: usize) -> Result<Snapshot> {
    let Value::Object(lists) = workload::dump(units)? else {
        anyhow::bail!("the workload is no object");
    };
    let mut snapshot = Snapshot::default();
    for (path, list) in lists {
        let Value::Array(list) = list else {
            anyhow::bail!("{path} is no list");
        };
        for body in list {
            let (kind, body) = entity(&path, body)?;
            let kind = named(kind).with_context(|| format!("no kind {kind}"))?;
            snapshot.insert(&Entity::from_body(kind, body).context("an id")?);
        }
    }
    Ok(snapshot)
}

fn entity(path: &str, body: Value) -> Result<(&'static str, Map<String, Value>)> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let list = match segments.as_slice() {
        ["consumer_groups", group, "consumers"] => {
            let member = json!({"consumer_group": {"id": group}, "consumer": {"id": body["id"]}});
            return Ok((MEMBERS, member.as_object().cloned().context("an object")?));
        }
        [.., list] => *list,
        [] => anyhow::bail!("an empty path"),
    };
    let kind = ENTITY_KINDS.iter().find(|kind| kind.name == list);
    let kind = kind.with_context(|| format!("no kind {list}"))?;
    match body {
        Value::Object(body) => Ok((kind.name, body)),
        _ => anyhow::bail!("{path} holds something that is no object"),
    }
}
