//! Secrets without the label of their use: refused, or for one release read and told.

use super::draft::Draft;
use crate::api::conditions::{CREDENTIALS_LABELLED, reason};
use crate::api::events;
use crate::config::CredentialLabels;
use crate::k8s::conditions::ConditionStatus::False;
use crate::k8s::events::Note;
use crate::k8s::secrets::SecretError;
use crate::k8s::status::ObjectStatus;

/// What was read of one object's Secrets although no label permits it, a sentence for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unlabelled(Vec<String>);

impl Unlabelled {
    /// What the rule makes of a check: a missing label is an error, or noted here. Any other refusal stays one.
    ///
    /// # Errors
    /// The check's own.
    pub fn admit(
        &mut self,
        rule: CredentialLabels,
        checked: Result<(), SecretError>,
    ) -> Result<(), SecretError> {
        match (rule, checked) {
            (CredentialLabels::Warn, Err(error @ SecretError::NotPermitted { .. })) => {
                let said = error.to_string();
                // One Secret may be named by several settings.
                if !self.0.contains(&said) {
                    self.0.push(said);
                }
                Ok(())
            }
            (_, checked) => checked,
        }
    }

    /// Says so in a condition, and in an event when it is new; without any such Secret there is no condition.
    pub fn report<S: ObjectStatus>(&self, draft: &mut Draft<S>) {
        let said = |draft: &Draft<S>| {
            let condition = draft.conditions.get(CREDENTIALS_LABELLED)?;
            Some(condition.message.clone())
        };
        let before = said(draft);
        if self.0.is_empty() {
            return draft.conditions.remove(CREDENTIALS_LABELLED);
        }
        let message = format!(
            "{}. It is read all the same, because the operator runs with --require-credential-labels=warn; the next release does not.",
            self.0.join(". ")
        );
        draft.conditions.set(
            CREDENTIALS_LABELLED,
            False,
            reason::SECRET_NOT_PERMITTED,
            message.clone(),
        );
        if said(draft) != before {
            draft.note(Note::warning(events::UNLABELLED_SECRET, "Read", message));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::api::konnect_api_auth_configuration::KonnectApiAuthConfigurationStatus;

    fn unlabelled() -> Result<(), SecretError> {
        Err(SecretError::NotPermitted {
            namespace: "kong".to_owned(),
            name: "it".to_owned(),
            noun: "a Konnect token",
            advice: "label it".to_owned(),
        })
    }

    fn clusters_own() -> Result<(), SecretError> {
        Err(SecretError::ClustersOwn {
            namespace: "kong".to_owned(),
            name: "it".to_owned(),
            type_: "kubernetes.io/service-account-token".to_owned(),
        })
    }

    #[test]
    fn only_a_missing_label_is_let_pass_and_only_where_the_flag_says_so() {
        for (rule, checked, passes) in [
            (CredentialLabels::Enforce, Ok(()), true),
            (CredentialLabels::Enforce, unlabelled(), false),
            (CredentialLabels::Enforce, clusters_own(), false),
            (CredentialLabels::Warn, Ok(()), true),
            (CredentialLabels::Warn, unlabelled(), true),
            (CredentialLabels::Warn, clusters_own(), false),
        ] {
            let case = format!("{rule:?} {checked:?}");
            let told = matches!(checked, Err(SecretError::NotPermitted { .. })) && passes;
            let mut found = Unlabelled::default();
            assert_eq!(found.admit(rule, checked).is_ok(), passes, "{case}");
            assert_eq!(found != Unlabelled::default(), told, "{case}");
        }
    }

    #[test]
    fn it_is_told_once_and_the_condition_goes_with_the_cause() {
        let mut draft = Draft::<KonnectApiAuthConfigurationStatus>::new(None, 1, Timestamp::UNIX_EPOCH);
        let mut found = Unlabelled::default();
        for _ in 0..2 {
            found.admit(CredentialLabels::Warn, unlabelled()).unwrap();
            found.report(&mut draft);
        }
        assert_eq!(draft.notes().len(), 1);
        let condition = draft.conditions.get(CREDENTIALS_LABELLED).unwrap();
        assert_eq!(condition.reason, "SecretNotPermitted");
        assert_eq!(condition.message.matches("Secret kong/it").count(), 1);
        Unlabelled::default().report(&mut draft);
        assert!(draft.conditions.get(CREDENTIALS_LABELLED).is_none());
    }
}
