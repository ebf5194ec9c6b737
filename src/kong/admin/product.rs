//! The Admin API as a remote product: how it is called, what to do about its failures, and its error body: `{message, name, code, fields}`,
//! where `fields` nests as the entity does.

use serde_json::Value;

use crate::http::call::Interpretation;
use crate::http::product::Remedies;
use crate::http::{Failure, FieldError, FieldErrorKind, Product};
use crate::kong::wire::secrets::SECRET_MARKS;

/// The Admin API of a self-managed Kong Gateway, the source.
pub static ADMIN_API: Product = Product {
    label: "kong_admin",
    name: "the Kong Admin API",
    domains: None,
    remedies: Remedies {
        tls: "give the CA, and a client certificate if the server asks for one, in the source's tls settings",
        server: "it is tried again; if it stays, look at Kong's error log",
        unauthorized: "check that the token is not expired or revoked, and put a valid one into its Secret",
        forbidden: "give the token's RBAC user a role that permits this in the workspace",
    },
    secrets: SECRET_MARKS,
    interpret,
};

/// Kong's code of an error about a foreign key.
const FOREIGN_KEY_VIOLATION: i64 = 4;
/// Kong's code of an error about a primary key that is taken; comes with status 400.
const PRIMARY_KEY_VIOLATION: i64 = 3;

/// What Kong's proxy port answers where its Admin API was expected.
const PROXY: &str = "no Route matched";

/// Reads an error body; a body of another shape leaves what the status says.
fn interpret(_status: u16, default: Failure, body: &Value) -> Interpretation {
    let detail = body.get("message").and_then(Value::as_str).map(str::to_owned);
    let code = body.get("code").and_then(Value::as_i64);
    let (failure, detail) = match (default, detail) {
        // Not Kong's Admin API: nothing may be concluded from what is not found there.
        (Failure::NotFound, None) => (Failure::Garbage, Some("404 without Kong's error body".to_owned())),
        (Failure::NotFound, Some(text)) if text.starts_with(PROXY) => (
            Failure::Garbage,
            Some("this is Kong's proxy, not its Admin API".to_owned()),
        ),
        (Failure::Rejected(_), detail) if code == Some(PRIMARY_KEY_VIOLATION) => {
            (Failure::Conflict { field: None }, detail)
        }
        (Failure::Rejected(_), detail) => (Failure::Rejected(field_errors(code, body)), detail),
        (other, detail) => (other, detail),
    };
    Interpretation {
        failure,
        detail,
        instance: body.get("request_id").and_then(Value::as_str).map(str::to_owned),
    }
}

fn field_errors(code: Option<i64>, body: &Value) -> Vec<FieldError> {
    let kind = if code == Some(FOREIGN_KEY_VIOLATION) {
        FieldErrorKind::Reference
    } else {
        FieldErrorKind::Field
    };
    let mut errors = Vec::new();
    if let Some(fields) = body.get("fields") {
        collect("", fields, kind, &mut errors);
    }
    errors
}

fn collect(path: &str, value: &Value, kind: FieldErrorKind, errors: &mut Vec<FieldError>) {
    match value {
        Value::String(message) => {
            errors.push(FieldError {
                field: path.to_owned(),
                kind,
                messages: vec![message.clone()],
            });
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(&format!("{path}[{index}]"), item, kind, errors);
            }
        }
        Value::Object(fields) => {
            for (name, inner) in fields {
                if let ("@entity", Value::Array(messages)) = (name.as_str(), inner) {
                    let messages = messages
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect();
                    errors.push(FieldError {
                        field: path.to_owned(),
                        kind: FieldErrorKind::Entity,
                        messages,
                    });
                } else {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    collect(&path, inner, kind, errors);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rejected(body: &Value) -> Vec<FieldError> {
        match interpret(400, Failure::Rejected(Vec::new()), body).failure {
            Failure::Rejected(fields) => fields,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nested_and_positional_fields_get_their_paths() {
        let fields = rejected(
            &json!({"code": 2, "name": "schema violation", "message": "2 schema violations",
            "fields": {"config": {"redis": {"port": "expected a number"}}, "paths": [null, "should start with: /"],
                       "@entity": ["at least one of these fields must be non-empty: 'hosts', 'paths'"]}}),
        );
        let found: Vec<_> = fields
            .iter()
            .map(|error| (error.field.as_str(), error.kind))
            .collect();
        assert_eq!(found.len(), 3);
        assert!(found.contains(&("config.redis.port", FieldErrorKind::Field)));
        assert!(found.contains(&("paths[1]", FieldErrorKind::Field)));
        assert!(found.contains(&("", FieldErrorKind::Entity)));
    }

    #[test]
    fn foreign_keys_are_references_and_taken_primary_keys_conflicts() {
        let fields = rejected(
            &json!({"code": 4, "message": "the foreign key '{id=\"x\"}' does not reference …",
            "fields": {"service": {"id": "x"}}}),
        );
        assert_eq!(fields[0].kind, FieldErrorKind::Reference);
        let taken = interpret(
            400,
            Failure::Rejected(Vec::new()),
            &json!({"code": 3, "message": "primary key violation"}),
        );
        assert_eq!(taken.failure, Failure::Conflict { field: None });
    }

    #[test]
    fn only_kongs_own_404_means_absent() {
        assert_eq!(
            interpret(404, Failure::NotFound, &json!({"message": "Not found"})).failure,
            Failure::NotFound
        );
        assert_eq!(
            interpret(404, Failure::NotFound, &Value::Null).failure,
            Failure::Garbage
        );
        let proxy = interpret(
            404,
            Failure::NotFound,
            &json!({"message": "no Route matched with those values"}),
        );
        assert_eq!(proxy.failure, Failure::Garbage);
        assert!(proxy.detail.is_some_and(|detail| detail.contains("proxy")));
    }
}
