//! A JSON object at rest.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object as text: about a tenth of what it takes as a map. Checked when it is made, so that reading it cannot fail.
/// `Debug` tells the size alone: it may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectText(Box<str>);

impl fmt::Debug for ObjectText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectText({} bytes)", self.0.len())
    }
}

impl ObjectText {
    /// The text of an object; none when it is anything else.
    #[must_use]
    pub fn check(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_object = text.starts_with('{') && serde_json::from_str::<Checked>(text).is_ok();
        is_object.then(|| Self(text.into()))
    }

    /// The text of fields.
    #[must_use]
    pub fn of(fields: &Map<String, Value>) -> Self {
        let mut text = Vec::with_capacity(2048);
        // A map of strings is always written. What is kept is a copy of the very size: a million holes in the heap add up.
        let written = serde_json::to_writer(&mut text, fields);
        let text = written.ok().and_then(|()| std::str::from_utf8(&text).ok());
        Self(text.unwrap_or("{}").into())
    }

    /// The fields. Made anew each time: keep them as long as they are looked at.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// As anything else.
    ///
    /// # Errors
    /// When the object is none of the kind.
    pub fn parse<'t, T: Deserialize<'t>>(&'t self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The text in one field, without reading the others.
    #[must_use]
    pub fn word(&self, field: &str) -> Option<String> {
        Word(field)
            .deserialize(&mut serde_json::Deserializer::from_str(&self.0))
            .ok()?
    }

    /// False when no text in it can hold this word of ASCII letters, digits and hyphens, which is sooner known than read.
    #[must_use]
    pub fn may_say(&self, word: &str) -> bool {
        self.0.contains(word) || self.0.contains("\\u")
    }
}

/// Reads every value and keeps none: finds what a map could not hold, without making one.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// Finds the text in a field of an object.
struct Word<'f>(&'f str);

impl<'de> DeserializeSeed<'de> for Word<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Word<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(FieldName(name)) = fields.next_key()? {
            if name == self.0 {
                found = fields.next_value::<Value>()?.as_str().map(str::to_owned);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The name of a field, borrowed from the text where it can be.
#[derive(Deserialize)]
struct FieldName<'t>(#[serde(borrow)] Cow<'t, str>);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_comes_back_as_it_was() {
        let text = ObjectText::check(r#" {"b": [1.5, null, "\u00e4"], "a": {"x": true, "n": -3}} "#).unwrap();
        let fields = text.fields();
        assert_eq!(
            Value::Object(fields.clone()),
            json!({"a": {"x": true, "n": -3}, "b": [1.5, null, "ä"]})
        );
        assert_eq!(ObjectText::of(&fields).fields(), fields);
    }

    #[test]
    fn numbers_are_not_rounded_on_the_way() {
        let numbers = [-1.1824265369836654e305, 0.1 + 0.2, 5e-324, f64::MAX, 1.0 / 3.0];
        let fields = Map::from_iter([("n".to_owned(), json!(numbers))]);
        assert_eq!(ObjectText::of(&fields).fields(), fields);
    }

    #[test]
    fn one_field_is_found_among_others() {
        let text =
            ObjectText::check(r#"{"a": {"id": "inner"}, "i\u0064": "x", "name": 1, "z": []}"#).unwrap();
        assert_eq!(text.word("id").as_deref(), Some("x"));
        assert_eq!((text.word("name"), text.word("absent")), (None, None));
    }

    #[test]
    fn a_word_may_be_said_in_another_form() {
        let says = |text: &str| ObjectText::check(text).unwrap().may_say("a-b");
        assert!(says(r#"{"x":["a-b-c"]}"#) && says(r#"{"x":["a\u002db"]}"#));
        assert!(!says(r#"{"a":"b"}"#));
    }

    #[test]
    fn what_no_map_could_hold_is_refused() {
        for text in [
            "",
            "null",
            "[]",
            "1",
            r#"{"a":}"#,
            r#"{"a":1}}"#,
            r#"{"a":1e999}"#,
            r#"{"a":"\ud800"}"#,
        ] {
            assert!(ObjectText::check(text).is_none(), "{text}");
            assert!(
                serde_json::from_str::<Map<String, Value>>(text).is_err(),
                "{text}"
            );
        }
    }
}
