//! Answers and error bodies in Kong's shapes.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// One answer before it becomes HTTP.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub body: Option<Value>,
    /// Value of the `Allow` header; only answers to OPTIONS have one.
    pub allow: Option<&'static str>,
}

impl Reply {
    pub fn ok(body: impl Into<Value>) -> Self {
        Self {
            status: 200,
            body: Some(body.into()),
            allow: None,
        }
    }

    pub fn error(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            allow: None,
        }
    }

    pub fn message(status: u16, message: &str) -> Self {
        Self::error(status, json!({ "message": message }))
    }

    pub fn not_found() -> Self {
        Self::message(404, "Not found")
    }

    pub fn method_not_allowed() -> Self {
        Self::message(405, "Method not allowed")
    }

    /// What Kong says when its own code fails.
    pub fn unexpected() -> Self {
        Self::message(500, "An unexpected error occurred")
    }

    /// The kind has no unique field that could stand for an id in a path (sequence 463, 587).
    pub fn invalid_primary_key() -> Self {
        Self::error(
            400,
            json!({
                "name": "invalid primary key", "fields": { "id": "expected a valid UUID" },
                "message": "invalid primary key: '{id=\"expected a valid UUID\"}'", "code": 1,
            }),
        )
    }

    /// As HTTP, with the headers of every answer of the Admin API; `server` is `kong/<version>`.
    pub fn into_response(self, server: &str) -> Response<Body> {
        let body = self.body.map_or_else(Body::empty, |body| {
            Body::from(serde_json::to_vec(&body).unwrap_or_default())
        });
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if self.status != 204 {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=utf-8"),
            );
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert("x-kong-admin-latency", HeaderValue::from_static("1"));
        if let Ok(server) = HeaderValue::from_str(server) {
            headers.insert(header::SERVER, server);
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
