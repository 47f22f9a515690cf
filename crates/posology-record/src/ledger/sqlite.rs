//! SQLite: one file, write-ahead log, each commit forced to disk.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};

use super::driver::{Cell, Driver, Fault, FaultKind, Row, Value};

/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, may_create: bool) -> Result<Self, Fault> {
        if may_create {
            create_private(path)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
        connection.busy_timeout(PATIENCE).map_err(fault)?;
        connection.set_prepared_statement_cache_capacity(32);
        // A foreign file is refused before its mode is changed.
        let is_other: bool = connection
            .query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'", [], |row| {
                row.get(0)
            })
            .map_err(fault)?;
        let is_ours: bool = connection
            .query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'schema_version'", [], |row| {
                row.get(0)
            })
            .map_err(fault)?;
        if is_other && !is_ours {
            let message = "a database of another program".to_owned();
            return Err(Fault { kind: FaultKind::Damaged, message });
        }
        for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL"), ("trusted_schema", "OFF")] {
            connection.pragma_update(None, name, value).map_err(fault)?;
        }
        Ok(Self { connection })
    }
}

/// Makes an empty file that only its owner reads, unless there is one.
fn create_private(path: &Path) -> Result<(), Fault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Fault { kind: FaultKind::Unreachable, message: error.to_string() }),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Null => ValueRef::Null,
        }))
    }
}

impl Driver for Sqlite {
    fn begin(&mut self) -> Result<(), Fault> {
        self.script("BEGIN IMMEDIATE")
    }

    // A transaction that writes is alone in the file.
    fn lock(&mut self, _trial: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.script("COMMIT")
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit() {
            // If this fails the connection is lost, and with it the transaction.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn run(&mut self, sql: &str, values: &[Value<'_>]) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(sql).map_err(fault)?;
        statement.execute(params_from_iter(values)).map_err(fault)?;
        Ok(())
    }

    fn rows(&mut self, sql: &str, values: &[Value<'_>], take: &mut dyn FnMut(&Row)) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(sql).map_err(fault)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values)).map_err(fault)?;
        while let Some(found) = rows.next().map_err(fault)? {
            let mut row = Row(Vec::with_capacity(columns));
            for column in 0..columns {
                row.0.push(match found.get_ref(column).map_err(fault)? {
                    ValueRef::Text(text) => Cell::Text(
                        std::str::from_utf8(text)
                            .map_err(|error| Fault { kind: FaultKind::Damaged, message: error.to_string() })?
                            .to_owned(),
                    ),
                    ValueRef::Integer(integer) => Cell::Integer(integer),
                    ValueRef::Null => Cell::Null,
                    ValueRef::Real(_) | ValueRef::Blob(_) => {
                        let message = "a cell that is neither text nor integer".to_owned();
                        return Err(Fault { kind: FaultKind::Damaged, message });
                    }
                });
            }
            take(&row);
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Result<(), Fault> {
        self.connection.execute_batch(sql).map_err(fault)
    }

    fn has_table(&mut self, name: &str) -> Result<bool, Fault> {
        let mut there = false;
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = $1";
        self.rows(sql, &[Value::Text(name)], &mut |_| there = true)?;
        Ok(there)
    }

    fn guard(&self, table: &str) -> String {
        ["UPDATE", "DELETE"]
            .map(|change| {
                format!(
                    "CREATE TRIGGER {table}_refuses_{} BEFORE {change} ON {table} BEGIN \
                     SELECT RAISE(ABORT, 'the table {table} is append-only: {change} is refused'); END;\n",
                    change.to_lowercase()
                )
            })
            .concat()
    }
}

fn fault(error: rusqlite::Error) -> Fault {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => FaultKind::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => FaultKind::Damaged,
        Some(ErrorCode::CannotOpen) => FaultKind::Unreachable,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SystemIoFailure) => {
            FaultKind::Unreachable
        }
        Some(_) => FaultKind::Refused,
        None => FaultKind::Damaged,
    };
    Fault { kind, message: error.to_string() }
}
