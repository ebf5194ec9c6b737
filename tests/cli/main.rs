//! The binary itself, without a cluster, against both simulators over TLS: what a user types and sees.

mod decisions;
mod faults;
#[path = "../shared/presets.rs"]
mod presets;
mod runs;
mod terminal;
