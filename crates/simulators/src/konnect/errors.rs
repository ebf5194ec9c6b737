//! The four error shapes of Konnect.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::validator::{Rule, Violation};

/// The type name in every detail of a core-entity error.
const DETAIL: &str = "type.googleapis.com/kong.admin.model.v1.ErrorDetail";

/// A refused request.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The edge gateway's shape, on any host: `{message, status}`.
    Edge(StatusCode, &'static str),
    /// `application/problem+json` of control planes and identity, with `invalid_parameters` on a 400.
    Problem(StatusCode, String, Vec<Value>),
    /// The shape of core entities: `{code, message, details}`.
    Entity(StatusCode, &'static str, Vec<Detail>),
    /// The shape of data plane certificates and plugin schemas: `{message}`.
    Legacy(StatusCode, String),
}

/// One entry of `details`.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// What the detail is about.
    pub about: About,
    /// Dotted path of the field; empty for the entity as a whole.
    pub field: String,
    /// The sentence.
    pub message: String,
}

/// The kinds of details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// One field is wrong.
    Field,
    /// A unique or foreign key constraint.
    Reference,
    /// Fields contradict each other.
    Entity,
}

impl Detail {
    /// A detail about one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            about: About::Field,
            field: field.into(),
            message: message.into(),
        }
    }

    /// A detail about the entity as a whole.
    pub fn entity(message: impl Into<String>) -> Self {
        Self {
            about: About::Entity,
            field: String::new(),
            message: message.into(),
        }
    }

    /// A broken unique or foreign key; `constraint` is `unique` or `foreign`.
    pub fn constraint(field: &str, constraint: &str, value: &str) -> Self {
        let message = format!("{field} (type: {constraint}) constraint failed for value '{value}': ");
        Self {
            about: About::Reference,
            field: field.to_owned(),
            message,
        }
    }

    fn to_json(&self) -> Value {
        let about = match self.about {
            About::Field => "ERROR_TYPE_FIELD",
            About::Reference => "ERROR_TYPE_REFERENCE",
            About::Entity => "ERROR_TYPE_ENTITY",
        };
        let mut detail = json!({"@type": DETAIL, "type": about, "messages": [self.message]});
        if !self.field.is_empty() {
            detail["field"] = json!(self.field);
        }
        detail
    }
}

impl From<Violation> for Detail {
    fn from(violation: Violation) -> Self {
        if violation.field.is_empty() {
            return Self::entity(violation.message);
        }
        Self::field(violation.field, violation.message)
    }
}

impl Failure {
    /// A core entity that breaks the document or a rule of its kind.
    pub fn validation(details: Vec<Detail>) -> Self {
        Self::Entity(StatusCode::BAD_REQUEST, "validation error", details)
    }

    /// A core entity that breaks a unique or foreign key: 400, not 409.
    pub fn constraint(details: Vec<Detail>) -> Self {
        Self::Entity(StatusCode::BAD_REQUEST, "data constraint error", details)
    }

    /// Nothing at this core-entity path.
    pub fn entity_not_found() -> Self {
        Self::Entity(StatusCode::NOT_FOUND, "not found", Vec::new())
    }

    /// A control plane body or query that breaks the document.
    pub fn invalid_parameters(source: &str, violations: Vec<Violation>) -> Self {
        let parameters = violations
            .iter()
            .map(|violation| invalid_parameter(source, violation))
            .collect();
        Self::Problem(
            StatusCode::BAD_REQUEST,
            "The request is invalid".to_owned(),
            parameters,
        )
    }

    /// No such control plane, in the shape of the control planes API.
    pub fn control_plane_not_found() -> Self {
        Self::Problem(
            StatusCode::NOT_FOUND,
            "Control plane not found".to_owned(),
            Vec::new(),
        )
    }
}

fn invalid_parameter(source: &str, violation: &Violation) -> Value {
    let field = if violation.field.is_empty() {
        "body"
    } else {
        &violation.field
    };
    let mut parameter = json!({"field": field, "reason": violation.message, "source": source});
    let rule = match &violation.rule {
        Rule::Required => "required".to_owned(),
        Rule::Unknown => "unknown_property".to_owned(),
        Rule::Type(wanted) => format!("is_{wanted}"),
        Rule::Choice(choices) => {
            parameter["choices"] = json!(choices);
            "enum".to_owned()
        }
        Rule::Below(rule, bound) => {
            parameter["minimum"] = json!(*bound as i64);
            (*rule).to_owned()
        }
        Rule::Above(rule, bound) => {
            parameter["maximum"] = json!(*bound as i64);
            (*rule).to_owned()
        }
        Rule::Pattern if field.starts_with("labels") => "is_label".to_owned(),
        Rule::Pattern => "matches_regex".to_owned(),
        Rule::Alternative => "invalid".to_owned(),
    };
    parameter["rule"] = json!(rule);
    parameter
}

/// The gRPC code that the gateway in front of the core entities maps to `status`.
fn grpc_code(status: StatusCode) -> u8 {
    match status {
        StatusCode::BAD_REQUEST => 3,
        StatusCode::NOT_FOUND => 5,
        StatusCode::CONFLICT => 6,
        StatusCode::FORBIDDEN => 7,
        StatusCode::METHOD_NOT_ALLOWED => 12,
        _ => 13,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Edge(status, message) => (
                status,
                Json(json!({"message": message, "status": status.as_u16()})),
            )
                .into_response(),
            Self::Problem(status, detail, invalid) => {
                let mut body = json!({
                    "status": status.as_u16(),
                    "title": status.canonical_reason(),
                    "type": format!("https://httpstatuses.com/{}", status.as_u16()),
                    "instance": "kong:trace:1234567890",
                    "detail": detail,
                });
                if !invalid.is_empty() {
                    body["invalid_parameters"] = json!(invalid);
                }
                (
                    status,
                    [(header::CONTENT_TYPE, "application/problem+json")],
                    body.to_string(),
                )
                    .into_response()
            }
            Self::Entity(status, message, details) => {
                let details: Vec<_> = details.iter().map(Detail::to_json).collect();
                let body = json!({"code": grpc_code(status), "message": message, "details": details});
                (status, Json(body)).into_response()
            }
            Self::Legacy(status, message) => (status, Json(json!({"message": message}))).into_response(),
        }
    }
}
