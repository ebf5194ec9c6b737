//! The transport against real sockets that misbehave: throttling, failures, cut connections, hangs, wrong answers, TLS.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use gateway_migration_operator::http::{
    Attempt, Budget, ClientCertificate, EndpointMap, Error, Failure, Observer, RetryPolicy, TlsOptions,
    Transport, TransportError, TransportOptions,
};
use gateway_migration_operator::kong_admin;
use gateway_migration_operator::konnect::{Client, CreateControlPlane, ServerUrl};
use secrecy::SecretString;
use serde_json::{Map, json};
use simulators::server::{Behaviour, Running, ServeOptions, Tls, serve};

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

async fn tls_server(tls: Tls) -> anyhow::Result<Running> {
    serve(
        app(),
        ServeOptions {
            tls: Some(tls),
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

#[tokio::test]
async fn a_call_arrives_over_a_mapped_endpoint() -> anyhow::Result<()> {
    let server = server(&[]).await?;
    let organization = client(&server)?.organization().await?;
    assert_eq!(
        (organization.id.as_str(), organization.name.as_str()),
        ("org-1", "ACME")
    );
    assert_eq!(server.stats().by_route.get("GET /v3/organizations/me"), Some(&1));
    Ok(())
}

#[tokio::test]
async fn throttling_and_passing_failures_are_waited_out() -> anyhow::Result<()> {
    for fault in [
        "GET /me=429;times=6",
        "GET /me=429;times=1;retry-after=1",
        "GET /me=500;times=3",
        "GET /me=502;times=2",
        "GET /me=503;times=1;retry-after=1",
        "GET /me=drop;times=2",
    ] {
        let server = server(&[fault]).await?;
        client(&server)?.organization().await.context(fault)?;
        assert!(server.stats().total > 1, "{fault}: {:?}", server.stats());
    }
    Ok(())
}

#[tokio::test]
async fn failures_that_stay_are_told_after_a_bounded_number_of_attempts() -> anyhow::Result<()> {
    for (fault, expected) in [
        ("GET /me=500", Failure::Server),
        ("GET /me=503", Failure::Server),
        ("GET /me=drop", Failure::Unreachable),
    ] {
        let server = server(&[fault]).await?;
        let error = failed(client(&server)?.organization().await)?;
        assert_eq!(*error.failure(), expected, "{error}");
        assert_eq!(server.stats().total, 4, "{fault}");
        assert!(
            error
                .to_string()
                .contains("us.api.konghq.com, GET /v3/organizations/me"),
            "{error}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_create_is_repeated_only_when_it_surely_was_not_executed() -> anyhow::Result<()> {
    for (fault, requests, succeeds) in [
        ("POST /control-planes=429;times=1", 2, true),
        ("POST /control-planes=503;times=1;retry-after=1", 2, true),
        ("POST /control-planes=503;times=1", 1, false),
        ("POST /control-planes=500;times=1", 1, false),
        ("POST /control-planes=drop;times=1", 1, false),
    ] {
        let server = server(&[fault]).await?;
        let outcome = client(&server)?.create_control_plane(&control_plane()).await;
        assert_eq!(
            (server.stats().total, outcome.is_ok()),
            (requests, succeeds),
            "{fault}: {outcome:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_long_retry_after_goes_to_the_caller_and_holds_back_the_whole_organisation() -> anyhow::Result<()> {
    let server = server(&["GET /me=429;times=1;retry-after=3600"]).await?;
    let budget = Arc::new(Budget::new(8));
    let client = client_with(options(&server.url())?, budget.clone())?;
    let asked = Duration::from_secs(3600);

    let error = failed(client.organization().await)?;
    assert_eq!(
        *error.failure(),
        Failure::Throttled {
            retry_after: Some(asked)
        }
    );
    assert!(
        budget
            .paused_for()
            .is_some_and(|left| left > Duration::from_secs(3000))
    );

    let second = failed(client.create_control_plane(&control_plane()).await)?;
    assert!(
        matches!(second.failure(), Failure::Throttled { retry_after: Some(_) }),
        "{second}"
    );
    assert_eq!(server.stats().total, 1, "the second call was held back");
    Ok(())
}

#[tokio::test]
async fn retry_after_may_be_a_date() -> anyhow::Result<()> {
    let past = Router::new().fallback(async || {
        let header = [("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")];
        (StatusCode::TOO_MANY_REQUESTS, header).into_response()
    });
    let server = serve(past, ServeOptions::default()).await?;
    let mut options = options(&server.url())?;
    options.retry = RetryPolicy::never();
    let error = failed(
        client_with(options, Arc::new(Budget::new(1)))?
            .organization()
            .await,
    )?;
    assert_eq!(error.retry_after(), Some(Duration::ZERO));
    Ok(())
}

#[tokio::test]
async fn many_callers_get_through_a_rate_limit() -> anyhow::Result<()> {
    let behaviour = Behaviour {
        rate_limit: Some("100".parse()?),
        ..Behaviour::default()
    };
    let server = serve(
        app(),
        ServeOptions {
            behaviour,
            ..ServeOptions::default()
        },
    )
    .await?;
    let mut options = options(&server.url())?;
    options.retry.throttled_base = Duration::from_millis(20);
    options.retry.cap = Duration::from_millis(200);
    let client = client_with(options, Arc::new(Budget::new(16)))?;
    let calls = (0..150).map(|_| client.organization());
    futures::future::try_join_all(calls).await?;
    let stats = server.stats();
    assert_eq!(stats.by_status.get(&200), Some(&150));
    assert!(
        stats.by_status.contains_key(&429),
        "the limit was reached: {stats:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_budget_bounds_what_the_server_sees() -> anyhow::Result<()> {
    let behaviour = Behaviour {
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    };
    let server = serve(
        app(),
        ServeOptions {
            behaviour,
            ..ServeOptions::default()
        },
    )
    .await?;
    let budget = Arc::new(Budget::new(3));
    let client = client_with(options(&server.url())?, budget.clone())?;
    futures::future::try_join_all((0..12).map(|_| client.organization())).await?;
    assert_eq!(
        (
            server.stats().peak_in_flight,
            budget.peak_in_flight(),
            budget.in_flight()
        ),
        (3, 3, 0)
    );
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_dropped_gives_its_place_back() -> anyhow::Result<()> {
    let server = server(&["GET /me=hang;times=1"]).await?;
    let budget = Arc::new(Budget::new(1));
    let client = client_with(options(&server.url())?, budget.clone())?;
    let hanging = tokio::spawn({
        let client = client.clone();
        async move { client.organization().await }
    });
    while server.stats().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(budget.in_flight(), 1);
    hanging.abort();
    assert!(hanging.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(budget.in_flight(), 0);
    client.organization().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() -> anyhow::Result<()> {
    let server = server(&["GET /me=hang"]).await?;
    let mut options = options(&server.url())?;
    options.request_timeout = Duration::from_millis(50);
    options.retry.max_attempts = 2;
    let error = failed(
        client_with(options, Arc::new(Budget::new(1)))?
            .organization()
            .await,
    )?;
    assert_eq!(*error.failure(), Failure::Timeout, "{error}");
    assert_eq!(server.stats().total, 2);
    Ok(())
}

#[tokio::test]
async fn a_dead_server_is_unreachable() -> anyhow::Result<()> {
    let server = server(&[]).await?;
    let client = client(&server)?;
    server.stop().await;
    let error = failed(client.organization().await)?;
    assert_eq!(*error.failure(), Failure::Unreachable, "{error}");
    assert!(error.to_string().contains("check the address"), "{error}");
    let error = failed(client.create_control_plane(&control_plane()).await)?;
    assert_eq!(*error.failure(), Failure::Unreachable, "{error}");
    Ok(())
}

#[tokio::test]
async fn answers_that_are_not_the_api_are_garbage_and_not_repeated_in_the_message() -> anyhow::Result<()> {
    for fault in [
        "GET /me=garbage",
        "GET /me=200;body=<html>canary</html>",
        "GET /me=200;body=[\"canary\"]",
        "GET /me=200;body={\"id\": {\"canary\": 1}}",
        "GET /me=302",
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
            service,
            method,
            route,
            status,
            failure,
            ..
        } = attempt;
        let line = format!("{} {method} {route} {status:?} {failure:?}", service.label());
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(line);
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
    let seen = recorder
        .0
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone();
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

#[tokio::test]
async fn an_extra_root_is_trusted_and_http2_shares_one_connection() -> anyhow::Result<()> {
    let server = tls_server(Tls::generate(&["127.0.0.1", "localhost"])?).await?;
    let ca = server.ca_pem().context("the server speaks TLS")?;
    let extra_roots = vec![("--ca-file".to_owned(), ca.as_bytes().to_vec())];
    let client = client_with(
        TransportOptions {
            extra_roots,
            ..options(&server.url())?
        },
        Arc::new(Budget::new(8)),
    )?;
    client.organization().await?;
    futures::future::try_join_all((0..20).map(|_| client.organization())).await?;
    assert_eq!(server.stats().connections, 1);
    Ok(())
}

#[tokio::test]
async fn an_unknown_authority_is_a_tls_failure_with_a_way_out() -> anyhow::Result<()> {
    let server = tls_server(Tls::generate(&["127.0.0.1"])?).await?;
    let other = Tls::generate(&["127.0.0.1"])?;
    let extra_roots = vec![("--ca-file".to_owned(), other.ca_pem().as_bytes().to_vec())];
    let client = client_with(
        TransportOptions {
            extra_roots,
            ..options(&server.url())?
        },
        Arc::new(Budget::new(8)),
    )?;
    let error = failed(client.organization().await)?;
    assert_eq!(*error.failure(), Failure::Tls, "{error}");
    assert!(error.to_string().contains("--ca-file"), "{error}");
    assert_eq!(server.stats().connections, 1, "not repeated");
    Ok(())
}

fn source(transport: &Transport, tls: &TlsOptions, server: &Running) -> anyhow::Result<kong_admin::Client> {
    Ok(kong_admin::Client::new(
        &transport.with_tls(tls)?,
        &server.url(),
        None,
    )?)
}

#[tokio::test]
async fn a_source_may_have_its_own_authority() -> anyhow::Result<()> {
    let server = tls_server(Tls::generate(&["127.0.0.1"])?).await?;
    let transport = Transport::new(options("http://unused")?)?;
    let ca_pem = server.ca_pem().map(str::to_owned);

    let error = failed(source(&transport, &TlsOptions::default(), &server)?.node().await)?;
    assert_eq!(*error.failure(), Failure::Tls, "{error}");
    assert!(error.to_string().contains("the source's tls settings"), "{error}");

    let own = TlsOptions {
        ca_pem,
        ..TlsOptions::default()
    };
    let before = server.stats().connections;
    source(&transport, &own, &server)?.node().await?;
    source(&transport, &own.clone(), &server)?.node().await?;
    assert_eq!(
        server.stats().connections,
        before + 1,
        "equal settings share their connections"
    );

    let insecure = TlsOptions {
        insecure_skip_verify: true,
        ..TlsOptions::default()
    };
    source(&transport, &insecure, &server)?.node().await?;
    Ok(())
}

#[tokio::test]
async fn a_client_certificate_opens_a_server_that_asks_for_one() -> anyhow::Result<()> {
    let tls = Tls::generate(&["127.0.0.1"])?.require_client_certificate()?;
    let identity = tls.issue_client("operator")?;
    let server = tls_server(tls).await?;
    let transport = Transport::new(options("http://unused")?)?;
    let without = TlsOptions {
        ca_pem: server.ca_pem().map(str::to_owned),
        ..TlsOptions::default()
    };
    let error = failed(source(&transport, &without, &server)?.node().await)?;
    assert_eq!(*error.failure(), Failure::Tls, "{error}");

    let client_certificate = Some(ClientCertificate {
        certificate_pem: identity.certificate_pem,
        key_pem: SecretString::from(identity.key_pem),
    });
    let with = TlsOptions {
        client_certificate,
        ..without
    };
    assert!(!format!("{with:?}").contains("PRIVATE KEY"));
    source(&transport, &with, &server)?.node().await?;
    Ok(())
}

#[test]
fn unusable_certificates_are_named() -> anyhow::Result<()> {
    let extra_roots = vec![("--ca-file /etc/ca.pem".to_owned(), b"not a certificate".to_vec())];
    let error = Transport::new(TransportOptions {
        extra_roots,
        ..TransportOptions::default()
    })
    .err();
    assert_eq!(
        error,
        Some(TransportError::Ca {
            what: "--ca-file /etc/ca.pem".to_owned()
        })
    );

    let transport = Transport::new(TransportOptions::default())?;
    let bad = TlsOptions {
        ca_pem: Some("nonsense".to_owned()),
        ..TlsOptions::default()
    };
    assert!(matches!(
        transport.with_tls(&bad).err(),
        Some(TransportError::Ca { .. })
    ));
    let pair = ClientCertificate {
        certificate_pem: "x".to_owned(),
        key_pem: SecretString::from("y"),
    };
    let bad = TlsOptions {
        client_certificate: Some(pair),
        ..TlsOptions::default()
    };
    assert_eq!(
        transport.with_tls(&bad).err(),
        Some(TransportError::ClientCertificate)
    );
    Ok(())
}
