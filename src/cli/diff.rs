//! `diff`: what would be compiled against what is committed; or two folders of anyone's manifests.

use super::output;
use super::project::{Loaded, Selection, forbids};
use super::{Outcome, Result};
use crate::bundle::Bundle;
use crate::diagnostic::{Diagnostics, Finding};
use crate::disk;
use crate::failure::Failure;
use crate::report::changes;
use crate::review;
use crate::source::Sources;
use clap::Args;
use std::path::PathBuf;

/// Compare what would be compiled with what is committed; or two folders of manifests.
#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    selection: Selection,
}

impl Diff {
    pub(super) fn run(self) -> Result {
        let with_specs =
            self.selection.paths.iter().map(|path| Ok(!disk::find_specs(std::slice::from_ref(path))?.is_empty() && !is_manifest(path)));
        let with_specs: Vec<bool> = with_specs.collect::<std::result::Result<_, Failure>>()?;
        match (&self.selection.paths[..], &with_specs[..]) {
            ([old, new], [false, false]) => manifests(old, new),
            (_, specs) if specs.iter().all(|holds| *holds) => self.specs(),
            ([_, _], _) => Err(Failure::new(
                "one of the two paths holds specs and the other does not. Compare two folders of manifests, or name apps only",
            )),
            _ => self.specs(),
        }
    }

    fn specs(&self) -> Result {
        let candidates = self.selection.candidates()?;
        let mut findings: Vec<Finding> = super::compile::workspace_findings(&candidates);
        let mut differs = false;
        for candidate in &candidates {
            let Some(app) = candidate.load(&mut findings)? else { continue };
            let mut found = Diagnostics::default();
            for environment in self.selection.environments(&app, candidates.len() == 1, &mut found) {
                let Some(compiled) = app.compile(&environment, self.selection.kubernetes.as_deref(), &mut found) else { continue };
                let committed = committed(&app, &environment)?;
                let changes = review::compare(&committed, &compiled.bundle);
                differs |= !changes.is_empty();
                output::data(&changes::human(
                    &changes,
                    &format!("{} in {environment}", app.spec.name),
                    output::colours(&std::io::stdout()),
                ));
            }
            findings.extend(found.resolve(&app.sources));
        }
        findings.retain(|finding| finding.level == crate::diagnostic::Level::Error);
        output::findings(&findings, &[])?;
        if !differs && !forbids(&findings) {
            output::data("no changes\n");
        }
        Ok(if differs || forbids(&findings) { Outcome::Found } else { Outcome::Fine })
    }
}

/// The manifests that are committed for an environment.
fn committed(app: &Loaded, environment: &str) -> std::result::Result<Bundle, Failure> {
    let (root, folder) = app.folder(environment, None, true);
    let Some(folder) = disk::read_folder(&root.join(folder))? else { return Ok(Bundle::default()) };
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let ids: Vec<_> = folder.files.into_iter().map(|file| sources.add(file.name, file.text)).collect();
    Ok(crate::manifests(&sources, &ids, &mut found))
}

fn is_manifest(path: &std::path::Path) -> bool {
    path.is_file() && path.file_name().is_none_or(|name| name != disk::SPEC)
}

fn manifests(old: &PathBuf, new: &PathBuf) -> Result {
    let mut findings = Vec::new();
    let mut read = |path: &PathBuf| -> std::result::Result<Bundle, Failure> {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let mut ids = Vec::new();
        for file in disk::find_manifests(std::slice::from_ref(path))? {
            ids.extend(disk::read_source(&file, &mut sources, &mut found)?);
        }
        let bundle = crate::manifests(&sources, &ids, &mut found);
        findings.extend(found.resolve(&sources));
        Ok(bundle)
    };
    let (before, after) = (read(old)?, read(new)?);
    let changes = review::compare(&before, &after);
    output::findings(&findings, &[])?;
    let title = format!("{} against {}", old.display(), new.display());
    output::data(&if changes.is_empty() {
        "no changes\n".to_owned()
    } else {
        changes::human(&changes, &title, output::colours(&std::io::stdout()))
    });
    Ok(if changes.is_empty() && !forbids(&findings) { Outcome::Fine } else { Outcome::Found })
}
