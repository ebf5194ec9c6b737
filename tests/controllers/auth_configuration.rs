//! `KonnectAPIAuthConfiguration` on a real API server and a simulated Konnect: every verdict, and what a user reads.

use anyhow::Result;
use gateway_migration_operator::{
    api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration as Auth,
    http::EndpointMap,
    k8s::conditions::kstatus::{Kstatus, verdict},
};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::Condition};
use serde_json::json;
use simulators::konnect::TokenState;

use crate::world::{SERVER, TOKEN, World, condition, is};

const ORGANIZATION: &str = "5ca26716-02f7-4430-9117-1d1a7a2695e7";
const CHECK: &str = "GET /v3/organizations/me";

fn conditions(auth: &Auth) -> &[Condition] {
    auth.status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default()
}

fn has<'a>(type_: &'a str, status: &'a str, reason: &'a str) -> impl Fn(&Auth) -> bool + 'a {
    move |auth| is(conditions(auth), type_, status, reason)
}

/// Waits until the configuration `konnect` shows a condition.
async fn shows(world: &World, type_: &str, status: &str, reason: &str) -> Result<Auth> {
    let what = format!("{type_} {status} {reason}");
    world.until("konnect", &what, has(type_, status, reason)).await
}

async fn apply_inline(world: &World, token: &str) -> Result<Auth> {
    let spec = json!({"spec": {"type": "token", "token": token, "serverURL": SERVER}});
    world.apply::<Auth>("konnect", spec).await
}

async fn apply_by_secret(world: &World) -> Result<Auth> {
    let spec = json!({"spec": {"type": "secretRef", "secretRef": {"name": "token"}, "serverURL": SERVER}});
    world.apply::<Auth>("konnect", spec).await
}

/// A world with a valid configuration whose token is in the Secret `token`.
async fn valid_by_secret() -> Result<World> {
    let world = World::start().await?;
    world.put_secret("token", "token", TOKEN).await?;
    apply_by_secret(&world).await?;
    shows(&world, "Ready", "True", "Valid").await?;
    Ok(world)
}

/// Changes the Secret without changing the token, which asks for a check.
async fn touch_secret(world: &World) -> Result<()> {
    world
        .annotate::<Secret>(
            "token",
            json!({"touched": format!("{:?}", std::time::Instant::now())}),
        )
        .await
}

#[tokio::test]
async fn an_accepted_token_shows_its_organisation() {
    let world = World::start().await.unwrap();
    apply_inline(&world, TOKEN).await.unwrap();
    let auth = shows(&world, "Ready", "True", "Valid").await.unwrap();
    assert!(is(conditions(&auth), "APIAuthValid", "True", "Valid"));
    assert_eq!(condition(conditions(&auth), "ResolvedRefs"), ("", "", ""));
    assert!(
        conditions(&auth)
            .iter()
            .all(|condition| condition.observed_generation == auth.metadata.generation)
    );
    let status = auth.status.unwrap();
    assert_eq!(status.organization_id.as_deref(), Some(ORGANIZATION));
    assert_eq!(status.server_url.as_deref(), Some("https://us.api.konghq.com"));
    assert_eq!(verdict(&status.conditions), Kstatus::Current);
    world.event("konnect", "Valid").await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_is_invalid_and_never_shown() {
    let world = World::start().await.unwrap();
    apply_inline(&world, "kpat_canary").await.unwrap();
    let auth = shows(&world, "Ready", "False", "Invalid").await.unwrap();
    let (status, reason, message) = condition(conditions(&auth), "APIAuthValid");
    assert_eq!((status, reason), ("False", "Invalid"));
    assert!(message.contains("401") && message.contains("Secret"), "{message}");
    let note = world.event("konnect", "Invalid").await.unwrap();
    let shown = format!("{:?} {note}", auth.status);
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(auth.status.unwrap().organization_id, None);
    apply_inline(&world, TOKEN).await.unwrap();
    shows(&world, "Ready", "True", "Valid").await.unwrap();
}

#[tokio::test]
async fn a_missing_secret_is_named_and_found_when_it_comes() {
    let world = World::start().await.unwrap();
    apply_by_secret(&world).await.unwrap();
    let auth = shows(&world, "ResolvedRefs", "False", "SecretNotFound")
        .await
        .unwrap();
    let (status, reason, message) = condition(conditions(&auth), "Ready");
    assert_eq!((status, reason), ("False", "SecretNotFound"));
    assert!(
        message.contains(&format!("{}/token", world.namespace)),
        "{message}"
    );
    assert_eq!(verdict(conditions(&auth)), Kstatus::InProgress);

    world.put_secret("token", "password", "x").await.unwrap();
    shows(&world, "ResolvedRefs", "False", "InvalidSecret")
        .await
        .unwrap();

    world
        .put_secret("token", "token", &format!("{TOKEN}\n"))
        .await
        .unwrap();
    let auth = shows(&world, "Ready", "True", "Valid").await.unwrap();
    assert!(is(conditions(&auth), "ResolvedRefs", "True", "ResolvedRefs"));
}

#[tokio::test]
async fn a_secret_in_another_namespace_is_not_read() {
    let world = World::start().await.unwrap();
    let spec = json!({"spec": {
        "type": "secretRef", "secretRef": {"name": "token", "namespace": "default"}, "serverURL": SERVER,
    }});
    world.apply::<Auth>("konnect", spec).await.unwrap();
    let auth = shows(&world, "Ready", "False", "RefNotPermitted").await.unwrap();
    assert!(is(conditions(&auth), "ResolvedRefs", "False", "RefNotPermitted"));
    assert_eq!(verdict(conditions(&auth)), Kstatus::Failed);
    assert_eq!(world.server.stats().total + world.global.stats().total, 0);
}

#[tokio::test]
async fn a_revoked_token_is_seen_when_the_secret_changes_and_a_new_one_heals_it() {
    let world = valid_by_secret().await.unwrap();
    world.konnect.revoke_token(TOKEN);
    touch_secret(&world).await.unwrap();
    let auth = shows(&world, "APIAuthValid", "False", "Invalid").await.unwrap();
    assert_eq!(auth.status.unwrap().organization_id, None);
    world.konnect.set_token("kpat_new", TokenState::Active);
    world.put_secret("token", "token", "kpat_new").await.unwrap();
    shows(&world, "Ready", "True", "Valid").await.unwrap();
}

#[tokio::test]
async fn a_deleted_secret_makes_it_invalid() {
    let world = valid_by_secret().await.unwrap();
    world.delete::<Secret>("token").await.unwrap();
    shows(&world, "ResolvedRefs", "False", "SecretNotFound")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_konnect_that_does_not_answer_rightly_keeps_the_last_verdict() {
    let world = valid_by_secret().await.unwrap();
    for fault in [
        "/=503",
        "/=drop",
        "/=garbage",
        "/=404",
        "/=429",
        "/=429;retry-after=1",
    ] {
        world.faults(&[fault]).unwrap();
        touch_secret(&world).await.unwrap();
        let auth = shows(&world, "Ready", "False", "KonnectUnreachable")
            .await
            .unwrap();
        let (status, reason, message) = condition(conditions(&auth), "APIAuthValid");
        assert_eq!((status, reason), ("True", "Valid"), "{fault}");
        assert!(message.contains("could not be repeated"), "{fault}: {message}");
        assert!(
            is(conditions(&auth), "Reconciling", "True", "ProgressingWithRetry"),
            "{fault}"
        );
        assert_eq!(
            auth.status.unwrap().organization_id.as_deref(),
            Some(ORGANIZATION),
            "{fault}"
        );
        world.faults(&[]).unwrap();
        touch_secret(&world).await.unwrap();
        shows(&world, "Ready", "True", "Valid").await.unwrap();
    }
}

/// Where no identity API answers, the way to the right one is named.
#[tokio::test]
async fn a_server_without_identity_api_names_the_flag() {
    let mut world = World::without_operator().await.unwrap();
    // The region stands in for both, and does not know the path.
    let entry = format!("{SERVER}={}", world.server.url());
    world.start_operator(|config| {
        config.transport.endpoints = EndpointMap::parse([entry]).unwrap();
    });
    apply_inline(&world, TOKEN).await.unwrap();
    let auth = shows(&world, "APIAuthValid", "Unknown", "KonnectUnreachable")
        .await
        .unwrap();
    let (_, _, message) = condition(conditions(&auth), "APIAuthValid");
    assert!(message.contains("--konnect-global"), "{message}");
    assert!(message.contains(SERVER), "{message}");
    assert!(world.global.stats().by_route.is_empty());
}

#[tokio::test]
async fn a_first_check_that_cannot_be_made_is_no_verdict_and_is_tried_again() {
    for fault in [
        "/=503;times=2",
        "/=drop;times=2",
        "/=garbage;times=2",
        "/=429;times=1;retry-after=1",
    ] {
        let mut world = World::without_operator().await.unwrap();
        world.faults(&["/=drop"]).unwrap();
        world.start_operator(|_| {});
        apply_inline(&world, TOKEN).await.unwrap();
        let auth = shows(&world, "APIAuthValid", "Unknown", "KonnectUnreachable")
            .await
            .unwrap();
        assert_eq!(verdict(conditions(&auth)), Kstatus::InProgress, "{fault}");
        world.faults(&[fault]).unwrap();
        shows(&world, "Ready", "True", "Valid").await.unwrap();
    }
}

#[tokio::test]
async fn the_pause_that_konnect_asks_for_is_kept() {
    let mut world = World::without_operator().await.unwrap();
    // Longer than any backoff of a first failure, and no check may come before.
    world.faults(&["/=429;retry-after=600"]).unwrap();
    world.start_operator(|_| {});
    apply_inline(&world, TOKEN).await.unwrap();
    let auth = shows(&world, "Ready", "False", "KonnectUnreachable")
        .await
        .unwrap();
    assert!(condition(conditions(&auth), "Ready").2.contains("429"));
    assert_eq!(world.global.stats().by_route.get(CHECK), Some(&1));
}

#[tokio::test]
async fn the_guide_s_order_works_manifest_first_and_secret_after() {
    let world = World::start().await.unwrap();
    let spec = json!({"spec": {
        "type": "secretRef", "secretRef": {"name": "konnect-api-auth-secret"}, "serverURL": SERVER,
    }});
    world.apply::<Auth>("konnect-api-auth", spec).await.unwrap();
    let secret =
        json!({"metadata": {"labels": {"konghq.com/credential": "konnect"}}, "stringData": {"token": TOKEN}});
    world
        .apply::<Secret>("konnect-api-auth-secret", secret)
        .await
        .unwrap();
    world
        .until("konnect-api-auth", "valid", has("Ready", "True", "Valid"))
        .await
        .unwrap();
}
