//! `ci`: what a pipeline wants to know, in one pass over the apps: whether the specs are right, whether what is
//! committed is what they compile to, and what the change since a revision will do.

use super::affected::{Apps, Since};
use super::claims::Claims;
use super::committed::{self, Committed};
use super::compile::{state, workspace_findings};
use super::diff::{Diff, not_reviewed};
use super::dump::Live;
use super::left_over::{self, Place};
use super::neighbours::{Index, Stay};
use super::output::{self, Formats};
use super::project::{Candidate, Fresh, Loaded, Selection, forbids, in_order};
use super::{Exit, Result};
use crate::diagnostic::{Code, Diagnostics, Finding, Level};
use crate::disk::{self, Difference, Kind};
use crate::failure::Failure;
use crate::layout::Tree;
use crate::report::{Against, Report, counted};
use crate::review::Review;
use crate::review::verdict::Verdict;
use crate::source::{At, Sources};
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Check the specs and what is committed, and review the change; for pipelines.
///
/// Exits with 1 when a spec is wrong, what is committed is not what it compiles to, or the API server would refuse the
/// change, and with 3 when the change puts data at risk. A change that is merely one is no reason to fail. In a step of
/// GitHub Actions it adds the report to the step's summary, and gives the outputs `changed`, `verdict` and `report`.
#[derive(Debug, Args)]
pub(super) struct Ci {
    #[command(flatten)]
    selection: Selection,
    /// Review against what this git revision has committed: where the pull request will go.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Cluster description, instead of the workspace's: version, nodes, storage classes (YAML); or its objects, as
    /// `kubectl get nodes,sc,ns,quota -A -o yaml` prints them, or a folder of manifests.
    #[arg(long, value_name = "FILE|DIR")]
    cluster: Option<PathBuf>,
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    formats: Formats,
}

static STALE_OUTPUT: Code =
    Code { id: "SW0601", name: "stale-output", level: Level::Error, page: include_str!("pages/stale-output.md") };

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&STALE_OUTPUT];

/// So many files of a folder are named.
const MOST_NAMED: usize = 3;

/// What was seen of one app, or of all.
#[derive(Default)]
struct Seen {
    findings: Vec<Finding>,
    reviews: Vec<Review>,
    owned: Vec<Place>,
    environments: usize,
    stays: Vec<Stay>,
    failure: Option<Failure>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.reviews.extend(other.reviews);
        self.owned.extend(other.owned);
        self.environments += other.environments;
        self.failure = self.failure.take().or(other.failure);
    }
}

impl Ci {
    pub(super) fn run(self) -> Result {
        self.formats.ready(None)?;
        let pass = Pass::new(self)?;
        let mut seen = Seen { findings: workspace_findings(&pass.apps.candidates), ..Seen::default() };
        let collisions = pass.claims.collisions(&pass.apps.candidates);
        if !collisions.is_empty() {
            seen.findings.extend(collisions);
            return pass.finish(seen);
        }
        let (mut index, mut number) = (Index::default(), 0);
        in_order(
            &pass.apps.candidates,
            "looking at",
            |number, candidate| pass.app(number, candidate),
            |mut app| {
                index.add(number, std::mem::take(&mut app.stays));
                number += 1;
                seen.add(app);
            },
        );
        pass.without_spec(&mut seen)?;
        seen.findings.extend(index.findings(&pass.apps.candidates, &pass.diff.selection));
        pass.finish(seen)
    }
}

/// One pass over the apps.
struct Pass {
    diff: Diff,
    apps: Apps,
    claims: Claims,
    /// What is committed at the base.
    base: Option<Committed>,
}

impl Pass {
    fn new(Ci { mut selection, base, cluster, live, since, formats }: Ci) -> std::result::Result<Self, Failure> {
        selection.cluster = cluster;
        selection.live = live.read(&selection.reach)?.map(Arc::new);
        let is_compared = base.is_some() || selection.live.is_some();
        since.ready(selection.live.is_some())?;
        let apps = Apps::new(&selection, &since)?;
        let committed = is_compared.then(|| Committed::new(base.as_deref(), &selection, &apps)).transpose()?;
        let claims = Claims::new(&apps.candidates, &apps.records, None);
        Ok(Self { diff: Diff { selection, against: base, formats, ..Diff::default() }, apps, claims, base: committed })
    }

    fn is_about_all(&self) -> bool {
        self.diff.selection.environments.is_empty()
    }

    fn app(&self, number: usize, candidate: &Candidate) -> Seen {
        let mut seen = Seen::default();
        if let Some(record) = &self.apps.records[number] {
            seen.stays = record.stays(&self.diff.selection.environments);
            seen.owned = record.places(&candidate.root());
            return seen;
        }
        let result = candidate
            .load(&mut seen.findings)
            .and_then(|app| app.map_or(Ok(()), |app| self.loaded(candidate, &app, &mut seen)));
        seen.failure = result.err();
        seen
    }

    fn loaded(&self, candidate: &Candidate, app: &Loaded, seen: &mut Seen) -> std::result::Result<(), Failure> {
        let (mut found, mut untrue) = (Diagnostics::default(), Diagnostics::default());
        let mut current = Vec::new();
        let fresh =
            self.diff.selection.compile(candidate, app, self.apps.candidates.len() == 1, &mut current, &mut found);
        seen.owned.clone_from(&current);
        seen.stays = fresh.iter().map(|fresh| Stay::new(app, &fresh.environment, &fresh.compiled)).collect();
        // Of a spec that was misread, no word about its manifests is worth anything.
        if !forbids(&seen.findings) {
            let at = app.spec.root.get("name").map_or(app.spec.at(), |name| name.at);
            for Fresh { root, tree, .. } in &fresh {
                self.stale(root, tree, at, &mut untrue, &mut seen.findings)?;
            }
            if self.is_about_all() {
                let folders: BTreeSet<String> = current.iter().map(|(_, folder)| folder.clone()).collect();
                for (root, folder) in
                    Committed::Files(self.diff.selection.reach.clone()).stale(app, &folders, &self.claims)?
                {
                    seen.owned.push((root.clone(), folder.clone()));
                    self.stale(&root, &Tree { folder, files: Vec::new() }, at, &mut untrue, &mut seen.findings)?;
                }
                for (root, folder) in left_over::before_workspace(&self.diff.selection.reach, app)? {
                    if !self.claims.include(&root, &folder) {
                        self.stale(&root, &Tree { folder, files: Vec::new() }, at, &mut untrue, &mut seen.findings)?;
                    }
                }
                let (root, pattern) = app.folder("*", None, true);
                for folder in disk::strays(&root, &pattern, &folders)?.unfinished {
                    seen.owned.push((root.clone(), folder.clone()));
                    unfinished(&root, &folder, at, &mut untrue);
                }
            }
            seen.environments = fresh.len();
            if let Some(base) = &self.base {
                let (reviews, unreadable) = self.diff.review(app, fresh, base, &self.claims, &mut current)?;
                seen.reviews = reviews;
                seen.findings.extend(unreadable);
                seen.owned.extend(current);
            }
        }
        found.extend(untrue);
        let mut found = found.resolve(&app.sources);
        not_reviewed(&mut found, &seen.reviews);
        seen.findings.extend(found);
        Ok(())
    }

    /// What is left of apps that are gone, and what their end does. There is no spec to point at: the manifests
    /// themselves are shown.
    fn without_spec(&self, seen: &mut Seen) -> std::result::Result<(), Failure> {
        // An app that cannot be compiled still owns what it once was.
        let is_unread = |finding: &Finding| finding.level == Level::Error && finding.code.id != STALE_OUTPUT.id;
        if !self.is_about_all() || seen.failure.is_some() || seen.findings.iter().any(is_unread) {
            return Ok(());
        }
        let owned = seen.owned.iter().cloned().collect();
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let strays = self.apps.strays(&self.diff.selection, &owned)?;
        for (root, folder) in strays.unfinished.into_iter().filter(|place| !owned.contains(place)) {
            let id = sources.add(disk::name_of(&root.join(disk::unfinished_beside(&folder))), "");
            unfinished(&root, &folder, At::top(id), &mut found);
        }
        for (root, folder) in strays.folders {
            let files = disk::read_folder(&self.diff.selection.reach, &root.join(&folder))?
                .map(|folder| folder.files)
                .unwrap_or_default();
            let Some(first) = files.into_iter().next() else { continue };
            let id = sources.add(disk::name_of(&root.join(&folder).join(&first.name)), first.text);
            self.stale(&root, &Tree { folder, files: Vec::new() }, At::top(id), &mut found, &mut seen.findings)?;
        }
        seen.findings.extend(found.resolve(&sources));
        if let Some(base) = &self.base {
            for folder in base.without_spec(&self.diff.selection, &self.apps, &owned)? {
                let (reviews, unreadable) = self.diff.without_spec(base, &folder, &self.apps.candidates)?;
                seen.reviews.extend(reviews);
                seen.findings.extend(unreadable);
            }
        }
        Ok(())
    }

    /// Reports what a folder holds besides, or lacks of, what it should. The line of a conflict is found in its own
    /// file.
    fn stale(
        &self,
        root: &Path,
        tree: &Tree,
        at: At,
        found: &mut Diagnostics,
        findings: &mut Vec<Finding>,
    ) -> std::result::Result<(), Failure> {
        let mut differences = disk::compare(root, tree)?;
        let (mut sources, mut conflicts) = (Sources::default(), Diagnostics::default());
        for path in differences
            .iter()
            .filter(|difference| difference.kind == Kind::Merged)
            .map(|difference| root.join(&difference.path))
        {
            if let Some(id) =
                disk::read_source(&self.diff.selection.reach, &path, &mut sources, &mut Diagnostics::default())?
            {
                committed::conflict(
                    &sources,
                    id,
                    "run `statewright compile`, which rewrites it, and commit it",
                    &mut conflicts,
                );
            }
        }
        let conflicts = conflicts.resolve(&sources);
        differences.retain(|difference| {
            let path = disk::name_of(&root.join(&difference.path));
            !conflicts.iter().any(|conflict| *conflict.spot.file == *path)
        });
        findings.extend(conflicts);
        if differences.is_empty() {
            return Ok(());
        }
        if let [Difference { kind: Kind::Unfinished, .. }] = &differences[..] {
            unfinished(root, &tree.folder, at, found);
            return Ok(());
        }
        let folder = disk::name_of(&root.join(&tree.folder));
        let named = |difference: &Difference| {
            let name = difference.path.rsplit('/').next().unwrap_or_default();
            format!("{name} is {}", state(difference.kind))
        };
        let mut list: Vec<String> = differences.iter().take(MOST_NAMED).map(named).collect();
        if differences.len() > MOST_NAMED {
            list.push(format!("and {} more", differences.len() - MOST_NAMED));
        }
        let message = if tree.files.is_empty() {
            format!("{folder} is left over: nothing compiles to it any more")
        } else {
            format!("{folder} is not what this compiles to: {}", list.join(", "))
        };
        let is = |kind| differences.iter().any(|difference| difference.kind == kind);
        let help = if is(Kind::Foreign) {
            "move away what is not ours, run `statewright compile`, look at what it wrote, and commit it"
        } else if is(Kind::Edited) {
            "put the edit into the spec (`patches:` takes anything) and run `statewright compile`; `statewright \
                compile --force` drops it"
        } else {
            "run `statewright compile`, look at what it wrote, and commit it"
        };
        STALE_OUTPUT.report(message).help(help).at(at, found);
        Ok(())
    }

    fn finish(self, seen: Seen) -> Result {
        let Seen { findings, reviews, environments, failure, .. } = seen;
        let formats = &self.diff.formats;
        if failure.is_none() && !forbids(&findings) {
            self.diff.selection.all_met()?;
        }
        let stale = findings.iter().any(|finding| finding.code.id == STALE_OUTPUT.id);
        let wrong = forbids(&findings) || reviews.iter().any(|review| forbids(&review.findings));
        let worst = reviews.iter().map(|review| review.judgement.verdict).max().unwrap_or_default();
        let changed = stale || !reviews.is_empty();
        let report = match &self.diff.against {
            _ if self.diff.selection.live.is_some() => Report::compared(Against::Live, findings, reviews),
            Some(base) => Report::compared(Against::Revision(base.clone()), findings, reviews),
            None => Report::of(findings),
        };
        output::step(
            &report,
            &[("changed", if changed { "true" } else { "false" }), ("verdict", worst.word())],
            formats,
        )?;
        output::review(report, formats)?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if worst == Verdict::AtRisk {
            return Ok(Exit::AtRisk);
        }
        if wrong {
            return Ok(Exit::Found);
        }
        if formats.is_empty() {
            output::remark(&format!(
                "{}, {}: all is as committed\n",
                self.apps.counted(),
                counted(environments, "environment")
            ));
        }
        Ok(Exit::Fine)
    }
}

/// Reports that a run was cut short beside a folder.
fn unfinished(root: &Path, folder: &str, at: At, found: &mut Diagnostics) {
    let path = disk::name_of(&root.join(disk::unfinished_beside(folder)));
    STALE_OUTPUT
        .report(format!("{path} was left by a run that was cut short"))
        .help("run `statewright compile`, which removes it, and do not commit it")
        .at(at, found);
}
