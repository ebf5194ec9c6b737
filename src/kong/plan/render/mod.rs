//! A plan as text, with this product's words, and for those who go on with its tools. Pure.

pub mod backup;
pub mod deck;
pub mod kong_operator;
pub mod terraform;
pub mod text;

/// A report that could not be written: a defect of this program.
#[derive(Debug, thiserror::Error)]
#[error("the plan cannot be written: {0}; please report this with the plan's hash")]
pub struct RenderError(pub(crate) String);
