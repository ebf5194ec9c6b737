//! Events, for transitions only: what changed, for whom, and what to do next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use super::FIELD_MANAGER_PREFIX;
use super::refusal::said;

/// Series that are remembered. Forgetting one costs that its next event stands alone.
const SERIES: usize = 64;

/// Longest note in bytes that the events API accepts is 1024.
const NOTE_LIMIT: usize = 1000;

/// One event that waits to be published. It must not hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Normal, or a Warning that a person should look at.
    pub type_: EventType,
    /// Why, in PascalCase; stable, because people filter by it.
    pub reason: String,
    /// What the operator was doing, in PascalCase.
    pub action: String,
    /// One sentence for a person.
    pub message: String,
}

impl Note {
    /// Something went as it should.
    pub fn normal(reason: impl Into<String>, action: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            type_: EventType::Normal,
            reason: reason.into(),
            action: action.into(),
            message: message.into(),
        }
    }

    /// Something needs attention.
    pub fn warning(reason: impl Into<String>, action: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            type_: EventType::Warning,
            reason: reason.into(),
            action: action.into(),
            message: message.into(),
        }
    }
}

/// Publishes events; equal ones within minutes become one series. The recorder alone would join whatever has the same reason,
/// and go on showing the first message.
#[derive(Clone)]
pub struct Events {
    client: Client,
    series: Arc<Mutex<HashMap<Series, Told>>>,
}

/// Uid of the object, and reason.
type Series = (Option<String>, String);

/// What was said last, and the recorder that counts it.
struct Told {
    message: String,
    recorder: Recorder,
}

impl Events {
    /// A publisher that names the operator as reporting controller.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            series: Arc::default(),
        }
    }

    /// Publishes one event about `object`. A failure is logged and otherwise ignored: status is the record, events are
    /// the courtesy.
    pub async fn publish(&self, note: &Note, object: &ObjectReference) {
        let mut text = note.message.clone();
        text.truncate(text.floor_char_boundary(NOTE_LIMIT));
        let recorder = self.recorder((object.uid.clone(), note.reason.clone()), &text);
        let event = Event {
            type_: note.type_,
            reason: note.reason.clone(),
            note: Some(text),
            action: note.action.clone(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, object).await {
            tracing::warn!(
                error = said(&error),
                reason = note.reason,
                "could not publish an event"
            );
        }
    }
    /// The recorder of what was said last, or a new one for what is said for the first time.
    fn recorder(&self, series: Series, message: &str) -> Recorder {
        let mut known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = known.get(&series).filter(|told| told.message == message) {
            return told.recorder.clone();
        }
        if known.len() >= SERIES {
            known.clear();
        }
        let recorder = Recorder::new(self.client.clone(), Reporter::from(FIELD_MANAGER_PREFIX));
        let told = Told {
            message: message.to_owned(),
            recorder: recorder.clone(),
        };
        known.insert(series, told);
        recorder
    }
}
