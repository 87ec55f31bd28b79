//! What one reader sees, every reader sees, whenever it comes, leaves and comes back.

use std::sync::Arc;
use std::time::Duration;

use persai_protocol::agui::Event;
use persai_protocol::error::ErrorCode;
use persai_protocol::rest::RunState;
use persai_relay::log::{ConversationKey, EventLog, Kind, Slice};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_follows_sees_the_same() {
    let (model, gate) = GatedModel::new();
    let world = world(model).await;
    let accepted = start(&world.runs, input("c1", "r1", "hello?"))
        .await
        .unwrap();
    assert_eq!((accepted.first_seq, accepted.state), (1, RunState::Running));
    let one = tokio::spawn(rest(
        world.runs.follow_run(&ann(), "r1", None).await.unwrap(),
    ));
    let mut two = world
        .runs
        .follow_conversation(&ann(), "c1", None)
        .await
        .unwrap();
    let mut seen = until(&mut two, |item| is_custom(item, "persai.caughtUp")).await;
    gate.say("Hello ");
    seen.extend(
        until(&mut two, |item| {
            text(std::slice::from_ref(item)).contains("Hello")
        })
        .await,
    );
    let late = tokio::spawn(rest(
        world.runs.follow_run(&ann(), "r1", None).await.unwrap(),
    ));
    for n in 0..50 {
        gate.say(&format!("word{n} "));
        if n % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
    gate.end();
    seen.extend(until(&mut two, ends_run).await);
    let caught_up = seen
        .iter()
        .filter(|item| is_custom(item, "persai.caughtUp"))
        .count();
    assert_eq!(caught_up, 1);
    seen.retain(|item| item.seq.is_some());
    let one = one.await.unwrap();
    // Who is slow may read the folded log: joined, the events are the same for all.
    assert_eq!(merged(&one), merged(&seen));
    assert_eq!(merged(&late.await.unwrap()), merged(&seen));
    assert_rising(&one);
    assert_well_formed(&one);
    assert!(text(&one).starts_with("Hello word0 word1 ") && text(&one).ends_with("word49 "));
    assert!(matches!(event(&one[0]), Event::RunStarted { .. }));
    assert!(is_custom(&one[1], "persai.turn"));

    // After the fold: fewer events, the same text.
    world.runs.drain().await;
    let folded = rest(world.runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_eq!(text(&folded), text(&one));
    assert!(folded.len() <= one.len());
    assert_eq!(seqs(&folded).last(), seqs(&one).last());
}

#[tokio::test]
async fn a_reader_that_leaves_does_not_end_the_run() {
    let (model, gate) = GatedModel::new();
    let world = world(model).await;
    start(&world.runs, input("c1", "r1", "q")).await.unwrap();
    let mut reader = world.runs.follow_run(&ann(), "r1", None).await.unwrap();
    gate.say("one ");
    until(&mut reader, |item| {
        text(std::slice::from_ref(item)) == "one "
    })
    .await;
    drop(reader);
    gate.say("two");
    gate.end();
    let items = rest(world.runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_eq!(text(&items), "one two");
    assert_eq!(
        world
            .runs
            .get(&ann(), "c1")
            .await
            .unwrap()
            .run
            .unwrap()
            .state,
        RunState::Finished
    );
}

#[tokio::test]
async fn a_reader_ahead_of_the_log_is_reset_and_gets_everything() {
    let (model, gate) = GatedModel::new();
    let world = world(model).await;
    start(&world.runs, input("c1", "r1", "q")).await.unwrap();
    gate.say("a");
    gate.end();
    let whole = rest(world.runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    let mut reader = world
        .runs
        .follow_conversation(&ann(), "c1", Some(5_000))
        .await
        .unwrap();
    let items = until(&mut reader, |item| is_custom(item, "persai.caughtUp")).await;
    assert!(is_custom(&items[0], "persai.reset") && items[0].seq.is_none());
    assert_eq!(text(&items), text(&whole));
    assert!(matches!(event(&items[1]), Event::RunStarted { .. }));
    let items = rest(
        world
            .runs
            .follow_run(&ann(), "r1", Some(5_000))
            .await
            .unwrap(),
    )
    .await;
    assert!(is_custom(&items[0], "persai.reset"));
    assert_eq!(text(&items), text(&whole));
    let last = *seqs(&whole).last().unwrap();
    assert!(
        rest(
            world
                .runs
                .follow_run(&ann(), "r1", Some(last))
                .await
                .unwrap()
        )
        .await
        .is_empty()
    );
}

#[tokio::test]
async fn deltas_are_joined_and_large_ones_split_and_nothing_changes_its_place() {
    let (model, gate) = GatedModel::new();
    let world = world(model).await;
    start(&world.runs, input("c1", "r1", "q")).await.unwrap();
    let mut expected = String::new();
    for n in 0..2_000 {
        let word = format!("{n} ");
        gate.say(&word);
        expected.push_str(&word);
    }
    let large = "é".repeat(100_000);
    gate.say(&large);
    expected.push_str(&large);
    gate.end();
    let items = rest(world.runs.follow_run(&ann(), "r1", None).await.unwrap()).await;
    assert_eq!(text(&items), expected);
    assert!(items.len() < 200, "{} events", items.len());
    assert!(
        items.iter().all(|item| item.data.len() < 70_000),
        "a large event"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_live_joined_are_the_whole_for_any_cut() {
    let model = Arc::new(TalkingModel {
        parts: 150,
        pause: Duration::from_millis(7),
    });
    let world = world(model).await;
    start(&world.runs, input("c1", "r1", "q")).await.unwrap();
    let whole_run = world.runs.follow_run(&ann(), "r1", None).await.unwrap();
    // Readers that come, leave at random places and come back with their last seq.
    let readers = (1..=20u64).map(|seed| {
        let runs = world.runs.clone();
        tokio::spawn(async move {
            let mut numbers = Numbers(seed);
            let (mut seen, mut after) = (Vec::new(), None);
            'again: loop {
                let mut stream = runs.follow_run(&ann(), "r1", after).await.unwrap();
                for _ in 0..=numbers.below(12) {
                    let Some(item) = next(&mut stream).await else {
                        break 'again;
                    };
                    after = item.seq;
                    let last = ends_run(&item);
                    seen.push(item);
                    if last {
                        break 'again;
                    }
                }
                tokio::time::sleep(Duration::from_millis(numbers.below(40))).await;
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    let whole = rest(whole_run).await;
    assert_eq!(text(&whole), talk(150));
    for reader in readers {
        let seen = reader.await.unwrap();
        assert_rising(&seen);
        assert_eq!(text(&seen), talk(150), "nothing lost, nothing twice");
        assert_eq!(seqs(&seen).last(), seqs(&whole).last());
    }
    // And after the fold, for every seq that was ever sent.
    for (index, item) in whole.iter().enumerate() {
        let rest = rest(world.runs.follow_run(&ann(), "r1", item.seq).await.unwrap()).await;
        assert_eq!(text(&whole[..=index]) + &text(&rest), talk(150));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_streams_at_once_lose_nothing() {
    let model = Arc::new(TalkingModel {
        parts: 60,
        pause: Duration::from_millis(20),
    });
    let world = world(model).await;
    let streams = (0..100).map(|n| {
        let runs = world.runs.clone();
        tokio::spawn(async move {
            let (conversation, run) = (format!("c{n}"), format!("r{n}"));
            start(&runs, input(&conversation, &run, "q")).await.unwrap();
            rest(runs.follow_run(&ann(), &run, None).await.unwrap()).await
        })
    });
    for stream in streams.collect::<Vec<_>>() {
        let items = stream.await.unwrap();
        assert_eq!(text(&items), talk(60));
        assert_rising(&items);
        assert_well_formed(&items);
    }
    assert_eq!(world.runs.list(&ann()).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_conversation_stream_goes_on_over_runs() {
    let (model, gate) = GatedModel::new();
    let world = world(model).await;
    start(&world.runs, input("c1", "r1", "q1")).await.unwrap();
    let mut reader = world
        .runs
        .follow_conversation(&ann(), "c1", None)
        .await
        .unwrap();
    gate.say("one");
    gate.end();
    let mut items = until(&mut reader, ends_run).await;
    start(&world.runs, input("c1", "r2", "q2")).await.unwrap();
    gate.say("two");
    gate.end();
    items.extend(until(&mut reader, ends_run).await);
    assert_eq!(text(&items), "onetwo");
    assert_rising(&items);
    assert_well_formed(&items);
    let key = ConversationKey {
        owner: "u:ann".into(),
        id: "c1".into(),
    };
    let slice = Slice {
        conversation: &key,
        after: 0,
        run_id: Some("r2"),
        kind: Kind::Model,
        limit: 10,
    };
    assert_eq!(
        world.log.read(slice).await.unwrap().len(),
        2,
        "question and answer"
    );
    // A drain closes it.
    world.runs.drain().await;
    assert_eq!(next(&mut reader).await, None);
    assert_eq!(
        start(&world.runs, input("c2", "r3", "q"))
            .await
            .unwrap_err()
            .code,
        ErrorCode::Draining
    );
}

/// Runs come, end and are folded while readers leave and come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_is_whole_for_any_cut_while_its_runs_are_folded() {
    let model = Arc::new(TalkingModel {
        parts: 30,
        pause: Duration::from_millis(6),
    });
    let world = world(model).await;
    start(&world.runs, input("c1", "r0", "q")).await.unwrap();
    let mut watcher = world
        .runs
        .follow_conversation(&ann(), "c1", None)
        .await
        .unwrap();
    let readers = (100..115u64).map(|seed| {
        let runs = world.runs.clone();
        tokio::spawn(async move {
            let mut numbers = Numbers(seed);
            let (mut seen, mut after, mut ends) = (Vec::new(), None, 0);
            while ends < 4 {
                let mut stream = runs.follow_conversation(&ann(), "c1", after).await.unwrap();
                for _ in 0..=numbers.below(15) {
                    let Some(item) = next(&mut stream).await else {
                        break;
                    };
                    let Some(seq) = item.seq else { continue };
                    after = Some(seq);
                    ends += usize::from(ends_run(&item));
                    seen.push(item);
                    if ends == 4 {
                        break;
                    }
                }
                tokio::time::sleep(Duration::from_millis(numbers.below(60))).await;
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut whole = until(&mut watcher, ends_run).await;
    for n in 1..4 {
        start(&world.runs, input("c1", &format!("r{n}"), "q"))
            .await
            .unwrap();
        whole.extend(until(&mut watcher, ends_run).await);
    }
    whole.retain(|item| item.seq.is_some());
    assert_eq!(text(&whole), talk(30).repeat(4));
    assert_well_formed(&whole);
    for reader in readers {
        let seen = reader.await.unwrap();
        assert_rising(&seen);
        assert_well_formed(&seen);
        assert_eq!(text(&seen), text(&whole));
    }
    // The end of an earlier run, for a reader that is further on.
    let last = whole.last().unwrap().seq;
    assert!(
        rest(world.runs.follow_run(&ann(), "r0", last).await.unwrap())
            .await
            .is_empty()
    );
}
