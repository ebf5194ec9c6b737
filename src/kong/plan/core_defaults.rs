//! Defaults of core entities, by kind: the table that [`super::defaults`] fills a declarative file's gaps from.
//!
//! Admin API documents 3.9, 3.10 and 3.15; they differ in the protocols of a route alone, which are not in it.

use std::sync::LazyLock;

use serde_json::{Value, json};

/// Field and value, by name of the kind.
pub static CORE: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "services": {
            "protocol": "http", "port": 80, "retries": 5, "connect_timeout": 60000, "write_timeout": 60000,
            "read_timeout": 60000, "enabled": true,
        },
        "routes": {
            "https_redirect_status_code": 426, "path_handling": "v0", "preserve_host": false,
            "request_buffering": true, "response_buffering": true, "strip_path": true, "regex_priority": 0,
        },
        "upstreams": {
            "algorithm": "round-robin", "hash_on": "none", "hash_fallback": "none", "hash_on_cookie_path": "/",
            "slots": 10000, "use_srv_name": false,
            "healthchecks": {
                "threshold": 0,
                "active": {
                    "type": "http", "http_path": "/", "timeout": 1, "concurrency": 10, "https_verify_certificate": true,
                    "healthy": {"http_statuses": [200, 302], "interval": 0, "successes": 0},
                    "unhealthy": {
                        "http_statuses": [429, 404, 500, 501, 502, 503, 504, 505], "interval": 0, "http_failures": 0,
                        "tcp_failures": 0, "timeouts": 0,
                    },
                },
                "passive": {
                    "type": "http",
                    "healthy": {
                        "http_statuses": [
                            200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308,
                        ],
                        "successes": 0,
                    },
                    "unhealthy": {
                        "http_statuses": [429, 500, 503], "http_failures": 0, "tcp_failures": 0, "timeouts": 0,
                    },
                },
            },
        },
        "targets": {"weight": 100},
        "plugins": {"enabled": true},
        "jwts": {"algorithm": "HS256"},
    })
});
