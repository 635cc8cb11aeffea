//! `compile`: specs to manifests on disk, or to stdout.

use super::affected::{Apps, Since};
use super::claims::Claims;
use super::left_over;
use super::neighbours::{Index, Stay};
use super::output::{self, Formats};
use super::project::{Candidate, Loaded, Selection, forbids, in_order};
use super::{Exit, Result};
use crate::bundle::Bundle;
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk::{self, Difference, Kind, Turns, Written};
use crate::failure::Failure;
use crate::layout::{self, Form, Tree};
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Write the manifests of every app below the paths.
// As with kubectl, `-o yaml` prints the objects themselves; reports have only the long form here.
#[derive(Debug, Args)]
#[command(mut_arg("targets", |reports| reports.short(None)))]
pub(super) struct Compile {
    #[command(flatten)]
    selection: Selection,
    /// Write nothing; say which files are missing, stale, edited or left over, and exit with 1 if any is.
    #[arg(long)]
    check: bool,
    /// Write below this folder instead of the one the workspace names.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the manifests to stdout instead of writing files.
    #[arg(short, long, value_name = "FORM", conflicts_with_all = ["check", "out"])]
    output: Option<OutputForm>,
    /// Exit with 1 when something was written: for commit hooks, which then stop and let you look.
    #[arg(long)]
    fail_if_written: bool,
    /// Overwrite files that were edited by hand.
    #[arg(long)]
    force: bool,
    /// Wait so long for another run that is writing the same folders.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    lock_timeout: u32,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    formats: Formats,
}

/// How manifests are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum OutputForm {
    Yaml,
    Json,
    Kyaml,
}

impl From<OutputForm> for Form {
    fn from(form: OutputForm) -> Self {
        match form {
            OutputForm::Yaml => Self::Yaml,
            OutputForm::Json => Self::Json,
            OutputForm::Kyaml => Self::Kyaml,
        }
    }
}

/// What one app came to.
#[derive(Default)]
struct Done {
    findings: Vec<Finding>,
    failure: Option<Failure>,
    environments: usize,
    objects: usize,
    /// What it takes of its clusters.
    stays: Vec<Stay>,
    /// What became of each folder.
    written: Vec<(PathBuf, Written)>,
    differences: Vec<(PathBuf, Difference)>,
    owned: Vec<left_over::Place>,
    /// Folders beside which an earlier run was cut short, and that were seen to.
    healed: Vec<left_over::Place>,
    bundle: Bundle,
}

impl Compile {
    pub(super) fn run(self) -> Result {
        self.formats.ready(self.output.map(|_| "the manifests"))?;
        if let Some(out) = &self.out {
            disk::refuse_output(&self.selection.reach, out)?;
        }
        if self.since.revision.is_some() && !(self.check && self.out.is_none()) {
            return Err(Failure::new("--affected is for `compile --check`, which compares all that is committed"));
        }
        let apps = Apps::new(&self.selection, &self.since)?;
        let candidates = &apps.candidates;
        let mut findings: Vec<Finding> = workspace_findings(candidates);
        let mut total = Total { apps: candidates.len(), ..Total::default() };
        let mut bundle = Bundle::default();
        let mut owned = BTreeSet::new();
        let claims = Claims::new(candidates, &apps.records, self.out.as_deref());
        if self.output.is_none() {
            let collisions = claims.collisions(candidates);
            if !collisions.is_empty() {
                findings.extend(collisions);
                return self.finish(&findings, &total, &bundle);
            }
        }
        let run = Run { compile: &self, turns: turns(self.lock_timeout), claims, alone: candidates.len() == 1 };
        let (mut index, mut ready) = (Index::default(), Ready::default());
        let failed = |failure| Done { failure: Some(failure), ..Done::default() };
        in_order(
            candidates,
            "compiling",
            |number, candidate| match &apps.records[number] {
                Some(record) => {
                    let (stays, owned) = (record.stays(&self.selection.environments), record.places(&candidate.root()));
                    (Done { stays, owned, ..Done::default() }, None)
                }
                None => run.app(candidate).unwrap_or_else(|failure| (failed(failure), None)),
            },
            |(done, app)| {
                total.add(&done);
                owned.extend(done.owned);
                findings.extend(done.findings);
                bundle.resources.extend(done.bundle.resources);
                index.add(ready.list.len(), done.stays);
                ready.keep(app);
            },
        );
        let met = index.findings(candidates, &self.selection);
        let is_in_the_way = forbids(&met);
        findings.extend(met);
        if is_in_the_way {
            return self.finish(&findings, &total, &bundle);
        }
        if ready.is_something() {
            in_order(
                candidates,
                "writing",
                |number, candidate| run.write(candidate, ready.take(number)).unwrap_or_else(failed),
                |done| {
                    total.add(&done);
                    owned.extend(done.owned);
                },
            );
        }
        // An app that cannot be compiled still owns what it once was.
        if self.is_about_all() && total.failures.is_empty() && !forbids(&findings) {
            let done = run.without_spec(&apps, &total, &owned)?;
            total.add(&done);
        }
        if !forbids(&findings) {
            self.selection.all_met()?;
        }
        self.finish(&findings, &total, &bundle)
    }

    /// Whether the run writes, or compares, all that the apps have where it belongs.
    fn is_about_all(&self) -> bool {
        self.selection.environments.is_empty() && self.output.is_none() && self.out.is_none()
    }

    fn finish(&self, findings: &[Finding], total: &Total, bundle: &Bundle) -> Result {
        output::findings(findings, &self.formats)?;
        output::talk(&total.said);
        total.changed.iter().for_each(|(word, path)| output::detail(&format!("{word} {path}\n")));
        if let Some(failure) = total.failures.first() {
            return Err(Failure::new(failure.clone()));
        }
        if let Some(form) = self.output {
            if !forbids(findings) {
                output::data(&layout::stream(bundle, form.into()))?;
            }
        } else if !self.check && !forbids(findings) {
            output::remark(&total.summary());
        }
        let written = self.fail_if_written && !total.changed.is_empty();
        if written {
            output::remark(&total.changes());
        }
        Ok(if forbids(findings) || total.wrong || written { Exit::Found } else { Exit::Fine })
    }
}

/// How a run waits for another: a little at a time, so many seconds in all, and after the first it says so.
fn turns(seconds: u32) -> Turns {
    const STEP: Duration = Duration::from_millis(10);
    const A_SECOND: u32 = 100;
    Turns::new(move |folder, attempt| {
        if attempt == A_SECOND {
            output::remark(&format!("waiting for another run that is writing in {}\n", disk::name_of(folder)));
        }
        std::thread::sleep(STEP);
        attempt < seconds.saturating_mul(A_SECOND)
    })
}

/// An app that is compiled, and its manifests.
struct App {
    loaded: Loaded,
    trees: Vec<(PathBuf, Tree)>,
}

/// So many bytes of manifests are kept until all apps are compiled and none is in another's way.
const MOST_KEPT: usize = 256 << 20;

/// What an app takes beside its manifests, about.
const BESIDE: usize = 32 << 10;

/// What waits for all apps to be compiled.
enum Kept {
    App(Box<App>),
    /// It could not be compiled, or all that it makes is there already.
    Nothing,
    /// There was no room for it.
    ToDoAgain,
}

/// The apps of a run that are compiled, in their order.
#[derive(Default)]
struct Ready {
    list: Vec<Mutex<Option<Kept>>>,
    bytes: usize,
}

impl Ready {
    fn keep(&mut self, app: Option<App>) {
        let kept = app.map_or(Kept::Nothing, |app| {
            let size: usize = app.trees.iter().flat_map(|(_, tree)| &tree.files).map(|file| file.text.len()).sum();
            self.bytes += size + BESIDE;
            if self.bytes <= MOST_KEPT { Kept::App(Box::new(app)) } else { Kept::ToDoAgain }
        });
        self.list.push(Mutex::new(Some(kept)));
    }

    fn is_something(&self) -> bool {
        self.bytes > 0
    }

    fn take(&self, number: usize) -> Kept {
        let kept = self.list.get(number).and_then(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).take());
        kept.unwrap_or(Kept::Nothing)
    }
}

/// What stands where an app once wrote.
#[derive(Default)]
struct LeftOver {
    /// Folders of environments that are gone.
    folders: Vec<left_over::Place>,
    /// Folders from before the app had a workspace.
    unowned: Vec<left_over::Place>,
    /// Folders beside which a run was cut short.
    unfinished: Vec<left_over::Place>,
}

impl LeftOver {
    fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.unowned.is_empty() && self.unfinished.is_empty()
    }
}

/// One run over the apps.
struct Run<'c> {
    compile: &'c Compile,
    turns: Turns,
    claims: Claims,
    alone: bool,
}

impl Run<'_> {
    /// Compiles one app.
    fn app(&self, candidate: &Candidate) -> std::result::Result<(Done, Option<App>), Failure> {
        let mut done = Done::default();
        let Some(app) = candidate.load(&mut done.findings)? else { return Ok((done, None)) };
        let mut found = Diagnostics::default();
        let selection = &self.compile.selection;
        let environments = selection.environments(&app, self.alone, &mut found);
        let mut compiled = Vec::new();
        for environment in environments {
            if let Some(result) = app.compile(&environment, selection.kubernetes.as_deref(), &mut found) {
                compiled.push((environment, result));
            }
        }
        done.findings.extend(found.resolve(&app.sources));
        if forbids(&done.findings) {
            return Ok((done, None));
        }
        done.environments = compiled.len();
        let mut trees = Vec::new();
        for (environment, result) in compiled {
            done.objects += result.bundle.resources.len();
            done.stays.push(Stay::new(&app, &environment, &result));
            if self.compile.output.is_some() {
                done.bundle.resources.extend(result.bundle.resources);
                continue;
            }
            let (root, folder) = app.folder(&environment, self.compile.out.as_deref(), self.alone);
            trees.push((
                root,
                layout::lay_out(&result.bundle, &folder, &app.spec.name, &environment, &candidate.spec_name()),
            ));
        }
        let app = App { loaded: app, trees };
        if self.compile.output.is_some() {
            return Ok((done, None));
        }
        // Most often nothing is to be written, and nothing of the app has to wait for the others.
        if let Some(owned) = self.settled(&app) {
            done.owned = owned;
            return Ok((done, None));
        }
        Ok((done, Some(app)))
    }

    /// The folders of an app if all is there as it should be and nothing is left over. What cannot be read is told when
    /// it is written.
    fn settled(&self, app: &App) -> Option<Vec<left_over::Place>> {
        let mut owned = Vec::with_capacity(app.trees.len());
        for (root, tree) in &app.trees {
            if !disk::is_as(root, tree).ok()? {
                return None;
            }
            owned.push((root.clone(), tree.folder.clone()));
        }
        let is_clean = !self.compile.selection.environments.is_empty() || self.left_over(app).ok()?.is_empty();
        is_clean.then_some(owned)
    }

    /// Writes, or compares, what came of an app. One that was too much to keep is compiled again.
    fn write(&self, candidate: &Candidate, kept: Kept) -> std::result::Result<Done, Failure> {
        let mut done = Done::default();
        let app = match kept {
            Kept::App(app) => Some(*app),
            Kept::Nothing => None,
            Kept::ToDoAgain => self.app(candidate)?.1,
        };
        let Some(app) = app else { return Ok(done) };
        for (root, tree) in &app.trees {
            self.place(root, tree, &mut done)?;
            done.owned.push((root.clone(), tree.folder.clone()));
        }
        if self.compile.selection.environments.is_empty() {
            let LeftOver { folders, unowned, unfinished } = self.left_over(&app)?;
            done.owned.extend(folders.iter().cloned());
            for (root, folder) in folders.into_iter().chain(unowned) {
                self.place(&root, &Tree { folder, files: Vec::new() }, &mut done)?;
            }
            for (root, folder) in unfinished {
                done.healed.push((root.clone(), folder.clone()));
                self.heal(&root, folder, &mut done)?;
            }
        }
        Ok(done)
    }

    /// The folders of environments that are gone.
    fn left_over(&self, app: &App) -> std::result::Result<LeftOver, Failure> {
        let reach = &self.compile.selection.reach;
        let current = app.trees.iter().map(|(_, tree)| tree.folder.clone()).collect();
        let (root, pattern) = app.loaded.folder("*", self.compile.out.as_deref(), self.alone);
        let strays = disk::strays(&root, &pattern, &current)?;
        let mut left = LeftOver::default();
        for folder in strays.folders.into_iter().filter(|folder| !self.claims.include(&root, folder)) {
            let files = disk::read_folder(reach, &root.join(&folder))?.map(|folder| folder.files).unwrap_or_default();
            if left_over::may_be_of(&app.loaded, self.compile.out.is_none(), &files) {
                left.folders.push((root.clone(), folder));
            }
        }
        // A workspace that came later has its own place for them.
        if self.compile.out.is_none() {
            let before = left_over::before_workspace(reach, &app.loaded)?;
            left.unowned.extend(before.into_iter().filter(|(root, folder)| !self.claims.include(root, folder)));
        }
        let unfinished = strays.unfinished.into_iter().filter(|folder| !self.claims.include(&root, folder));
        left.unfinished.extend(unfinished.map(|folder| (root.clone(), folder)));
        Ok(left)
    }

    /// Removes, or names, what is left of apps that are gone.
    fn without_spec(
        &self,
        apps: &Apps,
        total: &Total,
        owned: &BTreeSet<left_over::Place>,
    ) -> std::result::Result<Done, Failure> {
        let mut done = Done::default();
        let strays = apps.strays(&self.compile.selection, owned)?;
        for (root, folder) in strays.folders {
            self.place(&root, &Tree { folder, files: Vec::new() }, &mut done)?;
        }
        for (root, folder) in strays.unfinished.into_iter().filter(|place| !total.healed.contains(place)) {
            self.heal(&root, folder, &mut done)?;
        }
        Ok(done)
    }

    fn place(&self, root: &Path, tree: &Tree, done: &mut Done) -> std::result::Result<(), Failure> {
        if self.compile.check {
            done.differences
                .extend(disk::compare(root, tree)?.into_iter().map(|difference| (root.to_owned(), difference)));
        } else {
            done.written.push((root.join(&tree.folder), disk::write(root, tree, self.compile.force, &self.turns)?));
        }
        Ok(())
    }

    /// Takes away, or names, what a run left that was cut short.
    fn heal(&self, root: &Path, folder: String, done: &mut Done) -> std::result::Result<(), Failure> {
        if self.compile.check {
            // Where the folder still is, that was said with it.
            let difference = Difference { path: disk::unfinished_beside(&folder), kind: Kind::Unfinished };
            if !done.differences.iter().any(|(_, known)| *known == difference) {
                done.differences.push((root.to_owned(), difference));
            }
        } else {
            let left = disk::heal(root, &folder, &self.turns)?;
            done.written.push((root.join(folder), Written { done: left.is_empty(), left, ..Written::default() }));
        }
        Ok(())
    }
}

/// So many written files are named.
const MOST_NAMED: usize = 20;

/// What all apps came to.
#[derive(Default)]
struct Total {
    apps: usize,
    environments: usize,
    objects: usize,
    /// What was written or removed: a file, and which of both.
    changed: Vec<(&'static str, String)>,
    wrong: bool,
    healed: BTreeSet<left_over::Place>,
    said: String,
    failures: Vec<String>,
}

impl Total {
    fn add(&mut self, done: &Done) {
        self.environments += done.environments;
        self.objects += done.objects;
        self.healed.extend(done.healed.iter().cloned());
        self.failures.extend(done.failure.iter().map(|failure| failure.message.clone()));
        for (root, difference) in &done.differences {
            self.wrong = true;
            let _ = writeln!(self.said, "{}: {}", shown(root, &difference.path), state(difference.kind));
        }
        for (root, written) in &done.written {
            for path in &written.left {
                self.wrong = true;
                let _ = writeln!(
                    self.said,
                    "{}: nothing shows that statewright put this here, so it was left as it is. Move it away, or \
                        delete it",
                    disk::name_of(path)
                );
            }
            if written.done {
                for (word, paths) in
                    [("wrote", &written.created), ("wrote", &written.changed), ("removed", &written.removed)]
                {
                    self.changed.extend(paths.iter().map(|path| (word, shown(root, path))));
                }
                continue;
            }
            self.wrong = true;
            for path in &written.foreign {
                let _ = writeln!(
                    self.said,
                    "{}: this file is not ours, so its folder was left as it is. Move it away",
                    shown(root, path)
                );
            }
            for path in &written.edited {
                let _ = writeln!(
                    self.said,
                    "{}: edited by hand, so its folder was left as it is. Put the edit into the spec (`patches:` \
                        takes anything), or use --force to drop it",
                    shown(root, path)
                );
            }
        }
    }

    fn summary(&self) -> String {
        let plural = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        format!(
            "{}, {}, {}: {}\n",
            plural(self.apps, "app"),
            plural(self.environments, "environment"),
            plural(self.objects, "object"),
            if self.changed.is_empty() {
                "nothing changed".to_owned()
            } else {
                format!("{} written", plural(self.changed.len(), "file"))
            }
        )
    }

    /// Which files are other than before, and what to do with them.
    fn changes(&self) -> String {
        let mut text = String::new();
        for (word, path) in self.changed.iter().take(MOST_NAMED) {
            let _ = writeln!(text, "{word} {path}");
        }
        if self.changed.len() > MOST_NAMED {
            let _ = writeln!(text, "and {} more", self.changed.len() - MOST_NAMED);
        }
        text.push_str("look at the difference, and commit it together with the spec\n");
        text
    }
}

/// How a file on disk is, in a word.
pub(super) const fn state(kind: Kind) -> &'static str {
    match kind {
        Kind::Missing => "missing",
        Kind::Stale => "stale",
        Kind::Edited => "edited by hand",
        Kind::Merged => "merged by git, or holds the markers of a conflict",
        Kind::Extra => "left over",
        Kind::Foreign => "not ours, and in the way",
        Kind::Unfinished => "left by a run that was cut short, or another run is writing here",
    }
}

fn shown(root: &Path, path: &str) -> String {
    disk::name_of(&root.join(path))
}

/// What is wrong with the workspaces, each once.
pub(super) fn workspace_findings(candidates: &[Candidate]) -> Vec<Finding> {
    let mut seen: Vec<&Path> = Vec::new();
    let told = candidates.first().and_then(|candidate| candidate.told.as_ref());
    let mut findings = told.map(|told| told.broken.clone()).unwrap_or_default();
    for shared in candidates.iter().filter_map(|candidate| candidate.shared.as_ref()) {
        if !seen.contains(&shared.folder.as_path()) {
            seen.push(&shared.folder);
            findings.extend_from_slice(shared.findings());
        }
    }
    findings
}
