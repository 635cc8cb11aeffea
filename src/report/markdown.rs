//! Findings for a comment on a pull request: the decision first, then one line each, within what a comment takes.

use super::{clean, named, summary};
use crate::diagnostic::{Finding, Level};
use std::fmt::Write as _;

/// GitHub takes comments of 65,536 characters.
const LONGEST: usize = 60_000;

/// A heading that says how it stands, and a table.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let errors = findings.iter().any(|finding| finding.level == Level::Error);
    let mut out = String::from("<!-- statewright -->\n");
    if findings.is_empty() {
        out.push_str("### Statewright: nothing found\n");
        return out;
    }
    let verdict = if errors { "must be mended" } else { "can go ahead" };
    let _ = writeln!(out, "### Statewright: {verdict} ({})\n", summary(findings));
    out.push_str("| | where | what |\n| --- | --- | --- |\n");
    for (position, finding) in findings.iter().enumerate() {
        let row = row(finding);
        if out.len() + row.len() > LONGEST {
            let _ = write!(out, "\n{} more are not shown here.\n", findings.len() - position);
            break;
        }
        out.push_str(&row);
    }
    out
}

fn row(finding: &Finding) -> String {
    let spot = &finding.spot;
    let subject = finding.subject.as_ref().map(|subject| format!("<br>{}", escaped(&named(subject)))).unwrap_or_default();
    let help = finding.help.as_ref().map(|help| format!("<br>**Help:** {}", escaped(help))).unwrap_or_default();
    format!(
        "| {} | `{}:{}`{subject} | {} ({} {}){help} |\n",
        finding.level.word(),
        escaped(&spot.file).replace('`', ""),
        spot.line,
        escaped(&finding.message),
        finding.code.id,
        finding.code.name
    )
}

/// Text that stays within its cell and commands nothing. What stands in backticks is code, there as here.
fn escaped(text: &str) -> String {
    let text = clean(text);
    let paired = text.matches('`').count().is_multiple_of(2);
    let mut code = false;
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        code ^= letter == '`' && paired;
        match letter {
            '|' => out.push_str("\\|"),
            '\n' => out.push_str("<br>"),
            '<' if !code => out.push_str("&lt;"),
            '>' if !code => out.push_str("&gt;"),
            '&' if !code => out.push_str("&amp;"),
            '@' if !code => out.push_str("&#64;"),
            '[' | '*' | '_' if !code => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}
