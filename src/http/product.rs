//! What a client says of the product that it calls.

use std::fmt;

use super::call::Interpret;

/// A remote product: all in which products differ for messages, metrics, errors and masking. Each client brings one as a
/// static; this folder names none.
pub struct Product {
    /// Value of the metric label `service`. No two products have the same.
    pub label: &'static str,
    /// Its name, as it stands within a sentence.
    pub name: &'static str,
    /// The domains of its vendor, below which its credentials may go; none where each user has a server of it.
    pub domains: Option<&'static [&'static str]>,
    /// What to do about failures that each product has its own remedy for.
    pub remedies: Remedies,
    /// What gives its secrets away.
    pub secrets: SecretMarks,
    /// Reads its error bodies.
    pub(crate) interpret: Interpret,
}

/// Advice for a person: the rest of a sentence, without the full stop.
#[derive(Debug)]
pub struct Remedies {
    /// No trusted TLS connection.
    pub tls: &'static str,
    /// 5xx.
    pub server: &'static str,
    /// 401.
    pub unauthorized: &'static str,
    /// 403.
    pub forbidden: &'static str,
}

/// Names and looks of secrets in a product's requests. Servers quote the values that they refuse, and these must not be shown.
#[derive(Debug)]
pub struct SecretMarks {
    /// True when a field of this name holds a secret, at any depth of a body.
    pub is_field: fn(name: &str) -> bool,
    /// Beginnings of the product's tokens, which are masked wherever they are quoted.
    pub token_prefixes: &'static [&'static str],
    /// Objects whose fields only a schema could tell apart.
    pub open_objects: &'static [OpenObject],
}

/// An object at the top of a body whose schema is not known here, so that every long text in it counts as a secret.
#[derive(Debug)]
pub struct OpenObject {
    /// The field that holds it.
    pub field: &'static str,
    /// Fields in it, at any depth, that are no secret all the same.
    pub shown: &'static [&'static str],
    /// Beginning of a text that refers to a secret, and holds none.
    pub reference_prefix: &'static str,
}

impl PartialEq for Product {
    fn eq(&self, other: &Self) -> bool {
        // The label alone: functions could only be compared by address, and the compiler may merge or copy them.
        self.label == other.label
    }
}

impl Eq for Product {}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Product").field(&self.label).finish()
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A product for the tests of this folder.
#[cfg(test)]
pub(crate) static SAMPLE: Product = SAMPLE_PARTS;

/// The same of a vendor with servers of its own.
#[cfg(test)]
pub(crate) static VENDOR: Product = Product {
    label: "vendor",
    name: "the vendor",
    domains: Some(&["vendor.example"]),
    ..SAMPLE_PARTS
};

#[cfg(test)]
const SAMPLE_PARTS: Product = Product {
    label: "sample",
    name: "the sample",
    domains: None,
    remedies: Remedies {
        tls: "trust it",
        server: "mend it",
        unauthorized: "give it a token",
        forbidden: "give the token a right",
    },
    secrets: SecretMarks {
        is_field: |name| matches!(name, "key" | "password" | "inner"),
        token_prefixes: &["tok_"],
        open_objects: &[OpenObject {
            field: "settings",
            shown: &["host"],
            reference_prefix: "{ref://",
        }],
    },
    interpret: |_, failure, _| super::call::Interpretation {
        failure,
        detail: None,
        instance: None,
    },
};
