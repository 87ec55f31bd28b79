//! Batches and readings for the suite.

use persai_protocol::agui::Event;
use persai_protocol::rest::RunState;
use persai_relay::log::{
    Batch, ConversationKey, Durability, EventLog, Kind, LogError, NewRecord, Record, RunChange,
    Slice,
};

pub fn key(owner: &str, id: &str) -> ConversationKey {
    ConversationKey {
        owner: owner.into(),
        id: id.into(),
    }
}

pub fn batch(
    key: &ConversationKey,
    run_id: &str,
    records: Vec<NewRecord>,
    change: Option<RunChange>,
) -> Batch {
    let durability = if change.is_some() {
        Durability::Synced
    } else {
        Durability::Committed
    };
    Batch {
        conversation: key.clone(),
        run_id: run_id.into(),
        at_ms: 1_000,
        records,
        change,
        durability,
    }
}

pub fn started(key: &ConversationKey, run_id: &str) -> NewRecord {
    NewRecord::event(&Event::RunStarted {
        thread_id: key.id.clone(),
        run_id: run_id.into(),
        protocol_version: None,
        parent_run_id: None,
        timestamp: None,
    })
}

pub fn finished(key: &ConversationKey, run_id: &str) -> NewRecord {
    NewRecord::event(&Event::RunFinished {
        thread_id: key.id.clone(),
        run_id: run_id.into(),
        outcome: None,
        usage: vec![],
        timestamp: None,
    })
}

pub fn delta(text: &str) -> NewRecord {
    NewRecord::event(&Event::TextMessageContent {
        message_id: "m".into(),
        delta: text.into(),
    })
}

pub async fn start(
    log: &dyn EventLog,
    key: &ConversationKey,
    run_id: &str,
) -> Result<Vec<u64>, LogError> {
    let change = RunChange::Start {
        title: format!("title of {run_id}"),
        parent_run_id: None,
    };
    log.append(batch(key, run_id, vec![started(key, run_id)], Some(change)))
        .await
}

pub async fn end(
    log: &dyn EventLog,
    key: &ConversationKey,
    run_id: &str,
) -> Result<Vec<u64>, LogError> {
    let change = RunChange::End {
        state: RunState::Finished,
        reason: None,
    };
    log.append(batch(
        key,
        run_id,
        vec![finished(key, run_id)],
        Some(change),
    ))
    .await
}

pub async fn read_all(
    log: &dyn EventLog,
    key: &ConversationKey,
    kind: Kind,
    after: u64,
) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let after = records.last().map_or(after, |record| record.seq);
        let page = log
            .read(Slice {
                conversation: key,
                after,
                run_id: None,
                kind,
                limit: 7,
            })
            .await
            .unwrap();
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

/// Text of message `m` in these records.
pub fn text(records: &[Record]) -> String {
    records
        .iter()
        .filter_map(|record| match serde_json::from_str(&record.body).unwrap() {
            Event::TextMessageContent { delta, .. } => Some(delta),
            _ => None,
        })
        .collect()
}
