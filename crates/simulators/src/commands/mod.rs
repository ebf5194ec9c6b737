//! One file per subcommand.

pub(crate) mod cluster;
mod until_stopped;
