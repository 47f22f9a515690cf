//! What the ledger asks of a store: transactions, statements and rows, in the SQL that both stores speak.

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Integer(i64),
    Null,
}

/// A cell of an answer.
#[derive(Debug)]
pub(crate) enum Cell {
    Text(String),
    Integer(i64),
    Null,
}

/// A row of an answer.
#[derive(Debug, Default)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

impl Row {
    /// The text of a column; empty where it is none.
    pub(crate) fn text(&self, column: usize) -> String {
        match self.0.get(column) {
            Some(Cell::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// The integer of a column; 0 where it is none.
    pub(crate) fn integer(&self, column: usize) -> i64 {
        match self.0.get(column) {
            Some(Cell::Integer(integer)) => *integer,
            _ => 0,
        }
    }
}

/// What went wrong in a store.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Full,
    Damaged,
    Refused,
    Unreachable,
}

/// A store. Statements number their values `$1`, `$2`, … in the order of first use.
pub(crate) trait Driver: Send {
    /// Begins a transaction that writes.
    fn begin(&mut self) -> Result<(), Fault>;
    /// Makes other writers of the trial wait until this transaction ends.
    fn lock(&mut self, trial: &str) -> Result<(), Fault>;
    /// Ends the transaction; when it returns, what was written is on disk.
    fn commit(&mut self) -> Result<(), Fault>;
    /// Undoes the transaction, if one is open.
    fn rollback(&mut self);
    /// Runs a statement.
    fn run(&mut self, sql: &str, values: &[Value<'_>]) -> Result<(), Fault>;
    /// Hands over each row of an answer.
    fn rows(&mut self, sql: &str, values: &[Value<'_>], row: &mut dyn FnMut(&Row)) -> Result<(), Fault>;
    /// Runs several statements without values.
    fn script(&mut self, sql: &str) -> Result<(), Fault>;
    /// Whether a table is there.
    fn has_table(&mut self, name: &str) -> Result<bool, Fault>;
    /// The statements by which a table refuses changes.
    fn guard(&self, table: &str) -> String;
}
