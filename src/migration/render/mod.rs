//! Plans and rollbacks as text: for a terminal, for programs, for a review. Pure.
//!
//! What was migrated from where to where is a line that the product makes; the rest is the same for all.

pub mod diff;
pub mod groups;
pub mod json;
pub mod markdown;
pub mod rollback;
pub mod terminal;
