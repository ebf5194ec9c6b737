//! The Kong Admin simulator beyond what was recorded: Enterprise, access, loading and the sample workspaces.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sha1_smol::Sha1;
use simulators::kong_admin::{
    BASIC_AUTH_PASSWORDS, Clock, DEFAULT, Edition, INVENTORY, KongAdmin, Options, SALES,
};
use tower::ServiceExt as _;

fn enterprise() -> Result<KongAdmin> {
    let kong = KongAdmin::new(Options::default());
    for (workspace, dump) in [("default", DEFAULT), ("inventory", INVENTORY), ("sales", SALES)] {
        kong.load(workspace, &serde_json::from_str(dump)?)?;
    }
    Ok(kong)
}

async fn send(kong: &KongAdmin, request: Request<Body>) -> Result<(u16, Value)> {
    let response = kong.router().oneshot(request).await?;
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    Ok((
        status,
        if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)?
        },
    ))
}

async fn get(kong: &KongAdmin, path: &str) -> Result<(u16, Value)> {
    send(kong, Request::get(path).body(Body::empty())?).await
}

async fn get_as(kong: &KongAdmin, token: &str, path: &str) -> Result<(u16, Value)> {
    send(
        kong,
        Request::get(path)
            .header("Kong-Admin-Token", token)
            .body(Body::empty())?,
    )
    .await
}

/// All pages of a list, by following the offset.
async fn all_pages(kong: &KongAdmin, path: &str, size: usize) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    let mut offset = String::new();
    loop {
        let (status, body) = get(kong, &format!("{path}?size={size}{offset}")).await?;
        anyhow::ensure!(status == 200, "{path}: {status} {body}");
        rows.extend(body["data"].as_array().into_iter().flatten().cloned());
        match body["offset"].as_str() {
            Some(next) => offset = format!("&offset={next}"),
            None => return Ok(rows),
        }
    }
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["id"].as_str()).collect()
}

#[tokio::test]
async fn the_recorded_dump_is_served_as_it_was_loaded() -> Result<()> {
    let kong = enterprise()?;
    let dump: Value = serde_json::from_str(DEFAULT)?;
    let mut entities = 0;
    for (path, expected) in dump.as_object().into_iter().flatten() {
        let served = all_pages(&kong, path, 7).await?;
        assert_eq!(Some(&served), expected.as_array(), "{path}");
        entities += if path == "/tags" { 0 } else { served.len() };
    }
    assert_eq!(entities, 128);
    Ok(())
}

#[tokio::test]
async fn workspaces_are_separate_but_for_ca_certificates() -> Result<()> {
    let kong = enterprise()?;
    let names: BTreeSet<String> = all_pages(&kong, "/workspaces", 1)
        .await?
        .iter()
        .filter_map(|workspace| workspace["name"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(
        names,
        BTreeSet::from(["default", "inventory", "sales"].map(str::to_owned))
    );

    assert_eq!(
        get(&kong, "/default/services").await?,
        get(&kong, "/services").await?
    );
    assert_eq!(get(&kong, "/inventory/services/stock").await?.0, 200);
    assert_eq!(get(&kong, "/services/stock").await?.0, 404);
    assert_eq!(get(&kong, "/sales/services/stock").await?.0, 404);
    assert_eq!(
        get(&kong, "/sales/ca_certificates").await?,
        get(&kong, "/ca_certificates").await?
    );
    assert_eq!(all_pages(&kong, "/sales/ca_certificates", 100).await?.len(), 2);

    let (status, body) = get(&kong, "/nowhere/services").await?;
    assert_eq!(
        (status, &body["message"]),
        (404, &json!("Workspace 'nowhere' not found"))
    );
    let (_, sales) = get(&kong, "/workspaces/sales").await?;
    let by_id = format!("/{}/services", sales["id"].as_str().unwrap_or_default());
    assert_eq!(get(&kong, &by_id).await?, get(&kong, "/sales/services").await?);
    Ok(())
}

#[tokio::test]
async fn consumer_groups_list_their_members_in_every_documented_way() -> Result<()> {
    let kong = enterprise()?;
    let (_, gold) = get(&kong, "/sales/consumer_groups/gold").await?;
    assert_eq!(gold["consumer_group"]["name"], "gold");
    assert_eq!(gold["consumers"][0]["username"], "reseller-nord");

    let members = all_pages(&kong, "/sales/consumer_groups/standard/consumers", 1).await?;
    let in_one = get(&kong, "/sales/consumer_groups/standard/consumers").await?.1;
    assert_eq!(Some(&members), in_one["data"].as_array());
    assert_eq!(members.len(), 2);

    let groups = all_pages(&kong, "/sales/consumers/reseller-nord/consumer_groups", 1).await?;
    let names: BTreeSet<&str> = groups.iter().filter_map(|group| group["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["gold", "standard"]));

    let plugins = all_pages(&kong, "/sales/consumer_groups/gold/plugins", 100).await?;
    assert_eq!(plugins.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_partial_lists_the_plugins_that_use_it() -> Result<()> {
    let kong = enterprise()?;
    let (_, links) = get(&kong, "/sales/partials/sales-redis/links").await?;
    assert_eq!(links["count"], 3);
    let names: BTreeSet<&str> = links["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|link| link["name"].as_str())
        .collect();
    assert_eq!(names, BTreeSet::from(["rate-limiting-advanced"]));
    Ok(())
}

#[tokio::test]
async fn basic_auth_samples_hold_the_hash_that_kong_stores() -> Result<()> {
    let kong = enterprise()?;
    for (workspace, username, password) in BASIC_AUTH_PASSWORDS {
        let (status, credential) = get(&kong, &format!("/{workspace}/basic-auths/{username}")).await?;
        assert_eq!(status, 200, "{workspace}/{username}");
        let consumer = credential["consumer"]["id"].as_str().unwrap_or_default();
        let hash = Sha1::from(format!("{password}{consumer}")).digest().to_string();
        assert_eq!(credential["password"], hash, "{workspace}/{username}");
    }
    Ok(())
}

#[tokio::test]
async fn no_id_is_in_two_workspaces() -> Result<()> {
    let mut seen = BTreeSet::new();
    for dump in [DEFAULT, INVENTORY, SALES] {
        let dump: Value = serde_json::from_str(dump)?;
        for (path, entities) in dump.as_object().into_iter().flatten() {
            if path.starts_with("/consumer_groups/") {
                continue;
            }
            for id in ids(entities.as_array().map_or(&[], Vec::as_slice)) {
                assert!(seen.insert(id.to_owned()), "{path}: {id}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_token_is_asked_for_and_may_be_narrow() -> Result<()> {
    let kong = KongAdmin::new(Options {
        token: Some("s3cret".to_owned()),
        ..Options::default()
    });
    kong.load("sales", &serde_json::from_str(SALES)?)?;
    assert_eq!(get(&kong, "/services").await?.0, 401);
    assert_eq!(get_as(&kong, "wrong", "/services").await?.0, 401);
    assert_eq!(get_as(&kong, "s3cret", "/services").await?.0, 200);

    kong.forbid("/sales/basic-auths");
    kong.forbid("/*/consumers/*/key-auth");
    kong.forbid("/vaults");
    for forbidden in [
        "/sales/basic-auths",
        "/sales/basic-auths/nord",
        "/sales/consumers/web-shop/key-auth",
        "/vaults",
        "/default/vaults",
    ] {
        assert_eq!(get_as(&kong, "s3cret", forbidden).await?.0, 403, "{forbidden}");
    }
    for allowed in [
        "/basic-auths",
        "/sales/vaults",
        "/sales/key-auths",
        "/sales/consumers",
    ] {
        assert_eq!(get_as(&kong, "s3cret", allowed).await?.0, 200, "{allowed}");
    }
    kong.allow_all();
    assert_eq!(get_as(&kong, "s3cret", "/sales/basic-auths").await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn the_node_says_what_it_was_told_to_be() -> Result<()> {
    let kong = KongAdmin::new(Options {
        router_flavor: "expressions".to_owned(),
        custom_plugins: [("our-own".to_owned(), json!({ "fields": [] }))].into(),
        ..Options::default()
    });
    kong.load("sales", &serde_json::from_str(SALES)?)?;
    let (_, node) = get(&kong, "/").await?;
    assert_eq!(node["version"], "3.9.1.1-enterprise-edition");
    assert_eq!(node["configuration"]["router_flavor"], "expressions");
    for plugin in ["our-own", "rate-limiting-advanced", "key-auth"] {
        assert!(
            node["plugins"]["available_on_server"][plugin].is_object(),
            "{plugin}"
        );
    }
    assert!(
        node["plugins"]["enabled_in_cluster"]
            .as_array()
            .is_some_and(|names| names.contains(&json!("ip-restriction")))
    );
    assert_eq!(get(&kong, "/sales/kong").await?, (200, node));
    assert_eq!(
        get(&kong, "/schemas/plugins/our-own").await?,
        (200, json!({ "fields": [] }))
    );

    let open = KongAdmin::new(Options {
        edition: Edition::OpenSource,
        ..Options::default()
    });
    assert_eq!(get(&open, "/").await?.1["version"], "3.9.1");
    for absent in [
        "/workspaces",
        "/default/services",
        "/kong",
        "/consumer_groups",
        "/partials",
    ] {
        assert_eq!(
            get(&open, absent).await?,
            (404, json!({ "message": "Not found" })),
            "{absent}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn keys_run_out() -> Result<()> {
    let clock = Arc::new(AtomicI64::new(1_000_000));
    let kong = KongAdmin::new(Options {
        clock: Clock::Manual(Arc::clone(&clock)),
        ..Options::default()
    });
    let consumer = "7f9c1f0e-5a0f-4c58-9d5e-0c3e6f1d2a10";
    let key = "1d8e6a52-3c1b-4f7d-8e90-9a4b7c2d5e11";
    kong.load(
        "default",
        &json!({
            "/consumers": [{ "id": consumer, "username": "short-lived", "tags": null }],
            "/key-auths": [{ "id": key, "key": "k", "ttl": 60, "consumer": { "id": consumer } }],
        }),
    )?;
    assert_eq!(get(&kong, "/key-auths/k").await?.1["ttl"], 60);
    clock.fetch_add(10_000, Ordering::SeqCst);
    assert_eq!(get(&kong, "/key-auths").await?.1["data"][0]["ttl"], 50);
    clock.fetch_add(51_000, Ordering::SeqCst);
    assert_eq!(get(&kong, "/key-auths/k").await?.0, 404);
    assert_eq!(
        get(&kong, "/consumers/short-lived/key-auth").await?.1["data"],
        json!([])
    );
    Ok(())
}

#[tokio::test]
async fn deleting_takes_along_what_belongs_to_the_entity() -> Result<()> {
    let kong = enterprise()?;
    let (_, consumer) = get(&kong, "/sales/consumers/web-shop").await?;
    assert!(kong.delete("sales", "consumers", consumer["id"].as_str().unwrap_or_default()));
    assert_eq!(get(&kong, "/sales/key-auths/web-shop-2c9d").await?.0, 404);
    let channels = all_pages(&kong, "/sales/consumer_groups/channels/consumers", 100).await?;
    assert_eq!(channels.len(), 1);
    assert_eq!(
        all_pages(&kong, "/sales/partials/sales-redis/links", 100)
            .await?
            .len(),
        2
    );
    Ok(())
}

#[tokio::test]
async fn writes_are_refused() -> Result<()> {
    let kong = enterprise()?;
    for (method, path) in [
        ("POST", "/services"),
        ("PUT", "/sales/services/orders"),
        ("DELETE", "/sales/services/orders"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty())?;
        assert_eq!(send(&kong, request).await?.0, 405, "{method} {path}");
    }
    assert_eq!(get(&kong, "/sales/services/orders").await?.0, 200);
    Ok(())
}

#[test]
fn a_dump_with_a_fault_is_refused_with_its_place() {
    let kong = KongAdmin::new(Options::default());
    let refusal = |dump: Value| {
        kong.load("default", &dump)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert!(refusal(json!({ "/nope": [] })).starts_with("/nope: no such list"));
    assert!(refusal(json!({ "/services": [{ "name": "a" }] })).starts_with("/services: entity 0 has no id"));
    let dangling =
        json!({ "/routes": [{ "id": "1d8e6a52-3c1b-4f7d-8e90-9a4b7c2d5e11", "service": { "id": "gone" } }] });
    assert!(refusal(dangling).contains("refers to services gone"));
}

#[tokio::test]
async fn a_source_may_change_between_two_small_pages() -> Result<()> {
    let kong = KongAdmin::new(Options {
        most_per_page: 2,
        ..Options::default()
    });
    let id = |number: u8| format!("00000000-0000-4000-8000-0000000000{number:02x}");
    let services: Vec<_> = (1..=3).map(|n| json!({"id": id(n), "host": "h"})).collect();
    kong.load("default", &json!({"/services": services}))?;
    kong.after("/services", move |kong| {
        kong.delete("default", "services", &id(3));
    });
    let (_, first) = get(&kong, "/services?size=1000").await?;
    assert_eq!(first["data"].as_array().map(Vec::len), Some(2));
    let offset = first["offset"].as_str().unwrap_or_default();
    let (_, second) = get(&kong, &format!("/services?size=1000&offset={offset}")).await?;
    assert_eq!(
        (second["data"].as_array().map(Vec::len), &second["next"]),
        (Some(0), &Value::Null)
    );
    Ok(())
}
