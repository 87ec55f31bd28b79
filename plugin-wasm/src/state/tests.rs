//! What single events do to the view.
#![allow(clippy::unwrap_used)]

use persai_protocol::agui::Event;
use serde_json::{Value, json};

use super::samples::{
    AT, call, custom, evidence, finished, outcome, result, started, text, text_end, text_start,
    turn,
};
use super::{Chat, Notable};
use crate::testing::Shim;
use crate::view::{MessageState, Part, ToolState, ViewNode};

/// A chat with its shim, fed event by event.
struct Told {
    chat: Chat,
    shim: Shim,
    seq: u64,
}

impl Told {
    fn new() -> Self {
        let mut chat = Chat::default();
        chat.page.panel_kinds = Some(vec!["TimeSeriesChart".into(), "StatChart".into()]);
        Self {
            chat,
            shim: Shim::default(),
            seq: 0,
        }
    }

    fn tell(&mut self, events: impl IntoIterator<Item = Value>) {
        for event in events {
            self.seq += 1;
            self.chat.apply_json(Some(self.seq), &event.to_string(), AT);
            let mut patches = Vec::new();
            self.chat.drain(&mut patches, AT);
            self.shim.apply(patches);
        }
    }

    fn answer(&self) -> &crate::view::MessageView {
        self.shim.message("answer-r1")
    }

    fn parts(&self) -> String {
        let words = self.answer().parts.iter().map(|part| match part {
            Part::Text { .. } => "text".to_owned(),
            Part::Markdown { key } => format!("md{}", key.rsplit('/').next().unwrap()),
            Part::Tool { tool_call_id } => tool_call_id.clone(),
            Part::Notice { text, .. } => format!("!{text}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn text_and_tools_stay_in_the_order_of_the_events() {
    let mut told = Told::new();
    told.tell([
        started("r1"),
        turn("m1", "Why?"),
        text_start("a"),
        text("a", "I will "),
        text("a", "look."),
    ]);
    assert_eq!(told.chat.activity().as_deref(), Some("Writing the answer"));
    told.tell([text_end("a")]);
    told.tell(call("t1", "query_metrics", &["{\"query\":", "\"x\"}"]));
    assert_eq!(told.shim.tool("t1").state, ToolState::Running);
    assert_eq!(told.chat.activity().as_deref(), Some("Query metrics"));
    told.tell([
        evidence("t1"),
        outcome("t1", true),
        result("t1"),
        text_start("b"),
        text("b", "**Done**"),
    ]);
    assert_eq!(told.parts(), "md0 t1 md1");
    assert_eq!(told.answer().state, MessageState::Streaming);
    assert_eq!(told.answer().source, None, "only once it has settled");
    told.tell([text_end("b"), finished("r1")]);
    assert_eq!(told.answer().state, MessageState::Settled);
    assert_eq!(
        told.answer().source.as_deref(),
        Some("I will look.\n\n**Done**")
    );
    assert_eq!(told.chat.activity(), None);
    assert_eq!(told.chat.message_ids(), ["m1", "answer-r1"]);
}

#[test]
fn a_tool_card_shows_its_panel_and_its_details_when_open() {
    let mut told = Told::new();
    told.tell([started("r1"), turn("m1", "Why?")]);
    told.tell(call("t1", "query_metrics", &["{\"query\":\"x\"}"]));
    told.tell([evidence("t1"), outcome("t1", true), result("t1")]);
    let tool = told.shim.tool("t1");
    assert_eq!(
        (tool.title.as_str(), tool.verdict.as_deref()),
        ("CPU by mode", Some("allowed"))
    );
    assert_eq!(
        (tool.summary.as_deref(), tool.duration_ms),
        (Some("2 series"), Some(41))
    );
    let panel = tool.panel.as_ref().unwrap();
    assert_eq!(
        (panel.kind.as_str(), panel.alternatives.as_slice()),
        ("TimeSeriesChart", &["StatChart".to_owned()][..])
    );
    assert_eq!(
        (
            panel.time_range.start_ms,
            panel.time_range.end_ms,
            panel.step_ms
        ),
        (AT - 3_600_000, AT, 15_000)
    );
    assert!(
        panel.footer.ends_with("15 s · 2 series · allowed"),
        "{}",
        panel.footer
    );
    assert_eq!(tool.digest, None);

    told.chat.toggle_tool("t1");
    told.chat.choose_panel_kind("t1", "StatChart".into());
    told.tell([json!({"type": "NEW_KIND_OF_EVENT"})]);
    let tool = told.shim.tool("t1");
    assert_eq!(tool.digest.as_deref(), Some("the digest"));
    assert_eq!(tool.query.as_deref(), Some("sum by (mode) (rate(x[1m]))"));
    assert_eq!(tool.panel.as_ref().unwrap().kind, "StatChart");
}

#[test]
fn a_failed_tool_has_no_panel_and_says_why() {
    let mut told = Told::new();
    told.tell([started("r1"), turn("m1", "Why?")]);
    told.tell(call("t1", "query_metrics", &["{\"query\":\"x\"}"]));
    told.tell([
        custom(
            "toolOutcome",
            json!({"toolCallId": "t1", "ok": false, "durationMs": 3,
        "code": "datasourceForbidden", "summary": "You may not query prom."}),
        ),
        result("t1"),
    ]);
    let tool = told.shim.tool("t1");
    assert_eq!(
        (tool.state, tool.panel.is_none()),
        (ToolState::Failed, true)
    );
    assert_eq!(tool.summary.as_deref(), Some("You may not query prom."));
}

#[test]
fn another_agents_query_is_drawn_by_its_arguments() {
    let mut told = Told::new();
    told.tell([started("r1"), turn("m1", "Why?")]);
    told.tell(call(
        "t1",
        "prom_range",
        &[r#"{"expr":"up","start":"now-1h","end":"now","step":"15s"}"#],
    ));
    told.tell([result("t1")]);
    assert_eq!(
        told.shim.tool("t1").panel.as_ref().unwrap().kind,
        "TimeSeriesChart"
    );
}

#[test]
fn a_run_that_fails_or_is_stopped_keeps_what_was_written() {
    for (end, state, code) in [
        (
            json!({"type": "RUN_ERROR", "message": "The model gave up.", "code": "providerError"}),
            MessageState::Failed,
            "providerError",
        ),
        (
            json!({"type": "RUN_ERROR", "message": "x", "code": "ofTheFuture"}),
            MessageState::Failed,
            "ofTheFuture",
        ),
        (
            json!({"type": "RUN_FINISHED", "threadId": "c", "runId": "r1", "outcome": {"type": "cancelled"}}),
            MessageState::Stopped,
            "cancelled",
        ),
    ] {
        let mut told = Told::new();
        told.tell([
            started("r1"),
            turn("m1", "Why?"),
            text_start("a"),
            text("a", "Half"),
        ]);
        told.tell(call("t1", "query_metrics", &["{}"]));
        told.tell([end]);
        assert_eq!(told.answer().state, state);
        assert_eq!(told.answer().trouble.as_ref().unwrap().code, code);
        assert_eq!(told.answer().source.as_deref(), Some("Half"));
        assert_eq!(told.shim.tool("t1").state, ToolState::Stopped);
        assert_eq!(told.chat.unanswered().unwrap().text, "Why?");
        assert_eq!(told.chat.running(), None);
    }
}

#[test]
fn superseded_messages_and_their_tools_are_taken_out() {
    let mut told = Told::new();
    told.tell([
        started("r1"),
        turn("m1", "Why?"),
        text_start("p"),
        text("p", "Old"),
        text_end("p"),
    ]);
    told.tell(call("t1", "query_metrics", &["{}"]));
    told.tell([
        custom("superseded", json!({"messageIds": ["p"]})),
        text_start("q"),
        text("q", "New"),
        text_end("q"),
    ]);
    assert_eq!(told.parts(), "md1");
    assert!(
        !told.shim.nodes.contains_key("tool/t1") && !told.shim.trees.contains_key("md/answer-r1/0")
    );
    told.tell([finished("r1")]);
    assert_eq!(told.answer().source.as_deref(), Some("New"));
}

#[test]
fn every_seq_counts_once_and_in_order() {
    let mut chat = Chat::default();
    let mut tell = |seq: u64, event: Value| chat.apply_json(Some(seq), &event.to_string(), AT);
    assert_eq!(tell(1, started("r1")), Notable::RunStarted);
    tell(2, text_start("a"));
    tell(5, text("a", "once"));
    for _ in 0..3 {
        tell(5, text("a", "once"));
        tell(4, text("a", "late"));
    }
    assert_eq!(tell(6, finished("r1")), Notable::RunEnded);
    assert_eq!(tell(6, finished("r1")), Notable::Nothing);
    let mut shim = Shim::default();
    let mut patches = Vec::new();
    chat.drain(&mut patches, AT);
    shim.apply(patches);
    assert_eq!(shim.message("answer-r1").source.as_deref(), Some("once"));
    assert_eq!(chat.last_seq(), 6);
}

#[test]
fn what_cannot_be_read_is_skipped_and_still_counted() {
    let mut told = Told::new();
    told.tell([started("r1"), text_start("a")]);
    for odd in [
        json!({"type": "RUN_STARTED"}),
        json!({"no": "type"}),
        json!([1]),
        json!({"type": "CUSTOM", "name": "persai.evidence", "value": {"v": 2}}),
        json!({"type": "CUSTOM", "name": "other", "value": null}),
        json!({"type": "TOOL_CALL_ARGS", "toolCallId": "nobody", "delta": "x"}),
        json!({"type": "MESSAGES_SNAPSHOT", "messages": []}),
    ] {
        told.tell([odd]);
    }
    told.chat.apply_json(Some(90), "{not json", AT);
    assert_eq!(told.chat.last_seq(), 90);
    assert_eq!(told.chat.running(), Some("r1"));
}

#[test]
fn notices_stand_where_they_came() {
    let mut told = Told::new();
    told.tell([
        started("r1"),
        turn("m1", "Why?"),
        text_start("a"),
        text("a", "x"),
        text_end("a"),
    ]);
    told.tell([custom(
        "notice",
        json!({"code": "budgetSpent", "message": "The budget is spent.", "hint": "Tomorrow."}),
    )]);
    assert_eq!(told.parts(), "md0 !The budget is spent.");
}

#[test]
fn another_tabs_question_comes_before_its_answer_and_ours_is_not_doubled() {
    let mut told = Told::new();
    told.chat.ask("mine".into(), "r1".into(), "Why?".into(), AT);
    told.tell([
        started("r1"),
        turn("mine", "Why?"),
        finished("r1"),
        started("r2"),
        turn("theirs", "And?"),
    ]);
    assert_eq!(
        told.chat.message_ids(),
        ["mine", "answer-r1", "theirs", "answer-r2"]
    );
    assert_eq!(told.shim.message("mine").state, MessageState::Settled);
    assert_eq!(told.chat.running(), Some("r2"));
}

#[test]
fn a_tool_call_id_that_comes_twice_is_two_cards() {
    let mut told = Told::new();
    for run in ["r0", "r1"] {
        told.tell([started(run), turn(&format!("m-{run}"), "Why?")]);
        told.tell(call("call_1", "query_metrics", &["{}"]));
        told.tell([
            outcome("call_1", run == "r1"),
            result("call_1"),
            finished(run),
        ]);
    }
    assert_eq!(told.shim.tool("call_1").state, ToolState::Failed);
    assert_eq!(told.shim.tool("call_1~2").state, ToolState::Done);
    assert_eq!(told.parts(), "call_1~2");
}

#[test]
fn a_lost_end_is_noticed_when_the_next_run_starts() {
    let mut told = Told::new();
    told.tell([started("r1"), turn("m1", "Why?"), started("r2")]);
    assert_eq!(told.answer().state, MessageState::Failed);
    assert_eq!(
        told.answer().trouble.as_ref().unwrap().code,
        "relayRestarted"
    );
}

#[test]
fn a_streamed_delta_crosses_as_markdown_only() {
    let mut told = Told::new();
    told.tell([
        started("r1"),
        turn("m1", "Why?"),
        text_start("a"),
        text("a", "One"),
    ]);
    let delta: Event = serde_json::from_value(text("a", " two")).unwrap();
    told.chat.apply(Some(told.seq + 1), delta, AT);
    let mut patches = Vec::new();
    told.chat.drain(&mut patches, AT);
    assert_eq!(patches.len(), 1);
    assert!(matches!(&patches[0], crate::view::Patch::Md { key, .. } if key == "md/answer-r1/0"));
}

#[test]
fn the_zone_and_the_kinds_change_what_is_shown() {
    let mut told = Told::new();
    told.chat.page.panel_kinds = None;
    told.tell([started("r1"), turn("m1", "Why?")]);
    told.tell(call("t1", "query_metrics", &["{}"]));
    told.tell([evidence("t1"), outcome("t1", true), result("t1")]);
    assert!(
        told.shim.tool("t1").panel.is_none(),
        "not before the kinds are known"
    );
    told.chat.page.panel_kinds = Some(vec!["StatChart".into()]);
    told.chat.page.utc_offset_minutes = 345;
    told.chat.page_changed();
    told.tell([finished("r1")]);
    let panel = told.shim.tool("t1").panel.clone().unwrap();
    assert_eq!(panel.kind, "StatChart");
    assert!(panel.footer.starts_with("19:45–20:45"), "{}", panel.footer);
    assert!(matches!(told.shim.nodes["tool/t1"], ViewNode::Tool(_)));
}
