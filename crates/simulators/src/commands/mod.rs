//! One file per subcommand.

pub(crate) mod cluster;
pub(crate) mod kong_admin;
mod serving;
mod until_stopped;
