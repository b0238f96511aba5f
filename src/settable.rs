//! A value that a reload of the settings replaces while others read it.

use std::sync::{Arc, PoisonError, RwLock};

#[derive(Debug, Default)]
pub struct Settable<T>(RwLock<Arc<T>>);

impl<T> Settable<T> {
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// As it is now; whoever keeps it goes on with it.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}
