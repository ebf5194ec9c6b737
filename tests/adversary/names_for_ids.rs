//! 9: an id that is no UUID never ends in a path, where it would be taken for the name of somebody else's entity.

use anyhow::Result;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::{Seen, World};

/// A UUID without hyphens, which a gateway takes for a name.
const SIMPLE: &str = "0d5b1c5f4a114b7c9a3e8a440b2b1d4e";

/// A file with two services, one of this id.
fn file(id: &str) -> String {
    let id = json!(id);
    format!(
        "_format_version: '3.0'\nservices:\n- {{id: {id}, name: ours, url: 'http://ours.example.com'}}\n- {{name: other, url: 'http://other.example.com'}}\n"
    )
}

fn manifest(decisions: Value) -> Value {
    let mut spec = json!({
        "source": {"declarativeConfig": {"secretRef": {"name": "dump", "key": "kong.yaml"}, "kongVersion": "3.9"}},
        "target": {"controlPlaneRef": {"name": "default"}},
        "mode": "Apply",
        "conflictPolicy": "Overwrite",
    });
    if let (Some(spec), Some(decisions)) = (spec.as_object_mut(), decisions.as_object()) {
        spec.extend(decisions.clone());
    }
    json!({
        "apiVersion": "gatewaymigration.dev/v1alpha1", "kind": "WorkspaceMigration", "metadata": {"name": "file"}, "spec": spec,
    })
}

/// A control plane in which somebody has a service called payments.
async fn with_payments(name: &str) -> Result<(World, String, Value)> {
    let world = World::start(name).await?;
    let id = world.control_plane_id("default").await?;
    let payments = json!({"name": "payments", "host": "theirs.example.com"});
    let theirs = world.bed.konnect.seed(&id, "services", &payments)?;
    Ok((world, id, theirs))
}

/// Writes of entities that Konnect has received.
fn entity_writes(world: &World) -> Vec<String> {
    let writes = world
        .bed
        .konnect_server
        .writes()
        .into_iter()
        .map(|write| write.target);
    writes
        .filter(|target| target.contains("/core-entities/"))
        .collect()
}

async fn is_refused(id: &str) -> Result<()> {
    let (world, control_plane, theirs) = with_payments("n09").await?;
    world.secret("dump", &[("kong.yaml", &file(id))]).await?;
    world.create(manifest(json!({}))).await?;
    let seen = world
        .migration_until("file", "refused", |seen| {
            seen.finding_count("id-is-a-name") == Some(1)
        })
        .await?;
    assert!(seen.is("PreflightPassed", "False", "BlockingFindings"));
    // A person cannot accept it.
    let waivers = json!({"waivers": [{"id": "id-is-a-name", "reason": "I know what I do"}]});
    world.change("file", waivers).await?;
    let seen = world
        .migration_until("file", "still refused", |seen| {
            seen.condition("Ready").is_some() && seen.finding_count("id-is-a-name") == Some(1)
        })
        .await?;
    assert!(!seen.is_completed());
    let written = entity_writes(&world);
    assert!(written.is_empty(), "{written:?}");
    assert_eq!(world.bed.konnect.entities(&control_plane, "services"), [theirs]);
    // With a UUID it moves.
    world
        .secret(
            "dump",
            &[("kong.yaml", &file("0d5b1c5f-4a11-4b7c-9a3e-8a440b2b1d4e"))],
        )
        .await?;
    world
        .migration_until("file", "completed", Seen::is_completed)
        .await?;
    assert_eq!(world.bed.konnect.entities(&control_plane, "services").len(), 3);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n09_an_id_that_is_the_name_of_a_foreign_service_overwrites_nothing() -> Result<()> {
    let (world, control_plane, theirs) = with_payments("n09-gateway").await?;
    let ours =
        json!({"id": "payments", "name": "ours", "host": "ours.example.com", "port": 80, "protocol": "http"});
    world.bed.kong.put("default", "services", ours)?;
    let mut migration = world.migration("default", "Apply");
    migration["spec"]["conflictPolicy"] = json!("Overwrite");
    world.create(migration).await?;
    world
        .migration_until("default", "refused", |seen| {
            seen.finding_count("id-is-a-name") == Some(1)
                && seen.is("PreflightPassed", "False", "BlockingFindings")
        })
        .await?;
    let written = entity_writes(&world);
    assert!(written.is_empty(), "{written:?}");
    assert_eq!(world.bed.konnect.entities(&control_plane, "services"), [theirs]);
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n09_a_uuid_in_a_form_that_is_a_name_is_no_id() -> Result<()> {
    is_refused(SIMPLE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn n09_derived_ids_are_uuids_whatever_the_file_says() -> Result<()> {
    let (world, control_plane, theirs) = with_payments("n09-derived").await?;
    world.secret("dump", &[("kong.yaml", &file(SIMPLE))]).await?;
    world.create(manifest(json!({"idPolicy": "Derive"}))).await?;
    let seen = world
        .migration_until("file", "completed", Seen::is_completed)
        .await?;
    assert_eq!(seen.finding_count("id-is-a-name"), None);
    let services = world.bed.konnect.entities(&control_plane, "services");
    assert!(services.contains(&theirs) && services.len() == 3, "{services:?}");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n09_a_status_that_names_no_id_makes_no_request() -> Result<()> {
    let (mut world, control_plane, theirs) = with_payments("n09-status").await?;
    world.stop_operator().await?;
    for forged in ["default", "../organizations", "0d5b1c5f4a114b7c9a3e8a440b2b1d4e"] {
        let status = Patch::Merge(json!({"status": {"id": forged}}));
        world
            .api::<KonnectGatewayControlPlane>()
            .patch_status("default", &PatchParams::default(), &status)
            .await?;
        world.start_operator()?;
        let written = world.writes();
        // The migration goes by the status as well.
        world
            .secret(
                "dump",
                &[("kong.yaml", &file("0d5b1c5f-4a11-4b7c-9a3e-8a440b2b1d4e"))],
            )
            .await?;
        let _ = world.create(manifest(json!({}))).await;
        let ours = |seen: &Seen| seen.condition("TargetReady").is_some() || seen.is_completed();
        world.migration_until("file", "looked at", ours).await?;
        world.stop_operator().await?;
        let foreign = world.bed.konnect_server.writes();
        let forged_path = format!("/v2/control-planes/{forged}");
        assert!(
            foreign.iter().all(|write| !write.target.contains(&forged_path)),
            "{foreign:?}"
        );
        assert!(world.writes() >= written);
    }
    assert!(
        world
            .bed
            .konnect
            .entities(&control_plane, "services")
            .contains(&theirs)
    );
    world.stop().await
}
