//! Ends of writes that the store has yet to hear of: until then its record looks older than what was saved.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hub::Hub;
use crate::django::object::ObjectKey;

/// How many, by object.
#[derive(Default)]
pub(super) struct Owed(Mutex<HashMap<ObjectKey, usize>>);

/// One of them; told, or given up, when it is dropped.
pub struct Debt(Arc<Hub>, ObjectKey);

impl Owed {
    fn all(&self) -> MutexGuard<'_, HashMap<ObjectKey, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    pub fn owe(self: &Arc<Self>, object: &ObjectKey) -> Debt {
        *self.owed.all().entry(object.clone()).or_default() += 1;
        Debt(Arc::clone(self), object.clone())
    }

    pub(super) fn owes(&self, object: &ObjectKey) -> bool {
        self.owed.all().contains_key(object)
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        let mut all = self.0.owed.all();
        if let Some(left) = all.get_mut(&self.1) {
            *left -= 1;
            if *left == 0 {
                all.remove(&self.1);
            }
        }
    }
}
