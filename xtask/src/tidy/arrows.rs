//! The arrows between the crates only fall, as ARCHITECTURE.md draws them.

use crate::metadata::{Kind, Package};

/// A crate, its layer, and the crates of the workspace that it may use. A dependency that is not
/// in this table is a change of the design: it goes into ARCHITECTURE.md in the same commit.
struct Place {
    name: &'static str,
    layer: u8,
    uses: &'static [&'static str],
}

const PLACES: [Place; 16] = [
    Place { name: "looseroute-parser", layer: 0, uses: &[] },
    Place { name: "looseroute-core", layer: 1, uses: &["looseroute-parser"] },
    Place {
        name: "looseroute-module-api",
        layer: 2,
        uses: &["looseroute-parser", "looseroute-core"],
    },
    Place {
        name: "looseroute-transport",
        layer: 2,
        uses: &["looseroute-parser", "looseroute-core"],
    },
    // Knows no SIP.
    Place { name: "looseroute-db", layer: 2, uses: &[] },
    Place { name: "looseroute-sim", layer: 2, uses: &["looseroute-parser", "looseroute-core"] },
    // It sees only the registry.
    Place {
        name: "looseroute-script",
        layer: 3,
        uses: &["looseroute-parser", "looseroute-core", "looseroute-module-api"],
    },
    // No script, no registry, no sockets.
    Place {
        name: "looseroute-usrloc",
        layer: 3,
        uses: &["looseroute-parser", "looseroute-core", "looseroute-db"],
    },
    Place {
        name: "looseroute-dialog",
        layer: 3,
        uses: &["looseroute-parser", "looseroute-core", "looseroute-db"],
    },
    // No script.
    Place {
        name: "looseroute-modules",
        layer: 4,
        uses: &[
            "looseroute-parser",
            "looseroute-core",
            "looseroute-module-api",
            "looseroute-transport",
            "looseroute-db",
            "looseroute-usrloc",
            "looseroute-dialog",
        ],
    },
    Place {
        name: "looseroute",
        layer: 5,
        uses: &[
            "looseroute-parser",
            "looseroute-core",
            "looseroute-module-api",
            "looseroute-transport",
            "looseroute-db",
            "looseroute-usrloc",
            "looseroute-dialog",
            "looseroute-script",
            "looseroute-modules",
        ],
    },
    // The public API has to be enough for C.
    Place { name: "looseroute-ffi", layer: 6, uses: &["looseroute"] },
    Place { name: "looseroute-examples", layer: 6, uses: &["looseroute"] },
    Place {
        name: "looseroute-benches",
        layer: 6,
        uses: &[
            "looseroute-parser",
            "looseroute-core",
            "looseroute-transport",
            "looseroute-usrloc",
            "looseroute",
        ],
    },
    Place { name: "looseroute-parser-bench", layer: 6, uses: &["looseroute-parser"] },
    Place { name: "xtask", layer: 6, uses: &[] },
];

/// What only tests may use.
const FOR_TESTS: &str = "looseroute-sim";

/// Crates outside of the workspace that only some may use; the files are `rust`'s matter.
const SPECIAL: [(&str, &[&str]); 4] = [
    ("mio", &["looseroute-transport", "looseroute", "looseroute-examples"]),
    ("libc", &["looseroute-transport", "looseroute", "looseroute-benches", "looseroute-examples"]),
    ("socket2", &["looseroute-transport", "looseroute", "looseroute-benches"]),
    ("rusqlite", &["looseroute-db"]),
];

/// One line for each arrow that does not fall.
pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    let own = |name: &str| packages.iter().any(|p| p.name == name);
    let mut breaches = Vec::new();
    for package in packages {
        let Some(place) = PLACES.iter().find(|p| p.name == package.name) else {
            breaches.push(format!("{}: not in the layer table of xtask tidy", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let product = dependency.kind != Kind::Dev;
            if product && name == FOR_TESTS {
                breaches.push(format!("{}: {FOR_TESTS} is for tests only", package.name));
            } else if product && own(name) && !place.uses.contains(&name) {
                breaches.push(format!("{}: must not use {name}", package.name));
            } else if product && !allowed(name, &package.name) {
                breaches.push(format!("{}: {name} is not for this crate", package.name));
            } else if !product && own(name) && layer(name) > place.layer {
                breaches.push(format!("{}: its tests must not use {name}", package.name));
            }
        }
    }
    breaches
}

fn allowed(dependency: &str, package: &str) -> bool {
    SPECIAL.iter().all(|(name, users)| *name != dependency || users.contains(&package))
}

fn layer(name: &str) -> u8 {
    PLACES.iter().find(|p| p.name == name).map_or(u8::MAX, |p| p.layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[(&str, Kind)]) -> Package {
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: String::new(),
            licence: None,
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: *kind })
                .collect(),
            external: false,
            directory: String::new(),
        }
    }

    #[test]
    fn the_table_itself_only_falls() {
        for place in &PLACES {
            for name in place.uses {
                assert!(layer(name) < place.layer, "{} uses {name}", place.name);
            }
        }
    }

    #[test]
    fn an_arrow_that_rises_is_a_breach() {
        let packages = [
            package(
                "looseroute-parser",
                &[("looseroute-core", Kind::Normal), ("nom", Kind::Normal)],
            ),
            package("looseroute-core", &[("looseroute-sim", Kind::Dev), ("mio", Kind::Normal)]),
            package("looseroute-usrloc", &[("looseroute-sim", Kind::Normal)]),
            package("looseroute-sim", &[]),
            package("unheard-of", &[]),
        ];
        assert_eq!(
            check(&packages),
            [
                "looseroute-parser: must not use looseroute-core",
                "looseroute-core: its tests must not use looseroute-sim",
                "looseroute-core: mio is not for this crate",
                "looseroute-usrloc: looseroute-sim is for tests only",
                "unheard-of: not in the layer table of xtask tidy",
            ]
        );
    }
}
