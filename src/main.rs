//! The operator binary.

#![deny(clippy::disallowed_methods)]

use std::process::ExitCode;

use gateway_migration_operator::cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::from_command_line() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    match cli.run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
