//! The admin port: `/livez`, `/readyz`, `/metrics`.

use std::{io, net::SocketAddr};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{metrics::Metrics, readiness::Readiness};

/// Health endpoints.
pub fn health_routes(readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state(readiness)
}

/// The metrics endpoint.
pub fn metrics_routes(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(expose)).with_state(metrics)
}

/// A bound admin port; serving begins with [`AdminServer::serve`].
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    router: Router,
}

impl AdminServer {
    /// Binds the address; port 0 picks a free one.
    pub async fn bind(address: SocketAddr, router: Router) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            router,
        })
    }

    /// The address that was bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`.
    pub async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        axum::serve(self.listener, self.router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }
}

/// 200 when all is up; else 503 with one line per part that is waited for.
async fn readyz(State(readiness): State<Readiness>) -> Response {
    let waiting = readiness.waiting();
    if waiting.is_empty() {
        return "ok\n".into_response();
    }
    let lines: String = waiting
        .iter()
        .map(|(part, what)| format!("{part}: waiting for {what}\n"))
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

async fn expose(State(metrics): State<Metrics>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    async fn get_text(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 65536).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readyz_names_what_it_waits_for() {
        let readiness = Readiness::default();
        let gate = readiness.gate("controller x", "the CustomResourceDefinition xs.example.com");
        let router = health_routes(readiness);
        let (status, text) = get_text(&router, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            text,
            "controller x: waiting for the CustomResourceDefinition xs.example.com\n"
        );
        assert_eq!(get_text(&router, "/livez").await.0, StatusCode::OK);
        gate.open();
        assert_eq!(get_text(&router, "/readyz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_end_as_open_metrics_text_must() {
        let (status, text) = get_text(&metrics_routes(Metrics::new()), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
