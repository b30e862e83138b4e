//! A database in memory: the same statements and the same rules as a server's, gone with its last
//! handle. It is what tests run on, and what a host uses that wants no file. Linear scans beside
//! equality on a unique key.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::driver::Driver;
use crate::error::DbError;
use crate::query::{Batch, BatchResult, Cmp, Conflict, Name, Op, Outcome, Row, Select};
use crate::schema::Table;
use crate::value::Value;

/// A database in memory. Clones, and the drivers that [`connect`](Self::connect) gives, share it.
#[derive(Clone, Debug)]
pub struct MemoryDb {
    name: Arc<str>,
    tables: Arc<Mutex<BTreeMap<Name, Data>>>,
}

impl MemoryDb {
    /// A database without a table. `name` is for messages.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: format!("memory:{name}").into(), tables: Arc::default() }
    }

    /// A connection.
    #[must_use]
    pub fn connect(&self) -> MemoryDriver {
        MemoryDriver { db: self.clone() }
    }

    /// How many rows `table` holds; 0 for one that is not there.
    #[must_use]
    pub fn rows(&self, table: &str) -> usize {
        let tables = self.tables.lock();
        tables.iter().find(|(n, _)| n.as_str() == table).map_or(0, |(_, t)| t.rows.len())
    }
}

/// A connection to a [`MemoryDb`].
#[derive(Clone, Debug)]
pub struct MemoryDriver {
    db: MemoryDb,
}

impl Driver for MemoryDriver {
    fn run(&mut self, batch: &Batch) -> Result<BatchResult, DbError> {
        let mut tables = self.db.tables.lock();
        let mut undo = Vec::new();
        let mut result = BatchResult::default();
        for (index, statement) in batch.statements.iter().enumerate() {
            let mut run =
                Run { tables: &mut tables, undo: &mut undo, database: &self.db.name, index };
            match run.statement(&statement.op, &statement.rows) {
                Ok(outcome) => result.outcomes.push(outcome),
                Err(error) => {
                    undo.into_iter().rev().for_each(|step| step.take_back(&mut tables));
                    return Err(error);
                }
            }
        }
        Ok(result)
    }

    fn database(&self) -> &str {
        &self.db.name
    }
}

/// A table's rows, each with all columns of the layout, `id` in front.
#[derive(Clone, Debug)]
struct Data {
    columns: Vec<Name>,
    defaults: Vec<Value>,
    nullable: Vec<bool>,
    rows: BTreeMap<i64, Row>,
    next_id: i64,
    unique: Vec<Unique>,
}

#[derive(Clone, Debug)]
struct Unique {
    name: Name,
    columns: Vec<usize>,
    ids: HashMap<Vec<u8>, i64>,
}

impl Unique {
    /// The row's key, `None` when a part of it is nothing: such rows are never equal.
    fn key(&self, row: &[Value]) -> Option<Vec<u8>> {
        let mut key = Vec::with_capacity(32);
        for column in &self.columns {
            match row.get(*column)? {
                Value::Null => return None,
                Value::Int(v) | Value::Time(v) => key.extend_from_slice(&v.to_be_bytes()),
                Value::Real(v) => key.extend_from_slice(&v.to_be_bytes()),
                Value::Text(b) | Value::Blob(b) => key.extend_from_slice(b),
            }
            key.extend_from_slice(&[0xff, 0]);
        }
        Some(key)
    }
}

impl Data {
    fn new(layout: &Table) -> Self {
        let mut data = Self {
            columns: vec![Name::fixed("id")],
            defaults: vec![Value::Null],
            nullable: vec![false],
            rows: BTreeMap::new(),
            next_id: 1,
            unique: Vec::new(),
        };
        for column in &layout.columns {
            data.columns.push(column.name.clone());
            data.defaults.push(column.default.clone());
            data.nullable.push(column.nullable);
        }
        data.unique = layout
            .unique
            .iter()
            .map(|(name, columns)| Unique {
                name: name.clone(),
                columns: columns.iter().filter_map(|c| data.column(c)).collect(),
                ids: HashMap::new(),
            })
            .collect();
        data
    }

    fn column(&self, name: &Name) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// Puts `row` under `id`, whatever was there, and keeps the keys.
    fn put(&mut self, id: i64, row: Option<Row>) -> Option<Row> {
        let before = self.rows.remove(&id);
        for unique in &mut self.unique {
            if let Some(key) = before.as_deref().and_then(|r| unique.key(r)) {
                unique.ids.remove(&key);
            }
            if let Some(key) = row.as_deref().and_then(|r| unique.key(r)) {
                unique.ids.insert(key, id);
            }
        }
        if let Some(row) = row {
            self.rows.insert(id, row);
        }
        before
    }

    /// The row other than `id` that has one of `row`'s keys, with the key's name.
    fn rival(&self, id: i64, row: &[Value]) -> Option<(i64, &Name)> {
        self.unique.iter().find_map(|unique| {
            let other = *unique.ids.get(&unique.key(row)?)?;
            (other != id).then_some((other, &unique.name))
        })
    }

    fn picked(&self, filter: &[(usize, Cmp)], values: &[Value]) -> Vec<i64> {
        let fits = |row: &Row| {
            filter.iter().zip(values).all(|((column, cmp), value)| {
                row.get(*column).is_some_and(|have| compare(have, *cmp, value))
            })
        };
        for unique in &self.unique {
            if let ([column], [(first, Cmp::Eq), ..]) = (unique.columns.as_slice(), filter)
                && column == first
                && let Some(value) = values.first().filter(|v| !v.is_null())
            {
                let mut probe = vec![Value::Null; column + 1];
                probe[*column] = value.clone();
                let id = unique.key(&probe).and_then(|key| unique.ids.get(&key).copied());
                return id.filter(|id| self.rows.get(id).is_some_and(fits)).into_iter().collect();
            }
        }
        self.rows.iter().filter(|(_, row)| fits(row)).map(|(id, _)| *id).collect()
    }
}

fn compare(have: &Value, cmp: Cmp, want: &Value) -> bool {
    let order = have.order(want);
    let both = !have.is_null() && !want.is_null();
    match cmp {
        Cmp::Eq => order.is_eq() && have.is_null() == want.is_null(),
        Cmp::Ne => order.is_ne() || have.is_null() != want.is_null(),
        Cmp::Lt => both && order.is_lt(),
        Cmp::Le => both && order.is_le(),
        Cmp::Gt => both && order.is_gt(),
        Cmp::Ge => both && order.is_ge(),
    }
}

/// How to take back one change.
enum Undo {
    Row { table: Name, id: i64, before: Option<Row> },
    Table { table: Name },
}

impl Undo {
    fn take_back(self, tables: &mut BTreeMap<Name, Data>) {
        match self {
            Self::Row { table, id, before } => {
                if let Some(data) = tables.get_mut(&table) {
                    data.put(id, before);
                }
            }
            Self::Table { table } => {
                tables.remove(&table);
            }
        }
    }
}

/// One statement on its way.
struct Run<'a> {
    tables: &'a mut BTreeMap<Name, Data>,
    undo: &'a mut Vec<Undo>,
    database: &'a str,
    index: usize,
}

impl Run<'_> {
    fn statement(&mut self, op: &Op, rows: &[Row]) -> Result<Outcome, DbError> {
        if let Some(wanted) = op.parameters()
            && rows.iter().any(|row| row.len() != wanted)
        {
            return Err(self.failed(format!("takes {wanted} parameters")));
        }
        match op {
            Op::Create(table) if self.tables.contains_key(&table.name) => Ok(Outcome::Changed(0)),
            Op::CreateNew(table) if self.tables.contains_key(&table.name) => {
                Err(DbError::TableExists {
                    database: self.database.to_owned(),
                    table: table.name.to_string(),
                })
            }
            Op::Create(table) | Op::CreateNew(table) => {
                self.tables.insert(table.name.clone(), Data::new(table));
                self.undo.push(Undo::Table { table: table.name.clone() });
                Ok(Outcome::Changed(0))
            }
            Op::Insert { table, columns, conflict } => {
                self.each(rows, |run, row| run.insert(table, columns, conflict, row))
            }
            Op::Update { table, set, filter } => {
                self.each(rows, |run, row| run.update(table, set, filter, row))
            }
            Op::Delete { table, filter } => {
                self.each(rows, |run, row| run.delete(table, filter, row))
            }
            Op::Select(select) => {
                let mut found = Vec::new();
                for row in rows {
                    found.extend(self.select(select, row)?);
                }
                Ok(Outcome::Rows(found))
            }
            Op::Native { .. } => Err(DbError::Unsupported {
                database: self.database.to_owned(),
                what: "a native statement",
            }),
        }
    }

    fn each(
        &mut self,
        rows: &[Row],
        mut run: impl FnMut(&mut Self, &Row) -> Result<u64, DbError>,
    ) -> Result<Outcome, DbError> {
        let mut changed = 0;
        for row in rows {
            changed += run(self, row)?;
        }
        Ok(Outcome::Changed(changed))
    }

    fn insert(
        &mut self,
        table: &Name,
        columns: &[Name],
        conflict: &Conflict,
        values: &Row,
    ) -> Result<u64, DbError> {
        let places = self.places(table, columns.iter())?;
        let data = self.data(table)?;
        let id = data.next_id;
        let mut row = data.defaults.clone();
        places.iter().zip(values).for_each(|(p, v)| row[*p] = v.clone());
        row[0] = Value::Int(id);
        if let Some((other, key)) = data.rival(id, &row) {
            let reason = format!("unique key {key}");
            return match conflict {
                Conflict::Ignore => Ok(0),
                Conflict::Fail => Err(self.constraint(reason)),
                Conflict::Update { set, .. } => {
                    let chosen: Vec<usize> = self.places(table, set.iter())?;
                    let Some(mut kept) = self.data(table)?.rows.get(&other).cloned() else {
                        return Ok(0);
                    };
                    chosen.iter().for_each(|p| kept[*p] = row[*p].clone());
                    self.put(table, other, kept).map(|()| 1)
                }
            };
        }
        self.put(table, id, row)?;
        self.data(table)?.next_id = id + 1;
        Ok(1)
    }

    fn update(
        &mut self,
        table: &Name,
        set: &[Name],
        filter: &[(Name, Cmp)],
        values: &Row,
    ) -> Result<u64, DbError> {
        let places = self.places(table, set.iter())?;
        let filter = self.conditions(table, filter)?;
        let (new, wanted) = values.split_at(set.len());
        let ids = self.data(table)?.picked(&filter, wanted);
        for id in &ids {
            let Some(mut row) = self.data(table)?.rows.get(id).cloned() else { continue };
            places.iter().zip(new).for_each(|(p, v)| row[*p] = v.clone());
            self.put(table, *id, row)?;
        }
        Ok(ids.len() as u64)
    }

    fn delete(
        &mut self,
        table: &Name,
        filter: &[(Name, Cmp)],
        values: &Row,
    ) -> Result<u64, DbError> {
        let filter = self.conditions(table, filter)?;
        let ids = self.data(table)?.picked(&filter, values);
        for id in &ids {
            let before = self.data(table)?.put(*id, None);
            self.undo.push(Undo::Row { table: table.clone(), id: *id, before });
        }
        Ok(ids.len() as u64)
    }

    fn select(&mut self, select: &Select, values: &Row) -> Result<Vec<Row>, DbError> {
        let columns = self.places(&select.table, select.columns.iter().map(|(c, _)| c))?;
        let order = self.places(&select.table, select.order.iter().map(|(c, _)| c))?;
        let filter = self.conditions(&select.table, &select.filter)?;
        let data = self.data(&select.table)?;
        let ids = data.picked(&filter, values);
        let mut rows: Vec<&Row> = ids.iter().filter_map(|id| data.rows.get(id)).collect();
        rows.sort_by(|a, b| {
            order
                .iter()
                .zip(&select.order)
                .map(|(p, (_, rising))| {
                    let order = a[*p].order(&b[*p]);
                    if *rising { order } else { order.reverse() }
                })
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let limit = select.limit.map_or(usize::MAX, |l| l as usize);
        let pick = |row: &Row| columns.iter().map(|p| row[*p].clone()).collect();
        Ok(rows.into_iter().take(limit).map(pick).collect())
    }

    fn put(&mut self, table: &Name, id: i64, row: Row) -> Result<(), DbError> {
        let data = self.data(table)?;
        let empty = data
            .nullable
            .iter()
            .zip(&row)
            .position(|(nullable, value)| !nullable && value.is_null())
            .and_then(|place| data.columns.get(place).cloned());
        let rival = data.rival(id, &row).map(|(_, key)| key.clone());
        if let Some(column) = empty {
            return Err(self.constraint(format!("{column} may not be empty")));
        }
        if let Some(key) = rival {
            return Err(self.constraint(format!("unique key {key}")));
        }
        let before = self.data(table)?.put(id, Some(row));
        self.undo.push(Undo::Row { table: table.clone(), id, before });
        Ok(())
    }

    fn data(&mut self, table: &Name) -> Result<&mut Data, DbError> {
        self.tables.get_mut(table).ok_or_else(|| DbError::NoTable {
            database: self.database.to_owned(),
            table: table.to_string(),
        })
    }

    fn places<'n>(
        &mut self,
        table: &Name,
        names: impl Iterator<Item = &'n Name>,
    ) -> Result<Vec<usize>, DbError> {
        let mut seen = HashSet::new();
        let mut places = Vec::new();
        for name in names {
            let place = self.data(table)?.column(name);
            match place.filter(|_| seen.insert(name)) {
                Some(place) => places.push(place),
                None => return Err(self.failed(format!("no column {name}, or named twice"))),
            }
        }
        Ok(places)
    }

    fn conditions(
        &mut self,
        table: &Name,
        filter: &[(Name, Cmp)],
    ) -> Result<Vec<(usize, Cmp)>, DbError> {
        let mut conditions = Vec::with_capacity(filter.len());
        for (name, cmp) in filter {
            let place = self.places(table, std::iter::once(name))?;
            conditions.extend(place.into_iter().map(|p| (p, *cmp)));
        }
        Ok(conditions)
    }

    fn failed(&self, reason: String) -> DbError {
        DbError::Statement { database: self.database.to_owned(), statement: self.index, reason }
    }

    fn constraint(&self, reason: String) -> DbError {
        DbError::Constraint { database: self.database.to_owned(), statement: self.index, reason }
    }
}
