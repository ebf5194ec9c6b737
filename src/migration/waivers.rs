//! Waivers: findings that somebody has accepted, with a reason.

use jiff::Timestamp;

use super::finding::{Finding, Rule, RuleRegistry, rules};
use super::subject::{EntityKey, Subject};

rules! {
    WAIVER_UNUSED: Info, waivable, "waiver-unused",
        "A waiver accepts nothing: there is no such finding.",
        "Remove the waiver from spec.waivers, or mend its subject.",
        "A waiver for plugins/oauth2, which has left the source.";
    WAIVER_EXPIRED: Warning, waivable, "waiver-expired",
        "A waiver has expired, so the finding it accepted counts again.",
        "Solve the finding, or set a later date.",
        "A waiver with expires: 2026-01-01T00:00:00Z in March.";
    WAIVER_UNKNOWN_RULE: Warning, waivable, "waiver-unknown-id",
        "A waiver names an id that no finding has.",
        "Correct the id; docs/reference/findings.md lists them all.",
        "A waiver for plugin-unsuported.";
    WAIVER_NOT_ALLOWED: Warning, waivable, "waiver-not-allowed",
        "A waiver names a finding that cannot be waived.",
        "Solve the finding; it says how.",
        "A waiver for kind-unreadable.";
}

/// One acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// Id of the rule.
    pub id: String,
    /// `kind/id` or `kind/name`, or a kind alone; all subjects when absent.
    pub subject: Option<String>,
    /// Why.
    pub reason: String,
    /// From when on it no longer holds.
    pub expires: Option<Timestamp>,
}

impl Waiver {
    fn covers(&self, finding: &Finding) -> bool {
        let Subject { key, name } = &finding.subject;
        let named = |wanted: &str| {
            wanted == key.kind
                || wanted == key.to_string()
                || name
                    .as_ref()
                    .is_some_and(|name| wanted == format!("{}/{name}", key.kind))
        };
        self.id == finding.id && self.subject.as_deref().is_none_or(named)
    }

    /// The waiver itself as the subject of a finding.
    fn finding(&self, rule: &Rule) -> Finding {
        let key = EntityKey::new("waivers", self.id.as_str());
        let whose = self.subject.as_deref().unwrap_or("all subjects");
        let subject = Subject {
            key,
            name: self.subject.as_deref().map(Into::into),
        };
        Finding::new(rule, subject, format!("waiver of {} for {whose}", self.id))
    }
}

/// Marks the findings that valid waivers cover, and adds one for each waiver that does nothing. `rules` are all that there are.
pub fn apply(findings: &mut Vec<Finding>, waivers: &[Waiver], now: Option<Timestamp>, rules: RuleRegistry) {
    let mut about = Vec::new();
    for waiver in waivers {
        let Some(rule) = rules.get(&waiver.id) else {
            about.push(waiver.finding(&WAIVER_UNKNOWN_RULE));
            continue;
        };
        if !rule.waivable {
            about.push(waiver.finding(&WAIVER_NOT_ALLOWED));
            continue;
        }
        if waiver
            .expires
            .zip(now)
            .is_some_and(|(expires, now)| expires <= now)
        {
            about.push(waiver.finding(&WAIVER_EXPIRED));
            continue;
        }
        let mut used = false;
        for finding in findings.iter_mut().filter(|finding| waiver.covers(finding)) {
            used = true;
            finding.waived.get_or_insert_with(|| waiver.reason.clone());
        }
        if !used {
            about.push(waiver.finding(&WAIVER_UNUSED));
        }
    }
    findings.append(&mut about);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::finding::RuleFamily;

    mod some {
        use super::rules;

        rules! {
            ENTITY_NOT_MOVABLE: Error, waivable, "entity-not-movable", "It stays.", "Replace it.", "One of it.";
            KIND_UNREADABLE: Critical, binding, "kind-unreadable", "It was not read.", "Let it be read.", "A 403.";
        }
    }
    use some::{ENTITY_NOT_MOVABLE, KIND_UNREADABLE};

    const ALL: RuleRegistry = RuleRegistry {
        families: &[RuleFamily {
            name: "Some",
            rules: some::RULES,
        }],
    };

    fn subject(name: &str) -> Subject {
        Subject {
            key: EntityKey::new("oauth2", "1"),
            name: Some(name.into()),
        }
    }

    fn waiver(id: &str, subject: Option<&str>) -> Waiver {
        Waiver {
            id: id.into(),
            subject: subject.map(str::to_owned),
            reason: "known".into(),
            expires: None,
        }
    }

    fn after(waivers: &[Waiver], now: Option<Timestamp>) -> (bool, Vec<String>) {
        let mut findings = vec![Finding::new(&ENTITY_NOT_MOVABLE, subject("app"), "")];
        apply(&mut findings, waivers, now, ALL);
        let rest = findings.iter().skip(1).map(|f| f.id.clone()).collect();
        (findings[0].blocks(), rest)
    }

    #[test]
    fn a_waiver_covers_a_rule_a_kind_an_id_or_a_name() {
        for subject in [None, Some("oauth2"), Some("oauth2/1"), Some("oauth2/app")] {
            assert_eq!(
                after(&[waiver("entity-not-movable", subject)], None),
                (false, vec![])
            );
        }
    }

    #[test]
    fn an_id_may_be_a_path() {
        let deployment = Subject {
            key: EntityKey::new("deployments", "shop/gateway"),
            name: None,
        };
        let covers = |subject: &str| {
            let finding = Finding::new(&ENTITY_NOT_MOVABLE, deployment.clone(), "").at("spec.replicas");
            let mut findings = vec![finding];
            apply(
                &mut findings,
                &[waiver("entity-not-movable", Some(subject))],
                None,
                ALL,
            );
            !findings[0].blocks()
        };
        assert!(covers("deployments/shop/gateway") && covers("deployments"));
        assert!(!covers("deployments/shop") && !covers("deployments/gateway"));
    }

    #[test]
    fn a_waiver_that_does_nothing_is_shown() {
        let other = after(&[waiver("entity-not-movable", Some("oauth2/other"))], None);
        assert_eq!(other, (true, vec!["waiver-unused".into()]));
        assert_eq!(
            after(&[waiver("no-such-rule", None)], None).1,
            ["waiver-unknown-id"]
        );
        assert_eq!(
            after(&[waiver("kind-unreadable", None)], None).1,
            ["waiver-not-allowed"]
        );
    }

    #[test]
    fn an_expired_waiver_no_longer_holds() {
        let mut expiring = waiver("entity-not-movable", None);
        expiring.expires = Some(Timestamp::from_second(100).unwrap());
        let at = |second| {
            after(
                std::slice::from_ref(&expiring),
                Some(Timestamp::from_second(second).unwrap()),
            )
        };
        assert_eq!(at(99), (false, vec![]));
        assert_eq!(at(100), (true, vec!["waiver-expired".into()]));
    }

    #[test]
    fn what_is_critical_is_never_waived() {
        let mut findings = vec![Finding::new(&KIND_UNREADABLE, subject("x"), "")];
        apply(&mut findings, &[waiver("kind-unreadable", None)], None, ALL);
        assert!(findings[0].blocks() && findings[0].waived.is_none());
    }
}
