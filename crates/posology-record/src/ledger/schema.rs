//! The tables, version by version.

use super::driver::{Driver, Fault, Value};

/// The version of the tables that this program writes.
pub const SCHEMA_VERSION: i64 = 2;

pub(crate) const INSERT_EVENT: &str =
    "INSERT INTO event (trial, position, hash, previous, body) VALUES ($1, $2, $3, $4, $5)";
pub(crate) const INSERT_APPEND: &str = "INSERT INTO append (trial, first_position, last_position, hash, client_key, digest) VALUES ($1, $2, $3, $4, $5, $6)";

/// Version 1: events, and what each append left.
const VERSION_1: &str = "
CREATE TABLE schema_version (version bigint NOT NULL PRIMARY KEY);
CREATE TABLE event (
    trial text NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    hash text NOT NULL CHECK (length(hash) = 64),
    previous text NOT NULL CHECK (length(previous) = 64),
    body text NOT NULL,
    PRIMARY KEY (trial, position),
    UNIQUE (trial, hash),
    UNIQUE (trial, previous)
);
CREATE TABLE append (
    trial text NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL CHECK (last_position >= first_position),
    hash text NOT NULL,
    client_key text,
    digest text,
    PRIMARY KEY (trial, last_position),
    UNIQUE (trial, client_key)
);
";

/// Version 2: contents of closed sessions, and accounts.
const VERSION_2: &str = "
CREATE TABLE sealed (
    trial text NOT NULL,
    commitment text NOT NULL CHECK (length(commitment) = 64),
    salt text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (trial, commitment)
);
CREATE TABLE account (
    trial text NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    body text NOT NULL,
    PRIMARY KEY (trial, name)
);
";

/// The version of the tables there are; 0 if there are none.
pub(crate) fn version(driver: &mut dyn Driver) -> Result<i64, Fault> {
    if !driver.has_table("schema_version")? {
        return Ok(0);
    }
    let mut version = 0;
    let sql = "SELECT version FROM schema_version ORDER BY version DESC LIMIT 1";
    driver.rows(sql, &[], &mut |row| version = row.integer(0))?;
    Ok(version)
}

/// Brings the tables up to [`SCHEMA_VERSION`], step by step, inside the caller's transaction.
pub(crate) fn bring_up_to_date(driver: &mut dyn Driver) -> Result<(), Fault> {
    driver.lock("schema")?;
    // Another may have done it while this one waited.
    let found = version(driver)?;
    for step in found + 1..=SCHEMA_VERSION {
        let (tables, guarded): (&str, &[&str]) = match step {
            1 => (VERSION_1, &["event", "append", "schema_version"]),
            _ => (VERSION_2, &["sealed"]),
        };
        driver.script(tables)?;
        for table in guarded {
            let guard = driver.guard(table);
            driver.script(&guard)?;
        }
        driver.run("INSERT INTO schema_version (version) VALUES ($1)", &[Value::Integer(step)])?;
    }
    Ok(())
}

/// The statements that give a PostgreSQL role what the program needs and nothing more: it may add events and never
/// change them, even where triggers were dropped.
///
/// ```
/// let sql = posology_record::ledger::grants("posology_app");
/// assert!(sql.contains("GRANT SELECT, INSERT ON event, append, sealed, schema_version TO \"posology_app\""));
/// ```
#[must_use]
pub fn grants(role: &str) -> String {
    let role = role.replace('"', "\"\"");
    format!(
        "REVOKE ALL ON event, append, sealed, schema_version, account FROM PUBLIC;\n\
         GRANT SELECT, INSERT ON event, append, sealed, schema_version TO \"{role}\";\n\
         GRANT SELECT, INSERT, UPDATE ON account TO \"{role}\";\n"
    )
}
