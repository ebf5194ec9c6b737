//! Where a value stands in a body, written out only when somebody has to be told.

use std::fmt;

/// A dotted path such as `config.limit[].name`, as a chain from the innermost name outwards.
#[derive(Clone, Copy, Debug)]
pub struct Path<'p> {
    outer: Option<&'p Path<'p>>,
    step: PathStep<'p>,
}

#[derive(Clone, Copy, Debug)]
enum PathStep<'p> {
    Field(&'p str),
    Items,
}

impl<'p> Path<'p> {
    /// A field of a body.
    #[must_use]
    pub const fn field(name: &'p str) -> Self {
        Self {
            outer: None,
            step: PathStep::Field(name),
        }
    }

    /// A field of the record here.
    #[must_use]
    pub const fn then(&'p self, name: &'p str) -> Self {
        Self {
            outer: Some(self),
            step: PathStep::Field(name),
        }
    }

    /// The items of the list here.
    #[must_use]
    pub const fn items(&'p self) -> Self {
        Self {
            outer: Some(self),
            step: PathStep::Items,
        }
    }

    /// A field of the record at a path, or of the body itself.
    #[must_use]
    pub const fn below(outer: Option<&'p Self>, name: &'p str) -> Self {
        Self {
            outer,
            step: PathStep::Field(name),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            outer.fmt(f)?;
        }
        match (self.step, self.outer) {
            (PathStep::Field(name), Some(_)) => write!(f, ".{name}"),
            (PathStep::Field(name), None) => f.write_str(name),
            (PathStep::Items, _) => f.write_str("[]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_from_the_outside_in() {
        let config = Path::field("config");
        let limits = config.then("limits");
        assert_eq!(limits.items().then("name").to_string(), "config.limits[].name");
        assert_eq!(Path::below(None, "name").to_string(), "name");
        assert_eq!(Path::below(Some(&config), "name").to_string(), "config.name");
    }
}
