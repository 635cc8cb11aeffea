//! Findings for programs. The contract: keys are added, never renamed or removed.

use crate::diagnostic::Finding;
use crate::source::Spot;
use serde::Serialize;

/// One object with all findings.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let report = Report { findings: findings.iter().map(Entry::from).collect() };
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// All findings, in order.
    pub findings: Vec<Entry<'a>>,
}

/// A finding as programs get it.
#[derive(Debug, Serialize)]
pub struct Entry<'a> {
    code: &'a str,
    name: &'a str,
    level: &'a str,
    message: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    object: Option<Object<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Place<'a>>,
}

#[derive(Debug, Serialize)]
struct Object<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct Refusal<'a> {
    field: &'a str,
    r#type: &'a str,
    detail: &'a str,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    text: &'a str,
}

impl<'a> From<&'a Finding> for Entry<'a> {
    fn from(finding: &'a Finding) -> Self {
        let place = |(spot, text): &'a (Spot, String)| Place { file: &spot.file, line: spot.line, column: spot.column, text };
        Self {
            code: finding.code.id,
            name: finding.code.name,
            level: finding.level.word(),
            message: &finding.message,
            file: &finding.spot.file,
            line: finding.spot.line,
            column: finding.spot.column,
            object: finding.subject.as_ref().map(|subject| Object {
                kind: &subject.kind,
                namespace: &subject.namespace,
                name: &subject.name,
            }),
            refusal: finding.refusal.as_ref().map(|refusal| Refusal {
                field: &refusal.field,
                r#type: refusal.kind,
                detail: &refusal.detail,
            }),
            help: finding.help.as_deref(),
            also: finding.also.iter().map(place).collect(),
        }
    }
}
