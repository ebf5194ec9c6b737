//! The Konnect simulator against the documents it is written from.

mod api;
mod control_planes;
mod recorded;
