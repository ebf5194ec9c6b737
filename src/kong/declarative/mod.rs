//! Declarative files as sources: decK's format (`_format_version` 1.1 and 3.0) and Kong's DB-less format (1.1, 2.1 and 3.0).
//!
//! Both are one grammar: lists of entities at the top level, nested below what they belong to, or both; references by id
//! or by name. [`parse`] reads it into the snapshot that an Admin API would have given:
//!
//! 1. `syntax` reads YAML or JSON and refuses keys that are given twice;
//! 2. `flatten` takes nested entities out of their parents, by the table in `sections`;
//! 3. `resolve` turns names into ids, derives the ids that the file lacks (`ids`), and refuses duplicates;
//! 4. `meaning` applies what the file says of all its entities: defaults, select tags, passwords in clear.
//!
//! Nothing is dropped in silence: a fault makes the file unusable and is an [`Error`]; what can be read and not moved, or
//! moves with another effect, is a [`Remark`] beside the snapshot. Text of the file is never repeated in either, because
//! any of it may be a secret; they name places such as `services[2].routes[0]`.
//!
//! Pure: values in, values out.

mod error;
mod flatten;
mod ids;
mod meaning;
mod measure;
mod remark;
mod resolve;
mod sections;
mod syntax;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use crate::kong::model::{KongVersion, Snapshot};

pub use error::{Error, Fault};
pub use remark::{Remark, Topic};

use flatten::flatten;
use ids::Naming;
use measure::{Exceeded, Measure};
use resolve::resolve;

/// The workspace of a file that names none.
pub const DEFAULT_WORKSPACE: &str = "default";

/// `_format_version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Kong 1.x and 2.x.
    V1_1,
    /// Kong 2.x, DB-less only.
    V2_1,
    /// Kong 3.x.
    V3_0,
}

impl Format {
    /// The newest gateway version that writes the format; none for 3.0, which all of 3.x share.
    #[must_use]
    pub const fn kong_version(self) -> Option<KongVersion> {
        match self {
            Self::V1_1 | Self::V2_1 => Some(KongVersion { major: 2, minor: 8 }),
            Self::V3_0 => None,
        }
    }
}

/// A file as it was read.
#[derive(Debug)]
pub struct Document {
    /// Its format.
    pub format: Format,
    /// Its entities, each with an id.
    pub snapshot: Snapshot,
    /// What a person must know of the file.
    pub remarks: Vec<Remark>,
}

/// Reads a file, as the content of `workspace`. The same text and workspace give the same ids.
///
/// # Errors
/// When the text is neither YAML nor JSON, has another format version, is of another workspace, or has faults that no
/// gateway would accept: duplicates, entries of the wrong shape, contradictory references.
pub fn parse(text: &str, workspace: &str) -> Result<Document, Error> {
    let measure = Measure::new(text.len());
    let mut root = syntax::read(text, &measure)?;
    let header = syntax::take_header(&mut root, workspace)?;
    let mut remarks = Vec::new();
    let mut drafts = flatten(root, &mut remarks)?;
    meaning::complete(&mut drafts, &header, &measure, &mut remarks)
        .map_err(|Exceeded| Error::too_large(text, &measure))?;
    let mut entities = resolve(drafts, &Naming::new(workspace), &mut remarks)?;
    meaning::judge(&mut entities, &header, &mut remarks);
    Ok(Document {
        format: header.format,
        snapshot: entities.into_iter().map(|placed| placed.entity).collect(),
        remarks,
    })
}
