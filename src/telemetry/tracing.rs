//! Logs on standard error, for people or for machines.

use std::io::{IsTerminal as _, stderr};

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per event.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("log filter {filter:?} is not valid; write for instance info,gateway_migration_operator=debug")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Logging was set up before.
    #[error("logging is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging for the whole process. `filter` has the syntax of `RUST_LOG`.
pub fn init(filter: &str, format: LogFormat) -> Result<(), LogError> {
    let env_filter = EnvFilter::try_new(filter).map_err(|source| LogError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let registry = tracing_subscriber::registry().with(env_filter);
    match format {
        LogFormat::Text => {
            let mut layer = fmt::layer().with_writer(stderr);
            // On a terminal the layer decides by NO_COLOR; a file gets no colours.
            if !stderr().is_terminal() {
                layer.set_ansi(false);
            }
            registry.with(layer).try_init()?;
        }
        LogFormat::Json => registry
            .with(fmt::layer().json().flatten_event(true).with_writer(stderr))
            .try_init()?,
    }
    Ok(())
}
