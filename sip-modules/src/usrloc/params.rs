//! The parameters of the module `usrloc` (usrloc module documentation).

use sip_db::Name;
use sip_module_api::registry::{Declare, IntParam, StrParam, When};
use sip_usrloc::store::layout::{Col, Layout};
use sip_usrloc::{DbMode, DomainConfig, MatchingMode};

/// The cells.
pub(super) struct Params {
    pub(super) db_mode: IntParam,
    pub(super) db_url: StrParam,
    pub(super) db_load: IntParam,
    pub(super) db_timer_clean: IntParam,
    pub(super) version_table: IntParam,
    pub(super) fetch_rows: IntParam,
    pub(super) timer_interval: IntParam,
    pub(super) preload: StrParam,
    pub(super) use_domain: IntParam,
    pub(super) server_id: IntParam,
    pub(super) server_id_filter: IntParam,
    pub(super) skip_remote_socket: IntParam,
    hash_size: IntParam,
    matching_mode: IntParam,
    cseq_delay: IntParam,
    desc_time_order: IntParam,
    max_contacts_in_table: IntParam,
    columns: Vec<(Col, &'static str, StrParam)>,
}

impl Params {
    pub(super) fn new() -> Self {
        let columns = Col::ALL
            .into_iter()
            .filter_map(|col| col.parameter().map(|name| (col, name, StrParam::new(""))))
            .collect();
        Self {
            db_mode: IntParam::new(0),
            db_url: StrParam::new(""),
            db_load: IntParam::new(1),
            db_timer_clean: IntParam::new(0),
            version_table: IntParam::new(1),
            fetch_rows: IntParam::new(2000),
            timer_interval: IntParam::new(60),
            preload: StrParam::new("location"),
            use_domain: IntParam::new(0),
            server_id: IntParam::new(0),
            server_id_filter: IntParam::new(0),
            skip_remote_socket: IntParam::new(0),
            hash_size: IntParam::new(10),
            matching_mode: IntParam::new(0),
            cseq_delay: IntParam::new(20),
            desc_time_order: IntParam::new(0),
            max_contacts_in_table: IntParam::new(0),
            columns,
        }
    }

    pub(super) fn declare(&self, d: &mut Declare<'_>) {
        let before = When::BeforeStart;
        const BIG: i64 = i32::MAX as i64;
        let mut int = |name, cell, range, doc| d.int(name, cell, range, before, doc);
        int(
            "db_mode",
            &self.db_mode,
            0..=4,
            "0: no database; 1: a change is answered once it is committed; 2: changes are written \
             every timer_interval; 4: loaded at start, never written",
        );
        int(
            "db_load",
            &self.db_load,
            0..=1,
            "1: the table is loaded from the database at start; db_mode 4 always does",
        );
        int(
            "db_timer_clean",
            &self.db_timer_clean,
            0..=1,
            "1: rows that have expired are deleted from the database every timer_interval",
        );
        int("version_table", &self.version_table, 0..=1, "1: the version of the table is checked");
        int("fetch_rows", &self.fetch_rows, 1..=1_000_000, "rows read at once when loading");
        int(
            "timer_interval",
            &self.timer_interval,
            1..=86_400,
            "seconds between two flushes of what is to be written",
        );
        int("use_domain", &self.use_domain, 0..=1, "1: the host belongs to the address of record");
        int(
            "server_id",
            &self.server_id,
            0..=BIG,
            "this engine's number among those that share the database (Kamailio's core parameter)",
        );
        int(
            "server_id_filter",
            &self.server_id_filter,
            0..=1,
            "1: rows of other servers are not loaded",
        );
        int(
            "skip_remote_socket",
            &self.skip_remote_socket,
            0..=1,
            "1: rows with a socket that is not ours are not loaded",
        );
        int("hash_size", &self.hash_size, 1..=20, "the table has two to this power buckets");
        int(
            "matching_mode",
            &self.matching_mode,
            0..=3,
            "a binding is known by its 0: contact; 1: contact and Call-ID; 2: contact and Path; \
             3: Call-ID",
        );
        int(
            "cseq_delay",
            &self.cseq_delay,
            0..=3600,
            "seconds in which the same CSeq again is a retransmission and not an error",
        );
        int("desc_time_order", &self.desc_time_order, 0..=1, "1: newest bindings first, not by q");
        int(
            "max_contacts_in_table",
            &self.max_contacts_in_table,
            0..=BIG,
            "bindings in a table at most, 0 for no limit (no Kamailio counterpart)",
        );
        d.str("db_url", &self.db_url, before, "the database, as sqlite:///path/to/location.db");
        d.str("preload", &self.preload, before, "the tables that there are, separated by commas");
        for (_, name, cell) in &self.columns {
            d.str(name, cell, before, "the name of that column in the database; empty: Kamailio's");
        }
    }

    /// The configuration of a table.
    pub(super) fn config(&self) -> Result<DomainConfig, String> {
        let mode = DbMode::from_number(self.db_mode.get()).map_err(|e| e.to_string())?;
        let matching = MatchingMode::from_number(self.matching_mode.get());
        let number = |p: &IntParam| u32::try_from(p.get()).unwrap_or(0);
        Ok(DomainConfig {
            hash_size: number(&self.hash_size),
            matching: matching.ok_or("matching_mode has no such number")?,
            cseq_delay: number(&self.cseq_delay),
            newest_first: self.desc_time_order.on(),
            mode,
            use_domain: self.use_domain.on(),
            capacity: u64::from(number(&self.max_contacts_in_table)),
            ..DomainConfig::default()
        })
    }

    /// The database's table for the table `name`.
    pub(super) fn layout(&self, name: Name) -> Result<Layout, String> {
        let mut layout = Layout::new(name);
        for (col, param, cell) in &self.columns {
            let given = cell.text();
            if !given.is_empty() {
                layout.rename(*col, &given).map_err(|e| format!("{param}: {e}"))?;
            }
        }
        Ok(layout)
    }
}
