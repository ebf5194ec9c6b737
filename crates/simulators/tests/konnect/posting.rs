//! What a POST does with the id in its body, by the switch for servers of each sort.

use anyhow::Result;
use serde_json::{Value, json};
use simulators::konnect::{Options, PostWithId};

use crate::api::Api;

const ID: &str = "51de6f12-d9f9-445d-8534-5c5457870a35";

fn api(post_with_id: PostWithId) -> Result<Api> {
    Api::with(Options {
        post_with_id,
        ..Options::default()
    })
}

#[tokio::test]
async fn an_id_that_is_there_is_refused_in_the_words_of_each_sort_and_nothing_changes() -> Result<()> {
    for (posting, status, field) in [
        (PostWithId::Refuses, 400, "id"),
        (PostWithId::RefusesWith409, 409, "id"),
        (PostWithId::RefusesByField, 400, "name"),
    ] {
        let api = api(posting)?;
        let first = api
            .created("services", json!({"id": ID, "host": "a", "name": "s"}))
            .await?;
        assert_eq!(first["id"], ID);
        let again = json!({"id": ID, "host": "b", "name": "s"});
        let (answered, body) = api.entity("POST", "services", again).await?;
        assert_eq!(
            (answered, &body["details"][0]["field"]),
            (status, &json!(field)),
            "{body}"
        );
        // Where no field is held, the id is named.
        let other = json!({"id": ID, "host": "b", "name": "other"});
        let (_, body) = api.entity("POST", "services", other).await?;
        assert_eq!(body["details"][0]["field"], "id", "{posting:?}");
        let kept = api.konnect.entities(&api.control_plane, "services");
        assert_eq!((kept.len(), &kept[0]["host"]), (1, &json!("a")), "{posting:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_assigns_ids_takes_none() -> Result<()> {
    let api = api(PostWithId::AssignsIds)?;
    let body = json!({"id": ID, "host": "a"});
    let (first, second) = (
        api.created("services", body.clone()).await?,
        api.created("services", body).await?,
    );
    assert!(first["id"] != ID && second["id"] != ID && first["id"] != second["id"]);
    let path = format!("services/{ID}");
    assert_eq!(api.entity("GET", &path, Value::Null).await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn a_server_that_overwrites_replaces_what_has_the_id() -> Result<()> {
    let api = api(PostWithId::Overwrites)?;
    for host in ["a", "b"] {
        api.created("services", json!({"id": ID, "host": host})).await?;
    }
    let kept = api.konnect.entities(&api.control_plane, "services");
    assert_eq!((kept.len(), &kept[0]["host"]), (1, &json!("b")));
    Ok(())
}
