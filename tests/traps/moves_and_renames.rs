//! Trap 13: an SNI moved between certificates, a unique key renamed, an upstream with a new id.

use anyhow::Result;
use serde_json::{Value, json};
use simulators::bed::Bed;

use super::support::{WORKSPACE, apply, bed_with, found, id, like, migration, move_all, plan, sample};

/// Two certificates, one SNI, two consumers, one upstream.
async fn workspace() -> Result<(Bed, [Value; 2])> {
    let mut pair = [
        sample("inventory", "/certificates")?.remove(0),
        sample("sales", "/certificates")?.remove(0),
    ];
    for certificate in &mut pair {
        certificate["snis"] = json!([]);
    }
    let sni = like(
        "sales",
        "/snis",
        json!({"id": id(1), "name": "moving.example", "certificate": {"id": pair[0]["id"]}}),
    )?;
    let consumer = |number: usize, name: &str| {
        like(
            "sales",
            "/consumers",
            json!({"id": id(number), "username": name, "custom_id": null}),
        )
    };
    let upstream = like("sales", "/upstreams", json!({"id": id(4), "name": "pool"}))?;
    let lists = json!({
        // The SNI comes with its own list, as the gateway returns it.
        "/certificates": pair.iter().map(|c| { let mut c = c.clone(); c.as_object_mut().map(|c| c.remove("snis")); c }).collect::<Vec<_>>(),
        "/snis": [sni], "/consumers": [consumer(2, "one")?, consumer(3, "two")?], "/upstreams": [upstream],
    });
    Ok((bed_with(&lists).await?, pair))
}

#[tokio::test]
async fn into_an_empty_control_plane_all_go_in_one_pass() -> Result<()> {
    let (bed, pair) = workspace().await?;
    let sni = like(
        "sales",
        "/snis",
        json!({"id": id(1), "name": "moving.example", "certificate": {"id": pair[1]["id"]}}),
    )?;
    bed.kong.put(WORKSPACE, "snis", sni)?;
    bed.kong.delete(WORKSPACE, "upstreams", &id(4));
    bed.kong.put(
        WORKSPACE,
        "upstreams",
        like("sales", "/upstreams", json!({"id": id(5), "name": "pool"}))?,
    )?;
    let migration = migration(&bed, WORKSPACE).await?;
    move_all(&bed, &migration).await?;
    Ok(())
}

#[tokio::test]
async fn over_what_is_there_each_is_named_and_nothing_is_deleted_or_overwritten() -> Result<()> {
    let (bed, pair) = workspace().await?;
    let migration = migration(&bed, WORKSPACE).await?;
    move_all(&bed, &migration).await?;
    let sni = like(
        "sales",
        "/snis",
        json!({"id": id(1), "name": "moving.example", "certificate": {"id": pair[1]["id"]}}),
    )?;
    bed.kong.put(WORKSPACE, "snis", sni)?;
    let consumer = |number: usize, name: &str| {
        like(
            "sales",
            "/consumers",
            json!({"id": id(number), "username": name, "custom_id": null}),
        )
    };
    bed.kong.put(WORKSPACE, "consumers", consumer(2, "renamed")?)?;
    bed.kong.put(WORKSPACE, "consumers", consumer(6, "one")?)?;
    bed.kong.delete(WORKSPACE, "upstreams", &id(4));
    bed.kong.put(
        WORKSPACE,
        "upstreams",
        like("sales", "/upstreams", json!({"id": id(5), "name": "pool"}))?,
    )?;

    let before = bed.konnect_server.stats().writes;
    let planned = plan(&migration).await?;
    assert_eq!(
        found(&planned, "target-differs"),
        [format!("consumers/{}", id(2)), format!("snis/{}", id(1))]
    );
    assert_eq!(
        found(&planned, "name-waits-for-update"),
        [format!("consumers/{}", id(6))]
    );
    assert_eq!(found(&planned, "name-taken"), [format!("upstreams/{}", id(5))]);
    apply(&migration, &planned).await;
    assert_eq!(bed.konnect_server.stats().writes, before);
    Ok(())
}
