//! Finding the relay and the lists.

use serde_json::{Value, json};

use super::world::{World, capabilities, datasources, refused};
use crate::app::{Memo, Memory};
use crate::view::Phase;

#[test]
fn the_page_becomes_ready_with_its_default_datasource() {
    let world = World::ready();
    let app = world.app();
    assert_eq!(app.phase, Phase::Ready);
    assert!(app.can_send && app.trouble.is_none() && app.history_line.is_none());
    let chosen: Vec<_> = app
        .datasources
        .iter()
        .filter(|one| one.selected)
        .map(|one| one.title.as_str())
        .collect();
    assert_eq!(chosen, ["main"]);
    assert!(
        app.datasources
            .iter()
            .any(|one| one.title == "direct" && one.disabled_reason.is_some())
    );
    assert_eq!(app.suggestions.len(), 4);
    assert_eq!(
        app.privacy_line,
        "Answers come from the built-in engine; nothing leaves this Perses."
    );
    assert_eq!(
        world.log,
        [
            "GET /plugins/PersAI/config.json",
            "GET /persai/v1/capabilities",
            "GET /persai/v1/conversations",
            "GET /api/v1/globaldatasources?kind=PrometheusDatasource",
            "GET /api/v1/plugins",
        ]
    );
    assert!(world.alarms.is_empty());
}

#[test]
fn the_browser_key_is_made_once_and_always_sent() {
    let mut world = World::started(Memory::default());
    let Some((Memo::BrowserKey, Some(key))) = world.memos.first().cloned() else {
        panic!("no key is kept")
    };
    world.answer("config.json", 404, Value::Null);
    let request = world.answer("capabilities", 200, capabilities("none"));
    assert!(request.headers.contains(&("X-PersAI-Browser", key.clone())));
    assert!(world.app().history_line.is_some());

    let world = World::started(Memory {
        browser_key: Some(key),
        ..Memory::default()
    });
    assert!(world.memos.is_empty());
}

#[test]
fn a_config_beside_the_plugin_comes_first_and_strangers_are_passed_by() {
    let mut world = World::started(Memory::default());
    world.answer("config.json", 200, json!({"relay": "/ai"}));
    world.answer(
        "/ai/v1/capabilities",
        200,
        json!({"product": "something else"}),
    );
    world.answer("/persai/v1/capabilities", 200, capabilities("perses"));
    assert_eq!(world.app().phase, Phase::Connecting);
    assert_eq!(
        world.take("conversations").1.url,
        "/persai/v1/conversations"
    );
}

#[test]
fn no_relay_is_said_with_its_places_and_asked_again_only_by_hand() {
    let mut world = World::started(Memory::default());
    world.answer("config.json", 404, Value::Null);
    world.answer("capabilities", 404, Value::Null);
    assert_eq!(
        (world.app().phase, world.trouble()),
        (Phase::Unreachable, "relayMissing")
    );
    assert!(
        world
            .app()
            .trouble
            .as_ref()
            .unwrap()
            .why
            .contains("/persai")
    );
    assert!(world.alarms.is_empty() && world.asked.is_empty());
    assert_eq!(world.command(json!({"type": "retry"})), None);
    world.connect(json!([]));
    assert_eq!((world.app().phase, world.trouble()), (Phase::Ready, ""));
}

#[test]
fn an_unreachable_relay_is_tried_again_by_itself_ever_more_slowly() {
    let mut world = World::started(Memory::default());
    let mut waits = Vec::new();
    for _ in 0..8 {
        world.fail("config.json");
        world.fail("capabilities");
        assert_eq!(world.trouble(), "relayUnreachable");
        assert!(
            world
                .app()
                .trouble
                .as_ref()
                .unwrap()
                .retry_in_secs
                .is_some()
        );
        waits.push(world.ring());
    }
    assert!(
        waits[0] <= 1000 && waits.iter().all(|wait| *wait <= 15_000) && waits[7] > 7000,
        "{waits:?}"
    );
    world.connect(json!([]));
    assert_eq!((world.app().phase, world.trouble()), (Phase::Ready, ""));
}

#[test]
fn another_protocol_is_told_in_words() {
    let mut world = World::started(Memory::default());
    world.answer("config.json", 404, Value::Null);
    let mut newer = capabilities("perses");
    newer["protocol"] = json!({"min": 2, "max": 3});
    world.answer("capabilities", 200, newer);
    assert_eq!(
        (world.app().phase, world.trouble()),
        (Phase::Incompatible, "relayIncompatible")
    );
    assert!(!world.app().can_send);
}

#[test]
fn storage_that_is_down_at_the_relay_is_waited_for() {
    let mut world = World::started(Memory::default());
    world.answer("config.json", 404, Value::Null);
    world.answer("capabilities", 200, capabilities("perses"));
    world.answer("conversations", 503, refused("storageUnavailable"));
    assert_eq!(
        (world.app().phase, world.trouble()),
        (Phase::Unreachable, "storageUnavailable")
    );
    world.ring();
    world.connect(json!([]));
    assert_eq!(world.trouble(), "");
}

#[test]
fn datasources_that_cannot_be_read_leave_the_page_usable() {
    let mut world = World::started(Memory::default());
    world.answer("config.json", 404, Value::Null);
    world.answer("capabilities", 200, capabilities("perses"));
    world.answer("conversations", 200, json!({"conversations": []}));
    world.answer("globaldatasources", 500, Value::Null);
    assert_eq!(
        (world.app().phase, world.trouble(), world.app().can_send),
        (Phase::Ready, "datasourcesUnreadable", true)
    );
    assert_eq!(world.command(json!({"type": "retry"})), None);
    world.answer("globaldatasources", 200, json!([]));
    assert_eq!(world.trouble(), "noDatasource");
    world.command(json!({"type": "retry"}));
    world.answer("globaldatasources", 200, datasources());
    assert_eq!(world.trouble(), "");
}

#[test]
fn datasource_and_model_can_be_chosen_within_what_there_is() {
    let mut world = World::ready();
    let select = |name: &str| json!({"type": "selectDatasources", "names": [{"kind": "PrometheusDatasource", "name": name}]});
    assert_eq!(world.command(select("a")), None);
    assert_eq!(
        world.memos.last().unwrap(),
        &(Memo::Datasource, Some("a".to_owned()))
    );
    assert!(
        world
            .command(select("direct"))
            .unwrap()
            .contains("direct URL")
    );
    assert!(world.command(select("nowhere")).is_some());
    assert!(
        world
            .app()
            .datasources
            .iter()
            .any(|one| one.title == "a" && one.selected)
    );
    assert!(
        world
            .command(json!({"type": "selectModel", "id": "none"}))
            .is_some()
    );
    assert_eq!(
        world.command(json!({"type": "selectModel", "id": "big"})),
        None
    );
    assert_eq!(
        world.app().privacy_line,
        "Questions and query digests are sent to llm.example."
    );
}

#[test]
fn a_shim_that_mounts_again_gets_the_whole_view_and_nothing_is_asked_anew() {
    let mut world = World::ready();
    let asked = world.log.len();
    world.command(json!({"type": "start", "env": {"apiPrefix": "", "pluginBase": "/plugins/PersAI/",
        "origin": "https://perses.example", "timeRange": {"startMs": 0, "endMs": 1}, "utcOffsetMinutes": 0}}));
    assert_eq!(world.log.len(), asked);
    let mut again = crate::testing::Shim::default();
    again.apply(world.core.snapshot());
    assert_eq!(again, world.shim);
}
