//! Trap 12: CA certificates belong to no workspace, so every workspace shows them.

use anyhow::Result;
use gateway_migration_operator::migration::plan::Action;
use simulators::bed::Bed;

use super::support::{held, migration, move_all, plan, sample};

#[tokio::test]
async fn two_control_planes_get_the_same_ca_certificates() -> Result<()> {
    let bed = Bed::start().await?;
    for workspace in ["inventory", "sales"] {
        let migration = migration(&bed, workspace).await?;
        move_all(&bed, &migration).await?;
        for shared in sample("default", "/ca_certificates")? {
            let moved = held(
                &bed,
                &migration,
                "ca_certificates",
                shared["id"].as_str().unwrap_or_default(),
            );
            assert_eq!(moved["cert"], shared["cert"], "{workspace}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_second_workspace_finds_them_equal_in_the_same_control_plane() -> Result<()> {
    let bed = Bed::start().await?;
    let first = migration(&bed, "inventory").await?;
    move_all(&bed, &first).await?;
    let mut second = migration(&bed, "sales").await?;
    second.control_plane.clone_from(&first.control_plane);
    let planned = plan(&second).await?;
    let shared: Vec<_> = planned
        .plan
        .operations
        .iter()
        .filter(|operation| operation.subject.key.kind == "ca_certificates")
        .map(|operation| operation.action)
        .collect();
    assert_eq!(shared, [Action::Unchanged, Action::Unchanged]);
    Ok(())
}
