//! What is printed: data to stdout, talk to stderr; colour only where a person looks.
#![expect(clippy::disallowed_methods, reason = "NO_COLOR and CI are read here, at the edge")]

use crate::diagnostic::{Finding, Level};
use crate::failure::Failure;
use crate::report::{Format, Report};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::str::FromStr;

/// Prints data. A reader that has gone away is no failure.
pub(super) fn data(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Prints talk.
pub(super) fn talk(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether a stream shows colours.
pub(super) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether somebody is watching.
pub(super) fn watched() -> bool {
    std::io::stderr().is_terminal()
}

/// A format, and where it goes: `sarif=out.sarif`.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) format: Format,
    pub(super) file: Option<PathBuf>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(PathBuf::from(file))));
        Ok(Self { format: name.parse()?, file })
    }
}

/// Shows findings in every format asked for; as talk to a person when none was.
pub(super) fn findings(list: &[Finding], targets: &[Target]) -> Result<(), Failure> {
    let report = Report::of(once(list));
    if targets.is_empty() {
        talk(&Format::Human.render(&report, colours(&std::io::stderr())));
    }
    show(&report, targets)
}

/// Shows a review in every format asked for; to a person when none was. What is wrong with the files themselves is talk then.
pub(super) fn review(mut report: Report, targets: &[Target]) -> Result<(), Failure> {
    report.findings = once(&report.findings);
    let for_people = targets.is_empty() || targets.iter().any(|target| target.format == Format::Human && target.file.is_none());
    if for_people {
        talk(&Format::Human.render(&Report::of(report.findings.clone()), colours(&std::io::stderr())));
    }
    if targets.is_empty() && (any_error(&report.findings) && report.reviews.is_empty()) {
        return Ok(());
    }
    if targets.is_empty() {
        data(&Format::Human.render(&report, colours(&std::io::stdout())));
    }
    show(&report, targets)
}

fn show(report: &Report, targets: &[Target]) -> Result<(), Failure> {
    for target in targets {
        match &target.file {
            Some(path) => crate::disk::write_file(path, &target.format.render(report, false))?,
            None => data(&target.format.render(report, colours(&std::io::stdout()))),
        }
    }
    Ok(())
}

/// Each finding once: a spec that is wrong is wrong in each of its environments.
fn once(list: &[Finding]) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let field = |finding: &Finding| finding.refusal.as_ref().map(|refusal| refusal.field.clone());
    let is_new = |finding: &&Finding| {
        let spot = &finding.spot;
        said.insert((finding.code.id, spot.file.clone(), spot.line, spot.column, finding.message.clone(), field(finding)))
    };
    list.iter().filter(is_new).cloned().collect()
}

/// Whether any of them is an error.
pub(super) fn any_error(list: &[Finding]) -> bool {
    list.iter().any(|finding| finding.level == Level::Error)
}
