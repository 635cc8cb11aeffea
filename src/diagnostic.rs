//! What was found in the user's files: a code, a place, what is wrong, the edit that mends it. Prints nothing.

use crate::source::{At, Sources, Spot};
use std::fmt::Write as _;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// Must be mended: nothing is written, the exit code is 1.
    Error,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding: a `static` beside the code that raises it. Ids are never renumbered or reused.
#[derive(Debug)]
pub struct Code {
    /// `SW0101`.
    pub id: &'static str,
    /// Words that read well after "allow".
    pub name: &'static str,
    /// Its level unless the workspace says otherwise.
    pub level: Level,
    /// The manual page, which is also its test.
    pub page: &'static str,
}

/// Says what an API server would answer, with the server's own field path and error type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `spec.ports[0].name`; empty where the server names none.
    pub field: String,
    /// `FieldValueInvalid`, …, or the stage's word: `UnknownField`, `WrongType`, …
    pub kind: &'static str,
    /// The server's detail.
    pub detail: String,
}

/// The object a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Subject {
    /// Its kind.
    pub kind: String,
    /// Its namespace, empty where none was said.
    pub namespace: String,
    /// `web`.
    pub name: String,
}

/// A place and a few words about it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub at: At,
    /// The words; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Its kind.
    pub code: &'static Code,
    /// How much it matters here.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// Where; the first is the place, the others explain.
    pub labels: Vec<Label>,
    /// The edit that mends it.
    pub help: Option<String>,
    /// The object concerned.
    pub subject: Option<Subject>,
    /// What the API server would say.
    pub refusal: Option<Refusal>,
    /// What of a place that is several lines long is meant.
    pub stretch: Option<Stretch>,
    /// What mends it, where there is but one right edit.
    pub edit: Option<Edit>,
}

/// What is written at a place, and becomes something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The place: a name or a value of one line.
    pub at: At,
    /// What it becomes.
    pub becomes: Becomes,
}

/// What a name or a value becomes by an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// Another name, in quotes if the old one was.
    Name(String),
    /// The same, in quotes.
    Quoted,
    /// The same, without quotes.
    Bare,
}

/// A part of what is written at a place: from where some letters stand there for the nth time, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The letters that it begins with.
    pub begins: &'static str,
    /// Those that it ends with.
    pub ends: &'static str,
    /// How many such parts there are before it.
    pub nth: usize,
}

/// A finding that has no place yet. Only [`Report::at`] stores it, so one without a place does not exist.
#[must_use = "a finding is stored by `.at(place, found)`"]
#[derive(Debug)]
pub struct Report(Diagnostic);

/// What a code is about: its id says so, `SW04` and two digits more is advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Reading files.
    Files,
    /// What a spec means.
    Spec,
    /// What the API server says.
    Server,
    /// What a cluster makes of it.
    Cluster,
    /// Advice.
    Advice,
    /// What a change does.
    Change,
    /// What is committed.
    Committed,
    /// What is asked of a run.
    Run,
    /// What a newer Kubernetes says otherwise.
    Upgrade,
}

impl Code {
    /// What it is about.
    #[must_use]
    pub fn band(&self) -> Band {
        match self.id.as_bytes().get(3) {
            Some(b'0') => Band::Files,
            Some(b'1') => Band::Spec,
            Some(b'2') => Band::Server,
            Some(b'3') => Band::Cluster,
            Some(b'4') => Band::Advice,
            Some(b'5') => Band::Change,
            Some(b'6') => Band::Committed,
            Some(b'8') => Band::Upgrade,
            _ => Band::Run,
        }
    }

    /// Begins a finding.
    pub fn report(&'static self, message: impl Into<String>) -> Report {
        Report(Diagnostic {
            code: self,
            level: self.level,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            subject: None,
            refusal: None,
            stretch: None,
            edit: None,
        })
    }
}

impl Stretch {
    /// The part of a place that is meant; all of it where that is one line, or has no such part.
    #[must_use]
    pub fn of(self, at: At, sources: &Sources) -> At {
        let text = &*sources.get(at.source).text;
        let Some(written) =
            text.get(at.start as usize..(at.end as usize).min(text.len())).filter(|written| written.contains('\n'))
        else {
            return at;
        };
        let Some((offset, _)) = written.match_indices(self.begins).nth(self.nth) else { return at };
        let rest = &written[offset..];
        let length = rest.find(self.ends).map_or(rest.len(), |end| end + self.ends.len());
        let place = |offset: usize| at.start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        At { start: place(offset), end: place(offset + length), ..at }
    }
}

impl Report {
    /// Says which part of the place is meant, where it is several lines long.
    pub fn stretch(mut self, stretch: Stretch) -> Self {
        self.0.stretch = Some(stretch);
        self
    }

    /// Says what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Says which edit mends it: there is but one.
    pub fn edit(mut self, at: At, becomes: Becomes) -> Self {
        self.0.edit = Some(Edit { at, becomes });
        self
    }

    /// Asks whether the name at a place was meant to be another one, which mends it; says something else where none is
    /// near.
    pub fn meant(self, near: Option<&str>, at: At, otherwise: impl FnOnce() -> String) -> Self {
        match near {
            Some(name) => self.help(format!("did you mean `{name}`?")).edit(at, Becomes::Name(name.to_owned())),
            None => self.help(otherwise()),
        }
    }

    /// Changes how much it matters.
    pub fn level(mut self, level: Level) -> Self {
        self.0.level = level;
        self
    }

    /// Points at another place that explains it.
    pub fn see(mut self, at: At, text: impl Into<String>) -> Self {
        self.0.labels.push(Label { at, text: text.into() });
        self
    }

    /// Names the object.
    pub fn about(mut self, subject: Subject) -> Self {
        self.0.subject = Some(subject);
        self
    }

    /// Gives the API server's words.
    pub fn refusal(mut self, refusal: Refusal) -> Self {
        self.0.refusal = Some(refusal);
        self
    }

    /// Stores it, at its place.
    pub fn at(mut self, at: At, found: &mut Diagnostics) {
        self.0.labels.insert(0, Label { at, text: String::new() });
        found.list.push(self.0);
    }
}

/// From here on, codes are about what a cluster would say.
const CLUSTER: &str = "SW0200";

/// What was found so far.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

/// A finding with its places looked up: it owns all it needs, and the sources may go.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its kind.
    pub code: &'static Code,
    /// How much it matters.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub spot: Spot,
    /// Other places, with a few words each.
    pub also: Vec<(Spot, String)>,
    /// The edit that mends it.
    pub help: Option<String>,
    /// The object concerned.
    pub subject: Option<Subject>,
    /// What the API server would say.
    pub refusal: Option<Refusal>,
    /// What mends it, where there is but one right edit.
    pub mend: Option<Mend>,
}

/// An edit of a file. No report shows it: it may hold what the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// Where it is, as it may be shown.
    pub spot: Spot,
    /// The bytes of the file that are replaced.
    pub bytes: std::ops::Range<usize>,
    /// What stands there.
    pub old: String,
    /// What will.
    pub new: String,
}

impl Mend {
    /// What is done, in a few words that hold no value.
    #[must_use]
    pub fn title(&self) -> String {
        if self.new.len() == self.old.len() + 2 && self.new.contains(&self.old) {
            "Write it in quotes".to_owned()
        } else if self.old.len() == self.new.len() + 2 && self.old.contains(&self.new) {
            "Write it without quotes".to_owned()
        } else {
            format!("Change it to {}", self.new)
        }
    }
}

impl Edit {
    /// The edit in the file; none where what stands there is not of one line, or could not be read back.
    #[must_use]
    pub fn in_file(&self, sources: &Sources, spot: Spot) -> Option<Mend> {
        let bytes = self.at.start as usize..self.at.end as usize;
        let old = sources.get(self.at.source).text.get(bytes.clone())?;
        let quote = old.chars().next().filter(|letter| matches!(letter, '"' | '\''));
        let inner = quote.map_or(Some(old), |quote| old.strip_prefix(quote)?.strip_suffix(quote))?;
        // An escape means something else than it says.
        if old.is_empty() || old.contains(['\n', '\r', '\\']) || inner.contains(['"', '\'']) {
            return None;
        }
        let new = match &self.becomes {
            Becomes::Name(name) => quote.map_or_else(|| name.clone(), |quote| format!("{quote}{name}{quote}")),
            Becomes::Quoted => quote.is_none().then(|| format!("\"{old}\""))?,
            Becomes::Bare => quote.is_some().then(|| inner.to_owned())?,
        };
        Some(Mend { spot, bytes, old: old.to_owned(), new })
    }
}

impl Diagnostics {
    /// Whether any of them forbids going on.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.level == Level::Error)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, as found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Takes over another's findings.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// Keeps those that pass: how `allow` and the workspace's levels speak, in one place.
    pub fn retain(&mut self, keep: impl FnMut(&mut Diagnostic) -> bool) {
        self.list.retain_mut(keep);
    }

    /// The places where the files themselves are wrong, whatever a cluster would say.
    #[must_use]
    pub fn wrong(&self) -> Vec<At> {
        let wrong =
            self.list.iter().filter(|diagnostic| diagnostic.code.id < CLUSTER && diagnostic.level == Level::Error);
        wrong.map(|diagnostic| diagnostic.labels[0].at).collect()
    }

    /// Drops what the cluster would say of a place that is wrong already, here or among `others`: it is the same
    /// mistake, heard a second time. So is a refusal for which the server names no field.
    pub fn drop_echoes(&mut self, others: &[At]) {
        let mut wrong = self.wrong();
        wrong.extend_from_slice(others);
        wrong.sort_unstable_by_key(|at| (at.source, at.start));
        // How far the places reach that begin no later, file by file.
        let mut reach = wrong.clone();
        for index in 1..reach.len() {
            if reach[index - 1].source == reach[index].source {
                reach[index].end = reach[index].end.max(reach[index - 1].end);
            }
        }
        let covered = |at: At| {
            let before = reach.partition_point(|other| (other.source, other.start) < (at.source, at.end));
            before.checked_sub(1).is_some_and(|last| reach[last].source == at.source && at.start < reach[last].end)
        };
        let unnamed =
            |diagnostic: &Diagnostic| diagnostic.refusal.as_ref().is_some_and(|refusal| refusal.field.is_empty());
        if !wrong.is_empty() {
            self.list.retain(|found| found.code.id < CLUSTER || !(unnamed(found) || covered(found.labels[0].at)));
        }
    }

    /// All of them, in the order of their places, each only once.
    #[must_use]
    pub fn sorted(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        list.sort_by(|a, b| {
            let key = |diagnostic: &Diagnostic| {
                (diagnostic.labels[0].at.source, diagnostic.labels[0].at.start, diagnostic.code.id)
            };
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        list.dedup_by(|a, b| {
            a.code.id == b.code.id
                && a.labels[0].at == b.labels[0].at
                && a.message == b.message
                && a.refusal == b.refusal
        });
        list
    }
}

/// The name among `known` that `wrong` was most likely meant to be.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const BEGINNING: usize = 4;
    let length = wrong.chars().count();
    let most = (length / 3).clamp(1, 3);
    let lower = wrong.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    let close = known
        .iter()
        .filter(|name| name.len().abs_diff(wrong.len()) <= 3 * most)
        .map(|name| (distance(&lower, &name.to_lowercase()), *name))
        // More than half of it must stay as it is: `a` is no misspelt `x`.
        .filter(|(distance, name)| *distance <= most && 2 * distance < name.chars().count().max(length))
        .min_by_key(|(distance, _)| *distance);
    // Or somebody has left out the end of it: `revisionHistory`.
    let begun = || {
        known
            .iter()
            .filter(|name| lower.len() >= BEGINNING && name.to_lowercase().starts_with(&lower))
            .min_by_key(|name| name.len())
    };
    close.map(|(_, name)| name).or_else(|| begun().copied())
}

/// How many letters must be added, dropped, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// `a, b and c`, each in backticks; at most `most` of them.
#[must_use]
pub fn listing<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    listing_of(names.iter().copied(), names.len(), most)
}

/// Names without marks around them: `a, b and 3 more`.
pub fn bare_listing(names: impl IntoIterator<Item = String>, most: usize) -> String {
    let mut names: Vec<String> = names.into_iter().collect();
    let more = names.len().saturating_sub(most);
    if more > 0 {
        names.truncate(most);
        return format!("{} and {more} more", names.join(", "));
    }
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// The same of names that are `all` together, of which only the first few are looked at.
#[must_use]
pub fn listing_of<'a>(names: impl IntoIterator<Item = &'a str>, all: usize, most: usize) -> String {
    let mut text = String::new();
    for (index, name) in names.into_iter().take(most).enumerate() {
        let last = index + 1 == all;
        let joint = if index == 0 {
            ""
        } else if last {
            " and "
        } else {
            ", "
        };
        let _ = write!(text, "{joint}`{name}`");
    }
    if all > most {
        let _ = write!(text, " and {} more", all - most);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let known = ["replicas", "resources", "ports", "storage", "services"];
        assert_eq!(nearest("replica", known), Some("replicas"));
        assert_eq!(nearest("prots", known), Some("ports"));
        assert_eq!(nearest("Storage", known), Some("storage"));
        assert_eq!(nearest("revisionHistory", ["revisionHistoryLimit", "replicas"]), Some("revisionHistoryLimit"));
        assert_eq!(nearest("xyz", known), None);
        assert_eq!((nearest("x", ["a", "dev"]), nearest("db", ["dv", "qa"])), (None, None));
        assert_eq!((nearest("dv", ["qa", "dev"]), nearest("prd", ["dev", "prod"])), (Some("dev"), Some("prod")));
        assert_eq!(nearest("DB", ["db"]), Some("db"));
    }

    #[test]
    fn listings() {
        assert_eq!(listing(["a"], 5), "`a`");
        assert_eq!(listing(["a", "b", "c"], 5), "`a`, `b` and `c`");
        assert_eq!(listing(["a", "b", "c"], 2), "`a`, `b` and 1 more");
    }
}
