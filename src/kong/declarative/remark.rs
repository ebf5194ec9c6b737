//! What a person must know of a file beside its entities.

use crate::migration::subject::{EntityKey, Subject};

/// What a remark is about. Each has a finding of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A list that neither format knows.
    UnknownList,
    /// A list of things that belong to no control plane, or that this version does not move.
    ListNotMoved,
    /// A reference to a name that the file does not define.
    NameNotFound,
    /// A route path that Kong 2.x takes for a regular expression and Kong 3.x for a literal prefix.
    RegexPathUnmarked,
    /// A password hash whose consumer has no id in the file: the hash was made with an id that is not known.
    PasswordHashWithoutConsumerId,
    /// A setting of the file that has no effect here.
    SettingIgnored,
}

/// One remark. `observed` is for a person and holds no value that may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// See [`Topic`].
    pub topic: Topic,
    /// The entity; a list without id where a whole list is meant.
    pub subject: Subject,
    /// The field, where one is meant.
    pub field: Option<String>,
    /// What was seen, and where in the file.
    pub observed: String,
}

impl Remark {
    /// About one entity.
    pub(super) fn of(topic: Topic, subject: Subject, observed: String) -> Self {
        Self {
            topic,
            subject,
            field: None,
            observed,
        }
    }

    /// About a list or a setting of the file.
    pub(super) fn of_list(topic: Topic, list: &str, observed: String) -> Self {
        let key = EntityKey::new(list.to_owned(), "*");
        Self::of(topic, Subject { key, name: None }, observed)
    }

    /// Names the field.
    pub(super) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}
