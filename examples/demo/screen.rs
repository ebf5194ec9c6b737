//! Where people read along.

use std::fmt::Display;
use std::io::{Write as _, stderr, stdout};
use std::time::Duration;

/// A stream for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Standard output.
    Output,
    /// Standard error, when standard output is for programs.
    Error,
}

impl Screen {
    /// Writes one line. A reader that has gone away is no reason to stop.
    pub fn line(self, text: impl Display) {
        let _ = match self {
            Self::Output => writeln!(stdout(), "{text}"),
            Self::Error => writeln!(stderr(), "{text}"),
        };
    }

    /// Writes one line that begins with a time.
    pub fn timed(self, at: Duration, text: impl Display) {
        self.line(format!("{:7.1} s  {text}", at.as_secs_f64()));
    }

    /// Writes a heading after an empty line.
    pub fn heading(self, text: &str) {
        self.line(format!("\n{text}"));
    }
}
