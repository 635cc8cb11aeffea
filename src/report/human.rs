//! Findings for a person: what, where, the line itself, and the edit that mends it. Makes sense without colour.

use super::{clean, named, summary};
use crate::diagnostic::{Finding, Level, bare_listing};
use crate::source::Spot;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// So much of a line is shown: a terminal's width, or a little more.
const WIDEST: usize = 120;

pub(super) const RED: &str = "\u{1b}[1;31m";
pub(super) const YELLOW: &str = "\u{1b}[1;33m";
pub(super) const GREEN: &str = "\u{1b}[1;32m";
pub(super) const BLUE: &str = "\u{1b}[1;34m";
pub(super) const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// So many findings of one form are told in full; the others are counted, with the files that they are in.
const MOST_OF_A_FORM: usize = 20;

/// So many files are named where findings are only counted.
const MOST_FILES: usize = 5;

/// All findings, a line between them, and how many there are.
#[must_use]
pub fn render(findings: &[Finding], colours: bool) -> String {
    let mut page = Page { out: String::new(), colours, width: 0 };
    let mut forms: BTreeMap<Form, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let of_its_form = forms.entry(Form::of(finding)).or_default();
        of_its_form.push(finding);
        if of_its_form.len() <= MOST_OF_A_FORM {
            page.finding(finding);
            page.out.push('\n');
        }
    }
    for (form, alike) in &forms {
        page.others(form, alike.get(MOST_OF_A_FORM..).unwrap_or_default());
    }
    if !findings.is_empty() {
        let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Note);
        page.painted(colour(worst), &summary(findings));
        page.out.push('\n');
    }
    page.out
}

/// What findings have in common that one mistake made again and again leads to.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Form<'f> {
    level: Level,
    code: &'static str,
    kind: &'f str,
    /// The field without the numbers of items.
    field: String,
    refusal: &'f str,
}

impl<'f> Form<'f> {
    fn of(finding: &'f Finding) -> Self {
        let refusal = finding.refusal.as_ref();
        let field = refusal.map_or("", |refusal| refusal.field.as_str());
        let field = field.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
        Self {
            level: finding.level,
            code: finding.code.id,
            kind: finding.subject.as_ref().map_or("", |subject| subject.kind.as_str()),
            field,
            refusal: refusal.map_or("", |refusal| refusal.kind),
        }
    }
}

/// A place within the lines that are shown.
struct Mark<'a> {
    spot: &'a Spot,
    sign: char,
    text: &'a str,
}

/// Text with or without colours.
pub(super) struct Page {
    pub(super) out: String,
    pub(super) colours: bool,
    /// How many columns there are.
    pub(super) width: usize,
}

const fn colour(level: Level) -> &'static str {
    match level {
        Level::Error => RED,
        Level::Warning => YELLOW,
        Level::Note => GREEN,
    }
}

impl Page {
    pub(super) fn painted(&mut self, colour: &str, text: &str) {
        if self.colours {
            let _ = write!(self.out, "{colour}{text}{PLAIN}");
        } else {
            self.out.push_str(text);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let colour = colour(finding.level);
        self.painted(colour, &format!("{}[{} {}]", finding.level.word(), finding.code.id, finding.code.name));
        self.painted(BOLD, &format!(": {}", clean(&finding.message).replace('\n', "\n  ")));
        self.out.push('\n');

        let mut marks = vec![Mark { spot: &finding.spot, sign: '^', text: "" }];
        marks.extend(finding.also.iter().map(|(spot, text)| Mark { spot, sign: '-', text }));
        let widest = marks.iter().map(|mark| mark.spot.line).max().unwrap_or(0);
        let margin = widest.to_string().len();

        self.file("-->", &finding.spot, margin);
        let (mut here, elsewhere): (Vec<Mark>, Vec<Mark>) =
            marks.into_iter().partition(|mark| mark.spot.file == finding.spot.file);
        here.sort_by_key(|mark| (mark.spot.line, mark.spot.column));
        self.snippet(&here, margin, colour);
        for mark in elsewhere {
            self.file(":::", mark.spot, margin);
            self.snippet(&[mark], margin, colour);
        }
        self.about(finding, margin);
    }

    /// How many more there are of a form, and in which files.
    fn others(&mut self, form: &Form, alike: &[&Finding]) {
        let Some(first) = alike.first() else { return };
        let colour = colour(form.level);
        self.painted(colour, &format!("{}[{} {}]", form.level.word(), form.code, first.code.name));
        let files: BTreeSet<String> = alike.iter().map(|finding| clean(&finding.spot.file)).collect();
        let files = bare_listing(files, MOST_FILES);
        let of = [form.kind, form.field.as_str()].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
        let of = if of.is_empty() { String::new() } else { format!(" ({})", clean(&of.join(", "))) };
        self.painted(BOLD, &format!(": {} more like those above{of} in {files}", alike.len()));
        self.out.push_str("\n  = help: `--format json` lists every one\n\n");
    }

    fn file(&mut self, arrow: &str, spot: &Spot, margin: usize) {
        let _ = write!(self.out, "{:margin$}", "");
        self.painted(BLUE, arrow);
        let _ = writeln!(self.out, " {}:{}:{}", clean(&spot.file), spot.line, spot.column);
    }

    fn bar(&mut self, number: &str, margin: usize) {
        self.painted(BLUE, &format!("{number:>margin$} |"));
    }

    fn snippet(&mut self, marks: &[Mark], margin: usize, colour: &str) {
        if marks.iter().all(|mark| mark.spot.text.trim().is_empty()) {
            return;
        }
        self.bar("", margin);
        self.out.push('\n');
        let mut last = 0;
        for mark in marks {
            let (text, before, width) = window(mark.spot);
            if mark.spot.line != last {
                if last != 0 && mark.spot.line > last + 1 {
                    self.painted(BLUE, "...");
                    self.out.push('\n');
                }
                self.bar(&mark.spot.line.to_string(), margin);
                let _ = writeln!(self.out, " {text}");
                last = mark.spot.line;
            }
            self.bar("", margin);
            let _ = write!(self.out, " {:before$}", "");
            let joint = if mark.text.is_empty() { "" } else { " " };
            let line = format!("{}{joint}{}", mark.sign.to_string().repeat(width), clean(mark.text));
            self.painted(if mark.sign == '^' { colour } else { BLUE }, &line);
            self.out.push('\n');
        }
    }

    fn about(&mut self, finding: &Finding, margin: usize) {
        let mut lines = Vec::new();
        if let Some(subject) = &finding.subject {
            let field =
                finding.refusal.as_ref().map(|refusal| refusal.field.as_str()).filter(|field| !field.is_empty());
            let field = field.map_or_else(String::new, |field| format!(", field {}", clean(field)));
            lines.push(("object", format!("{}{field}", named(subject))));
        }
        if let Some(help) = &finding.help {
            lines.push(("help", clean(help)));
        }
        for (word, text) in lines {
            self.painted(BLUE, &format!("{:margin$} =", ""));
            self.painted(BOLD, &format!(" {word}:"));
            let indent = format!("\n{:1$}", "", margin + 3 + word.len() + 2);
            let _ = writeln!(self.out, " {}", text.replace('\n', &indent));
        }
    }
}

/// The part of the line to show, and how many columns come before the marks and under them.
fn window(spot: &Spot) -> (String, usize, usize) {
    let letters: Vec<char> = spot.text.chars().map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
    let column = (spot.mark.0 as usize).saturating_sub(1);
    let first = if letters.len() <= WIDEST || column < WIDEST - 20 { 0 } else { (column - 40).min(letters.len()) };
    let last = letters.len().min(first + WIDEST);
    let columns = |from: usize, to: usize| {
        letters.get(from..to.min(last).max(from)).unwrap_or_default().iter().map(|l| wide(*l)).sum::<usize>()
    };
    let mut text = clean(&letters[first..last].iter().collect::<String>());
    let mut before = columns(first, column);
    if first > 0 {
        text.insert_str(0, "... ");
        before += 4;
    }
    if last < letters.len() {
        text.push_str(" ...");
    }
    (text, before, columns(column, column + spot.mark.1 as usize).max(1))
}

/// How many columns of a terminal a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(wide).sum()
}

/// How many columns of a terminal a letter takes.
const fn wide(letter: char) -> usize {
    match letter {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}
