//! Findings as GitHub's workflow commands: annotations on the lines of a pull request.

use super::{clean, named};
use crate::diagnostic::{Finding, Level};
use std::fmt::Write as _;

/// GitHub shows ten annotations of a level for each step: nine findings, and one that counts the rest.
const MOST: usize = 9;

/// A command for each finding, errors first.
#[must_use]
pub(crate) fn render(findings: &[Finding]) -> String {
    let mut out = String::new();
    for (level, command) in [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "notice")] {
        let of_level: Vec<&Finding> = findings.iter().filter(|finding| finding.level == level).collect();
        let shown = if of_level.len() == MOST + 1 { MOST + 1 } else { MOST };
        for finding in of_level.iter().take(shown) {
            annotation(command, finding, &mut out);
        }
        if of_level.len() > shown {
            let rest = of_level.len() - shown;
            let _ = writeln!(out, "::{command} title=Statewright::{rest} more {}s are in the log", level.word());
        }
    }
    out
}

fn annotation(command: &str, finding: &Finding, out: &mut String) {
    let spot = &finding.spot;
    let mut message = finding.message.clone();
    if let Some(subject) = &finding.subject {
        let _ = write!(message, "\n{}", named(subject));
    }
    if let Some(help) = &finding.help {
        let _ = write!(message, "\nHelp: {help}");
    }
    let _ = writeln!(
        out,
        "::{command} file={},line={},endLine={},col={},endColumn={},title={}::{}",
        property(&spot.file),
        spot.line,
        spot.line,
        spot.column,
        spot.column.saturating_add(spot.width),
        property(&format!("{} {}", finding.code.id, finding.code.name)),
        data(&message)
    );
}

fn data(text: &str) -> String {
    clean(text).replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
