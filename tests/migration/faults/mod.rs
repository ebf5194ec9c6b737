//! What goes wrong outside, what the user sees of it, and how a migration ends all the same. The rows of the matrix in
//! docs/reliability.md are in the files; here is what is no row of it.

mod api_server;
mod case;
mod kubernetes;
mod names;
mod source;
mod target;

use anyhow::{Context as _, Result};
use serde_json::json;
use simulators::bed::Bed;
use simulators::server::Behaviour;

use super::support::World;

fn faults(lines: &[&str]) -> Result<Behaviour> {
    Behaviour::with_faults(lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_secret_is_named_and_its_creation_goes_on_at_once() -> Result<()> {
    let world = World::start("secret").await?;
    let mut migration = world.migration("inventory", "Apply");
    migration["spec"]["source"]["adminAPI"]["tokenSecretRef"]["name"] = json!("later");
    world.create(migration).await?;
    let seen = world
        .migration_until("inventory", "waiting", |seen| {
            seen.is("SourceReady", "False", "SecretNotFound")
        })
        .await?;
    assert!(
        seen.message("Ready").contains("/later does not exist"),
        "{}",
        seen.message("Ready")
    );
    world.secret("later", &[("other", "x")]).await?;
    world
        .migration_until("inventory", "waiting for the key", |seen| {
            seen.is("SourceReady", "False", "InvalidSecret")
        })
        .await?;
    world.secret("later", &[("token", Bed::KONG_TOKEN)]).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_admin_token_is_told_from_an_outage() -> Result<()> {
    let world = World::start("token").await?;
    world.secret("kong-admin", &[("token", "wrong-canary")]).await?;
    world.create(world.migration("inventory", "Apply")).await?;
    let seen = world
        .migration_until("inventory", "refused", |seen| {
            seen.is("SourceReady", "False", "SourceUnauthorized")
        })
        .await?;
    assert!(seen.condition("Stalled").is_none());
    assert!(!seen.message("Ready").contains("canary"));
    world.secret("kong-admin", &[("token", Bed::KONG_TOKEN)]).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_konnect_in_the_middle_is_survived() -> Result<()> {
    let world = World::start("outage").await?;
    world.control_plane_id("default").await?;
    world
        .bed
        .konnect_server
        .set_behaviour(faults(&["POST core-entities=drop;skip=30"])?);
    world.create(world.migration("default", "Apply")).await?;
    let seen = world
        .migration_until("default", "interrupted", |seen| {
            seen.is("Applied", "False", "ProgressingWithRetry")
        })
        .await?;
    assert!(seen.condition("Reconciling").is_some() && seen.condition("Stalled").is_none());
    world.bed.konnect_server.set_behaviour(Behaviour::default());
    world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_entity_is_named_with_what_waits_for_it() -> Result<()> {
    let world = World::start("refused").await?;
    let id = world.control_plane_id("default").await?;
    let refuse = r#"POST /services$=400;times=1;body={"code":3,"message":"validation error","details":[{"@type":"x","type":"ERROR_TYPE_FIELD","field":"host","messages":["must be shorter"]}]}"#;
    world.bed.konnect_server.set_behaviour(faults(&[refuse])?);
    world.create(world.migration("default", "Apply")).await?;
    let seen = world
        .migration_until("default", "partly applied", |seen| {
            seen.is("Applied", "False", "PartiallyApplied")
        })
        .await?;
    assert!(seen.is("Ready", "False", "PartiallyApplied") && seen.condition("Stalled").is_some());
    let findings = seen
        .0
        .status
        .as_ref()
        .and_then(|status| status.findings.as_ref())
        .context("findings")?;
    let refused = findings
        .top
        .iter()
        .find(|finding| finding.id == "refused-by-target")
        .context("the refusal")?;
    assert_eq!(refused.count, 1);
    assert!(
        refused.subjects[0].ends_with(" host") && refused.message.contains("must be shorter"),
        "{refused:?}"
    );
    assert_eq!(world.bed.konnect.entities(&id, "services").len(), 13);
    // The target's mind changed; a change of the spec asks again.
    world
        .change("default", json!({"throttle": {"maxInFlight": 8}}))
        .await?;
    world
        .migration_until("default", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_refuses_to_be_read_for_a_while_stalls_nothing() -> Result<()> {
    let world = World::start("refusing").await?;
    world
        .bed
        .kong_server
        .set_behaviour(faults(&["GET /services=400;times=1"])?);
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_konnect_that_answers_nonsense_is_tried_again() -> Result<()> {
    let world = World::start("nonsense").await?;
    world.control_plane_id("inventory").await?;
    world
        .bed
        .konnect_server
        .set_behaviour(faults(&["GET core-entities=garbage"])?);
    world.create(world.migration("inventory", "Apply")).await?;
    let failing = |seen: &super::support::Seen| seen.is("TargetReady", "False", "KonnectAPIOpFailed");
    let seen = world.migration_until("inventory", "waiting", failing).await?;
    assert!(seen.condition("Stalled").is_none() && seen.condition("Reconciling").is_some());
    world.bed.konnect_server.set_behaviour(Behaviour::default());
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}
