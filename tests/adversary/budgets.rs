//! 12: a server slows down the calls that it is asked, and nobody else's.

use anyhow::Result;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use gateway_migration_operator::http::EndpointMap;
use serde_json::json;
use simulators::bed::Bed;
use simulators::konnect::TokenState;
use simulators::server::{Running, ServeOptions, serve};

use crate::support::World;

/// A Konnect of an adversary, for the organisation of everybody else's: it asks for a pause of a day.
async fn hostile() -> Result<Running> {
    let app = Router::new()
        .fallback(async || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "86400")]).into_response());
    serve(app, ServeOptions::default()).await
}

/// Has the hostile server paused with a token, then lets a migration to the real one complete.
async fn completes_beside(name: &str, token: &str) -> Result<()> {
    let mut world = World::prepare(name).await?;
    // Both are of the same organisation, as far as anybody says.
    world.bed.konnect.set_token(token, TokenState::Active);
    let server = hostile().await?;
    let endpoints = world
        .bed
        .konnect_endpoints()
        .into_iter()
        .chain([format!("us.konnect.adversary.example={}", server.url())]);
    let endpoints = EndpointMap::parse(endpoints)?;
    world
        .labelled_secret("theirs", token, json!({"konghq.com/credential": "konnect"}))
        .await?;
    world
        .auth("theirs", "theirs", "us.konnect.adversary.example")
        .await?;
    world.start_operator_with(|config| config.transport.endpoints = endpoints)?;
    world.auth_says("theirs", "Ready", "True", "Valid").await?;
    world
        .create(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectGatewayControlPlane", "metadata": {"name": "theirs"},
            "spec": {"createControlPlaneRequest": {"name": "theirs"}, "konnect": {"authRef": {"name": "theirs"}}},
        }))
        .await?;
    let said = world
        .control_plane_says("theirs", "asks for fewer requests")
        .await?;
    assert!(
        said.contains("it asks for a pause of 86400 s; after 3600 s it is asked again"),
        "{said}"
    );
    world.control_plane("inventory").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_a_server_that_claims_anothers_organisation_stops_nobody_else() -> Result<()> {
    completes_beside("claims", "kpat_of-the-adversary").await
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_a_server_that_is_shown_the_same_token_stops_nobody_else() -> Result<()> {
    completes_beside("shown", Bed::KONNECT_TOKEN).await
}

#[tokio::test(flavor = "multi_thread")]
async fn n12_another_token_at_the_same_server_goes_on_while_one_is_paused() -> Result<()> {
    let mut world = World::prepare("tokens").await?;
    world
        .bed
        .konnect
        .set_token("kpat_of-another-team", TokenState::Active);
    let labels = json!({"konghq.com/credential": "konnect"});
    world
        .labelled_secret("theirs", "kpat_of-another-team", labels)
        .await?;
    world.auth("theirs", "theirs", "us.api.konghq.com").await?;
    world.start_operator()?;
    world.auth_says("theirs", "Ready", "True", "Valid").await?;
    // The next call with their token is answered with a pause; what follows of others passes.
    world
        .bed
        .konnect_server
        .set_behaviour(simulators::server::Behaviour::with_faults(&[
            "POST control-planes=429;times=1;retry-after=3000",
        ])?);
    world
        .create(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectGatewayControlPlane", "metadata": {"name": "theirs"},
            "spec": {"createControlPlaneRequest": {"name": "theirs"}, "konnect": {"authRef": {"name": "theirs"}}},
        }))
        .await?;
    world
        .control_plane_says("theirs", "asks for fewer requests")
        .await?;
    world.control_plane("inventory").await?;
    world.create(world.migration("inventory", "Apply")).await?;
    world
        .migration_until("inventory", "completed", |seen| seen.is_completed())
        .await?;
    world.stop().await
}
