//! The definitions of custom kinds that a run is given: by the command line and by the workspace. Judges nothing.

use crate::bundle::Bundle;
use crate::cluster::custom::Customs;
use crate::diagnostic::{Code, Diagnostics, Finding, Level};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::source::Sources;
use crate::spec::workspace::Workspace;
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of definitions that cannot be had.
static DEFINITIONS: Code =
    Code { id: "SW0210", name: "definitions-unread", level: Level::Error, page: include_str!("pages/definitions-unread.md") };

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&DEFINITIONS];

/// Where custom kinds are defined.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Definitions {
    /// A file or folder of CustomResourceDefinitions to validate custom resources against; may be given several times.
    #[arg(long = "crd", value_name = "FILE|DIR")]
    crds: Vec<PathBuf>,
}

impl Definitions {
    /// The custom kinds that the command line defines. A place that defines none is a failure: nothing would be checked by it.
    pub(super) fn customs(&self, reach: &Reach) -> Result<Customs, Failure> {
        let mut customs = Customs::none();
        for path in &self.crds {
            let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
            let files = disk::find_manifests(reach, std::slice::from_ref(path))?;
            let ids = disk::read_sources(reach, &files, &mut sources, &mut found)?;
            let bundle = crate::manifests(&sources, &ids, &mut found);
            if let Some(finding) = found.resolve(&sources).iter().find(|finding| finding.level == Level::Error) {
                return Err(Failure::new(format!("--crd {}: {}", path.display(), said(finding))));
            }
            let more = of(&bundle);
            if more.is_empty() {
                return Err(Failure::new(format!("--crd {}: no CustomResourceDefinition there", path.display())));
            }
            customs = customs.and(&more);
        }
        Ok(customs)
    }
}

fn said(finding: &Finding) -> String {
    format!("{}:{}: {}", finding.spot.file, finding.spot.line, finding.message)
}

/// The custom kinds that a workspace's files define. What cannot be had is in `found`, at the line that names it.
pub(super) fn of_workspace(
    reach: &Reach,
    workspace: &Workspace,
    folder: &Path,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Customs, Failure> {
    let (mut customs, mut seen) = (Customs::none(), BTreeSet::new());
    for named in workspace.crds.iter().flatten() {
        if !disk::is_there(&folder.join(&*named.value)) {
            DEFINITIONS
                .report(format!("there is no file or folder `{}`", named.value))
                .help("a path in `crds` begins at the workspace's folder")
                .at(named.at, found);
            continue;
        }
        let Some(files) = disk::find_named(reach, folder, (&named.value, named.at), found)? else { continue };
        // A file that is named twice is read once.
        let files: Vec<PathBuf> = files.into_iter().filter(|file| seen.insert(file.clone())).collect();
        let ids = disk::read_sources(reach, &files, sources, found)?;
        let more = of(&crate::manifests(sources, &ids, found));
        if more.is_empty() && !files.is_empty() {
            DEFINITIONS
                .report(format!("no CustomResourceDefinition in `{}`", named.value))
                .help("name files or folders that hold them, or leave it out")
                .at(named.at, found);
        }
        customs = customs.and(&more);
    }
    Ok(customs)
}

/// The custom kinds that are defined for plain manifests: by the workspace that the first of the paths belongs to, and by the command line.
pub(super) fn around(
    reach: &Reach,
    given: &Definitions,
    paths: &[PathBuf],
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Customs, Failure> {
    let given = given.customs(reach)?;
    let folder =
        paths.iter().find(|path| disk::is_there(path)).map(|path| if disk::is_folder(path) { path } else { path.parent().unwrap_or(path) });
    let Some(path) = folder.map(|folder| disk::find_workspace(reach, folder)).transpose()?.flatten() else { return Ok(given) };
    // What else is wrong with the workspace is said where its apps are checked.
    let mut unsaid = Diagnostics::default();
    let root = disk::read_found(reach, &path, sources, &mut unsaid)?.and_then(|id| crate::yaml::read_one(sources, id, &mut unsaid));
    let workspace = root.and_then(|root| crate::spec::workspace::parse(&root, &crate::kubernetes_fields, &mut unsaid));
    let folder = path.parent().unwrap_or(Path::new("."));
    let shared = workspace.map(|workspace| of_workspace(reach, &workspace, folder, sources, found)).transpose()?;
    Ok(shared.unwrap_or_default().and(&given))
}

fn of(bundle: &Bundle) -> Customs {
    Customs::from_crds(bundle.resources.iter().map(|resource| &resource.node))
}
