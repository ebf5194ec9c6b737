//! One failed remote call, in words for people and in classes for code.

use std::fmt;
use std::time::Duration;

use super::Product;

/// What kind of failure a call ended with, after all repeats. Decides what the caller does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, or it broke: DNS, refused, reset.
    Unreachable,
    /// Not sent: this process may not write any more, see [`Fence`](super::Fence).
    Fenced,
    /// Not sent: the host, or what its name leads to, may not be called, see [`HostRule`](super::HostRule).
    HostNotAllowed,
    /// Not sent: the path would hold something else than an id where an id is due, and the server would take it for a name.
    NotAnId,
    /// The server's certificate is not trusted, or it refused ours. Does not heal by itself.
    Tls,
    /// No answer in time.
    Timeout,
    /// 429, or a pause that lasts longer than the call may wait.
    Throttled {
        /// The time the server asked for, when it named one.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    Server,
    /// 401: the token is missing, wrong, expired or revoked.
    Unauthorized,
    /// 403: the token lacks a right, or the object does not take this call.
    Forbidden,
    /// 404.
    NotFound,
    /// Taken by another object: 409, and what a product says in its own way.
    Conflict {
        /// The field whose value is taken, when the server names it.
        field: Option<String>,
    },
    /// 400, 422 and other 4xx: the same request will be refused again. Empty when the server names no field.
    Rejected(Vec<FieldError>),
    /// An answer that is not what the API sends: not JSON, another shape, a redirect, pages without end.
    Garbage,
}

impl Failure {
    /// A fixed word for metric labels.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Fenced => "fenced",
            Self::HostNotAllowed => "host_not_allowed",
            Self::NotAnId => "not_an_id",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Throttled { .. } => "throttled",
            Self::Server => "server",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::Rejected(_) => "rejected",
            Self::Garbage => "garbage",
        }
    }
}

/// One reason why a body was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, such as `config.redis.host`; empty when the reason is about the whole entity.
    pub field: String,
    /// What the reason is about.
    pub kind: FieldErrorKind,
    /// The server's sentences, with secret values masked.
    pub messages: Vec<String>,
}

/// What a [`FieldError`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldErrorKind {
    /// One field.
    Field,
    /// A rule over several fields.
    Entity,
    /// Another entity that does not exist, or does not exist yet.
    Reference,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = self.messages.join(", ");
        match (self.field.as_str(), messages.as_str()) {
            ("", messages) => f.write_str(messages),
            (field, "") => f.write_str(field),
            (field, messages) => write!(f, "{field}: {messages}"),
        }
    }
}

/// One failed call.
///
/// `Display` says method, path, host, what happened and what to do. It is the same each time the same thing fails,
/// so that it may stand in a condition: the trace id is only in [`Error::instance`]. Values of secret fields of the
/// request are masked in everything the server said.
#[derive(Clone, Debug)]
pub struct Error(Box<Parts>);

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub product: &'static Product,
    pub method: String,
    pub host: String,
    pub path: String,
    pub status: Option<u16>,
    pub failure: Failure,
    pub detail: Option<String>,
    pub instance: Option<String>,
    pub retry_after: Option<Duration>,
    pub not_executed: bool,
}

impl Error {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Box::new(parts))
    }

    /// The same error of a call that another address answers, or does not answer, for the one it is for.
    pub(crate) fn sent_to(mut self, host: &str) -> Self {
        self.0.host.push_str(&format!(" (sent to {host})"));
        self
    }

    /// The kind of failure.
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// The product that was called.
    pub fn product(&self) -> &'static Product {
        self.0.product
    }

    /// The HTTP status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What the server, or the network, said; masked.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The server's trace id of this one request, which its support asks for. New for each request:
    /// for logs, not for conditions.
    pub fn instance(&self) -> Option<&str> {
        self.0.instance.as_deref()
    }

    /// How long the server asked to wait, when it did (429 and 503).
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The fields the server refused; empty for other failures.
    pub fn field_errors(&self) -> &[FieldError] {
        match &self.0.failure {
            Failure::Rejected(fields) => fields,
            _ => &[],
        }
    }

    /// True when every reason given is a reference to an entity that the server does not see. Right after that
    /// entity was written this can pass: worth one more try a little later.
    pub fn is_missing_reference(&self) -> bool {
        let fields = self.field_errors();
        !fields.is_empty() && fields.iter().all(|error| error.kind == FieldErrorKind::Reference)
    }

    /// True for 404.
    pub fn is_not_found(&self) -> bool {
        self.0.failure == Failure::NotFound
    }

    /// True when the server may have acted on the request although no answer says so.
    pub(crate) fn may_have_acted(&self) -> bool {
        let unclear = match self.0.failure {
            Failure::Unreachable | Failure::Timeout | Failure::Garbage => true,
            // A server that tells when to come back says by it that it did not act.
            Failure::Server => self.0.retry_after.is_none(),
            _ => false,
        };
        unclear && !self.0.not_executed
    }

    /// True when the server surely did not act on the request.
    pub(crate) fn is_not_executed(&self) -> bool {
        self.0.not_executed
    }

    /// What happened, without the request and without advice: fit for a finding about one entity.
    pub fn reason(&self) -> String {
        let detail = self.detail();
        let with = |what: &str| match detail {
            Some(detail) => format!("{what}: {detail}"),
            None => what.to_owned(),
        };
        let status = self.0.status.map(|status| status.to_string()).unwrap_or_default();
        match &self.0.failure {
            Failure::Unreachable => with("no connection"),
            Failure::Fenced => "not sent, because another replica writes now".to_owned(),
            Failure::HostNotAllowed => with("not sent"),
            Failure::NotAnId => with("not sent"),
            Failure::Tls => with("no trusted TLS connection"),
            Failure::Timeout => with("no answer in time"),
            Failure::Throttled { .. } => with("the server asks for fewer requests (429)"),
            Failure::Server => with(&format!("the server failed ({status})")),
            Failure::Unauthorized => with("the token was not accepted (401)"),
            Failure::Forbidden => with("not permitted (403)"),
            Failure::NotFound => with("not found (404)"),
            Failure::Conflict { field: Some(field) } => {
                with(&format!("already taken ({status}), field {field}"))
            }
            Failure::Conflict { field: None } => with(&format!("already taken ({status})")),
            Failure::Rejected(fields) if fields.is_empty() => with(&format!("refused ({status})")),
            Failure::Rejected(fields) => {
                let fields: Vec<String> = fields.iter().map(FieldError::to_string).collect();
                format!("refused ({status}): {}", fields.join("; "))
            }
            Failure::Garbage => with("the answer is not what this API sends"),
        }
    }

    /// Which call failed and how, without advice: for those who give their own.
    pub fn what(&self) -> String {
        let Parts {
            product,
            method,
            path,
            host,
            ..
        } = &*self.0;
        format!("{product} at {host}, {method} {path}: {}", self.reason())
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        let remedies = &self.0.product.remedies;
        match &self.0.failure {
            Failure::Unreachable | Failure::Timeout => {
                "check the address (https or http, and the port), DNS, network policies and proxies; it is tried again"
            }
            Failure::Fenced => "the replica that leads goes on",
            Failure::HostNotAllowed => {
                "correct the address, or, if it may be called, have the operator started with that flag"
            }
            Failure::NotAnId => {
                "give the object a UUID for its id where it comes from: the source, or the status that names it"
            }
            Failure::Tls => remedies.tls,
            Failure::Throttled { .. } => {
                "it is tried again later; lower the requests in flight if this stays"
            }
            Failure::Server => remedies.server,
            Failure::Unauthorized => remedies.unauthorized,
            Failure::Forbidden => remedies.forbidden,
            Failure::NotFound => "check that the object still exists and that the address is right",
            Failure::Conflict { .. } => "rename or remove the other object, or let it be adopted",
            Failure::Rejected(_) if self.0.method == "GET" => {
                "reading is not expected to be refused: check that the address is the API itself, and its version"
            }
            Failure::Rejected(_) => "correct the value, or leave the object out",
            Failure::Garbage => "check that the address is the API itself and that no proxy answers for it",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what(), self.remedy())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::product::SAMPLE;

    #[test]
    fn only_what_no_answer_tells_may_have_been_done_all_the_same() {
        let told = Some(Duration::from_secs(1));
        for (failure, retry_after, not_executed, expected) in [
            (Failure::Unreachable, None, false, true),
            (Failure::Unreachable, None, true, false),
            (Failure::Timeout, None, false, true),
            (Failure::Garbage, None, false, true),
            (Failure::Server, None, false, true),
            (Failure::Server, told, false, false),
            (Failure::Throttled { retry_after: None }, None, false, false),
            (Failure::Rejected(Vec::new()), None, false, false),
            (Failure::Conflict { field: None }, None, false, false),
            (Failure::Fenced, None, true, false),
        ] {
            let error = Error::new(Parts {
                product: &SAMPLE,
                method: "POST".into(),
                host: "api.example.com".into(),
                path: "/".into(),
                status: None,
                failure: failure.clone(),
                detail: None,
                instance: None,
                retry_after,
                not_executed,
            });
            assert_eq!(error.may_have_acted(), expected, "{failure:?} {retry_after:?}");
        }
    }
}
