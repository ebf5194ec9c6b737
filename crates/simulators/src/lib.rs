//! Simulators.
pub mod konnect;
