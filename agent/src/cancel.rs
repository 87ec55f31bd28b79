//! The stop button: one handle, many listeners.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::{self, BoxFuture, Shared};

/// Resolves once the run is to stop. Cheap to clone.
#[derive(Clone)]
pub struct Cancel(Shared<BoxFuture<'static, ()>>);

/// Stops the run. A handle that is dropped unused stops nothing.
#[derive(Clone)]
pub struct CancelHandle(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Cancel {
    #[must_use]
    pub fn pair() -> (CancelHandle, Self) {
        let (sender, receiver) = oneshot::channel();
        let wait = async move {
            if receiver.await.is_err() {
                future::pending::<()>().await;
            }
        };
        (
            CancelHandle(Arc::new(Mutex::new(Some(sender)))),
            Self(wait.boxed().shared()),
        )
    }

    /// One that never fires.
    #[must_use]
    pub fn never() -> Self {
        Self(future::pending::<()>().boxed().shared())
    }

    /// Resolves once the run is to stop; at once where that was said before.
    pub async fn cancelled(&self) {
        self.0.clone().await;
    }

    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.clone().now_or_never().is_some()
    }
}

impl CancelHandle {
    /// Says stop; a second time does nothing.
    pub fn cancel(&self) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // No receiver: the run is over, which is what was asked for.
            let _ = sender.send(());
        }
    }
}
