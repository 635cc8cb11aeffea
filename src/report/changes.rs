//! What is different between two bundles, for people and for programs.

use super::Report;
use crate::review::verdict::Judgement;
use crate::review::{Change, ChangeKind, Review};
use crate::value::{Data, Node};
use serde_json::{Value, json};
use similar::TextDiff;
use std::fmt::Write as _;

/// For programs.
#[must_use]
pub fn json(report: &Report) -> String {
    let verdicts: Vec<Value> = report
        .reviews
        .iter()
        .map(|review| {
            let judgement = &review.judgement;
            let risks: Vec<Value> = judgement
                .risks
                .iter()
                .map(|risk| json!({"change": risk.change, "what": risk.what, "acknowledged": risk.acknowledged}))
                .collect();
            let runbooks: Vec<Value> = judgement
                .runbooks
                .iter()
                .map(|runbook| {
                    let steps: Vec<Value> =
                        runbook.steps.iter().map(|step| json!({"command": step.command, "expect": step.expect})).collect();
                    json!({"title": runbook.title, "steps": steps})
                })
                .collect();
            json!({
                "title": review.title,
                "verdict": judgement.verdict.word(),
                "line": judgement.line,
                "notes": judgement.notes,
                "order": judgement.order.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
                "risks": risks,
                "staleAcknowledgements": judgement.stale,
                "runbooks": runbooks,
            })
        })
        .collect();
    let changes: Vec<Value> = report
        .reviews
        .iter()
        .flat_map(|review| &review.changes)
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
                "from": change.from.as_ref().map(|from| json!({"kind": from.kind, "namespace": from.namespace, "name": from.name})),
                "verdict": change.verdict.word(),
                "effect": change.effect,
                "fields": fields,
                "refusals": refusals,
            })
        })
        .collect();
    let findings: Value = serde_json::from_str(&super::json::render(&report.all())).unwrap_or_default();
    let mut text =
        serde_json::to_string_pretty(&json!({"version": 1, "verdicts": verdicts, "changes": changes, "findings": findings["findings"]}))
            .unwrap_or_default();
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

/// For people: each review, worst first.
#[must_use]
pub fn human(report: &Report, colours: bool) -> String {
    let mut out = String::new();
    report.reviews.iter().for_each(|review| one(review, colours, &mut out));
    if report.reviews.is_empty() {
        out.push_str("no changes\n");
    }
    out
}

/// The decision first, then how to do what cannot just be applied, then each object, its fields and the lines of text.
fn one(review: &Review, colours: bool, out: &mut String) {
    let Review { title, changes, judgement, .. } = review;
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let (bold, end) = if colours { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let _ = writeln!(out, "{bold}{title}: {}{end}", judgement.line);
    let _ =
        writeln!(out, "{} added, {} changed, {} removed", count(ChangeKind::Added), count(ChangeKind::Changed), count(ChangeKind::Removed));
    judged(judgement, out);
    for change in changes {
        let from = change.from.as_ref().map(|from| format!(" (was {from})")).unwrap_or_default();
        let effect = if change.effect.is_empty() { String::new() } else { format!(": {}", change.effect) };
        let _ = writeln!(out, "\n{} {}{from}{effect}", change.kind.word(), change.id);
        for refusal in &change.refusals {
            let field = if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) };
            let _ = writeln!(out, "  refused by the API server: {field}{} {}", refusal.kind, refusal.detail);
        }
        for field in &change.fields {
            let _ = writeln!(out, "  {}: {} → {}", field.path, shown(field.old.as_ref()), shown(field.new.as_ref()));
        }
        hunks(change, colours, out);
    }
}

fn judged(judgement: &Judgement, out: &mut String) {
    for (set, moves) in &judgement.order {
        let _ = writeln!(out, "  pods of {set}, in order: {}", moves.join(" "));
    }
    for note in &judgement.notes {
        let _ = writeln!(out, "  {note}");
    }
    for risk in &judgement.risks {
        if risk.acknowledged {
            let _ = writeln!(out, "  data at risk, acknowledged: {}", risk.what);
        } else {
            let _ = writeln!(out, "  data at risk: {}", risk.what);
            let _ = writeln!(out, "    if that is meant: acknowledge: [{{change: \"{}\", reason: \"…\"}}]", risk.change);
        }
    }
    for change in &judgement.stale {
        let _ = writeln!(out, "  acknowledged, but not what happens here: {change}. Remove it");
    }
    for runbook in &judgement.runbooks {
        let _ = writeln!(out, "\nto {}:", runbook.title);
        for (number, step) in runbook.steps.iter().enumerate() {
            let _ = writeln!(out, "  {}. {}\n     → {}", number + 1, step.command, step.expect);
        }
    }
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
