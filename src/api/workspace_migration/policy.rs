//! How a migration goes about its work.

use std::time::Duration;

use jiff::SignedDuration;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rules;
use crate::api::{refs::KeyRef, schema};

/// What to do when the target has an entity of the same identity that the migration did not write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ConflictPolicySpec {
    /// Block the entity and what depends on it.
    #[default]
    Fail,
    /// Take it as the copy when it is equal.
    Adopt,
    /// Replace it.
    Overwrite,
    /// Leave it, and the source's entity too.
    Skip,
}

/// An exception from the conflict policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ConflictPolicyForKind {
    /// Kind of the entities, in the words of the Admin API's paths, for example plugins.
    #[schemars(length(min = 1, max = 253))]
    pub kind: String,
    /// What to do with them.
    pub policy: ConflictPolicySpec,
}

/// Which ids entities have in the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum IdPolicySpec {
    /// Those of the source.
    #[default]
    Preserve,
    /// UUIDv5 of control plane and source id.
    Derive,
}

/// What deleting a migration does to the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Nothing.
    #[default]
    Orphan,
    /// Delete what it created. What it overwrote stays as it is, and so does what was there before.
    DeleteMigrated,
}

/// What is saved before the first write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum BackupPolicy {
    /// Everything that the control plane holds, once; and of each entity that is overwritten or deleted what it was before.
    #[default]
    Full,
    /// Only the latter. For a control plane that is too large for the Secrets of a backup.
    BeforeImages,
}

/// What to do when the target refuses an entity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum FailurePolicy {
    /// Go on with what does not depend on it.
    #[default]
    ContinueIndependent,
    /// Write nothing more.
    Stop,
    /// Undo everything.
    RollbackOnFailure,
}

/// A change to make on the way.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.patch) != has(self.preset)")
    .message("exactly one of patch and preset must be set in an entry of spec.transforms"))]
pub struct TransformSpec {
    /// Which entities to change.
    pub select: TransformSelector,
    /// How to change them: a JSON patch (RFC 6902).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub patch: Vec<PatchOperation>,
    /// How to change them: in a way that many migrations need. Entities that need no change are left as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<PresetSpec>,
    /// Why the change is right.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
}

/// A ready change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.redis) == (self.name == 'RateLimitingToRedis')")
    .message("preset.redis must be set for RateLimitingToRedis, and for no other preset"))]
#[x_kube(validation = Rule::new("(self.name == 'HostSuffix') ? (has(self.from) && has(self.to)) : (!has(self.from) && !has(self.to))")
    .message("preset.from and preset.to must be set for HostSuffix, and for no other preset"))]
pub struct PresetSpec {
    /// RateLimitingToLocal and RateLimitingToRedis change plugins that count in the gateway's database (strategy or policy cluster).
    /// RegexPathsToTilde marks the regular expressions among paths of routes of a gateway before 3.0. HostSuffix moves hosts of
    /// routes, services or snis from one domain to another.
    pub name: PresetName,
    /// The Redis of RateLimitingToRedis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
    /// The old domain of HostSuffix, for example internal.example.com.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub from: Option<String>,
    /// The new domain of HostSuffix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub to: Option<String>,
}

/// Names of the ready changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PresetName {
    /// Rate limits count on each data plane.
    RateLimitingToLocal,
    /// Rate limits count in a Redis.
    RateLimitingToRedis,
    /// Regular expressions among paths get the tilde that they need since 3.0.
    RegexPathsToTilde,
    /// Hosts move from one domain to another.
    HostSuffix,
}

/// A Redis that data planes reach; its fields stand in a plugin's configuration under the same names, with underscores.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Redis {
    /// Host name or address.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Port.
    #[serde(default = "Redis::default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// User name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub username: Option<String>,
    /// Password, as a reference to a vault: {vault://env/redis-password}. In clear it would be readable in this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = r"^\{vault://.+\}$"))]
    pub password: Option<String>,
    /// Whether to use TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl: Option<bool>,
    /// Whether to verify the server's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "sslVerify")]
    pub ssl_verify: Option<bool>,
    /// Name in the server's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "serverName")]
    #[schemars(length(min = 1, max = 253))]
    pub server_name: Option<String>,
    /// Number of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<u16>,
}

impl Redis {
    const fn default_port() -> u16 {
        6379
    }
}

/// Which entities a transform changes. An entity has to meet all that is set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct TransformSelector {
    /// Kind of the entities, in the words of the Admin API's paths, for example services.
    #[schemars(length(min = 1, max = 253))]
    pub kind: String,
    /// Name or id of the entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Tags that the entity has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"))]
    pub tags: Vec<String>,
}

/// One operation of a JSON patch (RFC 6902).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct PatchOperation {
    /// What to do: add, remove, replace, move, copy or test.
    #[schemars(extend("enum" = ["add", "remove", "replace", "move", "copy", "test"]))]
    pub op: String,
    /// JSON pointer to the field.
    #[schemars(length(max = 1024))]
    pub path: String,
    /// JSON pointer to the field to move or copy from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub from: Option<String>,
    /// Value to add, replace or test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any_value")]
    pub value: Option<Value>,
}

/// Schema of a custom plugin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomPluginSpec {
    /// Name of the plugin.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The entry of a ConfigMap that holds its schema, in Lua.
    pub schema_config_map_ref: KeyRef,
}

/// How mode Sync follows the source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
pub struct Sync {
    /// Time between two looks at both sides, for example 1m or 30s; at least 5s. Up to a tenth is added at random.
    #[serde(default = "Sync::default_interval")]
    #[schemars(length(max = 32), regex(pattern = "^([0-9]+(ms|s|m|h))+$"))]
    #[x_kube(validation = rules::at_least("spec.sync.interval", "5s"))]
    pub interval: String,
    /// What to do with an entity that somebody changed or removed in the target after this migration wrote it: tell, and leave it
    /// (Report), or put the source's content back (Correct).
    /// What this migration did not write is the business of conflictPolicy.
    #[serde(default)]
    pub drift: DriftPolicySpec,
}

/// What to do when the target changed by another hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DriftPolicySpec {
    /// Tell, and leave it.
    #[default]
    Report,
    /// Put the source's content back.
    Correct,
}

impl Sync {
    /// The interval when nothing is said.
    pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

    fn default_interval() -> String {
        "1m".to_owned()
    }

    /// The interval, when it is a duration.
    pub fn interval(&self) -> Option<Duration> {
        let parsed = self.interval.parse::<SignedDuration>().ok();
        parsed.and_then(|interval| Duration::try_from(interval).ok())
    }

    /// The interval. The schema lets only durations in.
    pub fn pause(&self) -> Duration {
        self.interval().unwrap_or(Self::DEFAULT_INTERVAL)
    }
}

/// What follows from a verification that fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
pub struct VerificationPolicy {
    /// Never: differences are told. Once: what this run wrote and the target does not hold as it was written is written once more,
    /// and compared again.
    #[serde(default)]
    pub repair: Repair,
}

/// Whether differences found by a verification are repaired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Repair {
    /// They are told.
    #[default]
    Never,
    /// They are written once more.
    Once,
}

/// Limits on the calls to Konnect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThrottleSpec {
    /// How many calls may be in flight at once.
    #[serde(default = "ThrottleSpec::default_max_in_flight")]
    #[schemars(range(min = 1, max = 256))]
    pub max_in_flight: u32,
    /// How many calls may be made in a second; 0 leaves that to what Konnect tells.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub requests_per_second: u32,
}

impl ThrottleSpec {
    /// Calls in flight when nothing is said.
    pub const DEFAULT_MAX_IN_FLIGHT: u32 = 16;

    fn default_max_in_flight() -> u32 {
        Self::DEFAULT_MAX_IN_FLIGHT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_duration_as_kubernetes_writes_it() {
        for (text, milliseconds) in [
            ("5s", 5000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h", 3_600_000),
            ("1h1m1s", 3_661_000),
        ] {
            let sync = Sync {
                interval: text.to_owned(),
                drift: DriftPolicySpec::Report,
            };
            assert_eq!(sync.pause(), Duration::from_millis(milliseconds), "{text}");
        }
    }
}

/// How much prune may delete in one pass.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum PruneLimitSpec {
    /// So many entities.
    Count(u32),
    /// A share, as 50%.
    Percent(String),
}

impl PruneLimitSpec {
    /// The share in percent, from 0 to 100; none for a count, and for what is no share.
    pub fn percent(&self) -> Option<u8> {
        let Self::Percent(text) = self else { return None };
        let percent = text.strip_suffix('%')?.parse::<u8>().ok()?;
        (percent <= 100 && !text.starts_with('+')).then_some(percent)
    }
}
