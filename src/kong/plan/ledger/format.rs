//! The ledger as a document: a head, then one line for each entry, written and read without holding the whole twice.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::intended::NumberedOutlines;
use super::{ContentFingerprint, Entry, Intended, Ledger, Origin, Pending, Seen};
use crate::kong::model::EntityKind;
use crate::kong::model::entity_kinds::named;

/// Name and version of the form. It grows by fields that may be left out, so that the version before reads it: fields that it does not know
/// are nothing to it.
const FORMAT: &str = "gatewaymigration.dev/ledger/v2";

/// Forms that are read. The first one knew no deletes.
const READABLE: [&str; 2] = ["gatewaymigration.dev/ledger/v1", FORMAT];

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LedgerHead<'a> {
    format: Cow<'a, str>,
    control_plane: Cow<'a, str>,
    /// None in ledgers that were written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workspace: Option<Cow<'a, str>>,
}

/// Both ends of the migration that a ledger is of.
#[derive(Clone, Copy, Debug)]
pub struct LedgerEnds<'a> {
    /// Name of the workspace in the source.
    pub workspace: &'a str,
    /// Id of the control plane.
    pub control_plane: &'a str,
}

/// Any other line. What is usual is left out.
#[derive(Serialize, Deserialize)]
struct LedgerLine<'a> {
    kind: Cow<'a, str>,
    id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Cow<'a, str>>,
    origin: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Cow<'a, Map<String, Value>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Cow<'a, str>>,
    /// Fingerprint of the body that is written. None in ledgers that were written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intended: Option<Cow<'a, str>>,
    /// The fields of that body; a number stands for those that were the nth to be written out in this document, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outline: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corrected: Option<Cow<'a, Map<String, Value>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<Cow<'a, Map<String, Value>>>,
    at: i64,
}

/// Why a document is no ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another form, or a newer one.
    #[error("its format is {0:?}, and this version reads up to {FORMAT}")]
    Format(String),
    /// A ledger of another target.
    #[error("it is about control plane {0}")]
    ControlPlane(String),
    /// A ledger of another source: to prune by it would delete all that the other workspace brought.
    #[error("it is about workspace {0}")]
    Workspace(String),
    /// Not the text of a ledger.
    #[error("line {line}: {problem}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong. Never the text of the line, which may hold secrets.
        problem: &'static str,
    },
}

impl Ledger {
    /// Writes the document.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_to(&self, ends: LedgerEnds<'_>, out: &mut dyn Write) -> io::Result<()> {
        let head = LedgerHead {
            format: FORMAT.into(),
            control_plane: ends.control_plane.into(),
            workspace: Some(ends.workspace.into()),
        };
        line(&head, out)?;
        let mut outlines = NumberedOutlines::default();
        for (kind, id, entry) in self.iter() {
            let (origin, before) = match &entry.origin {
                Origin::Created => ("created", None),
                Origin::Adopted => ("adopted", None),
                Origin::Overwritten {
                    before,
                    adopted: false,
                } => ("overwritten", Some(before)),
                Origin::Overwritten {
                    before,
                    adopted: true,
                } => ("adopted-overwritten", Some(before)),
            };
            let pending = match entry.pending {
                Pending::Nothing => None,
                Pending::Write => Some("write".into()),
                Pending::Delete => Some("delete".into()),
            };
            let written = LedgerLine {
                kind: kind.name.into(),
                id: id.into(),
                source: entry.source.as_deref().map(Cow::Borrowed),
                origin: origin.into(),
                before: before.map(|before| Cow::Borrowed(&**before)),
                seen: entry
                    .seen
                    .map(|seen| format!("{}{}", seen.whole, seen.spoken).into()),
                pending,
                intended: entry.intended.as_ref().map(|body| body.print.to_string().into()),
                outline: entry.intended.as_ref().map(|body| outlines.write(&body.outline)),
                begun: entry.begun.map(|print| print.to_string().into()),
                corrected: entry.corrected.as_ref().map(|body| Cow::Borrowed(&**body)),
                deleted: entry.deleted.as_deref().map(Cow::Borrowed),
                at: entry.at,
            };
            line(&written, out)?;
        }
        Ok(())
    }

    /// Reads the document of a migration.
    ///
    /// # Errors
    /// When it is none, of another version, or about another workspace or control plane.
    pub fn read_from(ends: LedgerEnds<'_>, document: impl BufRead) -> Result<Self, LedgerError> {
        let mut lines = document.lines().enumerate();
        let fault = |line, problem| LedgerError::Line {
            line: line + 1,
            problem,
        };
        let head = lines.next().and_then(|(_, head)| head.ok());
        let head = head.ok_or_else(|| fault(0, "there is none"))?;
        let head: LedgerHead<'_> =
            serde_json::from_str(&head).map_err(|_| fault(0, "it is no head of a ledger"))?;
        if !READABLE.contains(&&*head.format) {
            return Err(LedgerError::Format(head.format.into_owned()));
        }
        if head.control_plane != ends.control_plane {
            return Err(LedgerError::ControlPlane(head.control_plane.into_owned()));
        }
        if let Some(other) = head.workspace.filter(|workspace| workspace != ends.workspace) {
            return Err(LedgerError::Workspace(other.into_owned()));
        }
        let mut ledger = Self::default();
        let mut outlines = NumberedOutlines::default();
        for (number, text) in lines {
            let text = text.map_err(|_| fault(number, "it cannot be read"))?;
            let line: LedgerLine<'_> =
                serde_json::from_str(&text).map_err(|_| fault(number, "it is no entry"))?;
            let kind = named(&line.kind).ok_or_else(|| fault(number, "its kind is not known"))?;
            let id = line.id.clone().into_owned();
            let entry = entry(kind, line, &mut outlines);
            let entry = entry.ok_or_else(|| fault(number, "a field has no known value"))?;
            ledger.insert(kind, &id, entry);
        }
        Ok(ledger)
    }
}

fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn entry(kind: &EntityKind, line: LedgerLine<'_>, outlines: &mut NumberedOutlines) -> Option<Entry> {
    let before = line.before.map(|before| Box::new(before.into_owned()));
    let origin = match (&*line.origin, before) {
        ("created", None) => Origin::Created,
        ("adopted", None) => Origin::Adopted,
        ("overwritten", Some(before)) => Origin::Overwritten {
            before,
            adopted: false,
        },
        ("adopted-overwritten", Some(before)) => Origin::Overwritten {
            before,
            adopted: true,
        },
        _ => return None,
    };
    let pending = match line.pending.as_deref() {
        None => Pending::Nothing,
        Some("write") => Pending::Write,
        Some("delete") => Pending::Delete,
        Some(_) => return None,
    };
    let seen = match line.seen {
        None => None,
        Some(text) => Some(read_seen(&text)?),
    };
    let intended = match (line.intended, line.outline) {
        (Some(print), Some(outline)) => Some(Intended {
            print: ContentFingerprint(unhex(&print)?),
            outline: outlines.read(outline)?,
        }),
        _ => None,
    };
    let begun = match line.begun {
        None => None,
        Some(text) => Some(ContentFingerprint(unhex(&text)?)),
    };
    // A former version kept what it was about to overwrite as if it had left it so.
    let is_foreign = match &origin {
        Origin::Overwritten {
            before,
            adopted: false,
        } if pending == Pending::Write && intended.is_none() => {
            seen.is_some_and(|seen| seen.whole == ContentFingerprint::of(kind, before))
        }
        _ => false,
    };
    let (seen, begun) = match seen {
        Some(seen) if is_foreign => (None, Some(seen.whole)),
        seen => (seen, begun),
    };
    Some(Entry {
        source: line.source.map(|source| source.into_owned().into_boxed_str()),
        origin,
        seen,
        pending,
        intended,
        begun,
        corrected: line.corrected.map(|body| Box::new(body.into_owned())),
        deleted: line.deleted.map(|body| Box::new(body.into_owned())),
        at: line.at,
    })
}

fn read_seen(text: &str) -> Option<Seen> {
    let (whole, spoken) = text.split_at_checked(32)?;
    Some(Seen {
        whole: ContentFingerprint(unhex(whole)?),
        spoken: ContentFingerprint(unhex(spoken)?),
    })
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 {
        return None;
    }
    for (at, place) in bytes.iter_mut().enumerate() {
        *place = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
