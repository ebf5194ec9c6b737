//! The vocabulary of a migration: entity kinds, entities, snapshots. Pure values without I/O.

pub mod address;
pub mod cluster_type;
pub mod entity;
pub mod entity_kind;
pub mod entity_kinds;
pub mod id;
pub mod json;
pub mod lists_below;
pub mod named_references;
pub mod recast;
pub mod secrets;
pub mod snapshot;
pub mod version;

pub use cluster_type::ClusterType;
pub use entity::{Entity, Packed};
pub use entity_kind::EntityKind;
pub use snapshot::{Gap, GapCause, Snapshot};
pub use version::KongVersion;
