//! The server on real sockets.

use axum::Router;
use axum::routing::{get, put};
use reqwest::{Certificate, Client, ClientBuilder, Identity, StatusCode, Version};

use super::*;

mod second_writer;
mod spoilt;

fn router() -> Router {
    Router::new()
        .route("/routes/{id}", put(async || "stored"))
        .route("/routes", get(async || "listed"))
        .route("/boom", get(async || StatusCode::IM_A_TEAPOT))
}

async fn start(behaviour: Behaviour) -> Running {
    serve(
        router(),
        ServeOptions {
            behaviour,
            ..ServeOptions::default()
        },
    )
    .await
    .unwrap()
}

async fn start_tls(tls: Tls) -> Running {
    serve(
        router(),
        ServeOptions {
            tls: Some(tls),
            ..ServeOptions::default()
        },
    )
    .await
    .unwrap()
}

fn trusting(server: &Running) -> ClientBuilder {
    let ca = Certificate::from_pem(server.ca_pem().unwrap().as_bytes()).unwrap();
    Client::builder().tls_certs_only([ca])
}

async fn status(client: &Client, method: &str, url: String) -> u16 {
    client
        .request(method.parse().unwrap(), url)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn tls_offers_http2_and_http1() {
    let server = start_tls(Tls::generate(&["127.0.0.1", "localhost"]).unwrap()).await;
    let url = format!("{}/routes", server.url());
    let newest = trusting(&server).build().unwrap().get(&url).send().await.unwrap();
    assert_eq!(
        (newest.version(), newest.status()),
        (Version::HTTP_2, StatusCode::OK)
    );
    let oldest = trusting(&server)
        .http1_only()
        .build()
        .unwrap()
        .get(&url)
        .send()
        .await
        .unwrap();
    assert_eq!(oldest.version(), Version::HTTP_11);
    assert!(
        Client::new().get(&url).send().await.is_err(),
        "an unknown authority must not be trusted"
    );
}

#[tokio::test]
async fn client_certificates_can_be_demanded() {
    let tls = Tls::generate(&["127.0.0.1"])
        .unwrap()
        .require_client_certificate()
        .unwrap();
    let identity = tls.issue_client("operator").unwrap();
    let server = start_tls(tls).await;
    let url = format!("{}/routes", server.url());
    assert!(trusting(&server).build().unwrap().get(&url).send().await.is_err());
    let pem = format!("{}{}", identity.certificate_pem, identity.key_pem);
    let client = trusting(&server)
        .identity(Identity::from_pem(pem.as_bytes()).unwrap())
        .build()
        .unwrap();
    assert_eq!(status(&client, "GET", url).await, 200);
}

#[tokio::test]
async fn plain_speaks_http1_and_http2_with_prior_knowledge() {
    let server = start(Behaviour::default()).await;
    let url = format!("{}/routes", server.url());
    assert_eq!(
        Client::new().get(&url).send().await.unwrap().version(),
        Version::HTTP_11
    );
    let h2c = Client::builder().http2_prior_knowledge().build().unwrap();
    assert_eq!(h2c.get(&url).send().await.unwrap().version(), Version::HTTP_2);
    assert_eq!(server.stats().connections, 2);
}

#[tokio::test]
async fn a_fault_skips_strikes_and_is_spent() {
    let fault = "PUT /routes/=503;skip=1;times=2;retry-after=7;body={\"message\":\"a;b\"}";
    let server = start(Behaviour::with_faults(&[fault]).unwrap()).await;
    let client = Client::new();
    let url = format!("{}/routes/6f1d9f2e-2a1b-4a7e-9c0a-3c3f2b1a0d4e", server.url());
    assert_eq!(
        status(&client, "GET", format!("{}/routes", server.url())).await,
        200
    );
    assert_eq!(status(&client, "PUT", url.clone()).await, 200);
    let struck = client.put(&url).send().await.unwrap();
    assert_eq!(
        (struck.status().as_u16(), &struck.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert_eq!(struck.text().await.unwrap(), r#"{"message":"a;b"}"#);
    assert_eq!(status(&client, "PUT", url.clone()).await, 503);
    assert_eq!(status(&client, "PUT", url.clone()).await, 200);

    let stats = server.stats();
    assert_eq!((stats.total, stats.writes, stats.in_flight), (5, 4, 0));
    assert_eq!(stats.by_route["PUT /routes/{id}"], 4);
    assert_eq!((stats.by_status[&200], stats.by_status[&503]), (3, 2));
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer_on_either_protocol() {
    let server = start(Behaviour::with_faults(&["GET /routes=drop"]).unwrap()).await;
    for builder in [Client::builder(), Client::builder().http2_prior_knowledge()] {
        let error = builder
            .build()
            .unwrap()
            .get(format!("{}/routes", server.url()))
            .send()
            .await
            .unwrap_err();
        assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
    }
    assert!(server.stats().by_status.is_empty());
    server.set_behaviour(Behaviour::default());
    assert_eq!(
        status(&Client::new(), "GET", format!("{}/routes", server.url())).await,
        200
    );
}

#[tokio::test]
async fn a_lost_answer_comes_after_the_work_was_done() {
    let (done, mut work) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new().route("/routes", put(async move || done.send(()).is_ok().to_string()));
    let behaviour = Behaviour::with_faults(&["PUT /routes=drop;after;times=1"]).unwrap();
    let server = serve(
        router,
        ServeOptions {
            behaviour,
            ..ServeOptions::default()
        },
    )
    .await
    .unwrap();
    assert!(
        Client::new()
            .put(format!("{}/routes", server.url()))
            .send()
            .await
            .is_err()
    );
    assert_eq!(work.try_recv(), Ok(()));
}

#[tokio::test]
async fn garbage_is_no_json() {
    let server = start(Behaviour::with_faults(&["/routes=garbage"]).unwrap()).await;
    let response = Client::new()
        .get(format!("{}/routes", server.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.json::<serde_json::Value>().await.is_err());
}

#[tokio::test]
async fn a_hanging_request_is_given_up_by_the_client() {
    let server = start(Behaviour::with_faults(&["/routes=hang"]).unwrap()).await;
    let client = Client::builder()
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    assert!(
        client
            .get(format!("{}/routes", server.url()))
            .send()
            .await
            .unwrap_err()
            .is_timeout()
    );
}

#[tokio::test]
async fn above_the_rate_limit_there_is_429() {
    // One token, refilled after nearly three hours: the second request must be refused.
    let limit = |retry_after| Behaviour {
        rate_limit: Some(RateLimit {
            per_second: 0.0001,
            retry_after,
        }),
        ..Behaviour::default()
    };
    let server = start(limit(None)).await;
    let url = format!("{}/routes", server.url());
    assert_eq!(status(&Client::new(), "GET", url.clone()).await, 200);
    let refused = Client::new().get(&url).send().await.unwrap();
    assert_eq!(
        (refused.status(), refused.headers().get("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, None)
    );
    assert_eq!(
        refused.text().await.unwrap(),
        r#"{"message":"API rate limit exceeded"}"#
    );

    server.set_behaviour(limit(Some(RetryAfter::Seconds(3))));
    assert_eq!(status(&Client::new(), "GET", url.clone()).await, 200);
    let refused = Client::new().get(&url).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "3");
}

#[tokio::test]
async fn stats_are_served_uncounted_and_can_be_reset() {
    let server = start(Behaviour::with_faults(&[".=500"]).unwrap()).await;
    let client = Client::new();
    assert_eq!(
        status(&client, "GET", format!("{}/boom", server.url())).await,
        500
    );
    let stats_url = format!("{}/_simulator/stats", server.url());
    let served: Stats = client.get(&stats_url).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (served.total, served.peak_in_flight, served.by_status[&500]),
        (1, 1, 1)
    );
    assert_eq!(served, server.stats());
    assert_eq!(
        status(&client, "POST", format!("{}/_simulator/reset", server.url())).await,
        204
    );
    assert_eq!(server.stats(), Stats::default());
}

#[tokio::test]
async fn a_stopped_server_refuses_and_its_port_can_be_taken_again() {
    let server = start(Behaviour::default()).await;
    let (url, listen) = (format!("{}/routes", server.url()), server.addr());
    let client = Client::new();
    assert_eq!(status(&client, "GET", url.clone()).await, 200);
    server.stop().await;
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
    let mut again = serve(
        router(),
        ServeOptions {
            listen,
            ..ServeOptions::default()
        },
    )
    .await
    .unwrap();
    assert_eq!(status(&client, "GET", url.clone()).await, 200);
    again.suspend().await;
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
    again.resume().await.unwrap();
    assert_eq!(status(&client, "GET", url).await, 200);
    assert_eq!(again.stats().total, 2);
}

#[test]
fn faults_are_parsed() {
    let fault: Fault = "PUT /routes=503;times=2;skip=3;retry-after=1".parse().unwrap();
    assert_eq!(fault.method.as_ref().map(|method| method.as_str()), Some("PUT"));
    assert_eq!(fault.path.as_str(), "/routes");
    assert_eq!(fault.outcome, Outcome::Status(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(
        (fault.times, fault.skip, fault.retry_after, fault.after),
        (Some(2), 3, Some(RetryAfter::Seconds(1)), false)
    );
    let fault: Fault = r"^/services\?offset=.+=garbage;after".parse().unwrap();
    assert_eq!(
        (fault.path.as_str(), fault.outcome, fault.after),
        (r"^/services\?offset=.+", Outcome::Garbage, true)
    );
    assert!(fault.method.is_none());
}

#[test]
fn a_bad_fault_says_what_is_wrong() {
    let message = |text: &str| format!("{:#}", text.parse::<Fault>().unwrap_err());
    assert!(message("/routes").contains("expected [METHOD ]PATH=OUTCOME"));
    assert!(message("/routes=later").contains("`later` is no outcome"));
    assert!(message("/routes(=503").contains("not a regular expression"));
    assert!(message("/routes=503;often").contains("unknown option `often`"));
    assert!(message("/routes=503;times=x").contains("times"));
}

#[test]
fn rate_limits_are_parsed() {
    assert_eq!(
        "20".parse::<RateLimit>().unwrap(),
        RateLimit {
            per_second: 20.0,
            retry_after: None
        }
    );
    let limit: RateLimit = "0.5;retry-after=2".parse().unwrap();
    assert_eq!(
        limit,
        RateLimit {
            per_second: 0.5,
            retry_after: Some(RetryAfter::Seconds(2))
        }
    );
    for bad in ["", "0", "-1", "NaN", "5;burst=2", "5;retry-after=x"] {
        assert!(bad.parse::<RateLimit>().is_err(), "{bad}");
    }
}
