//! Deprecated configuration fields that gateways up to 3.x return beside their successors.
//!
//! Sending both is safe only while they agree (recorded exchanges 852 and 855 of Kong 3.9.1), so the old one is left out.
//! Source of the pairs: `fields_gone` between the published plugin schemas 3.4 and 3.15, and the recordings.

use serde_json::{Map, Value};

use crate::domain::json;

/// One deprecated field.
#[derive(Debug)]
struct Alias {
    plugins: &'static [&'static str],
    old: &'static str,
    new: &'static [&'static str],
}

const COUNTERS: &[&str] = &["rate-limiting", "response-ratelimiting"];
const REDIS_EE: &[&str] = &[
    "rate-limiting-advanced",
    "graphql-rate-limiting-advanced",
    "proxy-cache-advanced",
    "graphql-proxy-cache-advanced",
];
const TIMEOUTS: &[&str] = &[
    "config.redis.connect_timeout",
    "config.redis.send_timeout",
    "config.redis.read_timeout",
];

const ALIASES: &[Alias] = &[
    Alias {
        plugins: COUNTERS,
        old: "config.redis_host",
        new: &["config.redis.host"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_port",
        new: &["config.redis.port"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_username",
        new: &["config.redis.username"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_password",
        new: &["config.redis.password"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_database",
        new: &["config.redis.database"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_timeout",
        new: &["config.redis.timeout"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_ssl",
        new: &["config.redis.ssl"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_ssl_verify",
        new: &["config.redis.ssl_verify"],
    },
    Alias {
        plugins: COUNTERS,
        old: "config.redis_server_name",
        new: &["config.redis.server_name"],
    },
    Alias {
        plugins: &["acme"],
        old: "config.storage_config.redis.auth",
        new: &["config.storage_config.redis.password"],
    },
    Alias {
        plugins: &["acme"],
        old: "config.storage_config.redis.ssl_server_name",
        new: &["config.storage_config.redis.server_name"],
    },
    Alias {
        plugins: &["acme"],
        old: "config.storage_config.redis.namespace",
        new: &["config.storage_config.redis.extra_options.namespace"],
    },
    Alias {
        plugins: REDIS_EE,
        old: "config.redis.timeout",
        new: TIMEOUTS,
    },
    Alias {
        plugins: REDIS_EE,
        old: "config.redis.cluster_addresses",
        new: &["config.redis.cluster_nodes"],
    },
    Alias {
        plugins: REDIS_EE,
        old: "config.redis.sentinel_addresses",
        new: &["config.redis.sentinel_nodes"],
    },
];

/// Takes out of a plugin's body every deprecated field that says nothing its successor does not say.
///
/// Returns the fields that stay because they differ: both are sent, and the target decides.
pub fn remove_aliases(plugin: &str, body: &mut Map<String, Value>) -> Vec<&'static str> {
    let mut differing = Vec::new();
    for alias in ALIASES.iter().filter(|alias| alias.plugins.contains(&plugin)) {
        let Some(old) = json::get(body, alias.old) else {
            continue;
        };
        let same = |new: &&str| json::get(body, new).is_some_and(|new| agree(old, new));
        if old.is_null() || alias.new.iter().all(same) {
            json::remove(body, alias.old);
        } else {
            differing.push(alias.old);
        }
    }
    differing
}

/// Equal, or a list of `host:port` against a list of records.
fn agree(old: &Value, new: &Value) -> bool {
    let nodes = |value: &Value| -> Option<Vec<String>> {
        value
            .as_array()?
            .iter()
            .map(|node| Some(format!("{}:{}", text(node, &["ip", "host"])?, node.get("port")?)))
            .collect()
    };
    old == new
        || nodes(new).is_some_and(|nodes| old.as_array().is_some_and(|old| old.iter().eq(nodes.iter())))
}

fn text<'a>(node: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| node.get(*name)?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(plugin: &str, config: Value) -> (Value, Vec<&'static str>) {
        let mut body = Map::from_iter([("config".to_owned(), config)]);
        let differing = remove_aliases(plugin, &mut body);
        (body["config"].clone(), differing)
    }

    #[test]
    fn an_alias_that_agrees_or_is_null_is_left_out() {
        let (config, differing) = left(
            "rate-limiting",
            json!({"redis_host": "r", "redis_password": null, "redis": {"host": "r", "password": null}}),
        );
        assert_eq!(config, json!({"redis": {"host": "r", "password": null}}));
        assert!(differing.is_empty());
    }

    #[test]
    fn an_alias_that_differs_stays_and_is_named() {
        let (config, differing) = left(
            "rate-limiting",
            json!({"redis_host": "a", "redis": {"host": "b"}}),
        );
        assert_eq!(config, json!({"redis_host": "a", "redis": {"host": "b"}}));
        assert_eq!(differing, ["config.redis_host"]);
    }

    #[test]
    fn one_timeout_stands_for_three_and_addresses_for_nodes() {
        let (config, differing) = left(
            "rate-limiting-advanced",
            json!({"redis": {"timeout": 5, "connect_timeout": 5, "send_timeout": 5, "read_timeout": 5,
                "cluster_addresses": ["h:1"], "cluster_nodes": [{"ip": "h", "port": 1}]}}),
        );
        assert!(
            config["redis"].get("timeout").is_none() && config["redis"].get("cluster_addresses").is_none()
        );
        assert!(differing.is_empty());
    }

    #[test]
    fn other_plugins_keep_fields_of_the_same_name() {
        let (config, _) = left("our-own", json!({"redis_host": null}));
        assert_eq!(config, json!({"redis_host": null}));
    }
}
