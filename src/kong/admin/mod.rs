//! The Admin API of a self-managed Kong Gateway, read only: the source of a migration.
//!
//! Written from Kong's published documents (Enterprise 3.10 and 3.15, open source 3.9) and from recordings of 3.9.1.

pub mod client;
pub mod listing;
pub mod node;
mod product;
pub mod workspaces;

pub use client::{Client, InvalidClient};
pub use listing::ListOutcome;
pub use node::{Edition, Node};
pub use product::ADMIN_API;
pub use workspaces::Workspace;
