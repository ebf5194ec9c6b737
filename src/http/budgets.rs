//! The budgets of all organisations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Budget;

/// The budgets by a key the caller chooses: the organisation's id, or before it is known something that stands for the
/// token, never the token itself.
#[derive(Debug)]
pub struct Budgets {
    max_in_flight: usize,
    by_key: Mutex<HashMap<String, Arc<Budget>>>,
}

impl Budgets {
    /// No budgets yet; each will allow `max_in_flight` calls at the same time.
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            max_in_flight,
            by_key: Mutex::default(),
        }
    }

    /// The one budget of `key`, made when it is asked for first.
    pub fn of(&self, key: &str) -> Arc<Budget> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = by_key.get(key) {
            return Arc::clone(budget);
        }
        let budget = Arc::new(Budget::new(self.max_in_flight));
        by_key.insert(key.to_owned(), Arc::clone(&budget));
        budget
    }

    /// Every organisation's budget, for metrics.
    pub fn all(&self) -> Vec<Arc<Budget>> {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.values().map(Arc::clone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_has_one_budget() {
        let budgets = Budgets::new(8);
        assert!(Arc::ptr_eq(&budgets.of("org-1"), &budgets.of("org-1")));
        assert!(!Arc::ptr_eq(&budgets.of("org-1"), &budgets.of("org-2")));
        assert_eq!(budgets.of("org-1").limits().max_in_flight, 8);
        assert_eq!(budgets.all().len(), 2);
    }
}
