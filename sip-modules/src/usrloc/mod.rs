//! The module `usrloc`: the location tables, their databases, their commands and statistics.

mod params;
mod rpc;
mod table;
mod tell;

use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use sip_core::time::Duration;
use sip_db::{DbUrl, Name, OpenOptions, open};
use sip_module_api::Module;
use sip_module_api::module::{InitCx, InitError, TimerCx};
use sip_module_api::registry::Declare;
use sip_usrloc::store::row::RowRules;
use sip_usrloc::{AorRules, DbMode, Domain, EventMask, Ruids, SqlLocationStore, Sweep, Writer};

use params::Params;
use table::Runner;

pub use table::{Committed, Table};
pub(crate) use tell::tell;

/// The location tables of an engine: what the registrar binds to.
#[derive(Default)]
pub struct Locations {
    tables: RwLock<Vec<Arc<Table>>>,
    rules: OnceLock<Rules>,
}

/// How addresses of record are made, with or without their host.
type Rules = Box<dyn Fn(bool) -> AorRules + Send + Sync>;

impl Locations {
    /// The table called `name`.
    #[must_use]
    pub fn table(&self, name: &[u8]) -> Option<Arc<Table>> {
        self.tables.read().iter().find(|t| t.domain.name().as_str().as_bytes() == name).cloned()
    }

    /// All tables.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Table>> {
        self.tables.read().clone()
    }

    /// Takes over the registrar's rules for addresses of record; the first one counts.
    pub(crate) fn set_rules(&self, rules: impl Fn(bool) -> AorRules + Send + Sync + 'static) {
        let _set_once = self.rules.set(Box::new(rules));
    }

    /// How commands make an address of record of what they are given.
    fn rules(&self, use_domain: bool) -> AorRules {
        match self.rules.get() {
            Some(rules) => rules(use_domain),
            None => AorRules { use_domain, ..AorRules::default() },
        }
    }
}

struct Usrloc {
    params: Params,
    locations: Arc<Locations>,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(Usrloc { params: Params::new(), locations: Arc::default() })
}

/// Bindings one turn of the expiry looks at.
const EXPIRY_BUDGET: usize = 2000;
/// Wake-ups and flushes that wait for a writer.
const WRITER_QUEUE: usize = 16;

impl Module for Usrloc {
    fn name(&self) -> &'static str {
        "usrloc"
    }

    fn doc(&self) -> &'static str {
        "location tables and their databases"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        self.params.declare(d);
        d.api(Arc::clone(&self.locations));
        tell::declare(d);
        rpc::declare(d, &self.locations);
        let locations = Arc::clone(&self.locations);
        let doc = "addresses of record with a binding, in all tables";
        d.stats().gauge("usrloc", "registered_users", doc, move || {
            locations.all().iter().map(|t| t.domain.users()).sum()
        });
    }

    fn declare_stats(&self, stats: &mut sip_core::stats::Builder) {
        for table in self.tables() {
            for (name, doc, read) in GAUGES {
                let (locations, key) = (Arc::clone(&self.locations), table.clone());
                stats.gauge("usrloc", format!("{table}-{name}"), doc, move || {
                    locations.table(key.as_bytes()).map_or(0, |t| read(&t.domain))
                });
            }
        }
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let fail = |e: String| InitError::new("usrloc", e);
        let server = u32::try_from(self.params.server_id.get()).unwrap_or(0);
        let ruids = Arc::new(Ruids::new(cx.now.wall, server, cx.rng));
        for name in self.tables() {
            let name = Name::new(&name).map_err(|e| fail(format!("preload: {e}")))?;
            let table = self.open(cx, name, Arc::clone(&ruids)).map_err(fail)?;
            cx.engine.locks.add(&table);
            self.locations.tables.write().push(table);
        }
        self.start_timers(cx);
        Ok(())
    }
}

/// The end of a statistic's name, what it counts, and where it is read.
type Gauge = (&'static str, &'static str, fn(&Domain) -> u64);

/// The statistics of a table: the end of the name, doc, and where it is read.
const GAUGES: [Gauge; 3] = [
    ("users", "addresses of record with a binding", Domain::users),
    ("contacts", "bindings", Domain::contacts),
    ("expires", "bindings that have expired", Domain::expired),
];

impl Usrloc {
    /// The names in `preload`, each once.
    fn tables(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.params.preload.text().split(',').map(str::trim) {
            if !name.is_empty() && !names.iter().any(|n| n == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Makes a table and, with a database, loads it and gives it its writer.
    fn open(
        &self,
        cx: &mut InitCx<'_>,
        name: Name,
        ruids: Arc<Ruids>,
    ) -> Result<Arc<Table>, String> {
        let config = self.params.config()?;
        let mode = config.mode;
        let domain = Arc::new(Domain::new(name.clone(), config, ruids, cx.rng));
        if cx.engine.events.wanted() {
            domain.set_events(EventMask::ALL);
        }
        let table = Arc::new(Table::new(Arc::clone(&domain)));
        if !mode.loads() {
            return Ok(table);
        }
        let url = self.params.db_url.text();
        if url.is_empty() {
            let number = mode.number();
            return Err(format!("db_mode {number} needs a db_url, as sqlite:///path/location.db"));
        }
        let url = DbUrl::parse(&url).map_err(|e| format!("db_url: {e}"))?;
        let driver = open(&url, &OpenOptions::default()).map_err(|e| e.to_string())?;
        let layout = self.params.layout(name.clone())?;
        let rules = RowRules {
            use_domain: self.params.use_domain.on(),
            server_id: u32::try_from(self.params.server_id.get()).unwrap_or(0),
            own_rows_only: self.params.server_id_filter.on(),
            skip_remote_sockets: self.params.skip_remote_socket.on(),
            sockets: Vec::new(),
        }
        .with_listeners(&cx.engine.listeners);
        let checked = self.params.version_table.on();
        let (store, _found) =
            SqlLocationStore::open(driver, layout, rules, checked).map_err(|e| e.to_string())?;
        let rows = u32::try_from(self.params.fetch_rows.get()).unwrap_or(2000);
        let mut writer = Writer::new(Arc::clone(&domain), store).fetch_rows(rows);
        if self.params.db_load.on() || mode == DbMode::LoadOnly {
            let report = writer.load(cx.now).map_err(|e| e.to_string())?;
            sip_module_api::log!(
                cx.engine.log,
                Info,
                "usrloc",
                "table {name}: {} bindings loaded, {} expired, {} duplicates, {} unusable rows, in {} \
                 pages",
                report.added,
                report.expired,
                report.duplicates,
                report.skipped,
                report.pages
            );
        }
        let runner = Runner { writer, table: Arc::clone(&table), log: Arc::clone(&cx.engine.log) };
        let queue =
            cx.job_queue(format!("usrloc-{name}"), WRITER_QUEUE, WRITER_QUEUE, Box::new(runner));
        table.set_queue(queue);
        Ok(table)
    }

    fn start_timers(&self, cx: &mut InitCx<'_>) {
        let sweeps: Mutex<Vec<Sweep>> = Mutex::default();
        let locations = Arc::clone(&self.locations);
        cx.timer(
            "usrloc",
            || Duration::from_secs(1),
            move |cx| {
                expire(cx, &locations, &mut sweeps.lock());
            },
        );
        let every = self.params.timer_interval.clone();
        let interval = move || Duration::from_secs(u64::try_from(every.get()).unwrap_or(60));
        let (locations, clean) = (Arc::clone(&self.locations), self.params.db_timer_clean.clone());
        cx.timer("usrloc", interval, move |cx| {
            for table in locations.all() {
                if table.domain.config().mode.writes() {
                    table.flush();
                    if clean.on() {
                        table.clean(cx.core.now);
                    }
                }
            }
        });
    }
}

/// One turn of the expiry over all tables.
fn expire(cx: &mut TimerCx<'_, '_>, locations: &Locations, sweeps: &mut Vec<Sweep>) {
    let tables = locations.all();
    sweeps.resize(tables.len(), Sweep::new());
    for (table, sweep) in tables.iter().zip(sweeps) {
        let mut events = Vec::new();
        if table.domain.expire(cx.core.now, sweep, EXPIRY_BUDGET, &mut events) {
            cx.again = true;
        }
        if table.is_write_through() && table.domain.outbox().waiting() > 0 {
            table.ring();
        }
        tell(cx.engine, cx.core.now, &events);
    }
}
