//! Beside Kong's operator, which then owns the Konnect kinds.

use anyhow::Result;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use kube::ResourceExt as _;

use super::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_of_another_operator_is_read_and_never_written() -> Result<()> {
    let mut world = World::start("read-only").await?;
    world.control_plane_id("inventory").await?;
    // What an operator has left in status by now is all that this one sees of it.
    world.become_read_only().await?;
    let control_planes = world.api::<KonnectGatewayControlPlane>();
    let before = control_planes.get("inventory").await?.resource_version();
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    assert!(seen.message("TargetReady").contains("--konnect-kinds=read-only"));
    assert_eq!(control_planes.get("inventory").await?.resource_version(), before);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_another_operator_has_not_made_is_waited_for() -> Result<()> {
    let mut world = World::prepare("read-only-waits").await?;
    world.become_read_only().await?;
    world.control_plane("inventory").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "waiting", |seen| {
            seen.is("TargetReady", "False", "ReadOnly")
        })
        .await?;
    assert!(seen.is("Ready", "False", "ReadOnly"));
    let message = seen.message("Ready");
    assert!(message.contains("look at Kong's operator"), "{message}");
    let control_plane = world.api::<KonnectGatewayControlPlane>().get("inventory").await?;
    assert!(control_plane.finalizers().is_empty());
    assert!(control_plane.status.is_none_or(|status| status.id.is_none()));
    assert_eq!(world.bed.konnect_server.stats().total, 0);
    world.stop().await
}
