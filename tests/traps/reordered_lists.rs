//! Trap 8: the server returns hosts, paths, methods, protocols and tags in another order.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::support::{WORKSPACE, bed_with, ensure_quiet, id, like, migration, move_all};

#[tokio::test]
async fn another_order_is_no_write() -> Result<()> {
    let service = like(
        "sales",
        "/services",
        json!({"id": id(1), "name": "ordered", "tags": ["b", "a", "c"]}),
    )?;
    let route = like(
        "sales",
        "/routes",
        json!({
            "id": id(2), "name": "ordered", "service": {"id": id(1)}, "headers": null,
            "hosts": ["b.example", "a.example"], "paths": ["/b", "/a", "~/c/\\d+"], "methods": ["PUT", "GET"],
            "protocols": ["https", "http"], "snis": ["b.example", "a.example"], "tags": ["y", "x"],
        }),
    )?;
    let bed = bed_with(&json!({"/services": [&service], "/routes": [&route]})).await?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = move_all(&bed, &migration).await?;
    for (list, mut entity) in [("services", service), ("routes", route)] {
        let fields = entity.as_object_mut().context("an object")?;
        for items in fields.values_mut().filter_map(Value::as_array_mut) {
            items.reverse();
        }
        bed.kong.put(WORKSPACE, list, entity)?;
    }
    ensure_quiet(&bed, &migration, planned.desired.len()).await
}
