//! Properties of the rules as a whole. Each rule has its cases in `tests/traps_rules`.

use std::collections::BTreeSet;

use super::RULE_FAMILIES;
use crate::migration::finding::Severity;

#[test]
fn ids_are_unique_and_stable_words() {
    let ids: BTreeSet<_> = RULE_FAMILIES.rules().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULE_FAMILIES.rules().count());
    let word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    assert!(ids.iter().all(|id| id.split('-').all(word)));
}

#[test]
fn each_rule_says_what_happened_what_to_do_and_gives_an_example() {
    for rule in RULE_FAMILIES.rules() {
        for text in [rule.title, rule.remedy, rule.example] {
            assert!(text.ends_with('.') && text.len() > 10, "{}: {text}", rule.id);
        }
    }
}

#[test]
fn nothing_critical_can_be_waived() {
    assert!(
        RULE_FAMILIES
            .rules()
            .all(|rule| rule.severity != Severity::Critical || !rule.waivable)
    );
}

#[test]
fn there_are_at_least_sixty_rules() {
    assert!(
        RULE_FAMILIES.rules().count() >= 60,
        "{}",
        RULE_FAMILIES.rules().count()
    );
}
