//! Finds the paths (`a::b::c`) that Rust source mentions, and what they resolve to.

use std::iter::Peekable;
use std::str::Chars;

/// A path as written, with `use` groups expanded and `crate`, `self` and `super` resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Line (from 1) on which the path begins.
    pub line: usize,
    /// Whether a `pub use` (of any visibility) mentions it.
    pub re_exported: bool,
    /// Whether it starts at the crate's root; else at an external crate or a local name.
    pub internal: bool,
    /// Whether only tests are compiled with it.
    pub in_tests: bool,
    /// Its segments after the root; `*` for a glob.
    pub segments: Vec<String>,
}

/// All paths of two or more segments, and every path of a `use`, in the source of the module at `module`.
pub fn mentions(source: &str, module: &[&str]) -> Vec<Mention> {
    Parser::run_over(source, module).found
}

/// The text literals of a source outside its tests, with the line on which each begins. Raw and byte strings are left out.
pub fn literals(source: &str) -> Vec<(usize, String)> {
    Parser::run_over(source, &[]).literals
}

/// The child modules of a file, in files of their own, that only tests are compiled with.
pub fn test_modules(source: &str) -> Vec<String> {
    Parser::run_over(source, &[]).test_modules
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    line: usize,
    text: String,
}

/// Names, `::`, plain text literals, and single other characters; without comments, other literals and white space.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).inspect(|length| {
            if first == '"' {
                tokens.push(Token {
                    line,
                    text: rest[..*length].to_owned(),
                });
            }
        });
        let length = length.unwrap_or_else(|| {
            let length = if rest.starts_with("::") {
                2
            } else if first.is_alphanumeric() || first == '_' {
                rest.find(|next: char| !next.is_alphanumeric() && next != '_')
                    .unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                tokens.push(Token {
                    line,
                    text: rest[..length].to_owned(),
                });
            }
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// Length of the comment or literal at the start of `rest`, when there is one.
fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    for prefix in ["br", "r", "b", ""] {
        let Some(after) = rest.strip_prefix(prefix) else {
            continue;
        };
        let hashes = after.len() - after.trim_start_matches('#').len();
        let quoted = &after[hashes..];
        if quoted.starts_with('"') && (prefix.ends_with('r') || hashes == 0) {
            let opened = prefix.len() + hashes + 1;
            let inner = &rest[opened..];
            if prefix.ends_with('r') {
                let end = format!("\"{}", "#".repeat(hashes));
                return Some(inner.find(&end).map_or(rest.len(), |at| opened + at + end.len()));
            }
            return Some(opened + quoted_length(inner.chars().peekable(), '"'));
        }
    }
    // A lifetime has no closing quote; a character literal does.
    let inner = rest.strip_prefix('\'')?;
    let mut characters = inner.chars();
    let (first, second) = (characters.next()?, characters.next()?);
    (first == '\\' || second == '\'').then(|| 1 + quoted_length(inner.chars().peekable(), '\''))
}

/// Bytes up to and with the closing `quote`, stepping over escapes.
fn quoted_length(mut characters: Peekable<Chars<'_>>, quote: char) -> usize {
    let mut length = 0;
    while let Some(character) = characters.next() {
        length += character.len_utf8();
        if character == '\\' {
            length += characters.next().map_or(0, char::len_utf8);
        } else if character == quote {
            break;
        }
    }
    length
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// Path of the module of the file.
    module: Vec<String>,
    /// Inline modules that enclose the current token, with the depth of their braces.
    inline: Vec<(usize, String)>,
    depth: usize,
    /// Depth of the item that `#[cfg(test)]` stands before, until it ends.
    test_item: Option<usize>,
    test_modules: Vec<String>,
    literals: Vec<(usize, String)>,
    found: Vec<Mention>,
}

const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

impl Parser {
    fn run_over(source: &str, module: &[&str]) -> Self {
        let mut parser = Self {
            tokens: tokens(source),
            at: 0,
            module: module.iter().map(|&name| name.to_owned()).collect(),
            inline: Vec::new(),
            depth: 0,
            test_item: None,
            test_modules: Vec::new(),
            literals: Vec::new(),
            found: Vec::new(),
        };
        parser.run();
        parser
    }

    fn run(&mut self) {
        let mut public = false;
        while let Some(text) = self.text(0) {
            match text {
                "#" if (1..CFG_TEST.len()).all(|ahead| self.text(ahead) == CFG_TEST.get(ahead).copied()) => {
                    self.at += CFG_TEST.len();
                    self.test_item.get_or_insert(self.depth);
                    continue;
                }
                "{" => {
                    self.depth += 1;
                    public = false;
                }
                "}" => {
                    self.depth = self.depth.saturating_sub(1);
                    let depth = self.depth;
                    self.inline.retain(|(opened, _)| *opened < depth);
                    self.test_item = self.test_item.filter(|item| *item < depth);
                }
                "mod" if self.text(2) == Some("{") => {
                    let name = self.text(1).unwrap_or_default().to_owned();
                    self.inline.push((self.depth, name));
                }
                "mod" if self.text(2) == Some(";") && self.test_item.is_some() => {
                    let name = self.text(1).unwrap_or_default().to_owned();
                    self.test_modules.push(name);
                }
                "pub" => {
                    public = true;
                    if self.text(1) == Some("(") {
                        self.skip_visibility();
                        continue;
                    }
                }
                ";" => {
                    public = false;
                    let depth = self.depth;
                    self.test_item = self.test_item.filter(|item| *item < depth);
                }
                "use" => {
                    self.at += 1;
                    self.path(&[], public, true);
                    continue;
                }
                _ if is_name(text) => {
                    self.path(&[], false, false);
                    continue;
                }
                _ if text.starts_with('"') && self.test_item.is_none() => {
                    let literal = text.trim_matches('"').to_owned();
                    let line = self.tokens.get(self.at).map_or(0, |token| token.line);
                    self.literals.push((line, literal));
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// `pub(in some::path)` names who may see an item, and imports nothing.
    fn skip_visibility(&mut self) {
        while self.text(0).is_some_and(|text| text != ")") {
            self.at += 1;
        }
    }

    fn text(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).map(|token| token.text.as_str())
    }

    /// Reads a path, or the tree of a `use`, that continues `prefix`.
    fn path(&mut self, prefix: &[String], re_exported: bool, in_use: bool) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let mut segments = prefix.to_vec();
        if self.text(0) == Some("::") {
            self.at += 1;
        }
        loop {
            match self.text(0) {
                Some("{") if in_use => return self.group(&segments, re_exported),
                Some(text) if is_name(text) || (text == "*" && in_use) => segments.push(text.to_owned()),
                _ => break,
            }
            self.at += 1;
            if self.text(0) != Some("::") {
                break;
            }
            self.at += 1;
        }
        if in_use || segments.len() > 1 {
            self.record(line, re_exported, segments);
        }
    }

    fn group(&mut self, prefix: &[String], re_exported: bool) {
        self.at += 1;
        while let Some(text) = self.text(0) {
            match text {
                "}" => {
                    self.at += 1;
                    return;
                }
                "," => self.at += 1,
                "as" => self.at += 2,
                _ => self.path(prefix, re_exported, true),
            }
        }
    }

    fn record(&mut self, line: usize, re_exported: bool, mut segments: Vec<String>) {
        // `a::{self}` names `a`.
        segments.pop_if(|last| last == "self");
        let mut base: Vec<String> = self.module.clone();
        base.extend(self.inline.iter().map(|(_, name)| name.clone()));
        let mut rest = segments.as_slice();
        let mut internal = false;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => base.clear(),
                "self" => {}
                "super" => {
                    base.pop();
                }
                _ => break,
            }
            (internal, rest) = (true, others);
        }
        let segments = if internal {
            base.into_iter().chain(rest.iter().cloned()).collect()
        } else {
            rest.to_vec()
        };
        self.found.push(Mention {
            line,
            re_exported,
            internal,
            in_tests: self.test_item.is_some(),
            segments,
        });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}
