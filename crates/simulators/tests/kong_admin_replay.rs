//! Replays every recorded GET against the Kong Admin simulator.
//!
//! The simulator starts empty. Recorded answers to writes are folded into it in sequence, with what Kong's database
//! does by itself (cascades, SNIs of certificates) left to the simulator; every GET between them is sent to its router
//! and compared. Nothing is looked up by path.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use simulators::kong_admin::{Clock, DEFAULT, Edition, KongAdmin, Options};
use tower::ServiceExt as _;

const EXCHANGES: &str = include_str!("../data/kong-admin-3.9.1/exchanges.jsonl");

/// GETs that are not replayed, and why.
const EXCLUDED: &[(u64, &str)] = &[
    (2, "status counters"),
    (3, "status counters"),
    (6, "list of endpoints"),
    (25, "debug: log level of the node"),
    (29, "metrics"),
    (525, "health of targets, before the balancer was built"),
    (526, "health of targets, from the recording machine's DNS"),
    (527, "health of targets, from the recording machine's DNS"),
    (826, "health of targets"),
    (828, "health of targets, marked by hand"),
    (829, "health of targets, marked by hand"),
    (831, "health of targets, marked by hand"),
];

#[derive(Debug)]
struct Exchange {
    seq: u64,
    group: String,
    method: Method,
    path: String,
    status: u16,
    /// Unix seconds.
    at: i64,
    body: Value,
}

impl Exchange {
    fn parse(line: &str) -> Result<Self> {
        let mut value: Value = serde_json::from_str(line)?;
        let text = |field: &str| value[field].as_str().map(str::to_owned).context(field.to_owned());
        Ok(Self {
            seq: value["seq"].as_u64().context("seq")?,
            group: text("group")?,
            method: text("method")?.parse()?,
            path: text("path")?,
            status: u16::try_from(value["status"].as_u64().context("status")?)?,
            at: value["at"].as_i64().context("at")?,
            body: value["body"].take(),
        })
    }
}

/// The simulator that the recording is folded into.
struct Replay {
    kong: KongAdmin,
    router: Router,
    clock: Arc<AtomicI64>,
    /// Ids that Kong made without saying them in an answer to a write, by the ids that the simulator made.
    ids: BTreeMap<String, String>,
    group: String,
}

impl Replay {
    fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(0));
        let kong = KongAdmin::new(Options {
            edition: Edition::OpenSource,
            clock: Clock::Manual(Arc::clone(&clock)),
            ..Options::default()
        });
        Self {
            router: kong.router(),
            kong,
            clock,
            ids: BTreeMap::new(),
            group: String::new(),
        }
    }

    /// The recording emptied Kong before `page` and after `value`, and ran `extra` with the dump loaded.
    fn enter_group(&mut self, group: &str) -> Result<()> {
        if self.group == group {
            return Ok(());
        }
        group.clone_into(&mut self.group);
        match group {
            "page" => self.kong.clear("default"),
            "extra" => {
                self.kong.clear("default");
                self.kong.load("default", &serde_json::from_str(DEFAULT)?)?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn send(&self, method: &Method, path: &str) -> Result<(u16, Value)> {
        // `*` and other bytes that a URI may not hold raw are sent as the recording did: percent-encoded at worst.
        let uri = path.replace('*', "%2A");
        let request = Request::builder().method(method).uri(uri).body(Body::empty())?;
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)?
        };
        Ok((status, body))
    }

    /// Folds the recorded answer to a write into the state.
    async fn fold(&self, write: &Exchange) -> Result<()> {
        let path = write.path.split('?').next().unwrap_or_default();
        if !(200..300).contains(&write.status) || path.starts_with("/schemas") || path.starts_with("/debug") {
            return Ok(());
        }
        if write.method == Method::DELETE {
            return self.delete(path).await;
        }
        let Some(list) = list_written(path).filter(|_| write.body.get("id").is_some()) else {
            return Ok(());
        };
        self.kong.put("default", list, write.body.clone())?;
        match path.strip_suffix("/service") {
            Some(route) => self.link_service(route, &write.body).await,
            None => Ok(()),
        }
    }

    /// A PUT of `/routes/{route}/service` makes the service and refers the route to it (sequence 350).
    async fn link_service(&self, route: &str, service: &Value) -> Result<()> {
        let (_, mut route) = self.send(&Method::GET, route).await?;
        route["service"] = json!({ "id": service["id"] });
        self.kong.put("default", "routes", route)?;
        Ok(())
    }

    /// What a DELETE means is found by a GET of the same path: it may name an entity in many ways.
    async fn delete(&self, path: &str) -> Result<()> {
        let (status, body) = self.send(&Method::GET, path).await?;
        let Some(list) = list_written(path).filter(|_| status == 200) else {
            return Ok(());
        };
        let id = body["id"].as_str().context("an entity without id")?;
        self.kong.delete("default", list, id);
        Ok(())
    }

    async fn matches(&mut self, read: &Exchange) -> Result<Result<(), String>> {
        let (status, mut body) = self.send(&read.method, &read.path).await?;
        let mut expected = read.body.clone();
        self.align_ids(&expected, &body);
        self.rename_ids(&mut body);
        for side in [&mut expected, &mut body] {
            drop_incomparable(side);
        }
        Ok(if status != read.status {
            Err(format!("status {status}, recorded {}", read.status))
        } else if body != expected {
            Err(difference(&expected, &body).unwrap_or_default())
        } else {
            Ok(())
        })
    }

    /// An SNI that Kong made for a certificate has an id of its own: the one recorded stands for ours.
    fn align_ids(&mut self, expected: &Value, actual: &Value) {
        for (theirs, ours) in entities(expected).zip(entities(actual)) {
            let is_same_sni = theirs["certificate"].is_object() && theirs["name"] == ours["name"];
            if let (true, Some(theirs), Some(ours)) =
                (is_same_sni, theirs["id"].as_str(), ours["id"].as_str())
                && theirs != ours
            {
                self.ids.insert(ours.to_owned(), theirs.to_owned());
            }
        }
    }

    fn rename_ids(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(id) = self.ids.get(text) {
                    text.clone_from(id);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.rename_ids(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.rename_ids(field)),
            _ => {}
        }
    }
}

/// The entities of an answer: those of its list, or itself.
fn entities(body: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match body["data"].as_array() {
        Some(list) => Box::new(list.iter()),
        None => Box::new(std::iter::once(body)),
    }
}

/// The list that a write to this path changes, none where it changes no entity.
fn list_written(path: &str) -> Option<&str> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match segments.as_slice() {
        ["routes", _, "service"] => Some("services"),
        ["consumers", _, segment, ..] => Some(match *segment {
            "key-auth" => "key-auths",
            "basic-auth" => "basic-auths",
            "hmac-auth" => "hmac-auths",
            "jwt" => "jwts",
            other => other,
        }),
        // `/targets/{target}/healthy` and the like.
        ["upstreams", _, "targets", _, _, ..] => None,
        [_, _, segment] | [_, _, segment, _] => Some(segment),
        [list] | [list, _] => Some(list),
        _ => None,
    }
}

/// Removes what the recording's own notes call incomparable: process numbers, request ids, the order of a set.
fn drop_incomparable(body: &mut Value) {
    if let Some(names) = body.get_mut("enabled_plugins").and_then(Value::as_array_mut) {
        names.sort_by_key(Value::to_string);
    }
    if let Some(fields) = body.as_object_mut() {
        for volatile in ["pids", "timers"] {
            fields.remove(volatile);
        }
        if let Some(id) = fields.get_mut("request_id") {
            *id = Value::from(id.as_str().map_or(0, str::len));
        }
    }
}

/// The first difference, for a failure's message.
fn difference(expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::Object(theirs), Value::Object(ours)) => theirs
            .keys()
            .chain(ours.keys())
            .find_map(|key| {
                difference(theirs.get(key)?, ours.get(key)?).map(|found| format!(".{key}{found}"))
            })
            .or_else(|| {
                let missing = theirs
                    .keys()
                    .find(|key| !ours.contains_key(*key))
                    .map(|key| format!(": no {key}"));
                missing.or_else(|| {
                    ours.keys()
                        .find(|key| !theirs.contains_key(*key))
                        .map(|key| format!(": extra {key}"))
                })
            }),
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => theirs
            .iter()
            .zip(ours)
            .enumerate()
            .find_map(|(place, (theirs, ours))| {
                difference(theirs, ours).map(|found| format!("[{place}]{found}"))
            }),
        _ if expected == actual => None,
        _ => Some(format!(": {actual:.200}, recorded {expected:.200}")),
    }
}

#[tokio::test]
async fn recorded_reads_are_answered_as_kong_answered_them() -> Result<()> {
    let mut replay = Replay::new();
    let (mut comparable, mut excluded, mut failures) = (0usize, 0usize, Vec::new());
    for line in EXCHANGES.lines() {
        let exchange = Exchange::parse(line)?;
        replay.enter_group(&exchange.group)?;
        replay.clock.store(exchange.at * 1000, Ordering::SeqCst);
        match exchange.method {
            Method::GET if EXCLUDED.iter().any(|(seq, _)| *seq == exchange.seq) => excluded += 1,
            Method::GET => {
                comparable += 1;
                if let Err(difference) = replay.matches(&exchange).await? {
                    failures.push(format!("{} GET {}: {difference}", exchange.seq, exchange.path));
                }
            }
            Method::HEAD => {
                let (status, _) = replay.send(&Method::HEAD, &exchange.path).await?;
                assert_eq!(status, exchange.status, "{} HEAD {}", exchange.seq, exchange.path);
            }
            _ => replay
                .fold(&exchange)
                .await
                .with_context(|| format!("folding {}", exchange.seq))?,
        }
    }
    let replayed = comparable - failures.len();
    println!(
        "replayed {replayed} of {comparable} comparable ({:.1} %), {excluded} excluded",
        100.0 * replayed as f64 / comparable as f64
    );
    assert_eq!(
        comparable + excluded,
        311,
        "every recorded GET is either compared or excluded with a reason"
    );
    assert!(
        failures.is_empty(),
        "not answered as Kong answered:\n{}",
        failures.join("\n")
    );
    Ok(())
}
