//! What is printed: data to stdout, talk to stderr; colour only where a person looks.
#![expect(clippy::disallowed_methods, reason = "NO_COLOR and CI are read here, at the edge")]

use super::pager;
use crate::diagnostic::{Finding, Level};
use crate::disk::Reach;
use crate::expect::judge::UNJUDGED;
use crate::failure::Failure;
use crate::report::{Format, Report, human, human_review};
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

/// How much is said, and in which colours; the same for every command.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Manner {
    /// Print what was asked for and what was found, and no more.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Name the apps looked at and the files written, and say how long it took.
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Use colours: auto, always, never. NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE count for auto.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    color: Colour,
    /// Print what is longer than the screen too, instead of paging it with STATEWRIGHT_PAGER, PAGER or less.
    #[arg(long, global = true)]
    no_pager: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

/// The manner of this run. It is set once, before anything is printed.
static MANNER: OnceLock<Manner> = OnceLock::new();

impl Manner {
    /// From here on, this is how it is printed.
    pub(super) fn begin(self) {
        let _ = MANNER.set(self);
    }
}

fn manner() -> Manner {
    MANNER.get().copied().unwrap_or_default()
}

/// In which colours the arguments' own help and errors are shown: these come before the arguments are read.
pub(super) fn help_colours(arguments: &[String]) -> clap::ColorChoice {
    let asked = |pair: &[String]| pair[0] == "--color";
    let beside = arguments.windows(2).find(|pair| asked(pair)).map(|pair| pair[1].as_str());
    let said = beside.or_else(|| arguments.iter().find_map(|argument| argument.strip_prefix("--color=")));
    match said {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => match by_environment() {
            Some(true) => clap::ColorChoice::Always,
            Some(false) => clap::ColorChoice::Never,
            None => clap::ColorChoice::Auto,
        },
    }
}

/// Prints data. A reader that has gone away is no failure.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    printed(std::io::stdout().lock().write_all(text.as_bytes()))
}

/// Prints what a person reads: page by page, where it is longer than the screen.
pub(super) fn pages(text: &str) -> Result<(), Failure> {
    if !manner().no_pager && pager::shows(text) { Ok(()) } else { data(text) }
}

/// What came of printing something, once all of it is out.
pub(super) fn printed(so_far: std::io::Result<()>) -> Result<(), Failure> {
    match so_far.and_then(|()| std::io::stdout().lock().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::io("write", Path::new("to standard output"), &error))
        }
        _ => Ok(()),
    }
}

/// Prints talk.
pub(super) fn talk(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints what is good to know, and is neither what was asked for nor what was found.
pub(super) fn remark(text: &str) {
    if !manner().quiet {
        talk(text);
    }
}

/// Prints what only those want who asked for more.
pub(super) fn detail(text: &str) {
    if manner().verbose {
        talk(text);
    }
}

/// Whether a stream shows colours.
pub(super) fn colours(stream: &impl IsTerminal) -> bool {
    match manner().color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => by_environment().unwrap_or_else(|| stream.is_terminal()),
    }
}

/// What the environment says of colours, by the habits of other tools.
fn by_environment() -> Option<bool> {
    let said = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let forces = |name: &str| said(name).is_some_and(|value| value != "0");
    if said("NO_COLOR").is_some() {
        return Some(false);
    }
    (forces("FORCE_COLOR") || forces("CLICOLOR_FORCE")).then_some(true)
}

/// How many columns there are to print into; none where nobody watches.
fn width() -> usize {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map_or(0, |(width, _)| usize::from(width.0))
}

/// Whether somebody is watching.
pub(super) fn watched() -> bool {
    std::io::stderr().is_terminal() && !manner().quiet
}

/// In which formats it is shown, and where.
#[derive(Debug, Default, Args)]
pub(super) struct Formats {
    /// Output format: human, json, sarif, github, gitlab, junit, markdown, html, svg. `NAME=FILE` writes a file instead
    /// of stdout; may be given several times. For GitHub's step summary, write `markdown=$GITHUB_STEP_SUMMARY`.
    #[arg(short = 'o', long = "format", value_name = "NAME[=FILE]")]
    targets: Vec<Target>,
    /// What is written beside them, whatever a person is shown.
    #[arg(skip)]
    beside: Vec<Target>,
}

/// A format, and where it goes: `sarif=out.sarif`.
#[derive(Clone, Debug)]
struct Target {
    format: Format,
    file: Option<PathBuf>,
}

impl Formats {
    /// Whether none was asked for.
    pub(super) const fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Whether a format is asked for.
    pub(super) fn has(&self, format: Format) -> bool {
        self.targets.iter().chain(&self.beside).any(|target| target.format == format)
    }

    /// Writes a file in a format beside what is asked for.
    pub(super) fn write_beside(&mut self, format: Format, file: PathBuf) {
        self.beside.push(Target { format, file: Some(file) });
    }

    /// Refuses what cannot be done, before anything else is: two texts in one place. `busy` is what stdout is taken by
    /// already.
    pub(super) fn ready(&self, busy: Option<&str>) -> Result<(), Failure> {
        let mut places = BTreeSet::new();
        for target in self.targets.iter().chain(&self.beside) {
            let twice = !places.insert(&target.file);
            match (&target.file, busy) {
                (None, Some(busy)) => {
                    return Err(Failure::new(format!(
                        "stdout takes {busy} already: give `--format` a file, as in `json=report.json`"
                    )));
                }
                (None, None) if twice => {
                    return Err(Failure::new(
                        "stdout takes one format: give the others a file, as in `--format sarif=out.sarif`",
                    ));
                }
                (Some(file), _) if twice => {
                    return Err(Failure::new(format!("two formats cannot be in one file: {}", file.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let format = name.parse()?;
        match file {
            Some("") => Err(format!("`{text}` names no file")),
            _ => Ok(Self { format, file: file.map(PathBuf::from) }),
        }
    }
}

/// Shows findings in every format asked for; as talk to a person when none was.
pub(super) fn findings(list: &[Finding], formats: &Formats) -> Result<(), Failure> {
    let report = Report::of(once(list));
    if formats.is_empty() {
        talk(&Format::Human.render(&report, colours(&std::io::stderr())));
    }
    show(&report, formats)
}

/// Writes findings into every file that was asked for; a person is shown something else.
pub(super) fn beside(list: &[Finding], formats: &Formats) -> Result<(), Failure> {
    show(&Report::of(once(list)), formats)
}

/// Shows what changes do in every format asked for; to a person when none was. What is wrong with the files themselves
/// is talk then.
pub(super) fn review(mut report: Report, formats: &Formats) -> Result<(), Failure> {
    report.findings = once(&report.findings);
    if formats.is_empty() {
        talk(&human::render(&report.findings, colours(&std::io::stderr())));
        pages(&human_review::render(&report, colours(&std::io::stdout()), width()))?;
    }
    show(&report, formats)
}

/// Tells a step of GitHub Actions what came of it, where this is one: its outputs, `report` among them where Markdown
/// went into a file, and its summary.
pub(super) fn step(report: &Report, outputs: &[(&str, &str)], formats: &Formats) -> Result<(), Failure> {
    let file = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = file("GITHUB_OUTPUT") {
        let markdown = formats
            .targets
            .iter()
            .find(|target| target.format == Format::Markdown)
            .and_then(|target| target.file.as_deref());
        // A line break in the file's name would begin an output of its own.
        let written = markdown.and_then(Path::to_str).filter(|path| !path.contains(['\n', '\r'])).unwrap_or_default();
        let mut lines = String::new();
        for (name, value) in outputs.iter().chain(&[("report", written)]) {
            let _ = writeln!(lines, "{name}={value}");
        }
        crate::disk::append(&Reach::default(), &path, &lines)?;
    }
    match file("GITHUB_STEP_SUMMARY") {
        Some(path) => crate::disk::append(&Reach::default(), &path, &Format::Markdown.render(report, false)),
        None => Ok(()),
    }
}

fn show(report: &Report, formats: &Formats) -> Result<(), Failure> {
    for target in formats.targets.iter().chain(&formats.beside) {
        match &target.file {
            Some(path) => crate::disk::write_file(&Reach::default(), path, &target.format.render(report, false))?,
            None => data(&target.format.render(report, colours(&std::io::stdout())))?,
        }
    }
    Ok(())
}

/// Each finding once: a spec that is wrong is wrong in each of its environments.
pub(super) fn once(list: &[Finding]) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let field = |finding: &Finding| finding.refusal.as_ref().map(|refusal| refusal.field.clone());
    let is_new = |finding: &&Finding| {
        let spot = &finding.spot;
        // What is said of a kind is said once, wherever its objects are.
        let place = (finding.code.id != UNJUDGED.id).then(|| (spot.file.clone(), spot.line, spot.column));
        said.insert((finding.code.id, place, finding.message.clone(), field(finding)))
    };
    list.iter().filter(is_new).cloned().collect()
}

/// Whether any of them is an error.
pub(super) fn any_error(list: &[Finding]) -> bool {
    list.iter().any(|finding| finding.level == Level::Error)
}
