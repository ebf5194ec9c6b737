//! Which migrations work now, and which one is next: by their number, by the memory that they need, and by priority.
//!
//! Moments are the time since a fixed one of the caller's monotonic clock: the wall clock may jump, and there is none here.

use std::collections::VecDeque;
use std::time::Duration;

/// New work goes first; after so many in a row comes a look at a finished one, so that neither waits forever.
const WORK_IN_A_ROW: usize = 4;
/// One that was called and does not come in this time has lost its turn: its object may be gone.
const CALL_HOLDS: Duration = Duration::from_secs(60);

/// How much may go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Migrations at a time.
    pub migrations: usize,
    /// Bytes for the entities of all of them; none when there is no bound.
    pub memory: Option<u64>,
}

/// What a migration asks to be admitted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// There is something to do.
    Work,
    /// A migration that is finished looks whether anything changed.
    Look,
}

#[derive(Debug)]
struct Waiting<K> {
    key: K,
    priority: Priority,
    bytes: u64,
    called: Option<Duration>,
}

/// Those who work and those who wait, by a key of the caller's.
#[derive(Debug)]
pub struct AdmissionQueue<K> {
    limits: AdmissionLimits,
    working: Vec<(K, u64)>,
    waiting: VecDeque<Waiting<K>>,
    work_in_a_row: usize,
}

impl<K: Clone + PartialEq> AdmissionQueue<K> {
    /// An empty one. It admits at least one migration, whatever the limits say.
    #[must_use]
    pub fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits: AdmissionLimits {
                migrations: limits.migrations.max(1),
                ..limits
            },
            working: Vec::new(),
            waiting: VecDeque::new(),
            work_in_a_row: 0,
        }
    }

    /// Admits a migration that needs so many bytes. Who waits already keeps its turn.
    ///
    /// # Errors
    /// How many are ahead of it, where it has to wait.
    pub fn admit(&mut self, key: &K, priority: Priority, bytes: u64, now: Duration) -> Result<(), usize> {
        self.waiting.retain(|one| {
            one.key == *key
                || one
                    .called
                    .is_none_or(|called| now.saturating_sub(called) < CALL_HOLDS)
        });
        match self.waiting.iter_mut().find(|one| one.key == *key) {
            Some(one) => (one.priority, one.bytes) = (priority, bytes),
            None => self.waiting.push_back(Waiting {
                key: key.clone(),
                priority,
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
        self.work_in_a_row = match priority {
            Priority::Work => self.work_in_a_row + 1,
            Priority::Look => 0,
        };
        Ok(())
    }

    /// Corrects how much one that works needs, when it is known better.
    pub fn resize(&mut self, key: &K, bytes: u64) {
        // Nobody who works is sent away, also where it is too much by now: those who wait do so the longer.
        for (holder, held) in &mut self.working {
            if holder == key {
                *held = bytes;
            }
        }
    }

    /// Works no more.
    pub fn release(&mut self, key: &K) {
        self.working.retain(|(holder, _)| holder != key);
    }

    /// Does not wait any more.
    pub fn leave(&mut self, key: &K) {
        self.waiting.retain(|one| one.key != *key);
    }

    /// Those whose turn has come, each once.
    pub fn call(&mut self, now: Duration) -> Vec<K> {
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
    pub fn working(&self) -> impl Iterator<Item = &K> {
        self.working.iter().map(|(key, _)| key)
    }

    /// Those who wait.
    pub fn waiting(&self) -> impl Iterator<Item = &K> {
        self.waiting.iter().map(|one| &one.key)
    }

    /// Indices into `waiting`, who is next first: first come, first served, and a look after every few that work.
    fn order(&self) -> Vec<usize> {
        let of = |priority| move |index: &usize| self.waiting[*index].priority == priority;
        let mut work: VecDeque<usize> = (0..self.waiting.len()).filter(of(Priority::Work)).collect();
        let mut looks: VecDeque<usize> = (0..self.waiting.len()).filter(of(Priority::Look)).collect();
        let mut in_a_row = self.work_in_a_row;
        let mut order = Vec::with_capacity(self.waiting.len());
        loop {
            let look_is_due = in_a_row >= WORK_IN_A_ROW && !looks.is_empty();
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
            let working = self.working.len() + count;
            used = used.saturating_add(self.waiting[*index].bytes);
            let fits = working == 0 || self.limits.memory.is_none_or(|memory| used <= memory);
            if working >= self.limits.migrations || !fits {
                return count;
            }
        }
        order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn queue(migrations: usize, memory: Option<u64>) -> AdmissionQueue<&'static str> {
        AdmissionQueue::new(AdmissionLimits { migrations, memory })
    }

    #[test]
    fn who_comes_first_goes_first() {
        let mut queue = queue(1, None);
        let mut ask = |name: &'static str| queue.admit(&name, Priority::Work, 1, NOW);
        assert_eq!(
            (ask("a"), ask("b"), ask("c"), ask("b")),
            (Ok(()), Err(0), Err(1), Err(0))
        );
        queue.release(&"a");
        assert_eq!(queue.call(NOW), ["b"]);
        assert!(queue.call(NOW).is_empty(), "called once");
        assert_eq!(
            queue.admit(&"c", Priority::Work, 1, NOW),
            Err(1),
            "nobody overtakes who was called"
        );
        assert_eq!(queue.admit(&"b", Priority::Work, 1, NOW), Ok(()));
    }

    #[test]
    fn memory_bounds_what_goes_on_and_the_large_one_goes_alone() {
        let mut queue = queue(10, Some(100));
        assert_eq!(queue.admit(&"a", Priority::Work, 60, NOW), Ok(()));
        assert_eq!(queue.admit(&"b", Priority::Work, 60, NOW), Err(0));
        assert_eq!(
            queue.admit(&"small", Priority::Work, 1, NOW),
            Err(1),
            "a small one does not starve b"
        );
        queue.resize(&"a", 30);
        assert_eq!(queue.call(NOW), ["b", "small"]);
        queue.release(&"a");
        queue.leave(&"b");
        queue.leave(&"small");
        assert_eq!(queue.admit(&"huge", Priority::Work, 1000, NOW), Ok(()));
        assert_eq!(queue.admit(&"c", Priority::Work, 1, NOW), Err(0));
    }

    #[test]
    fn looks_let_new_work_pass_and_are_not_starved() {
        let mut queue = queue(1, None);
        assert_eq!(queue.admit(&"first", Priority::Work, 1, NOW), Ok(()));
        for name in ["look1", "look2"] {
            assert!(queue.admit(&name, Priority::Look, 1, NOW).is_err());
        }
        for name in ["n1", "n2", "n3", "n4", "n5"] {
            assert!(queue.admit(&name, Priority::Work, 1, NOW).is_err());
        }
        let mut went = Vec::new();
        let mut last = "first";
        loop {
            queue.release(&last);
            let Some(next) = queue.call(NOW).pop() else { break };
            let priority = if next.starts_with('l') {
                Priority::Look
            } else {
                Priority::Work
            };
            assert_eq!(queue.admit(&next, priority, 1, NOW), Ok(()));
            went.push(next);
            last = next;
        }
        assert_eq!(went, ["n1", "n2", "n3", "look1", "n4", "n5", "look2"]);
    }

    #[test]
    fn one_that_does_not_come_when_called_loses_its_turn() {
        let mut queue = queue(1, None);
        assert_eq!(queue.admit(&"a", Priority::Work, 1, NOW), Ok(()));
        assert_eq!(queue.admit(&"gone", Priority::Work, 1, NOW), Err(0));
        queue.release(&"a");
        assert_eq!(queue.call(NOW), ["gone"]);
        assert_eq!(queue.admit(&"b", Priority::Work, 1, NOW), Err(1));
        assert_eq!(queue.admit(&"b", Priority::Work, 1, NOW + CALL_HOLDS), Ok(()));
    }
}
