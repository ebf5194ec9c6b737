//! Kong Gateway to Kong Konnect: what only this product knows. Nothing here knows Kubernetes.

pub mod admin;
pub mod declarative;
pub mod engine;
pub mod konnect;
pub mod model;
pub mod plan;
mod wire;
