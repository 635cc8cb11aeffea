//! `check`: everything that can be said without a previous state, of specs or of manifests written by anyone.

use super::compile::workspace_findings;
use super::output::{self, Target};
use super::project::{Selection, forbids, in_order};
use super::{Outcome, Result};
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk;
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::source::Sources;
use clap::Args;
use std::path::{Path, PathBuf};

/// Say all that is wrong with specs, or with manifests written by anyone.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Specs, manifests, folders of either, patterns; `-` reads manifests from stdin.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Whose rules judge: 1.29 to 1.37.
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<String>,
    /// How findings are shown: human, json, sarif, github, gitlab, junit, markdown; NAME=FILE writes a file.
    #[arg(long, value_name = "NAME[=FILE]")]
    format: Vec<Target>,
}

impl Check {
    pub(super) fn run(self) -> Result {
        let mut findings = Vec::new();
        let (specs, manifests): (Vec<PathBuf>, Vec<PathBuf>) = self.paths.iter().cloned().partition(|path| holds_specs(path));
        if !specs.is_empty() {
            self.specs(specs, &mut findings)?;
        }
        if !manifests.is_empty() {
            self.manifests(&manifests, &mut findings)?;
        }
        output::findings(&findings, &self.format)?;
        if self.format.is_empty() && findings.is_empty() {
            output::talk("nothing to complain of\n");
        }
        Ok(if forbids(&findings) { Outcome::Found } else { Outcome::Fine })
    }

    fn specs(&self, paths: Vec<PathBuf>, findings: &mut Vec<Finding>) -> std::result::Result<(), Failure> {
        let selection = Selection { paths, environments: Vec::new(), kubernetes: self.kubernetes.clone(), ceiling: None };
        let candidates = selection.candidates()?;
        findings.extend(workspace_findings(&candidates));
        let mut failure = None;
        let judge = |candidate: &super::project::Candidate| {
            let mut own = Vec::new();
            let Some(app) = candidate.load(&mut own)? else { return Ok(own) };
            let mut found = Diagnostics::default();
            for environment in app.environments() {
                app.compile(&environment, self.kubernetes.as_deref(), &mut found);
            }
            own.extend(found.resolve(&app.sources));
            Ok(own)
        };
        in_order(&candidates, "checking", judge, |result: std::result::Result<Vec<Finding>, Failure>| match result {
            Ok(own) => findings.extend(own),
            Err(error) => failure = failure.take().or(Some(error)),
        });
        failure.map_or(Ok(()), Err)
    }

    fn manifests(&self, paths: &[PathBuf], findings: &mut Vec<Finding>) -> std::result::Result<(), Failure> {
        let version = match &self.kubernetes {
            Some(text) => text.parse().map_err(Failure::new)?,
            None => Version::default(),
        };
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let mut ids = Vec::new();
        let named: Vec<PathBuf> = paths.iter().filter(|path| *path != Path::new("-")).cloned().collect();
        if named.len() < paths.len() {
            ids.extend(disk::read_stream(std::io::stdin().lock(), "<stdin>", &mut sources, &mut found)?);
        }
        let files = disk::find_manifests(&named)?;
        if files.is_empty() && ids.is_empty() && found.is_empty() {
            return Err(Failure::new("no manifests there: nothing was checked"));
        }
        for file in files {
            ids.extend(disk::read_source(&file, &mut sources, &mut found)?);
        }
        crate::check(&sources, &ids, version, &mut found);
        findings.extend(found.resolve(&sources));
        Ok(())
    }
}

/// Whether a path means specs: a file of that name, or a folder with one in it.
fn holds_specs(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    if path.is_dir() {
        return disk::find_specs(&[path.to_owned()]).is_ok_and(|specs| !specs.is_empty());
    }
    name == Some(disk::SPEC)
}
