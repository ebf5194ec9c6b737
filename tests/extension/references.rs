//! The control plane and its authentication: every way in which they can be missing or wrong.

use gateway_migration_operator::api::{
    konnect_api_auth_configuration::KonnectAPIAuthConfiguration,
    konnect_gateway_control_plane::KonnectGatewayControlPlane,
};
use kube::ResourceExt;
use serde_json::json;

use crate::bed::{Bed, EXTENSION, TOKEN};

#[tokio::test]
async fn another_namespace_is_refused_and_nothing_is_called() {
    let reference = json!({"name": "inventory", "namespace": "elsewhere"});
    let spec = json!({"konnect": {"controlPlane": {"ref": {"konnectNamespacedRef": reference}}}});
    let bed = Bed::with_extension(spec).await.unwrap();
    let operator = bed.start().unwrap();
    let condition = bed
        .wait_for("ControlPlaneRefValid", "False", "RefNotPermitted")
        .await
        .unwrap();
    assert!(condition.message.contains("elsewhere"), "{}", condition.message);
    bed.wait_for("Stalled", "True", "RefNotPermitted").await.unwrap();
    bed.wait_for("Ready", "False", "RefNotPermitted").await.unwrap();
    assert_eq!(bed.server.stats().total, 0);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn a_control_plane_that_comes_later_is_joined_when_it_is_programmed() {
    let bed = Bed::new().await.unwrap();
    bed.create_auth().await.unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    let missing = bed
        .wait_for("ControlPlaneRefValid", "False", "Invalid")
        .await
        .unwrap();
    assert!(
        missing.message.contains("does not exist; create it"),
        "{}",
        missing.message
    );
    bed.create_pending_control_plane().await.unwrap();
    bed.wait_for("ControlPlaneRefValid", "False", "NotProgrammed")
        .await
        .unwrap();
    bed.set_programmed("False", "CLUSTER_TYPE_CONTROL_PLANE")
        .await
        .unwrap();
    bed.wait_until("the control plane's own words", |extension| {
        let conditions = extension.status?.conditions;
        let reference = conditions
            .iter()
            .find(|condition| condition.type_ == "ControlPlaneRefValid")?;
        reference.message.contains("said by the test").then_some(())
    })
    .await
    .unwrap();
    bed.wait_for("Reconciling", "True", "Progressing").await.unwrap();
    assert_eq!(bed.server.stats().total, 0);
    assert!(bed.extension().await.unwrap().finalizers().is_empty());
    bed.set_programmed("True", "CLUSTER_TYPE_CONTROL_PLANE")
        .await
        .unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    assert_eq!(
        bed.extension().await.unwrap().finalizers(),
        ["gateway.konghq.com/konnect-cleanup"]
    );
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn an_ingress_controller_comes_later_and_nothing_is_called() {
    let bed = Bed::new().await.unwrap();
    bed.create_auth().await.unwrap();
    bed.create_control_plane().await.unwrap();
    bed.set_programmed("True", "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER")
        .await
        .unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("ControlPlaneRefValid", "False", "NotImplemented")
        .await
        .unwrap();
    bed.wait_for("Ready", "False", "NotImplemented").await.unwrap();
    assert_eq!(bed.server.stats().total, 0);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn the_verdict_on_the_token_is_followed() {
    let bed = Bed::new().await.unwrap();
    bed.create_control_plane().await.unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("APIAuthResolvedRef", "False", "RefNotFound")
        .await
        .unwrap();
    bed.create_auth().await.unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    bed.set_auth_valid("False").await.unwrap();
    bed.wait_for("APIAuthValid", "False", "Invalid").await.unwrap();
    bed.wait_for("APIAuthResolvedRef", "True", "ResolvedRef")
        .await
        .unwrap();
    bed.set_auth_valid("Unknown").await.unwrap();
    bed.wait_for("APIAuthValid", "Unknown", "Pending").await.unwrap();
    // What data planes run on stays as it is.
    bed.wait_for("DataPlaneCertificateProvisioned", "True", "Provisioned")
        .await
        .unwrap();
    assert_eq!(bed.pins().len(), 1);
    bed.set_auth_valid("True").await.unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    bed.delete::<KonnectAPIAuthConfiguration>("konnect")
        .await
        .unwrap();
    bed.wait_for("APIAuthResolvedRef", "False", "RefNotFound")
        .await
        .unwrap();
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_that_was_revoked_since_its_check_is_noticed() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    bed.konnect.revoke_token(TOKEN);
    let operator = bed.start().unwrap();
    let condition = bed.wait_for("APIAuthValid", "False", "Invalid").await.unwrap();
    assert!(!condition.message.contains(TOKEN));
    bed.wait_for("Ready", "False", "Invalid").await.unwrap();
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn authentication_in_another_namespace_is_refused() {
    let bed = Bed::new().await.unwrap();
    bed.create_auth().await.unwrap();
    bed.create_pending_control_plane().await.unwrap();
    let elsewhere = json!({"spec": {"konnect": {"authRef": {"name": "konnect", "namespace": "elsewhere"}}}});
    bed.patch::<KonnectGatewayControlPlane>("inventory", elsewhere)
        .await
        .unwrap();
    bed.set_programmed("True", "CLUSTER_TYPE_CONTROL_PLANE")
        .await
        .unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("APIAuthResolvedRef", "False", "RefNotPermitted")
        .await
        .unwrap();
    bed.wait_for("Ready", "False", "RefNotPermitted").await.unwrap();
    assert_eq!(bed.server.stats().total, 0);
    operator.stop().await.unwrap();
}
