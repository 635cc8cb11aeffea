//! Edits that mend what was found in a text, each kept only where the text is better for it. Knows no file and no
//! protocol.

use crate::diagnostic::{Finding, Level, Mend};

/// A text, and the edits by which it came about.
#[derive(Clone, Debug)]
pub struct Mended {
    /// What it is now.
    pub text: String,
    /// What was done, in the order of the text.
    pub edits: Vec<Made>,
}

/// An edit that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The name of the finding that it mends.
    pub code: &'static str,
    /// The edit.
    pub mend: Mend,
    /// Whether reports show its line as it is: nothing in it is secret.
    pub is_open: bool,
}

/// A text is looked at again after each try, for it may show what else is wrong: so often, and no more than so many
/// bytes together.
const LOOKS: usize = 64;
const LOOKED_AT: usize = 2 << 20;

/// Makes the edits that mend a text called `name`, as `judge` sees it. No edit is kept that leaves its finding or makes
/// another in its place, and the text has no more errors in the end than it had. On the way it may: a server says what
/// is wrong with values once it knows all fields.
pub fn mended(name: &str, text: &str, judge: &dyn Fn(&str) -> Vec<Finding>) -> Mended {
    let mut done = Mended { text: text.to_owned(), edits: Vec::new() };
    let mut findings = judge(text);
    let most = weight(&findings);
    let mut best = done.clone();
    let mut looks = (LOOKED_AT / text.len().max(1)).clamp(1, LOOKS);
    while looks > 0 {
        let edits = edits_of(name, &findings, &done.text);
        // All at once; one by one where they do harm together.
        let tries = std::iter::once(edits.as_slice()).chain(edits.chunks(1).filter(|_| edits.len() > 1));
        let mut bold = None;
        let mut better = None;
        for some in tries.filter(|some| !some.is_empty()).take(looks) {
            looks -= 1;
            let text = with(&done.text, some);
            let after = judge(&text);
            if !mends(name, &findings, &after, some) {
                continue;
            }
            if weight(&after) <= weight(&findings) {
                better = Some((text, after, some));
                break;
            }
            bold = bold.or(Some((text, after, some)));
        }
        let Some((text, after, some)) = better.or(bold) else { break };
        let lines: Vec<&str> = done.text.lines().collect();
        done.edits.extend(some.iter().map(|edit| {
            let line = usize::try_from(edit.mend.spot.line).ok().and_then(|line| lines.get(line.checked_sub(1)?));
            let is_open = line.is_some_and(|line| *line == edit.mend.spot.text);
            Made { code: edit.code, mend: edit.mend.clone(), is_open }
        }));
        (done.text, findings) = (text, after);
        if weight(&findings) <= most {
            best = done.clone();
        }
    }
    best.edits.sort_by_key(|made| made.mend.spot.line);
    best
}

/// How much is wrong: errors first.
fn weight(findings: &[Finding]) -> [usize; 3] {
    [Level::Error, Level::Warning, Level::Note]
        .map(|level| findings.iter().filter(|finding| finding.level == level).count())
}

/// An edit, and the finding that it mends.
struct Of<'f> {
    code: &'static str,
    message: &'f str,
    mend: &'f Mend,
}

/// The edits of one file that can be made together, in the order of its text.
fn edits_of<'f>(name: &str, findings: &'f [Finding], text: &str) -> Vec<Of<'f>> {
    let mut edits: Vec<Of> = findings
        .iter()
        .filter_map(|finding| {
            let mend = finding.mend.as_ref().filter(|mend| &*mend.spot.file == name)?;
            // What was read is not always what is in the file, byte by byte.
            let stands = text.get(mend.bytes.clone()).is_some_and(|old| old == mend.old);
            (stands && mend.old != mend.new).then_some(Of { code: finding.code.name, message: &finding.message, mend })
        })
        .collect();
    edits.sort_by_key(|edit| (edit.mend.bytes.start, edit.mend.bytes.end));
    let mut end = 0;
    edits.retain(|edit| {
        let is_free = edit.mend.bytes.start >= end;
        if is_free {
            end = edit.mend.bytes.end;
        }
        is_free
    });
    edits
}

fn with(text: &str, edits: &[Of]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut from = 0;
    for Of { mend, .. } in edits {
        out.push_str(&text[from..mend.bytes.start]);
        out.push_str(&mend.new);
        from = mend.bytes.end;
    }
    out + &text[from..]
}

/// Codes before this one are about files that cannot be read.
const READABLE: &str = "SW0100";

/// Whether the edits mend what they are for, and make nothing else wrong in their places.
fn mends(name: &str, before: &[Finding], after: &[Finding], edits: &[Of]) -> bool {
    let key = |finding: &Finding| (finding.code.id, finding.message.clone(), finding.spot.line);
    let known: std::collections::BTreeSet<_> = before.iter().map(key).collect();
    let places = places_after(edits);
    let is_harm = |finding: &Finding| {
        let spot = &finding.spot;
        let is_there = |(line, from, to): &(u32, u32, u32)| {
            *line == spot.line && &*spot.file == name && spot.column < *to && *from < spot.column + spot.width
        };
        !known.contains(&key(finding)) && (places.iter().any(is_there) || finding.code.id < READABLE)
    };
    let remains = |finding: &Finding| {
        edits.iter().any(|edit| {
            edit.code == finding.code.name
                && edit.message == finding.message
                && edit.mend.spot.line == finding.spot.line
        })
    };
    !after.iter().any(|finding| is_harm(finding) || remains(finding))
}

/// Where the edits are once they are made: line, first column, and the one behind the last.
fn places_after(edits: &[Of]) -> Vec<(u32, u32, u32)> {
    let width = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let (mut places, mut line, mut gone, mut come) = (Vec::new(), 0, 0, 0);
    for Of { mend, .. } in edits {
        if mend.spot.line != line {
            (line, gone, come) = (mend.spot.line, 0, 0);
        }
        let from = mend.spot.column.saturating_add(come).saturating_sub(gone);
        places.push((line, from, from.saturating_add(width(&mend.new))));
        (gone, come) = (gone + width(&mend.old), come + width(&mend.new));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    fn manifests(text: &str) -> Vec<Finding> {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let id = sources.add("a.yaml", text);
        let facts = crate::cluster::facts::ClusterFacts::of_version(crate::k8s::version::Version::default());
        crate::check(&sources, &[id], &facts, &mut found);
        found.resolve(&sources)
    }

    #[test]
    fn comments_and_order_stay() {
        let text = "# a Service\napiVersion: v1\nkind: Servise # sic\nmetadata: {name: web}\nspec:\n  # here\n  \
                    selektor: {app: 1}\n  ports: [{port: \"80\", nmae: http}]\n";
        let mended = mended("a.yaml", text, &manifests);
        let expected = text
            .replace("Servise", "Service")
            .replace("selektor", "selector")
            .replace("app: 1", "app: \"1\"")
            .replace("\"80\"", "80")
            .replace("nmae", "name");
        assert_eq!(mended.text, expected);
        assert_eq!(mended.edits.len(), 5);
    }

    #[test]
    fn what_makes_it_worse_is_left_alone() {
        // `ports` is there already.
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {prots: [], ports: [{port: 80}]}\n";
        assert_eq!(mended("a.yaml", text, &manifests).text, text);
    }
}
