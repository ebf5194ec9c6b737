//! A report as text: for a terminal, for programs, for a review, and for those who go on with other tools. Pure.

pub mod backup;
pub mod deck;
pub mod diff;
pub mod groups;
pub mod json;
pub mod kong_operator;
pub mod markdown;
pub mod rollback;
pub mod terminal;
pub mod terraform;

/// A report that could not be written: a defect of this program.
#[derive(Debug, thiserror::Error)]
#[error("the plan cannot be written: {0}; please report this with the plan's hash")]
pub struct RenderError(pub(crate) String);
