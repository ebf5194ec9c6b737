//! What a delete takes along, and what it is refused for, as the schemas of Kong 3.9 say.

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::Api;

/// How many entities a list holds.
async fn count(api: &Api, list: &str) -> Result<usize> {
    let (_, answer) = api.entity("GET", list, Value::Null).await?;
    Ok(answer["data"].as_array().map_or(0, Vec::len))
}

async fn delete(api: &Api, path: &str) -> Result<(u16, Value)> {
    api.entity("DELETE", path, Value::Null).await
}

#[tokio::test]
async fn a_service_with_routes_is_refused_and_one_without_takes_its_plugins_along() -> Result<()> {
    let api = Api::new()?;
    api.created("services", json!({"name": "cart", "host": "h"}))
        .await?;
    api.created("services/cart/routes", json!({"name": "r", "paths": ["/r"]}))
        .await?;
    api.created("services/cart/plugins", json!({"name": "cors"}))
        .await?;
    api.created(
        "routes/r/plugins",
        json!({"name": "acl", "config": {"allow": ["a"]}}),
    )
    .await?;
    let (status, answer) = delete(&api, "services/cart").await?;
    assert_eq!(status, 400);
    assert!(
        answer["details"][0]["messages"][0].to_string().contains("routes"),
        "{answer}"
    );
    assert_eq!(count(&api, "plugins").await?, 2);
    assert_eq!(delete(&api, "routes/r").await?.0, 204);
    assert_eq!(count(&api, "plugins").await?, 1);
    assert_eq!(delete(&api, "services/cart").await?.0, 204);
    assert_eq!(delete(&api, "services/cart").await?.0, 204);
    assert_eq!(
        (count(&api, "plugins").await?, count(&api, "services").await?),
        (0, 0)
    );
    Ok(())
}

#[tokio::test]
async fn a_consumer_takes_its_credentials_and_plugins_along() -> Result<()> {
    let api = Api::new()?;
    api.created("consumers", json!({"username": "bob"})).await?;
    api.created("consumers/bob/key-auth", json!({"key": "k"})).await?;
    api.created("consumers/bob/acls", json!({"group": "g"})).await?;
    api.created(
        "consumers/bob/plugins",
        json!({"name": "rate-limiting", "config": {"minute": 1}}),
    )
    .await?;
    assert_eq!(delete(&api, "consumers/bob").await?.0, 204);
    for list in ["key-auths", "acls", "plugins"] {
        assert_eq!(count(&api, list).await?, 0, "{list}");
    }
    Ok(())
}

#[tokio::test]
async fn an_upstream_takes_its_targets_along() -> Result<()> {
    let api = Api::new()?;
    let upstream = api.created("upstreams", json!({"name": "u"})).await?;
    api.created("upstreams/u/targets", json!({"target": "a:80"}))
        .await?;
    assert_eq!(delete(&api, "upstreams/u").await?.0, 204);
    // Under the same id again it is empty.
    let id = upstream["id"].as_str().unwrap_or_default();
    api.entity("PUT", &format!("upstreams/{id}"), json!({"name": "u"}))
        .await?;
    assert_eq!(count(&api, "upstreams/u/targets").await?, 0);
    Ok(())
}
