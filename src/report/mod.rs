//! What was found, as text: one file per format, each over the same findings. Decides nothing, prints nothing.

mod alike;
mod compact;
mod differences;
mod gaps;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod graph;
mod groups;
mod holding;
pub mod html;
pub mod human;
pub mod human_review;
pub(crate) mod identity;
pub mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
mod markdown_text;
mod markup;
pub(crate) mod outage;
pub(crate) mod picture;
pub(crate) mod record;
pub(crate) mod reduced;
pub mod rehearsal;
mod rows;
pub(crate) mod sarif;
pub(crate) mod script;
pub(crate) mod statistics;
pub(crate) mod told;
pub(crate) mod uses;
mod words;

use crate::diagnostic::{Finding, Level, Subject, nearest};
use crate::k8s::version::Version;
use crate::printable;
use crate::review::verdict::{Judgement, Verdict};
use crate::review::{Change, ChangeKind, Review, acknowledge};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::str::FromStr;

/// What a run has to say, whatever the format.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong with the files as they are.
    pub findings: Vec<Finding>,
    /// What the changes will do; empty when nothing was compared, or nothing differs.
    pub reviews: Vec<Review>,
    /// What it was compared with; nothing when nothing was compared at all.
    pub against: Option<Against>,
}

/// What the other side of a comparison was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// The manifests in the files as they are, committed or not.
    Files,
    /// Those of a git revision, as the user named it.
    Revision(String),
    /// What the user named: another folder, another environment.
    Named,
    /// What runs.
    Live,
}

impl Against {
    /// In a few words, where they help a reader: a whole hash does not.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Files => Some("the files on disk".into()),
            Self::Live => Some("what runs".into()),
            Self::Revision(name) if name.len() < 40 => Some(clean(name)),
            Self::Revision(_) | Self::Named => None,
        }
    }
}

impl Report {
    /// A report of findings alone.
    #[must_use]
    pub const fn of(findings: Vec<Finding>) -> Self {
        Self { findings, reviews: Vec::new(), against: None }
    }

    /// A report of what changes do, the worst first.
    #[must_use]
    pub fn compared(against: Against, findings: Vec<Finding>, mut reviews: Vec<Review>) -> Self {
        reviews.sort_by(|one, other| {
            other.judgement.verdict.cmp(&one.judgement.verdict).then_with(|| one.title.cmp(&other.title))
        });
        Self { findings, reviews, against: Some(against) }
    }

    /// All findings, those of the reviews after the others: for formats that know nothing else.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        self.findings.iter().chain(self.reviews.iter().flat_map(|review| &review.findings)).cloned().collect()
    }
}

/// How a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal.
    Human,
    /// For programs; stable.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands: annotations in GitHub's pull requests.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// Test results, which every CI system can show.
    Junit,
    /// For a comment on a pull request.
    Markdown,
    /// One page for a browser, complete in itself.
    Html,
    /// A drawing of pods, claims, volumes and disks, before and after.
    Svg,
    /// The steps of all runbooks, as a script.
    Script,
}

impl Format {
    /// Those of a whole report, by the names they are asked for.
    pub const ALL: &[(&str, Self)] = &[
        ("human", Self::Human),
        ("json", Self::Json),
        ("sarif", Self::Sarif),
        ("github", Self::Github),
        ("gitlab", Self::Gitlab),
        ("junit", Self::Junit),
        ("markdown", Self::Markdown),
        ("html", Self::Html),
        ("svg", Self::Svg),
    ];

    /// A report in this format. Colours are for people only.
    #[must_use]
    pub fn render(self, report: &Report, colours: bool) -> String {
        match self {
            Self::Human => human::render(&report.findings, colours) + &human_review::render(report, colours, 0),
            Self::Json => json::render(report),
            Self::Sarif => sarif::render(&report.all()),
            Self::Github => github::render(&report.all()),
            Self::Gitlab => gitlab::render(&report.all()),
            Self::Junit => junit::render(&report.all()),
            Self::Markdown => markdown::render(report),
            Self::Html => html::render(report),
            Self::Svg => picture::render(report),
            Self::Script => script::render(report),
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let help = nearest(text, Self::ALL.iter().map(|(name, _)| *name))
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            format!("`{text}` is no format; there are {}{help}", known())
        })
    }
}

/// `2 errors, 1 warning`; empty when there is nothing.
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let mut text = String::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        let count = findings.iter().filter(|finding| finding.level == level).count();
        if count > 0 {
            let joint = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{joint}{count} {}{}", level.word(), if count == 1 { "" } else { "s" });
        }
    }
    text
}

/// Text from somebody's file, without what could command a terminal or a CI system, or turn around what is read. Line
/// breaks stay.
fn clean(text: &str) -> String {
    const APART: char = '\u{200b}';
    let mut out = String::with_capacity(text.len());
    let (mut is_start, mut before) = (true, ' ');
    for letter in text.chars() {
        // `::error::` at the start of a line is obeyed by GitHub, blanks before it or not; `##[` and `##vso[` anywhere.
        if letter == before && (letter == '#' || letter == ':' && is_start) {
            out.push(APART);
        }
        is_start = letter == '\n' || is_start && (letter.is_whitespace() || letter == ':' && before != ':');
        out.push(if letter != '\n' && printable::commands(letter) { '\u{fffd}' } else { letter });
        before = letter;
    }
    out
}

/// All of a review in one line, the verdict first.
#[must_use]
pub fn line(review: &Review) -> String {
    words::line(review)
}

/// `1 object`, `2 objects`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A verdict as a sign that is read at a glance, of one column everywhere.
const fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::None => '·',
        Verdict::Differs => '≠',
        Verdict::New => '+',
        Verdict::InPlace => '~',
        Verdict::Restart => '↻',
        Verdict::Recreate => '±',
        Verdict::Refused => '✖',
        Verdict::AtRisk => '!',
    }
}

/// A verdict for people.
const fn spoken(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::None => "no effect",
        Verdict::Differs => "differs",
        Verdict::New => "new",
        Verdict::InPlace => "in place",
        Verdict::Restart => "restart",
        Verdict::Recreate => "recreate",
        Verdict::Refused => "refused",
        Verdict::AtRisk => "data at risk",
    }
}

/// With what it was compared, and for which versions: nothing where neither is to be said.
fn compared(report: &Report) -> Option<String> {
    let versions: BTreeSet<Version> = report.reviews.iter().filter_map(|review| review.kubernetes).collect();
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    match (report.against.as_ref().and_then(Against::words), versions.is_empty()) {
        (Some(since), false) => Some(format!("Compared with {since}, for Kubernetes {}.", versions.join(", "))),
        (Some(since), true) => Some(format!("Compared with {since}.")),
        (None, false) => Some(format!("Judged for Kubernetes {}.", versions.join(", "))),
        (None, true) => None,
    }
}

/// What acknowledges all open risks of a review in fewer entries than there are risks, if that can be.
fn at_once(judgement: &Judgement) -> Option<String> {
    let open = judgement.risks.iter().filter(|risk| !risk.acknowledged).count();
    let entries = acknowledge::entries(&judgement.risks);
    let items: Vec<String> = entries.iter().map(|change| format!("{{change: \"{change}\", reason: \"…\"}}")).collect();
    (entries.len() < open).then(|| format!("acknowledge: [{}]", items.join(", ")))
}

/// The changes of a review, the worst first, of these what is still needed, else as they are applied.
fn ranked(review: &Review) -> Vec<&Change> {
    let mut changes: Vec<&Change> = review.changes.iter().collect();
    changes.sort_by_key(|change| (std::cmp::Reverse(change.verdict), change.needed_by.is_none()));
    changes
}

/// `2 data at risk, 1 restart`, the worst first.
fn tally<'r>(reviews: impl IntoIterator<Item = &'r Review>) -> String {
    let mut counts: BTreeMap<std::cmp::Reverse<Verdict>, usize> = BTreeMap::new();
    for review in reviews {
        *counts.entry(std::cmp::Reverse(review.judgement.verdict)).or_default() += 1;
    }
    counts.iter().map(|(verdict, count)| format!("{count} {}", spoken(verdict.0))).collect::<Vec<_>>().join(", ")
}

/// `1 added, 2 changed, 1 removed`, without what there is none of.
fn kinds(review: &Review) -> String {
    let all = [ChangeKind::Added, ChangeKind::Changed, ChangeKind::Renamed, ChangeKind::Removed];
    let counts = all.map(|kind| (kind, review.changes.iter().filter(|change| change.kind == kind).count()));
    let parts: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {}", kind.word())).collect();
    if parts.is_empty() { "nothing changed".into() } else { parts.join(", ") }
}

/// `Service pets/kubia`.
fn named(subject: &Subject) -> String {
    let namespace = if subject.namespace.is_empty() { String::new() } else { format!("{}/", subject.namespace) };
    clean(&format!("{} {namespace}{}", subject.kind, subject.name))
}

/// What tells a finding apart from the others in one file, however the lines around it move.
fn fingerprint(finding: &Finding, seen: &mut BTreeMap<u64, u32>) -> String {
    let subject = finding.subject.as_ref().map(named).unwrap_or_default();
    let field = finding.refusal.as_ref().map(|refusal| refusal.field.as_str()).unwrap_or_default();
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for part in [finding.code.id, &finding.spot.file, &subject, field, &finding.message] {
        for byte in part.bytes().chain([0]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    let number = seen.entry(state).and_modify(|number| *number += 1).or_insert(1);
    format!("{state:016x}:{number}")
}
