//! Trap 9: `name` against `name:8000`, and the forms of an IPv6 address.

use anyhow::Result;
use serde_json::{Value, json};

use super::support::{WORKSPACE, bed_with, held, id, like, migration, move_all};

#[tokio::test]
async fn every_form_of_an_address_is_the_stored_one() -> Result<()> {
    let forms = [
        ("stock.internal", "stock.internal:8000"),
        ("10.1.2.3", "10.1.2.3:8000"),
        (
            "[2001:db8::1]:8443",
            "[2001:0db8:0000:0000:0000:0000:0000:0001]:8443",
        ),
        ("2001:db8::2", "[2001:0db8:0000:0000:0000:0000:0000:0002]:8000"),
        ("named.internal:81", "named.internal:81"),
    ];
    let targets: Vec<Value> = forms
        .iter()
        .enumerate()
        .map(|(number, (form, _))| {
            json!({"id": id(10 + number), "target": form, "weight": 100, "upstream": {"id": id(1)}, "tags": null,
                "created_at": 1_751_385_996.5, "updated_at": 1_751_385_996.5})
        })
        .collect();
    let upstream = like("sales", "/upstreams", json!({"id": id(1), "name": "stock"}))?;
    let below = format!("/upstreams/{}/targets", id(1));
    let bed = bed_with(&json!({"/upstreams": [upstream], below: targets})).await?;
    let migration = migration(&bed, WORKSPACE).await?;
    move_all(&bed, &migration).await?;
    for (number, (_, stored)) in forms.iter().enumerate() {
        assert_eq!(
            held(&bed, &migration, "targets", &id(10 + number))["target"],
            *stored
        );
    }
    Ok(())
}
