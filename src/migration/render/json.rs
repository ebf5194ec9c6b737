//! A plan for programs, and back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::migration::report::{FORMAT, PlanReport};

/// Why a report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No JSON, or not of this form.
    #[error("this is no plan: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Written by another version.
    #[error(
        "the plan has the form {found:?}; this program reads {expected:?}: use the version that wrote it"
    )]
    Format {
        /// What it says it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The plan without the bodies, indented, with a line end. The same plan gives the same bytes.
///
/// # Errors
/// Only when serde does not write a string map, which cannot be.
pub fn render<E: Serialize + Clone>(report: &PlanReport<E>) -> Result<String, serde_json::Error> {
    let mut text = if report.entities.is_empty() {
        serde_json::to_string_pretty(report)?
    } else {
        serde_json::to_string_pretty(&PlanReport {
            entities: Vec::new(),
            ..report.clone()
        })?
    };
    text.push('\n');
    Ok(text)
}

/// Reads what [`render`] wrote, or a report as it is stored: everything, as small as JSON is.
///
/// # Errors
/// Anything else.
pub fn read<E: DeserializeOwned>(bytes: &[u8]) -> Result<PlanReport<E>, ReadError> {
    let value: serde_json::Value = serde_json::from_slice(bytes)?;
    let found = value
        .get("format")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    if found != FORMAT {
        return Err(ReadError::Format {
            found: found.to_owned(),
            expected: FORMAT,
        });
    }
    Ok(serde_json::from_value(value)?)
}
