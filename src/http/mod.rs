//! What every remote product API shares: connections, trust, retries, limits, errors.
//!
//! Nothing here knows a product. A client brings a [`Product`], describes one call, and [`Transport`] does the rest.
//! Kubernetes is not reached through this module.

mod address;
pub mod budget;
pub mod budgets;
pub(crate) mod call;
pub mod classes;
pub mod endpoints;
pub mod error;
pub mod fence;
pub mod host_list;
pub mod host_rule;
pub mod limiter;
mod memory;
mod meter;
mod network;
pub mod object_text;
pub mod observer;
pub(crate) mod page;
pub mod product;
pub(crate) mod redact;
pub mod repeat;
pub mod retry;
pub(crate) mod route;
pub mod throttle;
pub mod tls;
pub mod token;
pub mod transport;

pub use budget::Budget;
pub use budgets::Budgets;
pub use endpoints::EndpointMap;
pub use error::{Error, Failure, FieldError, FieldErrorKind};
pub use fence::Fence;
pub use host_list::HostList;
pub use host_rule::HostRule;
pub use limiter::Limits;
pub use observer::{Attempt, Observer};
pub use product::Product;
pub use retry::RetryPolicy;
pub use throttle::Throttle;
pub use tls::{ClientIdentity, TlsOptions};
pub use token::InvalidToken;
pub use transport::{Transport, TransportError, TransportOptions};
