//! Moves self-managed Kong Gateway workspaces to Kong Konnect.

pub mod api;
pub mod cli;
