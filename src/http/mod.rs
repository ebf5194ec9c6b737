//! What every remote product API shares: connections, trust, retries, limits, errors.
//!
//! Nothing here knows a product. A client describes one call, names the function that reads the
//! product's error bodies, and [`Transport`] does the rest. Kubernetes is not reached through this module.

mod answer;
pub mod budget;
pub mod budgets;
pub(crate) mod call;
pub mod classes;
pub mod endpoints;
pub mod error;
pub mod fence;
pub mod limiter;
mod meter;
mod network;
pub mod object_text;
pub mod observer;
pub(crate) mod page;
pub(crate) mod redact;
pub mod retry;
pub(crate) mod route;
pub mod tls;
pub mod token;
pub mod transport;

pub use budget::Budget;
pub use budgets::Budgets;
pub use endpoints::EndpointMap;
pub use error::{Error, Failure, FieldError, FieldErrorKind};
pub use fence::Fence;
pub use limiter::Limits;
pub use observer::{Attempt, Observer};
pub use retry::RetryPolicy;
pub use tls::{ClientCertificate, TlsOptions};
pub use token::InvalidToken;
pub use transport::{Transport, TransportError, TransportOptions};

/// A remote product, as named in messages and metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Kong Konnect, the target.
    Konnect,
    /// The Admin API of a self-managed Kong Gateway, the source.
    KongAdmin,
}

impl Service {
    /// The value of the `service` metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Konnect => "konnect",
            Self::KongAdmin => "kong_admin",
        }
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Konnect => "Konnect",
            Self::KongAdmin => "the Kong Admin API",
        })
    }
}
