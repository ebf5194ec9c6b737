use anyhow::Result;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use simulators::konnect::{Konnect, Options, Side, TokenState};
use tower::ServiceExt as _;

use crate::api::{Api, TOKEN};

#[tokio::test]
async fn each_side_knows_its_own_paths_alone() -> Result<()> {
    let konnect = Konnect::new(Options::default());
    let ask = async |side: Side, host: Option<&str>, path: &str| -> Result<u16> {
        let mut request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = konnect.router(side).oneshot(request.body(Body::empty())?).await?;
        Ok(answer.status().as_u16())
    };
    let (identity, planes) = ("/v3/organizations/me", "/v2/control-planes");
    for (side, host, of_identity, of_planes) in [
        (Side::Region, None, 404, 200),
        (Side::Global, None, 200, 404),
        (Side::Both, None, 200, 200),
        // A name of Konnect decides, whatever the address.
        (Side::Region, Some("global.api.konghq.com"), 200, 404),
        (Side::Global, Some("eu.api.konghq.com:443"), 404, 200),
        (Side::Region, Some("127.0.0.1:8443"), 404, 200),
    ] {
        assert_eq!(ask(side, host, identity).await?, of_identity, "{side:?} {host:?}");
        assert_eq!(ask(side, host, planes).await?, of_planes, "{side:?} {host:?}");
    }
    Ok(())
}

#[tokio::test]
async fn tokens_decide_between_401_403_and_200() -> Result<()> {
    let mut api = Api::new()?;
    let me = "/v3/organizations/me";
    assert_eq!(api.call("GET", me, &Value::Null).await?.0, 200);

    api.konnect.set_token(TOKEN, TokenState::NoRights);
    assert_eq!(api.call("GET", me, &Value::Null).await?.0, 200);
    let (status, body) = api.call("GET", "/v2/control-planes", &Value::Null).await?;
    assert_eq!((status, body["title"].as_str()), (403, Some("Forbidden")));
    let (status, body) = api.entity("GET", "services", Value::Null).await?;
    assert_eq!((status, &body["code"]), (403, &json!(7)));

    api.konnect.set_token(TOKEN, TokenState::Blocked);
    assert_eq!(api.call("GET", me, &Value::Null).await?.0, 403);

    api.konnect.revoke_token(TOKEN);
    assert_eq!(
        api.call("GET", me, &Value::Null).await?,
        (401, json!({"message": "Unauthorized", "status": 401}))
    );
    api.token = None;
    assert_eq!(api.call("GET", me, &Value::Null).await?.0, 401);
    Ok(())
}

#[tokio::test]
async fn control_planes_are_created_found_changed_and_deleted() -> Result<()> {
    let api = Api::new()?;
    let labels = json!({"env": "test", "k8s-uid": "1"});
    let body = json!({"name": "inventory", "labels": labels, "auth_type": "pki_client_certs"});
    let (status, created) = api.call("POST", "/v2/control-planes", &body).await?;
    assert_eq!(status, 201);
    assert_eq!(created["config"]["cluster_type"], "CLUSTER_TYPE_CONTROL_PLANE");
    let endpoint = created["config"]["control_plane_endpoint"]
        .as_str()
        .unwrap_or_default();
    assert!(
        endpoint.starts_with("https://") && endpoint.ends_with(".us.cp.konghq.com"),
        "{endpoint}"
    );

    let (status, conflict) = api.call("POST", "/v2/control-planes", &body).await?;
    assert_eq!((status, conflict["title"].as_str()), (409, Some("Conflict")));

    for (query, total) in [
        ("", 2),
        ("filter[name][eq]=inventory", 1),
        ("filter[name][neq]=inventory", 1),
        ("filter[name][contains]=e", 2),
        ("filter[cluster_type][eq]=CLUSTER_TYPE_SERVERLESS", 0),
        ("labels=env:test,k8s-uid", 1),
        ("labels=env:other", 0),
        ("page[size]=1&page[number]=3", 2),
    ] {
        let path = format!(
            "/v2/control-planes?{}",
            query.replace('[', "%5B").replace(']', "%5D")
        );
        let (status, list) = api.call("GET", &path, &Value::Null).await?;
        assert_eq!(
            (status, &list["meta"]["page"]["total"]),
            (200, &json!(total)),
            "{query}"
        );
    }

    let path = format!(
        "/v2/control-planes/{}",
        created["id"].as_str().unwrap_or_default()
    );
    let (status, changed) = api
        .call("PATCH", &path, &json!({"description": "new", "labels": {}}))
        .await?;
    assert_eq!(
        (status, &changed["description"], &changed["labels"]),
        (200, &json!("new"), &json!({}))
    );
    assert_eq!(changed["config"], created["config"]);
    assert_eq!(api.call("DELETE", &path, &Value::Null).await?.0, 204);
    let (status, gone) = api.call("GET", &path, &Value::Null).await?;
    assert_eq!((status, gone["status"].as_u64()), (404, Some(404)));
    Ok(())
}

#[tokio::test]
async fn refused_control_planes_name_field_and_rule() -> Result<()> {
    let api = Api::new()?;
    for (body, field, rule) in [
        (json!({}), "name", "required"),
        (json!({"name": "x"}), "name", "min_length"),
        (json!({"name": "ok", "size": 1}), "size", "unknown_property"),
        (
            json!({"name": "ok", "description": null}),
            "description",
            "is_string",
        ),
        (json!({"name": "ok", "cluster_type": "X"}), "cluster_type", "enum"),
        (
            json!({"name": "ok", "labels": {"a": ""}}),
            "labels.a",
            "min_length",
        ),
        (
            json!({"name": "ok", "labels": {"a": "-x"}}),
            "labels.a",
            "is_label",
        ),
        (
            json!({"name": "ok", "labels": {"a": "x".repeat(64)}}),
            "labels.a",
            "max_length",
        ),
        (
            json!({"name": "ok", "labels": {"kong-a": "x"}}),
            "labels.kong-a",
            "is_label",
        ),
        (
            json!({"name": "ok", "proxy_urls": [{"host": "a", "port": 0, "protocol": "https"}]}),
            "proxy_urls.0.port",
            "min",
        ),
    ] {
        let (status, answer) = api.call("POST", "/v2/control-planes", &body).await?;
        let first = &answer["invalid_parameters"][0];
        assert_eq!(
            (status, &first["field"], &first["rule"]),
            (400, &json!(field), &json!(rule)),
            "{body}: {answer}"
        );
    }
    let path = format!("/v2/control-planes/{}", api.control_plane);
    let (status, answer) = api
        .call(
            "PATCH",
            &path,
            &json!({"cluster_type": "CLUSTER_TYPE_SERVERLESS"}),
        )
        .await?;
    assert_eq!(
        (status, &answer["invalid_parameters"][0]["rule"]),
        (400, &json!("unknown_property"))
    );
    Ok(())
}

#[tokio::test]
async fn ingress_clusters_and_groups_take_no_entities() -> Result<()> {
    let mut api = Api::new()?;
    for (kind, message) in [
        (
            "CLUSTER_TYPE_K8S_INGRESS_CONTROLLER",
            "operation not permitted on KIC cluster",
        ),
        (
            "CLUSTER_TYPE_CONTROL_PLANE_GROUP",
            "operation not permitted on control plane group",
        ),
    ] {
        let created = api
            .konnect
            .seed_control_plane(&json!({"name": kind, "cluster_type": kind}))?;
        api.control_plane = created["id"].as_str().unwrap_or_default().to_owned();
        let (status, answer) = api.entity("POST", "services", json!({"host": "a"})).await?;
        assert_eq!(
            (status, &answer["code"], &answer["message"]),
            (403, &json!(7), &json!(message))
        );
        assert_eq!(api.entity("GET", "services", Value::Null).await?.0, 200);
    }
    Ok(())
}

#[tokio::test]
async fn client_certificates_are_pinned_and_removed() -> Result<()> {
    let api = Api::new()?;
    let path = format!("/v2/control-planes/{}/dp-client-certificates", api.control_plane);
    let (status, answer) = api.call("POST", &path, &json!({"cert": "not PEM"})).await?;
    assert_eq!(status, 400, "{answer}");
    let cert = rcgen::generate_simple_self_signed(vec!["kong_clustering".to_owned()])?
        .cert
        .pem();
    let (status, answer) = api.call("POST", &path, &json!({"cert": cert})).await?;
    assert_eq!((status, &answer["item"]["cert"]), (201, &json!(cert)));
    let (_, list) = api.call("GET", &path, &Value::Null).await?;
    assert_eq!(list["items"], json!([answer["item"]]));
    let one = format!("{path}/{}", answer["item"]["id"].as_str().unwrap_or_default());
    assert_eq!(api.call("GET", &one, &Value::Null).await?, (200, answer));
    assert_eq!(api.call("DELETE", &one, &Value::Null).await?.0, 204);
    assert_eq!(api.call("DELETE", &one, &Value::Null).await?.0, 404);
    assert!(api.konnect.data_plane_certificates(&api.control_plane).is_empty());
    Ok(())
}
