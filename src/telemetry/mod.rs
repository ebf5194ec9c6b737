//! What the operator shows of itself: logs, metrics, health; and how it is asked to stop.

pub mod admin;
pub mod metrics;
pub mod readiness;
pub mod shutdown;
pub mod tracing;
