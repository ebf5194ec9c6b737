//! What is repeated, how often, and what the budget holds back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use gateway_migration_operator::http::{Budget, Failure, RetryPolicy};
use simulators::server::{Behaviour, ServeOptions, serve};

use super::{app, client, client_with, control_plane, failed, options, server};

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
        let told = error.to_string();
        assert!(
            told.contains("at us.api.konghq.com") && told.contains(", GET /v3/organizations/me"),
            "{told}"
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
async fn a_pause_without_measure_is_cut_to_an_hour_and_told() -> anyhow::Result<()> {
    for seconds in ["86400", "315360000"] {
        let server = server(&[&format!("GET /me=429;retry-after={seconds}")]).await?;
        let budget = Arc::new(Budget::new(8));
        let client = client_with(options(&server.url())?, budget.clone())?;
        let error = failed(client.organization().await)?;
        let hour = Duration::from_secs(3600);
        assert_eq!(error.retry_after(), Some(hour));
        assert!(budget.paused_for().is_some_and(|left| left <= hour));
        let told = format!("it asks for a pause of {seconds} s; after 3600 s it is asked again");
        assert!(error.to_string().contains(&told), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn retry_after_may_be_a_date() -> anyhow::Result<()> {
    let hour = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let later = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&hour)?;
    let cases = [
        ("Wed, 21 Oct 2015 07:28:00 GMT".to_owned(), 0..=0),
        (later, 3500..=3600),
    ];
    for (date, seconds) in cases {
        let header = [("retry-after", date.clone())];
        let app = Router::new()
            .fallback(async move || (StatusCode::TOO_MANY_REQUESTS, header.clone()).into_response());
        let server = serve(app, ServeOptions::default()).await?;
        let mut options = options(&server.url())?;
        options.retry = RetryPolicy::never();
        let client = client_with(options, Arc::new(Budget::new(1)))?;
        let error = failed(client.organization().await)?;
        let asked = error.retry_after().context("nothing was asked")?.as_secs();
        assert!(seconds.contains(&asked), "{date}: {asked} s");
    }
    Ok(())
}

#[tokio::test]
async fn many_callers_get_through_a_rate_limit() -> anyhow::Result<()> {
    let behaviour = Behaviour {
        rate_limit: Some("10".parse()?),
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
    let calls = (0..30).map(|_| client.organization());
    futures::future::try_join_all(calls).await?;
    let stats = server.stats();
    assert_eq!(stats.by_status.get(&200), Some(&30));
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
    options.request_timeout = Duration::from_millis(500);
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
    let asked = "us.api.konghq.com (sent to 127.0.0.1:";
    assert!(error.to_string().contains(asked), "{error}");
    let error = failed(client.create_control_plane(&control_plane()).await)?;
    assert_eq!(*error.failure(), Failure::Unreachable, "{error}");
    Ok(())
}
