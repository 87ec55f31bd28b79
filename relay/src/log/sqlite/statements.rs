//! The SQL of the writer. What is written is gathered in a [`Script`], because each trip to SQLite's thread and back
//! costs more than most statements do.

use std::sync::Arc;

use persai_protocol::rest::RunState;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Row as _, Sqlite, SqliteConnection, Type};

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

/// Statements that are sent together, each ended by `;`, with the values of their `?` in order. A script's text is
/// prepared once and kept, so there must not be too many different ones.
#[derive(Default)]
pub struct Script {
    sql: String,
    values: SqliteArguments,
    wrong: Option<BoxDynError>,
}

impl Script {
    pub fn add(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    pub fn bind<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.values.add(value) {
            self.wrong = Some(error);
        }
        self
    }

    /// Runs what was added, up to the first statement that fails, and leaves the script empty.
    pub async fn send(&mut self, connection: &mut SqliteConnection) -> Sql<()> {
        let Self { sql, values, wrong } = std::mem::take(self);
        if let Some(error) = wrong {
            return Err(sqlx::Error::Encode(error));
        }
        if sql.is_empty() {
            return Ok(());
        }
        sqlx::query_with(AssertSqlSafe(sql), values)
            .execute(connection)
            .await
            .map(|_| ())
    }
}

/// The key that the next new conversation gets.
pub async fn next_key(connection: &mut SqliteConnection) -> Sql<i64> {
    sqlx::query_scalar(
        "SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'conversations'",
    )
    .fetch_one(connection)
    .await
}

/// Where the conversation stands, if there is one, and whether its owner has a run of this id.
pub async fn look(
    connection: &mut SqliteConnection,
    conversation: &ConversationKey,
    run_id: &str,
) -> Sql<(Option<Place>, bool)> {
    let row = sqlx::query(
        "SELECT c.key, MAX(c.last_seq, COALESCE((SELECT MAX(seq) FROM records WHERE conversation_key = c.key), 0)), \
           (SELECT run_id FROM runs WHERE conversation_key = c.key AND ended_at_ms IS NULL), \
           EXISTS (SELECT 1 FROM runs WHERE owner = ?1 AND run_id = ?3) \
         FROM (SELECT 1) LEFT JOIN conversations c ON c.owner = ?1 AND c.id = ?2",
    )
    .bind(&conversation.owner)
    .bind(&conversation.id)
    .bind(run_id)
    .fetch_one(connection)
    .await?;
    let place = match row.try_get(0)? {
        Some(key) => Some(Place {
            key,
            last_seq: as_u64(row.try_get(1)?),
            active_run: row.try_get(2)?,
        }),
        None => None,
    };
    Ok((place, row.try_get(3)?))
}

/// The inner error: the row is there and cannot be read.
pub async fn known_run(
    connection: &mut SqliteConnection,
    owner: &str,
    run_id: &str,
) -> Sql<Result<RunRow, LogError>> {
    let row = sqlx::query(RUN_BY_ID)
        .bind(owner)
        .bind(run_id)
        .fetch_one(connection)
        .await?;
    Ok(run_of(&row))
}

/// What a batch does to its run's row and to its conversation's.
pub struct Changed<'a> {
    pub batch: &'a Batch,
    pub change: &'a RunChange,
    /// After the batch.
    pub place: Place,
    /// Of the batch's first record.
    pub first_seq: u64,
    pub new_conversation: bool,
}

impl Changed<'_> {
    pub fn add_to(&self, script: &mut Script) {
        let (batch, key) = (self.batch, self.place.key);
        let (owner, last_seq) = (&batch.conversation.owner, as_i64(self.place.last_seq));
        match self.change {
            RunChange::Start { title, .. } if self.new_conversation => script
                .add(
                    "INSERT INTO conversations (key, owner, id, title, created_at_ms, updated_at_ms, last_seq) \
                     VALUES (?, ?, ?, ?, ?, ?, ?);",
                )
                .bind(key)
                .bind(owner)
                .bind(&batch.conversation.id)
                .bind(title)
                .bind(batch.at_ms)
                .bind(batch.at_ms)
                .bind(last_seq),
            _ => script
                .add("UPDATE conversations SET last_seq = ?, updated_at_ms = ? WHERE key = ?;")
                .bind(last_seq)
                .bind(batch.at_ms)
                .bind(key),
        };
        match self.change {
            RunChange::Start { parent_run_id, .. } => script
                .add(
                    "INSERT INTO runs (owner, run_id, conversation_key, state, first_seq, started_at_ms, parent_run_id) \
                     VALUES (?, ?, ?, ?, ?, ?, COALESCE(?, (SELECT run_id FROM runs WHERE conversation_key = ? \
                       AND state = 'finished' ORDER BY first_seq DESC LIMIT 1)));",
                )
                .bind(owner)
                .bind(&batch.run_id)
                .bind(key)
                .bind(state_text(RunState::Running))
                .bind(as_i64(self.first_seq))
                .bind(batch.at_ms)
                .bind(parent_run_id.as_deref())
                .bind(key),
            RunChange::CancelAsked => script
                .add(
                    "UPDATE runs SET cancel_asked_at_ms = COALESCE(cancel_asked_at_ms, ?) \
                     WHERE owner = ? AND run_id = ?;",
                )
                .bind(batch.at_ms)
                .bind(owner)
                .bind(&batch.run_id),
            RunChange::End { state, reason } => script
                .add(
                    "UPDATE runs SET state = ?, reason = ?, ended_at_ms = ?, last_seq = ? \
                     WHERE owner = ? AND run_id = ?;",
                )
                .bind(state_text(*state))
                .bind(reason.as_deref())
                .bind(batch.at_ms)
                .bind(last_seq)
                .bind(owner)
                .bind(&batch.run_id),
        };
    }
}

/// Rows of one insert, at most.
pub const MAX_ROWS: usize = 32;

/// One statement for 1 to [`MAX_ROWS`] rows.
pub fn insert(script: &mut Script, rows: &[NewRow]) {
    script.add(
        "INSERT INTO records (conversation_key, seq, v, at_ms, run_id, kind, body, data) VALUES ",
    );
    for (index, NewRow { key, record }) in rows.iter().enumerate() {
        let end = if index + 1 == rows.len() { ';' } else { ',' };
        script
            .add("(?, ?, ?, ?, ?, ?, ?, ?)")
            .add(end.encode_utf8(&mut [0; 4]))
            .bind(key)
            .bind(as_i64(record.seq))
            .bind(record.v)
            .bind(record.at_ms)
            .bind(Arc::clone(&record.run_id))
            .bind(record.kind.as_str())
            .bind(Arc::clone(&record.body))
            .bind(record.data.as_deref().map(Vec::as_slice));
    }
}

pub fn fold(script: &mut Script, key: i64, fold: &Fold) {
    let removed = serde_json::to_string(&fold.removed).unwrap_or_else(|_| "[]".to_owned());
    let parts = serde_json::to_string(&fold.parts).unwrap_or_else(|_| "[]".to_owned());
    script
        .add("DELETE FROM records WHERE conversation_key = ? AND seq IN (SELECT value FROM json_each(?));")
        .bind(key)
        .bind(removed)
        .add("UPDATE records SET body = ?, parts = ? WHERE conversation_key = ? AND seq = ?;")
        .bind(Arc::clone(&fold.body))
        .bind(parts)
        .bind(key)
        .bind(as_i64(fold.seq));
}

pub fn folded(script: &mut Script, owner: &str, run_id: &str) {
    script
        .add("UPDATE runs SET folded = 1 WHERE owner = ? AND run_id = ? AND ended_at_ms IS NOT NULL;")
        .bind(owner)
        .bind(run_id);
}
