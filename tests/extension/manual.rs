//! Certificates that the user brings.

use gateway_migration_operator::api::konnect_extension::KonnectExtension;
use k8s_openapi::api::core::v1::Secret;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use crate::bed::{Bed, EXTENSION};
use crate::wait::is_ready;

const NAME: &str = "own-certificate";

fn manual() -> Value {
    json!({"clientAuth": {"certificateSecret": {"provisioning": "Manual", "secretRef": {"name": NAME}}}})
}

struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new(not_after_year: i32) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(not_after_year, 1, 1);
        Ok(Self {
            certificate: params.self_signed(&key)?.pem(),
            key: key.serialize_pem(),
        })
    }

    fn data(&self) -> Value {
        json!({"tls.crt": self.certificate, "tls.key": self.key})
    }
}

#[tokio::test]
async fn every_fault_of_the_secret_is_named_until_it_is_mended() {
    let bed = Bed::with_extension(manual()).await.unwrap();
    let operator = bed.start().unwrap();
    let good = Pair::new(2999).unwrap();
    let expired = Pair::new(2000).unwrap();
    bed.wait_for("DataPlaneCertificateProvisioned", "False", "RefNotFound")
        .await
        .unwrap();
    bed.create_secret(NAME, json!({"other": "x"})).await.unwrap();
    for (data, said) in [
        (json!({"other": "x"}), "no value under the key \"tls.crt\""),
        (
            json!({"tls.crt": good.certificate}),
            "no value under the key \"tls.key\"",
        ),
        (
            json!({"tls.crt": good.certificate, "tls.key": expired.key}),
            "not the one of its certificate",
        ),
        (expired.data(), "expired at 2000-01-01T00:00:00Z"),
        (json!({"tls.crt": "no certificate"}), "no PEM certificate"),
    ] {
        bed.patch::<Secret>(NAME, json!({"stringData": data}))
            .await
            .unwrap();
        bed.wait_until(said, |extension| {
            let conditions = extension.status?.conditions;
            let condition = conditions
                .iter()
                .find(|found| found.type_ == "DataPlaneCertificateProvisioned")?;
            (condition.reason == "InvalidSecret" && condition.message.contains(said)).then_some(())
        })
        .await
        .unwrap();
    }
    bed.wait_for("Stalled", "True", "InvalidSecret").await.unwrap();
    assert!(bed.pins().is_empty());
    bed.patch::<Secret>(NAME, json!({"stringData": good.data()}))
        .await
        .unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    assert_eq!(bed.pins()[0].0, good.certificate.trim());
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn a_changed_certificate_is_pinned_beside_the_old_one() {
    let bed = Bed::with_extension(manual()).await.unwrap();
    let (first, second) = (Pair::new(2998).unwrap(), Pair::new(2999).unwrap());
    bed.create_secret(NAME, first.data()).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    bed.patch::<Secret>(NAME, json!({"stringData": second.data()}))
        .await
        .unwrap();
    bed.wait_until("the new certificate", |extension| {
        let conditions = extension.status?.conditions;
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready")?;
        (ready.status == "True" && ready.message.contains("2999")).then_some(())
    })
    .await
    .unwrap();
    let pinned: Vec<_> = bed.pins().into_iter().map(|(pem, _)| pem).collect();
    assert_eq!(pinned, [first.certificate.trim(), second.certificate.trim()]);
    // Rewritten text of the same certificate is the same certificate.
    let reflowed = json!({"tls.crt": format!("# new\n{}\n\n", second.certificate)});
    bed.server.reset_stats();
    let done = operator.reconciles().unwrap();
    bed.patch::<Secret>(NAME, json!({"stringData": reflowed}))
        .await
        .unwrap();
    operator.wait_for_reconciles(done + 1).await.unwrap();
    assert_eq!(bed.server.stats().writes, 0);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn the_users_secret_is_never_written() {
    let bed = Bed::with_extension(manual()).await.unwrap();
    bed.create_secret(NAME, Pair::new(2999).unwrap().data())
        .await
        .unwrap();
    let before = bed.api::<Secret>().get(NAME).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    assert_eq!(bed.api::<Secret>().get(NAME).await.unwrap(), before);
    let status = bed.extension().await.unwrap().status.unwrap();
    assert_eq!(
        json!(status.data_plane_client_auth),
        json!({"certificateSecretRef": {"name": NAME}})
    );
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn a_pin_that_was_there_already_is_used_and_not_made_again() {
    let bed = Bed::with_extension(manual()).await.unwrap();
    let pair = Pair::new(2999).unwrap();
    bed.create_secret(NAME, pair.data()).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    bed.create_extension("other", manual()).await.unwrap();
    bed.wait_until_named("other", "the second extension", is_ready)
        .await
        .unwrap();
    assert_eq!(bed.pins().len(), 1);
    // The one that made the pin goes; the other still needs it.
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_gone().await.unwrap();
    assert_eq!(bed.pins().len(), 1);
    bed.wait_for_event("PinKept").await.unwrap();
    operator.stop().await.unwrap();
}
