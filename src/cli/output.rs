//! Forms in which documents are printed.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;

use super::documents::ProductError;
use crate::migration::render::terminal::Style;

/// A form of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For a person.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For a review.
    Markdown,
    /// The planned target as a decK file.
    Deck,
    /// The planned target as objects of Kong's operator that adopt it.
    KongOperator,
    /// Import blocks for Kong's Terraform provider.
    Terraform,
}

/// A form of a rollback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RollbackFormat {
    /// For a person.
    #[default]
    Terminal,
    /// For programs.
    Json,
}

/// A form of a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BackupFormat {
    /// A decK file.
    #[default]
    Deck,
    /// Every entity as Konnect returned it.
    Json,
}

/// Why a document could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// As JSON.
    #[error("the plan cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// In a form of its product.
    #[error("{0}")]
    Render(ProductError),
    /// A form of another product.
    #[error("this plan has no form {form}; its forms are {}", forms.join(", "))]
    NoSuchForm {
        /// What was asked for.
        form: String,
        /// What there is.
        forms: Vec<String>,
    },
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Write(#[from] io::Error),
}

impl Output {
    /// True when the form shows the entities of the planned target, and not the plan alone.
    #[must_use]
    pub fn shows_bodies(self) -> bool {
        match self {
            Self::Deck | Self::KongOperator | Self::Terraform => true,
            Self::Terminal | Self::Json | Self::Markdown => false,
        }
    }
}

/// Prints to standard output; a reader that has had enough, such as `head`, is no failure.
///
/// # Errors
/// Any other.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// How text looks on standard output.
pub(super) fn style(full: bool) -> Style {
    Style {
        colour: colour(),
        full,
    }
}

/// Colours on a terminal, unless the user does not want any (<https://no-color.org>).
#[expect(
    clippy::disallowed_methods,
    reason = "a convention of all programs on a terminal, and no setting of this one"
)]
fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
