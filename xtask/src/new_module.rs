//! `cargo xtask new-module NAME`: a folder in sip-modules with a module that builds, and its lines
//! in the catalogue.

use std::fs;
use std::path::Path;

const TEMPLATE: &str = include_str!("../templates/module.rs.in");
const CATALOGUE: &str = "sip-modules/src/lib.rs";

/// Makes the module.
///
/// # Errors
/// The name is not a module's, it exists already, or the catalogue does not look as expected;
/// nothing is written then.
pub(crate) fn run(root: &Path, name: &str) -> Result<(), String> {
    check_name(name)?;
    let folder = root.join("sip-modules/src").join(name);
    if folder.exists() {
        return Err(format!("sip-modules/src/{name} exists already"));
    }
    let path = root.join(CATALOGUE);
    let catalogue = fs::read_to_string(&path).map_err(|e| format!("{CATALOGUE}: {e}"))?;
    let catalogue = add_to_catalogue(&catalogue, name)?;
    let error = |e: std::io::Error| format!("sip-modules/src/{name}: {e}");
    fs::create_dir(&folder).map_err(error)?;
    fs::write(folder.join("mod.rs"), module(name)).map_err(error)?;
    fs::write(&path, catalogue).map_err(|e| format!("{CATALOGUE}: {e}"))?;
    println!(
        "made sip-modules/src/{name}/mod.rs and its line in {CATALOGUE}\n\
         next: say in its first lines what it is for, replace the example function, then\n\
         cargo test -p looseroute-modules {name}"
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

/// The template with the name filled in; its type is the name in CamelCase.
fn module(name: &str) -> String {
    let camel: String = name
        .split('_')
        .map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect();
    TEMPLATE.replace("@name@", name).replace("@Type@", &camel)
}

/// Puts `pub mod NAME;` and `NAME::module(),` where the alphabet has them. The first entry of the
/// list stays first, as all others may bind to it.
fn add_to_catalogue(text: &str, name: &str) -> Result<String, String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let declared =
        |l: &str| l.strip_prefix("pub mod ").and_then(|l| l.strip_suffix(';')).map(str::to_owned);
    let listed = |l: &str| l.trim().strip_suffix("::module(),").map(str::to_owned);
    let at = place(&lines, &declared, name, 0)?;
    lines.insert(at, format!("pub mod {name};"));
    let at = place(&lines, &listed, name, 1)?;
    lines.insert(at, format!("        {name}::module(),"));
    Ok(lines.join("\n") + "\n")
}

/// The line before which `name` belongs among those that `read` understands, the first `fixed` of
/// them left where they are.
fn place(
    lines: &[String],
    read: &dyn Fn(&str) -> Option<String>,
    name: &str,
    fixed: usize,
) -> Result<usize, String> {
    let entries: Vec<(usize, String)> =
        lines.iter().enumerate().filter_map(|(at, l)| read(l).map(|n| (at, n))).collect();
    let Some((last, _)) = entries.last() else {
        return Err(format!("{CATALOGUE} has no list of modules that I can read"));
    };
    let next = entries.iter().skip(fixed).find(|(_, n)| n.as_str() > name);
    Ok(next.map_or(last + 1, |(at, _)| *at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! Head.\n\npub mod auth;\npub mod core;\npub mod tm;\n\nvec![\n        \
        core::module(),\n        auth::module(),\n        tm::module(),\n]\n";

    #[test]
    fn the_catalogue_stays_in_order() {
        let text = add_to_catalogue(TEXT, "pv").expect("readable");
        assert!(text.contains("pub mod core;\npub mod pv;\npub mod tm;\n"), "{text}");
        assert!(text.contains("auth::module(),\n        pv::module(),\n        tm::"), "{text}");
        let text = add_to_catalogue(&text, "acc").expect("readable");
        assert!(text.contains("\npub mod acc;\npub mod auth;\n"), "{text}");
        assert!(text.contains("core::module(),\n        acc::module(),\n"), "{text}");
        let text = add_to_catalogue(&text, "xhttp").expect("readable");
        assert!(text.contains("tm::module(),\n        xhttp::module(),\n]\n"), "{text}");
        assert!(add_to_catalogue("nothing", "x").is_err());
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
        let text = module("auth_db");
        assert!(text.contains("struct AuthDb {") && text.contains("\"auth_db\""));
        assert!(!text.contains('@'));
    }
}
