//! What every kind of migration has of a controller: what comes next, what ends a pass, whose turn it is, how a plan and
//! the ways to end without a write are told, progress, approval, what is kept for people to read, and the runs before. Generic over [`crate::api::migration::MigrationKind`]; no product is named here.
//!
//! The driver (observe, plan, choose, take) stays written out in the folder of each kind.

pub mod artefacts;
pub mod decide;
pub mod history;
pub mod interrupts;
pub mod progress;
pub mod queue;
pub mod report;
pub mod verdict;
