//! Models for runs: one whose every word waits for the test, one that talks, one that panics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::BoxStream;
use persai_agent::message::Message;
use persai_agent::ports::{Model, ModelDescription, ModelEvent, ModelRequest, StopReason};
use tokio::sync::{mpsc, watch};

/// Answers with what the test sends; each model call reads on where the last one ended.
pub struct GatedModel {
    words: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<ModelEvent>>>,
    asked: Arc<Mutex<Vec<Vec<Message>>>>,
    closed: watch::Sender<usize>,
}

/// The test's end of a [`GatedModel`].
pub struct Gate {
    words: mpsc::UnboundedSender<ModelEvent>,
    asked: Arc<Mutex<Vec<Vec<Message>>>>,
    closed: watch::Receiver<usize>,
}

impl GatedModel {
    pub fn new() -> (Arc<Self>, Gate) {
        let (sender, words) = mpsc::unbounded_channel();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (closer, closed) = watch::channel(0);
        let model = Self {
            words: Arc::new(tokio::sync::Mutex::new(words)),
            asked: Arc::clone(&asked),
            closed: closer,
        };
        (
            Arc::new(model),
            Gate {
                words: sender,
                asked,
                closed,
            },
        )
    }
}

impl Gate {
    pub fn say(&self, text: &str) {
        self.words
            .send(ModelEvent::TextDelta(text.to_owned()))
            .unwrap();
    }

    pub fn end(&self) {
        self.words
            .send(ModelEvent::End {
                stop: StopReason::EndTurn,
                replay: None,
            })
            .unwrap();
    }

    /// Messages of the model calls so far.
    pub fn asked(&self) -> Vec<Vec<Message>> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until `count` streams were closed.
    pub async fn closed(&mut self, count: usize) {
        self.closed
            .wait_for(|closed| *closed >= count)
            .await
            .unwrap();
    }
}

struct CloseSignal(watch::Sender<usize>);

impl Drop for CloseSignal {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count += 1);
    }
}

impl Model for GatedModel {
    fn describe(&self) -> ModelDescription {
        describe()
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, ModelEvent> {
        self.asked.lock().unwrap().push(request.messages);
        let (words, signal) = (Arc::clone(&self.words), CloseSignal(self.closed.clone()));
        Box::pin(async_stream::stream! {
            let _signal = signal;
            let mut words = words.lock().await;
            while let Some(word) = words.recv().await {
                let last = matches!(word, ModelEvent::End { .. } | ModelEvent::Error(_));
                yield word;
                if last {
                    return;
                }
            }
        })
    }
}

/// Says `parts` numbered words, one every `pause`.
pub struct TalkingModel {
    pub parts: usize,
    pub pause: Duration,
}

impl Model for TalkingModel {
    fn describe(&self) -> ModelDescription {
        describe()
    }

    fn stream(&self, _request: ModelRequest) -> BoxStream<'static, ModelEvent> {
        let (parts, pause) = (self.parts, self.pause);
        Box::pin(async_stream::stream! {
            for part in 0..parts {
                tokio::time::sleep(pause).await;
                yield ModelEvent::TextDelta(format!("{part} "));
            }
            yield ModelEvent::End { stop: StopReason::EndTurn, replay: None };
        })
    }
}

/// What a [`TalkingModel`] says in all.
pub fn talk(parts: usize) -> String {
    (0..parts).map(|part| format!("{part} ")).collect()
}

pub struct PanickingModel;

impl Model for PanickingModel {
    fn describe(&self) -> ModelDescription {
        describe()
    }

    fn stream(&self, _request: ModelRequest) -> BoxStream<'static, ModelEvent> {
        Box::pin(async_stream::stream! {
            yield ModelEvent::TextDelta("before ".into());
            tokio::time::sleep(Duration::from_millis(100)).await;
            if true {
                panic!("the model panics on purpose");
            }
        })
    }
}

fn describe() -> ModelDescription {
    ModelDescription {
        id: "m".into(),
        provider: "test".into(),
        model: "m".into(),
    }
}
