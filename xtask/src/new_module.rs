//! `cargo xtask new-module NAME`: a folder in sip-modules with a module that builds, the scenario
//! that shows its effect, and their lines in the catalogue and among the tests.

use std::fs;
use std::path::Path;
use std::process::Command;

const MODULE: &str = include_str!("../templates/module.rs.in");
const SCENARIO: &str = include_str!("../templates/scenario.rs.in");
const CATALOGUE: &str = "sip-modules/src/lib.rs";
const TESTS: &str = "looseroute/tests/modules";

/// Makes the module.
///
/// # Errors
/// The name is not a module's, it exists already, or the files that list the modules do not look
/// as expected; nothing is written then.
pub(crate) fn run(root: &Path, name: &str) -> Result<(), String> {
    check_name(name)?;
    let module = format!("sip-modules/src/{name}/mod.rs");
    let scenario = format!("{TESTS}/{name}.rs");
    for new in [format!("sip-modules/src/{name}"), scenario.clone()] {
        if root.join(&new).exists() {
            return Err(format!("{new} exists already"));
        }
    }
    let (main, coverage) = (format!("{TESTS}/main.rs"), format!("{TESTS}/coverage.rs"));
    let changed = |file: &str, change: fn(&str, &str, &str) -> Result<String, String>| {
        let text = fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"))?;
        change(file, &text, name)
    };
    let files = [
        (CATALOGUE, changed(CATALOGUE, add_to_catalogue)?),
        (&main, changed(&main, add_to_tests)?),
        (&coverage, changed(&coverage, add_to_coverage)?),
        (&module, fill(MODULE, name)),
        (&scenario, fill(SCENARIO, name)),
    ];
    let folder = root.join("sip-modules/src").join(name);
    fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for (file, text) in &files {
        fs::write(root.join(file), text).map_err(|e| format!("{file}: {e}"))?;
    }
    // A long name breaks lines elsewhere than the templates do.
    let formatted = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "skip_children=true"])
        .args([&module, &scenario])
        .current_dir(root)
        .status();
    let hint = if formatted.is_ok_and(|s| s.success()) { "" } else { "cargo fmt --all\n" };
    println!(
        "made {module} and its line in {CATALOGUE},\n\
         made {scenario} and its lines in {TESTS}\n\
         next: say in its first lines what it is for, replace the example function and its\n\
         scenario, then\n\
         {hint}cargo test -p looseroute-modules {name} && cargo test -p looseroute --test modules"
    );
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    let lower = |c: char| c.is_ascii_lowercase();
    let rest = |c: char| lower(c) || c.is_ascii_digit() || c == '_';
    let fits = name.starts_with(lower) && name.chars().all(rest) && name.len() <= 32;
    let reserved = ["as", "async", "crate", "dyn", "impl", "lib", "match", "mod", "self", "super"];
    if !fits || reserved.contains(&name) {
        return Err(format!("`{name}` is no module name: a to z, digits and _, as in auth_db"));
    }
    Ok(())
}

/// A template with the name filled in; a type is the name in CamelCase.
fn fill(template: &str, name: &str) -> String {
    let camel: String = name
        .split('_')
        .map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect();
    template.replace("@name@", name).replace("@Type@", &camel)
}

/// Puts `pub mod NAME;` and `NAME::module(),` where the alphabet has them. The first entry of the
/// list stays first, as all others may bind to it.
fn add_to_catalogue(file: &str, text: &str, name: &str) -> Result<String, String> {
    let mut lines = lines_of(text);
    let declared = |l: &str| between(l, "pub mod ", ";");
    let listed = |l: &str| between(l.trim(), "", "::module(),");
    insert(file, &mut lines, &declared, 0, name, format!("pub mod {name};"))?;
    insert(file, &mut lines, &listed, 1, name, format!("        {name}::module(),"))?;
    Ok(lines.join("\n") + "\n")
}

/// Puts `mod NAME;` among the tests' files, behind those that help them.
fn add_to_tests(file: &str, text: &str, name: &str) -> Result<String, String> {
    let mut lines = lines_of(text);
    let start = lines.iter().rposition(String::is_empty).map_or(0, |at| at + 1);
    let helpers = lines.iter().take(start).filter(|l| l.starts_with("mod ")).count();
    let listed = |l: &str| between(l, "mod ", ";");
    insert(file, &mut lines, &listed, helpers, name, format!("mod {name};"))?;
    Ok(lines.join("\n") + "\n")
}

/// Puts `NAME: NAME;` into the list of modules and of the files that test them.
fn add_to_coverage(file: &str, text: &str, name: &str) -> Result<String, String> {
    let mut lines = lines_of(text);
    let listed = |l: &str| {
        let (module, files) = l.strip_prefix("    ")?.strip_suffix(';')?.split_once(": ")?;
        let plain = |t: &str| t.chars().all(|c| c.is_ascii_alphanumeric() || "_, ".contains(c));
        (plain(module) && plain(files)).then(|| module.to_owned())
    };
    insert(file, &mut lines, &listed, 0, name, format!("    {name}: {name};"))?;
    Ok(lines.join("\n") + "\n")
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn between(line: &str, start: &str, end: &str) -> Option<String> {
    line.strip_prefix(start)?.strip_suffix(end).map(str::to_owned)
}

/// Inserts `line` where `name` belongs among the lines that `read` understands, the first `fixed`
/// of them left where they are.
fn insert(
    file: &str,
    lines: &mut Vec<String>,
    read: &dyn Fn(&str) -> Option<String>,
    fixed: usize,
    name: &str,
    line: String,
) -> Result<(), String> {
    let at = place(lines, read, name, fixed);
    let at = at.ok_or_else(|| format!("{file} has no list of modules that I can read"))?;
    lines.insert(at, line);
    Ok(())
}

/// The line before which `name` belongs among those that `read` understands, the first `fixed` of
/// them left where they are.
fn place(
    lines: &[String],
    read: &dyn Fn(&str) -> Option<String>,
    name: &str,
    fixed: usize,
) -> Option<usize> {
    let entries: Vec<(usize, String)> =
        lines.iter().enumerate().filter_map(|(at, l)| read(l).map(|n| (at, n))).collect();
    let (last, _) = entries.last()?;
    let next = entries.iter().skip(fixed).find(|(_, n)| n.as_str() > name);
    Some(next.map_or(last + 1, |(at, _)| *at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! Head.\n\npub mod auth;\npub mod core;\npub mod tm;\n\nvec![\n        \
        core::module(),\n        auth::module(),\n        tm::module(),\n]\n";

    #[test]
    fn the_catalogue_stays_in_order() {
        let text = add_to_catalogue("f", TEXT, "pv").expect("readable");
        assert!(text.contains("pub mod core;\npub mod pv;\npub mod tm;\n"), "{text}");
        assert!(text.contains("auth::module(),\n        pv::module(),\n        tm::"), "{text}");
        let text = add_to_catalogue("f", &text, "acc").expect("readable");
        assert!(text.contains("\npub mod acc;\npub mod auth;\n"), "{text}");
        assert!(text.contains("core::module(),\n        acc::module(),\n"), "{text}");
        let text = add_to_catalogue("f", &text, "xhttp").expect("readable");
        assert!(text.contains("tm::module(),\n        xhttp::module(),\n]\n"), "{text}");
        assert!(add_to_catalogue("f", "nothing", "x").is_err());
    }

    #[test]
    fn the_tests_lists_stay_in_order_and_their_helpers_in_front() {
        let main = "//! Head.\n\n#[path = \"x\"]\nmod text;\n\nmod rig;\n\nmod auth;\nmod tm;\n";
        for (name, around) in
            [("pv", "mod auth;\nmod pv;\nmod tm;\n"), ("acc", "mod rig;\n\nmod acc;\nmod auth;\n")]
        {
            let text = add_to_tests("f", main, name).expect("readable");
            assert!(text.contains(around), "{text}");
        }
        let coverage = "const X: u8 = 1;\n    auth: auth, nonces;\n    tm: tm;\n};\n";
        let text = add_to_coverage("f", coverage, "pv").expect("readable");
        assert!(text.contains("nonces;\n    pv: pv;\n    tm: tm;\n"), "{text}");
        let text = add_to_coverage("f", &text, "xhttp").expect("readable");
        assert!(text.contains("tm: tm;\n    xhttp: xhttp;\n};\n"), "{text}");
    }

    #[test]
    fn a_name_is_checked_before_anything_is_written() {
        for name in ["", "Acc", "1x", "a-b", "../x", "mod", "a b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert_eq!(check_name("auth_db"), Ok(()));
    }

    #[test]
    fn every_hole_of_the_template_is_filled() {
        let (text, scenario) = (fill(MODULE, "auth_db"), fill(SCENARIO, "auth_db"));
        assert!(text.contains("struct AuthDb {") && text.contains("\"auth_db\""));
        assert!(!text.contains('@') && scenario.contains("\"auth_db_count\""));
        assert!(!scenario.replace("sip:bob@", "").contains('@'));
    }
}
