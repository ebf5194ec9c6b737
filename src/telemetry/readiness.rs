//! What `/readyz` waits for, by name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// All parts that must be up before the operator counts as ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    waiting: Arc<Mutex<BTreeMap<String, String>>>,
}

/// One part; it counts as waiting until [`Gate::open`] is called.
#[derive(Debug, Clone)]
pub struct Gate {
    name: String,
    readiness: Readiness,
}

impl Readiness {
    /// Adds a part that is not up yet, with what it waits for.
    pub fn gate(&self, name: impl Into<String>, waits_for: impl Into<String>) -> Gate {
        let gate = Gate {
            name: name.into(),
            readiness: self.clone(),
        };
        gate.wait_for(waits_for);
        gate
    }

    /// The parts that are not up, each with what it waits for; empty when ready.
    pub fn waiting(&self) -> BTreeMap<String, String> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Gate {
    /// States what this part waits for.
    pub fn wait_for(&self, what: impl Into<String>) {
        self.readiness
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(self.name.clone(), what.into());
    }

    /// This part is up.
    pub fn open(&self) {
        self.readiness
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.name);
    }
}
