//! Sends what the machine wants sent, by the page's own `fetch`, and hands back what comes. Decides nothing.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use super::answer::Answer;
use super::request::{Method, Request};
use crate::app::{Effect, Id, Input, Memo, Memory};

/// A request without an answer after this is given up, milliseconds. Streams have no such limit.
const PATIENCE_MS: u32 = 30_000;
const BROWSER_KEY: &str = "persai.browserKey";
const DATASOURCE: &str = "persai.datasource";
const CONVERSATION: &str = "persai.conversation";

/// Takes what happened back to the machine.
pub trait Sink {
    fn input(self: Rc<Self>, input: Input<'_>);
}

type UnderWay = Rc<RefCell<Vec<(Id, AbortController)>>>;

/// What is under way.
pub struct Browser<S> {
    sink: Weak<S>,
    under_way: UnderWay,
}

impl<S: Sink + 'static> Browser<S> {
    pub fn new(sink: Weak<S>) -> Self {
        Self {
            sink,
            under_way: Rc::default(),
        }
    }

    pub fn perform(&self, effect: Effect) {
        match effect {
            Effect::Send { call, request } => self.start(call, request, false),
            Effect::Open { call, request } => self.start(call, request, true),
            Effect::Close { call } => self.close(call),
            Effect::Timer { timer, after_ms } => {
                let sink = self.sink.clone();
                let after_ms = u32::try_from(after_ms).unwrap_or(u32::MAX);
                Timeout::new(after_ms, move || tell(&sink, Input::Timer { timer })).forget();
            }
            Effect::Remember { memo, value } => remember(memo, value.as_deref()),
        }
    }

    pub fn close_all(&self) {
        // Taken out first: abort runs listeners at once.
        let all = std::mem::take(&mut *self.under_way.borrow_mut());
        for (_, controller) in all {
            controller.abort();
        }
    }

    fn close(&self, call: Id) {
        if let Some(controller) = take(&self.under_way, call) {
            controller.abort();
        }
    }

    fn start(&self, call: Id, request: Request, stream: bool) {
        let (sink, under_way) = (self.sink.clone(), Rc::clone(&self.under_way));
        let controller = AbortController::new().ok();
        if let Some(controller) = controller.clone() {
            under_way.borrow_mut().push((call, controller));
        }
        spawn_local(async move {
            let patience = (!stream).then(|| {
                let controller = controller.clone();
                Timeout::new(PATIENCE_MS, move || {
                    if let Some(controller) = controller {
                        controller.abort();
                    }
                })
            });
            match fetch(&request, controller.as_ref()).await {
                Ok(response) if stream && response.status() == 200 => {
                    tell(&sink, Input::StreamOpened { call });
                    // An error ends a stream as silence does.
                    let _ = read_stream(&sink, call, &response).await;
                    tell(&sink, Input::StreamEnded { call });
                }
                Ok(response) => {
                    let answer = read_answer(&response).await.unwrap_or(Answer::Unreachable);
                    tell(&sink, Input::Answer { call, answer });
                }
                Err(_) => tell(
                    &sink,
                    Input::Answer {
                        call,
                        answer: Answer::Unreachable,
                    },
                ),
            }
            drop(patience);
            take(&under_way, call);
        });
    }
}

fn take(under_way: &UnderWay, call: Id) -> Option<AbortController> {
    let mut all = under_way.borrow_mut();
    let at = all.iter().position(|(id, _)| *id == call)?;
    Some(all.swap_remove(at).1)
}

fn tell<S: Sink>(sink: &Weak<S>, input: Input<'_>) {
    if let Some(sink) = sink.upgrade() {
        sink.input(input);
    }
}

async fn fetch(
    request: &Request,
    controller: Option<&AbortController>,
) -> Result<Response, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let init = RequestInit::new();
    init.set_method(match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    });
    init.set_cache(RequestCache::NoStore);
    let headers = js_sys::Object::new();
    for (name, value) in &request.headers {
        js_sys::Reflect::set(&headers, &(*name).into(), &value.into())?;
    }
    init.set_headers(&headers);
    if let Some(body) = &request.body {
        init.set_body(&body.into());
    }
    init.set_signal(controller.map(AbortController::signal).as_ref());
    JsFuture::from(window.fetch_with_str_and_init(&request.url, &init))
        .await?
        .dyn_into()
}

async fn read_answer(response: &Response) -> Result<Answer, JsValue> {
    let retry_after = response.headers().get("Retry-After")?;
    let body = JsFuture::from(response.text()?)
        .await?
        .as_string()
        .unwrap_or_default();
    Ok(Answer::Http {
        status: response.status(),
        retry_after_secs: retry_after.and_then(|text| text.trim().parse().ok()),
        body,
    })
}

async fn read_stream<S: Sink>(
    sink: &Weak<S>,
    call: Id,
    response: &Response,
) -> Result<(), JsValue> {
    let Some(body) = response.body() else {
        return Ok(());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().dyn_into()?;
    loop {
        let read = JsFuture::from(reader.read()).await?;
        if js_sys::Reflect::get(&read, &"done".into())?.is_truthy() {
            return Ok(());
        }
        let chunk: js_sys::Uint8Array = js_sys::Reflect::get(&read, &"value".into())?.dyn_into()?;
        tell(
            sink,
            Input::StreamBytes {
                call,
                bytes: &chunk.to_vec(),
            },
        );
    }
}

// --- what the browser keeps; storage can be forbidden, and then nothing is kept ------------------------------------

#[must_use]
pub fn memory() -> Memory {
    let read =
        |memo| storage(memo).and_then(|(storage, name)| storage.get_item(name).ok().flatten());
    Memory {
        browser_key: read(Memo::BrowserKey),
        datasource: read(Memo::Datasource),
        conversation: read(Memo::Conversation),
    }
}

fn remember(memo: Memo, value: Option<&str>) {
    if let Some((storage, name)) = storage(memo) {
        let _ = match value {
            Some(value) => storage.set_item(name, value),
            None => storage.remove_item(name),
        };
    }
}

fn storage(memo: Memo) -> Option<(web_sys::Storage, &'static str)> {
    let window = web_sys::window()?;
    let (storage, name) = match memo {
        Memo::BrowserKey => (window.local_storage(), BROWSER_KEY),
        Memo::Datasource => (window.local_storage(), DATASOURCE),
        Memo::Conversation => (window.session_storage(), CONVERSATION),
    };
    Some((storage.ok().flatten()?, name))
}

/// 64 unpredictable bits. `getRandomValues` is there on insecure hosts as well.
#[must_use]
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    let filled = web_sys::window()
        .and_then(|window| window.crypto().ok())
        .is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok());
    if !filled {
        bytes = js_sys::Math::random().to_bits().to_le_bytes();
    }
    u64::from_le_bytes(bytes)
}
