//! Forms in which a plan is printed.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;

use crate::kong::plan::render::{RenderError, deck, kong_operator, terraform, text};
use crate::kong::plan::report::PlanEnds;
use crate::migration::render::json;
use crate::migration::render::terminal::Style;
use crate::migration::report::PlanReport;

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

/// Why a plan could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// As JSON.
    #[error("the plan cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// In another form.
    #[error(transparent)]
    Render(#[from] RenderError),
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

    /// Prints a report on standard output.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn print(self, report: &PlanReport<PlanEnds>, full: bool) -> Result<(), OutputError> {
        let text = match self {
            Self::Terminal => text::terminal(
                report,
                Style {
                    colour: colour(),
                    full,
                },
            ),
            Self::Json => json::render(report)?,
            Self::Markdown => text::markdown(report),
            Self::Deck => deck::render(report)?,
            Self::KongOperator => kong_operator::render(report)?,
            Self::Terraform => terraform::render(report),
        };
        Ok(print(&text)?)
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

/// Colours on a terminal, unless the user does not want any (<https://no-color.org>).
#[expect(
    clippy::disallowed_methods,
    reason = "a convention of all programs on a terminal, and no setting of this one"
)]
pub(super) fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
