//! What every kind of migration has of a controller: what ends a pass, whose turn it is, progress, approval, what is kept for people to
//! read, and the runs before. Generic over [`crate::api::migration::MigrationKind`]; no product is named here.
//!
//! The driver (observe, plan, choose, take) stays written out in the folder of each kind.

pub mod approval;
pub mod artefacts;
pub mod history;
pub mod interrupts;
pub mod progress;
pub mod queue;
pub mod status;
