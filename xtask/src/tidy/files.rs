//! Rules for every text file.

use std::path::Path;

use crate::tree::Source;

/// Directories that belong to somebody's machine.
const HOMES: [&str; 3] = ["/home/", "/root/", "/Users/"];

/// The paths of this machine that must not be in any file: the workspace's own and the user's home.
pub(crate) fn machine_paths(root: &Path) -> Vec<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    let mut paths: Vec<String> = HOMES.map(str::to_owned).to_vec();
    // A directory at the top, such as /src, is nobody's own.
    let own = [root.display().to_string(), home];
    paths.extend(own.into_iter().filter(|p| p.matches('/').count() > 1));
    paths
}

/// One line for each breach in a file.
pub(crate) fn check(source: &Source, machine: &[String]) -> Vec<String> {
    let Source { path, text } = source;
    let mut breaches = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        breaches.push(format!("{path}: does not end with a line end"));
    }
    if text.ends_with("\n\n") {
        breaches.push(format!("{path}: ends with an empty line"));
    }
    // The list of these paths is the one place that has to name them.
    let own_list = path == "xtask/src/tidy/files.rs";
    for (at, line) in text.lines().enumerate() {
        let at = at + 1;
        if line.ends_with([' ', '\t', '\r']) {
            breaches.push(format!("{path}:{at}: blanks at the end of the line"));
        }
        let found = machine.iter().find(|p| stands_alone(line, p));
        if let Some(found) = found.filter(|_| !own_list) {
            breaches.push(format!("{path}:{at}: a path of one machine: {found}"));
        }
    }
    breaches
}

/// True when the path begins in the line, not when it continues another one.
fn stands_alone(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(text: &str) -> Vec<String> {
        let source = Source { path: "a.md".to_owned(), text: text.to_owned() };
        check(&source, &["/home/".to_owned(), "/build/me".to_owned()])
    }

    #[test]
    fn a_clean_file_has_no_breach() {
        assert_eq!(breaches("a\n\nb sip:x/home/y ./build/me\n"), Vec::<String>::new());
        assert_eq!(breaches(""), Vec::<String>::new());
    }

    #[test]
    fn line_ends_blanks_and_machine_paths_are_breaches() {
        assert_eq!(
            breaches("a \n`/home/me`\nin /build/me"),
            [
                "a.md: does not end with a line end",
                "a.md:1: blanks at the end of the line",
                "a.md:2: a path of one machine: /home/",
                "a.md:3: a path of one machine: /build/me",
            ]
        );
        assert_eq!(breaches("a\n\n"), ["a.md: ends with an empty line"]);
    }
}
