//! Trap 2: `cert_alt` and `key_alt`.

use anyhow::Result;
use serde_json::json;

use super::support::{WORKSPACE, bed_with, held, id, migration, move_all};

#[tokio::test]
async fn both_pairs_of_a_certificate_arrive() -> Result<()> {
    let pair = || rcgen::generate_simple_self_signed(["dual.example".to_owned()]);
    let (first, second) = (pair()?, pair()?);
    let certificate = json!({
        "id": id(1), "cert": first.cert.pem(), "key": first.signing_key.serialize_pem(),
        "cert_alt": second.cert.pem(), "key_alt": second.signing_key.serialize_pem(),
        "snis": ["dual.example"], "tags": null, "created_at": 1_751_385_996, "updated_at": 1_751_385_996,
    });
    let bed = bed_with(&json!({"/certificates": [&certificate]})).await?;
    let migration = migration(&bed, WORKSPACE).await?;
    move_all(&bed, &migration).await?;
    let moved = held(&bed, &migration, "certificates", &id(1));
    for field in ["cert", "key", "cert_alt", "key_alt"] {
        assert!(
            moved[field].is_string() && moved[field] == certificate[field],
            "{field}"
        );
    }
    let names = bed.konnect.entities(&migration.control_plane, "snis");
    assert_eq!(names.len(), 1);
    assert_eq!(names[0]["certificate"]["id"], json!(id(1)));
    Ok(())
}
