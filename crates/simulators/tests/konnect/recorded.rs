//! The entities of a recorded gateway, as a client would send them: only documented fields, no forbidden nulls.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::api::Api;

/// List path, schema name, and the parent's list, reference and nested segment where writes go below a parent.
type Row = (
    &'static str,
    &'static str,
    Option<(&'static str, &'static str, &'static str)>,
);

/// Parents before children.
const KINDS: [Row; 19] = [
    ("vaults", "Vault", None),
    ("ca_certificates", "CACertificate", None),
    ("certificates", "CertificateRequest", None),
    ("snis", "SNI", None),
    ("key-sets", "KeySet", None),
    ("keys", "Key", None),
    ("services", "Service", None),
    ("routes", "RouteJson", None),
    ("upstreams", "Upstream", None),
    (
        "targets",
        "TargetWithoutParents",
        Some(("upstreams", "upstream", "targets")),
    ),
    ("consumers", "Consumer", None),
    (
        "key-auths",
        "KeyAuthWithoutParents",
        Some(("consumers", "consumer", "key-auth")),
    ),
    (
        "basic-auths",
        "BasicAuthWithoutParents",
        Some(("consumers", "consumer", "basic-auth")),
    ),
    (
        "hmac-auths",
        "HMACAuthWithoutParents",
        Some(("consumers", "consumer", "hmac-auth")),
    ),
    (
        "jwts",
        "JWTWithoutParents",
        Some(("consumers", "consumer", "jwt")),
    ),
    (
        "acls",
        "ACLWithoutParents",
        Some(("consumers", "consumer", "acls")),
    ),
    ("consumer_groups", "ConsumerGroup", None),
    ("partials", "Partial", None),
    ("plugins", "Plugin", None),
];

fn read(path: &str) -> Result<Value> {
    let path = format!("{}/data/{path}", env!("CARGO_MANIFEST_DIR"));
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

/// Recorded entities of a kind; targets are recorded once per upstream.
fn recorded(dump: &Value, path: &str) -> Vec<Value> {
    let lists = dump.as_object().into_iter().flatten();
    let wanted = lists.filter(|(list, _)| {
        **list == format!("/{path}") || (path == "targets" && list.ends_with("/targets"))
    });
    wanted
        .flat_map(|(_, entities)| entities.as_array().cloned().unwrap_or_default())
        .collect()
}

/// What the schema knows of a value, without nulls that it forbids.
fn documented(schema: &Value, value: &Value) -> Value {
    if schema["discriminator"].is_object() {
        // Partials: only `config` differs between the types, and nothing in it may be null.
        return without_nulls(value);
    }
    if let Some(items) = value.as_array() {
        return items
            .iter()
            .map(|item| documented(&schema["items"], item))
            .collect();
    }
    let properties = schema["allOf"][0]["properties"]
        .as_object()
        .or(schema["properties"].as_object());
    let (Some(properties), Some(map)) = (properties, value.as_object()) else {
        return value.clone();
    };
    let mut kept = Map::new();
    for (name, value) in map {
        let Some(property) = properties.get(name) else {
            continue;
        };
        if matches!(name.as_str(), "created_at" | "updated_at")
            || (value.is_null() && property["nullable"] != true)
        {
            continue;
        }
        kept.insert(name.clone(), documented(property, value));
    }
    Value::Object(kept)
}

fn without_nulls(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return value.clone();
    };
    map.iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, v)| (name.clone(), without_nulls(v)))
        .collect()
}

/// Puts one entity by id and checks that the answer holds what was sent.
async fn put(api: &Api, path: &str, schema: &Value, entity: &Value) -> Result<()> {
    let body = documented(schema, entity);
    let id = entity["id"].as_str().context("an entity has an id")?;
    let (path, query) = if path.ends_with("basic-auth") {
        (path, "?skip_hash=true")
    } else {
        (path, "")
    };
    let (status, answer) = api
        .entity("PUT", &format!("{path}/{id}{query}"), body.clone())
        .await?;
    assert_eq!(status, 200, "PUT {path} {body}: {answer}");
    for (name, sent) in body
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, sent)| !sent.is_null())
    {
        match name.as_str() {
            // Names of a certificate come from its SNI entities, which are put later.
            "snis" | "created_at" | "updated_at" => {}
            "config" => assert_config_kept(sent, &answer["config"], path),
            _ => assert_eq!(&answer[name], sent, "{path} {name}"),
        }
    }
    Ok(())
}

fn assert_config_kept(sent: &Value, stored: &Value, path: &str) {
    for (name, sent) in sent
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, sent)| !sent.is_null())
    {
        if name.starts_with("redis_") {
            assert!(stored.get(name).is_none(), "{path}: deprecated {name} is kept");
        } else if sent.is_object() {
            assert_config_kept(sent, &stored[name], path);
        } else {
            assert_eq!(&stored[name], sent, "{path} {name}");
        }
    }
}

/// Where an entity is written: its list, or the nested one below its parent.
fn place(path: &str, parent: Option<(&str, &str, &str)>, entity: &Value) -> String {
    match parent {
        None => path.to_owned(),
        Some((list, reference, segment)) => {
            format!(
                "{list}/{}/{segment}",
                entity[reference]["id"].as_str().unwrap_or_default()
            )
        }
    }
}

/// Puts everything that can move, in order; the number of entities and the plugins that cannot.
async fn put_all(api: &Api, dump: &Value, document: &Value) -> Result<(usize, Vec<Value>)> {
    let (mut moved, mut left) = (0, Vec::new());
    for (path, schema, parent) in KINDS {
        for entity in recorded(dump, path) {
            if entity["name"] == "oauth2" || entity["config"]["storage"] == "kong" {
                left.push(entity);
                continue;
            }
            put(
                api,
                &place(path, parent, &entity),
                &document["schemas"][schema],
                &entity,
            )
            .await?;
            moved += 1;
        }
    }
    Ok((moved, left))
}

#[tokio::test]
async fn every_movable_recorded_entity_is_accepted_twice() -> Result<()> {
    let (dump, document) = (
        read("kong-admin-3.9.1/full-dump.json")?,
        read("konnect/entities.json")?,
    );
    let api = Api::new()?;
    for _ in 0..2 {
        let (moved, left) = put_all(&api, &dump, &document).await?;
        assert_eq!((moved, left.len()), (123, 2));
        for plugin in left {
            let body = documented(&document["schemas"]["Plugin"], &plugin);
            let message = api.refused("plugins", body).await?;
            assert!(message.contains("Konnect"), "{message}");
        }
    }
    let stored = KINDS
        .iter()
        .map(|kind| api.konnect.entities(&api.control_plane, kind.0).len());
    assert_eq!(stored.sum::<usize>(), 123);
    Ok(())
}

#[tokio::test]
async fn sample_workspaces_move_with_groups_and_members() -> Result<()> {
    let document = read("konnect/entities.json")?;
    for workspace in ["inventory", "sales"] {
        let dump = read(&format!("workspaces/{workspace}.json"))?;
        let api = Api::new()?;
        let (moved, left) = put_all(&api, &dump, &document).await?;
        assert!(
            moved > 30 && left.is_empty(),
            "{workspace}: {moved} moved, left {left:?}"
        );
        for (list, consumers) in dump.as_object().into_iter().flatten() {
            let Some(path) = list
                .strip_prefix('/')
                .filter(|path| path.starts_with("consumer_groups/"))
            else {
                continue;
            };
            for consumer in consumers.as_array().into_iter().flatten() {
                api.created(path, json!({"consumer": consumer["id"]})).await?;
            }
            let (_, members) = api.entity("GET", path, Value::Null).await?;
            assert_eq!(
                members["data"].as_array().map(Vec::len),
                consumers.as_array().map(Vec::len)
            );
        }
    }
    Ok(())
}

/// What a read returns can be put back unchanged: answers fit the schema of requests.
#[tokio::test]
async fn a_read_entity_can_be_put_back() -> Result<()> {
    let document = read("konnect/entities.json")?;
    let api = Api::new()?;
    put_all(&api, &read("kong-admin-3.9.1/full-dump.json")?, &document).await?;
    put_all(&api, &read("workspaces/sales.json")?, &document).await?;
    for (path, _, parent) in KINDS {
        for mut before in api.konnect.entities(&api.control_plane, path) {
            let id = before["id"].as_str().context("an entity has an id")?.to_owned();
            let to = format!("{}/{id}?skip_hash=true", place(path, parent, &before));
            let (status, mut after) = api.entity("PUT", &to, before.clone()).await?;
            assert_eq!(status, 200, "{before}: {after}");
            // The write changes the time, and stored certificates know nothing of their names.
            for entity in [&mut before, &mut after]
                .into_iter()
                .filter_map(Value::as_object_mut)
            {
                entity.retain(|name, _| name != "updated_at" && (name != "snis" || path == "routes"));
            }
            assert_eq!(after, before);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_moved_hash_lets_the_original_password_in() -> Result<()> {
    let api = Api::new()?;
    let consumer = api.created("consumers", json!({"username": "bob"})).await?;
    let place = format!(
        "consumers/{}/basic-auth",
        consumer["id"].as_str().unwrap_or_default()
    );
    let stored = api
        .created(&place, json!({"username": "bob", "password": "hunter2"}))
        .await?;
    assert_ne!(stored["password"], "hunter2");
    assert!(
        api.konnect
            .verify_basic_auth(&api.control_plane, "bob", "hunter2")
    );

    let path = format!("{place}/{}", stored["id"].as_str().unwrap_or_default());
    let body = json!({"username": "bob", "password": stored["password"]});
    let (status, kept) = api
        .entity("PUT", &format!("{path}?skip_hash=true"), body.clone())
        .await?;
    assert_eq!((status, &kept["password"]), (200, &stored["password"]));
    assert!(
        api.konnect
            .verify_basic_auth(&api.control_plane, "bob", "hunter2")
    );

    assert_eq!(api.entity("PUT", &path, body).await?.0, 200);
    assert!(
        !api.konnect
            .verify_basic_auth(&api.control_plane, "bob", "hunter2"),
        "a hash was hashed again"
    );
    Ok(())
}
