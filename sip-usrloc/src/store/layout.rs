//! The layout of Kamailio's table `location`, version 9, as `kamdbctl` of 5.6.3 makes it, and the
//! names of its columns, which are parameters of usrloc (`user_column`, `contact_column`…).

use sip_db::{Column, Kind, Name, NameError, Table, Value};

/// The version that the table `version` lists for this layout.
pub const LOCATION_VERSION: i64 = 9;

/// How the columns `expires` and `last_modified` are stored (usrloc `expires_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimeColumns {
    /// 0: as the database's type for dates.
    #[default]
    Date,
    /// 1: as whole seconds since the Unix epoch.
    Seconds,
}

/// The columns in the order of the layout. The number is the column's place in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
#[allow(missing_docs, reason = "the names say it; their meaning is that of ContactData's fields")]
pub enum Col {
    Ruid,
    User,
    Domain,
    Contact,
    Received,
    Path,
    Expires,
    Q,
    CallId,
    Cseq,
    LastModified,
    Flags,
    Cflags,
    UserAgent,
    Socket,
    Methods,
    Instance,
    RegId,
    ServerId,
    ConnectionId,
    Keepalive,
    Partition,
}

/// The number of columns behind `id`.
pub const COLUMNS: usize = 22;

impl Col {
    /// All of them in order.
    pub const ALL: [Self; COLUMNS] = [
        Self::Ruid,
        Self::User,
        Self::Domain,
        Self::Contact,
        Self::Received,
        Self::Path,
        Self::Expires,
        Self::Q,
        Self::CallId,
        Self::Cseq,
        Self::LastModified,
        Self::Flags,
        Self::Cflags,
        Self::UserAgent,
        Self::Socket,
        Self::Methods,
        Self::Instance,
        Self::RegId,
        Self::ServerId,
        Self::ConnectionId,
        Self::Keepalive,
        Self::Partition,
    ];

    /// Those that a refresh changes; the others stay what they were when the row was made.
    pub const REFRESHED: [Self; 14] = [
        Self::Received,
        Self::Path,
        Self::Expires,
        Self::Q,
        Self::CallId,
        Self::Cseq,
        Self::LastModified,
        Self::Flags,
        Self::Cflags,
        Self::UserAgent,
        Self::Socket,
        Self::Methods,
        Self::Instance,
        Self::RegId,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Ruid => "ruid",
            Self::User => "username",
            Self::Domain => "domain",
            Self::Contact => "contact",
            Self::Received => "received",
            Self::Path => "path",
            Self::Expires => "expires",
            Self::Q => "q",
            Self::CallId => "callid",
            Self::Cseq => "cseq",
            Self::LastModified => "last_modified",
            Self::Flags => "flags",
            Self::Cflags => "cflags",
            Self::UserAgent => "user_agent",
            Self::Socket => "socket",
            Self::Methods => "methods",
            Self::Instance => "instance",
            Self::RegId => "reg_id",
            Self::ServerId => "server_id",
            Self::ConnectionId => "connection_id",
            Self::Keepalive => "keepalive",
            Self::Partition => "partition",
        }
    }

    /// The parameter of usrloc that renames it; `None` where there is none.
    #[must_use]
    pub const fn parameter(self) -> Option<&'static str> {
        Some(match self {
            Self::Ruid => "ruid_column",
            Self::User => "user_column",
            Self::Domain => "domain_column",
            Self::Contact => "contact_column",
            Self::Received => "received_column",
            Self::Path => "path_column",
            Self::Expires => "expires_column",
            Self::Q => "q_column",
            Self::CallId => "callid_column",
            Self::Cseq => "cseq_column",
            Self::LastModified => return None,
            Self::Flags => "flags_column",
            Self::Cflags => "cflags_column",
            Self::UserAgent => "user_agent_column",
            Self::Socket => "socket_column",
            Self::Methods => "methods_column",
            Self::Instance => "instance_column",
            Self::RegId => "reg_id_column",
            Self::ServerId => "server_id_column",
            Self::ConnectionId => "connection_id_column",
            Self::Keepalive => "keepalive_column",
            Self::Partition => "partition_column",
        })
    }
}

/// The table's name, its columns' names, and how its times are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The table's name.
    pub table: Name,
    names: [Name; COLUMNS],
    /// How times are stored.
    pub times: TimeColumns,
}

impl Layout {
    /// Kamailio's own column names, in the table `table`.
    #[must_use]
    pub fn new(table: Name) -> Self {
        let names = Col::ALL.map(|col| Name::fixed(col.name()));
        Self { table, names, times: TimeColumns::default() }
    }

    /// Renames a column.
    ///
    /// # Errors
    /// When `name` is no column name.
    pub fn rename(&mut self, col: Col, name: &str) -> Result<(), NameError> {
        self.names[col as usize] = Name::new(name)?;
        Ok(())
    }

    /// The name of a column.
    #[must_use]
    pub const fn name(&self, col: Col) -> &Name {
        &self.names[col as usize]
    }

    /// What a column holds.
    #[must_use]
    pub const fn kind(&self, col: Col) -> Kind {
        match col {
            Col::Q => Kind::Real,
            Col::Expires | Col::LastModified => match self.times {
                TimeColumns::Date => Kind::Time,
                TimeColumns::Seconds => Kind::Int,
            },
            Col::Cseq
            | Col::Flags
            | Col::Cflags
            | Col::Methods
            | Col::RegId
            | Col::ServerId
            | Col::ConnectionId
            | Col::Keepalive
            | Col::Partition => Kind::Int,
            _ => Kind::Text,
        }
    }

    /// The table, to be made where it is not there.
    #[must_use]
    pub fn to_table(&self) -> Table {
        let index = |suffix: &str| {
            // The table's name is one already; with a suffix it stays within the length of one,
            // or is cut to it.
            let mut name = format!("{}_{suffix}", self.table);
            name.truncate(64);
            Name::new(&name).unwrap_or_else(|_| Name::fixed("location_idx"))
        };
        let names = |cols: &[Col]| -> Vec<Name> {
            cols.iter().map(|col| self.name(*col).clone()).collect()
        };
        let mut table = Table::new(self.table.clone());
        for col in Col::ALL {
            table = table.column(self.column(col));
        }
        table
            .unique(index("ruid_idx"), &names(&[Col::Ruid]))
            .index(index("account_contact_idx"), &names(&[Col::User, Col::Domain, Col::Contact]))
            .index(index("expires_idx"), &names(&[Col::Expires]))
            .index(index("tcpcon_idx"), &names(&[Col::ConnectionId]))
            .index(index("connection_idx"), &names(&[Col::ServerId, Col::ConnectionId]))
    }

    fn column(&self, col: Col) -> Column {
        let column = Column::new(self.name(col).clone(), self.kind(col));
        let empty = || Value::text("");
        match col {
            Col::Ruid | Col::User => column.size(64).default(empty()),
            Col::Domain | Col::Socket => column.size(64),
            Col::Contact => column.size(512).default(empty()),
            Col::Received => column.size(128),
            Col::Path => column.size(512),
            Col::Instance => column.size(255),
            Col::UserAgent => column.size(255).default(empty()),
            Col::CallId => column.size(255).default(Value::text("Default-Call-ID")),
            Col::Methods => column,
            Col::Q => column.default(Value::Real(1.0)),
            Col::Cseq => column.default(Value::Int(1)),
            Col::Expires => column.default(self.time(1_906_234_335)),
            Col::LastModified => column.default(self.time(946_684_801)),
            _ => column.default(Value::Int(0)),
        }
    }

    /// A time as its column holds it.
    #[must_use]
    pub const fn time(&self, secs: i64) -> Value {
        match self.times {
            TimeColumns::Date => Value::Time(secs),
            TimeColumns::Seconds => Value::Int(secs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_expiry_is_kamailios_date() {
        assert_eq!(sip_db::Civil::from_unix(1_906_234_335).to_string(), "2030-05-28 21:32:15");
        assert_eq!(sip_db::Civil::from_unix(946_684_801).to_string(), "2000-01-01 00:00:01");
    }

    #[test]
    fn every_column_has_its_place() {
        for (place, col) in Col::ALL.into_iter().enumerate() {
            assert_eq!(col as usize, place);
        }
        let mut layout = Layout::new(Name::fixed("location"));
        layout.rename(Col::User, "account").unwrap();
        assert_eq!(layout.to_table().columns[1].name.as_str(), "account");
        assert!(layout.rename(Col::User, "a b").is_err());
    }
}
