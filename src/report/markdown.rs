//! A report for a comment on a pull request: the decision first, then every object at risk, then the rest as far as a
//! comment takes it, with counts of what is left out. Nothing in it is read as a mention, a link, a tag or a fence.

use super::alike::{self, Group};
use super::compact::compact;
use super::differences::{self, Line, Piece};
use super::groups::{grouped, names};
use super::markdown_text::{code, fence, html, prose};
use super::record::signs;
use super::words;
use super::{Against, Report, at_once, compared, counted, kinds, named, ranked, spoken, summary, tally};
use crate::bundle::ResourceId;
use crate::diagnostic::{Finding, Level};
use crate::review::risk::Risk;
use crate::review::verdict::Verdict;
use crate::review::{Change, Review};
use crate::value::Node;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// By this a comment that is kept up to date is found again.
const MARKER: &str = "<!-- statewright -->\n";

/// GitHub takes comments of 65,536 characters. What posts it may add a line of its own.
const LONGEST: usize = 65_000;

/// What is said last of how it was compared takes no more than this.
const LAST: usize = 400;

/// One object's difference takes no more than this.
const LONGEST_HUNK: usize = 12_000;

/// So many names of objects of which the same is said are given.
const NAMED: usize = 12;

/// What is left below this is not worth a cut difference.
const SHORTEST_HUNK: usize = 600;

/// The whole comment.
#[must_use]
pub(crate) fn render(report: &Report) -> String {
    let mut left = LONGEST - MARKER.len() - LAST;
    let mut out = String::from(MARKER);
    let mut put = |text: String, left: &mut usize| {
        *left = left.saturating_sub(text.len());
        out.push_str(&text);
    };
    put(heading(report), &mut left);
    let share = if report.reviews.is_empty() { left } else { left / 4 };
    put(findings(&report.findings, share), &mut left);
    let groups = alike::grouped(&report.reviews);
    if report.reviews.len() > 1 {
        put(overview(&groups, left / 5), &mut left);
    }
    put(risks(&report.reviews, left / 3, left.saturating_sub(2_000)), &mut left);
    put(sections(&groups, left), &mut left);
    if let Some(compared) = compared(report).filter(|_| !report.reviews.is_empty()) {
        put(format!("{}\n", prose(&compared)), &mut left);
    }
    out
}

const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::None | Verdict::Differs => "⚪",
        Verdict::New | Verdict::InPlace => "🟢",
        Verdict::Restart => "🟡",
        Verdict::Recreate => "🟠",
        Verdict::Refused | Verdict::AtRisk => "🔴",
    }
}

/// How it stands, in a line.
fn heading(report: &Report) -> String {
    let wrong = report.findings.iter().any(|finding| finding.level == Level::Error);
    let found = summary(&report.findings);
    let found_too = if found.is_empty() { String::new() } else { format!(" ({found})") };
    let since = report
        .against
        .as_ref()
        .and_then(Against::words)
        .map_or_else(String::new, |other| format!(" against {}", prose(&other)));
    match &report.reviews[..] {
        [] if wrong => format!("### 🔴 Statewright: must be fixed{found_too}\n\n"),
        [] if report.against.is_some() => format!("### ⚪ Statewright: no changes{since}{found_too}\n\n"),
        [] if found.is_empty() => "### 🟢 Statewright: nothing found\n\n".into(),
        [] => format!("### 🟢 Statewright: can go ahead{found_too}\n\n"),
        [review] => {
            let line = prose(&shortened(&format!("{}: {}", review.title, words::line(review)), 2_000));
            format!("### {} {line}{found_too}\n\n", sign(review.judgement.verdict))
        }
        [worst, ..] => {
            format!("### {} Statewright: {}{found_too}\n\n", sign(worst.judgement.verdict), tally(&report.reviews))
        }
    }
}

fn findings(findings: &[Finding], share: usize) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let rows = findings.iter().map(|finding| {
        let spot = &finding.spot;
        let subject =
            finding.subject.as_ref().map(|subject| format!("<br>{}", prose(&named(subject)))).unwrap_or_default();
        let help = finding.help.as_ref().map(|help| format!("<br>**Help:** {}", prose(help))).unwrap_or_default();
        let place = code(&format!("{}:{}", spot.file, spot.line));
        let message = prose(&shortened(&finding.message, 2_000));
        format!(
            "| {} | {place}{subject} | {message} ({} {}){help} |\n",
            finding.level.word(),
            finding.code.id,
            finding.code.name
        )
    });
    table("| | where | what |\n| --- | --- | --- |\n", rows, share, |rest| {
        format!("\n{} not shown here.\n", counted(rest, "more finding"))
    })
}

/// One line for each review, or for all that do the same.
fn overview(groups: &[Group<'_>], share: usize) -> String {
    let rows = groups.iter().map(|group| {
        let verdict = group.verdict();
        let line = match &group.reviews[..] {
            [review] => prose(&shortened(&words::rest_of_line(review), 300)),
            _ => prose(&shortened(&group.change(), 300)),
        };
        format!("| {} {} | {} | {line} |\n", sign(verdict), spoken(verdict), prose(&group.title()))
    });
    table("| | | what it does |\n| --- | --- | --- |\n", rows, share, |rest| {
        let left: Vec<&Review> =
            groups[groups.len() - rest..].iter().flat_map(|group| group.reviews.iter().copied()).collect();
        format!("\nand {}: {}\n", counted(left.len(), "more review"), tally(left))
    })
}

/// A table of as many rows as fit, and what is said of the rest.
fn table(
    head: &str,
    rows: impl ExactSizeIterator<Item = String>,
    share: usize,
    rest: impl Fn(usize) -> String,
) -> String {
    let all = rows.len();
    let mut out = String::from(head);
    for (position, row) in rows.enumerate() {
        if out.len() + row.len() + 200 > share {
            out.push_str(&rest(all - position));
            break;
        }
        out.push_str(&row);
    }
    out.push('\n');
    out
}

/// Each object at risk: in full while that takes no more than its share, else by name; at most `most` in any case.
fn risks(reviews: &[Review], share: usize, most: usize) -> String {
    if reviews.iter().all(|review| review.judgement.risks.is_empty()) {
        return String::new();
    }
    let full = risks_in_full(reviews);
    if full.len() <= share { full } else { risks_by_name(reviews, most) }
}

fn risks_in_full(reviews: &[Review]) -> String {
    let mut out = String::from("#### Data at risk\n\n");
    for review in reviews {
        let title = if reviews.len() > 1 { format!("**{}**: ", prose(&review.title)) } else { String::new() };
        for risk in &review.judgement.risks {
            let what = prose(&words::risk(review, risk));
            if risk.acknowledged {
                let _ = writeln!(out, "- {title}{what} (acknowledged)");
            } else {
                let entry = code(&format!("acknowledge: [{{change: \"{}\", reason: \"…\"}}]", risk.change));
                let _ = writeln!(out, "- {title}{what}  \n  if that is meant: {entry}");
            }
        }
        if let Some(entries) = at_once(&review.judgement) {
            let _ = writeln!(out, "- or all of it at once: {}", code(&entries));
        }
    }
    out.push('\n');
    out
}

/// The names alone, those that nobody acknowledged first. Names that end in successive numbers are put together.
fn risks_by_name(reviews: &[Review], most: usize) -> String {
    let mut out = String::from("#### Data at risk\n\n");
    let mut all = 0;
    for acknowledged in [false, true] {
        for review in reviews {
            let mut by_kind: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
            let of_review: Vec<&Risk> =
                review.judgement.risks.iter().filter(|risk| risk.acknowledged == acknowledged).collect();
            for risk in &of_review {
                let ResourceId { kind, namespace, name, .. } = &risk.about;
                by_kind.entry((kind, namespace)).or_default().insert(name);
            }
            all += by_kind.values().map(BTreeSet::len).sum::<usize>();
            let mut begun = false;
            for ((kind, namespace), names) in &by_kind {
                let mut kind = format!("{} ", prose(kind));
                for (text, count) in compact(names) {
                    let home = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
                    let item = format!("{kind}{}", code(&format!("{home}{text}")));
                    let begin = match (begun, acknowledged) {
                        (true, _) => ", ".to_owned(),
                        (false, true) => format!("\n- {}, acknowledged: ", prose(&review.title)),
                        (false, false) => format!("\n- **{}**: ", prose(&review.title)),
                    };
                    if out.len() + begin.len() + item.len() + 200 > most {
                        continue;
                    }
                    out.push_str(&begin);
                    out.push_str(&item);
                    begun = true;
                    kind.clear();
                    all -= count;
                }
            }
        }
    }
    if all > 0 {
        let _ = write!(
            out,
            "\n\nand {} at risk, whose names do not fit here: `--format json` has them all",
            counted(all, "more object")
        );
    }
    out.push_str("\n\n");
    out
}

/// What is said of one review, in the order in which it is read.
#[derive(Default)]
struct Section {
    head: String,
    objects: String,
    hunks: String,
    runbooks: String,
    end: &'static str,
}

impl Section {
    fn into_text(self) -> String {
        [&self.head, &self.objects, &self.hunks, &self.runbooks, self.end].concat()
    }
}

/// Where a folded section ends.
const END: &str = "</details>\n\n";

/// A section for each review: all their objects come before the first runbook takes room, and all runbooks before the
/// first hunk.
fn sections(groups: &[Group<'_>], mut left: usize) -> String {
    left = left.saturating_sub(400);
    let mut sections: Vec<Section> = Vec::new();
    let mut share = left / 2;
    // What stops somebody is open; what goes through is folded where there is more than one thing to read.
    let is_folded = |group: &Group<'_>| groups.len() > 1 && group.verdict() < Verdict::Recreate;
    for group in groups {
        let head = head(group, groups.len() > 1 || group.reviews.len() > 1, is_folded(group));
        if head.len() + 300 > share {
            break;
        }
        share -= head.len();
        let objects = objects(group.reviews[0], share);
        share = share.saturating_sub(objects.len());
        let end = if is_folded(group) { END } else { "" };
        sections.push(Section { head, objects, end, ..Section::default() });
    }
    left -= left / 2 - share;
    let shown = sections.len();
    let reviews: Vec<&Review> = groups.iter().map(|group| group.reviews[0]).collect();
    let mut lost_books = 0;
    for (section, review) in sections.iter_mut().zip(&reviews) {
        for book in words::books(review).iter().map(runbook) {
            if book.len() <= left {
                left -= book.len();
                section.runbooks.push_str(&book);
            } else {
                lost_books += 1;
            }
        }
    }
    lost_books += reviews[shown..].iter().map(|review| review.judgement.runbooks.len()).sum::<usize>();
    let mut lost_hunks = 0;
    for (section, review) in sections.iter_mut().zip(&reviews) {
        let mut changed = ranked(review);
        changed.retain(|change| !change.texts.0.is_empty() && !change.texts.1.is_empty());
        for group in grouped(&changed, fields_of) {
            match hunk(&group, left.min(LONGEST_HUNK)) {
                Some(hunk) => {
                    left -= hunk.len();
                    section.hunks.push_str(&hunk);
                }
                None => lost_hunks += group.len(),
            }
        }
    }
    let mut out: String = sections.into_iter().map(Section::into_text).collect();
    let lost_reviews = groups[shown..].iter().map(|group| group.reviews.len()).sum();
    let lost = [(lost_reviews, "review"), (lost_books, "runbook"), (lost_hunks, "object's difference")];
    let lost: Vec<String> =
        lost.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| more(*count, noun)).collect();
    if !lost.is_empty() {
        let _ = writeln!(out, "Not shown here, for want of room: {}.", lost.join(", "));
    }
    out
}

fn more(count: usize, noun: &str) -> String {
    if noun == "object's difference" && count > 1 {
        format!("{count} objects' differences")
    } else {
        counted(count, noun)
    }
}

fn head(group: &Group<'_>, is_titled: bool, is_folded: bool) -> String {
    let review = group.reviews[0];
    let judgement = &review.judgement;
    let mut out = String::new();
    if is_folded {
        let (title, line) = (html(&group.title()), html(&shortened(&words::rest_of_line(review), 300)));
        let _ = writeln!(
            out,
            "<details><summary>{} {}: {title}: {line}</summary>\n",
            sign(judgement.verdict),
            spoken(judgement.verdict)
        );
    } else if is_titled {
        let _ = writeln!(out, "#### {} {}\n", sign(judgement.verdict), prose(&group.title()));
        let _ = writeln!(out, "{}\n", prose(&shortened(&words::line(review), 2_000)));
    }
    if let [first, others @ ..] = &group.reviews[..]
        && !others.is_empty()
    {
        let names = others.iter().take(NAMED).map(|review| prose(&review.title)).collect::<Vec<_>>().join(", ");
        let rest = if others.len() > NAMED { format!(" and {} more", others.len() - NAMED) } else { String::new() };
        let _ = writeln!(out, "Shown for {}; the same change: {names}{rest}.\n", prose(&first.title));
    }
    let _ = writeln!(out, "{}\n", kinds(review));
    for (set, moves) in &judgement.order {
        let set = code(&set.seen_from(&review.home).to_string());
        let _ = writeln!(out, "- pods of {set}, in order: {}", code(&shortened(&signs(moves), 1_000)));
    }
    for note in words::notes(review) {
        let _ = writeln!(out, "- {}", prose(&note));
    }
    for change in &judgement.stale {
        let _ = writeln!(out, "- acknowledged, but not what happens here: {}. Remove it", code(change));
    }
    out.push('\n');
    out
}

/// A row for each object; one for all that go the same way and are called alike.
fn objects(review: &Review, share: usize) -> String {
    let changes = ranked(review);
    if changes.is_empty() {
        return String::new();
    }
    let groups = grouped(&changes, |change| what_becomes(review, change));
    let rows = groups.iter().map(|group| {
        let change = group[0];
        let verdict = change.verdict;
        format!(
            "| {} {} | {} {} | {} |\n",
            sign(verdict),
            spoken(verdict),
            change.kind.word(),
            called(group, code),
            what_becomes(review, change)
        )
    });
    table("| | object | effect |\n| --- | --- | --- |\n", rows, share, |rest| {
        let mut counts: BTreeMap<(Reverse<Verdict>, &str, &str), usize> = BTreeMap::new();
        for change in groups[groups.len() - rest..].iter().flatten() {
            *counts.entry((Reverse(change.verdict), change.kind.word(), &change.id.kind)).or_default() += 1;
        }
        let all = counts.values().sum();
        let kinds = counts.iter().take(20);
        let kinds = kinds
            .map(|((verdict, word, kind), count)| format!("{count} {} {word} ({})", prose(kind), spoken(verdict.0)));
        format!("\nand {}: {}\n", counted(all, "more object"), kinds.collect::<Vec<_>>().join(", "))
    })
}

/// What the server says to it, and what becomes of it.
fn what_becomes(review: &Review, change: &Change) -> String {
    let refused = change.refusals.iter().map(|refusal| {
        let field = if refusal.field.is_empty() { String::new() } else { format!("{}: ", code(&refusal.field)) };
        format!("refused: {field}{}", prose(&shortened(&refusal.detail, 500)))
    });
    let effect = Some(prose(&words::effect(review, change))).filter(|effect| !effect.is_empty());
    refused.chain(effect).collect::<Vec<_>>().join("<br>")
}

/// The names of a group, the first of them when there are many.
fn called(group: &[&Change], write: impl Fn(&str) -> String) -> String {
    let all = names(group);
    let mut out = all.iter().take(NAMED).map(|(name, _)| write(name)).collect::<Vec<_>>().join(", ");
    let rest: usize = all.iter().skip(NAMED).map(|(_, count)| count).sum();
    if rest > 0 {
        let _ = write!(out, " and {rest} more");
    }
    out
}

/// The lines that differ, folded; cut when they are many. Where the same fields of several objects differ, those of the
/// first stand for all. Nothing for what came or went whole, or when it does not fit.
fn hunk(group: &[&Change], share: usize) -> Option<String> {
    let change = group[0];
    let (old, new) = (&change.texts.0, &change.texts.1);
    if share < SHORTEST_HUNK {
        return None;
    }
    let lines: Vec<String> = differences::of_texts(old, new).iter().map(line).collect();
    let fence = fence(lines.iter().map(String::as_str));
    let fields = counted(change.fields.len(), "field");
    let alike =
        if group.len() > 1 { format!(" of each of {}, shown for the first", group.len()) } else { String::new() };
    let object = called(group, |name| format!("<code>{}</code>", html(name)));
    let mut out = format!("<details><summary>{object}: {fields}{alike}</summary>\n\n{fence}diff\n");
    let end = format!("{fence}\n\n</details>\n\n");
    for (position, line) in lines.iter().enumerate() {
        if out.len() + line.len() + end.len() + 80 > share {
            if position == 0 {
                return None;
            }
            let _ = writeln!(out, "@@ {} not shown here @@", counted(lines.len() - position, "more line"));
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&end);
    Some(out)
}

/// What of its fields differs, to find the objects of which the same is to be shown.
fn fields_of(change: &Change) -> Vec<(String, String, String)> {
    let text =
        |node: &Option<Node>| node.as_ref().map(|node| crate::json::from_node(node).to_string()).unwrap_or_default();
    change.fields.iter().map(|field| (field.path.clone(), text(&field.old), text(&field.new))).collect()
}

fn line(line: &Line) -> String {
    let joined = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
    match line {
        Line::Both(text) => format!("  {text}"),
        Line::Old(pieces) => format!("- {}", joined(pieces)),
        Line::New(pieces) => format!("+ {}", joined(pieces)),
        Line::Skipped(count) => format!("@@ {} as before @@", counted(*count, "line")),
    }
}

fn runbook(runbook: &words::Book) -> String {
    if runbook.steps.is_empty() {
        return format!("To {}.\n\n", prose(&runbook.title));
    }
    let mut out = format!("<details><summary>How to {}</summary>\n\n", html(&runbook.title));
    for (number, step) in runbook.steps.iter().enumerate() {
        let mut command = super::clean(&step.command);
        if !step.check.is_empty() {
            let _ = write!(command, "\n# see: {}", super::clean(&step.check));
        }
        let fence = fence(command.lines());
        let indented = command.replace('\n', "\n    ");
        let first =
            if step.before.is_empty() { String::new() } else { format!("**First: {}.** Then: ", prose(&step.before)) };
        let _ =
            writeln!(out, "{}. {first}{}\n    {fence}sh\n    {indented}\n    {fence}", number + 1, prose(&step.expect));
    }
    out.push_str("\n</details>\n\n");
    out
}

/// A text that is too long for its place, by its beginning.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}
