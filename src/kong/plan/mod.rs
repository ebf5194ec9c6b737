//! The planner: two snapshots in, one plan out. Pure and deterministic; the same inputs give the same bytes.
//!
//! `translate` makes a source entity fit the target's published schema, `preflight` tells what cannot move, `compare` defines
//! equality, `diff` decides what happens to each entity, `prune` what happens to what the source has no more, `verify` compares again
//! after the writes.

pub mod added;
pub mod aliases;
pub mod backup;
pub mod canonical;
pub mod catalogue;
pub mod compare;
mod core_defaults;
pub mod defaults;
pub mod diff;
pub mod digest;
pub mod document;
pub mod drift;
pub mod identity;
pub mod input;
pub mod inventory;
pub mod ledger;
pub mod lua;
pub mod mask;
pub mod named;
pub mod outline;
pub mod path;
pub mod planner_rules;
pub mod preflight;
pub mod preset;
pub mod prune;
pub mod regex_path;
pub mod render;
pub mod repair;
pub mod rollback;
pub mod rule_families;
pub mod select;
pub mod sighting;
pub mod transform;
pub mod translate;
pub mod unique;
pub mod verify;

// For those outside. Inside, each module imports from the one that defines: through here all would depend on all.
pub use catalogue::Catalogue;
pub use diff::build_plan;
pub use document::Planned;
pub use drift::Drift;
pub use input::{Circumstances, PlanInput, Policy};
pub use ledger::Ledger;
pub use repair::build_repair;
pub use rollback::{RollbackInput, build_rollback};
pub use verify::verify;

#[cfg(test)]
mod difference_properties;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod konnect_paths;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod test_support;
