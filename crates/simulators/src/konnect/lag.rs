//! Lists that do not show what is there: entities that are left out, and pages that shift while others write.
//!
//! No document promises that a list shows a write at once, or that its pages hold still while somebody writes; a read by id shows
//! everything.

/// What lists leave out.
#[derive(Debug)]
pub struct Lag {
    left_out: Vec<LeftOut>,
    /// Whether a page begins at a position of the list and not after an entity: what is deleted before it lets another one slip through,
    /// and what is added shows one twice.
    pub by_position: bool,
}

/// One entity that a list does not show.
#[derive(Debug)]
struct LeftOut {
    list: String,
    id: String,
    /// Answers left without it; none: all.
    times: Option<u64>,
}

impl Lag {
    /// Lists that show everything.
    pub fn none(by_position: bool) -> Self {
        Self {
            left_out: Vec::new(),
            by_position,
        }
    }

    /// Leaves an entity out of the next answers of a list that would show it, or of all.
    pub fn leave_out(&mut self, list: &str, id: &str, times: Option<u64>) {
        self.left_out.push(LeftOut {
            list: list.to_owned(),
            id: id.to_owned(),
            times,
        });
    }

    /// Whether the entity is left out of this answer of the list.
    pub fn leaves_out(&self, list: &str, id: &str) -> bool {
        self.left_out
            .iter()
            .any(|one| one.list == list && one.id == id && one.times != Some(0))
    }

    /// An answer went out without these.
    pub fn count(&mut self, list: &str, ids: &[String]) {
        for id in ids {
            let spent = self
                .left_out
                .iter_mut()
                .find(|one| one.list == list && one.id == *id && one.times != Some(0));
            if let Some(times) = spent.and_then(|one| one.times.as_mut()) {
                *times -= 1;
            }
        }
    }
}
