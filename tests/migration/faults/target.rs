//! Rows of the matrix about the target: Konnect and the way to it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use serde_json::json;
use simulators::bed::Bed;
use simulators::konnect::TokenState;
use simulators::workload;

use super::case::{Case, ENTITIES, Kstatus, NAME, Shown, impatient};
use crate::support::Seen;

/// Some entities are written, and the rest will be tried again.
fn interrupted(says: &'static [&'static str]) -> Shown<'static> {
    Shown {
        condition: "Applied",
        reason: "ProgressingWithRetry",
        kstatus: Kstatus::InProgress,
        says,
    }
}

/// A run with a fault; then what the user sees, and the end without the fault.
async fn broken(case: Case, fault: &str, shown: &Shown<'_>) -> Result<()> {
    case.break_target(&[fault])?;
    case.migrate().await?;
    case.shows(shown).await?;
    case.mend();
    case.converges().await
}

/// The same in which the writes from the twenty-first on go wrong.
async fn interrupted_by(name: &str, fault: &str, shown: &Shown<'_>) -> Result<()> {
    let fault = format!("POST core-entities={fault};skip=20");
    broken(Case::ready(name).await?, &fault, shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_refused() -> Result<()> {
    let mut case = Case::ready("target-refused").await?;
    case.world.bed.konnect_server.suspend().await;
    case.migrate().await?;
    case.shows(&Shown {
        condition: "TargetReady",
        reason: "KonnectAPIOpFailed",
        kstatus: Kstatus::InProgress,
        says: &["us.api.konghq.com", "no connection", "check the address"],
    })
    .await?;
    case.world.bed.konnect_server.resume().await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_in_the_middle_of_a_body() -> Result<()> {
    let shown = interrupted(&[
        "of 111 entities",
        "us.api.konghq.com",
        "no connection",
        "check the address",
    ]);
    let case = Case::ready("target-reset").await?;
    // The write is done, and its answer is lost: what is there must not be written again.
    case.break_target(&["POST core-entities=reset-body;skip=20"])?;
    case.migrate().await?;
    case.shows(&shown).await?;
    case.mend();
    let seen = case.until("completed", Seen::is_completed).await?;
    seen.assert_digests_equal(ENTITIES)?;
    case.world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_json() -> Result<()> {
    let shown = interrupted(&["of 111 entities", "not JSON", "no proxy answers for it"]);
    interrupted_by("target-truncated", "truncated", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_json() -> Result<()> {
    let shown = interrupted(&["of 111 entities", "not JSON", "no proxy answers for it"]);
    // What was sent is done, although the answer does not say so.
    interrupted_by("target-garbage", "garbage;after", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_body() -> Result<()> {
    let case = Case::ready_with("target-slow", impatient).await?;
    // The write is done, and its answer does not come to an end: a call that repeats it must not make a second one.
    case.break_target(&["POST core-entities=slow;over=1h;skip=20"])?;
    case.migrate().await?;
    case.shows(&interrupted(&[
        "of 111 entities",
        "us.api.konghq.com",
        "no answer in time",
    ]))
    .await?;
    case.mend();
    let seen = case.until("completed", Seen::is_completed).await?;
    seen.assert_digests_equal(ENTITIES)?;
    case.world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_body_of_a_list() -> Result<()> {
    let case = Case::ready_with("target-slow-list", impatient).await?;
    let shown = Shown {
        condition: "TargetReady",
        reason: "KonnectAPIOpFailed",
        kstatus: Kstatus::InProgress,
        says: &["core-entities/services", "no answer in time"],
    };
    broken(case, "GET core-entities/services=slow;over=1h", &shown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn burst_of_server_errors() -> Result<()> {
    let case = Case::ready("burst").await?;
    // Passes by repeats inside the calls: the user sees nothing of it.
    case.break_target(&[
        "POST core-entities=500;times=1;skip=10",
        "POST core-entities=502;times=1;skip=20",
        "POST core-entities=503;times=1;skip=30",
        "POST core-entities=504;times=1;skip=40",
    ])?;
    case.migrate().await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn server_errors_that_stay() -> Result<()> {
    let shown = interrupted(&["of 111 entities", "the server failed (503)", "status page"]);
    interrupted_by("failing-target", "503", &shown).await
}

/// A storm of 429 with a time to return: status says until when, and all is written in the end.
async fn storm(name: &str, option: &str) -> Result<()> {
    let case = Case::ready(name).await?;
    case.break_target(&[&format!("POST core-entities=429;times=25;skip=20{option}")])?;
    case.migrate().await?;
    let waits = |seen: &Seen| {
        let status = seen.0.status.as_ref();
        let progress = status.and_then(|status| status.progress.as_ref());
        let why = progress.and_then(|progress| progress.waiting_for.as_deref());
        why.is_some_and(|why| why.starts_with("rate limited until "))
    };
    let seen = case.until("told until when it is rate limited", waits).await?;
    assert!(seen.condition("Stalled").is_none());
    case.mend();
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_of_429_without_retry_after() -> Result<()> {
    let case = Case::ready("storm").await?;
    case.break_target(&["POST core-entities=429;times=25;skip=20"])?;
    case.migrate().await?;
    case.until("completed", Seen::is_completed).await?;
    let refused = case
        .writes()
        .iter()
        .filter(|(_, status)| *status == Some(429))
        .count();
    assert_eq!(refused, 25);
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_of_429_with_seconds() -> Result<()> {
    storm("storm-seconds", ";retry-after=3").await
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_of_429_with_a_date() -> Result<()> {
    storm("storm-date", ";retry-after-date=4").await
}

#[tokio::test(flavor = "multi_thread")]
async fn token_rotated_in_the_middle() -> Result<()> {
    let case = Case::ready("target-401").await?;
    case.slow_target(50);
    case.migrate().await?;
    case.written(20).await?;
    case.world.bed.konnect.revoke_token(Bed::KONNECT_TOKEN);
    case.mend();
    let seen = case
        .until("refused", |seen| {
            seen.condition("TargetReady")
                .is_some_and(|(status, _)| status == "False")
        })
        .await?;
    let message = seen.message("TargetReady");
    assert!(message.contains("token"), "{message}");
    assert!(seen.condition("Stalled").is_none());
    case.world
        .bed
        .konnect
        .set_token("kpat_the-next", TokenState::Active);
    case.world
        .secret("konnect-token", &[("token", "kpat_the-next")])
        .await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn token_secret_deleted_in_the_middle() -> Result<()> {
    let case = Case::ready("target-secret").await?;
    case.break_target(&["POST core-entities=503;skip=20"])?;
    case.migrate().await?;
    case.written(21).await?;
    let secrets = case.world.api::<Secret>();
    secrets.delete("konnect-token", &DeleteParams::default()).await?;
    case.shows(&Shown {
        condition: "TargetReady",
        reason: "Invalid",
        kstatus: Kstatus::InProgress,
        says: &["/konnect-token does not exist", "create it"],
    })
    .await?;
    case.mend();
    case.world
        .secret("konnect-token", &[("token", Bed::KONNECT_TOKEN)])
        .await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn control_plane_deleted_remotely() -> Result<()> {
    let case = Case::ready("cp-deleted").await?;
    case.slow_target(50);
    case.migrate().await?;
    case.written(20).await?;
    let id = case.world.control_plane_id(NAME).await?;
    case.world.bed.konnect.remove_control_plane(&id)?;
    case.mend();
    case.shows(&Shown {
        condition: "TargetReady",
        reason: "Gone",
        kstatus: Kstatus::InProgress,
        says: &[
            &id,
            "does not exist in Konnect any more",
            "apply it again for a new one",
        ],
    })
    .await?;
    // The next step that the message names.
    case.world.replace_control_plane(NAME).await?;
    case.converges().await
}

#[tokio::test(flavor = "multi_thread")]
async fn entity_made_by_another_between_read_and_write() -> Result<()> {
    let case = Case::ready("taken").await?;
    let id = case.world.control_plane_id(NAME).await?;
    case.slow_target(100);
    case.migrate().await?;
    while case.world.bed.konnect_server.stats().total == 0 || case.world.bed.kong_server.stats().in_flight > 0
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    case.written(1).await?;
    let routes = workload::dump(1)?["/routes"][0]["name"].clone();
    let other = json!({"name": routes, "paths": ["/of-another"]});
    let other = case.world.bed.konnect.seed(&id, "routes", &other)?;
    case.mend();
    let seen = case
        .shows(&Shown {
            condition: "Applied",
            reason: "PartiallyApplied",
            kstatus: Kstatus::Failed,
            says: &["not written"],
        })
        .await?;
    assert!(
        seen.findings().contains(&"refused-by-target"),
        "{:?}",
        seen.findings()
    );
    let other = other["id"].as_str().context("an id")?;
    case.world.bed.konnect.remove(&id, &format!("routes/{other}"))?;
    case.world
        .change(NAME, json!({"throttle": {"maxInFlight": 9}}))
        .await?;
    case.converges().await
}
