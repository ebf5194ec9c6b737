//! Rows of the matrix about the source: the Admin API and the way to it.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use serde_json::json;
use simulators::bed::Bed;
use simulators::workload;

use super::case::{Case, Kstatus, NAME, Shown, impatient, slow};

/// The source does not answer as it should, and will be asked again.
fn source(reason: &'static str, says: &'static [&'static str]) -> Shown<'static> {
    Shown {
        condition: "SourceReady",
        reason,
        kstatus: Kstatus::InProgress,
        says,
    }
}

/// A run of a source that is broken from its beginning; then what the user sees, and the end without the fault.
async fn broken(case: Case, fault: &str, shown: &Shown<'_>) -> Result<()> {
    case.break_source(&[fault])?;
    case.migrate().await?;
    case.shows(shown).await?;
    case.mend();
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_refused() -> Result<()> {
    let mut case = Case::ready("refused").await?;
    case.world.bed.kong_server.suspend().await;
    case.migrate().await?;
    case.shows(&source(
        "SourceUnreachable",
        &["127.0.0.1", "no connection", "check the address"],
    ))
    .await?;
    case.world.bed.kong_server.resume().await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_api_restarted() -> Result<()> {
    let mut case = Case::ready("restarted").await?;
    case.world.bed.kong_server.set_behaviour(slow(200));
    case.migrate().await?;
    while case.world.bed.kong_server.stats().total < 5 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    case.world.bed.kong_server.suspend().await;
    case.shows(&source("SourceUnreachable", &["127.0.0.1", "check the address"]))
        .await?;
    case.world.bed.kong_server.resume().await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_in_the_middle_of_a_body() -> Result<()> {
    let shown = source("SourceUnreachable", &["/generated/services", "no connection"]);
    let case = Case::ready("reset-body").await?;
    broken(case, "GET /generated/services=reset-body", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_body() -> Result<()> {
    let shown = source("SourceUnreachable", &["/generated/services", "no answer in time"]);
    let case = Case::ready_with("slow", impatient).await?;
    broken(case, "GET /generated/services=slow;over=1h", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_json() -> Result<()> {
    let shown = source(
        "SourceInvalidAnswer",
        &[
            "/generated/services",
            "not JSON",
            "check that the address is the API itself",
        ],
    );
    let case = Case::ready("truncated").await?;
    broken(case, "GET /generated/services=truncated", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_json() -> Result<()> {
    let shown = source(
        "SourceInvalidAnswer",
        &[
            "127.0.0.1",
            "not JSON",
            "check that the address is the API itself",
        ],
    );
    broken(Case::ready("garbage").await?, "/=garbage", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_source() -> Result<()> {
    let shown = source(
        "SourceUnreachable",
        &[
            "/generated/services",
            "the server failed (503)",
            "look at Kong's error log",
        ],
    );
    let case = Case::ready("failing-source").await?;
    broken(case, "GET /generated/services=503", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dns_failure() -> Result<()> {
    let case = Case::ready("dns").await?;
    let url = case.world.bed.kong_server.url();
    let mut migration = case.world.migration(NAME, "Apply");
    migration["spec"]["source"]["adminAPI"]["url"] = json!("https://kong-admin.invalid:8444");
    case.world.create(migration).await?;
    case.shows(&source(
        "SourceUnreachable",
        &["kong-admin.invalid", "no connection", "check the address", "DNS"],
    ))
    .await?;
    case.world
        .change(NAME, json!({"source": {"adminAPI": {"url": url}}}))
        .await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_deleted() -> Result<()> {
    let case = Case::ready("secret-deleted").await?;
    case.break_target(&["POST core-entities=503;skip=20"])?;
    case.migrate().await?;
    case.written(21).await?;
    let secrets = case.world.api::<Secret>();
    secrets.delete("kong-admin", &DeleteParams::default()).await?;
    case.mend();
    case.shows(&Shown {
        condition: "SourceReady",
        reason: "SecretNotFound",
        kstatus: Kstatus::InProgress,
        says: &["/kong-admin does not exist"],
    })
    .await?;
    case.world
        .secret("kong-admin", &[("token", Bed::KONG_TOKEN)])
        .await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn source_token_rotated() -> Result<()> {
    let case = Case::ready("source-401").await?;
    case.break_source(&["GET /generated/=401;skip=8"])?;
    case.migrate().await?;
    case.shows(&Shown {
        condition: "SourceReady",
        reason: "SourceUnauthorized",
        kstatus: Kstatus::Waiting,
        says: &["not accepted (401)", "put a valid one into its Secret"],
    })
    .await?;
    case.mend();
    // Another version of the Secret is what a rotation is.
    case.world
        .secret("kong-admin", &[("token", Bed::KONG_TOKEN), ("rotated", "today")])
        .await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_cursor_invalidated() -> Result<()> {
    let case = Case::ready("cursor").await?;
    // Consumers for a second page.
    let consumers: Vec<_> = (0..1001)
        .map(|number| json!({"id": uuid::Uuid::from_u128(number + 1), "username": format!("one-of-many-{number}"), "created_at": 1}))
        .collect();
    case.world
        .bed
        .kong
        .load(NAME, &json!({"/consumers": consumers}))?;
    case.break_source(&["GET offset==lost-cursor"])?;
    case.migrate().await?;
    case.shows(&source(
        "SourceInvalidAnswer",
        &["/generated/consumers", "is not a valid offset"],
    ))
    .await?;
    case.mend();
    case.converges_to(super::case::ENTITIES + 1001).await
}

#[tokio::test(flavor = "multi_thread")]
async fn source_changed_between_read_and_write() -> Result<()> {
    let case = Case::ready("changed-source").await?;
    case.slow_target(50);
    case.migrate().await?;
    case.written(1).await?;
    // The plan has been made of what was read; the entity that follows now is of no plan yet.
    let dump = workload::dump(1)?;
    let mut late = dump["/services"][0].clone();
    late["id"] = json!("7f9fd312-a987-4628-b4c5-bb4f4fddd5f7");
    late["name"] = json!("late");
    case.world.bed.kong.put(NAME, "services", late)?;
    let seen = case.until("completed", |seen| seen.is_completed()).await?;
    seen.assert_digests_equal(super::case::ENTITIES)?;
    case.mend();
    // The next look tells; what was applied and verified is not touched.
    case.world.look_again(NAME).await?;
    let seen = case
        .until("told of the change", |seen| {
            seen.is("Drifted", "True", "SourceChanged")
        })
        .await?;
    assert!(
        seen.message("Drifted").contains("1 to create"),
        "{}",
        seen.message("Drifted")
    );
    case.world
        .change(NAME, json!({"throttle": {"maxInFlight": 8}}))
        .await?;
    let seen = case
        .until("completed with the change", |seen| {
            seen.0.metadata.generation > Some(1) && seen.is_completed()
        })
        .await?;
    seen.assert_digests_equal(super::case::ENTITIES + 1)?;
    case.world.stop().await
}
