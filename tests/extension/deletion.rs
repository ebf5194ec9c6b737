//! What is left when an extension goes, and what it waits for.

use gateway_migration_operator::api::{
    konnect_api_auth_configuration::KonnectAPIAuthConfiguration, konnect_extension::KonnectExtension,
    konnect_gateway_control_plane::KonnectGatewayControlPlane,
};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;

use crate::bed::{Bed, EXTENSION};

async fn ready() -> anyhow::Result<(Bed, crate::bed::Operator)> {
    let bed = Bed::with_extension(json!({})).await?;
    let operator = bed.start()?;
    bed.wait_for("Ready", "True", "Ready").await?;
    Ok((bed, operator))
}

#[tokio::test]
async fn deletion_removes_the_own_pins_and_no_other() {
    let (bed, operator) = ready().await.unwrap();
    let foreign = rcgen::generate_simple_self_signed(["theirs".to_owned()])
        .unwrap()
        .cert
        .pem();
    bed.pin_by_hand(&foreign).await.unwrap();
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_gone().await.unwrap();
    assert_eq!(bed.pins(), [(foreign.trim().to_owned(), None)]);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn deletion_ends_when_the_control_plane_object_went_first() {
    let (bed, operator) = ready().await.unwrap();
    bed.delete::<KonnectGatewayControlPlane>("inventory")
        .await
        .unwrap();
    bed.wait_for("ControlPlaneRefValid", "False", "Invalid")
        .await
        .unwrap();
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_gone().await.unwrap();
    assert!(bed.pins().is_empty());
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn deletion_ends_when_konnect_has_no_such_control_plane_any_more() {
    let (bed, operator) = ready().await.unwrap();
    bed.misbehave(&["/v2/control-planes/=404"]).unwrap();
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_gone().await.unwrap();
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn deletion_waits_for_lost_authentication_and_says_so() {
    let (bed, operator) = ready().await.unwrap();
    bed.delete::<KonnectAPIAuthConfiguration>("konnect")
        .await
        .unwrap();
    bed.delete::<Secret>("token").await.unwrap();
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    let blocked = bed.wait_for("Ready", "False", "DeletionBlocked").await.unwrap();
    assert!(
        blocked.message.contains("KonnectAPIAuthConfiguration"),
        "{}",
        blocked.message
    );
    let escape = format!(
        "kubectl annotate konnectextension {EXTENSION} -n {} gatewaymigration.dev/force-delete=true",
        bed.namespace
    );
    assert!(blocked.message.ends_with(&escape), "{}", blocked.message);
    bed.create_auth().await.unwrap();
    bed.wait_gone().await.unwrap();
    assert!(bed.pins().is_empty());
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn deletion_by_force_leaves_the_pins_and_says_where() {
    let (bed, operator) = ready().await.unwrap();
    bed.delete::<KonnectAPIAuthConfiguration>("konnect")
        .await
        .unwrap();
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_for("Ready", "False", "DeletionBlocked").await.unwrap();
    let annotations = json!({"metadata": {"annotations": {"gatewaymigration.dev/force-delete": "true"}}});
    bed.patch::<KonnectExtension>(EXTENSION, annotations)
        .await
        .unwrap();
    bed.wait_gone().await.unwrap();
    assert_eq!(bed.pins().len(), 1);
    let note = bed.wait_for_event("PinsLeftBehind").await.unwrap();
    assert!(note.contains(&bed.control_plane), "{note}");
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn deletion_outlasts_a_konnect_that_is_down() {
    let (bed, operator) = ready().await.unwrap();
    bed.misbehave(&["/=503"]).unwrap();
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_for("Ready", "False", "DeletionBlocked").await.unwrap();
    bed.misbehave(&[]).unwrap();
    bed.wait_gone().await.unwrap();
    assert!(bed.pins().is_empty());
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn an_extension_that_never_reached_konnect_goes_at_once() {
    let bed = Bed::new().await.unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("ControlPlaneRefValid", "False", "Invalid")
        .await
        .unwrap();
    assert!(bed.extension().await.unwrap().finalizers().is_empty());
    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_gone().await.unwrap();
    assert_eq!(bed.server.stats().total, 0);
    operator.stop().await.unwrap();
}
