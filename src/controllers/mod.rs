//! The controllers, one folder each, and the runtime that they share.
//!
//! A controller is a [`runner::Reconciler`]; [`runner::Runner`] does the rest. See `runner` for an example.

mod backoff;
pub mod context;
pub mod draft;
pub mod error;
mod malformed;
pub mod outcome;
mod pass;
pub mod runner;
