//! What changes do, for a person at a terminal: the decision first, then what to do, then object by object. Makes sense
//! without colour.

use super::alike::{self, Group};
use super::differences::{self, Difference, Line, Piece, Row};
use super::groups::{grouped, names};
use super::human::{BLUE, BOLD, GREEN, Page, RED, YELLOW, columns};
use super::record::signs;
use super::words;
use super::{Against, Report, at_once, clean, compared, counted, kinds, ranked, sign, spoken, tally};
use crate::diagnostic::Level;
use crate::expect::judge::said;
use crate::review::verdict::Verdict;
use crate::review::{Change, Review};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const DIM: &str = "\u{1b}[2m";
const MARKED_RED: &str = "\u{1b}[1;4;31m";
const MARKED_GREEN: &str = "\u{1b}[1;4;32m";
const PLAIN_RED: &str = "\u{1b}[31m";
const PLAIN_GREEN: &str = "\u{1b}[32m";

/// Up to so many lines a single review needs no row that repeats what it comes to.
const SHORT: usize = 20;

/// So many rows say what comes of all reviews, and the titles in them take no more columns than this.
const MOST_ROWS: usize = 200;
const BROADEST: usize = 40;

/// A terminal that is known to be narrower than this breaks rows itself.
const NARROWEST: usize = 60;

/// So many reviews that do the same as another are named.
const ALIKE: usize = 6;

/// A value is shown within a line up to this many letters, and its ends beyond.
const WIDEST: usize = 160;

/// What stands before the lines of a difference, and between its columns.
const MARGIN: usize = 4;
const BETWEEN: usize = 3;

/// Objects that came or went are named one by one up to this many of a kind; beyond, they are counted.
const NAMED: usize = 40;

/// Each review, the worst first, those that do the same together; last what comes of all of them. Nothing when nothing
/// was compared, or when errors kept it from being compared. Both texts of a difference stand beside each other where
/// they fit into `width` columns, else below each other.
#[must_use]
pub fn render(report: &Report, colours: bool, width: usize) -> String {
    let mut page = Page { out: String::new(), colours, width };
    let groups = alike::grouped(&report.reviews);
    for group in &groups {
        page.review(group);
        page.out.push('\n');
    }
    let failed = report.findings.iter().any(|finding| finding.level == Level::Error);
    if !groups.is_empty() {
        page.plan(&groups, report);
    } else if report.against.is_some() && !failed {
        let since = report
            .against
            .as_ref()
            .and_then(Against::words)
            .map_or_else(String::new, |other| format!(" (against {other})"));
        page.line(&format!("no changes{since}"));
    }
    page.out
}

const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::None | Verdict::Differs => DIM,
        Verdict::New | Verdict::InPlace => GREEN,
        Verdict::Restart | Verdict::Recreate => YELLOW,
        Verdict::Refused | Verdict::AtRisk => RED,
    }
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// What comes of it: a row for each review, or for all that do the same, and how many there are of each kind.
    fn plan(&mut self, groups: &[Group<'_>], report: &Report) {
        if groups.len() > 1 || self.out.lines().count() > SHORT {
            let widest = groups.iter().map(|group| spoken(group.verdict()).len()).max().unwrap_or(0);
            let titles: Vec<String> = groups.iter().map(|group| clean(&group.title())).collect();
            let broad = titles.iter().map(|title| columns(title)).max().unwrap_or(0).min(BROADEST);
            for (group, title) in groups.iter().zip(&titles).take(MOST_ROWS) {
                let verdict = group.verdict();
                self.painted(colour(verdict), &format!("{} {:widest$}", sign(verdict), spoken(verdict)));
                let room = if self.width < NARROWEST { WIDEST } else { self.width }.saturating_sub(widest + 4);
                let blank = " ".repeat(broad.saturating_sub(columns(title)));
                self.line(&format!("  {}", cut(&format!("{title}{blank}  {}", gist(group)), room)));
            }
            if let Some(rest) = groups.get(MOST_ROWS..).filter(|rest| !rest.is_empty()) {
                let reviews = rest.iter().flat_map(|group| group.reviews.iter().copied());
                self.line(&format!("and {}: {}", counted(rest.len(), "more row"), tally(reviews)));
            }
            self.out.push('\n');
        }
        let worst = groups.first().map_or(Verdict::None, Group::verdict);
        self.painted(BOLD, "Plan: ");
        self.painted(colour(worst), &tally(&report.reviews));
        self.line(".");
        let Some(compared) = compared(report) else { return };
        self.painted(DIM, &compared);
        self.out.push('\n');
    }

    /// The decision first, then how to do what cannot just be applied, then each object. Of several that do the same,
    /// the first.
    fn review(&mut self, group: &Group<'_>) {
        let review = group.reviews[0];
        let judgement = &review.judgement;
        let verdict = judgement.verdict;
        let headline = format!("{}: {}", clean(&review.title), line_of(review));
        self.painted(colour(verdict), &self.wrapped(&headline, 0, 2));
        self.line(&format!("\n{}", kinds(review)));
        if let [_, others @ ..] = &group.reviews[..]
            && !others.is_empty()
        {
            let named = others.iter().take(ALIKE).map(|review| clean(&review.title)).collect::<Vec<_>>().join(", ");
            let rest = if others.len() > ALIKE { format!(" and {} more", others.len() - ALIKE) } else { String::new() };
            self.line(&format!("  the same change: {named}{rest}"));
        }
        self.judgement(review);
        let changes = ranked(review);
        if !changes.is_empty() {
            self.out.push('\n');
        }
        self.table(review, &changes);
        self.runbooks(review);
        self.details(review, &changes);
    }

    fn judgement(&mut self, review: &Review) {
        let judgement = &review.judgement;
        for risk in &judgement.risks {
            if risk.acknowledged {
                self.labelled(YELLOW, "  data at risk, acknowledged:", &clean(&words::risk(review, risk)));
            } else {
                self.labelled(RED, "  data at risk:", &clean(&words::risk(review, risk)));
                self.line(&format!(
                    "    if that is meant: acknowledge: [{{change: \"{}\", reason: \"…\"}}]",
                    clean(&risk.change)
                ));
            }
        }
        if let Some(entries) = at_once(judgement) {
            self.line(&format!("    or all of it at once: {}", clean(&entries)));
        }
        for change in &judgement.stale {
            self.labelled(
                YELLOW,
                "  acknowledged, but not what happens here:",
                &format!("{}. Remove it", clean(change)),
            );
        }
        for (set, moves) in &judgement.order {
            let set = clean(&set.seen_from(&review.home).to_string());
            self.labelled("", &format!("  pods of {set}, in order:"), &clean(&signs(moves)));
        }
        for note in words::notes(review) {
            self.labelled("", " ", &clean(&note));
        }
    }

    /// A label, and what it says, which goes on below where it is longer than a line.
    fn labelled(&mut self, colour: &str, label: &str, text: &str) {
        let text = self.wrapped(text, columns(label) + 1, 4);
        if colour.is_empty() {
            self.out.push_str(label);
        } else {
            self.painted(colour, label);
        }
        self.line(&format!(" {text}"));
    }

    /// A text for people in lines that fit, as far as its words do: the first begins at a column, the others are set in.
    /// Where nobody watches, it is one line.
    fn wrapped(&self, text: &str, begin: usize, indent: usize) -> String {
        if self.width < NARROWEST {
            return text.to_owned();
        }
        let (mut out, mut at) = (String::with_capacity(text.len() + 16), begin);
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                let _ = write!(out, "\n{:indent$}", "");
                at = indent;
            }
            for (position, word) in line.split(' ').enumerate() {
                let wide = columns(word);
                if position > 0 && at + 1 + wide > self.width {
                    let _ = write!(out, "\n{:indent$}", "");
                    at = indent;
                } else if position > 0 {
                    out.push(' ');
                    at += 1;
                }
                out.push_str(word);
                at += wide;
            }
        }
        out
    }

    /// A row for each object; one for all that go the same way and are called alike. Where many are left, the rest is
    /// counted.
    fn table(&mut self, review: &Review, changes: &[&Change]) {
        let mut rows: Vec<(&Change, String)> = Vec::new();
        let mut rest = BTreeMap::new();
        for group in grouped(changes, |change| (change.id.group.clone(), change.effects.clone())) {
            let names = names(&group);
            for (position, (name, count)) in names.into_iter().enumerate() {
                if position < NAMED {
                    rows.push((group[0], clean(&name)));
                } else {
                    let change = group[0];
                    *rest.entry((Reverse(change.verdict), change.kind.word(), change.id.kind.as_str())).or_insert(0) +=
                        count;
                }
            }
        }
        let verdicts = rows.iter().map(|(change, _)| spoken(change.verdict).len()).max().unwrap_or(0);
        let objects = rows.iter().map(|(_, object)| object.chars().count()).max().unwrap_or(0).min(60);
        for (change, object) in rows {
            self.out.push_str("  ");
            self.painted(colour(change.verdict), &format!("{:verdicts$}", spoken(change.verdict)));
            let row =
                format!("  {:7}  {object:objects$}  {}", change.kind.word(), clean(&words::effect(review, change)));
            self.line(row.trim_end());
        }
        for ((verdict, word, kind), count) in rest {
            self.painted(DIM, &format!("  and {count} more {}, {word}, {}", clean(kind), spoken(verdict.0)));
            self.out.push('\n');
        }
    }

    fn runbooks(&mut self, review: &Review) {
        for runbook in words::books(review) {
            let end = if runbook.steps.is_empty() { "." } else { ":" };
            self.painted(BOLD, &format!("\nto {}{end}", clean(&runbook.title)));
            self.out.push('\n');
            for (number, step) in runbook.steps.iter().enumerate() {
                let indent = format!("\n{:1$}", "", 5);
                let place = format!("  {}. ", number + 1);
                self.out.push_str(&place);
                if !step.before.is_empty() {
                    self.painted(BOLD, &self.wrapped(&format!("first: {}", clean(&step.before)), 5, 7));
                    self.out.push_str("\n     ");
                }
                self.line(&clean(&step.command).replace('\n', &indent));
                self.painted(DIM, &format!("     → {}", self.wrapped(&clean(&step.expect), 7, 7)));
                self.out.push('\n');
                if !step.check.is_empty() {
                    self.painted(DIM, &format!("     see: {}", clean(&step.check).replace('\n', &indent)));
                    self.out.push('\n');
                }
            }
        }
    }

    /// What the server says, and the fields; once for all objects of a kind of which the same is said. Nothing for
    /// objects that came or went: the table names them.
    fn details(&mut self, review: &Review, changes: &[&Change]) {
        let told: Vec<&Change> =
            changes.iter().copied().filter(|change| !change.refusals.is_empty() || !change.fields.is_empty()).collect();
        let mut bodies = BTreeMap::new();
        for change in &told {
            let mut page = Page { out: String::new(), colours: self.colours, width: self.width };
            page.body(review, change);
            bodies.insert(&change.id, page.out);
        }
        for group in grouped(&told, |change| bodies.get(&change.id).cloned()) {
            let names: Vec<String> = names(&group).into_iter().map(|(name, _)| clean(&name)).collect();
            let more = names.len().saturating_sub(NAMED);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.out.push('\n');
            self.painted(BOLD, &format!("{} {}{rest}", group[0].kind.word(), names[..names.len() - more].join(", ")));
            self.out.push('\n');
            self.out.push_str(bodies.get(&group[0].id).map_or("", String::as_str));
        }
    }

    fn body(&mut self, review: &Review, change: &Change) {
        for refusal in &change.refusals {
            let field = if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) };
            let why = clean(&format!("{field}{}", said(refusal.kind, &refusal.detail)));
            let why = if self.width < NARROWEST { why.replace('\n', "\n    ") } else { why };
            self.labelled(RED, "  refused by the API server:", &why);
        }
        for field in &change.fields {
            if review.replaces_pods(change, field) {
                self.painted(colour(Verdict::Restart), &format!("{} ", sign(Verdict::Restart)));
            } else {
                self.out.push_str("  ");
            }
            self.painted(BLUE, &format!("{}:", clean(&field.path)));
            match differences::of_field(field) {
                Difference::Short(old, new) => {
                    self.out.push(' ');
                    self.value(old.as_deref(), PLAIN_RED, MARKED_RED);
                    self.out.push_str(" → ");
                    self.value(new.as_deref(), PLAIN_GREEN, MARKED_GREEN);
                    self.out.push('\n');
                }
                Difference::Lines(lines) => {
                    self.out.push('\n');
                    match self.column(&lines) {
                        Some(column) => differences::side_by_side(&lines).iter().for_each(|row| self.row(row, column)),
                        None => lines.iter().for_each(|line| self.difference(line)),
                    }
                }
            }
        }
    }

    /// How wide one of two columns is, when every line fits into one.
    fn column(&self, lines: &[Line]) -> Option<usize> {
        let column = self.width.checked_sub(MARGIN + BETWEEN)? / 2;
        let widest = lines.iter().map(|line| match line {
            Line::Both(text) => columns(text),
            Line::Old(pieces) | Line::New(pieces) => width_of(pieces),
            Line::Skipped(_) => 0,
        });
        let widest = widest.max().unwrap_or(0);
        (widest + 2 <= column && !differences::is_one_sided(lines)).then_some(widest + 2)
    }

    fn row(&mut self, row: &Row<'_>, column: usize) {
        let blank = |width: usize| " ".repeat(column.saturating_sub(width));
        match row {
            Row::Skipped(count) => self.difference(&Line::Skipped(*count)),
            Row::Both(text) => {
                let space = blank(columns(text) + 2);
                self.line(&format!("      {text}{space} │   {text}"));
            }
            Row::Changed(old, new) => {
                self.out.push_str("    ");
                self.half("- ", *old, PLAIN_RED, MARKED_RED);
                self.out.push_str(&blank(old.map_or(0, |old| width_of(old) + 2)));
                self.out.push_str(" │ ");
                self.half("+ ", *new, PLAIN_GREEN, MARKED_GREEN);
                self.out.push('\n');
            }
        }
    }

    fn half(&mut self, sign: &str, pieces: Option<&[Piece]>, plain: &str, marked: &str) {
        let Some(pieces) = pieces else { return };
        self.painted(plain, sign);
        for piece in pieces {
            self.painted(if piece.differs { marked } else { plain }, &piece.text);
        }
    }

    fn value(&mut self, pieces: Option<&[Piece]>, plain: &str, marked: &str) {
        let Some(pieces) = pieces else { return self.painted(DIM, "(nothing)") };
        for piece in pieces {
            self.painted(if piece.differs { marked } else { plain }, &shortened(&piece.text));
        }
    }

    fn difference(&mut self, line: &Line) {
        match line {
            Line::Both(text) => self.line(&format!("      {text}")),
            Line::Skipped(count) => {
                self.painted(DIM, &format!("    … {} as before", counted(*count, "line")));
                self.out.push('\n');
            }
            Line::Old(pieces) => {
                self.half("    - ", Some(pieces), PLAIN_RED, MARKED_RED);
                self.out.push('\n');
            }
            Line::New(pieces) => {
                self.half("    + ", Some(pieces), PLAIN_GREEN, MARKED_GREEN);
                self.out.push('\n');
            }
        }
    }
}

/// What some reviews come to, in a few words: what the first does, or what is the same in all.
fn gist(group: &Group<'_>) -> String {
    let first = group.reviews[0];
    let steps: usize = first.judgement.runbooks.iter().map(|runbook| runbook.steps.len()).sum();
    let steps = if steps == 0 { String::new() } else { format!(" → {}", counted(steps, "step")) };
    let what = if group.reviews.len() == 1 { words::rest_of_line(first) } else { group.change() };
    format!("{}{steps}", shortened(&clean(&what).replace('\n', " ")))
}

/// As much of a line as there is room for.
fn cut(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.trim_end().to_owned();
    }
    let mut out = String::new();
    for letter in text.chars() {
        if columns(&out) + 2 > room {
            break;
        }
        out.push(letter);
    }
    out.push('…');
    out
}

fn line_of(review: &Review) -> String {
    clean(&words::line(review)).replace('\n', " ")
}

fn width_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| columns(&piece.text)).sum()
}

/// A long stretch by its two ends.
fn shortened(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= WIDEST {
        return text.to_owned();
    }
    let half = WIDEST / 2;
    let ends = [&letters[..half], &letters[letters.len() - half..]].map(|end| end.iter().collect::<String>());
    ends.join(" … ")
}
