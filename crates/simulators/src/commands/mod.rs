//! One file per subcommand.

pub(crate) mod cluster;
pub(crate) mod kong_admin;
pub(crate) mod konnect;
mod serving;
mod until_stopped;
