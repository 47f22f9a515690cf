//! PostgreSQL: many sites and trials in one database, writers of a trial one after the other.

use std::collections::HashMap;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, NoTls, Statement};

use super::driver::{Cell, Driver, Fault, FaultKind, Row, Value};

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Postgres {
    config: Config,
    client: Client,
    statements: HashMap<String, Statement>,
    in_transaction: bool,
}

impl Postgres {
    pub(crate) fn connect(address: &str) -> Result<Self, Fault> {
        let mut config: Config = address.parse().map_err(fault)?;
        config.connect_timeout(PATIENCE).application_name("posology");
        let client = open(&config)?;
        Ok(Self { config, client, statements: HashMap::new(), in_transaction: false })
    }

    /// A connection that was lost is made anew, but never in the midst of a transaction.
    fn revive(&mut self) -> Result<(), Fault> {
        if self.client.is_closed() && !self.in_transaction {
            self.statements.clear();
            self.client = open(&self.config)?;
        }
        Ok(())
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).map_err(fault)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn open(config: &Config) -> Result<Client, Fault> {
    let mut client = config.connect(NoTls).map_err(fault)?;
    // Acknowledged is durable, whatever the server's default. Rows come in the order of their index: a sort of a long
    // record needs room on a disk that may be full.
    let settings = "SET synchronous_commit = on; SET client_min_messages = warning; SET enable_sort = off";
    client.batch_execute(settings).map_err(fault)?;
    Ok(client)
}

fn with_values<T>(values: &[Value<'_>], work: impl FnOnce(&[&(dyn ToSql + Sync)]) -> T) -> T {
    let none: Option<&str> = None;
    let values: Vec<Box<dyn ToSql + Sync + '_>> = values
        .iter()
        .map(|value| match value {
            Value::Text(text) => Box::new(*text) as Box<dyn ToSql + Sync>,
            Value::Integer(integer) => Box::new(*integer),
            Value::Null => Box::new(none),
        })
        .collect();
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value.as_ref() as _).collect();
    work(&values)
}

impl Driver for Postgres {
    fn begin(&mut self) -> Result<(), Fault> {
        self.revive()?;
        self.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").map_err(fault)?;
        self.in_transaction = true;
        Ok(())
    }

    // With writers of a trial one after the other, each sees the head that the last one left.
    fn lock(&mut self, trial: &str) -> Result<(), Fault> {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7))::text";
        self.rows(sql, &[Value::Text(trial)], &mut |_| {})
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.in_transaction = false;
        self.client.batch_execute("COMMIT").map_err(fault)
    }

    fn rollback(&mut self) {
        self.in_transaction = false;
        if !self.client.is_closed() {
            // If this fails the connection is lost, and with it the transaction.
            let _ = self.client.batch_execute("ROLLBACK");
        }
    }

    fn run(&mut self, sql: &str, values: &[Value<'_>]) -> Result<(), Fault> {
        let statement = self.prepared(sql)?;
        with_values(values, |values| self.client.execute(&statement, values)).map_err(fault)?;
        Ok(())
    }

    fn rows(&mut self, sql: &str, values: &[Value<'_>], take: &mut dyn FnMut(&Row)) -> Result<(), Fault> {
        self.revive()?;
        let statement = self.prepared(sql)?;
        with_values(values, |values| {
            let values = values.iter().copied();
            let mut rows = self.client.query_raw(&statement, values).map_err(fault)?;
            while let Some(found) = rows.next().map_err(fault)? {
                let mut row = Row(Vec::with_capacity(found.len()));
                for (column, described) in found.columns().iter().enumerate() {
                    row.0.push(if *described.type_() == Type::INT8 {
                        found
                            .try_get::<_, Option<i64>>(column)
                            .map_err(fault)?
                            .map_or(Cell::Null, Cell::Integer)
                    } else {
                        found
                            .try_get::<_, Option<String>>(column)
                            .map_err(fault)?
                            .map_or(Cell::Null, Cell::Text)
                    });
                }
                take(&row);
            }
            Ok(())
        })
    }

    fn script(&mut self, sql: &str) -> Result<(), Fault> {
        self.client.batch_execute(sql).map_err(fault)
    }

    fn has_table(&mut self, name: &str) -> Result<bool, Fault> {
        let mut there = false;
        let sql = "SELECT table_name::text FROM information_schema.tables \
                   WHERE table_schema = current_schema() AND table_name = $1";
        self.rows(sql, &[Value::Text(name)], &mut |_| there = true)?;
        Ok(there)
    }

    fn guard(&self, table: &str) -> String {
        format!(
            "CREATE OR REPLACE FUNCTION posology_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ \
             BEGIN RAISE EXCEPTION 'the table % is append-only: % is refused', TG_TABLE_NAME, TG_OP; END $$;\n\
             CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION posology_append_only();\n\
             CREATE TRIGGER {table}_is_not_truncated BEFORE TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION posology_append_only();\n"
        )
    }
}

fn fault(error: postgres::Error) -> Fault {
    let message = error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned());
    let kind = match error.code() {
        Some(code) if *code == SqlState::DISK_FULL || *code == SqlState::INSUFFICIENT_RESOURCES => {
            FaultKind::Full
        }
        Some(code) if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => {
            FaultKind::Damaged
        }
        Some(code)
            if *code == SqlState::ADMIN_SHUTDOWN
                || *code == SqlState::CRASH_SHUTDOWN
                || *code == SqlState::CANNOT_CONNECT_NOW
                || *code == SqlState::TOO_MANY_CONNECTIONS =>
        {
            FaultKind::Unreachable
        }
        Some(_) => FaultKind::Refused,
        None => FaultKind::Unreachable,
    };
    Fault { kind, message }
}
