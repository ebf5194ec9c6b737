//! Moves self-managed Kong Gateway workspaces to Kong Konnect.
//!
//! The modules are layers; `tests/architecture` keeps them apart (`docs/decisions/0010-one-crate-layers-held-by-a-test.md`).

#![deny(clippy::disallowed_methods)]

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod controllers;
pub mod http;
pub mod k8s;
pub mod kong;
pub mod manifest;
pub mod migration;
pub mod operator;
pub mod telemetry;

/// A plan makes and frees millions of small pieces on several threads; the system's allocator keeps a heap for each thread and gives
/// little of them back.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
