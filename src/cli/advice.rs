//! What to do about a failure, in the words of the command line: the advice of the layers below speaks of manifests and Secrets.

use crate::http::{self, Failure};
use crate::kong::declarative;
use crate::kong::engine::{Error, error::Side};

/// A failure of the engine with advice that names flags.
#[must_use]
pub fn explain(error: &Error) -> String {
    match error {
        Error::Remote { side, error } => explain_call(*side, error),
        Error::WorkspaceNotFound { name, known } => format!(
            "source: there is no workspace {name}; there are {}: name one of them with --workspace",
            known.join(", ")
        ),
        Error::Declarative(declarative::Error::Workspace { found, wanted }) => format!(
            "source: the file of --declarative-config is of workspace {found}, not {wanted}: say --workspace {found}, or take the file of the other"
        ),
        Error::Declarative(error) => format!("--declarative-config: {error}"),
        Error::ControlPlaneGone { id } => format!(
            "target: the control plane {id} was deleted in Konnect meanwhile, with all it held: make another, and name it with --control-plane"
        ),
        Error::NoWorkspaces { .. } | Error::KindMissing { .. } | Error::WithoutId { .. } => error.to_string(),
    }
}

/// A failed call with advice that names flags.
#[must_use]
pub fn explain_call(side: Side, error: &http::Error) -> String {
    format!("{side}: {}; {}", error.what(), advice(side, error))
}

fn advice(side: Side, error: &http::Error) -> &'static str {
    match (error.failure(), side) {
        (Failure::Unreachable | Failure::Timeout, Side::Source) => {
            "check --admin-url (https or http, and the port), DNS, the network and proxies, then run it again"
        }
        (Failure::Unreachable | Failure::Timeout, Side::Target) => {
            "check --konnect-url (https or http, and the port), DNS, the network and proxies, then run it again"
        }
        (Failure::Tls, Side::Source) => {
            "give its certificate authority with --admin-ca-file or --ca-file, or check --admin-url: https or http, and the port"
        }
        (Failure::Tls, Side::Target) => {
            "if a proxy stands in between, give its certificate authority with --ca-file; else check --konnect-url"
        }
        (Failure::Unauthorized, Side::Source) => {
            "put a valid admin token into the file of --admin-token-file, or into KONG_ADMIN_TOKEN"
        }
        (Failure::Unauthorized, Side::Target) => {
            "check the token in --konnect-token-file or KONNECT_TOKEN: that it is complete, has not expired, and is of the region in --konnect-url"
        }
        (Failure::Throttled { .. }, _) => "run it again later, or with a lower --max-in-flight",
        (Failure::Server, Side::Source) => "run it again; if it stays, look at Kong's error log",
        (Failure::Server, Side::Target) => "run it again; if it stays, look at Konnect's status page",
        (Failure::Garbage | Failure::NotFound, Side::Source) => {
            "check that --admin-url is the Admin API itself, and not the proxy, the Manager, or something before them"
        }
        (Failure::Garbage, Side::Target) => {
            "check that --konnect-url is Konnect itself and that no proxy answers for it"
        }
        (
            Failure::Forbidden
            | Failure::Fenced
            | Failure::HostNotAllowed
            | Failure::NotAnId
            | Failure::NotFound
            | Failure::Conflict { .. }
            | Failure::Rejected(_),
            _,
        ) => error.remedy(),
    }
}
