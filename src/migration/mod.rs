//! What every kind of migration shares: values and decisions that name no product and no platform.
//!
//! All of it is pure. Who has the clock, the network or the cluster hands in what it saw; a product's own folder brings its entities,
//! its rules and its words. Nothing here imports another part of the crate, so that a further product can be added without a look at the
//! first one.

pub mod admission_queue;
pub mod digest;
pub mod finding;
pub mod hex;
pub mod pace;
pub mod parallel;
pub mod plan;
pub mod progress;
pub mod render;
pub mod report;
pub mod rollback;
pub mod subject;
pub mod verification;
pub mod waivers;
