//! Moves self-managed Kong Gateway workspaces to Kong Konnect.

pub mod api;
pub mod domain;
pub mod engine;
pub mod http;
pub mod kong_admin;
pub mod konnect;
pub mod plan;
