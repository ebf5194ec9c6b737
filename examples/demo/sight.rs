//! What one look at an object tells, in the words of its status.

use kube::api::DynamicObject;
use serde_json::Value;

/// Most characters of the last column; longer messages stand in the object.
const DETAIL: usize = 90;

/// How far an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Work goes on.
    Working,
    /// As its spec wants it.
    Ready,
    /// Somebody has to act.
    Stalled,
}

/// One look at one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// As kubectl names it: `workspacemigration/default`.
    pub object: String,
    /// Version of the manifest.
    pub generation: i64,
    /// How far this version of the manifest is.
    pub state: State,
    /// The phase, where the kind has one; else the reason of `Ready`. Empty when nobody has looked at this version of the manifest.
    pub stage: String,
    /// Entities done and to do.
    pub progress: Option<String>,
    /// Message of `Ready`.
    pub message: String,
    /// The whole status.
    pub status: Value,
}

impl Sight {
    /// Looks at an object; none when it lacks its kind or name.
    pub fn of(object: &DynamicObject) -> Option<Self> {
        let kind = object.types.as_ref()?.kind.to_lowercase();
        let generation = object.metadata.generation.unwrap_or_default();
        let text = |pointer| {
            object
                .data
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let ready = condition(object, "Ready");
        let is_true = |found: Option<&Value>| {
            found.is_some_and(|found| {
                found["status"] == "True" && found["observedGeneration"].as_i64() == Some(generation)
            })
        };
        let state = if is_true(ready) {
            State::Ready
        } else if is_true(condition(object, "Stalled")) {
            State::Stalled
        } else {
            State::Working
        };
        let of_ready = |field| {
            ready
                .and_then(|ready| ready[field].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let is_seen = ready.is_some_and(|ready| ready["observedGeneration"].as_i64() == Some(generation));
        let stage = text("/status/phase").unwrap_or_else(|| of_ready("reason"));
        Some(Self {
            object: format!("{kind}/{}", object.metadata.name.as_ref()?),
            generation,
            state,
            stage: if is_seen { stage } else { String::new() },
            progress: text("/status/progress/summary").filter(|summary| !summary.is_empty()),
            message: of_ready("message"),
            status: object.data.get("status").cloned().unwrap_or_default(),
        })
    }

    /// The line that tells of it: object, stage, progress, and the message unless all is well.
    pub fn line(&self) -> String {
        let detail = match (&self.progress, self.state) {
            (Some(progress), State::Ready) => progress.clone(),
            (Some(progress), _) => format!("{progress:<9}  {}", self.message),
            (None, State::Ready) => String::new(),
            (None, _) => self.message.clone(),
        };
        let detail = shortened(detail.trim());
        let line = format!("{:<48} {:<13} {detail}", self.object, self.stage);
        line.trim_end().to_owned()
    }
}

/// The beginning of a text that would make a line too long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(DETAIL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

fn condition<'a>(object: &'a DynamicObject, name: &str) -> Option<&'a Value> {
    let conditions = object.data.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sight(status: Value) -> Sight {
        let object = json!({
            "apiVersion": "gatewaymigration.dev/v1alpha1",
            "kind": "WorkspaceMigration",
            "metadata": {"name": "default", "generation": 2},
            "status": status,
        });
        Sight::of(&serde_json::from_value(object).unwrap()).unwrap()
    }

    fn ready(status: &str, generation: i64) -> Value {
        json!({"type": "Ready", "status": status, "reason": "Completed", "message": "done", "observedGeneration": generation})
    }

    #[test]
    fn ready_counts_for_the_present_manifest_only() {
        assert_eq!(
            sight(json!({"conditions": [ready("True", 2)]})).state,
            State::Ready
        );
        assert_eq!(
            sight(json!({"conditions": [ready("True", 1)]})).state,
            State::Working
        );
        assert_eq!(sight(json!({})).state, State::Working);
    }

    #[test]
    fn stalled_is_told_with_its_message() {
        let stalled = json!({"type": "Stalled", "status": "True", "observedGeneration": 2});
        let found = sight(json!({"phase": "Failed", "conditions": [ready("False", 2), stalled]}));
        assert_eq!(found.state, State::Stalled);
        let words: Vec<_> = found.line().split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["workspacemigration/default", "Failed", "done"]);
    }

    #[test]
    fn progress_stands_in_the_line() {
        let found = sight(json!({
            "phase": "Completed", "progress": {"summary": "123/123"}, "conditions": [ready("True", 2)],
        }));
        assert!(
            found.line().ends_with("Completed     123/123"),
            "{}",
            found.line()
        );
    }
}
