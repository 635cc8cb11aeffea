//! `check --fix` and `check --diff`: the edits that mend what was found, made in the files that the user named, or shown.

use super::output;
use super::project::Candidate;
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk::{self, Reach};
use crate::editor::mend::{Made, Mended, mended};
use crate::failure::Failure;
use crate::layout::HEADER;
use crate::report::counted;
use crate::source::Sources;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Mends files one by one, or says how.
pub(super) struct Fixer<'r> {
    reach: &'r Reach,
    /// Whether the edits are only shown.
    shows: bool,
    files: usize,
    /// How often each finding was mended.
    codes: BTreeMap<&'static str, usize>,
    shown: String,
}

impl<'r> Fixer<'r> {
    pub(super) fn new(reach: &'r Reach, shows: bool) -> Self {
        Self { reach, shows, files: 0, codes: BTreeMap::new(), shown: String::new() }
    }

    /// Mends a spec, in all of its environments.
    pub(super) fn spec(&mut self, candidate: &Candidate, kubernetes: Option<&str>) -> Result<(), Failure> {
        self.file(&candidate.spec, &|_, text| candidate.typed(text).judged(kubernetes).unwrap_or_default())
    }

    /// Mends a file of manifests. What its neighbours say of it is not asked.
    pub(super) fn manifests(&mut self, path: &Path, facts: &ClusterFacts, sources: &Sources) -> Result<(), Failure> {
        self.file(path, &|name, text| {
            let (mut sources, mut found) = (sources.clone(), Diagnostics::default());
            let id = sources.add(name, text);
            crate::check(&sources, &[id], facts, &mut found);
            found.resolve(&sources)
        })
    }

    fn file(&mut self, path: &Path, judge: &dyn Fn(&str, &str) -> Vec<Finding>) -> Result<(), Failure> {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let Some(id) = disk::read_sources(self.reach, &[path.to_owned()], &mut sources, &mut found)?.pop() else {
            return Ok(());
        };
        let (name, text) = (disk::name_of(path), sources.get(id).text.clone());
        let Mended { text: new, edits } = mended(&name, &text, &|text| judge(&name, text));
        if edits.is_empty() {
            return Ok(());
        }
        if text.starts_with(HEADER) {
            output::talk(&format!("{name} is generated: fix the spec that its first line names\n"));
            return Ok(());
        }
        if self.shows {
            self.show(&name, &text, &new, &edits);
        } else if disk::is_link(path) {
            return Err(Failure::new(format!("{name} is a symbolic link: fix the file that it leads to")));
        } else if disk::holds(self.reach, path, &text) {
            disk::write_over(self.reach, path, &new)?;
        } else {
            return Err(Failure::new(format!("{name} changed while it was read, or begins with a byte order mark")));
        }
        self.files += 1;
        for made in edits {
            *self.codes.entry(made.code).or_default() += 1;
        }
        Ok(())
    }

    /// The lines that change. A line is shown as reports show it: without what is secret.
    fn show(&mut self, name: &str, old: &str, new: &str, edits: &[Made]) {
        let _ = writeln!(self.shown, "--- {name}\n+++ {name}");
        for (number, (old, new)) in old.lines().zip(new.lines()).enumerate().filter(|(_, (old, new))| old != new) {
            let is_open = edits.iter().all(|made| made.is_open || made.mend.spot.line as usize != number + 1);
            let [old, new] = [old, new].map(|line| if is_open { line } else { "(hidden)" });
            let _ = writeln!(self.shown, "@@ -{0} +{0} @@\n-{old}\n+{new}", number + 1);
        }
    }

    /// Says what was done. Gives whether anything was.
    pub(super) fn tell(self) -> Result<bool, Failure> {
        let codes: Vec<String> = self.codes.iter().map(|(code, count)| format!("{count} {code}")).collect();
        let count = counted(self.codes.values().sum(), "problem");
        let files = counted(self.files, "file");
        output::data(&self.shown)?;
        if self.files > 0 {
            let verb = if self.shows { "would fix" } else { "fixed" };
            output::remark(&format!("{verb} {count} in {files}: {}\n", codes.join(", ")));
        } else if self.shows {
            output::remark("nothing to fix\n");
        }
        Ok(self.files > 0)
    }
}
