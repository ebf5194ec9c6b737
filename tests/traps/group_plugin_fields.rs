//! Trap 1: a plugin of a consumer group with `enabled`, `protocols`, `ordering` and `condition`.

use anyhow::Result;
use serde_json::json;

use super::support::{WORKSPACE, bed_with, held, id, like, migration, move_all};

#[tokio::test]
async fn a_disabled_plugin_of_a_group_stays_disabled_ordered_and_conditional() -> Result<()> {
    let fields = json!({
        "enabled": false, "protocols": ["http"], "condition": "http.path ^= \"/gold\"",
        "ordering": {"before": {"access": ["key-auth"]}, "after": null},
    });
    let mut plugin = like(
        "sales",
        "/plugins",
        json!({
            "id": id(2), "name": "request-transformer", "instance_name": null, "partials": null, "tags": null,
            "service": null, "route": null, "consumer": null, "consumer_group": {"id": id(1)},
            "config": {"add": {"headers": ["x-tier:gold"]}},
        }),
    )?;
    for (name, value) in fields.as_object().into_iter().flatten() {
        plugin[name] = value.clone();
    }
    let group = like("sales", "/consumer_groups", json!({"id": id(1), "name": "gold"}))?;
    let bed = bed_with(&json!({"/consumer_groups": [group], "/plugins": [plugin]})).await?;
    let migration = migration(&bed, WORKSPACE).await?;
    move_all(&bed, &migration).await?;
    let moved = held(&bed, &migration, "plugins", &id(2));
    assert_eq!(moved["enabled"], false);
    assert_eq!(moved["protocols"], json!(["http"]));
    assert_eq!(moved["condition"], fields["condition"]);
    assert_eq!(moved["ordering"]["before"], fields["ordering"]["before"]);
    assert_eq!(moved["consumer_group"], json!({"id": id(1)}));
    Ok(())
}
