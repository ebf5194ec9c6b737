//! The Konnect simulator against the documents it is written from.

mod api;
mod bodies;
mod control_planes;
mod deletes;
mod keys;
mod lists;
mod members;
mod plugins;
mod posting;
mod recorded;
