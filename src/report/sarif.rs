//! Findings as SARIF 2.1.0, within what GitHub's code scanning takes.

use super::{clean, fingerprint, named};
use crate::diagnostic::{Code, Finding, Level};
use crate::source::Spot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Code scanning takes so many results of one run; where there are more, the errors come first.
const MOST: usize = 25_000;

/// One run with all findings.
#[must_use]
pub(crate) fn render(findings: &[Finding]) -> String {
    let codes: BTreeMap<&str, &Code> = findings.iter().map(|finding| (finding.code.id, finding.code)).collect();
    let rules: Vec<Value> = codes.values().map(|code| rule(code)).collect();
    let index: BTreeMap<&str, usize> = codes.keys().enumerate().map(|(position, id)| (*id, position)).collect();
    let mut seen = BTreeMap::new();
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    if sorted.len() > MOST {
        sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    }
    let results: Vec<Value> = sorted
        .into_iter()
        .take(MOST)
        .map(|finding| {
            result(finding, index.get(finding.code.id).copied().unwrap_or(0), &fingerprint(finding, &mut seen))
        })
        .collect();
    let report = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "Statewright", "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    crate::printable::json(&text)
}

fn rule(code: &Code) -> Value {
    let what = code.page.split("\n\n").nth(1).unwrap_or(code.name).replace("**What it does.** ", "").replace('\n', " ");
    let short: String = what.trim().chars().take(1024).collect();
    json!({
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.name.replace('-', " ")},
        "fullDescription": {"text": short},
        "help": {"text": code.page, "markdown": code.page},
        "defaultConfiguration": {"level": code.level.word()},
    })
}

fn result(finding: &Finding, rule: usize, fingerprint: &str) -> Value {
    let mut message = clean(&finding.message);
    if let Some(subject) = &finding.subject {
        let _ = write!(message, " ({})", named(subject));
    }
    if let Some(help) = &finding.help {
        let _ = write!(message, "\nHelp: {}", clean(help));
    }
    let mut result = json!({
        "ruleId": finding.code.id,
        "ruleIndex": rule,
        "level": match finding.level { Level::Error => "error", Level::Warning => "warning", Level::Note => "note" },
        "message": {"text": message},
        "locations": [location(&finding.spot)],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
    });
    if !finding.also.is_empty() {
        let related = |(position, (spot, text)): (usize, &(Spot, String))| {
            let mut place = location(spot);
            place["id"] = json!(position);
            place["message"] = json!({"text": if text.is_empty() { "here" } else { text }});
            place
        };
        result["relatedLocations"] = finding.also.iter().enumerate().map(related).collect();
    }
    result
}

fn location(spot: &Spot) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&spot.file)},
        "region": {
            "startLine": spot.line,
            "startColumn": spot.column,
            "endLine": spot.line,
            "endColumn": spot.column.saturating_add(spot.width),
        },
    }})
}

/// A path as a URI: relative ones stay relative.
#[must_use]
pub(crate) fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
