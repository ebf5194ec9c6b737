//! Who is next: places, memory and turns of the migrations that wait. Pure: the caller has the clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kube::runtime::reflector::ObjectRef;

use crate::api::workspace_migration::WorkspaceMigration;

/// A migration.
pub(super) type Key = ObjectRef<WorkspaceMigration>;

/// New work goes first; after so many in a row comes a look at a finished one, so that neither waits forever.
const NEW_IN_A_ROW: usize = 4;
/// One that was called and does not come in this time has lost its turn: its object may be gone.
const CALL_HOLDS: Duration = Duration::from_secs(60);

/// How much may go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Migrations at a time.
    pub places: usize,
    /// Bytes for the entities of all of them; none when there is no bound.
    pub memory: Option<u64>,
}

/// What somebody wants a place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is something to do.
    Work,
    /// A migration that is finished looks whether anything changed.
    Look,
}

#[derive(Debug)]
struct Waiting {
    key: Key,
    turn: Turn,
    bytes: u64,
    called: Option<Instant>,
}

/// Those who work and those who wait.
#[derive(Debug)]
pub(super) struct Line {
    limits: Limits,
    working: Vec<(Key, u64)>,
    waiting: VecDeque<Waiting>,
    new_in_a_row: usize,
}

impl Line {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Limits {
                places: limits.places.max(1),
                ..limits
            },
            working: Vec::new(),
            waiting: VecDeque::new(),
            new_in_a_row: 0,
        }
    }

    /// Takes a place, or says how many are ahead. Who waits already keeps its turn.
    pub fn ask(&mut self, key: &Key, turn: Turn, bytes: u64, now: Instant) -> Result<(), usize> {
        self.waiting.retain(|one| {
            one.key == *key
                || one
                    .called
                    .is_none_or(|called| now.saturating_duration_since(called) < CALL_HOLDS)
        });
        match self.waiting.iter_mut().find(|one| one.key == *key) {
            Some(one) => (one.turn, one.bytes) = (turn, bytes),
            None => self.waiting.push_back(Waiting {
                key: key.clone(),
                turn,
                bytes,
                called: None,
            }),
        }
        let order = self.order();
        let position = order.iter().position(|index| self.waiting[*index].key == *key);
        let ahead = position.unwrap_or_default();
        if ahead >= self.admissible(&order) {
            return Err(ahead);
        }
        self.leave(key);
        self.working.push((key.clone(), bytes));
        self.new_in_a_row = match turn {
            Turn::Work => self.new_in_a_row + 1,
            Turn::Look => 0,
        };
        Ok(())
    }

    /// Corrects what a place was taken for, when it is known better.
    pub fn resize(&mut self, key: &Key, bytes: u64) {
        for (holder, held) in &mut self.working {
            if holder == key {
                *held = bytes;
            }
        }
    }

    /// Gives a place back.
    pub fn done(&mut self, key: &Key) {
        self.working.retain(|(holder, _)| holder != key);
    }

    /// Does not wait any more.
    pub fn leave(&mut self, key: &Key) {
        self.waiting.retain(|one| one.key != *key);
    }

    /// Those whose turn has come, each once.
    pub fn call(&mut self, now: Instant) -> Vec<Key> {
        let order = self.order();
        let admissible = self.admissible(&order);
        let mut called = Vec::new();
        for index in order.into_iter().take(admissible) {
            let one = &mut self.waiting[index];
            if one.called.is_none() {
                one.called = Some(now);
                called.push(one.key.clone());
            }
        }
        called
    }

    /// Those who work now.
    pub fn working(&self) -> impl Iterator<Item = &Key> {
        self.working.iter().map(|(key, _)| key)
    }

    /// Those who wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Positions in `waiting` by turn: first come, first served, and a look after every few that work.
    fn order(&self) -> Vec<usize> {
        let of = |turn| move |index: &usize| self.waiting[*index].turn == turn;
        let mut work: VecDeque<usize> = (0..self.waiting.len()).filter(of(Turn::Work)).collect();
        let mut looks: VecDeque<usize> = (0..self.waiting.len()).filter(of(Turn::Look)).collect();
        let mut in_a_row = self.new_in_a_row;
        let mut order = Vec::with_capacity(self.waiting.len());
        loop {
            let look_is_due = in_a_row >= NEW_IN_A_ROW && !looks.is_empty();
            let next = if look_is_due { None } else { work.pop_front() };
            match next {
                Some(index) => {
                    in_a_row += 1;
                    order.push(index);
                }
                None => {
                    let Some(index) = looks.pop_front() else {
                        return order;
                    };
                    in_a_row = 0;
                    order.push(index);
                }
            }
        }
    }

    /// How many of the first in order there is room for. One that fits nowhere goes alone, and nobody overtakes it.
    fn admissible(&self, order: &[usize]) -> usize {
        let mut used: u64 = self.working.iter().map(|(_, bytes)| bytes).sum();
        for (count, index) in order.iter().enumerate() {
            let places = self.working.len() + count;
            used = used.saturating_add(self.waiting[*index].bytes);
            let fits = places == 0 || self.limits.memory.is_none_or(|memory| used <= memory);
            if places >= self.limits.places || !fits {
                return count;
            }
        }
        order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        ObjectRef::new(name).within("kong")
    }

    fn line(places: usize, memory: Option<u64>) -> Line {
        Line::new(Limits { places, memory })
    }

    fn names(keys: &[Key]) -> Vec<&str> {
        keys.iter().map(|key| key.name.as_str()).collect()
    }

    #[test]
    fn who_comes_first_goes_first() {
        let (mut line, now) = (line(1, None), Instant::now());
        let mut ask = |name: &str| line.ask(&key(name), Turn::Work, 1, now);
        assert_eq!(
            (ask("a"), ask("b"), ask("c"), ask("b")),
            (Ok(()), Err(0), Err(1), Err(0))
        );
        line.done(&key("a"));
        assert_eq!(names(&line.call(now)), ["b"]);
        assert!(line.call(now).is_empty(), "called once");
        assert_eq!(
            line.ask(&key("c"), Turn::Work, 1, now),
            Err(1),
            "nobody overtakes who was called"
        );
        assert_eq!(line.ask(&key("b"), Turn::Work, 1, now), Ok(()));
    }

    #[test]
    fn memory_bounds_what_goes_on_and_the_large_one_goes_alone() {
        let (mut line, now) = (line(10, Some(100)), Instant::now());
        assert_eq!(line.ask(&key("a"), Turn::Work, 60, now), Ok(()));
        assert_eq!(line.ask(&key("b"), Turn::Work, 60, now), Err(0));
        assert_eq!(
            line.ask(&key("small"), Turn::Work, 1, now),
            Err(1),
            "a small one does not starve b"
        );
        line.resize(&key("a"), 30);
        assert_eq!(names(&line.call(now)), ["b", "small"]);
        line.done(&key("a"));
        line.leave(&key("b"));
        line.leave(&key("small"));
        assert_eq!(line.ask(&key("huge"), Turn::Work, 1000, now), Ok(()));
        assert_eq!(line.ask(&key("c"), Turn::Work, 1, now), Err(0));
    }

    #[test]
    fn looks_let_new_work_pass_and_are_not_starved() {
        let (mut line, now) = (line(1, None), Instant::now());
        assert_eq!(line.ask(&key("first"), Turn::Work, 1, now), Ok(()));
        for name in ["look1", "look2"] {
            assert!(line.ask(&key(name), Turn::Look, 1, now).is_err());
        }
        for name in ["n1", "n2", "n3", "n4", "n5"] {
            assert!(line.ask(&key(name), Turn::Work, 1, now).is_err());
        }
        let mut went = Vec::new();
        let mut last = key("first");
        loop {
            line.done(&last);
            let Some(next) = line.call(now).pop() else { break };
            let turn = if next.name.starts_with('l') {
                Turn::Look
            } else {
                Turn::Work
            };
            assert_eq!(line.ask(&next, turn, 1, now), Ok(()));
            went.push(next.name.clone());
            last = next;
        }
        assert_eq!(went, ["n1", "n2", "n3", "look1", "n4", "n5", "look2"]);
    }

    #[test]
    fn one_that_does_not_come_when_called_loses_its_turn() {
        let (mut line, now) = (line(1, None), Instant::now());
        assert_eq!(line.ask(&key("a"), Turn::Work, 1, now), Ok(()));
        assert_eq!(line.ask(&key("gone"), Turn::Work, 1, now), Err(0));
        line.done(&key("a"));
        assert_eq!(names(&line.call(now)), ["gone"]);
        assert_eq!(line.ask(&key("b"), Turn::Work, 1, now), Err(1));
        assert_eq!(line.ask(&key("b"), Turn::Work, 1, now + CALL_HOLDS), Ok(()));
    }
}
