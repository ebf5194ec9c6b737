//! Konnect as a remote product: how it is called, what to do about its failures, and its four shapes of error body, read into one.
//!
//! - problem+json (control planes, identity): `status`, `title`, `detail`, `instance`, `invalid_parameters[]`;
//! - gRPC gateway (core entities): `code`, `message`, `details[]` with `type`, `field`, `messages`;
//! - the older endpoints: `message`;
//! - the edge gateway: `message`, sometimes `status`.

use serde_json::Value;

use crate::http::call::Interpretation;
use crate::http::product::Remedies;
use crate::http::{Failure, FieldError, FieldErrorKind, Product};
use crate::kong::wire::secrets::SECRET_MARKS;

/// Kong Konnect, the target.
pub static KONNECT: Product = Product {
    label: "konnect",
    name: "Konnect",
    domains: Some(&["konghq.com"]),
    remedies: Remedies {
        tls: "if a proxy stands in between, give its CA with --ca-file; else check the address",
        server: "it is tried again; if it stays, look at Konnect's status page",
        unauthorized: "check that the token is not expired or revoked, and put a valid one into its Secret",
        forbidden: "give the token's user or system account a role that permits this, on this control plane",
    },
    secrets: SECRET_MARKS,
    interpret,
};

/// Stands in the text of every broken unique key.
const UNIQUE: &str = "(type: unique)";

/// Reads an error body; a body of no known shape leaves what the status says.
fn interpret(status: u16, default: Failure, body: &Value) -> Interpretation {
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .filter(|text| !text.is_empty())
    };
    let detail = text("detail")
        .or_else(|| text("message"))
        .or_else(|| text("title"));
    let failure = match default {
        Failure::Rejected(_) => rejection(status, detail.as_deref(), body),
        // The edge gateway knows no such API: nothing may be concluded from what is not found there.
        Failure::NotFound
            if detail
                .as_deref()
                .is_some_and(|text| text.starts_with("no Route matched")) =>
        {
            Failure::Garbage
        }
        // Only control planes and other Konnect-only objects answer 409; the name is what they hold unique.
        other => other,
    };
    Interpretation {
        failure,
        detail,
        instance: text("instance"),
    }
}

fn rejection(status: u16, message: Option<&str>, body: &Value) -> Failure {
    let fields: Vec<FieldError> = list(body, "details")
        .map(constraint)
        .chain(list(body, "invalid_parameters").map(invalid_parameter))
        .filter(|error| !error.field.is_empty() || !error.messages.is_empty())
        .collect();
    if status == 400 && is_unique_violation(message, &fields) {
        return Failure::Conflict {
            field: taken_field(&fields),
        };
    }
    Failure::Rejected(fields)
}

/// The field that is said to be taken; where no text says so, the first one named.
fn taken_field(fields: &[FieldError]) -> Option<String> {
    let says_unique = |error: &&FieldError| error.messages.iter().any(|text| text.contains(UNIQUE));
    let named = || fields.iter().filter(|error| !error.field.is_empty());
    named()
        .find(says_unique)
        .or_else(|| named().next())
        .map(|error| error.field.clone())
}

/// Core entities answer 400 for a value that is taken. Missing references carry the same message
/// and are told apart by their texts, or by their type where the texts say nothing.
fn is_unique_violation(message: Option<&str>, fields: &[FieldError]) -> bool {
    let texts = || {
        message.into_iter().chain(
            fields
                .iter()
                .flat_map(|error| error.messages.iter().map(String::as_str)),
        )
    };
    if texts().any(|text| text.contains(UNIQUE)) {
        return true;
    }
    // The last one is Kong's own text for a delete that something stands against (3.9, `kong/db/errors.lua`).
    let foreign = texts().any(|text| {
        ["(type: foreign)", "not found", "references this"]
            .iter()
            .any(|words| text.contains(words))
    });
    let said = message.is_some_and(|message| message.contains("data constraint error"));
    said && !foreign
        && !fields
            .iter()
            .any(|error| error.kind == FieldErrorKind::Reference && error.messages.is_empty())
}

fn list<'b>(body: &'b Value, name: &str) -> impl Iterator<Item = &'b Value> {
    body.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// One of the gRPC gateway's `details`.
fn constraint(detail: &Value) -> FieldError {
    let kind = match detail.get("type").and_then(Value::as_str) {
        Some("ERROR_TYPE_REFERENCE") => FieldErrorKind::Reference,
        Some("ERROR_TYPE_ENTITY") => FieldErrorKind::Entity,
        _ => FieldErrorKind::Field,
    };
    let messages = list(detail, "messages")
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    FieldError {
        field: string(detail, "field"),
        kind,
        messages,
    }
}

/// One of problem+json's `invalid_parameters`. A reached usage limit comes this way, too.
fn invalid_parameter(parameter: &Value) -> FieldError {
    let messages = Some(string(parameter, "reason"))
        .filter(|reason| !reason.is_empty())
        .into_iter()
        .collect();
    FieldError {
        field: string(parameter, "field"),
        kind: FieldErrorKind::Field,
        messages,
    }
}

fn string(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(status: u16, body: &Value) -> Interpretation {
        let default = match status {
            401 => Failure::Unauthorized,
            409 => Failure::Conflict { field: None },
            _ => Failure::Rejected(Vec::new()),
        };
        interpret(status, default, body)
    }

    #[test]
    fn problem_json_names_parameters_and_keeps_the_trace_apart() {
        let read = read(
            400,
            &json!({"status": 400, "title": "Bad Request", "detail": "Invalid Parameters", "instance": "kong:trace:12",
                "invalid_parameters": [{"field": "labels", "rule": "is_label", "reason": "is too long", "source": "body"}]}),
        );
        let expected = FieldError {
            field: "labels".into(),
            kind: FieldErrorKind::Field,
            messages: vec!["is too long".into()],
        };
        assert_eq!(read.failure, Failure::Rejected(vec![expected]));
        assert_eq!(read.instance.as_deref(), Some("kong:trace:12"));
        assert_eq!(read.detail.as_deref(), Some("Invalid Parameters"));
    }

    #[test]
    fn a_delete_that_something_stands_against_is_no_taken_value() {
        let text = "an existing 'routes' entity references this 'services' entity";
        let read = read(
            400,
            &json!({"code": 3, "message": "data constraint error",
                "details": [{"type": "ERROR_TYPE_REFERENCE", "field": "id", "messages": [text]}]}),
        );
        assert!(matches!(read.failure, Failure::Rejected(fields) if fields[0].messages == [text]));
    }

    #[test]
    fn grpc_details_keep_field_kind_and_messages() {
        let read = read(
            400,
            &json!({"code": 3, "message": "validation error", "details": [
                {"@type": "x", "type": "ERROR_TYPE_FIELD", "field": "paths[0]", "messages": ["must begin with '/'"]},
                {"@type": "x", "type": "ERROR_TYPE_ENTITY", "messages": ["set one of hosts, paths"]}]}),
        );
        let Failure::Rejected(fields) = read.failure else {
            panic!("{:?}", read.failure)
        };
        assert_eq!(
            (fields[0].field.as_str(), fields[0].kind),
            ("paths[0]", FieldErrorKind::Field)
        );
        assert_eq!(
            (fields[1].field.as_str(), fields[1].kind),
            ("", FieldErrorKind::Entity)
        );
    }

    #[test]
    fn a_unique_violation_is_a_conflict_on_its_field() {
        for body in [
            json!({"code": 3, "message": "data constraint error", "details": [
                {"type": "ERROR_TYPE_REFERENCE", "field": "name",
                 "messages": ["name (type: unique) constraint failed for value 'x': "]}]}),
            json!({"code": 3, "message": "data constraint error", "details": [
                {"type": "ERROR_TYPE_FIELD", "field": "name", "messages": ["taken"]}]}),
        ] {
            assert_eq!(
                read(400, &body).failure,
                Failure::Conflict {
                    field: Some("name".into())
                },
                "{body}"
            );
        }
        let bare = json!({"code": 3, "message": "name (type: unique) constraint failed"});
        assert_eq!(read(400, &bare).failure, Failure::Conflict { field: None });
    }

    #[test]
    fn a_missing_reference_is_no_conflict() {
        let body = json!({"code": 3, "message": "data constraint error", "details": [
            {"type": "ERROR_TYPE_REFERENCE", "field": "service.id",
             "messages": ["service.id (type: foreign) constraint failed for value 'x': not found"]}]});
        let Failure::Rejected(fields) = read(400, &body).failure else {
            panic!()
        };
        assert_eq!(fields[0].kind, FieldErrorKind::Reference);
    }

    #[test]
    fn an_address_that_is_not_the_api_finds_nothing_out() {
        let found = |body: &Value| interpret(404, Failure::NotFound, body).failure;
        assert_eq!(
            found(&json!({"code": 5, "message": "not found"})),
            Failure::NotFound
        );
        assert_eq!(found(&Value::Null), Failure::NotFound);
        assert_eq!(
            found(&json!({"message": "no Route matched with those values"})),
            Failure::Garbage
        );
    }

    #[test]
    fn the_status_speaks_where_the_body_does_not() {
        assert_eq!(
            read(401, &json!({"message": "Unauthorized", "status": 401})).failure,
            Failure::Unauthorized
        );
        assert_eq!(
            read(409, &json!({"status": 409, "title": "Conflict"})).failure,
            Failure::Conflict { field: None }
        );
        let read = read(400, &Value::Null);
        assert_eq!((read.failure, read.detail), (Failure::Rejected(Vec::new()), None));
    }
}
