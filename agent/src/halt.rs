//! What can stop a run from outside of it, raced against everything it waits for.

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, Shared, select};

use crate::cancel::Cancel;
use crate::ports::{Clock, JournalError};

#[derive(Debug, PartialEq, Eq)]
pub enum Halt {
    Cancelled,
    WallTime,
    Journal(JournalError),
}

pub struct Stop {
    cancel: Cancel,
    deadline: Shared<BoxFuture<'static, ()>>,
}

impl Stop {
    #[must_use]
    pub fn new(cancel: Cancel, clock: &dyn Clock, wall_time_ms: u64) -> Self {
        Self {
            cancel,
            deadline: clock.sleep(wall_time_ms).shared(),
        }
    }

    /// The output of `future`, unless the run is to stop first. Writes to the journal are not raced: what was handed
    /// over is written.
    pub async fn race<F: Future>(&self, future: F) -> Result<F::Output, Halt> {
        let cancelled = std::pin::pin!(self.cancel.cancelled());
        let deadline = self.deadline.clone();
        let halted = std::pin::pin!(async {
            match select(cancelled, deadline).await {
                Either::Left(_) => Halt::Cancelled,
                Either::Right(_) => Halt::WallTime,
            }
        });
        // The first argument wins where both are ready.
        match select(halted, std::pin::pin!(future)).await {
            Either::Left((halt, _)) => Err(halt),
            Either::Right((output, _)) => Ok(output),
        }
    }
}
