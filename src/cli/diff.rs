//! `diff`: what would be compiled against what is committed; or two folders of anyone's manifests.

use super::output;
use super::project::{Candidate, Loaded, Selection, forbids, in_order};
use super::{Outcome, Result};
use crate::bundle::Bundle;
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk;
use crate::failure::Failure;
use crate::git;
use crate::k8s::version::Version;
use crate::report::changes::{self, Compared};
use crate::review;
use crate::review::verdict::{self, Setting, Verdict};
use crate::source::Sources;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Compare what would be compiled with what is committed; or two folders of manifests.
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    selection: Selection,
    /// Compare with what this git revision has committed, not with the files as they are.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// How it is shown.
    #[arg(long, value_name = "NAME", default_value = "human")]
    format: View,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum View {
    Human,
    Json,
}

impl Diff {
    pub(super) fn run(self) -> Result {
        let specs: Vec<bool> = self.selection.paths.iter().map(|path| holds_specs(path)).collect::<std::result::Result<_, Failure>>()?;
        let (compared, findings) = match (&self.selection.paths[..], &specs[..]) {
            ([old, new], [false, false]) => self.manifests(old, new)?,
            ([_, _], [true, false] | [false, true]) => {
                let message =
                    "one of the two paths holds specs and the other does not. Compare two folders of manifests, or name apps only";
                return Err(Failure::new(message));
            }
            _ => self.specs()?,
        };
        let differs = compared.iter().any(|compared| !compared.changes.is_empty());
        match self.format {
            View::Json => {
                output::data(&changes::json(&compared, &findings));
            }
            View::Human => {
                output::findings(&findings, &[])?;
                let colours = output::colours(&std::io::stdout());
                compared.iter().for_each(|compared| output::data(&changes::human(compared, colours)));
                if !differs && !forbids(&findings) {
                    output::data("no changes\n");
                }
            }
        }
        if compared.iter().any(|compared| compared.judgement.verdict == Verdict::AtRisk) {
            return Ok(Outcome::AtRisk);
        }
        Ok(if differs || forbids(&findings) { Outcome::Found } else { Outcome::Fine })
    }

    fn specs(&self) -> std::result::Result<(Vec<Compared>, Vec<Finding>), Failure> {
        let candidates = self.selection.candidates()?;
        let mut findings: Vec<Finding> = super::compile::workspace_findings(&candidates);
        let (mut all, mut failure) = (Vec::new(), None);
        let alone = candidates.len() == 1;
        in_order(
            &candidates,
            "comparing",
            |candidate| self.app(candidate, alone),
            |result| match result {
                Ok((compared, own)) => {
                    all.extend(compared);
                    findings.extend(own);
                }
                Err(error) => failure = failure.take().or(Some(error)),
            },
        );
        findings.retain(|finding| finding.level == Level::Error);
        failure.map_or(Ok((all, findings)), Err)
    }

    fn app(&self, candidate: &Candidate, alone: bool) -> std::result::Result<(Vec<Compared>, Vec<Finding>), Failure> {
        let (mut all, mut findings) = (Vec::new(), Vec::new());
        let Some(app) = candidate.load(&mut findings)? else { return Ok((all, findings)) };
        let mut found = Diagnostics::default();
        for environment in self.selection.environments(&app, alone, &mut found) {
            let Some(compiled) = app.compile(&environment, self.selection.kubernetes.as_deref(), &mut found) else { continue };
            let committed = self.committed(&app, &environment)?;
            let changes = review::compare(&committed, &compiled.bundle, compiled.app.kubernetes);
            let version = compiled.app.kubernetes;
            let facts = ClusterFacts::of_version(version);
            let acknowledged: Vec<String> =
                compiled.app.acknowledge.iter().filter_map(|item| item.change.as_ref().map(|change| change.value.to_string())).collect();
            let setting = Setting { version, facts: &facts, namespace: &compiled.app.identity.namespace, acknowledged: &acknowledged };
            let judgement = verdict::judge(&committed, &compiled.bundle, &changes, setting);
            if !changes.is_empty() {
                all.push(Compared { title: format!("{} in {environment}", app.spec.name), changes, judgement });
            }
        }
        findings.extend(found.resolve(&app.sources));
        Ok((all, findings))
    }

    /// The manifests that are committed for an environment.
    fn committed(&self, app: &Loaded, environment: &str) -> std::result::Result<Bundle, Failure> {
        let (root, folder) = app.folder(environment, None, true);
        let folder = root.join(folder);
        let files = match &self.against {
            Some(revision) => git::files(&folder, revision)?
                .into_iter()
                .filter(|file| Path::new(&file.name).extension().is_some_and(|end| end == "yaml"))
                .collect(),
            None => disk::read_folder(&folder)?.map(|folder| folder.files).unwrap_or_default(),
        };
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let ids: Vec<_> = files.into_iter().map(|file| sources.add(file.name, file.text)).collect();
        Ok(crate::manifests(&sources, &ids, &mut found))
    }

    fn manifests(&self, old: &Path, new: &Path) -> std::result::Result<(Vec<Compared>, Vec<Finding>), Failure> {
        let version = self.selection.kubernetes.as_deref().map_or(Ok(Version::default()), str::parse).map_err(Failure::new)?;
        let mut findings = Vec::new();
        let before = read(old, &mut Vec::new())?;
        let after = read(new, &mut findings)?;
        let title = format!("{} against {}", old.display(), new.display());
        let changes = review::compare(&before, &after, version);
        let facts = ClusterFacts::of_version(version);
        let judgement =
            verdict::judge(&before, &after, &changes, Setting { version, facts: &facts, namespace: "default", acknowledged: &[] });
        Ok((vec![Compared { title, changes, judgement }], findings))
    }
}

fn holds_specs(path: &Path) -> std::result::Result<bool, Failure> {
    if path.is_file() {
        return Ok(path.file_name().is_some_and(|name| name == disk::SPEC));
    }
    Ok(!disk::find_specs(&[path.to_owned()])?.is_empty())
}

fn read(path: &Path, findings: &mut Vec<Finding>) -> std::result::Result<Bundle, Failure> {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let mut ids = Vec::new();
    let files: Vec<PathBuf> = disk::find_manifests(&[path.to_owned()])?;
    for file in files {
        ids.extend(disk::read_source(&file, &mut sources, &mut found)?);
    }
    let bundle = crate::manifests(&sources, &ids, &mut found);
    findings.extend(found.resolve(&sources));
    Ok(bundle)
}
