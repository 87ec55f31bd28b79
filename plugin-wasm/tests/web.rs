//! The handle in a real browser: strings in and out, one callback per frame, real `fetch` and streams. The page's
//! `fetch` is replaced by one that plays the relay with real `Response`s (`web/fetch.js`).
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

use js_sys::{Array, Function, Promise};
use plugin_wasm::boundary::Persai;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(module = "/tests/web/fetch.js")]
extern "C" {
    /// Installs the played relay: `mode` is `good`, `refusing` or `silent`.
    #[wasm_bindgen(js_name = install)]
    fn install(mode: &str);
    /// Requests made so far, `METHOD url` each.
    #[wasm_bindgen(js_name = requests)]
    fn requests() -> Vec<String>;
    /// The headers of the newest request to `part`, as JSON.
    #[wasm_bindgen(js_name = headersOf)]
    fn headers_of(part: &str) -> String;
    /// Sends `text` down the open event stream, in two pieces cut at `cut` bytes.
    #[wasm_bindgen(js_name = push)]
    fn push(text: &str, cut: u32) -> bool;
    /// Breaks the open event stream.
    #[wasm_bindgen(js_name = breakStream)]
    fn break_stream();
    #[wasm_bindgen(js_name = openStreams)]
    fn open_streams() -> u32;
    /// Resolves after `ms`.
    #[wasm_bindgen(js_name = sleep)]
    fn sleep(ms: u32) -> Promise;
    /// Resolves in the next animation frame.
    #[wasm_bindgen(js_name = nextFrame)]
    fn next_frame() -> Promise;
}

/// A handle, and the batches that it has given out.
struct Page {
    persai: Persai,
    batches: Array,
}

impl Page {
    fn new() -> Self {
        let batches = Array::new();
        let push = Function::new_with_args("json", "this.push(json)").bind0(&batches);
        Self {
            persai: Persai::new(push),
            batches,
        }
    }

    fn started() -> Self {
        let page = Self::new();
        page.send(
            json!({"type": "start", "env": {"apiPrefix": "", "pluginBase": "/plugins/PersAI/",
            "origin": "https://perses.example", "timeRange": {"startMs": 0, "endMs": 3_600_000},
            "utcOffsetMinutes": 0}}),
        );
        page
    }

    fn send(&self, command: Value) {
        assert_eq!(
            self.persai.dispatch(&command.to_string()),
            None,
            "{command}"
        );
    }

    /// The newest value of a key.
    fn node(&self, key: &str) -> Value {
        let mut found = Value::Null;
        for batch in self.batches.iter() {
            for patch in serde_json::from_str::<Vec<Value>>(&batch.as_string().unwrap()).unwrap() {
                if patch["op"] == "set" && patch["key"] == key {
                    found = patch["value"].clone();
                }
            }
        }
        found
    }

    async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..300 {
            if done(self) {
                return;
            }
            wait(20).await;
        }
        panic!(
            "never {what}; app: {}; requests: {:?}",
            self.node("app"),
            requests()
        );
    }
}

async fn wait(ms: u32) {
    JsFuture::from(sleep(ms)).await.unwrap();
}

async fn frame() {
    JsFuture::from(next_frame()).await.unwrap();
}

fn events(list: &[(u64, Value)]) -> String {
    list.iter()
        .map(|(seq, event)| format!("id: {seq}\ndata: {event}\n\n"))
        .collect()
}

#[wasm_bindgen_test]
async fn bad_commands_are_answered_in_words() {
    install("silent");
    let page = Page::new();
    for bad in [
        "",
        "{",
        "[]",
        "{\"type\":\"nothing\"}",
        "{\"type\":\"ask\"}",
        "null",
        "\u{0}",
    ] {
        assert!(page.persai.dispatch(bad).is_some(), "{bad}");
    }
    assert!(
        page.persai
            .dispatch("{\"type\":\"ask\",\"text\":\"too early\"}")
            .is_some()
    );
    page.persai.feed_sse(&[0xff, 0xfe, b'\n', b'\n']);
    page.persai.feed_sse(b"data: nonsense\n\n");
    assert!(page.persai.snapshot().starts_with('['));
}

#[wasm_bindgen_test]
async fn changes_of_one_frame_come_in_one_batch() {
    install("silent");
    let page = Page::new();
    page.send(json!({"type": "setPanelKinds", "kinds": ["TimeSeriesChart"]}));
    frame().await;
    frame().await;
    let before = page.batches.length();
    page.persai.feed_sse(
        events(&[
            (
                1,
                json!({"type": "RUN_STARTED", "threadId": "c", "runId": "r"}),
            ),
            (
                2,
                json!({"type": "TEXT_MESSAGE_START", "messageId": "a", "role": "assistant"}),
            ),
        ])
        .as_bytes(),
    );
    for seq in 3..200 {
        let delta = json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a", "delta": "x "});
        page.persai.feed_sse(events(&[(seq, delta)]).as_bytes());
    }
    assert_eq!(page.batches.length(), before, "never from inside a call");
    frame().await;
    frame().await;
    assert_eq!(page.batches.length(), before + 1);
    frame().await;
    assert_eq!(
        page.batches.length(),
        before + 1,
        "nothing changed, nothing is said"
    );
    assert_eq!(page.node("message/answer-r")["state"], "streaming");
}

#[wasm_bindgen_test]
async fn a_question_is_asked_streamed_and_followed_again_after_a_loss() {
    install("good");
    let page = Page::started();
    page.until("ready", |page| page.node("app")["phase"] == "ready")
        .await;
    page.send(json!({"type": "ask", "text": "Why?"}));
    page.until("streaming", |_| open_streams() == 1).await;

    let headers: Value = serde_json::from_str(&headers_of("/agent")).unwrap();
    assert_eq!(headers["x-persai"], "1");
    assert_eq!(headers["accept"], "application/json");
    assert!(headers["x-persai-browser"].as_str().unwrap().len() > 20);
    assert_eq!(
        serde_json::from_str::<Value>(&headers_of("/events")).unwrap()["accept"],
        "text/event-stream"
    );

    let first = events(&[
        (
            1,
            json!({"type": "RUN_STARTED", "threadId": "c", "runId": "r"}),
        ),
        (
            2,
            json!({"type": "TEXT_MESSAGE_START", "messageId": "a", "role": "assistant"}),
        ),
        (
            3,
            json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a", "delta": "Größe 😀 "}),
        ),
    ]);
    // The cut lies inside of a character.
    let cut = first.find('😀').unwrap() + 2;
    assert!(push(&first, u32::try_from(cut).unwrap()));
    page.until("shown", |page| {
        page.node("message/answer-r")["parts"][0]["part"] == "markdown"
    })
    .await;

    break_stream();
    page.until("lost", |_| open_streams() == 0).await;
    page.until("back", |_| open_streams() == 1).await;
    assert!(
        requests().last().unwrap().ends_with("/events?after=3"),
        "{:?}",
        requests()
    );
    let rest = events(&[
        (
            3,
            json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a", "delta": "Größe 😀 "}),
        ),
        (
            4,
            json!({"type": "TEXT_MESSAGE_CONTENT", "messageId": "a", "delta": "done"}),
        ),
        (
            5,
            json!({"type": "RUN_FINISHED", "threadId": "c", "runId": "r"}),
        ),
    ]);
    assert!(push(&rest, 10));
    page.until("settled", |page| {
        page.node("message/answer-r")["source"] == "Größe 😀 done"
    })
    .await;

    let snapshot: Vec<Value> = serde_json::from_str(&page.persai.snapshot()).unwrap();
    assert!(
        snapshot.iter().any(|patch| patch["op"] == "md"),
        "a remounted shim gets the text as well"
    );
}

#[wasm_bindgen_test]
async fn a_lasting_refusal_makes_at_most_two_requests() {
    install("refusing");
    let page = Page::started();
    page.until("told", |page| {
        page.node("app")["trouble"]["code"] == "signInAgain"
    })
    .await;
    wait(1500).await;
    let refused: Vec<_> = requests()
        .into_iter()
        .filter(|line| line.contains("/persai/v1/conversations"))
        .collect();
    assert_eq!(refused.len(), 2, "{:?}", requests());
    assert_eq!(
        requests()
            .iter()
            .filter(|line| line.contains("/auth/refresh"))
            .count(),
        1
    );
    assert!(
        !requests()
            .iter()
            .any(|line| line.contains("globaldatasources"))
    );
}

#[wasm_bindgen_test]
async fn a_freed_handle_lets_go_of_its_stream_and_says_nothing_more() {
    install("good");
    let page = Page::started();
    page.until("ready", |page| page.node("app")["phase"] == "ready")
        .await;
    page.send(json!({"type": "openConversation", "id": "c1"}));
    page.until("streaming", |_| open_streams() == 1).await;
    let Page { persai, batches } = page;
    drop(persai);
    wait(100).await;
    assert_eq!(open_streams(), 0);
    let said = batches.length();
    wait(100).await;
    assert_eq!(batches.length(), said);
}

#[wasm_bindgen_test]
async fn a_page_that_throws_does_not_harm_the_handle() {
    install("silent");
    let batches = Array::new();
    let throwing =
        Function::new_with_args("json", "this.push(json); throw new Error('the page broke')");
    let page = Page {
        persai: Persai::new(throwing.bind0(&batches)),
        batches,
    };
    frame().await;
    frame().await;
    assert_eq!(page.batches.length(), 1);
    page.persai.feed_sse(
        events(&[(
            1,
            json!({"type": "RUN_STARTED", "threadId": "c", "runId": "r"}),
        )])
        .as_bytes(),
    );
    frame().await;
    frame().await;
    assert_eq!(page.batches.length(), 2);
    assert_eq!(page.node("app")["running"], true);
}
