//! Trap 3: 1,500 targets in one upstream next to nine upstreams of 21.

use anyhow::Result;
use gateway_migration_operator::migration::plan::Action;
use serde_json::{Map, Value, json};

use super::support::{WORKSPACE, apply, bed_with, ensure_quiet, id, like, migration, plan};

#[tokio::test]
async fn all_1689_targets_arrive() -> Result<()> {
    let mut lists = Map::new();
    let mut upstreams = Vec::new();
    for upstream in 0..10 {
        let count = if upstream == 4 { 1500 } else { 21 };
        upstreams.push(like(
            "sales",
            "/upstreams",
            json!({"id": id(upstream), "name": format!("upstream-{upstream}")}),
        )?);
        let target = |number: usize| {
            json!({
                "id": id((upstream + 1) * 10_000 + number), "upstream": {"id": id(upstream)}, "weight": 100, "tags": null,
                "target": format!("10.{upstream}.{}.{}:8080", number / 250, number % 250),
                "created_at": 1_751_385_996.5, "updated_at": 1_751_385_996.5,
            })
        };
        lists.insert(
            format!("/upstreams/{}/targets", id(upstream)),
            (0..count).map(target).collect(),
        );
    }
    lists.insert("/upstreams".to_owned(), Value::Array(upstreams));
    let bed = bed_with(&Value::Object(lists)).await?;
    let migration = migration(&bed, WORKSPACE).await?;
    let planned = plan(&migration).await?;
    let targets = planned
        .plan
        .operations
        .iter()
        .filter(|o| o.subject.key.kind == "targets");
    assert_eq!(targets.filter(|o| o.action == Action::Create).count(), 1689);
    assert_eq!(apply(&migration, &planned).await.refused, []);
    let arrived = bed.konnect.entities(&migration.control_plane, "targets");
    assert_eq!(arrived.len(), 1689);
    let in_large = arrived
        .iter()
        .filter(|target| target["upstream"]["id"] == json!(id(4)));
    assert_eq!(in_large.count(), 1500);
    ensure_quiet(&bed, &migration, planned.desired.len()).await
}
