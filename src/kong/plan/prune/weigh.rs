//! Whether an entity that is gone may be deleted: can the source be trusted, and is the entity the migration's alone?

use super::super::input::ConflictPolicy;
use super::super::ledger::{Entry, Origin, Standing};
use super::super::preflight::managed;
use super::{
    Gone, PRUNE_KIND_ABSENT, PRUNE_NOT_CREATED, PRUNE_OWNERSHIP_UNKNOWN, PRUNE_SOURCE_EMPTY,
    PRUNE_SOURCE_UNREAD, PRUNE_TARGET_CHANGED,
};
use crate::kong::model::entity_kind::Listing;
use crate::kong::model::{EntityKind, GapCause, Packed, Snapshot};
use crate::migration::finding::Finding;
use crate::migration::subject::Subject;

impl<'a> Gone<'a> {
    /// True when the source cannot be trusted to have shown everything.
    pub(super) fn is_withheld(&mut self, count: usize) -> bool {
        if count == 0 {
            return false;
        }
        let source = self.input.source;
        if source.packed().all(|packed| packed.kind.presence.shared) {
            let observed = format!("{count} entities that this migration created are kept");
            self.findings.push(Finding::new(
                &PRUNE_SOURCE_EMPTY,
                Subject::whole_kind("workspaces"),
                observed,
            ));
            return true;
        }
        let unread = source.gaps.iter().filter(|gap| gap.cause != GapCause::Absent);
        let findings = unread.map(|gap| {
            let observed = match &gap.cause {
                GapCause::Failed(reason) => format!("its list failed: {reason}"),
                GapCause::Forbidden | GapCause::Absent => "its list was refused with 403".to_owned(),
            };
            let observed = format!("{observed}; {count} entities that are not listed any more are kept");
            Finding::new(&PRUNE_SOURCE_UNREAD, Subject::whole_kind(gap.kind.name), observed)
        });
        let before = self.findings.len();
        self.findings.extend(findings);
        self.findings.len() > before
    }

    /// Takes an entity that is gone for a candidate, or says why not.
    pub(super) fn weigh(&mut self, packed: &'a Packed, entry: &Entry, standing: Standing) {
        if is_unlisted(packed.kind, self.input.source) {
            let observed = format!("{} is kept", packed.key());
            return self.tell(&PRUNE_KIND_ABSENT, packed, observed);
        }
        if standing == Standing::Unknown {
            let observed = format!("{} is kept", packed.key());
            return self.tell(&PRUNE_OWNERSHIP_UNKNOWN, packed, observed);
        }
        let was_there = match entry.origin {
            Origin::Created => None,
            Origin::Adopted => Some("it was there and equal, and was adopted"),
            Origin::Overwritten { .. } => {
                Some("it was there with another content, which is kept in the ledger")
            }
        };
        if let Some(observed) = was_there {
            return self.tell(&PRUNE_NOT_CREATED, packed, observed.to_owned());
        }
        let entity = packed.unpack();
        if let Some(tag) = managed::by_konnect(&entity) {
            return self.tell(&PRUNE_TARGET_CHANGED, packed, format!("it has the tag {tag}"));
        }
        let overwrite = self.input.policy.conflicts.of(packed.kind.name) == ConflictPolicy::Overwrite;
        if standing == Standing::Ours || overwrite {
            self.candidates.insert(packed.key(), packed);
        } else {
            let observed = "it is not as this migration left it".to_owned();
            self.tell(&PRUNE_TARGET_CHANGED, packed, observed);
        }
    }
}

/// True when the source did not list the kind, or the kind below which it is listed: nothing is known of its entities then.
pub(in crate::kong::plan) fn is_unlisted(kind: &EntityKind, source: &Snapshot) -> bool {
    let parent = match kind.source {
        Listing::Below { parent, .. } => Some(parent),
        Listing::Within { parent, .. } => parent,
        Listing::Flat(_) => None,
    };
    source
        .gaps
        .iter()
        .any(|gap| gap.kind == kind || Some(gap.kind.name) == parent)
}
