//! Where entities come from: the Admin API of a gateway, or a declarative file.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::error::Error;
use super::migration::ObservedSource;
use crate::kong::admin;
use crate::kong::declarative::{self, Remark, Topic};
use crate::kong::model::KongVersion;
use crate::kong::model::recast::recast;
use crate::kong::plan::Catalogue;
use crate::kong::plan::defaults::fill_defaults;
use crate::kong::plan::preflight::declared::{
    DECLARED_LIST_NOT_MOVED, DECLARED_LIST_UNKNOWN, DECLARED_NAME_NOT_FOUND, DECLARED_PASSWORD_HASH,
    DECLARED_SETTING_IGNORED,
};
use crate::kong::plan::preflight::routes::REGEX_PATH_NEEDS_TILDE;
use crate::migration::finding::Finding;

/// The source of a migration.
#[derive(Clone, Debug)]
pub enum Source {
    /// A running gateway.
    AdminApi(admin::Client),
    /// A file in decK's or in Kong's DB-less format.
    Declarative(DeclarativeFile),
}

impl From<admin::Client> for Source {
    fn from(client: admin::Client) -> Self {
        Self::AdminApi(client)
    }
}

/// A declarative file. Its text holds secrets and is never shown.
#[derive(Clone)]
pub struct DeclarativeFile {
    text: Arc<SecretString>,
    version: Option<KongVersion>,
}

impl fmt::Debug for DeclarativeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeclarativeFile")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl DeclarativeFile {
    /// A file with its text, and the version of the gateway it was written for, where that is known.
    #[must_use]
    pub fn new(text: SecretString, version: Option<KongVersion>) -> Self {
        Self {
            text: Arc::new(text),
            version,
        }
    }

    /// Reads the file as the content of a workspace, with the defaults of its gateway written out.
    ///
    /// # Errors
    /// When the file cannot be read, or has faults.
    pub fn observe(&self, workspace: &str) -> Result<ObservedSource, Error> {
        let document = declarative::parse(self.text.expose_secret(), workspace)?;
        let version = self.version.or(document.format.kong_version());
        let mut snapshot = document.snapshot;
        recast(&mut snapshot);
        // For a gateway before 3.0 the planner itself looks at the paths; for a newer one the format is what tells.
        let judged_by_version = version.is_some_and(|version| version.major < 3);
        let told = document
            .remarks
            .iter()
            .filter(|remark| !(judged_by_version && remark.topic == Topic::RegexPathUnmarked));
        let mut notes: Vec<Finding> = told.map(finding).collect();
        notes.extend(fill_defaults(&mut snapshot, version, Catalogue::bundled()));
        Ok(ObservedSource {
            node: None,
            version,
            workspace_id: None,
            snapshot,
            notes,
        })
    }
}

fn finding(remark: &Remark) -> Finding {
    let rule = match remark.topic {
        Topic::UnknownList => &DECLARED_LIST_UNKNOWN,
        Topic::ListNotMoved => &DECLARED_LIST_NOT_MOVED,
        Topic::NameNotFound => &DECLARED_NAME_NOT_FOUND,
        Topic::RegexPathUnmarked => &REGEX_PATH_NEEDS_TILDE,
        Topic::PasswordHashWithoutConsumerId => &DECLARED_PASSWORD_HASH,
        Topic::SettingIgnored => &DECLARED_SETTING_IGNORED,
    };
    let finding = Finding::new(rule, remark.subject.clone(), remark.observed.clone());
    match &remark.field {
        Some(field) => finding.at(field.clone()),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kong::plan::preflight::declared;

    fn findings(text: &str, version: &str) -> BTreeSet<String> {
        let file = DeclarativeFile::new(SecretString::from(text), KongVersion::parse(version));
        let observed = file.observe("default").unwrap();
        observed.notes.into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn every_rule_of_declarative_files_is_raised_by_one_file_and_not_by_another() {
        let raised = findings(
            "
_format_version: '3.0'
_konnect: {control_plane_name: cart}
servces: [{name: cart}]
service_packages: [{name: x}]
routes: [{name: r, paths: [/r], service: cart}]
plugins: [{name: statsd, config: {}}]
consumers: [{username: c, basicauth_credentials: [{username: u, password: 0123456789abcdef0123456789abcdef01234567}]}]
",
            "not given",
        );
        let rules: BTreeSet<String> = declared::RULES.iter().map(|rule| rule.id.to_owned()).collect();
        assert_eq!(raised, rules);
        let clean =
            "_format_version: '3.0'\nservices: [{name: cart, host: h, routes: [{name: r, paths: [/r]}]}]";
        assert_eq!(findings(clean, "3.9"), BTreeSet::new());
    }

    #[test]
    fn an_old_format_tells_of_its_paths_whatever_the_gateway() {
        let text = "_format_version: '1.1'\nroutes: [{name: r, paths: ['/users/\\d+']}]";
        assert!(findings(text, "3.9").contains("regex-path-needs-tilde"));
        // The planner says it for a gateway before 3.0.
        assert_eq!(findings(text, "not given"), BTreeSet::new());
    }

    #[test]
    fn the_text_of_a_file_is_not_shown() {
        let file = DeclarativeFile::new(SecretString::from("canary"), None);
        assert!(!format!("{:?}", Source::Declarative(file)).contains("canary"));
    }
}
