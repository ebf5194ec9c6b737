//! Plugins: schemas, defaults, scopes, and what Konnect cannot run.

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::{Api, table};

#[tokio::test]
async fn refused_plugins_name_the_field() -> Result<()> {
    let api = Api::new()?;
    api.created("consumers", json!({"username": "bob"})).await?;
    for (path, body, field, reason) in table(include_str!("tables/plugins.jsonl"))? {
        let message = api.refused(&path, body.clone()).await?;
        assert!(
            message.contains(&format!("\"{field}\"")) && message.contains(&reason),
            "{body}: {message}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn configurations_are_completed_with_the_newest_defaults() -> Result<()> {
    let api = Api::new()?;
    let plugin = api
        .created("plugins", json!({"name": "key-auth", "config": {"realm": null}}))
        .await?;
    assert_eq!(plugin["config"]["hide_credentials"], true);
    assert_eq!(plugin["config"]["key_names"], json!(["apikey"]));
    assert_eq!(plugin["config"].get("anonymous"), Some(&Value::Null));
    assert_eq!(plugin["enabled"], true);

    let body =
        json!({"name": "rate-limiting", "config": {"second": 5, "redis_host": "redis", "redis_port": null}});
    let config = &api.created("plugins", body).await?["config"];
    assert_eq!(
        (&config["redis"]["host"], &config["redis"]["port"]),
        (&json!("redis"), &json!(6379))
    );
    assert_eq!(config["redis"]["ssl_verify"], true);
    assert_eq!(config.get("redis_host"), None);

    let protocols = &api
        .created(
            "plugins",
            json!({"name": "tcp-log", "config": {"host": "a", "port": 1}}),
        )
        .await?;
    assert_eq!(protocols["protocols"], json!(["grpc", "grpcs", "http", "https"]));
    Ok(())
}

#[tokio::test]
async fn partials_stand_for_the_fields_they_are_linked_at() -> Result<()> {
    let api = Api::new()?;
    let partial = json!({"name": "cache", "type": "redis-ee", "config": {"host": "redis"}});
    let partial = api.created("partials", partial).await?;
    let link = json!([{"id": partial["id"], "path": "config.redis"}]);
    let config = json!({"limit": [1], "window_size": [1], "strategy": "redis", "sync_rate": 1});
    let body = json!({"name": "rate-limiting-advanced", "config": config, "partials": link});
    let plugin = api.created("plugins", body).await?;
    assert_eq!(plugin["partials"][0]["name"], "cache");
    assert_eq!(plugin["config"]["redis"], Value::Null);

    let id = partial["id"].as_str().unwrap_or_default();
    let (_, links) = api
        .entity("GET", &format!("partials/{id}/links"), Value::Null)
        .await?;
    assert_eq!(
        (&links["count"], &links["data"][0]["id"]),
        (&json!(1), &plugin["id"])
    );
    assert_eq!(
        api.entity("DELETE", &format!("partials/{id}"), Value::Null)
            .await?
            .0,
        400
    );
    let wrong = json!({"name": "rate-limiting", "config": {"second": 1}, "partials": [{"id": id}]});
    assert!(api.refused("plugins", wrong).await?.contains("does not support"));
    Ok(())
}

#[tokio::test]
async fn an_uploaded_schema_makes_its_plugin_known() -> Result<()> {
    let api = Api::new()?;
    let lua = "local schema = {\n  name = \"my-plugin\",\n  fields = {},\n}\nreturn schema\n";
    let plugin = json!({"name": "my-plugin", "config": {"anything": 1}});
    assert!(
        api.refused("plugins", plugin.clone())
            .await?
            .contains("no plugin-schema")
    );
    let created = api.created("plugin-schemas", json!({"lua_schema": lua})).await?;
    assert_eq!(created["item"]["name"], "my-plugin");
    assert_eq!(
        api.entity("POST", "plugin-schemas", json!({"lua_schema": lua}))
            .await?
            .0,
        409
    );
    assert_eq!(
        api.entity("PUT", "plugin-schemas/my-plugin", json!({"lua_schema": lua}))
            .await?
            .0,
        200
    );
    api.created("plugins", plugin).await?;
    assert_eq!(
        api.entity("DELETE", "plugin-schemas/my-plugin", Value::Null)
            .await?
            .0,
        400
    );
    let (_, list) = api.entity("GET", "plugin-schemas", Value::Null).await?;
    assert_eq!(list["page"]["total_count"], 1);
    let with_require = json!({"lua_schema": "local x = require('foo')\nreturn {name = \"a\"}"});
    assert_eq!(api.entity("POST", "plugin-schemas", with_require).await?.0, 400);
    Ok(())
}

#[tokio::test]
async fn bundled_schemas_are_served_in_the_gateways_shape() -> Result<()> {
    let api = Api::new()?;
    let (status, schema) = api.entity("GET", "schemas/plugins/key-auth", Value::Null).await?;
    assert_eq!(status, 200);
    let config = schema["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .find_map(|field| field.get("config"));
    let fields = config
        .and_then(|config| config["fields"].as_array())
        .cloned()
        .unwrap_or_default();
    assert!(
        fields
            .iter()
            .any(|field| field["hide_credentials"]["default"] == true),
        "{fields:?}"
    );
    let (status, missing) = api.entity("GET", "schemas/plugins/nope", Value::Null).await?;
    assert_eq!(
        (status, &missing["details"][0]["messages"][0]),
        (404, &json!("no plugin-schema for 'nope'"))
    );
    Ok(())
}
