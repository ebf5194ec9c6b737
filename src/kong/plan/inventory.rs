//! What can be said of a source as a whole: kinds that were not read, that are only counted, and what moves as another kind.

use super::planner_rules::{
    KIND_NOT_MOVED, KIND_UNREADABLE, MOVED_AS_ANOTHER_KIND, UNMOVABLE_KIND_FAILED, UNMOVABLE_KIND_UNREADABLE,
};
use crate::kong::model::entity_kind::Write;
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Gap, GapCause, Snapshot};
use crate::migration::finding::Finding;
use crate::migration::subject::Subject;

/// One finding for each kind that was not read, or stays behind as a whole, and for each entity that moves as another kind.
#[must_use]
pub fn judge(source: &Snapshot) -> Vec<Finding> {
    let gaps = source.gaps.iter().filter_map(judge_gap);
    let counts = source
        .counted
        .iter()
        .filter_map(|(name, count)| judge_count(name, *count));
    let recasts = source.recast.iter().map(|recast| {
        Finding::new(
            &MOVED_AS_ANOTHER_KIND,
            recast.from.clone(),
            format!("moves as {}", recast.to),
        )
    });
    gaps.chain(counts).chain(recasts).collect()
}

/// None when the source simply does not have the kind.
fn judge_gap(gap: &Gap) -> Option<Finding> {
    let name = gap.kind.name;
    let (rule, observed) = match (&gap.cause, gap.kind.movable()) {
        (GapCause::Absent, _) => return None,
        (GapCause::Forbidden, true) => (&KIND_UNREADABLE, format!("listing {name} was refused with 403")),
        (GapCause::Forbidden, false) => (
            &UNMOVABLE_KIND_UNREADABLE,
            format!("listing {name} was refused with 403"),
        ),
        (GapCause::Failed(reason), true) => (&KIND_UNREADABLE, format!("listing {name} failed: {reason}")),
        (GapCause::Failed(reason), false) => {
            (&UNMOVABLE_KIND_FAILED, format!("listing {name} failed: {reason}"))
        }
    };
    Some(Finding::new(rule, Subject::whole_kind(gap.kind.name), observed))
}

fn judge_count(name: &str, count: usize) -> Option<Finding> {
    let kind = named(name).filter(|_| count > 0)?;
    let reason = match kind.write {
        Write::Counted(reason) | Write::Impossible(reason) => reason,
        Write::Put(_) | Write::PutBelow { .. } | Write::Member => return None,
    };
    Some(Finding::new(
        &KIND_NOT_MOVED,
        Subject::whole_kind(kind.name),
        format!("{count} {name}: {reason}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kong::model::snapshot::Recast;
    use crate::migration::subject::EntityKey;

    fn gap(kind: &str, cause: GapCause) -> Gap {
        Gap {
            kind: named(kind).unwrap(),
            cause,
        }
    }

    #[test]
    fn absent_forbidden_and_failed_are_told_apart() {
        let source = Snapshot {
            gaps: vec![
                gap("partials", GapCause::Absent),
                gap("consumers", GapCause::Forbidden),
                gap("admins", GapCause::Forbidden),
                gap("event-hooks", GapCause::Failed("HTTP 500".into())),
            ],
            ..Snapshot::default()
        };
        let found: Vec<_> = judge(&source)
            .into_iter()
            .map(|f| format!("{} {}: {}", f.id, f.subject, f.observed))
            .collect();
        assert_eq!(
            found,
            [
                "kind-unreadable consumers/*: listing consumers was refused with 403",
                "unmovable-kind-unreadable admins/*: listing admins was refused with 403",
                "unmovable-kind-failed event-hooks/*: listing event-hooks failed: HTTP 500",
            ]
        );
    }

    #[test]
    fn what_is_counted_is_told_once_and_nothing_of_none() {
        let source = Snapshot {
            counted: [("developers", 7), ("files", 0)].into(),
            recast: vec![Recast {
                from: Subject::whole_kind("key-auths-enc"),
                to: EntityKey::new("key-auths", "k"),
            }],
            ..Snapshot::default()
        };
        let found: Vec<_> = judge(&source).into_iter().map(|f| (f.id, f.observed)).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, "kind-not-moved");
        assert!(found[0].1.starts_with("7 developers: "));
        assert_eq!(
            found[1],
            ("moved-as-another-kind".into(), "moves as key-auths/k".into())
        );
    }
}
