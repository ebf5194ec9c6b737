//! Wrong answers, refusals, and what is told about them.

use std::sync::{Arc, Mutex, PoisonError};

use gateway_migration_operator::http::{Attempt, Budget, Failure, Observer, TransportOptions};
use serde_json::{Map, json};

use super::{CONTROL_PLANE, client, client_with, failed, options, server};

#[tokio::test]
async fn answers_that_are_not_the_api_are_garbage_and_not_repeated_in_the_message() -> anyhow::Result<()> {
    for fault in [
        "GET /me=garbage",
        "GET /me=200;body=<html>canary</html>",
        "GET /me=200;body=[\"canary\"]",
        "GET /me=200;body={\"id\": {\"canary\": 1}}",
        "GET /me=302",
        "GET /me=404;body=<html>canary</html>",
        "GET /me=404;body={\"message\":\"no Route matched with those values\"}",
    ] {
        let server = server(&[fault]).await?;
        let error = failed(client(&server)?.organization().await)?;
        assert_eq!(*error.failure(), Failure::Garbage, "{fault}: {error}");
        assert_eq!(server.stats().total, 1, "{fault}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_token_is_unauthorized_whatever_the_body() -> anyhow::Result<()> {
    for fault in [
        "GET /me=401",
        "GET /me=401;body=<html>no</html>",
        "GET /me=401;body={\"title\":\"Unauthorized\"}",
    ] {
        let server = server(&[fault]).await?;
        let error = failed(client(&server)?.organization().await)?;
        assert_eq!(
            (error.failure(), error.status()),
            (&Failure::Unauthorized, Some(401)),
            "{error}"
        );
        // Who answered for Konnect is told, too.
        assert!(error.to_string().contains("(sent to 127.0.0.1:"), "{error}");
        assert_eq!(server.stats().total, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_that_the_server_echoes_is_masked() -> anyhow::Result<()> {
    let server = server(&[]).await?;
    let entity = Map::from_iter([
        ("key".to_owned(), json!("canary-key")),
        ("tags".to_owned(), json!(["blue"])),
    ]);
    let path = "consumers/b7a5e1a2-0d53-4b62-9a5e-5f0ed3a55b11/key-auth";
    let outcome = client(&server)?
        .put_entity(CONTROL_PLANE, path, CONTROL_PLANE, &[], &entity)
        .await;
    let error = failed(outcome)?;
    assert_eq!(error.field_errors().len(), 1);
    assert!(
        error.reason().contains("key: cannot use") && error.reason().contains("blue"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn the_trace_of_a_request_stays_out_of_the_message() -> anyhow::Result<()> {
    let fault = r#"GET /me=403;body={"status":403,"title":"Forbidden","instance":"kong:trace:42","detail":"needs role X"}"#;
    let server = server(&[fault]).await?;
    let error = failed(client(&server)?.organization().await)?;
    assert_eq!(
        (error.failure(), error.instance()),
        (&Failure::Forbidden, Some("kong:trace:42"))
    );
    let text = error.to_string();
    assert!(
        text.contains("needs role X") && !text.contains("kong:trace"),
        "{text}"
    );
    Ok(())
}

#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Observer for Recorder {
    fn attempt(&self, attempt: &Attempt<'_>) {
        let Attempt {
            product,
            method,
            route,
            status,
            failure,
            ..
        } = attempt;
        let line = format!("{} {method} {route} {status:?} {failure:?}", product.label);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

#[tokio::test]
async fn every_attempt_is_observed_by_its_route() -> anyhow::Result<()> {
    let server = server(&["PUT .=503;times=1"]).await?;
    let recorder = Arc::new(Recorder::default());
    let options = TransportOptions {
        observer: Some(recorder.clone()),
        ..options(&server.url())?
    };
    let client = client_with(options, Arc::new(Budget::new(1)))?;
    failed(
        client
            .put_entity(CONTROL_PLANE, "services", CONTROL_PLANE, &[], &Map::new())
            .await,
    )?;
    let seen = recorder.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let call = "konnect PUT /v2/control-planes/{id}/core-entities/services/{id}";
    assert_eq!(
        seen,
        [
            format!("{call} Some(503) Some(\"server\")"),
            format!("{call} Some(400) Some(\"rejected\")")
        ]
    );
    Ok(())
}
