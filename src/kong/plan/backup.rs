//! Everything that a control plane held before a migration's first write, as a document: a head, then one entity on each line.
//! Holds secrets.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kong::model::Snapshot;
use crate::migration::report::PlannedEntity;
use crate::migration::subject::EntityKey;

/// Name and version of the form. A reader refuses any other.
const FORMAT: &str = "gatewaymigration.dev/backup/v1";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupHead {
    /// [`FORMAT`].
    format: String,
    /// Id of the control plane.
    pub control_plane: String,
    /// Its name, where it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_name: Option<String>,
    /// When the control plane was read.
    pub taken_at: Timestamp,
}

impl BackupHead {
    /// Of a control plane, by id and, where it is known, by name.
    #[must_use]
    pub fn new(control_plane: &str, control_plane_name: Option<String>, taken_at: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            control_plane: control_plane.to_owned(),
            control_plane_name,
            taken_at,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct BackupLine<'a> {
    kind: Cow<'a, str>,
    id: Cow<'a, str>,
    body: Cow<'a, Map<String, Value>>,
}

/// Why a document is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Another form, or a newer one.
    #[error("it is no backup that this version reads")]
    Format,
    /// Not the text of a backup. The text itself may hold secrets and is not shown.
    #[error("line {0} is no entity")]
    Line(usize),
}

/// Writes the document.
///
/// # Errors
/// What the writer says.
pub fn write(target: &Snapshot, head: &BackupHead, out: &mut dyn Write) -> io::Result<()> {
    line(head, out)?;
    for entity in target.iter() {
        let written = BackupLine {
            kind: entity.kind.name.into(),
            id: (&*entity.id).into(),
            body: Cow::Borrowed(&entity.body),
        };
        line(&written, out)?;
    }
    Ok(())
}

fn line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Reads the document.
///
/// # Errors
/// When it is none, or of another version.
pub fn read(document: impl BufRead) -> Result<(BackupHead, Vec<PlannedEntity>), BackupError> {
    let mut lines = document.lines();
    let head: BackupHead = lines
        .next()
        .and_then(|head| serde_json::from_str(&head.ok()?).ok())
        .filter(|head: &BackupHead| head.format == FORMAT)
        .ok_or(BackupError::Format)?;
    let entity = |(number, text): (usize, io::Result<String>)| {
        let fault = || BackupError::Line(number + 2);
        let line: BackupLine<'_> = serde_json::from_str(&text.map_err(|_| fault())?).map_err(|_| fault())?;
        Ok(PlannedEntity {
            key: EntityKey::new(line.kind.into_owned(), line.id.into_owned()),
            body: line.body.into_owned(),
        })
    };
    let entities = lines.enumerate().map(entity).collect::<Result<_, _>>()?;
    Ok((head, entities))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kong::plan::test_support::snapshot;

    #[test]
    fn every_entity_is_read_as_it_was_written() {
        let target = snapshot(&[
            ("services", json!({"id": "s", "host": "h", "created_at": 1})),
            (
                "key-auths",
                json!({"id": "k", "key": "hunter2", "consumer": {"id": "c"}}),
            ),
        ]);
        let mut document = Vec::new();
        let head = BackupHead::new("cp", None, Timestamp::UNIX_EPOCH);
        write(&target, &head, &mut document).unwrap();
        let (head, entities) = read(document.as_slice()).unwrap();
        assert_eq!(
            (head.control_plane.as_str(), head.taken_at),
            ("cp", Timestamp::UNIX_EPOCH)
        );
        assert_eq!(entities.len(), 2);
        assert!(
            entities
                .iter()
                .all(|found| target.get(&found.key).unwrap().body == found.body)
        );
        assert!(matches!(read(b"{}".as_slice()), Err(BackupError::Format)));
        document.extend(b"hunter2");
        let error = read(document.as_slice()).unwrap_err();
        assert_eq!(error.to_string(), "line 4 is no entity");
    }
}
