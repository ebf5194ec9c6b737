//! Unique and foreign keys.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::api::Api;

const MISSING: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn a_taken_key_is_a_400_with_the_field() -> Result<()> {
    let api = Api::new()?;
    let service = api.created("services", json!({"host": "a", "name": "s"})).await?;
    let scope = json!({"id": service["id"]});
    api.created("consumers", json!({"username": "bob", "custom_id": "1"}))
        .await?;
    api.created("upstreams", json!({"name": "up"})).await?;
    let firsts_and_seconds = [
        ("services", json!({"host": "b", "name": "s"}), "name"),
        ("consumers", json!({"username": "bob"}), "username"),
        (
            "consumers",
            json!({"username": "eve", "custom_id": "1"}),
            "custom_id",
        ),
        ("upstreams", json!({"name": "up"}), "name"),
    ];
    for (path, body, field) in firsts_and_seconds {
        assert_unique(&api, path, body, field).await?;
    }
    for (path, body, field) in [
        ("routes", json!({"name": "r", "paths": ["/"]}), "name"),
        ("consumer_groups", json!({"name": "g"}), "name"),
        ("vaults", json!({"name": "env", "prefix": "v"}), "prefix"),
        ("key-sets", json!({"name": "k"}), "name"),
        ("keys", json!({"kid": "k", "jwk": "{\"kid\":\"k\"}"}), "kid"),
        (
            "partials",
            json!({"name": "p", "type": "redis-ce", "config": {}}),
            "name",
        ),
        ("upstreams/up/targets", json!({"target": "a:1"}), "target"),
        ("consumers/bob/key-auth", json!({"key": "secret"}), "key"),
        (
            "consumers/bob/basic-auth",
            json!({"username": "u", "password": "p"}),
            "username",
        ),
        ("consumers/bob/hmac-auth", json!({"username": "u"}), "username"),
        ("consumers/bob/jwt", json!({"key": "k"}), "key"),
        ("consumers/bob/acls", json!({"group": "g"}), "group"),
        (
            "plugins",
            json!({"name": "key-auth", "service": scope}),
            "unique-plugin-per-entity",
        ),
        ("plugins", json!({"name": "key-auth"}), "unique-plugin-per-entity"),
        (
            "plugins",
            json!({"name": "cors", "instance_name": "i"}),
            "instance_name",
        ),
    ] {
        api.created(path, body.clone()).await?;
        assert_unique(&api, path, body, field).await?;
    }
    Ok(())
}

async fn assert_unique(api: &Api, path: &str, body: Value, field: &str) -> Result<()> {
    let message = api.refused(path, body).await?;
    assert!(
        message.starts_with("data constraint error: ERROR_TYPE_REFERENCE"),
        "{path}: {message}"
    );
    assert!(
        message.contains(&format!("\"{field}\"")) && message.contains("(type: unique)"),
        "{path}: {message}"
    );
    Ok(())
}

#[tokio::test]
async fn a_freed_key_can_be_taken_again() -> Result<()> {
    let api = Api::new()?;
    let first = api.created("services", json!({"host": "a", "name": "s"})).await?;
    let path = format!("services/{}", first["id"].as_str().context("id")?);
    assert_eq!(
        api.entity("PUT", &path, json!({"host": "a", "name": "renamed"}))
            .await?
            .0,
        200
    );
    api.created("services", json!({"host": "b", "name": "s"})).await?;
    assert_eq!(
        api.entity("PUT", &path, json!({"host": "a", "name": "s"}))
            .await?
            .0,
        400
    );
    let again = json!({"host": "a", "id": first["id"]});
    assert!(api.refused("services", again).await?.contains("\"id\""));
    Ok(())
}

#[tokio::test]
async fn references_must_lead_somewhere() -> Result<()> {
    let api = Api::new()?;
    let missing = json!({"id": MISSING});
    for (path, body, field) in [
        (
            "routes",
            json!({"paths": ["/"], "service": missing}),
            "service.id",
        ),
        ("plugins", json!({"name": "cors", "route": missing}), "route.id"),
        (
            "keys",
            json!({"kid": "k", "jwk": "{\"kid\":\"k\"}", "set": missing}),
            "set.id",
        ),
        (
            "snis",
            json!({"name": "a", "certificate": missing}),
            "certificate.id",
        ),
    ] {
        let message = api.refused(path, body).await?;
        let expected = format!("data constraint error: ERROR_TYPE_REFERENCE \"{field}\"");
        assert!(
            message.starts_with(&expected) && message.contains("(type: foreign)"),
            "{message}"
        );
    }
    let (status, answer) = api
        .entity("POST", &format!("consumers/{MISSING}/key-auth"), json!({}))
        .await?;
    assert_eq!((status, &answer["code"]), (404, &json!(5)));
    Ok(())
}

#[tokio::test]
async fn parents_with_routes_stay_and_other_children_go_along() -> Result<()> {
    let api = Api::new()?;
    api.created("services", json!({"host": "a", "name": "s"})).await?;
    let route = api
        .created("services/s/routes", json!({"paths": ["/"], "name": "r"}))
        .await?;
    api.created("routes/r/plugins", json!({"name": "cors"})).await?;
    let (status, answer) = api.entity("DELETE", "services/s", Value::Null).await?;
    assert_eq!(
        (status, &answer["details"][0]["type"]),
        (400, &json!("ERROR_TYPE_REFERENCE")),
        "{route}"
    );
    assert_eq!(api.entity("DELETE", "routes/r", Value::Null).await?.0, 204);
    assert_eq!(api.entity("DELETE", "services/s", Value::Null).await?.0, 204);
    assert!(api.konnect.entities(&api.control_plane, "plugins").is_empty());

    api.created("consumers", json!({"username": "bob"})).await?;
    api.created("consumers/bob/key-auth", json!({"key": "k"})).await?;
    assert_eq!(api.entity("DELETE", "consumers/bob", Value::Null).await?.0, 204);
    assert!(api.konnect.entities(&api.control_plane, "key-auths").is_empty());
    api.created("consumers", json!({"username": "bob"})).await?;
    api.created("consumers/bob/key-auth", json!({"key": "k"})).await?;
    Ok(())
}
