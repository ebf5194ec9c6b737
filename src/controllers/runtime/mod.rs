//! What turns a [`runner::Reconciler`] into a controller: watches, passes, status, events, and what follows from a failure.

mod backoff;
pub mod context;
pub mod draft;
pub mod error;
mod going_namespace;
pub mod labels;
mod malformed;
pub mod outcome;
pub mod pass;
mod passes;
pub mod publisher;
pub mod runner;
pub mod words;
