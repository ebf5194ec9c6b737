//! Deprecated configuration fields that gateways up to 3.x return beside their successors, and that Konnect's schemas lack.
//!
//! A value moves to the successor where that is empty. Where both are set and agree the old one is left out; where they differ
//! the successor's value is sent, as a gateway reads it (recorded exchanges 852 and 855 of Kong 3.9.1), and the field is named.
//! Source of the pairs: `fields_gone` between the published plugin schemas 3.4 and 3.15, and the recordings.

use serde_json::{Map, Value, json};

use crate::kong::model::json;

/// Deprecated fields of some plugins: `(old, successors)`, below `config`.
struct Aliases {
    plugins: &'static [&'static str],
    fields: &'static [(&'static str, &'static [&'static str])],
}

const ALIASES: &[Aliases] = &[
    Aliases {
        plugins: &["rate-limiting", "response-ratelimiting"],
        fields: &[
            ("redis_host", &["redis.host"]),
            ("redis_port", &["redis.port"]),
            ("redis_username", &["redis.username"]),
            ("redis_password", &["redis.password"]),
            ("redis_database", &["redis.database"]),
            ("redis_timeout", &["redis.timeout"]),
            ("redis_ssl", &["redis.ssl"]),
            ("redis_ssl_verify", &["redis.ssl_verify"]),
            ("redis_server_name", &["redis.server_name"]),
        ],
    },
    Aliases {
        plugins: &["acme"],
        fields: &[
            ("storage_config.redis.auth", &["storage_config.redis.password"]),
            (
                "storage_config.redis.ssl_server_name",
                &["storage_config.redis.server_name"],
            ),
            (
                "storage_config.redis.namespace",
                &["storage_config.redis.extra_options.namespace"],
            ),
            (
                "storage_config.redis.scan_count",
                &["storage_config.redis.extra_options.scan_count"],
            ),
        ],
    },
    Aliases {
        plugins: &[
            "rate-limiting-advanced",
            "graphql-rate-limiting-advanced",
            "proxy-cache-advanced",
            "graphql-proxy-cache-advanced",
        ],
        fields: &[
            (
                "redis.timeout",
                &[
                    "redis.connect_timeout",
                    "redis.send_timeout",
                    "redis.read_timeout",
                ],
            ),
            ("redis.cluster_addresses", &["redis.cluster_nodes"]),
            ("redis.sentinel_addresses", &["redis.sentinel_nodes"]),
        ],
    },
    Aliases {
        plugins: &["openid-connect", "saml"],
        fields: &[
            ("session_redis_host", &["redis.host"]),
            ("session_redis_port", &["redis.port"]),
            ("session_redis_username", &["redis.username"]),
            ("session_redis_password", &["redis.password"]),
            ("session_redis_prefix", &["redis.prefix"]),
            ("session_redis_socket", &["redis.socket"]),
            ("session_redis_ssl", &["redis.ssl"]),
            ("session_redis_ssl_verify", &["redis.ssl_verify"]),
            ("session_redis_server_name", &["redis.server_name"]),
            ("session_redis_connect_timeout", &["redis.connect_timeout"]),
            ("session_redis_send_timeout", &["redis.send_timeout"]),
            ("session_redis_read_timeout", &["redis.read_timeout"]),
            ("session_redis_cluster_nodes", &["redis.cluster_nodes"]),
            (
                "session_redis_cluster_max_redirections",
                &["redis.cluster_max_redirections"],
            ),
        ],
    },
    Aliases {
        plugins: &["opentelemetry"],
        fields: &[("endpoint", &["traces_endpoint"])],
    },
    Aliases {
        plugins: &["session"],
        fields: &[
            ("cookie_lifetime", &["rolling_timeout"]),
            ("cookie_idletime", &["idling_timeout"]),
            ("cookie_discard", &["stale_ttl"]),
            ("cookie_samesite", &["cookie_same_site"]),
            ("cookie_httponly", &["cookie_http_only"]),
            ("cookie_persistent", &["remember"]),
        ],
    },
];

/// Takes every deprecated field out of a plugin's body, and its value to where it belongs now.
///
/// Returns the fields whose successor holds another value: that one is sent.
pub fn remove_aliases(plugin: &str, body: &mut Map<String, Value>) -> Vec<String> {
    let mut differing = Vec::new();
    let fields = ALIASES
        .iter()
        .filter(|aliases| aliases.plugins.contains(&plugin))
        .flat_map(|a| a.fields);
    for (old, successors) in fields {
        let path = format!("config.{old}");
        let Some(value) = json::remove(body, &path).filter(|value| !value.is_null()) else {
            continue;
        };
        let mut agree = true;
        for new in *successors {
            let value = modern(new, &value);
            let new = format!("config.{new}");
            match json::get(body, &new) {
                Some(Value::Null) | None => agree &= json::set(body, &new, value),
                Some(set) => agree &= *set == value,
            }
        }
        if !agree {
            differing.push(path);
        }
    }
    differing
}

/// `["host:port"]` as the list of records that replaced it; any other value as it is.
fn modern(field: &str, value: &Value) -> Value {
    let host = match field {
        "redis.cluster_nodes" => "ip",
        "redis.sentinel_nodes" => "host",
        _ => return value.clone(),
    };
    let node = |address: &Value| {
        let parts = address.as_str().and_then(|text| text.rsplit_once(':'));
        let parsed = parts.and_then(|(name, port)| Some((name, port.parse::<u16>().ok()?)));
        parsed.map_or_else(
            || address.clone(),
            |(name, port)| json!({host: name, "port": port}),
        )
    };
    value
        .as_array()
        .map_or_else(|| value.clone(), |items| items.iter().map(node).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(plugin: &str, config: Value) -> (Value, Vec<String>) {
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
    fn an_alias_that_differs_gives_way_and_is_named() {
        let (config, differing) = left(
            "rate-limiting",
            json!({"redis_host": "a", "redis": {"host": "b"}}),
        );
        assert_eq!(config, json!({"redis": {"host": "b"}}));
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
    fn a_value_without_a_successor_moves_there() {
        let (config, differing) = left(
            "rate-limiting-advanced",
            json!({"redis": {"timeout": 5, "connect_timeout": null, "sentinel_addresses": ["h:26379"]}}),
        );
        assert_eq!(
            config,
            json!({"redis": {"connect_timeout": 5, "send_timeout": 5, "read_timeout": 5,
                "sentinel_nodes": [{"host": "h", "port": 26379}]}})
        );
        assert!(differing.is_empty());
        let (config, _) = left(
            "openid-connect",
            json!({"session_redis_host": "r", "redis": null}),
        );
        assert_eq!(config, json!({"redis": {"host": "r"}}));
    }

    #[test]
    fn other_plugins_keep_fields_of_the_same_name() {
        let (config, _) = left("our-own", json!({"redis_host": null}));
        assert_eq!(config, json!({"redis_host": null}));
    }
}
