//! As much Lua (5.1) as is needed to look into a plugin's `schema.lua` without running it.

/// What a `schema.lua` says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LuaSchema {
    /// The plugin's name; none when the text has no schema table with one.
    pub name: Option<Name>,
    /// Modules it requires, in order; none for one whose name is computed.
    pub requires: Vec<Option<String>>,
    /// It describes a table of the gateway's database, not the configuration of a plugin.
    pub is_dao: bool,
}

/// How a schema gives its name.
#[derive(Debug, PartialEq, Eq)]
pub enum Name {
    /// As text.
    Literal(String),
    /// As a variable, or as the outcome of a call.
    Computed,
}

impl LuaSchema {
    /// Looks into the text of a `schema.lua`. Comments and texts are told from code; nothing is run.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let (name, is_dao) = schema_table(&tokens);
        Self {
            name,
            requires: requires(&tokens),
            is_dao,
        }
    }
}

/// A piece of a program; operators and numbers are no more than single characters.
#[derive(Debug, PartialEq, Eq)]
enum LuaToken<'t> {
    Word(&'t str),
    Text(&'t str),
    Mark(char),
}

fn tokens(text: &str) -> Vec<LuaToken<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(comment) = rest.strip_prefix("--") {
            2 + long_text(comment).map_or_else(|| comment.find('\n').unwrap_or(comment.len()), |(_, end)| end)
        } else if let Some((inner, end)) = long_text(rest).or_else(|| quoted(rest, first)) {
            tokens.push(LuaToken::Text(inner));
            end
        } else if first == '_' || first.is_ascii_alphabetic() {
            let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            tokens.push(LuaToken::Word(&rest[..end]));
            end
        } else {
            if !first.is_whitespace() {
                tokens.push(LuaToken::Mark(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// `[[…]]`, `[=[…]=]`: the inner text and where the whole ends; one that never ends takes all.
fn long_text(rest: &str) -> Option<(&str, usize)> {
    let after = rest.strip_prefix('[')?;
    let level = after.len() - after.trim_start_matches('=').len();
    let inner = after[level..].strip_prefix('[')?;
    let close = format!("]{}]", "=".repeat(level));
    let start = rest.len() - inner.len();
    Some(match inner.find(&close) {
        Some(end) => (&inner[..end], start + end + close.len()),
        None => (inner, rest.len()),
    })
}

/// A text in quotes, with its escapes as they are written, and where it ends.
fn quoted(rest: &str, quote: char) -> Option<(&str, usize)> {
    let inner = rest.strip_prefix(['"', '\''])?;
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote || c == '\n' => return Some((&inner[..at], at + 2)),
            _ => {}
        }
    }
    Some((inner, rest.len()))
}

/// Every use of `require` but as a field of something.
fn requires(tokens: &[LuaToken<'_>]) -> Vec<Option<String>> {
    let is_field = |at: usize| {
        at.checked_sub(1)
            .is_some_and(|before| matches!(tokens[before], LuaToken::Mark('.' | ':')))
    };
    let uses = tokens
        .iter()
        .enumerate()
        .filter(|(at, token)| **token == LuaToken::Word("require") && !is_field(*at));
    uses.map(|(at, _)| match &tokens[at + 1..] {
        [LuaToken::Text(module), ..]
        | [
            LuaToken::Mark('('),
            LuaToken::Text(module),
            LuaToken::Mark(')'),
            ..,
        ] => Some((*module).to_owned()),
        _ => None,
    })
    .collect()
}

/// One table constructor that is not closed yet.
#[derive(Default)]
struct Table {
    name: Option<Name>,
    has_fields: bool,
    is_dao: bool,
}

/// Name of the outermost table that has `fields`, and whether it has a `primary_key`, which only tables of the database have.
fn schema_table(tokens: &[LuaToken<'_>]) -> (Option<Name>, bool) {
    let mut open: Vec<Table> = Vec::new();
    let mut found = (None, false);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            LuaToken::Mark('{') => open.push(Table::default()),
            LuaToken::Mark('}') => {
                let closed = open.pop().filter(|table| open.is_empty() && table.has_fields);
                if let Some(table) = closed {
                    found = (table.name.or(found.0), found.1 || table.is_dao);
                }
            }
            LuaToken::Word(key) if is_key(tokens, at) => {
                let Some(table) = open.last_mut() else { continue };
                match *key {
                    "name" => table.name = Some(value_as_name(&tokens[at + 2..])),
                    "fields" => table.has_fields = true,
                    "primary_key" => table.is_dao = true,
                    _ => {}
                }
            }
            LuaToken::Word(_) | LuaToken::Text(_) | LuaToken::Mark(_) => {}
        }
    }
    found
}

/// True for the key of `{ key = …` or `, key = …`, and not for `key == …`.
fn is_key(tokens: &[LuaToken<'_>], at: usize) -> bool {
    let opens = at
        .checked_sub(1)
        .is_some_and(|before| matches!(tokens[before], LuaToken::Mark('{' | ',' | ';')));
    opens
        && tokens.get(at + 1) == Some(&LuaToken::Mark('='))
        && tokens.get(at + 2) != Some(&LuaToken::Mark('='))
}

fn value_as_name(value: &[LuaToken<'_>]) -> Name {
    match value {
        [LuaToken::Text(name), LuaToken::Mark(',' | ';' | '}'), ..] => Name::Literal((*name).to_owned()),
        _ => Name::Computed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPICAL: &str = r#"
local typedefs = require "kong.db.schema.typedefs"
-- name = "not-this", require("nor.this")
--[[ name = "nor-this" ]]
local redis = { type = "record", fields = { { host = { type = "string", default = "require 'x'" } } } }
return {
  name = "our-own",
  fields = {
    { consumer = typedefs.no_consumer },
    { config = { type = "record", fields = { { name = { type = "string" } }, { redis = redis } } } },
  },
}
"#;

    #[test]
    fn name_and_modules_of_a_typical_schema_are_found() {
        let schema = LuaSchema::read(TYPICAL);
        assert_eq!(schema.name, Some(Name::Literal("our-own".into())));
        assert_eq!(schema.requires, [Some("kong.db.schema.typedefs".to_owned())]);
        assert!(!schema.is_dao);
    }

    #[test]
    fn a_computed_name_is_told_from_a_literal_one() {
        let name = |value: &str| LuaSchema::read(&format!("return {{ name = {value}, fields = {{}} }}")).name;
        assert_eq!(name("'x'"), Some(Name::Literal("x".into())));
        assert_eq!(name("[[x]]"), Some(Name::Literal("x".into())));
        assert_eq!(name("PLUGIN_NAME"), Some(Name::Computed));
        assert_eq!(name("'x' .. suffix"), Some(Name::Computed));
        assert_eq!(name("({...})[1]:match('x')"), Some(Name::Computed));
        assert_eq!(LuaSchema::read("return { fields = {} }").name, None);
        assert_eq!(LuaSchema::read("return { name = 'x' }").name, None);
        assert_eq!(LuaSchema::read("").name, None);
    }

    #[test]
    fn every_way_to_require_is_found() {
        let requires = |text: &str| LuaSchema::read(text).requires;
        let of = |module: &str| Some(module.to_owned());
        assert_eq!(
            requires("local a = require('a') local b = require [[b]]"),
            [of("a"), of("b")]
        );
        assert_eq!(requires("local m = require('a' .. b)"), [None]);
        assert_eq!(requires("local r = require; r 'a'"), [None]);
        assert_eq!(requires("x.require('a') local s = \"require 'b'\""), []);
        assert_eq!(requires("local requires = 1"), []);
    }

    #[test]
    fn a_table_of_the_database_is_no_schema_of_a_plugin() {
        let dao = "return { { name = 'keys', primary_key = { 'id' }, fields = {} } }";
        assert!(!LuaSchema::read(dao).is_dao, "only the outermost table counts");
        let dao = "return { name = 'keys', primary_key = { 'id' }, fields = {} }";
        assert!(LuaSchema::read(dao).is_dao);
    }

    #[test]
    fn a_text_that_never_ends_ends_the_reading() {
        for text in [
            "return { name = 'x",
            "--[[ open",
            "[==[ x ]=]",
            "'\\",
            "é = \"ü\"",
        ] {
            assert_eq!(LuaSchema::read(text).name, None, "{text}");
        }
    }
}
