//! The log in SQLite: the suite of every log, and what is special to its file.

use std::path::Path;
use std::sync::Arc;

use crate::support::{batch, delta, end, key, read_all, start, text};
use persai_relay::log::sqlite::SqliteLog;
use persai_relay::log::{EventLog, Kind, LogError, Slice};
use sqlx::{Connection, SqliteConnection};

macro_rules! suite {
    ($($case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let folder = tempfile::tempdir().unwrap();
            let log = SqliteLog::open(&folder.path().join("log.db")).await.unwrap();
            crate::suite::$case(Arc::new(log)).await;
        }
    )*};
}

suite!(
    seqs_rise_and_are_never_given_twice,
    owners_do_not_see_each_other,
    a_conversation_has_one_active_run,
    nothing_follows_the_end_of_a_run,
    summaries_are_newest_first_with_their_newest_run,
    a_follower_hears_what_is_committed_in_order,
    folding_changes_nothing_that_a_reader_can_tell,
    results_come_back_as_they_were,
    a_page_is_bounded_in_bytes,
    many_at_once_lose_nothing,
);

async fn sql(path: &Path, script: &str) {
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(script))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// Opens the log again once the last handle's writer has let go of the file.
async fn reopen(path: &Path) -> Result<SqliteLog, LogError> {
    for _ in 0..200 {
        match SqliteLog::open(path).await {
            Err(LogError::InUse { .. }) => {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await
            }
            other => return other,
        }
    }
    panic!("the file stays in use")
}

#[tokio::test]
async fn the_fixture_of_version_1_opens_and_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    sql(&path, include_str!("../fixtures/log-v1.sql")).await;
    let log = SqliteLog::open(&path).await.unwrap();
    let key = key("u:ann", "c_v1");

    let summary = log.conversation(&key).await.unwrap().unwrap();
    assert_eq!(
        (summary.title.as_str(), summary.last_seq),
        ("What is the CPU usage?", 16)
    );
    assert_eq!(summary.run.unwrap().run_id, "run_v1");
    let events = read_all(&log, &key, Kind::Agui, 0).await;
    assert_eq!(text(&events), "It is 42 %, and rising.");
    assert_eq!(
        text(&read_all(&log, &key, Kind::Agui, 12).await),
        ", and rising."
    );
    assert!(events.last().unwrap().ends_run());
    let messages = read_all(&log, &key, Kind::Model, 0).await;
    assert!(messages.iter().all(|record| {
        serde_json::from_str::<persai_agent::message::Message>(&record.body).is_ok()
    }));
    assert_eq!(messages.len(), 4);
    let result = read_all(&log, &key, Kind::Result, 0).await;
    assert_eq!(
        result[0].unpack().unwrap(),
        b"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}"
    );
    assert_eq!(read_all(&log, &key, Kind::Context, 0).await.len(), 1);
    // And it can be written on.
    assert_eq!(start(&log, &key, "run_v1b").await.unwrap(), [17]);
}

#[tokio::test]
async fn a_newer_format_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    drop(SqliteLog::open(&path).await.unwrap());
    sql(&path, "PRAGMA user_version = 99").await;
    let error = reopen(&path).await.err().unwrap();
    assert!(
        matches!(error, LogError::TooNew { found: 99, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("newer PersAI"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    sql(&path, "CREATE TABLE theirs (a)").await;
    let error = SqliteLog::open(&path).await.err().unwrap();
    assert!(matches!(error, LogError::Foreign { .. }), "{error:?}");

    let garbage = folder.path().join("garbage.db");
    std::fs::write(
        &garbage,
        "this is no database at all, and long enough to be read as one".repeat(20),
    )
    .unwrap();
    let error = SqliteLog::open(&garbage).await.err().unwrap();
    assert!(matches!(error, LogError::Unavailable(_)), "{error:?}");
    assert!(
        std::fs::read_to_string(&garbage)
            .unwrap()
            .starts_with("this is no database")
    );
}

#[tokio::test]
async fn a_log_in_use_is_refused_and_free_again_once_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let log = SqliteLog::open(&path).await.unwrap();
    let error = SqliteLog::open(&path).await.err().unwrap();
    assert!(matches!(error, LogError::InUse { .. }), "{error:?}");
    drop(log);
    reopen(&path).await.unwrap();
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteLog::open(&file.join("log.db")).await.err().unwrap();
    assert!(matches!(error, LogError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_log_that_is_locked_by_another_program_fails_the_append_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let log = SqliteLog::open(&path).await.unwrap();
    let key = key("u:ann", "c");
    start(&log, &key, "r").await.unwrap();
    let url = format!("sqlite://{}", path.display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let failed = log
        .append(batch(&key, "r", vec![delta("lost")], None))
        .await;
    assert!(
        matches!(failed, Err(LogError::Unavailable(_))),
        "{failed:?}"
    );
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(
        log.append(batch(&key, "r", vec![delta("kept")], None))
            .await
            .unwrap(),
        [2],
        "no seq was lost"
    );
    assert_eq!(text(&read_all(&log, &key, Kind::Agui, 0).await), "kept");
}

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/log.db");
    let key = key("u:ann", "c");
    let log = SqliteLog::open(&path).await.unwrap();
    start(&log, &key, "r").await.unwrap();
    log.append(batch(&key, "r", vec![delta("kept")], None))
        .await
        .unwrap();
    drop(log);
    let log = reopen(&path).await.unwrap();
    assert_eq!(text(&read_all(&log, &key, Kind::Agui, 0).await), "kept");
    assert_eq!(log.unsettled_runs().await.unwrap()[0].run_id, "r");
    assert_eq!(end(&log, &key, "r").await.unwrap(), [3]);
}

#[tokio::test]
async fn only_the_relays_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/log.db");
    let _log = SqliteLog::open(&path).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

/// A disk that lies: whatever is damaged, reading and writing give values or errors, and nothing panics or hangs.
#[tokio::test]
async fn damage_in_the_middle_of_the_file_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    let key = key("u:ann", "c");
    {
        let log = SqliteLog::open(&whole).await.unwrap();
        start(&log, &key, "r").await.unwrap();
        for _ in 0..60 {
            log.append(batch(&key, "r", vec![delta(&"x".repeat(1_000)); 5], None))
                .await
                .unwrap();
        }
        end(&log, &key, "r").await.unwrap();
    }
    // Opening and closing again leaves everything in the one file.
    drop(reopen(&whole).await.unwrap());
    drop(reopen(&whole).await.unwrap());
    let bytes = std::fs::read(&whole).unwrap();
    let mut errors = 0;
    for n in 1..40usize {
        let mut damaged = bytes.clone();
        let at = n * damaged.len() / 40;
        for byte in damaged.iter_mut().skip(at).take(512) {
            *byte = !*byte;
        }
        let path = folder.path().join(format!("damaged{n}.db"));
        std::fs::write(&path, damaged).unwrap();
        let work = async {
            let log = SqliteLog::open(&path).await?;
            let slice = Slice {
                conversation: &key,
                after: 0,
                run_id: None,
                kind: Kind::Agui,
                limit: 1_000,
            };
            let mut after = 0;
            loop {
                let page = log
                    .read(Slice {
                        after,
                        ..slice.clone()
                    })
                    .await?;
                let Some(last) = page.last() else { break };
                after = last.seq;
            }
            log.conversations("u:ann", 10).await?;
            log.unsettled_runs().await?;
            start(&log, &key, "r2").await?;
            Ok::<(), LogError>(())
        };
        let done = tokio::time::timeout(std::time::Duration::from_secs(20), work)
            .await
            .expect("hangs");
        errors += usize::from(done.is_err());
    }
    assert!(errors > 0, "no damage was noticed at all");
}
