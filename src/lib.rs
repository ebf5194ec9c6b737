//! Moves self-managed Kong Gateway workspaces to Kong Konnect.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod controllers;
pub mod k8s;
pub mod telemetry;
