//! `diff`: what would be compiled against what is committed; or two folders of anyone's manifests.

use super::output;
use super::project::{Candidate, Loaded, Selection, forbids, in_order};
use super::{Outcome, Result};
use crate::bundle::{self, Bundle, Resource};
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk;
use crate::failure::Failure;
use crate::git::Revision;
use crate::k8s::version::Version;
use crate::layout::{self, Tree};
use crate::report::Report;
use crate::review::verdict::Verdict;
use crate::review::{self, Review, Setting};
use crate::source::{At, Sources};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Compare what would be compiled with what is committed; or two folders of manifests.
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    selection: Selection,
    /// Compare with what this git revision has committed, not with the files as they are.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    #[command(flatten)]
    formats: output::Formats,
}

impl Diff {
    pub(super) fn run(self) -> Result {
        self.formats.ready(None)?;
        let specs: Vec<bool> = self.selection.paths.iter().map(|path| holds_specs(path)).collect::<std::result::Result<_, Failure>>()?;
        let (reviews, findings) = match (&self.selection.paths[..], &specs[..]) {
            ([old, new], [false, false]) => self.manifests(old, new)?,
            ([_, _], [true, false] | [false, true]) => {
                let message =
                    "one of the two paths holds specs and the other does not. Compare two folders of manifests, or name apps only";
                return Err(Failure::new(message));
            }
            _ => self.specs()?,
        };
        let outcome = if reviews.iter().any(|review| review.judgement.verdict == Verdict::AtRisk) {
            Outcome::AtRisk
        } else if !reviews.is_empty() || forbids(&findings) {
            Outcome::Found
        } else {
            Outcome::Fine
        };
        output::review(Report::compared(findings, reviews), &self.formats)?;
        Ok(outcome)
    }

    fn specs(&self) -> std::result::Result<(Vec<Review>, Vec<Finding>), Failure> {
        let candidates = self.selection.candidates()?;
        let mut findings: Vec<Finding> = super::compile::workspace_findings(&candidates);
        let (mut all, mut failure) = (Vec::new(), None);
        let alone = candidates.len() == 1;
        let past = self.against.as_deref().map(Revision::new);
        in_order(
            &candidates,
            "comparing",
            |candidate| self.app(candidate, alone, past.as_ref()),
            |result| match result {
                Ok((reviews, own)) => {
                    all.extend(reviews);
                    findings.extend(own);
                }
                Err(error) => failure = failure.take().or(Some(error)),
            },
        );
        findings.retain(|finding| finding.level == Level::Error);
        failure.map_or(Ok((all, findings)), Err)
    }

    fn app(
        &self,
        candidate: &Candidate,
        alone: bool,
        past: Option<&Revision>,
    ) -> std::result::Result<(Vec<Review>, Vec<Finding>), Failure> {
        let (mut all, mut findings) = (Vec::new(), Vec::new());
        let Some(app) = candidate.load(&mut findings)? else { return Ok((all, findings)) };
        let mut found = Diagnostics::default();
        for environment in self.selection.environments(&app, alone, &mut found) {
            let Some(compiled) = app.compile(&environment, self.selection.kubernetes.as_deref(), &mut found) else { continue };
            let fresh = layout::lay_out(&compiled.bundle, "", &app.spec.name, &environment, &candidate.spec_name());
            let committed = committed(&app, &environment, past, (&compiled.bundle, &fresh))?;
            let version = compiled.app.kubernetes;
            let facts = app.facts(&environment).cloned().unwrap_or_default().with_version(version);
            let acknowledged: Vec<(String, At)> = compiled
                .app
                .acknowledge
                .iter()
                .filter_map(|item| item.change.as_ref().map(|change| (change.value.to_string(), change.at)))
                .collect();
            let setting = Setting {
                version,
                facts: &facts,
                namespace: &compiled.app.identity.namespace,
                acknowledged: &acknowledged,
                home: Some(app.spec.root.at),
            };
            let title = format!("{} in {environment}", app.spec.name);
            let mut said = Diagnostics::default();
            let mut review = review::review(title, &committed, &compiled.bundle, setting, &mut said);
            review.findings = said.resolve(&app.sources);
            if !review.is_empty() {
                all.push(review);
            }
        }
        findings.extend(found.resolve(&app.sources));
        Ok((all, findings))
    }

    fn manifests(&self, old: &Path, new: &Path) -> std::result::Result<(Vec<Review>, Vec<Finding>), Failure> {
        let version = self.selection.kubernetes.as_deref().map_or(Ok(Version::default()), str::parse).map_err(Failure::new)?;
        let (mut sources, mut wrong) = (Sources::default(), Diagnostics::default());
        let before = read(old, &mut sources, &mut Diagnostics::default())?;
        let after = read(new, &mut sources, &mut wrong)?;
        let facts = ClusterFacts::of_version(version);
        let setting = Setting { version, facts: &facts, namespace: "default", acknowledged: &[], home: None };
        let title = format!("{} against {}", old.display(), new.display());
        let mut said = Diagnostics::default();
        let mut review = review::review(title, &before, &after, setting, &mut said);
        review.findings = said.resolve(&sources);
        let reviews = if review.is_empty() { Vec::new() } else { vec![review] };
        Ok((reviews, wrong.resolve(&sources)))
    }
}

/// The manifests that are committed for an environment. A file that holds just what would be written now is not read again.
fn committed(app: &Loaded, environment: &str, past: Option<&Revision>, fresh: (&Bundle, &Tree)) -> std::result::Result<Bundle, Failure> {
    let (root, folder) = app.folder(environment, None, true);
    let folder = root.join(folder);
    let files = match past {
        Some(revision) => revision.files(&folder, |name| Path::new(name).extension().is_some_and(|end| end == "yaml"))?,
        None => disk::read_folder(&folder)?.map(|folder| folder.files).unwrap_or_default(),
    };
    let known: BTreeMap<&str, (&str, &Resource)> =
        fresh.1.files.iter().zip(&fresh.0.resources).map(|(file, resource)| (file.name.as_str(), (file.text.as_str(), resource))).collect();
    let (mut sources, mut found, mut bundle) = (Sources::default(), Diagnostics::default(), Bundle::default());
    for file in files {
        if let Some((_, resource)) = known.get(file.name.as_str()).filter(|(text, _)| *text == file.text) {
            bundle.resources.push((*resource).clone());
        } else {
            let id = sources.add(file.name, file.text);
            bundle::read::manifests(&sources, id, &mut bundle, &mut found);
        }
    }
    Ok(bundle)
}

fn holds_specs(path: &Path) -> std::result::Result<bool, Failure> {
    if path.is_file() {
        return Ok(path.file_name().is_some_and(|name| name == disk::SPEC));
    }
    Ok(!disk::find_specs(&[path.to_owned()])?.is_empty())
}

fn read(path: &Path, sources: &mut Sources, found: &mut Diagnostics) -> std::result::Result<Bundle, Failure> {
    let mut ids = Vec::new();
    let files: Vec<PathBuf> = disk::find_manifests(&[path.to_owned()])?;
    for file in files {
        ids.extend(disk::read_source(&file, sources, found)?);
    }
    Ok(crate::manifests(sources, &ids, found))
}
