//! Simulators.

pub mod kong_admin;
