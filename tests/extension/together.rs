//! With the controllers of the kinds that an extension depends on.

use gateway_migration_operator::api::{
    konnect_extension::KonnectExtension, konnect_gateway_control_plane::KonnectGatewayControlPlane,
};
use serde_json::json;

use crate::bed::{Bed, EXTENSION, TOKEN};

#[tokio::test]
async fn from_manifests_in_any_order_to_a_pinned_certificate_and_back() {
    let bed = Bed::new().await.unwrap();
    let operator = bed.start_all().unwrap();
    bed.create_extension(EXTENSION, json!({})).await.unwrap();
    bed.create_named_control_plane("shop").await.unwrap();
    bed.create_unchecked_auth().await.unwrap();
    bed.create_secret("token", json!({"token": TOKEN})).await.unwrap();
    bed.wait_for("Ready", "True", "Ready").await.unwrap();

    let konnect = bed.extension().await.unwrap().status.unwrap().konnect.unwrap();
    let made = bed.konnect.control_planes();
    let made = made.iter().find(|found| found["name"] == "shop").unwrap();
    assert_eq!(made["id"], konnect.control_plane_id);
    assert_eq!(
        made["config"]["control_plane_endpoint"],
        konnect.endpoints.control_plane
    );
    assert_eq!(
        bed.konnect
            .data_plane_certificates(&konnect.control_plane_id)
            .len(),
        1
    );

    bed.delete::<KonnectExtension>(EXTENSION).await.unwrap();
    bed.wait_gone().await.unwrap();
    assert!(
        bed.konnect
            .data_plane_certificates(&konnect.control_plane_id)
            .is_empty()
    );
    bed.delete::<KonnectGatewayControlPlane>("inventory")
        .await
        .unwrap();
    bed.wait_absent::<KonnectGatewayControlPlane>("inventory")
        .await
        .unwrap();
    operator.stop().await.unwrap();
}
