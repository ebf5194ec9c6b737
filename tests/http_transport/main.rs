//! The transport against real sockets that misbehave: throttling, failures, cut connections, hangs, wrong answers, TLS.

mod answers;
mod classes;
mod fence;
mod retries;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use gateway_migration_operator::http::{
    Budget, EndpointMap, Error, RetryPolicy, Transport, TransportOptions,
};
use gateway_migration_operator::kong::konnect::{Client, CreateControlPlane, ServerUrl};
use secrecy::SecretString;
use serde_json::json;
use simulators::server::{Behaviour, Running, ServeOptions, serve};

const TOKEN: &str = "kpat_canary0123456789";
const CONTROL_PLANE: &str = "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7";

/// A server that knows three calls, accepts any token, and echoes what it refuses.
fn app() -> Router {
    Router::new().fallback(async |request: Request| -> Response {
        let path = request.uri().path().to_owned();
        match (request.method().as_str(), path.as_str()) {
            ("GET", "/v3/organizations/me") => Json(json!({"id": "org-1", "name": "ACME"})).into_response(),
            ("GET", "/") => Json(json!({"version": "3.9.1", "edition": "community"})).into_response(),
            ("POST", "/v2/control-planes") => {
                let config = json!({"control_plane_endpoint": "https://x.cp", "telemetry_endpoint": "https://x.tp",
                    "cluster_type": "CLUSTER_TYPE_CONTROL_PLANE", "auth_type": "pinned_client_certs"});
                let created = json!({"id": CONTROL_PLANE, "name": "x", "config": config});
                (StatusCode::CREATED, Json(created)).into_response()
            }
            ("PUT", _) => {
                let body = axum::body::to_bytes(request.into_body(), 65_536).await.unwrap_or_default();
                let echo = format!("cannot use {}", String::from_utf8_lossy(&body));
                let details = json!([{"type": "ERROR_TYPE_FIELD", "field": "key", "messages": [echo]}]);
                let refusal = json!({"code": 3, "message": "validation error", "details": details});
                (StatusCode::BAD_REQUEST, Json(refusal)).into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    })
}

async fn server(faults: &[&str]) -> anyhow::Result<Running> {
    serve(
        app(),
        ServeOptions {
            behaviour: Behaviour::with_faults(faults)?,
            ..ServeOptions::default()
        },
    )
    .await
}

/// Quick repeats, so that the tests need no real waiting.
fn options(server: &str) -> anyhow::Result<TransportOptions> {
    let retry = RetryPolicy {
        max_attempts: 4,
        base: Duration::from_millis(1),
        cap: Duration::from_millis(10),
        throttled_base: Duration::from_millis(1),
        max_elapsed: Duration::from_secs(30),
    };
    let endpoints = EndpointMap::parse([format!("us.api.konghq.com={server}")])?;
    Ok(TransportOptions {
        endpoints,
        retry,
        ..TransportOptions::default()
    })
}

fn client_with(options: TransportOptions, budget: Arc<Budget>) -> anyhow::Result<Client> {
    let transport = Transport::new(options)?;
    Ok(Client::new(
        &transport,
        &ServerUrl::parse("us.api.konghq.com")?,
        &SecretString::from(TOKEN),
        budget,
    )?)
}

fn client(server: &Running) -> anyhow::Result<Client> {
    client_with(options(&server.url())?, Arc::new(Budget::new(8)))
}

fn control_plane() -> CreateControlPlane {
    CreateControlPlane {
        name: "inventory".to_owned(),
        ..CreateControlPlane::default()
    }
}

fn failed<T: std::fmt::Debug>(outcome: Result<T, Error>) -> anyhow::Result<Error> {
    match outcome {
        Ok(value) => anyhow::bail!("it should have failed, but gave {value:?}"),
        Err(error) => {
            anyhow::ensure!(
                !format!("{error} {error:?}").contains("canary"),
                "the token shows: {error:?}"
            );
            Ok(error)
        }
    }
}
