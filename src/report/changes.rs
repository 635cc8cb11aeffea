//! What is different between two bundles, for people and for programs.

use crate::review::{Change, ChangeKind};
use crate::value::{Data, Node};
use similar::TextDiff;
use std::fmt::Write as _;

/// For people: a line per object, its fields, and the lines of text.
#[must_use]
pub fn human(changes: &[Change], title: &str, colours: bool) -> String {
    let mut out = String::new();
    if changes.is_empty() {
        return out;
    }
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let _ = writeln!(
        out,
        "{title}: {} added, {} changed, {} removed",
        count(ChangeKind::Added),
        count(ChangeKind::Changed),
        count(ChangeKind::Removed)
    );
    for change in changes {
        let _ = writeln!(out, "\n{} {}", change.kind.word(), change.id);
        for field in &change.fields {
            let _ = writeln!(out, "  {}: {} → {}", field.path, shown(field.old.as_ref()), shown(field.new.as_ref()));
        }
        hunks(change, colours, &mut out);
    }
    out
}

fn hunks(change: &Change, colours: bool, out: &mut String) {
    let diff = TextDiff::from_lines(&change.texts.0, &change.texts.1);
    for line in diff.unified_diff().context_radius(2).to_string().lines() {
        let colour = match line.as_bytes().first() {
            Some(b'+') => "\x1b[32m",
            Some(b'-') => "\x1b[31m",
            Some(b'@') => "\x1b[36m",
            _ => "",
        };
        let (begin, end) = if colours && !colour.is_empty() { (colour, "\x1b[0m") } else { ("", "") };
        let _ = writeln!(out, "  {begin}{line}{end}");
    }
}

fn shown(node: Option<&Node>) -> String {
    match node.map(|node| &node.data) {
        None => "(nothing)".into(),
        Some(Data::Null) => "null".into(),
        Some(Data::Bool(value)) => value.to_string(),
        Some(Data::Int(value)) => value.to_string(),
        Some(Data::Float(value)) => value.to_string(),
        Some(Data::Text(text)) => format!("\"{}\"", text.chars().take(80).collect::<String>()),
        Some(Data::List(items)) => format!("a list of {}", items.len()),
        Some(Data::Map(map)) => format!("a map of {}", map.len()),
    }
}
