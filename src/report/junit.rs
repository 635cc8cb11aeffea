//! Findings as test results in JUnit's XML: a suite for each file, a case for each finding. Errors are failures.

use super::named;
use crate::diagnostic::{Finding, Level};
use crate::printable;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One document with all suites. Without findings there is one case, which passed, because an empty report counts as
/// none.
#[must_use]
pub(crate) fn render(findings: &[Finding]) -> String {
    let mut suites: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        suites.entry(&finding.spot.file).or_default().push(finding);
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"statewright\" tests=\"{}\" failures=\"{}\">",
        findings.len().max(1),
        errors(findings.iter())
    );
    if findings.is_empty() {
        out.push_str("  <testsuite name=\"statewright\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">\n");
        out.push_str("    <testcase name=\"nothing found\" classname=\"statewright\"/>\n  </testsuite>\n");
    }
    for (file, cases) in &suites {
        let failures = errors(cases.iter().copied());
        let (name, count) = (escaped(file), cases.len());
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
        );
        for finding in cases {
            case(finding, &mut out);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn errors<'a>(findings: impl Iterator<Item = &'a Finding>) -> usize {
    findings.filter(|finding| finding.level == Level::Error).count()
}

fn case(finding: &Finding, out: &mut String) {
    let spot = &finding.spot;
    let subject = finding.subject.as_ref().map(|subject| format!(" in {}", named(subject))).unwrap_or_default();
    let name = format!("{} {} at line {}{subject}", finding.code.id, finding.code.name, spot.line);
    let _ = writeln!(out, "    <testcase name=\"{}\" classname=\"{}\">", escaped(&name), escaped(&spot.file));
    let mut text = format!("{}:{}:{}: {}", spot.file, spot.line, spot.column, finding.message);
    if let Some(help) = &finding.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    if finding.level == Level::Error {
        let _ = writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            finding.code.id,
            escaped(&finding.message),
            escaped(&text)
        );
    } else {
        let _ = writeln!(out, "      <system-out>{}: {}</system-out>", finding.level.word(), escaped(&text));
    }
    out.push_str("    </testcase>\n");
}

/// XML 1.0 has no way to say most control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ if printable::commands(letter) => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}
