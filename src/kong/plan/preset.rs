//! Changes that many migrations need, ready to use in a transform. Each applied twice is the same as once.

use serde_json::{Map, Value};

use super::catalogue::Catalogue;
use super::regex_path::was_regex;
use crate::kong::model::KongVersion;
use crate::kong::model::entity_kind::Role;
use crate::kong::model::entity_kinds::of_role;
use crate::kong::model::json;

/// The strategy that needs the database of the gateway, which Konnect's data planes do not have.
const CLUSTER: &str = "cluster";
/// Fields of rate limits that hold a strategy.
const STRATEGIES: [&str; 2] = ["config.policy", "config.strategy"];
/// First version in which a regular expression in a path needs a tilde.
const V3: KongVersion = KongVersion { major: 3, minor: 0 };

/// A ready change.
#[derive(Clone, Debug, PartialEq)]
pub enum Preset {
    /// Rate limits that count in the database count on each data plane instead.
    RateLimitingToLocal,
    /// Rate limits that count in the database count in this Redis instead: fields of `config.redis`.
    RateLimitingToRedis(Map<String, Value>),
    /// Paths of gateways before 3.0 that are regular expressions get the tilde that says so.
    RegexPathsToTilde,
    /// Host names in a domain move to another one.
    HostSuffix {
        /// The old domain; a dot before it means nothing.
        from: String,
        /// The new one.
        to: String,
    },
}

impl Preset {
    /// The kinds it can change.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        let roles: &[Role] = match self {
            Self::RateLimitingToLocal | Self::RateLimitingToRedis(_) => &[Role::Plugin],
            Self::RegexPathsToTilde => &[Role::Route],
            Self::HostSuffix { .. } => &[Role::Route, Role::Service, Role::ServerName],
        };
        let kinds = roles.iter().filter_map(|role| of_role(*role));
        kinds.map(|kind| kind.name).collect()
    }

    /// Changes a body as a gateway of this version returned it. What needs no change stays as it is.
    pub fn apply(&self, body: &mut Map<String, Value>, version: Option<KongVersion>) {
        match self {
            Self::RateLimitingToLocal => count_locally(body),
            Self::RateLimitingToRedis(redis) => count_in_redis(body, redis),
            Self::RegexPathsToTilde if version.is_none_or(|version| version < V3) => {
                for_each_text(body, "paths", |path| was_regex(path).then(|| format!("~{path}")));
            }
            Self::RegexPathsToTilde => {}
            Self::HostSuffix { from, to } => {
                let (from, to) = (from.trim_start_matches('.'), to.trim_start_matches('.'));
                for_each_text(body, "hosts", |host| moved(host, from, to));
                for_each_text(body, "snis", |name| moved(name, from, to));
                for field in ["host", "name"] {
                    let is_host = field == "host" || body.contains_key("certificate");
                    if let Some(Value::String(host)) = body.get_mut(field).filter(|_| is_host)
                        && let Some(new) = moved(host, from, to)
                    {
                        *host = new;
                    }
                }
            }
        }
    }
}

/// The strategy's field, when the plugin counts in the database and can count another way.
fn strategy(body: &Map<String, Value>, instead: &str) -> Option<String> {
    let name = body.get("name")?.as_str()?;
    let catalogue = Catalogue::bundled();
    let is_default = |field: &str| {
        let mut defaults = catalogue.refused_defaults(name);
        defaults.any(|(of, default)| of == field && default == CLUSTER)
    };
    let mut rules = catalogue.plugin(name)?.refused.iter();
    let rule = rules.find(|rule| {
        STRATEGIES.contains(&rule.field.as_str())
            && rule.instead.iter().any(|works| works == instead)
            && match json::get(body, &rule.field) {
                Some(value) => value == CLUSTER,
                None => is_default(&rule.field),
            }
    })?;
    Some(rule.field.strip_prefix("config.")?.to_owned())
}

fn config(body: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    body.entry("config")
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}

fn count_locally(body: &mut Map<String, Value>) {
    if let Some(field) = strategy(body, "local")
        && let Some(config) = config(body)
    {
        config.insert(field, Value::from("local"));
        // With local counters there is nothing to synchronise, and Kong refuses a rate for it.
        if config.get("sync_rate").is_some_and(|rate| !rate.is_null()) {
            config.insert("sync_rate".to_owned(), Value::from(-1));
        }
    }
}

fn count_in_redis(body: &mut Map<String, Value>, redis: &Map<String, Value>) {
    if let Some(field) = strategy(body, "redis")
        && let Some(config) = config(body)
    {
        config.insert(field, Value::from("redis"));
        // Deprecated names of the same fields, of which Konnect takes one form.
        config.retain(|name, _| !name.starts_with("redis_"));
        let fields = config.entry("redis").or_insert(Value::Null);
        match fields {
            Value::Object(fields) => fields.extend(redis.clone()),
            other => *other = Value::Object(redis.clone()),
        }
    }
}

/// Replaces the texts of a list for which there is a new one.
fn for_each_text(body: &mut Map<String, Value>, field: &str, new: impl Fn(&str) -> Option<String>) {
    let items = body.get_mut(field).and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        if let Some(text) = item.as_str().and_then(&new) {
            *item = Value::String(text);
        }
    }
}

/// The host in the new domain; none when it is not in the old one, or in the new one already.
fn moved(host: &str, from: &str, to: &str) -> Option<String> {
    if from.is_empty()
        || to.is_empty()
        || from == to
        || (below(host, to).is_some() && below(from, to).is_none())
    {
        return None;
    }
    let mut moved = format!("{}{to}", below(host, from)?);
    // A domain that repeats itself is left at once, so that a second time changes nothing.
    while below(from, to).is_some()
        && let Some(again) = below(&moved, from)
    {
        moved = format!("{again}{to}");
    }
    Some(moved)
}

/// What stands before a domain, with its dot; empty for the domain itself.
fn below<'h>(host: &'h str, domain: &str) -> Option<&'h str> {
    let before = host.strip_suffix(domain)?;
    (before.is_empty() || before.ends_with('.')).then_some(before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn applied(preset: &Preset, body: &Value, version: &str) -> Value {
        let mut body = body.as_object().unwrap().clone();
        preset.apply(&mut body, KongVersion::parse(version));
        Value::Object(body)
    }

    fn redis() -> Preset {
        Preset::RateLimitingToRedis(
            json!({"host": "redis.example", "port": 6379})
                .as_object()
                .unwrap()
                .clone(),
        )
    }

    #[test]
    fn every_rate_limit_that_counts_in_the_database_counts_elsewhere() {
        let local = applied(
            &Preset::RateLimitingToLocal,
            &json!({"name": "rate-limiting-advanced", "config": {"strategy": "cluster", "sync_rate": 10}}),
            "3.9",
        );
        assert_eq!(local["config"], json!({"strategy": "local", "sync_rate": -1}));
        let moved = applied(
            &redis(),
            &json!({"name": "rate-limiting", "config": {"policy": "cluster", "redis_host": null, "redis": {"host": null, "timeout": 5}}}),
            "3.9",
        );
        assert_eq!(
            moved["config"],
            json!({"policy": "redis", "redis": {"host": "redis.example", "port": 6379, "timeout": 5}})
        );
        let default = json!({"name": "graphql-rate-limiting-advanced", "config": {}});
        assert_eq!(applied(&redis(), &default, "3.9")["config"]["strategy"], "redis");
        // It has no local strategy.
        assert_eq!(applied(&Preset::RateLimitingToLocal, &default, "3.9"), default);
    }

    #[test]
    fn what_works_stays() {
        for body in [
            json!({"name": "rate-limiting", "config": {"policy": "redis"}}),
            json!({"name": "session", "config": {"storage": "kong"}}),
            json!({"name": "cors", "config": {"policy": "cluster"}}),
            json!({"name": "rate-limiting"}),
        ] {
            assert_eq!(applied(&Preset::RateLimitingToLocal, &body, "3.9"), body);
            assert_eq!(applied(&redis(), &body, "3.9"), body);
        }
    }

    #[test]
    fn paths_of_2_8_get_their_tilde_and_others_do_not() {
        let route = json!({"paths": ["/a", "/users/\\d+", "~/b+"]});
        let tilde = applied(&Preset::RegexPathsToTilde, &route, "2.8.4");
        assert_eq!(tilde["paths"], json!(["/a", "~/users/\\d+", "~/b+"]));
        assert_eq!(applied(&Preset::RegexPathsToTilde, &route, "3.4"), route);
    }

    #[test]
    fn hosts_move_by_whole_labels() {
        let preset = |from: &str, to: &str| Preset::HostSuffix {
            from: from.into(),
            to: to.into(),
        };
        let route = json!({"name": "a.example.com", "hosts": ["a.example.com", "*.example.com", "example.com", "badexample.com"], "snis": null});
        let moved = applied(&preset(".example.com", ".example.org"), &route, "3.9");
        assert_eq!(
            moved,
            json!({"name": "a.example.com", "hosts": ["a.example.org", "*.example.org", "example.org", "badexample.com"], "snis": null})
        );
        let service = json!({"host": "cart.shop.svc"});
        assert_eq!(
            applied(&preset("svc", "svc.cluster.local"), &service, "3.9"),
            json!({"host": "cart.shop.svc.cluster.local"})
        );
        let sni = json!({"name": "a.b.c", "certificate": {"id": "x"}});
        assert_eq!(applied(&preset("b.c", "c"), &sni, "3.9")["name"], "a.c");
    }

    fn domain() -> impl Strategy<Value = String> {
        prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("")], 1..4)
            .prop_map(|labels| labels.join("."))
    }

    fn preset() -> impl Strategy<Value = Preset> {
        prop_oneof![
            Just(Preset::RateLimitingToLocal),
            Just(redis()),
            Just(Preset::RegexPathsToTilde),
            (domain(), domain()).prop_map(|(from, to)| Preset::HostSuffix { from, to }),
        ]
    }

    fn body() -> impl Strategy<Value = Value> {
        let plugin = prop_oneof![
            Just("rate-limiting"),
            Just("rate-limiting-advanced"),
            Just("graphql-rate-limiting-advanced"),
            Just("service-protection"),
            Just("cors")
        ];
        let value = prop_oneof![
            Just(json!("cluster")),
            Just(json!("local")),
            Just(json!("redis")),
            Just(Value::Null),
            Just(json!(7))
        ];
        (plugin, value.clone(), value, "[/~a\\\\+.]{0,5}", domain()).prop_map(|(name, strategy, rate, path, host)| {
            json!({
                "name": name, "host": host, "hosts": [host, "b"], "snis": [host], "paths": [path],
                "config": {"policy": strategy, "strategy": strategy, "sync_rate": rate, "redis": rate, "redis_host": rate},
            })
        })
    }

    proptest! {
        #[test]
        fn a_preset_applied_twice_is_the_same_as_once(preset in preset(), body in body()) {
            let once = applied(&preset, &body, "2.8");
            prop_assert_eq!(applied(&preset, &once, "2.8"), once);
        }
    }
}
