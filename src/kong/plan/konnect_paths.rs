//! Holds what the table of kinds says of Konnect's paths to the published document.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::kong::model::entity_kind::{Listing, Write};
use crate::kong::model::entity_kinds::{ENTITY_KINDS, named};
use crate::kong::model::lists_below::{self, ListBelow};

/// Paths below `core-entities`, with `{}` for an id (`examples/derive_plan_data.rs`).
#[derive(Deserialize)]
struct Paths {
    /// What is created by POST, and whether the body has an id.
    creates: BTreeMap<String, bool>,
    /// Where a single one is read.
    reads: BTreeSet<String>,
    lists: BTreeSet<String>,
}

fn paths() -> Paths {
    serde_json::from_str(include_str!("data/konnect-paths.json")).unwrap()
}

#[test]
fn a_create_has_the_id_in_its_body_where_the_document_says_so() {
    let paths = paths();
    for kind in ENTITY_KINDS.iter().filter(|kind| kind.movable()) {
        let path = match kind.write {
            Write::Put(path) => path.to_owned(),
            Write::PutBelow { parent, path, .. } => format!("{parent}/{{}}/{path}"),
            Write::Member => "consumer_groups/{}/consumers".to_owned(),
            Write::Impossible(_) | Write::Counted(_) => continue,
        };
        let takes_id = paths.creates.get(&path);
        assert_eq!(takes_id, Some(&kind.is_created_with_id()), "{kind}: POST {path}");
    }
}

#[test]
fn a_single_one_is_read_where_the_document_says_so() {
    let paths = paths();
    for kind in ENTITY_KINDS.iter().filter(|kind| kind.movable()) {
        let alone = match kind.target {
            Some(Listing::Flat(path)) => format!("{path}/{{}}"),
            _ => continue,
        };
        assert_eq!(
            paths.reads.contains(&alone),
            !kind.read_below,
            "{kind}: GET {alone}"
        );
        if let (true, Write::PutBelow { parent, path, .. }) = (kind.read_below, kind.write) {
            let below = format!("{parent}/{{}}/{path}/{{}}");
            assert!(paths.reads.contains(&below), "{kind}: GET {below}");
        }
    }
}

/// Lists below an entity of which nothing can be lost: where a partial is linked, which keeps it from being deleted.
const NO_LOSS: &[&str] = &["partials/{}/links"];

#[test]
fn every_list_below_an_entity_is_looked_at_before_it_is_deleted() {
    let known: BTreeSet<String> = lists_below::all()
        .filter_map(|(above, list)| match (list, above.write) {
            (ListBelow::Nested { path, .. }, Write::Put(collection)) => {
                Some(format!("{collection}/{{}}/{path}"))
            }
            _ => None,
        })
        .collect();
    let below = |list: &&String| list.contains("{}") && !NO_LOSS.contains(&list.as_str());
    let documented: BTreeSet<String> = paths().lists.iter().filter(below).cloned().collect();
    assert_eq!(known, documented);
}

#[test]
fn what_is_listed_flat_names_what_it_is_below() {
    for (above, list) in lists_below::all() {
        if let ListBelow::Flat { kind, field } = list {
            let kind = named(kind).unwrap();
            assert_eq!(kind.referred_by(field), Some(above.name));
            assert!(matches!(kind.target, Some(Listing::Flat(_))), "{kind}");
        }
    }
}
