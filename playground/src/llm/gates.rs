//! Named gates: an answer waits there until a test opens it. All are closed at first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

#[derive(Default)]
pub struct Gates(Mutex<HashMap<String, watch::Sender<bool>>>);

impl Gates {
    fn with<T>(&self, name: &str, act: impl FnOnce(&watch::Sender<bool>) -> T) -> T {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(gates
            .entry(name.to_owned())
            .or_insert_with(|| watch::channel(false).0))
    }

    /// Returns once the gate is open.
    pub async fn pass(&self, name: &str) {
        let mut receiver = self.with(name, watch::Sender::subscribe);
        // Fails only where the gate was forgotten by a reset; then nobody could open it any more.
        let _ = receiver.wait_for(|open| *open).await;
    }

    pub fn open(&self, name: &str) {
        self.with(name, |gate| gate.send_replace(true));
    }

    /// Whether it is open, and how many answers wait.
    pub fn state(&self, name: &str) -> (bool, usize) {
        self.with(name, |gate| (*gate.borrow(), gate.receiver_count()))
    }

    /// Every gate is closed again; what waited goes on.
    pub fn close_all(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::Gates;

    #[tokio::test]
    async fn a_gate_holds_until_it_is_opened() {
        let gates = Arc::new(Gates::default());
        let waiting = tokio::spawn({
            let gates = Arc::clone(&gates);
            async move { gates.pass("a").await }
        });
        while gates.state("a").1 == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        gates.open("b");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished(), "another gate");
        gates.open("a");
        assert!(waiting.await.is_ok());
        gates.pass("a").await;
        assert_eq!(gates.state("a"), (true, 0));
    }
}
