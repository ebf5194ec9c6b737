//! Where entities come from: the Admin API of a gateway, or a declarative file.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::error::Error;
use super::migration::ObservedSource;
use crate::declarative::{self, Remark, Topic};
use crate::domain::KongVersion;
use crate::kong_admin;
use crate::plan::defaults::fill_defaults;
use crate::plan::finding::{
    DECLARED_LIST_NOT_MOVED, DECLARED_LIST_UNKNOWN, DECLARED_NAME_NOT_FOUND, DECLARED_PASSWORD_HASH,
    DECLARED_SETTING_IGNORED, REGEX_PATH_UNMARKED,
};
use crate::plan::{Catalogue, Finding};

/// The source of a migration.
#[derive(Clone, Debug)]
pub enum Source {
    /// A running gateway.
    AdminApi(kong_admin::Client),
    /// A file in decK's or in Kong's DB-less format.
    Declarative(DeclarativeFile),
}

impl From<kong_admin::Client> for Source {
    fn from(client: kong_admin::Client) -> Self {
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
        let mut notes: Vec<Finding> = document.remarks.iter().map(finding).collect();
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
        Topic::RegexPathUnmarked => &REGEX_PATH_UNMARKED,
        Topic::PasswordHashWithoutConsumerId => &DECLARED_PASSWORD_HASH,
        Topic::SettingIgnored => &DECLARED_SETTING_IGNORED,
    };
    let finding = Finding::new(rule, remark.subject.clone(), remark.observed.clone());
    match &remark.field {
        Some(field) => finding.at(field.clone()),
        None => finding,
    }
}
