//! Trap 19: two workspaces into one control plane.

use anyhow::Result;
use gateway_migration_operator::migration::plan::Action;
use serde_json::Value;
use simulators::bed::Bed;

use super::support::{apply, ensure_quiet, migration, move_all, plan};

const LISTS: [&str; 10] = [
    "services",
    "routes",
    "plugins",
    "consumers",
    "consumer_groups",
    "upstreams",
    "targets",
    "certificates",
    "snis",
    "vaults",
];

fn all(bed: &Bed, control_plane: &str) -> Vec<Value> {
    LISTS
        .iter()
        .flat_map(|list| bed.konnect.entities(control_plane, list))
        .collect()
}

#[tokio::test]
async fn neither_touches_what_the_other_brought() -> Result<()> {
    let bed = Bed::start().await?;
    let first = migration(&bed, "inventory").await?;
    let moved = move_all(&bed, &first).await?;
    let brought = all(&bed, &first.control_plane);
    let mut second = migration(&bed, "sales").await?;
    second.control_plane.clone_from(&first.control_plane);
    let planned = plan(&second).await?;
    assert_eq!(planned.plan.count(Action::Update), 0);
    let applied = apply(&second, &planned).await;
    assert_eq!(applied.refused, []);
    assert!(applied.created > 20, "{}", planned.plan.summary());
    let after = all(&bed, &first.control_plane);
    assert!(brought.iter().all(|entity| after.contains(entity)));
    ensure_quiet(&bed, &first, moved.desired.len()).await?;
    ensure_quiet(&bed, &second, planned.desired.len()).await
}
