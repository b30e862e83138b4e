//! The SQL store: Kamailio's table `location` behind any driver of sip-db.

use std::collections::HashMap;
use std::sync::Arc;

use sip_core::time::Now;
use sip_db::{
    Batch, Cmp, Conflict, DbError, Driver, Found, Kind, Name, Op, Row, Value, ensure_table,
    table_version,
};

use super::layout::{COLUMNS, Col, LOCATION_VERSION, Layout};
use super::row::RowRules;
use super::{LocationStore, Scanned, StoreError};
use crate::persist::change::{RowAction, RowChange};

/// Bindings in a table of an SQL database.
pub struct SqlLocationStore<D = Box<dyn Driver>> {
    driver: D,
    layout: Layout,
    rules: RowRules,
    insert: Arc<Op>,
    refresh: Arc<Op>,
    delete: Arc<Op>,
}

impl<D: Driver> SqlLocationStore<D> {
    /// A store in the table of `layout`, which is made where it is not there. Its version is
    /// checked unless `check_version` is false (usrloc `version_table`); then the table must be
    /// there.
    ///
    /// # Errors
    /// When the table has another version, or the database fails.
    pub fn open(
        mut driver: D,
        layout: Layout,
        rules: RowRules,
        check_version: bool,
    ) -> Result<(Self, Found), DbError> {
        let found = if check_version {
            ensure_table(&mut driver, &layout.to_table(), LOCATION_VERSION)?
        } else {
            Found::Present
        };
        let store = Self {
            insert: Arc::new(put(&layout, &Col::ALL[1..])),
            refresh: Arc::new(put(&layout, &Col::REFRESHED)),
            delete: Arc::new(
                Op::delete(layout.table.clone()).filter(layout.name(Col::Ruid).clone(), Cmp::Eq),
            ),
            driver,
            layout,
            rules,
        };
        Ok((store, found))
    }

    /// The version that the database lists for the table; `None` when it lists none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn version(&mut self) -> Result<Option<i64>, DbError> {
        table_version(&mut self.driver, &self.layout.table)
    }

    fn id() -> Name {
        Name::fixed("id")
    }
}

/// Writes a whole row; of one that is there, the columns `over`.
fn put(layout: &Layout, over: &[Col]) -> Op {
    let names =
        |cols: &[Col]| -> Vec<Name> { cols.iter().map(|c| layout.name(*c).clone()).collect() };
    Op::Insert {
        table: layout.table.clone(),
        columns: names(&Col::ALL),
        conflict: Conflict::Update { key: names(&[Col::Ruid]), set: names(over) },
    }
}

impl<D: Driver> LocationStore for SqlLocationStore<D> {
    fn scan(&mut self, after: Option<i64>, limit: u32) -> Result<Scanned, StoreError> {
        let mut columns: Vec<(Name, Kind)> = Col::ALL
            .iter()
            .map(|col| (self.layout.name(*col).clone(), self.layout.kind(*col)))
            .collect();
        columns.push((Self::id(), Kind::Int));
        let op = Op::Select(sip_db::Select {
            table: self.layout.table.clone(),
            columns,
            filter: vec![(Self::id(), Cmp::Gt)],
            order: vec![(Self::id(), true)],
            limit: Some(limit),
        });
        let mut batch = Batch::new();
        batch.run(op, vec![Value::Int(after.unwrap_or(i64::MIN))]);
        let rows = self.driver.run(&batch)?.take_rows(0);
        let mut scanned = Scanned::default();
        if rows.len() == limit as usize {
            scanned.next = rows.last().and_then(|r| r.get(COLUMNS)).and_then(Value::as_int);
        }
        for row in &rows {
            match self.rules.stored(row) {
                Some(stored) => scanned.rows.push(stored),
                None => scanned.skipped += 1,
            }
        }
        Ok(scanned)
    }

    fn apply(&mut self, changes: &[RowChange]) -> Result<(), StoreError> {
        let mut inserts: Vec<Row> = Vec::new();
        let mut refreshes: Vec<Row> = Vec::new();
        let mut deletes: Vec<Row> = Vec::new();
        for (change, full) in last_of_each(changes) {
            match change.action {
                RowAction::Delete => deletes.push(vec![Value::text(change.contact.ruid())]),
                RowAction::Put { .. } if full => {
                    inserts.push(self.rules.row(&self.layout, change));
                }
                RowAction::Put { .. } => refreshes.push(self.rules.row(&self.layout, change)),
            }
        }
        let mut batch = Batch::new();
        for (op, rows) in
            [(&self.delete, deletes), (&self.insert, inserts), (&self.refresh, refreshes)]
        {
            if !rows.is_empty() {
                batch.run_many(Arc::clone(op), rows);
            }
        }
        self.driver.run(&batch)?;
        Ok(())
    }

    fn clean(&mut self, now: Now) -> Result<u64, StoreError> {
        let expires = self.layout.name(Col::Expires).clone();
        let mut op = Op::delete(self.layout.table.clone())
            .filter(expires.clone(), Cmp::Lt)
            .filter(expires, Cmp::Gt);
        let secs = i64::try_from(now.wall.as_secs()).unwrap_or(i64::MAX);
        // A day of grace in both directions: 0 is a permanent binding.
        let mut row = vec![self.layout.time(secs), self.layout.time(86_400)];
        if self.rules.own_rows_only {
            op = op.filter(self.layout.name(Col::ServerId).clone(), Cmp::Eq);
            row.push(Value::Int(i64::from(self.rules.server_id)));
        }
        let mut batch = Batch::new();
        batch.run(op, row);
        Ok(self.driver.run(&batch)?.changed(0))
    }
}

/// The last change of each row, in no order, and whether any change of it was a full one.
fn last_of_each(changes: &[RowChange]) -> Vec<(&RowChange, bool)> {
    let full = |c: &RowChange| c.action == RowAction::Put { full: true };
    if let [only] = changes {
        return vec![(only, full(only))];
    }
    let mut place: HashMap<&[u8], usize> = HashMap::with_capacity(changes.len());
    let mut last: Vec<(&RowChange, bool)> = Vec::with_capacity(changes.len());
    for change in changes {
        let at = *place.entry(change.contact.ruid()).or_insert(last.len());
        match last.get_mut(at) {
            Some(known) => *known = (change, known.1 || full(change)),
            None => last.push((change, full(change))),
        }
    }
    last
}

impl<D> std::fmt::Debug for SqlLocationStore<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqlLocationStore({})", self.layout.table)
    }
}
