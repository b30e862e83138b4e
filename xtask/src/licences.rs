//! `cargo xtask licences`: nothing with a licence that we have not accepted gets in.

use std::collections::BTreeSet;
use std::path::Path;

use crate::metadata::{self, Metadata, Scope};
use crate::spdx;

/// Licences that may be linked into a product under MIT OR Apache-2.0.
const ACCEPTED: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Packages under another licence, each with the reason why that is well.
const EXCEPTIONS: [(&str, &str, &str); 1] = [(
    "cbindgen",
    "MPL-2.0",
    "a tool that writes include/looseroute.h; nothing of it is linked or distributed",
)];

/// Checks every package that any build of the workspace uses, and prints how many there are.
///
/// # Errors
/// One line for each package with no licence or one that is not accepted.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let metadata = metadata::read(root, Scope::Everything)?;
    let external: Vec<_> = metadata.packages.iter().filter(|p| p.external).collect();
    let mut refused = Vec::new();
    for package in &external {
        if let Some(why) = refusal(&package.name, package.licence.as_deref()) {
            refused.push(format!("{} {}: {why}", package.name, package.version));
        }
    }
    println!(
        "licences: {} packages, of which {} are linked into the engine with default features",
        external.len(),
        linked(&metadata::read(root, Scope::Default)?, "looseroute").len()
    );
    if refused.is_empty() { Ok(()) } else { Err(refused.join("\n")) }
}

fn refusal(name: &str, licence: Option<&str>) -> Option<String> {
    let Some(licence) = licence else { return Some("names no licence".to_owned()) };
    let accept = |one: &str| {
        ACCEPTED.contains(&one) || EXCEPTIONS.iter().any(|(n, l, _)| *n == name && *l == one)
    };
    match spdx::satisfied(licence, &accept) {
        Ok(true) => None,
        Ok(false) => Some(format!("`{licence}` is not among the accepted licences")),
        Err(error) => Some(error),
    }
}

/// The registry's packages that are linked with the named one.
fn linked<'a>(metadata: &'a Metadata, name: &str) -> BTreeSet<&'a str> {
    let external = |id: &str| metadata.packages.iter().any(|p| p.id == id && p.external);
    let mut seen = BTreeSet::new();
    let start = metadata.packages.iter().find(|p| p.name == name && !p.external);
    let mut next: Vec<&str> = start.map(|p| p.id.as_str()).into_iter().collect();
    while let Some(id) = next.pop() {
        for dep in metadata.linked.get(id).into_iter().flatten() {
            if seen.insert(dep.as_str()) {
                next.push(dep);
            }
        }
    }
    seen.retain(|id| external(id));
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_for_one_package_only() {
        assert_eq!(refusal("cbindgen", Some("MPL-2.0")), None);
        assert!(refusal("other", Some("MPL-2.0")).is_some());
        assert!(refusal("other", None).is_some());
        assert_eq!(refusal("other", Some("(MIT OR Apache-2.0) AND Unicode-3.0")), None);
    }
}
