//! What a POST does with the id in its body. The document lets every kind's body have one, and says nothing of one that is taken.

use std::str::FromStr;

use anyhow::bail;

/// What becomes of the id in the body of a POST.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PostWithId {
    /// It is taken; one that is there is refused with 400 that names the field `id`.
    #[default]
    Refuses,
    /// The same with 409.
    RefusesWith409,
    /// The same with 400 that names a unique field of the content, where the content has one that is held.
    RefusesByField,
    /// Every entity gets an id of the server's own.
    AssignsIds,
    /// It is taken; what is there under it is written over.
    Overwrites,
}

impl PostWithId {
    /// All, with their names on the command line.
    pub const ALL: [(&str, Self); 5] = [
        ("refuses", Self::Refuses),
        ("refuses-with-409", Self::RefusesWith409),
        ("refuses-by-field", Self::RefusesByField),
        ("assigns-ids", Self::AssignsIds),
        ("overwrites", Self::Overwrites),
    ];
}

impl FromStr for PostWithId {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = Self::ALL.map(|(name, _)| name).join(", ");
        match Self::ALL.iter().find(|(name, _)| *name == text) {
            Some((_, posting)) => Ok(*posting),
            None => bail!("`{text}` is none of {names}"),
        }
    }
}
