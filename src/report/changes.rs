//! What is different between two bundles, for people and for programs.

use crate::diagnostic::Finding;
use crate::review::{Change, ChangeKind};
use crate::value::{Data, Node};
use serde_json::{Value, json};
use similar::TextDiff;
use std::fmt::Write as _;

/// For programs.
#[must_use]
pub fn json(changes: &[Change], findings: &[Finding]) -> String {
    let changes: Vec<Value> = changes
        .iter()
        .map(|change| {
            let fields: Vec<Value> = change
                .fields
                .iter()
                .map(|field| json!({"path": field.path, "old": field.old.as_ref().map(value), "new": field.new.as_ref().map(value)}))
                .collect();
            let refusals: Vec<Value> = change
                .refusals
                .iter()
                .map(|refusal| json!({"field": refusal.field, "type": refusal.kind, "detail": refusal.detail}))
                .collect();
            json!({
                "object": {"kind": change.id.kind, "namespace": change.id.namespace, "name": change.id.name},
                "change": change.kind.word(),
                "fields": fields,
                "refusals": refusals,
            })
        })
        .collect();
    let findings: Value = serde_json::from_str(&super::json::render(findings)).unwrap_or_default();
    let mut text = serde_json::to_string_pretty(&json!({"changes": changes, "findings": findings["findings"]})).unwrap_or_default();
    text.push('\n');
    text
}

fn value(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::Null,
        Data::Bool(value) => Value::from(*value),
        Data::Int(value) => Value::from(*value),
        Data::Float(value) => Value::from(*value),
        Data::Text(text) => Value::from(text.as_str()),
        Data::List(items) => Value::Array(items.iter().map(value).collect()),
        Data::Map(map) => Value::Object(map.iter().map(|(key, node)| (key.name.to_string(), value(node))).collect()),
    }
}

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
        for refusal in &change.refusals {
            let field = if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) };
            let _ = writeln!(out, "  refused by the API server: {field}{} {}", refusal.kind, refusal.detail);
        }
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
