//! Consumer groups and their members.

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::Api;

#[tokio::test]
async fn members_are_posted_listed_and_removed_from_both_sides() -> Result<()> {
    let api = Api::new()?;
    let group = api.created("consumer_groups", json!({"name": "gold"})).await?;
    let bob = api.created("consumers", json!({"username": "bob"})).await?;
    let eve = api.created("consumers", json!({"username": "eve"})).await?;

    let added = api
        .created("consumer_groups/gold/consumers", json!({"consumer": bob["id"]}))
        .await?;
    assert_eq!(added, json!({"consumer_group": group, "consumers": [bob]}));
    let added = api
        .created("consumers/eve/consumer_groups", json!({"group": "gold"}))
        .await?;
    assert_eq!(added, json!({"consumer": eve, "consumer_groups": [group]}));
    let message = api
        .refused("consumer_groups/gold/consumers", json!({"consumer": "bob"}))
        .await?;
    assert!(message.contains("(type: unique)"), "{message}");
    let message = api
        .refused("consumer_groups/gold/consumers", json!({"consumer": "nobody"}))
        .await?;
    assert!(message.contains("(type: foreign)"), "{message}");
    let path = "consumer_groups/gold/consumers/bob";
    assert_eq!(api.entity("PUT", path, json!({})).await?.0, 405);

    let (_, list) = api
        .entity("GET", "consumer_groups/gold/consumers?size=1", Value::Null)
        .await?;
    assert_eq!(
        (list["data"].as_array().map(Vec::len), list["offset"].is_string()),
        (Some(1), true)
    );
    let (_, wrapped) = api.entity("GET", "consumer_groups/gold", Value::Null).await?;
    assert_eq!(wrapped, json!({"consumer_group": group}));

    assert_eq!(api.entity("DELETE", path, Value::Null).await?.0, 204);
    assert_eq!(api.entity("DELETE", path, Value::Null).await?.0, 204);
    let (_, list) = api
        .entity("GET", "consumers/eve/consumer_groups", Value::Null)
        .await?;
    assert_eq!(list["data"], json!([group]));
    assert_eq!(
        api.entity("DELETE", "consumer_groups/gold/consumers", Value::Null)
            .await?
            .0,
        204
    );
    let id = group["id"].as_str().unwrap_or_default();
    assert!(api.konnect.group_members(&api.control_plane, id).is_empty());
    Ok(())
}

#[tokio::test]
async fn a_deleted_consumer_leaves_its_groups() -> Result<()> {
    let api = Api::new()?;
    let group = api.created("consumer_groups", json!({"name": "gold"})).await?;
    api.created("consumers", json!({"username": "bob"})).await?;
    api.created("consumer_groups/gold/consumers", json!({"consumer": "bob"}))
        .await?;
    api.konnect.remove(&api.control_plane, "consumers/bob")?;
    let id = group["id"].as_str().unwrap_or_default();
    assert!(api.konnect.group_members(&api.control_plane, id).is_empty());
    assert_eq!(
        api.entity("DELETE", "consumer_groups/gold", Value::Null).await?.0,
        204
    );
    assert_eq!(
        api.entity("GET", "consumer_groups/gold/consumers", Value::Null)
            .await?
            .0,
        404
    );
    Ok(())
}
