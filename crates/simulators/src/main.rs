//! Simulators binary.
fn main() {}
