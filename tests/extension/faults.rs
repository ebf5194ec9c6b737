//! Konnect down, answers lost, operators killed and operators in a race: always one certificate, and in the end one pin.

use gateway_migration_operator::api::konnect_extension::KonnectExtension;
use kube::ResourceExt;
use serde_json::json;

use crate::bed::{Bed, EXTENSION};

const CERTIFICATES: &str = "/dp-client-certificates";

#[tokio::test]
async fn a_failing_call_is_named_and_tried_again() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    bed.misbehave(&[&format!("POST {CERTIFICATES}=503")]).unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("DataPlaneCertificateProvisioned", "False", "KonnectAPIOpFailed")
        .await
        .unwrap();
    bed.wait_for("Ready", "False", "KonnectUnreachable")
        .await
        .unwrap();
    bed.wait_for("Reconciling", "True", "ProgressingWithRetry")
        .await
        .unwrap();
    bed.misbehave(&[]).unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    assert_eq!(bed.pins().len(), 1);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn an_outage_does_not_unpin_what_is_pinned() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    let (secret, map) = (bed.secret().await.unwrap(), bed.config_map().await.unwrap());
    bed.misbehave(&["/=503"]).unwrap();
    let touch = json!({"spec": {"konnect": {"dataPlane": {"labels": {}}}}});
    bed.patch::<KonnectExtension>(EXTENSION, touch).await.unwrap();
    bed.wait_for("Ready", "False", "KonnectUnreachable")
        .await
        .unwrap();
    bed.wait_for("DataPlaneCertificateProvisioned", "True", "Provisioned")
        .await
        .unwrap();
    assert_eq!(
        (bed.secret().await.unwrap(), bed.config_map().await.unwrap()),
        (secret, map)
    );
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn garbage_and_refusals_are_named() {
    for (fault, ready) in [
        ("garbage", "KonnectUnreachable"),
        ("403", "Invalid"),
        ("400", "KonnectAPIOpFailed"),
        ("429;retry-after=1", "KonnectUnreachable"),
    ] {
        let bed = Bed::with_extension(json!({})).await.unwrap();
        bed.misbehave(&[&format!("{CERTIFICATES}={fault}")]).unwrap();
        let operator = bed.start().unwrap();
        bed.wait_for("DataPlaneCertificateProvisioned", "False", "KonnectAPIOpFailed")
            .await
            .unwrap();
        bed.wait_for("Ready", "False", ready).await.unwrap();
        operator.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_make_a_second_pin() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    bed.misbehave(&[&format!("POST {CERTIFICATES}=drop;times=1;after")])
        .unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    assert_eq!(bed.pins().len(), 1);
    let posts = bed.server.stats().by_route;
    let posts: u64 = posts
        .iter()
        .filter(|(route, _)| route.starts_with("POST"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(posts, 1);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn killed_at_any_call_it_ends_with_one_certificate_and_one_pin() {
    // The calls of a first reconcile: list, pin, list.
    for (calls, fault) in [
        (1, format!("GET {CERTIFICATES}=hang;times=1")),
        (2, format!("POST {CERTIFICATES}=hang;times=1")),
        (2, format!("POST {CERTIFICATES}=hang;times=1;after")),
        (3, format!("GET {CERTIFICATES}=hang;skip=1;times=1")),
    ] {
        let bed = Bed::with_extension(json!({})).await.unwrap();
        bed.misbehave(&[&fault]).unwrap();
        let operator = bed.start().unwrap();
        bed.wait_for_calls(calls).await.unwrap();
        operator.kill().await;
        let certificate = bed.secret_text("tls.crt").await.unwrap();
        let operator = bed.start().unwrap();
        bed.wait_for("Ready", "True", "Ready").await.unwrap();
        assert_eq!(bed.secret_text("tls.crt").await.unwrap(), certificate, "{fault}");
        let pins: Vec<_> = bed.pins().into_iter().map(|(pem, _)| pem).collect();
        assert_eq!(pins, [certificate.trim()], "{fault}");
        operator.stop().await.unwrap();
    }
}

#[tokio::test]
async fn two_at_once_make_one_certificate_and_end_with_one_pin() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    let operators = [bed.start().unwrap(), bed.start().unwrap()];
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    for operator in operators {
        operator.stop().await.unwrap();
    }
    let certificate = bed.secret_text("tls.crt").await.unwrap();
    assert!(bed.pins().iter().all(|(pem, _)| *pem == certificate.trim()));
    let operator = bed.start().unwrap();
    operator.wait_for_reconciles(1).await.unwrap();
    assert_eq!(bed.pins().len(), 1);
    assert_eq!(bed.secret_text("tls.crt").await.unwrap(), certificate);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn no_secret_shows_in_status_or_events() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    let key = bed.secret_text("tls.key").await.unwrap();
    let secret_line = key.lines().nth(1).unwrap();
    let note = bed.wait_for_event("CertificatePinned").await.unwrap();
    let extension = bed.extension().await.unwrap();
    assert_eq!(extension.name_any(), EXTENSION);
    let said = format!("{note}{}", serde_json::to_string(&extension).unwrap());
    assert!(!said.contains(secret_line) && !said.contains("kpat_"));
    operator.stop().await.unwrap();
}
