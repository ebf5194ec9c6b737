//! The controllers, one folder each, and the runtime that they share.
//!
//! A controller is a [`runner::Reconciler`]; [`runner::Runner`] does the rest. See `runner` for an example.

mod backoff;
pub mod context;
pub mod draft;
pub mod error;
pub mod konnect_extension;
pub mod konnect_session;
mod malformed;
pub mod outcome;
mod pass;
pub mod runner;

use tokio::task::JoinSet;

use context::Context;

/// Starts every controller that the configuration asks for; each runs until the context stops.
pub fn spawn_all(context: &Context) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let stop = context.stop.clone();
    tasks.spawn(async move { stop.cancelled().await });
    tasks
}
