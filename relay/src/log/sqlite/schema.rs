//! Makes the file, locks it, and brings it to this build's format.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::log::LogError;

/// One step per format: step n brings a file from format n to n + 1.
const STEPS: [&str; 1] = [include_str!("v1.sql")];
/// Marks the file as ours ("PSAI").
const APPLICATION_ID: i64 = 0x5053_4149;

/// Makes the folder and an empty file that only the relay's user can read, and takes the lock beside it. Two relays
/// on one file would give seqs twice.
pub fn prepare(path: &Path) -> Result<File, LogError> {
    let failed = |what: &str, error: std::io::Error| {
        LogError::Unavailable(format!("{what} {}: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| failed("cannot make the folder of", error))?;
    }
    let private = |path: &Path| {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
    };
    let lock =
        private(&path.with_extension("lock")).map_err(|error| failed("cannot lock", error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(LogError::InUse {
                path: path.display().to_string(),
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed("cannot lock", error)),
    }
    private(path).map_err(|error| failed("cannot write", error))?;
    Ok(lock)
}

/// The writer's connection, on a file of this build's format.
pub async fn connect(
    options: &SqliteConnectOptions,
    path: &Path,
) -> Result<SqliteConnection, LogError> {
    let mut connection = options.connect().await?;
    match migrate(&mut connection, path).await {
        Ok(()) => Ok(connection),
        Err(error) => {
            // The error of the migration is the one to tell.
            let _ = connection.close().await;
            Err(error)
        }
    }
}

async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), LogError> {
    let known = STEPS.len() as i64;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await?;
    let owner: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master")
        .fetch_one(&mut *connection)
        .await?;
    if owner != APPLICATION_ID && (tables > 0 || found != 0) {
        return Err(LogError::Foreign {
            path: path.display().to_string(),
        });
    }
    if found > known {
        return Err(LogError::TooNew {
            path: path.display().to_string(),
            found,
            known,
        });
    }
    for (version, step) in STEPS
        .iter()
        .enumerate()
        .skip(usize::try_from(found).unwrap_or(0))
    {
        let script = format!(
            "BEGIN IMMEDIATE; {step}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}; COMMIT;",
            version + 1
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(script))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
