//! Who may depend on whom. Why a test and not a crate for each layer: `docs/decisions/0010-one-crate-layers-held-by-a-test.md`.

use super::paths::{Mention, mentions};

/// One row: the modules of a layer may name only these other layers and, where given, only these crates.
struct Layer {
    /// Path of its module.
    module: &'static str,
    /// Paths of the other layers that it may name.
    layers: &'static [&'static str],
    crates: Crates,
}

/// External crates, by their names in paths.
enum Crates {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

const KUBERNETES: &[&str] = &["kube", "k8s_openapi", "schemars"];

/// What plans are made with.
const PLAN_CRATES: &[&str] = &[
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
];

/// Layers in order of dependence. Every module is in one of them, or in [`WIRING`].
const LAYERS: &[Layer] = &[
    Layer {
        module: "migration",
        layers: &[],
        crates: Crates::Only(PLAN_CRATES),
    },
    Layer {
        module: "http::object_text",
        layers: &[],
        crates: Crates::Only(&["serde", "serde_json"]),
    },
    Layer {
        module: "http",
        layers: &[],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: "kong::model",
        layers: &["migration", "http::object_text"],
        crates: Crates::Only(&["serde", "serde_json", "jiff", "thiserror", "uuid"]),
    },
    Layer {
        module: "kong::plan",
        layers: &["migration", "kong::model"],
        crates: Crates::Only(PLAN_CRATES),
    },
    Layer {
        module: "kong::declarative",
        layers: &["migration", "kong::model"],
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
        module: "api",
        layers: &["kong::model"],
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
        module: "manifest",
        layers: &["migration", "kong::model", "kong::plan", "api"],
        crates: Crates::Only(&["serde", "serde_json", "serde_saphyr", "thiserror", "kube"]),
    },
    Layer {
        module: "kong::wire",
        layers: &["kong::model", "http"],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: "kong::konnect",
        layers: &["kong::model", "kong::wire", "http"],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: "kong::admin",
        layers: &["kong::model", "kong::wire", "http"],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: "kong::engine",
        layers: &[
            "migration",
            "kong::model",
            "kong::plan",
            "kong::declarative",
            "http",
            "kong::konnect",
            "kong::admin",
        ],
        crates: Crates::AllBut(KUBERNETES),
    },
    Layer {
        module: "k8s",
        layers: &["migration", "kong::model", "api", "clock"],
        crates: Crates::AllBut(&["reqwest", "axum"]),
    },
    Layer {
        module: "controllers",
        layers: &[
            "migration",
            "kong::model",
            "kong::plan",
            "api",
            "manifest",
            "http",
            "kong::konnect",
            "kong::admin",
            "kong::engine",
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
const SCOPED_THREADS: &[&str] = &["std", "thread", "scope"];

/// Module path of a file below `src`: `api/refs.rs` is `api::refs`, `api/mod.rs` is `api`.
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
    if !is_placed(&module) {
        return vec![format!(
            "src/{file}: {} is in no layer: give it a row in tests/architecture/rules.rs",
            module.join("::")
        )];
    }
    mentions(source, &module)
        .iter()
        .filter_map(|mention| {
            let what = violation(&module, mention, crates)?;
            Some(format!("src/{file}:{}: {what}", mention.line))
        })
        .collect()
}

/// True in a layer or in the wiring, and for what only holds some together: the root, and `kong`. Anything else would be held by no rule.
fn is_placed(module: &[&str]) -> bool {
    let holds = |layer: &Layer| {
        let mut parts = layer.module.split("::");
        module.iter().all(|name| parts.next() == Some(name))
    };
    layer_of(module).is_some() || LAYERS.iter().any(holds)
}

/// The layer, or the wiring, that a path lies in; none for a path that is only on the way to some, such as `kong`.
fn layer_of<S: AsRef<str>>(segments: &[S]) -> Option<&'static str> {
    let lies_in = |layer: &str| {
        let parts: Vec<_> = layer.split("::").collect();
        parts.len() <= segments.len() && parts.iter().zip(segments).all(|(a, b)| *a == b.as_ref())
    };
    let layers = LAYERS.iter().map(|layer| layer.module);
    layers.chain(WIRING.iter().copied()).find(|layer| lies_in(layer))
}

fn violation(module: &[&str], mention: &Mention, crates: &[String]) -> Option<String> {
    let path = mention.segments.join("::");
    let (own, other) = (layer_of(module), layer_of(&mention.segments));
    let head = mention.segments.first()?.as_str();
    let elsewhere = other.is_some() && own != other || module.first() != Some(&head);
    if mention.internal && mention.re_exported && !module.is_empty() && elsewhere {
        return Some(format!(
            "re-exports {path} of another layer, which hides who depends on whom"
        ));
    }
    let layer = LAYERS.iter().find(|layer| Some(layer.module) == own)?;
    let name = layer.module;
    if mention.internal {
        // A layer may use what lies inside of it, and inside of those that it may name.
        let inside = |outer: &str| other.is_none_or(|other| is_inside(other, outer));
        let permitted = inside(name) || layer.layers.iter().any(|outer| inside(outer));
        if !permitted {
            return Some(format!("{name} must not use {path}"));
        }
        return foreign_controller(module, mention)
            .then(|| format!("one controller must not use another: {path}"));
    }
    let forbidden = crates.iter().any(|known| known == head)
        && match layer.crates {
            Crates::Only(permitted) => !permitted.contains(&head),
            Crates::AllBut(forbidden) => forbidden.contains(&head),
        };
    let impure = PURE_LAYERS.contains(&name)
        && mention.segments != SCOPED_THREADS
        && IMPURE.iter().any(|impure| {
            mention.segments.len() >= impure.len()
                && impure.iter().zip(&mention.segments).all(|(a, b)| a == b)
        });
    (forbidden || impure).then(|| format!("{name} must not use {path}"))
}

/// True for a layer itself, and for one that is cut out of it.
fn is_inside(layer: &str, outer: &str) -> bool {
    let rest = layer.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Layers whose outcome depends on their inputs alone.
const PURE_LAYERS: &[&str] = &[
    "migration",
    "http::object_text",
    "kong::model",
    "kong::plan",
    "kong::declarative",
    "api",
    "manifest",
];

/// Modules that only wire the layers together, and are free.
const WIRING: &[&str] = &["cli", "operator", "telemetry", "config", "clock"];

/// Controllers have a folder each; single files of `controllers` are shared.
fn foreign_controller(module: &[&str], mention: &Mention) -> bool {
    let controller = |name: &str| name.starts_with("konnect_") || name.ends_with("_migration");
    match (module, mention.segments.as_slice()) {
        (["controllers", own, ..], [first, other, ..]) if first == "controllers" => {
            controller(own) && controller(other) && own != other
        }
        _ => false,
    }
}
