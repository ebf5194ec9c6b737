//! Why a file cannot be a source.

use std::fmt;

use super::measure::Measure;

/// How many faults are told at once.
const SHOWN: usize = 10;

/// A file that cannot be read as a whole. The text names places, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither YAML nor JSON.
    #[error("the declarative file is not readable as {language} at line {line}, column {column}: {problem}")]
    Syntax {
        /// YAML or JSON.
        language: &'static str,
        /// First line is 1.
        line: u64,
        /// First column is 1.
        column: u64,
        /// What kind of fault.
        problem: &'static str,
    },
    /// It stands for more than a file of its size may.
    #[error(
        "the declarative file of {bytes} bytes stands for more than {limit} MiB, the limit for that size, by aliases, defaults or shared \
         configurations; write out what its entities need, or split it"
    )]
    TooLarge {
        /// Bytes of the file.
        bytes: usize,
        /// Limit in MiB.
        limit: u64,
    },
    /// The top level is no record.
    #[error("the declarative file is no record of lists: it must begin with _format_version")]
    NoRecord,
    /// `_format_version` is missing or unknown.
    #[error(
        "the declarative file has _format_version {found}; readable are 1.1, 2.1 and 3.0: export it again with a current decK, or convert it"
    )]
    Format {
        /// What stands there.
        found: String,
    },
    /// `_workspace` is not the workspace of the migration.
    #[error(
        "the declarative file is of workspace {found}, the migration of {wanted}: set spec.source.workspace to {found}, or export the other workspace"
    )]
    Workspace {
        /// The file's.
        found: String,
        /// The migration's.
        wanted: String,
    },
    /// Entities that no gateway would accept.
    #[error("the declarative file has {} {}: {}", .0.len(), if .0.len() == 1 { "fault" } else { "faults" }, FaultList(.0))]
    Faults(Vec<Fault>),
}

impl Error {
    pub(super) fn too_large(text: &str, measure: &Measure) -> Self {
        Self::TooLarge {
            bytes: text.len(),
            limit: measure.limit() >> 20,
        }
    }
}

/// One fault at one place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For example `services[2].routes[0]`, places counted from 0.
    pub place: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.problem)
    }
}

struct FaultList<'a>(&'a [Fault]);

impl fmt::Display for FaultList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
