//! Runs that have a task: found to be stopped, waited for when the relay drains.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use persai_agent::CancelHandle;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

/// Owner key and run id.
pub type RunKey = (String, String);

/// A run that goes on.
#[derive(Clone)]
pub struct Active {
    pub cancel: CancelHandle,
    /// Set off once the run has its end in the log.
    pub ended: CancellationToken,
    pub abort: AbortHandle,
}

#[derive(Default)]
pub struct ActiveRuns {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    runs: HashMap<RunKey, Active>,
    /// Cancelled between their first record and their task.
    early_cancels: HashSet<RunKey>,
}

impl ActiveRuns {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the run known; from here on it can be stopped.
    pub fn add(&self, key: RunKey, active: Active) {
        let mut state = self.lock();
        if state.early_cancels.remove(&key) {
            active.cancel.cancel();
        }
        state.runs.insert(key, active);
    }

    pub fn remove(&self, key: &RunKey) {
        self.lock().runs.remove(key);
    }

    /// Stops the run, also where its task is still to be made; resolves once the run has ended, where that is known.
    pub fn cancel(&self, key: &RunKey) -> impl Future<Output = ()> + use<> {
        let mut state = self.lock();
        let active = state.runs.get(key).cloned();
        match &active {
            Some(active) => active.cancel.cancel(),
            None => drop(state.early_cancels.insert(key.clone())),
        }
        async move {
            if let Some(active) = active {
                active.ended.cancelled().await;
            }
        }
    }

    /// For a run that turned out to have ended before it was stopped.
    pub fn forget_cancel(&self, key: &RunKey) {
        self.lock().early_cancels.remove(key);
    }

    /// Waits until no run is active.
    pub async fn idle(&self) {
        loop {
            let active = self.lock().runs.values().next().cloned();
            let Some(active) = active else { return };
            active.ended.cancelled().await;
        }
    }

    /// Ends all tasks where they stand; who watches over them writes their ends.
    pub fn abort_all(&self) {
        for run in self.lock().runs.values() {
            run.abort.abort();
        }
    }
}
