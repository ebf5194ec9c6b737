//! The resource definitions on a real API server: every rule with an object that it accepts and one that it refuses, both
//! versions of a kind, the samples, and what kubectl shows.

mod conditions;
mod files;
mod installation;
mod manifests;
mod rules;
mod samples;
mod server;
mod table;
mod versions;
