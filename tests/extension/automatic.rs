//! Certificates that the operator makes itself.

use gateway_migration_operator::api::konnect_extension::KonnectExtension;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use serde_json::json;

use crate::bed::{Bed, EXTENSION, MADE};
use crate::wait::is_ready;

#[tokio::test]
async fn data_planes_get_all_they_need_to_join() {
    let labels = json!({"konnect": {"dataPlane": {"labels": {"zone": "b", "app": "edge"}}}});
    let bed = Bed::with_extension(labels).await.unwrap();
    let operator = bed.start().unwrap();
    let ready = bed.wait_for("Ready", "True", "Ready").await.unwrap();
    assert!(
        ready.message.contains(MADE) && ready.message.contains("/etc/secrets/kong-cluster-cert"),
        "{}",
        ready.message
    );
    for (type_, reason) in [
        ("ControlPlaneRefValid", "Valid"),
        ("APIAuthResolvedRef", "ResolvedRef"),
        ("APIAuthValid", "Valid"),
        ("DataPlaneCertificateProvisioned", "Provisioned"),
    ] {
        bed.wait_for(type_, "True", reason).await.unwrap();
    }

    let extension = bed.extension().await.unwrap();
    let uid = extension.uid().unwrap();
    let status = extension.status.unwrap();
    assert_eq!(
        json!(status.data_plane_client_auth),
        json!({"certificateSecretRef": {"name": MADE}})
    );
    assert_eq!(
        json!(status.konnect),
        json!({
            "controlPlaneID": bed.control_plane, "clusterType": "ControlPlane",
            "endpoints": {"controlPlane": "https://abc.us.cp.konghq.com", "telemetry": "https://abc.us.tp.konghq.com"},
            "authRef": {"name": "konnect", "namespace": bed.namespace},
        })
    );

    let certificate = bed.secret_text("tls.crt").await.unwrap();
    let title = format!("gateway-migration-operator {}/{EXTENSION} {uid}", bed.namespace);
    assert_eq!(bed.pins(), [(certificate.trim().to_owned(), Some(title))]);
    let secret = bed.secret().await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    // Kubernetes' garbage collection goes by these.
    let owner = json!([{
        "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectExtension", "name": EXTENSION, "uid": uid,
        "controller": true,
    }]);
    assert_eq!(json!(secret.owner_references()), owner);
    assert_eq!(secret.labels()["konghq.com/konnect-dp-cert"], "true");
    let id = bed.konnect.data_plane_certificates(&bed.control_plane)[0]["id"].clone();
    assert_eq!(
        json!(secret.annotations()["konnect.konghq.com/certificate-ids"]),
        id
    );

    let map = bed.config_map().await.unwrap();
    assert_eq!(json!(map.owner_references()), owner);
    assert_eq!(map.annotations()["gatewaymigration.dev/certificate-secret"], MADE);
    let data = map.data.unwrap();
    assert_eq!(data["KONG_CLUSTER_CONTROL_PLANE"], "abc.us.cp.konghq.com:443");
    assert_eq!(data["KONG_CLUSTER_DP_LABELS"], "app:edge,zone:b");
    assert_eq!(
        data["KONG_CLUSTER_CERT"],
        "/etc/secrets/kong-cluster-cert/tls.crt"
    );
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_when_all_is_as_it_should_be() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    operator.stop().await.unwrap();
    let versions = async || {
        (
            bed.extension().await.unwrap().resource_version(),
            bed.secret().await.unwrap().resource_version(),
            bed.config_map().await.unwrap().resource_version(),
        )
    };
    let before = versions().await;
    bed.server.reset_stats();
    let operator = bed.start().unwrap();
    operator.wait_for_reconciles(1).await.unwrap();
    operator.stop().await.unwrap();
    let stats = bed.server.stats();
    assert!(stats.writes == 0 && stats.total > 0, "{stats:?}");
    assert_eq!(versions().await, before);
}

#[tokio::test]
async fn changed_labels_reach_the_environment_and_removed_ones_leave_it() {
    let bed = Bed::with_extension(json!({"konnect": {"dataPlane": {"labels": {"app": "edge"}}}}))
        .await
        .unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    let patch = json!({"spec": {"konnect": {"dataPlane": null}}});
    bed.patch::<KonnectExtension>(EXTENSION, patch).await.unwrap();
    bed.wait_until("Ready of the new generation", is_ready)
        .await
        .unwrap();
    assert!(
        !bed.config_map()
            .await
            .unwrap()
            .data
            .unwrap()
            .contains_key("KONG_CLUSTER_DP_LABELS")
    );
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn a_deleted_secret_is_made_anew_and_pinned_beside_the_old_one() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    let old = bed.secret_text("tls.crt").await.unwrap();
    bed.delete::<Secret>(MADE).await.unwrap();
    bed.wait_for_pins(2).await.unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    let new = bed.secret_text("tls.crt").await.unwrap();
    assert_ne!(old, new);
    let pinned: Vec<_> = bed.pins().into_iter().map(|(pem, _)| pem).collect();
    assert_eq!(pinned, [old.trim(), new.trim()]);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn a_spoilt_secret_is_named_and_says_the_way_out() {
    let bed = Bed::with_extension(json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    bed.patch::<Secret>(MADE, json!({"stringData": {"tls.key": "gone"}}))
        .await
        .unwrap();
    let condition = bed
        .wait_for("DataPlaneCertificateProvisioned", "False", "InvalidSecret")
        .await
        .unwrap();
    assert!(
        condition.message.contains("delete the Secret"),
        "{}",
        condition.message
    );
    bed.delete::<Secret>(MADE).await.unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn somebody_elses_secret_is_left_alone() {
    let bed = Bed::new().await.unwrap();
    bed.create_auth().await.unwrap();
    bed.create_control_plane().await.unwrap();
    bed.create_secret(MADE, json!({"mine": "yes"})).await.unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    bed.wait_for("DataPlaneCertificateProvisioned", "False", "InvalidSecret")
        .await
        .unwrap();
    bed.wait_for("Stalled", "True", "NameTaken").await.unwrap();
    assert_eq!(bed.secret_text("mine").await.unwrap(), "yes");
    assert!(bed.pins().is_empty());
    bed.delete::<Secret>(MADE).await.unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn somebody_elses_config_map_is_left_alone() {
    let bed = Bed::new().await.unwrap();
    bed.create_auth().await.unwrap();
    bed.create_control_plane().await.unwrap();
    let map: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": MADE}, "data": {"mine": "yes"}})).unwrap();
    bed.api::<ConfigMap>()
        .create(&Default::default(), &map)
        .await
        .unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    let operator = bed.start().unwrap();
    let ready = bed.wait_for("Ready", "False", "NameTaken").await.unwrap();
    assert!(ready.message.starts_with("ConfigMap"), "{}", ready.message);
    assert_eq!(bed.config_map().await.unwrap().data.unwrap()["mine"], "yes");
    operator.stop().await.unwrap();
}
