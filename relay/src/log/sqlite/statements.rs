//! The SQL of the writer, each statement on the writer's one connection.

use std::sync::{Arc, LazyLock};

use persai_protocol::rest::RunState;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{RUN_BY_ID, as_i64, as_u64, run_of, state_text};
use crate::log::fold::Fold;
use crate::log::record::Record;
use crate::log::{Batch, ConversationKey, LogError, RunChange, RunRow};

/// Where a conversation stands. Only the writer changes it, so it can be kept in memory.
#[derive(Clone)]
pub struct Place {
    pub key: i64,
    pub last_seq: u64,
    pub active_run: Option<String>,
}

/// A row that is still to be inserted.
pub struct NewRow {
    pub key: i64,
    pub record: Arc<Record>,
}

type Sql<T> = Result<T, sqlx::Error>;

pub async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Sql<()> {
    sqlx::query(sql).execute(connection).await.map(|_| ())
}

pub async fn place(
    connection: &mut SqliteConnection,
    conversation: &ConversationKey,
) -> Sql<Option<Place>> {
    let row: Option<(i64, i64, Option<String>)> = sqlx::query_as(
        "SELECT key, MAX(last_seq, COALESCE((SELECT MAX(seq) FROM records WHERE conversation_key = key), 0)), \
         (SELECT run_id FROM runs WHERE conversation_key = key AND ended_at_ms IS NULL) \
         FROM conversations WHERE owner = ?1 AND id = ?2",
    )
    .bind(&conversation.owner)
    .bind(&conversation.id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(key, last_seq, active_run)| Place {
        key,
        last_seq: as_u64(last_seq),
        active_run,
    }))
}

/// The inner error: the row is there and cannot be read.
pub async fn known_run(
    connection: &mut SqliteConnection,
    owner: &str,
    run_id: &str,
) -> Sql<Result<Option<RunRow>, LogError>> {
    let row = sqlx::query(RUN_BY_ID)
        .bind(owner)
        .bind(run_id)
        .fetch_optional(connection)
        .await?;
    Ok(row.as_ref().map(run_of).transpose())
}

pub async fn create(connection: &mut SqliteConnection, batch: &Batch, title: &str) -> Sql<Place> {
    let done = sqlx::query(
        "INSERT INTO conversations (owner, id, title, created_at_ms, updated_at_ms, last_seq) \
         VALUES (?1, ?2, ?3, ?4, ?4, 0)",
    )
    .bind(&batch.conversation.owner)
    .bind(&batch.conversation.id)
    .bind(title)
    .bind(batch.at_ms)
    .execute(connection)
    .await?;
    Ok(Place {
        key: done.last_insert_rowid(),
        last_seq: 0,
        active_run: None,
    })
}

/// Does the batch's change to its run's row, to its conversation's, and to `place`. `first_seq` is the seq of the
/// batch's first record.
pub async fn change_run(
    connection: &mut SqliteConnection,
    batch: &Batch,
    place: &mut Place,
    first_seq: Option<u64>,
) -> Sql<()> {
    let owner = &batch.conversation.owner;
    let query = match &batch.change {
        None => return Ok(()),
        Some(RunChange::Start { parent_run_id, .. }) => {
            place.active_run = Some(batch.run_id.clone());
            sqlx::query(
                "INSERT INTO runs (owner, run_id, conversation_key, parent_run_id, state, first_seq, started_at_ms) \
                 VALUES (?1, ?2, ?3, COALESCE(?4, (SELECT run_id FROM runs WHERE conversation_key = ?3 \
                   AND state = 'finished' ORDER BY first_seq DESC LIMIT 1)), ?5, ?6, ?7)",
            )
            .bind(owner)
            .bind(&batch.run_id)
            .bind(place.key)
            .bind(parent_run_id.as_deref())
            .bind(state_text(RunState::Running))
            .bind(as_i64(first_seq.unwrap_or(place.last_seq + 1)))
            .bind(batch.at_ms)
        }
        Some(RunChange::CancelAsked) => sqlx::query(
            "UPDATE runs SET cancel_asked_at_ms = COALESCE(cancel_asked_at_ms, ?1) WHERE owner = ?2 AND run_id = ?3",
        )
        .bind(batch.at_ms)
        .bind(owner)
        .bind(&batch.run_id),
        Some(RunChange::End { state, reason }) => {
            place.active_run = None;
            sqlx::query(
                "UPDATE runs SET state = ?1, reason = ?2, ended_at_ms = ?3, last_seq = ?4 \
                 WHERE owner = ?5 AND run_id = ?6",
            )
            .bind(state_text(*state))
            .bind(reason.as_deref())
            .bind(batch.at_ms)
            .bind(as_i64(place.last_seq))
            .bind(owner)
            .bind(&batch.run_id)
        }
    };
    query.execute(&mut *connection).await?;
    sqlx::query("UPDATE conversations SET last_seq = ?1, updated_at_ms = ?2 WHERE key = ?3")
        .bind(as_i64(place.last_seq))
        .bind(batch.at_ms)
        .bind(place.key)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Rows of one insert, at most.
pub const MAX_ROWS: usize = 32;

/// At most [`MAX_ROWS`] rows are one statement, and so one transaction by themselves.
pub async fn insert(connection: &mut SqliteConnection, rows: &[NewRow]) -> Sql<()> {
    for chunk in rows.chunks(MAX_ROWS) {
        let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&INSERTS[chunk.len() - 1])));
        for NewRow { key, record } in chunk {
            query = query
                .bind(key)
                .bind(as_i64(record.seq))
                .bind(record.v)
                .bind(record.at_ms)
                .bind(Arc::clone(&record.run_id))
                .bind(record.kind.as_str())
                .bind(Arc::clone(&record.body))
                .bind(record.data.as_deref().map(Vec::as_slice));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// One statement per number of rows, each prepared once.
static INSERTS: LazyLock<[Arc<str>; MAX_ROWS]> = LazyLock::new(|| {
    std::array::from_fn(|index| {
        let values = vec!["(?, ?, ?, ?, ?, ?, ?, ?)"; index + 1].join(", ");
        Arc::from(format!(
            "INSERT INTO records (conversation_key, seq, v, at_ms, run_id, kind, body, data) VALUES {values}"
        ))
    })
});

pub async fn fold(
    connection: &mut SqliteConnection,
    place: &Place,
    owner: &str,
    run_id: &str,
    folds: &[Fold],
) -> Sql<()> {
    for fold in folds {
        let removed = serde_json::to_string(&fold.removed).unwrap_or_else(|_| "[]".to_owned());
        let parts = serde_json::to_string(&fold.parts).unwrap_or_else(|_| "[]".to_owned());
        sqlx::query("DELETE FROM records WHERE conversation_key = ?1 AND seq IN (SELECT value FROM json_each(?2))")
            .bind(place.key)
            .bind(removed)
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "UPDATE records SET body = ?1, parts = ?2 WHERE conversation_key = ?3 AND seq = ?4",
        )
        .bind(Arc::clone(&fold.body))
        .bind(parts)
        .bind(place.key)
        .bind(as_i64(fold.seq))
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query(
        "UPDATE runs SET folded = 1 WHERE owner = ?1 AND run_id = ?2 AND ended_at_ms IS NOT NULL",
    )
    .bind(owner)
    .bind(run_id)
    .execute(connection)
    .await
    .map(|_| ())
}
