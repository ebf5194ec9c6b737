//! The budgets of all tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::Budget;

/// More budgets than anybody's tokens need; beyond it those that nobody holds are forgotten.
const MANY: usize = 1024;

/// The budgets by server and token: by what a caller has, and cannot claim. Whatever a server says of itself, such as the organisation that a
/// token is of, would let one server slow down the calls to another.
#[derive(Debug)]
pub struct Budgets {
    max_in_flight: usize,
    by_key: Mutex<HashMap<BudgetKey, Arc<Budget>>>,
}

/// Stands for a server and a token, and shows neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BudgetKey([u8; 32]);

impl BudgetKey {
    fn new(server: &str, token: &SecretString) -> Self {
        let mut hash = Sha256::new();
        // A host has no zero byte, so the two cannot be cut elsewhere.
        hash.update(server.to_ascii_lowercase());
        hash.update([0]);
        hash.update(token.expose_secret());
        Self(hash.finalize().into())
    }
}

impl Budgets {
    /// No budgets yet; each will allow `max_in_flight` calls at the same time.
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            max_in_flight,
            by_key: Mutex::default(),
        }
    }

    /// The one budget of whoever shows `token` to `server` (a host, with its port where it has one), made when it is asked for first.
    pub fn of(&self, server: &str, token: &SecretString) -> Arc<Budget> {
        let key = BudgetKey::new(server, token);
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = by_key.get(&key) {
            return Arc::clone(budget);
        }
        if by_key.len() >= MANY {
            // One that is held, or that a server asked to pause, still says something.
            by_key.retain(|_, budget| Arc::strong_count(budget) > 1 || budget.paused_for().is_some());
        }
        let budget = Arc::new(Budget::new(self.max_in_flight));
        by_key.insert(key, Arc::clone(&budget));
        budget
    }

    /// Every budget, for metrics.
    pub fn all(&self) -> Vec<Arc<Budget>> {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.values().map(Arc::clone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_at_the_same_server_shares_a_budget() {
        let budgets = Budgets::new(8);
        let of = |server: &str, token: &str| budgets.of(server, &SecretString::from(token));
        let first = of("us.vendor.example", "one");
        for (server, token, same) in [
            ("us.vendor.example", "one", true),
            ("US.vendor.example", "one", true),
            ("us.vendor.example", "two", false),
            ("eu.vendor.example", "one", false),
            ("us.vendor.example:8443", "one", false),
            ("us.vendor.exampleo", "ne", false),
            ("", "us.vendor.exampleone", false),
        ] {
            assert_eq!(Arc::ptr_eq(&first, &of(server, token)), same, "{server} {token}");
        }
        assert_eq!(first.limits().max_in_flight, 8);
    }

    #[test]
    fn tokens_without_end_take_no_memory_without_end() {
        let budgets = Budgets::new(8);
        let held = budgets.of("us.vendor.example", &SecretString::from("held"));
        for number in 0..3 * MANY {
            budgets.of("us.vendor.example", &SecretString::from(number.to_string()));
        }
        assert!(budgets.all().len() <= MANY, "{}", budgets.all().len());
        let again = budgets.of("us.vendor.example", &SecretString::from("held"));
        assert!(Arc::ptr_eq(&held, &again));
    }

    #[test]
    fn a_key_shows_no_token() {
        let key = BudgetKey::new("us.vendor.example", &SecretString::from("canary"));
        assert!(!format!("{key:?}").contains("canary"));
    }
}
