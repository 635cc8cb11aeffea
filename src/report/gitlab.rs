//! Findings as GitLab's code quality report. An empty list is a clean report.

use super::{clean, fingerprint, named};
use crate::diagnostic::{Finding, Level};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One entry for each finding.
#[must_use]
pub(crate) fn render(findings: &[Finding]) -> String {
    let mut seen = BTreeMap::new();
    let entries: Vec<Value> = findings.iter().map(|finding| entry(finding, &fingerprint(finding, &mut seen))).collect();
    let mut text = serde_json::to_string_pretty(&entries).unwrap_or_default();
    text.push('\n');
    crate::printable::json(&text)
}

fn entry(finding: &Finding, fingerprint: &str) -> Value {
    let mut description = clean(&finding.message);
    if let Some(subject) = &finding.subject {
        let _ = write!(description, " ({})", named(subject));
    }
    if let Some(help) = &finding.help {
        let _ = write!(description, ". Help: {}", clean(help));
    }
    json!({
        "type": "issue",
        "description": description,
        "check_name": finding.code.name,
        "categories": ["Bug Risk"],
        "fingerprint": fingerprint,
        "severity": match finding.level { Level::Error => "critical", Level::Warning => "minor", Level::Note => "info" },
        "location": {
            "path": finding.spot.file.strip_prefix("./").unwrap_or(&finding.spot.file),
            "lines": {"begin": finding.spot.line},
        },
    })
}
