//! The workspace's own text files.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold no sources: what builds and runs leave behind.
const SKIPPED: [&str; 6] = ["target", ".git", "var", "artifacts", "corpus", "corpus-work"];

/// A text file of the project.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// From the workspace's directory, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All files whose kind is read, sorted by path.
///
/// # Errors
/// A directory or file that cannot be read, or a source file that is no UTF-8.
pub(crate) fn sources(root: &Path) -> Result<Vec<Source>, String> {
    let mut found = Vec::new();
    let mut next = vec![root.to_owned()];
    while let Some(directory) = next.pop() {
        let error = |e| format!("{}: {e}", directory.display());
        for entry in fs::read_dir(&directory).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(error)?;
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                next.push(entry.path());
            } else if kind.is_file() && is_source(&name) {
                found.push(read(root, entry.path())?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read(root: &Path, path: PathBuf) -> Result<Source, String> {
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let short = path.strip_prefix(root).unwrap_or(&path);
    Ok(Source { path: short.to_string_lossy().replace('\\', "/"), text })
}

fn is_source(name: &str) -> bool {
    const ENDS: [&str; 13] =
        ["rs", "toml", "md", "c", "h", "hpp", "cpp", "cmake", "sh", "cfg", "txt", "yml", "sipt"];
    name == "Makefile"
        || name == "run"
        || name.starts_with("LICENSE")
        || name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

/// The code of a Rust file: comments, strings and what stands behind `#[cfg(test)] mod` blanked,
/// lines kept, so that a search finds what is compiled into the product.
pub(crate) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (len, kept) = match token(rest) {
            Some(len) => (len, false),
            None => (first.len_utf8(), true),
        };
        let (piece, behind) = rest.split_at(len);
        match kept {
            true => out.push_str(piece),
            false => out.extend(piece.chars().map(|c| if c == '\n' { c } else { ' ' })),
        }
        rest = behind;
    }
    without_tests(&out)
}

/// The length of the comment, string or character at the start; `None` when there is none.
fn token(rest: &str) -> Option<usize> {
    let to = |end: &str, from: usize| {
        rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(to("*/", 2));
    }
    if rest.starts_with("r\"") {
        return Some(to("\"", 2));
    }
    if rest.starts_with("r#\"") {
        return Some(to("\"#", 3));
    }
    if rest.starts_with('"') {
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        return Some(end.map_or(rest.len(), |(at, _)| at + 1));
    }
    // A character, not a lifetime: the quote that ends it is near.
    let mut chars = rest.strip_prefix('\'')?.char_indices();
    let (_, first) = chars.next()?;
    let (at, second) = chars.next()?;
    match (first, second) {
        ('\\', _) => Some(to("'", 3)),
        (_, '\'') => Some(1 + at + 1),
        _ => None,
    }
}

/// Tests stand last in a file: what follows the attribute on a `mod` is not product code.
fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut lines = code.lines().peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().map_or("", |l| l.trim_start());
        if line.trim() == "#[cfg(test)]" && next.starts_with("mod ") && !next.ends_with(';') {
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let text = "let a = \"unsafe \\\" x\"; // unsafe\n/* unsafe\n*/ let b = '\"'; c::<'a>();\n\
            r#\"unsafe\"# 'x' '\\'' end\n#[cfg(test)]\nmod tests {\n    unsafe\n}\n";
        let code = code(text);
        assert!(!code.contains("unsafe"), "{code}");
        assert!(code.contains("let b =") && code.contains("c::<'a>();") && code.contains("end"));
        assert_eq!(code.lines().count(), 4);
    }

    #[test]
    fn a_test_module_in_its_own_file_hides_nothing() {
        assert!(code("#[cfg(test)]\nmod tests;\nunsafe\n").contains("unsafe"));
    }
}
