use super::super::test_support::{applied, draft, finding, plan, refusal, rollback, subject, verification};
use super::*;
use crate::controllers::migration::report::report_planned;
use crate::kong::plan::planner_rules::{DIFFERS_AFTER_WRITE, NAME_TAKEN, TARGET_ADDS_FIELD};
use crate::kong::plan::preflight::plugins::PLUGIN_UNSUPPORTED;
use crate::kong::plan::rollback::findings::{STILL_REFERENCED, UNDO_REFUSED};
use crate::migration::plan::Action;

/// Ids with the number of their subjects, worst first.
fn told(draft: &Draft<WorkspaceMigrationStatus>) -> Vec<(&str, u64)> {
    let findings = draft.status.findings.as_ref().unwrap();
    findings
        .top
        .iter()
        .map(|top| (top.id.as_str(), top.count))
        .collect()
}

fn found() -> Plan {
    Plan {
        findings: vec![finding(&NAME_TAKEN, "1"), finding(&TARGET_ADDS_FIELD, "2")],
        ..plan(&[Action::Create])
    }
}

#[test]
fn what_the_plan_found_stays_and_what_the_writes_added_comes_to_it() {
    let (plan, mut draft) = (found(), draft());
    report_planned(&plan, (RULE_FAMILIES, None), &mut draft);
    assert_eq!(told(&draft), [("name-taken", 1), ("target-adds-field", 1)]);
    let applied = applied(1, vec![refusal("3", false), refusal("4", true)]);
    report_written(&plan, &applied, false, None, &mut draft);
    let written = [
        ("blocked-by-dependency", 1),
        ("name-taken", 1),
        ("refused-by-target", 1),
        ("target-adds-field", 1),
    ];
    assert_eq!(told(&draft), written);
    let mut compared = verification(1);
    compared.findings = vec![
        finding(&DIFFERS_AFTER_WRITE, "5"),
        finding(&TARGET_ADDS_FIELD, "6"),
    ];
    report_written(&plan, &applied, false, Some(&compared), &mut draft);
    let after = told(&draft);
    for (id, count) in written {
        assert!(
            after.iter().any(|(other, more)| *other == id && *more >= count),
            "{id} has left: {after:?}"
        );
    }
    assert!(after.contains(&("differs-after-write", 1)) && after.contains(&("target-adds-field", 2)));
}

#[test]
fn what_was_found_twice_is_told_once() {
    let (plan, mut draft) = (found(), draft());
    let mut compared = verification(1);
    compared.findings = vec![finding(&TARGET_ADDS_FIELD, "2")];
    report_written(&plan, &applied(1, vec![]), false, Some(&compared), &mut draft);
    assert_eq!(told(&draft), [("name-taken", 1), ("target-adds-field", 1)]);
}

#[test]
fn what_a_run_did_not_come_to_is_told_only_when_it_came_to_its_end() {
    for (cut_short, expected) in [(true, vec![]), (false, vec![("not-tried", 1)])] {
        let (plan, mut draft) = (plan(&[Action::Create]), draft());
        let stopped = Applied {
            not_tried: vec![subject("0")],
            ..Applied::default()
        };
        report_written(&plan, &stopped, cut_short, None, &mut draft);
        assert_eq!(told(&draft), expected);
    }
}

#[test]
fn what_stays_when_a_migration_is_undone_is_told_with_what_was_refused() {
    let mut draft = draft();
    let left = rollback(0, vec![finding(&STILL_REFERENCED, "1")]);
    report_undone(&left, &[finding(&UNDO_REFUSED, "2")], &mut draft);
    assert_eq!(
        told(&draft),
        [("rollback-refused", 1), ("rollback-still-referenced", 1)]
    );
}

#[test]
fn findings_are_grouped_with_counts_and_five_subjects() {
    let mut findings: Vec<_> = (0..7)
        .map(|id| Finding::new(&PLUGIN_UNSUPPORTED, subject(&id.to_string()), "plugin oauth2"))
        .collect();
    findings.push(
        Finding::new(&TARGET_ADDS_FIELD, subject("9"), "config.ssl_verify = true").at("config.ssl_verify"),
    );
    let status = findings_status(&findings, RULE_FAMILIES);
    assert_eq!(status.summary, "E7 W1");
    assert_eq!((status.top[0].count, status.top[0].subjects.len()), (7, 5));
    assert_eq!(status.top[1].subjects, ["routes/9 config.ssl_verify"]);
}

#[test]
fn what_is_waived_is_counted_apart_and_comes_last() {
    let mut waived = Finding::new(&PLUGIN_UNSUPPORTED, subject("1"), "plugin oauth2");
    waived.waived = Some("replaced".into());
    let open = Finding::new(&TARGET_ADDS_FIELD, subject("9"), "config.ssl_verify = true");
    let status = findings_status(&[waived, open], RULE_FAMILIES);
    assert_eq!((status.error, status.warning, status.waived), (0, 1, 1));
    assert_eq!(status.summary, "W1, 1 waived");
    assert_eq!(
        (status.top[0].id.as_str(), status.top[1].waived),
        ("target-adds-field", 1)
    );
}

#[test]
fn a_status_with_every_finding_on_a_million_entities_stays_small() {
    let long = "я".repeat(5000);
    let findings: Vec<_> = RULE_FAMILIES
        .rules()
        .flat_map(|rule| (0..50).map(|id| Finding::new(rule, subject(&id.to_string()), long.clone())))
        .collect();
    let bytes = serde_json::to_vec(&findings_status(&findings, RULE_FAMILIES))
        .unwrap()
        .len();
    assert!(bytes < 48 * 1024, "{bytes}");
}
