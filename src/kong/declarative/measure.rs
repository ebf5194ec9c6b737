//! How much a file may become in memory. Aliases, defaults and shared configurations let a small file stand for a large one, and whoever may
//! write a ConfigMap must not be able to take the memory of the process by it.

use std::cell::Cell;

use serde_json::Value;

/// What any file may become, in bytes.
const FREE: u64 = 16 << 20;
/// What it may become beyond that for each of its bytes. Written out, the smallest records take about as much.
const PER_BYTE: u64 = 64;
/// A value in a list or record.
const VALUE: u64 = 32;
/// A record that is not empty: its first node, which has room for eleven fields.
const RECORD: u64 = 640;

/// Counts what is made of one file, by estimate, before it is made.
#[derive(Debug)]
pub struct Measure {
    limit: u64,
    left: Cell<u64>,
    exceeded: Cell<bool>,
}

/// More than a file may become.
#[derive(Debug, PartialEq, Eq)]
pub struct Exceeded;

impl Measure {
    /// Nothing is made yet of a file of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let limit = bytes.saturating_mul(PER_BYTE).saturating_add(FREE);
        Self {
            limit,
            left: Cell::new(limit),
            exceeded: Cell::new(false),
        }
    }

    /// The most that may be made of it, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether more was asked for.
    pub fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }

    /// A number, a truth value or nothing.
    pub fn take_value(&self) -> Result<(), Exceeded> {
        self.take(VALUE)
    }

    /// A text.
    pub fn take_text(&self, text: &str) -> Result<(), Exceeded> {
        self.take(VALUE.saturating_add(text.len() as u64))
    }

    /// A record that has fields.
    pub fn take_record(&self) -> Result<(), Exceeded> {
        self.take(RECORD)
    }

    /// So many bytes.
    pub fn take(&self, bytes: u64) -> Result<(), Exceeded> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.exceeded.set(true);
                Err(Exceeded)
            }
        }
    }
}

/// What a copy of a value takes.
pub fn size(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => VALUE,
        Value::String(text) => VALUE + text.len() as u64,
        Value::Array(items) => VALUE + items.iter().map(size).sum::<u64>(),
        Value::Object(fields) => {
            let record = if fields.is_empty() { VALUE } else { RECORD };
            let inner = fields.iter().map(|(name, field)| name.len() as u64 + size(field));
            record + inner.sum::<u64>()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kong::declarative::{Error, parse};

    const HEAD: &str = "_format_version: \"3.0\"\n";

    fn refused(text: &str) {
        let error = parse(text, "default").map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        let said = error.to_string();
        assert!(
            said.contains(&text.len().to_string()) && said.contains("MiB"),
            "{said}"
        );
    }

    /// Aliases of aliases: each level has ten of the one before.
    fn nested(levels: usize) -> String {
        let mut text = format!("{HEAD}_a0: &a0 {}\n", "x".repeat(100));
        for level in 1..levels {
            let of = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("_a{level}: &a{level} [{of}]\n"));
        }
        text
    }

    /// Many aliases of one large text.
    fn flat(bytes: usize, aliases: usize) -> String {
        let of = vec!["*a"; aliases].join(", ");
        format!("{HEAD}_a: &a {}\n_b: [{of}]\n", "x".repeat(bytes))
    }

    fn defaults(bytes: usize, services: usize) -> String {
        let mut text = format!(
            "{HEAD}_info: {{defaults: {{service: {{path: /{}}}}}}}\nservices:\n",
            "x".repeat(bytes)
        );
        for number in 0..services {
            text.push_str(&format!("- {{name: s{number}, host: a}}\n"));
        }
        text
    }

    fn shared(bytes: usize, plugins: usize) -> String {
        let mut text = format!(
            "{HEAD}_plugin_configs: {{a: {{b: {}}}}}\nplugins:\n",
            "x".repeat(bytes)
        );
        for number in 0..plugins {
            text.push_str(&format!("- {{name: p{number}, _config: a}}\n"));
        }
        text
    }

    fn tags(count: usize, services: usize) -> String {
        let tags: Vec<_> = (0..count).map(|number| format!("tag-{number}")).collect();
        let mut text = format!("{HEAD}_info: {{select_tags: [{}]}}\nservices:\n", tags.join(", "));
        for number in 0..services {
            text.push_str(&format!("- {{name: s{number}, host: a}}\n"));
        }
        text
    }

    #[test]
    fn a_small_file_that_stands_for_a_large_one_is_refused_with_figure_and_limit() {
        for text in [
            nested(9),
            flat(50_000, 5_000),
            defaults(100_000, 2_000),
            shared(100_000, 2_000),
            tags(2_000, 2_000),
        ] {
            refused(&text);
        }
    }

    #[test]
    fn what_files_are_written_like_is_read() {
        for text in [
            nested(3),
            flat(1_000, 20),
            defaults(100, 2_000),
            shared(1_000, 500),
            tags(5, 2_000),
            // The smallest records there are.
            format!("{HEAD}services:\n{}", "- host: a\n".repeat(1_000)),
        ] {
            let read = parse(&text, "default");
            assert!(!matches!(read, Err(Error::TooLarge { .. })), "{read:?}");
        }
    }
}
