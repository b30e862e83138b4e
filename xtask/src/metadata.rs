//! What `cargo metadata` says about the packages, as far as the tasks need it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A package of the workspace or of the registry.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    /// Declared dependencies.
    pub(crate) dependencies: Vec<Dependency>,
    /// From a registry, not from this workspace.
    pub(crate) external: bool,
    /// Its directory.
    pub(crate) directory: String,
}

/// One line of a `[dependencies]` table.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Which table the line is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// All packages and who really uses whom.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    /// By package id: the ids that end up linked to it on this machine's target.
    pub(crate) linked: BTreeMap<String, Vec<String>>,
}

/// How much to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The workspace's packages alone.
    Own,
    /// Also what their default features bring.
    Default,
    /// Also what all their features bring.
    Everything,
}

/// Asks cargo.
///
/// # Errors
/// Cargo's own message, or an answer that does not read.
pub(crate) fn read(root: &Path, scope: Scope) -> Result<Metadata, String> {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or("cargo".to_owned()));
    command.args(["metadata", "--format-version", "1"]).current_dir(root);
    match scope {
        Scope::Own => command.arg("--no-deps"),
        Scope::Default => command.args(["--filter-platform", &host()?]),
        Scope::Everything => command.args(["--all-features", "--filter-platform", &host()?]),
    };
    let output = command.output().map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let value: Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = list(&value["packages"]).iter().map(package).collect();
    let linked = list(&value["resolve"]["nodes"]).iter().map(node).collect();
    Ok(Metadata { packages, linked })
}

fn host() -> Result<String, String> {
    let output =
        Command::new("rustc").arg("-vV").output().map_err(|e| format!("rustc -vV: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|l| l.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| format!("rustc -vV names no host:\n{text}"))
}

fn package(value: &Value) -> Package {
    let manifest = text(&value["manifest_path"]);
    Package {
        id: text(&value["id"]),
        name: text(&value["name"]),
        version: text(&value["version"]),
        licence: value["license"].as_str().map(str::to_owned),
        dependencies: list(&value["dependencies"]).iter().map(dependency).collect(),
        external: !value["source"].is_null(),
        directory: manifest.trim_end_matches("/Cargo.toml").to_owned(),
    }
}

fn dependency(value: &Value) -> Dependency {
    let kind = match value["kind"].as_str() {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    };
    Dependency { name: text(&value["name"]), kind }
}

/// Only what is linked: not what tests and build scripts use.
fn node(value: &Value) -> (String, Vec<String>) {
    let linked = list(&value["deps"])
        .iter()
        .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()));
    (text(&value["id"]), linked.map(|dep| text(&dep["pkg"])).collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_and_its_edges_are_read() {
        let value = serde_json::json!({
            "id": "path+file:///x#a@0.1.0", "name": "a", "version": "0.1.0", "license": "MIT",
            "source": null, "manifest_path": "/x/a/Cargo.toml",
            "dependencies": [{"name": "b", "kind": "dev"}, {"name": "c", "kind": null}],
        });
        let a = package(&value);
        assert_eq!((a.name.as_str(), a.external, a.directory.as_str()), ("a", false, "/x/a"));
        assert_eq!(a.dependencies[0].kind, Kind::Dev);
        assert_eq!(a.dependencies[1].kind, Kind::Normal);
        let value = serde_json::json!({"id": "a", "deps": [
            {"pkg": "b", "dep_kinds": [{"kind": "dev"}]},
            {"pkg": "c", "dep_kinds": [{"kind": "build"}, {"kind": null}]},
        ]});
        assert_eq!(node(&value), ("a".to_owned(), vec!["c".to_owned()]));
    }
}
