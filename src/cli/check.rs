//! `check`: everything that can be said without a previous state, of specs or of manifests written by anyone.

use super::affected::{Apps, Since};
use super::apply::Apply;
use super::cluster;
use super::compile::workspace_findings;
use super::definitions::{self, Definitions};
use super::fix::Fixer;
use super::given;
use super::neighbours::{Index, Stay};
use super::output::{self, Formats};
use super::project::{Selection, forbids, in_order};
use super::{Exit, Result};
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::report::statistics;
use crate::source::Sources;
use clap::Args;
use std::path::{Path, PathBuf};

/// Check specs or any Kubernetes manifests and report every problem.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Specs, manifests, folders of either, patterns; `-` reads manifests from stdin.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Kubernetes version to validate against: 1.29 to 1.37.
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<String>,
    /// How manifests are applied: as `kubectl apply` does it, with `--server-side`, or with `--force-conflicts` too, as
    /// Flux does (overrides the spec and the workspace).
    #[arg(long, value_name = "WAY")]
    apply: Option<Apply>,
    /// Cluster description: nodes and storage classes, in a file; or its objects, as `kubectl get nodes,sc,ns,quota -A
    /// -o yaml` prints them, or a folder of manifests.
    #[arg(long, value_name = "FILE|DIR")]
    cluster: Option<PathBuf>,
    /// Mend in the files what has one right edit, and report what is left.
    #[arg(long)]
    fix: bool,
    /// Show the edits that --fix would make, and make none.
    #[arg(long, conflicts_with = "fix")]
    diff: bool,
    /// Count what is found, by code, instead of showing it.
    #[arg(long, conflicts_with = "diff")]
    statistics: bool,
    #[command(flatten)]
    definitions: Definitions,
    #[arg(skip)]
    reach: Reach,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    formats: Formats,
}

impl Check {
    pub(super) fn run(self) -> Result {
        self.formats.ready(self.statistics.then_some("the statistics"))?;
        let mut findings = Vec::new();
        let (specs, manifests): (Vec<PathBuf>, Vec<PathBuf>) = self
            .paths
            .iter()
            .cloned()
            .partition(|path| self.since.revision.is_some() || holds_specs(&self.reach, path));
        if self.fix || self.diff {
            let is_any = self.fixed(&specs, &manifests)?;
            if self.diff {
                return Ok(if is_any { Exit::Found } else { Exit::Fine });
            }
        }
        if !specs.is_empty() {
            self.specs(specs, &mut findings)?;
        }
        if !manifests.is_empty() {
            self.manifests(&manifests, &mut findings)?;
        }
        if self.statistics {
            output::data(&statistics::render(&output::once(&findings)))?;
            output::beside(&findings, &self.formats)?;
        } else {
            output::findings(&findings, &self.formats)?;
        }
        if self.formats.is_empty() && findings.is_empty() {
            output::remark("no problems found\n");
        }
        Ok(if forbids(&findings) { Exit::Found } else { Exit::Fine })
    }

    /// Mends what it can, or shows it. Gives whether there is anything.
    fn fixed(&self, specs: &[PathBuf], manifests: &[PathBuf]) -> std::result::Result<bool, Failure> {
        let mut fixer = Fixer::new(&self.reach, self.diff);
        if !specs.is_empty() {
            for candidate in self.selection(specs.to_vec()).candidates()? {
                fixer.spec(&candidate, self.kubernetes.as_deref())?;
            }
        }
        let named: Vec<PathBuf> = manifests.iter().filter(|path| *path != Path::new("-")).cloned().collect();
        if named.len() < manifests.len() {
            return Err(Failure::new("what comes from stdin cannot be fixed: name the files"));
        }
        if !named.is_empty() {
            let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
            let customs = definitions::around(&self.reach, &self.definitions, &named, &mut sources, &mut found)?;
            let facts = self.facts(&mut sources, &mut found)?.with_customs(customs);
            for path in disk::find_manifests(&self.reach, &named)? {
                fixer.manifests(&path, &facts, &sources)?;
            }
        }
        fixer.tell()
    }

    fn selection(&self, paths: Vec<PathBuf>) -> Selection {
        let (kubernetes, definitions) = (self.kubernetes.clone(), self.definitions.clone());
        let (cluster, apply, reach) = (self.cluster.clone(), self.apply, self.reach.clone());
        Selection { paths, kubernetes, apply, definitions, cluster, reach, ..Selection::default() }
    }

    fn specs(&self, paths: Vec<PathBuf>, findings: &mut Vec<Finding>) -> std::result::Result<(), Failure> {
        let selection = self.selection(paths);
        let apps = Apps::new(&selection, &self.since)?;
        let candidates = &apps.candidates;
        findings.extend(workspace_findings(candidates));
        let mut failure = None;
        let judge = |number: usize, candidate: &super::project::Candidate| {
            let mut own = Vec::new();
            if let Some(record) = &apps.records[number] {
                return Ok((own, record.stays(&[])));
            }
            let Some(app) = candidate.load(&mut own)? else { return Ok((own, Vec::new())) };
            let (mut found, mut stays) = (Diagnostics::default(), Vec::new());
            for environment in app.environments() {
                let compiled = app.compile(&environment, self.kubernetes.as_deref(), &mut found);
                stays.extend(compiled.map(|compiled| Stay::new(&app, &environment, &compiled)));
            }
            own.extend(found.resolve(&app.sources));
            Ok((own, stays))
        };
        let (mut index, mut number) = (Index::default(), 0);
        in_order(candidates, "checking", judge, |result: std::result::Result<(Vec<Finding>, Vec<Stay>), Failure>| {
            match result {
                Ok((own, stays)) => {
                    findings.extend(own);
                    index.add(number, stays);
                }
                Err(error) => failure = failure.take().or(Some(error)),
            }
            number += 1;
        });
        findings.extend(index.findings(candidates, &selection));
        failure.map_or(Ok(()), Err)
    }

    fn manifests(&self, paths: &[PathBuf], findings: &mut Vec<Finding>) -> std::result::Result<(), Failure> {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let customs = definitions::around(&self.reach, &self.definitions, paths, &mut sources, &mut found)?;
        let facts = self.facts(&mut sources, &mut found)?.with_customs(customs);
        let ids = given::manifests(&self.reach, paths, "checked", &mut sources, &mut found)?;
        crate::check(&sources, &ids, &facts, &mut found);
        findings.extend(found.resolve(&sources));
        Ok(())
    }

    /// Cluster description. The version that was asked for counts more than the file's.
    fn facts(&self, sources: &mut Sources, found: &mut Diagnostics) -> std::result::Result<ClusterFacts, Failure> {
        let mut facts = ClusterFacts::default();
        if let Some(path) = &self.cluster {
            facts = cluster::read(&self.reach, path, sources, found)?.unwrap_or_default();
        }
        if let Some(text) = &self.kubernetes {
            facts.kubernetes = Some(text.parse::<Version>().map_err(Failure::new)?);
        }
        facts.kubernetes.get_or_insert_default();
        Ok(facts.applied(self.apply.map(Way::from)))
    }
}

/// Whether a path means specs: a file of that name, one that says it is a spec, or a folder with one in it.
pub(super) fn holds_specs(reach: &Reach, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    if disk::is_folder(path) {
        return disk::find_specs(reach, &[path.to_owned()]).is_ok_and(|specs| !specs.is_empty());
    }
    name == Some(disk::SPEC) || disk::begins_with(reach, path, crate::spec::is_spec)
}
