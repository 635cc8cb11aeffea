//! How often each finding was made: one line a code, what is most frequent first.

use super::rows::write_rows;
use super::summary;
use crate::diagnostic::Finding;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What is counted of one code.
#[derive(Default)]
struct Count {
    found: usize,
    /// Of how many there is one right edit.
    mended: usize,
}

/// As a table, and all of it in a line; empty when nothing was found.
#[must_use]
pub(crate) fn render(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<(&str, &str, &str), Count> = BTreeMap::new();
    for finding in findings {
        let count = counts.entry((finding.code.id, finding.code.name, finding.level.word())).or_default();
        count.found += 1;
        count.mended += usize::from(finding.mend.is_some());
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(count.found));
    if counts.is_empty() {
        return String::new();
    }
    let mut rows = vec![["COUNT", "CODE", "NAME", "LEVEL", "--fix MENDS"].map(str::to_owned)];
    rows.extend(counts.into_iter().map(|((id, name, level), count)| {
        [count.found.to_string(), id.to_owned(), name.to_owned(), level.to_owned(), count.mended.to_string()]
    }));
    let mut out = String::new();
    write_rows(&rows, &mut out);
    out.push('\n');
    out.push_str(&summary(findings));
    out.push('\n');
    out
}
