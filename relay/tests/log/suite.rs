//! What every implementation of `EventLog` must do. Each case gets an empty log.

use std::sync::Arc;
use std::time::Duration;

use persai_agent::message::{ContentBlock, Message, Role};
use persai_protocol::agui::{Event, MessageRole};
use persai_protocol::rest::RunState;
use persai_relay::log::{EventLog, Followed, Kind, LogError, NewRecord, RunChange, Slice};

use crate::support::{batch, delta, end, key, read_all, start, started, text};

pub async fn seqs_rise_and_are_never_given_twice(log: Arc<dyn EventLog>) {
    let (a, b) = (key("u:ann", "c1"), key("u:ann", "c2"));
    assert_eq!(start(&*log, &a, "r1").await.unwrap(), [1]);
    assert_eq!(
        start(&*log, &b, "r2").await.unwrap(),
        [1],
        "seqs are per conversation"
    );
    let model = NewRecord::message(&Message {
        role: Role::User,
        blocks: vec![ContentBlock::Text { text: "q".into() }],
        replay: None,
    });
    let seqs = log
        .append(batch(&a, "r1", vec![model, delta("a"), delta("b")], None))
        .await
        .unwrap();
    assert_eq!(seqs, [2, 3, 4]);
    assert_eq!(end(&*log, &a, "r1").await.unwrap(), [5]);
    let run = log.run("u:ann", "r1").await.unwrap().unwrap();
    log.fold(&run).await.unwrap();
    assert_eq!(start(&*log, &a, "r3").await.unwrap(), [6]);
    let seqs: Vec<u64> = read_all(&*log, &a, Kind::Agui, 0)
        .await
        .iter()
        .map(|record| record.seq)
        .collect();
    assert_eq!(seqs, [1, 4, 5, 6]);
    assert_eq!(read_all(&*log, &a, Kind::Model, 0).await.len(), 1);
}

pub async fn owners_do_not_see_each_other(log: Arc<dyn EventLog>) {
    let (ann, bob) = (key("u:ann", "same"), key("u:bob", "same"));
    start(&*log, &ann, "run").await.unwrap();
    assert_eq!(log.conversation(&bob).await.unwrap(), None);
    assert_eq!(log.run("u:bob", "run").await.unwrap(), None);
    assert!(log.conversations("u:bob", 10).await.unwrap().is_empty());
    assert!(read_all(&*log, &bob, Kind::Agui, 0).await.is_empty());
    start(&*log, &bob, "run").await.unwrap();
    log.append(batch(&bob, "run", vec![delta("bob's")], None))
        .await
        .unwrap();
    assert_eq!(text(&read_all(&*log, &ann, Kind::Agui, 0).await), "");
    assert_eq!(text(&read_all(&*log, &bob, Kind::Agui, 0).await), "bob's");
}

pub async fn a_conversation_has_one_active_run(log: Arc<dyn EventLog>) {
    let key = key("u:ann", "c");
    start(&*log, &key, "r1").await.unwrap();
    let second = start(&*log, &key, "r2").await;
    assert_eq!(
        second,
        Err(LogError::RunActive {
            run_id: "r1".into()
        })
    );
    let Err(LogError::KnownRun(row)) = start(&*log, &key, "r1").await else {
        panic!("a known run was started")
    };
    assert_eq!(
        (row.first_seq, row.state, row.has_ended()),
        (1, RunState::Running, false)
    );
    end(&*log, &key, "r1").await.unwrap();
    start(&*log, &key, "r2").await.unwrap();
    assert_eq!(
        log.conversation(&key).await.unwrap().unwrap().last_seq,
        3,
        "refused batches wrote nothing"
    );
}

pub async fn nothing_follows_the_end_of_a_run(log: Arc<dyn EventLog>) {
    let key = key("u:ann", "c");
    assert_eq!(
        log.append(batch(&key, "r1", vec![delta("a")], None)).await,
        Err(LogError::RunOver)
    );
    start(&*log, &key, "r1").await.unwrap();
    let ask = batch(&key, "r1", vec![], Some(RunChange::CancelAsked));
    log.append(ask.clone()).await.unwrap();
    assert!(log.run("u:ann", "r1").await.unwrap().unwrap().cancel_asked);
    end(&*log, &key, "r1").await.unwrap();
    assert_eq!(
        end(&*log, &key, "r1").await,
        Err(LogError::RunOver),
        "one end only"
    );
    assert_eq!(log.append(ask).await, Err(LogError::RunOver));
    assert_eq!(
        log.append(batch(&key, "r1", vec![delta("a")], None)).await,
        Err(LogError::RunOver)
    );
    let row = log.run("u:ann", "r1").await.unwrap().unwrap();
    assert_eq!((row.state, row.last_seq), (RunState::Finished, Some(2)));
}

pub async fn summaries_are_newest_first_with_their_newest_run(log: Arc<dyn EventLog>) {
    let (a, b) = (key("u:ann", "a"), key("u:ann", "b"));
    start(&*log, &a, "r1").await.unwrap();
    start(&*log, &b, "r2").await.unwrap();
    end(&*log, &a, "r1").await.unwrap();
    let mut later = batch(&a, "r3", vec![started(&a, "r3")], None);
    later.change = Some(RunChange::Start {
        title: "not the title".into(),
        parent_run_id: None,
    });
    later.at_ms = 2_000;
    log.append(later).await.unwrap();
    let list = log.conversations("u:ann", 10).await.unwrap();
    assert_eq!(
        list.iter()
            .map(|summary| summary.id.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(list[0].title, "title of r1");
    assert_eq!(
        (
            list[0].created_at_ms,
            list[0].updated_at_ms,
            list[0].last_seq
        ),
        (1_000, 2_000, 3)
    );
    let run = list[0].run.as_ref().unwrap();
    assert_eq!((run.run_id.as_str(), run.state), ("r3", RunState::Running));
    assert_eq!(log.conversations("u:ann", 1).await.unwrap().len(), 1);
    assert_eq!(log.conversation(&a).await.unwrap().as_ref(), Some(&list[0]));
}

pub async fn a_follower_hears_what_is_committed_in_order(log: Arc<dyn EventLog>) {
    let key = key("u:ann", "c");
    start(&*log, &key, "r").await.unwrap();
    let mut follower = log.follow(&key);
    for n in 0..20 {
        log.append(batch(
            &key,
            "r",
            vec![delta(&format!("{n} ")), delta("; ")],
            None,
        ))
        .await
        .unwrap();
    }
    let mut seqs = Vec::new();
    while seqs.len() < 40 {
        match tokio::time::timeout(Duration::from_secs(5), follower.next())
            .await
            .unwrap()
        {
            Followed::Record(record) => seqs.push(record.seq),
            Followed::Behind | Followed::Closed => panic!("lost"),
        }
    }
    assert_eq!(seqs, (2..=41).collect::<Vec<u64>>());
    // A slow one is told that it is behind, and the log has it all.
    for _ in 0..500 {
        log.append(batch(&key, "r", vec![delta("x")], None))
            .await
            .unwrap();
    }
    let mut behind = false;
    while let Ok(followed) = tokio::time::timeout(Duration::from_millis(50), follower.next()).await
    {
        behind |= matches!(followed, Followed::Behind);
    }
    assert!(behind);
    assert_eq!(read_all(&*log, &key, Kind::Agui, 41).await.len(), 500);
}

pub async fn folding_changes_nothing_that_a_reader_can_tell(log: Arc<dyn EventLog>) {
    let key = key("u:ann", "c");
    start(&*log, &key, "r").await.unwrap();
    let open = Event::TextMessageStart {
        message_id: "m".into(),
        role: MessageRole::Assistant,
    };
    log.append(batch(&key, "r", vec![NewRecord::event(&open)], None))
        .await
        .unwrap();
    // Parts of many sizes with characters of many lengths, and other events between.
    for n in 0..40u32 {
        let part: String = "aé€🦀"
            .chars()
            .cycle()
            .skip(n as usize % 4)
            .take(n as usize % 9 + 1)
            .collect();
        let mut records = vec![delta(&part)];
        if n % 7 == 0 {
            records.push(NewRecord::event(&Event::StepStarted {
                step_name: format!("round-{n}"),
            }));
        }
        log.append(batch(&key, "r", records, None)).await.unwrap();
    }
    let close = Event::TextMessageEnd {
        message_id: "m".into(),
    };
    log.append(batch(&key, "r", vec![NewRecord::event(&close)], None))
        .await
        .unwrap();
    end(&*log, &key, "r").await.unwrap();

    let whole = read_all(&*log, &key, Kind::Agui, 0).await;
    let run = log.run("u:ann", "r").await.unwrap().unwrap();
    assert_eq!(log.unsettled_runs().await.unwrap().len(), 1);
    log.fold(&run).await.unwrap();
    assert!(log.unsettled_runs().await.unwrap().is_empty());
    let folded = read_all(&*log, &key, Kind::Agui, 0).await;
    assert!(
        folded.len() < whole.len() / 2,
        "{} of {}",
        folded.len(),
        whole.len()
    );
    assert_eq!(text(&folded), text(&whole));
    for (index, record) in whole.iter().enumerate() {
        let seen = &whole[..=index];
        let rest = read_all(&*log, &key, Kind::Agui, record.seq).await;
        assert_eq!(
            text(seen) + &text(&rest),
            text(&whole),
            "after {}",
            record.seq
        );
        assert_eq!(
            rest.last().map(|record| record.seq),
            whole[index + 1..].last().map(|record| record.seq)
        );
    }
    log.fold(&run).await.unwrap();
    assert_eq!(
        read_all(&*log, &key, Kind::Agui, 0).await,
        folded,
        "a second fold finds nothing to do"
    );
}

pub async fn results_come_back_as_they_were(log: Arc<dyn EventLog>) {
    let key = key("u:ann", "c");
    start(&*log, &key, "r").await.unwrap();
    let raw = b"{\"status\":\"success\",\"data\":[]}".repeat(20_000);
    let record = NewRecord::result("call_1", "00ff", &raw).unwrap();
    log.append(batch(&key, "r", vec![record], None))
        .await
        .unwrap();
    let read = read_all(&*log, &key, Kind::Result, 0).await;
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].unpack().unwrap(), raw);
    assert!(
        read_all(&*log, &key, Kind::Agui, 1).await.is_empty(),
        "results are no events"
    );
}

pub async fn a_page_is_bounded_in_bytes(log: Arc<dyn EventLog>) {
    let key = key("u:ann", "c");
    start(&*log, &key, "r").await.unwrap();
    let big = "x".repeat(40_000);
    log.append(batch(&key, "r", vec![delta(&big); 10], None))
        .await
        .unwrap();
    let slice = Slice {
        conversation: &key,
        after: 0,
        run_id: Some("r"),
        kind: Kind::Agui,
        limit: 100,
    };
    let page = log.read(slice).await.unwrap();
    assert_eq!(page.len(), 3, "the start and two big ones");
    assert_eq!(read_all(&*log, &key, Kind::Agui, 0).await.len(), 11);
}

pub async fn many_at_once_lose_nothing(log: Arc<dyn EventLog>) {
    let writers = (0..50).map(|n| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let key = key("u:ann", &format!("c{n}"));
            start(&*log, &key, &format!("r{n}")).await.unwrap();
            for part in 0..40 {
                log.append(batch(
                    &key,
                    &format!("r{n}"),
                    vec![delta(&format!("{part},"))],
                    None,
                ))
                .await
                .unwrap();
            }
            end(&*log, &key, &format!("r{n}")).await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let expected: String = (0..40).map(|part| format!("{part},")).collect();
    for n in 0..50 {
        let records = read_all(&*log, &key("u:ann", &format!("c{n}")), Kind::Agui, 0).await;
        assert_eq!(
            records.iter().map(|record| record.seq).collect::<Vec<_>>(),
            (1..=42).collect::<Vec<u64>>()
        );
        assert_eq!(text(&records), expected);
    }
}
