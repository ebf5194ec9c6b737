//! Trap 17: what Konnect or an ingress controller manages in the control plane is left alone.

use anyhow::Result;
use serde_json::json;
use simulators::bed::Bed;

use super::support::{migration, move_all};

#[tokio::test]
async fn managed_entities_of_the_target_are_left_alone() -> Result<()> {
    let bed = Bed::start().await?;
    let migration = migration(&bed, "inventory").await?;
    let seed = |name: &str, tag: &str| {
        let body = json!({"name": name, "host": "managed.internal", "tags": [tag]});
        bed.konnect.seed(&migration.control_plane, "services", &body)
    };
    let managed = [
        seed("of-konnect", "konnect-managed")?,
        seed("of-ingress", "managed-by-ingress-controller")?,
    ];
    move_all(&bed, &migration).await?;
    let services = bed.konnect.entities(&migration.control_plane, "services");
    assert!(managed.iter().all(|entity| services.contains(entity)));
    Ok(())
}
