//! Which bodies are accepted and refused, kind by kind.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::api::{Api, table};

const ID: &str = "51de6f12-d9f9-445d-8534-5c5457870a35";

#[tokio::test]
async fn refused_bodies_name_the_field() -> Result<()> {
    let api = Api::new()?;
    for (path, body, field, reason) in table(include_str!("tables/bodies.jsonl"))? {
        let message = api.refused(&path, body.clone()).await?;
        assert!(
            message.starts_with("validation error"),
            "{path} {body}: {message}"
        );
        assert!(message.contains(&reason), "{path} {body}: {message}");
        let expected = if field.is_empty() {
            "ERROR_TYPE_ENTITY null".to_owned()
        } else {
            format!("\"{field}\"")
        };
        assert!(message.contains(&expected), "{path} {body}: {message}");
        assert!(api.konnect.entities(&api.control_plane, &path).is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_object_is_refused_everywhere() -> Result<()> {
    let api = Api::new()?;
    let kinds = [
        "services",
        "routes",
        "upstreams",
        "consumers",
        "consumer_groups",
        "certificates",
        "snis",
    ];
    let more = [
        "ca_certificates",
        "keys",
        "key-sets",
        "vaults",
        "partials",
        "plugins",
        "schemas/routes/validate",
    ];
    for path in kinds.iter().chain(&more) {
        for body in [json!([]), json!("text"), json!(1), json!([{}])] {
            api.refused(path, body).await?;
        }
    }
    let redis = json!({"name": "rate-limiting", "config": {"redis": "x", "redis_host": "a"}});
    assert!(api.refused("plugins", redis).await?.contains("config.redis"));
    Ok(())
}

#[tokio::test]
async fn absent_fields_and_nulls_get_the_newest_defaults() -> Result<()> {
    let api = Api::new()?;
    let route = api
        .created(
            "routes",
            json!({"paths": ["/"], "strip_path": null, "tags": null}),
        )
        .await?;
    assert_eq!(route["protocols"], json!(["https"]));
    assert_eq!(route["strip_path"], true);
    assert_eq!(route.get("tags"), None);
    assert!(
        route["created_at"].is_u64() && route["updated_at"].is_u64(),
        "{route}"
    );

    let body = json!({"name": "a", "healthchecks": {"active": {"timeout": 2}}});
    let upstream = api.created("upstreams", body).await?;
    assert_eq!(upstream["healthchecks"]["active"]["timeout"], 2);
    assert_eq!(
        upstream["healthchecks"]["active"]["healthy"]["http_statuses"],
        json!([200, 302])
    );
    assert_eq!(upstream["healthchecks"]["passive"]["type"], "http");

    let expression = json!({"expression": "http.path == \"/\"", "priority": 3});
    assert_eq!(api.created("routes", expression).await?.get("paths"), None);

    let partial = json!({"name": "cache", "type": "redis-ee", "config": {"host": "redis"}});
    assert_eq!(api.created("partials", partial).await?["config"]["port"], 6379);
    Ok(())
}

#[tokio::test]
async fn put_replaces_the_whole_object_and_keeps_the_chosen_id() -> Result<()> {
    let api = Api::new()?;
    let path = format!("services/{ID}");
    let (status, first) = api
        .entity("PUT", &path, json!({"host": "a", "retries": 2, "name": "s"}))
        .await?;
    assert_eq!((status, &first["id"]), (200, &json!(ID)));
    let (_, second) = api.entity("PUT", &path, json!({"host": "b"})).await?;
    assert_eq!((&second["retries"], second.get("name")), (&json!(5), None));
    assert_eq!(second["created_at"], first["created_at"]);
    assert_ne!(second["updated_at"], first["updated_at"]);

    // A name in the path lets the server choose the id, once.
    let (_, named) = api
        .entity("PUT", "services/by-name", json!({"host": "a"}))
        .await?;
    let (_, again) = api
        .entity("PUT", "services/by-name", json!({"host": "b", "name": "by-name"}))
        .await?;
    assert_eq!(named["id"], again["id"]);
    assert_eq!(
        api.entity("GET", "services/by-name", Value::Null).await?,
        (200, again)
    );
    assert_eq!(api.entity("PATCH", &path, json!({"host": "c"})).await?.0, 405);
    assert_eq!(api.entity("DELETE", &path, Value::Null).await?.0, 204);
    assert_eq!(api.entity("DELETE", &path, Value::Null).await?.0, 204);
    assert_eq!(api.entity("GET", &path, Value::Null).await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn credentials_and_targets_are_written_below_their_parents_only() -> Result<()> {
    let api = Api::new()?;
    let consumer = api.created("consumers", json!({"username": "bob"})).await?;
    let consumer = consumer["id"].as_str().context("id")?;
    let bodies = [
        ("key-auths", "key-auth", json!({})),
        (
            "basic-auths",
            "basic-auth",
            json!({"username": "a", "password": "b"}),
        ),
        ("hmac-auths", "hmac-auth", json!({"username": "a"})),
        ("jwts", "jwt", json!({})),
        ("acls", "acls", json!({"group": "a"})),
    ];
    for (flat, nested, body) in bodies {
        assert_eq!(api.entity("POST", flat, body.clone()).await?.0, 405, "{flat}");
        assert_eq!(
            api.entity("PUT", &format!("{flat}/{ID}"), body.clone()).await?.0,
            405,
            "{flat}"
        );
        let created = api
            .created(&format!("consumers/{consumer}/{nested}"), body)
            .await?;
        assert_eq!(created["consumer"]["id"], consumer);
        assert_eq!(
            api.entity("GET", flat, Value::Null).await?.1["data"],
            json!([created])
        );
    }
    let jwt = &api.konnect.entities(&api.control_plane, "jwts")[0];
    assert!(
        jwt["secret"].is_string() && jwt["key"].is_string() && jwt["algorithm"] == "HS256",
        "{jwt}"
    );
    let jwt = json!({"algorithm": "RS256"});
    assert!(
        api.refused(&format!("consumers/{consumer}/jwt"), jwt)
            .await?
            .contains("rsa_public_key")
    );

    api.created("upstreams", json!({"name": "up"})).await?;
    assert_eq!(
        api.entity("POST", "targets", json!({"target": "a:1"})).await?.0,
        405
    );
    let target = api
        .created("upstreams/up/targets", json!({"target": "a"}))
        .await?;
    assert_eq!(
        (&target["target"], &target["weight"]),
        (&json!("a:8000"), &json!(100))
    );
    assert!(target["created_at"].is_f64());
    Ok(())
}

#[tokio::test]
async fn equal_targets_of_two_upstreams_are_two_entities() -> Result<()> {
    let api = Api::new()?;
    for upstream in ["one", "two"] {
        api.created("upstreams", json!({"name": upstream})).await?;
        let path = format!("upstreams/{upstream}/targets/a:1");
        let (status, target) = api.entity("PUT", &path, json!({"target": "a:1"})).await?;
        assert_eq!(status, 200, "{target}");
        assert_eq!(api.entity("GET", &path, Value::Null).await?, (200, target));
    }
    assert_eq!(api.konnect.entities(&api.control_plane, "targets").len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_missing_target_can_only_be_posted_when_the_switch_says_so() -> Result<()> {
    let options = simulators::konnect::Options {
        target_put_missing_is_404: true,
        ..Default::default()
    };
    let api = Api::with(options)?;
    api.created("upstreams", json!({"name": "up"})).await?;
    let path = format!("upstreams/up/targets/{ID}");
    assert_eq!(api.entity("PUT", &path, json!({"target": "a:1"})).await?.0, 404);
    api.created("upstreams/up/targets", json!({"target": "a:1", "id": ID}))
        .await?;
    let (status, answer) = api
        .entity("PUT", &path, json!({"target": "a:1", "weight": 0}))
        .await?;
    assert_eq!((status, &answer["weight"]), (200, &json!(0)));
    Ok(())
}

#[tokio::test]
async fn certificates_must_match_their_keys_and_show_their_names() -> Result<()> {
    let api = Api::new()?;
    let own = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()])?;
    let other = rcgen::KeyPair::generate()?;
    let cert = own.cert.pem();
    let refused = api
        .refused(
            "certificates",
            json!({"cert": cert, "key": other.serialize_pem()}),
        )
        .await?;
    assert!(refused.contains("does not match"), "{refused}");
    let body = json!({"cert": cert, "key": own.signing_key.serialize_pem(), "snis": ["ignored.example"]});
    let created = api.created("certificates", body).await?;
    assert_eq!(created["snis"], json!([]));
    api.created(
        "snis",
        json!({"name": "a.example", "certificate": {"id": created["id"]}}),
    )
    .await?;
    let path = format!("certificates/{}", created["id"].as_str().context("id")?);
    assert_eq!(
        api.entity("GET", &path, Value::Null).await?.1["snis"],
        json!(["a.example"])
    );
    assert!(
        api.refused("ca_certificates", json!({"cert": cert}))
            .await?
            .contains("CA")
    );
    let reference = json!({"cert": "{vault://v/cert}", "key": "{vault://v/key}"});
    api.created("certificates", reference).await?;
    Ok(())
}

#[tokio::test]
async fn validation_alone_stores_nothing() -> Result<()> {
    let api = Api::new()?;
    let (status, _) = api
        .entity("POST", "schemas/services/validate", json!({"host": "a"}))
        .await?;
    assert_eq!(
        (status, api.konnect.entities(&api.control_plane, "services").len()),
        (200, 0)
    );
    let (status, answer) = api
        .entity("POST", "schemas/plugins/validate", json!({"name": "nope"}))
        .await?;
    assert_eq!((status, &answer["details"][0]["field"]), (400, &json!("name")));
    assert_eq!(
        api.entity("POST", "schemas/nope/validate", json!({})).await?.0,
        404
    );
    Ok(())
}
