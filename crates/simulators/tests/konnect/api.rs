//! A client for the simulator's router, without a socket.

use anyhow::{Result, ensure};
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use simulators::konnect::{Konnect, Options, Side};
use tower::ServiceExt;

/// The token of [`Options::default`].
pub const TOKEN: &str = "kpat_simulated";

/// Rows of a table of refused requests: path, body, the field named, a part of the message.
pub fn table(text: &str) -> Result<Vec<(String, Value, String, String)>> {
    text.lines().map(|row| Ok(serde_json::from_str(row)?)).collect()
}

/// A simulator with one empty control plane.
pub struct Api {
    pub konnect: Konnect,
    pub control_plane: String,
    pub token: Option<String>,
}

impl Api {
    pub fn new() -> Result<Self> {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Result<Self> {
        let konnect = Konnect::new(options);
        let created = konnect.seed_control_plane(&json!({"name": "test"}))?;
        let control_plane = created["id"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            konnect,
            control_plane,
            token: Some(TOKEN.to_owned()),
        })
    }

    /// Sends a request; the status and the JSON body, null when empty.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let side = if path.starts_with("/v3/") {
            Side::Global
        } else {
            Side::Region
        };
        let response = self.konnect.router(side).oneshot(request.body(body)?).await?;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)?
        };
        Ok((status, body))
    }

    /// Sends a request below `core-entities` of the test's control plane.
    pub async fn entity(&self, method: &str, path: &str, body: Value) -> Result<(u16, Value)> {
        let path = format!("/v2/control-planes/{}/core-entities/{path}", self.control_plane);
        self.call(method, &path, &body).await
    }

    /// Creates an entity that must be accepted, and returns it.
    pub async fn created(&self, path: &str, body: Value) -> Result<Value> {
        let (status, answer) = self.entity("POST", path, body.clone()).await?;
        ensure!(status == 201, "POST {path} {body} answered {status} {answer}");
        Ok(answer)
    }

    /// Sends an entity that must be refused with 400, and returns the fields and messages of the details.
    pub async fn refused(&self, path: &str, body: Value) -> Result<String> {
        let (status, answer) = self.entity("POST", path, body.clone()).await?;
        ensure!(status == 400, "POST {path} {body} answered {status} {answer}");
        ensure!(answer["code"] == 3, "{answer}");
        let details = answer["details"].as_array().into_iter().flatten();
        let shown = details.map(|d| {
            format!(
                "{} {} {}",
                d["type"].as_str().unwrap_or_default(),
                d["field"],
                d["messages"][0]
            )
        });
        Ok(format!(
            "{}: {}",
            answer["message"].as_str().unwrap_or_default(),
            shown.collect::<Vec<_>>().join("; ")
        ))
    }
}
