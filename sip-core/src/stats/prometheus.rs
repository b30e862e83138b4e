//! A snapshot in the text format that Prometheus reads (exposition format 0.0.4).

use std::fmt::Write;

use hashbrown::HashSet;

use super::snapshot::{Kind, Snapshot};

impl Snapshot {
    /// Appends every value to `out` as `PREFIX_GROUP_NAME`, with its help and type. What a metric's
    /// name may not contain becomes `_`; where that makes two names the same, the later one gets
    /// more of them.
    pub fn write_prometheus(&self, prefix: &str, out: &mut String) {
        let mut taken = HashSet::new();
        for value in self.iter() {
            let mut name = metric(&[prefix, value.group, value.name]);
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            let kind = match value.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let help = value.doc.replace('\\', "\\\\").replace('\n', "\\n");
            // Writing to a String does not fail.
            let _written =
                write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {}\n", value.value);
        }
    }
}

/// The parts joined by `_`, with nothing in it but what a name may have.
fn metric(parts: &[&str]) -> String {
    let joined = parts.join("_");
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name: String = joined.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}
