//! What a `WorkspaceMigration` says, in the words of the planner: for the operator, which reads it from the cluster, and for
//! the command line, which reads it from a file. Pure.

mod file;
mod policy;
mod rules;
mod schema;

pub use file::{InvalidManifest, read};
pub use policy::{InvalidPolicy, accepted, policy};
