//! Answers that come late, cut or wrong, on both protocols.

use super::*;
use serde_json::json;

use crate::kong_admin::{self, DEFAULT, KongAdmin};
use crate::konnect::{self, Side};

/// The same server to a client of each protocol.
fn clients() -> [Client; 2] {
    [Client::builder(), Client::builder().http2_prior_knowledge()].map(|builder| builder.build().unwrap())
}

async fn start_with(fault: &str) -> Running {
    start(Behaviour::with_faults(&[fault]).unwrap()).await
}

#[tokio::test]
async fn a_reset_gives_no_answer_and_one_in_the_body_gives_half() {
    let whole = start_with("/routes=reset").await;
    let half = start_with("/routes=reset-body").await;
    for client in clients() {
        let error = client
            .get(format!("{}/routes", whole.url()))
            .send()
            .await
            .unwrap_err();
        assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
        let mut answer = client.get(format!("{}/routes", half.url())).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "lis");
        assert!(answer.chunk().await.is_err());
    }
}

#[tokio::test]
async fn a_truncated_answer_ends_as_if_it_were_whole() {
    let server = start_with("/routes=truncated").await;
    for client in clients() {
        let answer = client
            .get(format!("{}/routes", server.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), "lis");
    }
}

#[tokio::test]
async fn a_slow_answer_is_whole_in_the_end_and_given_up_by_the_impatient() {
    let server = start_with("/routes=slow;over=40ms").await;
    for client in clients() {
        let answer = client
            .get(format!("{}/routes", server.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), "listed");
    }
    let server = start_with("/routes=slow;over=1h").await;
    let impatient = Client::builder()
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let answer = impatient
        .get(format!("{}/routes", server.url()))
        .send()
        .await
        .unwrap();
    assert!(answer.text().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_lost_cursor_is_refused_as_the_product_refuses_it() {
    let kong = KongAdmin::new(kong_admin::Options::default());
    kong.load("default", &serde_json::from_str(DEFAULT).unwrap())
        .unwrap();
    let behaviour = Behaviour::with_faults(&["offset=lost-cursor"]).unwrap();
    let server = serve(
        kong.router(),
        ServeOptions {
            behaviour,
            ..ServeOptions::default()
        },
    )
    .await
    .unwrap();
    let read = async |url: String| -> serde_json::Value {
        Client::new().get(url).send().await.unwrap().json().await.unwrap()
    };
    let first = read(format!("{}/routes?size=10", server.url())).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 10);
    let offset = first["offset"].as_str().unwrap();
    let lost = read(format!("{}/routes?size=10&offset={offset}", server.url())).await;
    assert_eq!(
        (&lost["code"], &lost["name"]),
        (&7.into(), &"invalid offset".into())
    );
}

#[tokio::test]
async fn an_altered_request_is_answered_as_if_it_had_been_sent() {
    let konnect = konnect::Konnect::new(konnect::Options::default());
    let control_plane = konnect.seed_control_plane(&json!({"name": "altered"})).unwrap();
    let behaviour =
        Behaviour::with_faults(&[r#"PUT /services/=altered;times=1;body={"retries": 1}"#]).unwrap();
    let options = ServeOptions {
        behaviour,
        ..ServeOptions::default()
    };
    let server = serve(konnect.router(Side::Region), options).await.unwrap();
    let id = "0b3b7a3e-5c1f-4f0e-9a53-0d4c9a0c1c11";
    let at = control_plane["id"].as_str().unwrap();
    let url = format!(
        "{}/v2/control-planes/{at}/core-entities/services/{id}",
        server.url()
    );
    for retries in [1, 7] {
        let sent = json!({"host": "h", "retries": 7}).to_string();
        let answer = Client::new()
            .put(&url)
            .bearer_auth("kpat_simulated")
            .body(sent)
            .header("content-type", "application/json");
        let stored: serde_json::Value = answer.send().await.unwrap().json().await.unwrap();
        assert_eq!(
            (&stored["retries"], &stored["host"]),
            (&json!(retries), &json!("h"))
        );
    }
}

#[tokio::test]
async fn the_behaviour_is_changed_over_http() {
    let server = start_with("/routes=503").await;
    let (client, url) = (Client::new(), format!("{}/routes", server.url()));
    let change = async |body: &'static str| {
        let url = format!("{}/_simulator/behaviour", server.url());
        let answer = client.put(url).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(status(&client, "GET", url.clone()).await, 503);
    assert_eq!(change("{}").await.0, 204);
    assert_eq!(status(&client, "GET", url.clone()).await, 200);
    let both = r#"{"latency": "1ms", "rateLimit": "0.001", "faults": ["/routes=500;times=1"]}"#;
    assert_eq!(change(both).await.0, 204);
    assert_eq!(status(&client, "GET", url.clone()).await, 500);
    assert_eq!(status(&client, "GET", url.clone()).await, 429);
    for (body, part) in [
        (r#"{"faults": ["/routes=later"]}"#, "`later` is no outcome"),
        (r#"{"latency": "soon"}"#, "`soon` is no time"),
        (r#"{"speed": 1}"#, "unknown field `speed`"),
        ("nonsense", "cannot be read"),
    ] {
        let (status, text) = change(body).await;
        assert!(status == 400 && text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_time_to_return_may_be_a_date() {
    let server = start_with("/routes=429;retry-after-date=60").await;
    let answer = Client::new()
        .get(format!("{}/routes", server.url()))
        .send()
        .await
        .unwrap();
    let date = answer.headers()["retry-after"].to_str().unwrap();
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let moment = parser.parse_timestamp(date).unwrap();
    assert!(moment > jiff::Timestamp::now() && date.ends_with("GMT"), "{date}");
}

#[tokio::test]
async fn writes_are_kept_with_their_ids_and_answers() {
    let server = start_with("PUT /routes/b=503").await;
    let client = Client::new();
    for (method, path) in [("PUT", "/routes/a"), ("GET", "/routes"), ("PUT", "/routes/b")] {
        status(&client, method, format!("{}{path}", server.url())).await;
    }
    let writes = server.writes();
    let seen: Vec<_> = writes
        .iter()
        .map(|write| (write.target.as_str(), write.status))
        .collect();
    assert_eq!(seen, [("PUT /routes/a", Some(200)), ("PUT /routes/b", Some(503))]);
    server.reset_stats();
    assert!(server.writes().is_empty());
}
