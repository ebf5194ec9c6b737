//! Lists: pages, filters, and the hash over everything.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use simulators::konnect::Options;

use crate::api::Api;

#[tokio::test]
async fn pages_cover_every_entity_once() -> Result<()> {
    let api = Api::new()?;
    for index in 0..5 {
        api.created(
            "services",
            json!({"host": "a", "name": format!("s{index}"), "tags": ["all"]}),
        )
        .await?;
    }
    let mut path = format!(
        "/v2/control-planes/{}/core-entities/services?size=2&tags=all",
        api.control_plane
    );
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let (status, page) = api.call("GET", &path, &Value::Null).await?;
        assert_eq!(status, 200);
        pages += 1;
        names.extend(
            page["data"]
                .as_array()
                .context("data")?
                .iter()
                .map(|s| s["name"].to_string()),
        );
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => {
                assert_eq!(page.get("offset"), None);
                break;
            }
        }
    }
    names.sort();
    assert_eq!(
        (pages, names.join(",")),
        (3, r#""s0","s1","s2","s3","s4""#.to_owned())
    );
    for query in [
        "size=0",
        "size=1001",
        "size=x",
        "offset=zz",
        "tags=a,b/c",
        "tags=a,b,c,d,e,f",
    ] {
        assert_eq!(
            api.entity("GET", &format!("services?{query}"), Value::Null)
                .await?
                .0,
            400,
            "{query}"
        );
    }
    assert_eq!(api.entity("GET", "nope", Value::Null).await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn filters_select_by_tags_and_names() -> Result<()> {
    let api = Api::new()?;
    api.created(
        "services",
        json!({"host": "a", "name": "one", "tags": ["x", "y"]}),
    )
    .await?;
    api.created("services", json!({"host": "a", "name": "two", "tags": ["x"]}))
        .await?;
    for (query, count) in [
        ("tags=x", 2),
        ("tags=x,y", 1),
        ("tags=y/x", 2),
        ("tags=z", 0),
        ("filter%5Bname%5D%5Beq%5D=one", 1),
        ("filter%5Bname%5D%5Bcontains%5D=o", 2),
    ] {
        let (_, list) = api
            .entity("GET", &format!("services?{query}"), Value::Null)
            .await?;
        assert_eq!(list["data"].as_array().map(Vec::len), Some(count), "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn the_expected_hash_moves_with_every_write() -> Result<()> {
    let api = Api::new()?;
    let path = format!("/v2/control-planes/{}/expected-config-hash", api.control_plane);
    let mut seen = vec![api.call("GET", &path, &Value::Null).await?.1["expected_hash"].clone()];
    assert_eq!(seen[0], json!("0".repeat(32)));
    for name in ["a", "b", "a"] {
        let id = "51de6f12-d9f9-445d-8534-5c5457870a35";
        api.entity(
            "PUT",
            &format!("services/{id}"),
            json!({"host": "h", "name": name}),
        )
        .await?;
        let hash = api.call("GET", &path, &Value::Null).await?.1["expected_hash"].clone();
        assert!(!seen.contains(&hash), "{hash} seen before");
        assert_eq!(
            api.call("GET", &path, &Value::Null).await?.1["expected_hash"],
            hash
        );
        seen.push(hash);
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_control_plane_is_missed_by_its_entities() -> Result<()> {
    let mut api = Api::new()?;
    api.control_plane = "00000000-0000-4000-8000-000000000000".to_owned();
    let (status, answer) = api.entity("GET", "services", Value::Null).await?;
    assert_eq!((status, &answer["code"]), (404, &json!(5)));
    Ok(())
}

/// The names of all services, page by page; `between` acts after the first page.
async fn names_in_pages(api: &Api, between: impl Fn() -> Result<()>) -> Result<Vec<String>> {
    let mut path = format!(
        "/v2/control-planes/{}/core-entities/services?size=2",
        api.control_plane
    );
    let mut names = Vec::new();
    loop {
        let (_, page) = api.call("GET", &path, &Value::Null).await?;
        let data = page["data"].as_array().context("data")?;
        names.extend(
            data.iter()
                .filter_map(|one| one["name"].as_str().map(str::to_owned)),
        );
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return Ok(names),
        }
        if names.len() == 2 {
            between()?;
        }
    }
}

/// Ids in the order of lists.
fn id(number: usize) -> String {
    format!("51de6f12-d9f9-445d-8534-00000000000{number}")
}

#[tokio::test]
async fn pages_by_position_shift_while_others_write_and_those_by_entity_do_not() -> Result<()> {
    for (pages_by_position, expected) in [(true, "s1 s2 s4 s5"), (false, "s1 s2 s3 s4 s5")] {
        let api = Api::with(Options {
            pages_by_position,
            ..Options::default()
        })?;
        for number in 1..=5 {
            let body = json!({"id": id(number), "host": "h", "name": format!("s{number}")});
            api.created("services", body).await?;
        }
        let delete = || {
            api.konnect
                .remove(&api.control_plane, &format!("services/{}", id(1)))
        };
        assert_eq!(names_in_pages(&api, delete).await?.join(" "), expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_list_that_lags_leaves_out_what_a_read_by_id_shows() -> Result<()> {
    let api = Api::new()?;
    for number in 1..=3 {
        let body = json!({"id": id(number), "host": "h", "name": format!("s{number}")});
        api.created("services", body).await?;
    }
    api.konnect.leave_out("services", &id(3), Some(1));
    let rest = || Ok(());
    assert_eq!(names_in_pages(&api, rest).await?, ["s1", "s2"]);
    assert_eq!(names_in_pages(&api, rest).await?, ["s1", "s2", "s3"], "once");
    api.konnect.leave_out("services", &id(1), None);
    for _ in 0..3 {
        assert_eq!(names_in_pages(&api, rest).await?, ["s2", "s3"], "for ever");
    }
    let path = format!("services/{}", id(1));
    assert_eq!(api.entity("GET", &path, Value::Null).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn lists_of_members_and_of_schemas_lag_too() -> Result<()> {
    let api = Api::new()?;
    let group = api.created("consumer_groups", json!({"name": "g"})).await?;
    let consumer = api.created("consumers", json!({"username": "u"})).await?;
    let (group, consumer) = (group["id"].as_str(), consumer["id"].as_str());
    let (group, consumer) = (group.context("an id")?, consumer.context("an id")?);
    let (below, above) = (
        format!("consumer_groups/{group}/consumers"),
        format!("consumers/{consumer}/consumer_groups"),
    );
    api.created(&below, json!({"consumer": consumer})).await?;
    let lua = r#"return { name = "stamp", fields = {} }"#;
    api.created("plugin-schemas", json!({"lua_schema": lua})).await?;
    let member = format!("{group}/{consumer}");
    api.konnect
        .leave_out("consumer_groups/consumers", &member, Some(2));
    api.konnect.leave_out("plugin-schemas", "stamp", Some(2));
    let count = async |path: &str, list: &str| {
        let (_, page) = api.entity("GET", path, Value::Null).await?;
        anyhow::Ok(page[list].as_array().map(Vec::len))
    };
    for expected in [Some(0), Some(1)] {
        assert_eq!(count(&below, "data").await?, expected);
        assert_eq!(count(&above, "data").await?, expected);
    }
    for expected in [Some(0), Some(0), Some(1)] {
        assert_eq!(count("plugin-schemas", "items").await?, expected);
    }
    Ok(())
}
