//! Who may depend on whom.

use super::paths::{Mention, mentions};

/// One row: the modules of a layer may name only these other layers and, where given, only these crates.
struct Layer {
    /// First segments of the module path.
    module: &'static [&'static str],
    /// Other top-level modules that it may name.
    layers: &'static [&'static str],
    crates: Crates,
}

/// External crates, by their names in paths.
enum Crates {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

const KUBERNETES: &[&str] = &["kube", "k8s_openapi", "schemars"];

/// Layers in order of dependence; a module in none of them is wiring, and free.
const LAYERS: &[Layer] = &[
    Layer {
        module: &["domain"],
        layers: &[],
        crates: Crates::Only(&["serde", "serde_json", "jiff", "thiserror", "uuid"]),
    },
    Layer {
        module: &["plan"],
        layers: &["domain"],
        crates: Crates::Only(&[
            "serde",
            "serde_json",
            "jiff",
            "thiserror",
            "uuid",
            "sha2",
            "x509_parser",
            "serde_saphyr",
            "json_patch",
            "proptest",
            "insta",
        ]),
    },
    Layer {
        module: &["declarative"],
        layers: &["domain"],
        crates: Crates::Only(&[
            "serde",
            "serde_json",
            "serde_saphyr",
            "thiserror",
            "uuid",
            "sha1_smol",
            "proptest",
        ]),
    },
    Layer {
        module: &["api"],
        layers: &["domain"],
        crates: Crates::Only(&[
            "serde",
            "serde_json",
            "jiff",
            "thiserror",
            "uuid",
            "kube",
            "k8s_openapi",
            "schemars",
        ]),
    },
    Layer {
        module: &["manifest"],
        layers: &["domain", "plan", "api"],
        crates: Crates::Only(&["serde", "serde_json", "serde_saphyr", "thiserror", "kube"]),
    },
    Layer {
        module: &["http"],
        layers: &["domain"],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: &["konnect"],
        layers: &["domain", "http"],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: &["kong_admin"],
        layers: &["domain", "http"],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: &["engine"],
        layers: &["domain", "plan", "declarative", "http", "konnect", "kong_admin"],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: &["k8s"],
        layers: &["domain", "api", "clock"],
        crates: Crates::AllBut(&["reqwest", "axum"]),
    },
    Layer {
        module: &["controllers"],
        layers: &[
            "domain",
            "plan",
            "api",
            "manifest",
            "http",
            "konnect",
            "kong_admin",
            "engine",
            "k8s",
            "clock",
            "config",
            "telemetry",
        ],
        crates: Crates::AllBut(&["reqwest", "axum", "clap"]),
    },
];

/// Impure things of otherwise permitted crates, which a plan must not know: its bytes depend on its inputs alone.
const IMPURE: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "SystemTime"],
    &["std", "time", "Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["Uuid", "new_v4"],
];

/// Computes on several cores, and has ended when it returns: the outcome is that of its inputs.
const PURE: &[&str] = &["std", "thread", "scope"];

/// Module path of a file below `src`: `plan/diff.rs` is `plan::diff`, `plan/mod.rs` is `plan`.
pub fn module_of(file: &str) -> Vec<&str> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let mut module: Vec<_> = stem.split('/').collect();
    if matches!(module.last(), Some(&("mod" | "lib" | "main"))) {
        module.pop();
    }
    module
}

/// What is wrong with the dependences of one file, a line each. `file` is relative to `src`; `crates` are the
/// package's dependencies as they are named in paths.
pub fn violations(file: &str, source: &str, crates: &[String]) -> Vec<String> {
    let module = module_of(file);
    let layer = LAYERS.iter().find(|layer| module.starts_with(layer.module));
    mentions(source, &module)
        .iter()
        .filter_map(|mention| {
            let what = violation(&module, layer, mention, crates)?;
            Some(format!("src/{file}:{}: {what}", mention.line))
        })
        .collect()
}

fn violation(module: &[&str], layer: Option<&Layer>, mention: &Mention, crates: &[String]) -> Option<String> {
    let path = mention.segments.join("::");
    let (head, own) = (mention.segments.first()?.as_str(), module.first().copied());
    if mention.internal && mention.re_exported && own.is_some_and(|own| own != head) {
        return Some(format!(
            "re-exports {path} of another layer, which hides who depends on whom"
        ));
    }
    let layer = layer?;
    let name = layer.module.join("::");
    if mention.internal {
        if head != layer.module[0] {
            let known = LAYERS.iter().any(|other| other.module[0] == head) || WIRING.contains(&head);
            return (known && !layer.layers.contains(&head)).then(|| format!("{name} must not use {path}"));
        }
        return foreign_controller(module, mention)
            .then(|| format!("one controller must not use another: {path}"));
    }
    let forbidden = crates.iter().any(|known| known == head)
        && match layer.crates {
            Crates::Only(permitted) => !permitted.contains(&head),
            Crates::AllBut(forbidden) => forbidden.contains(&head),
        };
    let impure = matches!(
        name.as_str(),
        "domain" | "plan" | "declarative" | "api" | "manifest"
    ) && mention.segments != PURE
        && IMPURE.iter().any(|impure| {
            mention.segments.len() >= impure.len()
                && impure.iter().zip(&mention.segments).all(|(a, b)| a == b)
        });
    (forbidden || impure).then(|| format!("{name} must not use {path}"))
}

/// Modules that only wire the layers together.
const WIRING: &[&str] = &["cli", "telemetry", "config", "clock"];

/// Controllers have a folder each; single files of `controllers` are shared.
fn foreign_controller(module: &[&str], mention: &Mention) -> bool {
    let controller = |name: &str| name.starts_with("konnect_") || name.ends_with("_migration");
    match (module, mention.segments.as_slice()) {
        (["controllers", own, ..], [_, other, ..]) => controller(own) && controller(other) && own != other,
        _ => false,
    }
}
