//! The one handle that the shim holds. Strings in, strings out; wasm only.
//!
//! Nothing panics across it: a panic would end the plugin until the page is loaded again.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;

use crate::app::{Core, Input};
use crate::transport::browser::{self, Browser, Sink};
use crate::view::Patch;
use crate::wire::command;

/// How often a hidden tab, which has no frames, is given its patches.
const HIDDEN_FRAME_MS: u32 = 100;

/// The plugin. Its state lives as long as the handle.
#[wasm_bindgen]
pub struct Persai {
    shared: Rc<Shared>,
}

struct Shared {
    core: RefCell<Core>,
    browser: Browser<Shared>,
    on_patches: js_sys::Function,
    window: Option<web_sys::Window>,
    /// What a frame calls: one function for all of them.
    frame: Closure<dyn FnMut()>,
    /// The animation frame that is asked for; 0 where a timer stands in for it.
    asked: Cell<Option<i32>>,
    closed: Cell<bool>,
}

#[wasm_bindgen]
impl Persai {
    /// `on_patches(json)` is called with an array of `Patch`es, at most once per animation frame and never from inside
    /// another call of the handle.
    #[wasm_bindgen(constructor)]
    pub fn new(on_patches: js_sys::Function) -> Self {
        let shared = Rc::new_cyclic(|shared: &Weak<Shared>| {
            let framed = shared.clone();
            Shared {
                core: RefCell::new(Core::new(browser::memory(), Box::new(browser::random))),
                browser: Browser::new(shared.clone()),
                on_patches,
                window: web_sys::window(),
                frame: Closure::new(move || {
                    if let Some(shared) = framed.upgrade() {
                        shared.frame();
                    }
                }),
                asked: Cell::new(None),
                closed: Cell::new(false),
            }
        });
        shared.after_change();
        Self { shared }
    }

    /// Takes a `Command` as JSON. Answers with a sentence for the user where it can't be done.
    pub fn dispatch(&self, command_json: &str) -> Option<String> {
        match command::read(command_json) {
            Some(command) => self.shared.handle(Input::Command(command)).err(),
            None => {
                Some("The page and its plugin do not fit together. Reload the page.".to_owned())
            }
        }
    }

    /// All `Patch`es that build the present view from nothing, as a JSON array: for a shim that mounts again.
    pub fn snapshot(&self) -> String {
        let patches = self
            .shared
            .core
            .try_borrow_mut()
            .map(|mut core| core.snapshot())
            .unwrap_or_default();
        to_json(&patches)
    }

    /// Bytes of a conversation's event stream that come from elsewhere than the relay: tests and benchmarks.
    pub fn feed_sse(&self, bytes: &[u8]) {
        if let Ok(mut core) = self.shared.core.try_borrow_mut() {
            core.feed(bytes, now_ms());
        }
        self.shared.after_change();
    }
}

impl Drop for Persai {
    fn drop(&mut self) {
        self.shared.closed.set(true);
        // The function that the frame would call goes with the handle.
        if let (Some(window), Some(frame)) = (&self.shared.window, self.shared.asked.take()) {
            let _ = window.cancel_animation_frame(frame);
        }
        self.shared.browser.close_all();
    }
}

impl Sink for Shared {
    fn input(self: Rc<Self>, input: Input<'_>) {
        // Only commands are answered.
        let _ = self.handle(input);
    }
}

impl Shared {
    fn handle(self: &Rc<Self>, input: Input<'_>) -> Result<(), String> {
        if self.closed.get() {
            return Ok(());
        }
        let Ok(mut core) = self.core.try_borrow_mut() else {
            return Err("The plugin is busy. Try again.".to_owned());
        };
        let result = core.handle(input, now_ms());
        drop(core);
        self.after_change();
        result
    }

    /// Does what the machine wants done and asks for a frame.
    fn after_change(self: &Rc<Self>) {
        let effects = self
            .core
            .try_borrow_mut()
            .map(|mut core| core.take_effects())
            .unwrap_or_default();
        for effect in effects {
            self.browser.perform(effect);
        }
        if self.asked.get().is_some() {
            return;
        }
        let visible = self
            .window
            .as_ref()
            .filter(|window| !window.document().is_some_and(|page| page.hidden()));
        let asked = visible.and_then(|window| {
            window
                .request_animation_frame(self.frame.as_ref().unchecked_ref())
                .ok()
        });
        self.asked.set(Some(asked.unwrap_or(0)));
        if asked.is_none() {
            let shared = Rc::clone(self);
            Timeout::new(HIDDEN_FRAME_MS, move || shared.frame()).forget();
        }
    }

    fn frame(&self) {
        self.asked.set(None);
        if self.closed.get() {
            return;
        }
        let patches = self
            .core
            .try_borrow_mut()
            .map(|mut core| core.drain())
            .unwrap_or_default();
        if !patches.is_empty() {
            // What the page throws is the page's own.
            let _ = self
                .on_patches
                .call1(&JsValue::UNDEFINED, &to_json(&patches).into());
        }
    }
}

fn to_json(patches: &[Patch]) -> String {
    serde_json::to_string(patches).unwrap_or_else(|_| "[]".to_owned())
}

#[allow(clippy::cast_possible_truncation)]
fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}
