//! The definitions of custom kinds that a run is given: by the command line and by the workspace. Judges nothing.

use crate::api::custom::Customs;
use crate::api::custom::json_schema::{self, Schemas};
use crate::bundle::Bundle;
use crate::diagnostic::{Code, Diagnostics, Finding, Level};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::source::Sources;
use crate::spec::workspace::Workspace;
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of definitions that cannot be had.
static DEFINITIONS: Code = Code {
    id: "SW0210",
    name: "definitions-unread",
    level: Level::Error,
    page: include_str!("pages/definitions-unread.md"),
};

/// The codes of this module.
pub(super) static CODES: &[&Code] = &[&DEFINITIONS];

/// Where custom kinds are defined.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Definitions {
    /// A file or folder of CustomResourceDefinitions to validate custom resources against; may be given several times.
    #[arg(long = "crd", value_name = "FILE|DIR")]
    crds: Vec<PathBuf>,
    /// JSON Schemas of custom kinds, as kubeconform is given them: a file, a folder, or a path in which `{{.Group}}`,
    /// `{{.ResourceKind}}`, `{{.ResourceAPIVersion}}` and `{{.KindSuffix}}` stand for the kind; may be given several
    /// times.
    #[arg(long = "schema", value_name = "PATH")]
    schemas: Vec<String>,
}

impl Definitions {
    /// Where they are.
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.crds.iter().cloned().chain(self.schemas.iter().map(PathBuf::from))
    }

    /// The custom kinds that the command line defines. A place that defines none is a failure: nothing would be checked
    /// by it.
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
        for location in &self.schemas {
            let store = SchemaStore::new(reach, Path::new(""), location)
                .map_err(|why| Failure::new(format!("--schema {location}: {why}")))?;
            customs = customs.described_by(Schemas::new(Box::new(store)));
        }
        Ok(customs)
    }
}

/// JSON Schemas in files, found by the names that kubeconform has for them.
#[derive(Debug)]
struct SchemaStore {
    reach: Reach,
    /// Paths with holes for the kind, and without the folder that they begin at.
    names: Vec<String>,
    folder: PathBuf,
}

/// The names that schemas have in folders: those of the catalogue of definitions, and those of kubeconform's and
/// kubeval's own scripts.
const NAMES: [&str; 4] = [
    "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json",
    "{{.ResourceKind}}_{{.ResourceAPIVersion}}.json",
    "{{.ResourceKind}}{{.KindSuffix}}.json",
    "{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json",
];

impl SchemaStore {
    /// The schemas at a location that begins in some folder.
    fn new(reach: &Reach, start: &Path, location: &str) -> Result<Self, &'static str> {
        if location.contains("://") {
            return Err("it is an address in a network, which is never asked: keep a copy in the repository");
        }
        let (folder, names) = match location.find("{{") {
            Some(hole) => {
                let end = location[..hole].rfind('/').map_or(0, |slash| slash + 1);
                (start.join(&location[..end]), vec![location[end..].to_owned()])
            }
            None if disk::is_folder(&start.join(location)) => (start.join(location), NAMES.map(str::to_owned).to_vec()),
            None => {
                let path = start.join(location);
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                if !disk::is_there(&path) {
                    return Err("there is no such file or folder");
                }
                (path.parent().map(Path::to_path_buf).unwrap_or_default(), vec![name])
            }
        };
        let beginning = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        if !disk::is_folder(beginning) {
            return Err("there is no such folder");
        }
        // A place where no schema can be found checks nothing, and nobody would notice.
        let endings: Vec<&str> =
            names.iter().map(|name| name.rsplit_once("}}").map_or(name.as_str(), |(_, ending)| ending)).collect();
        if !disk::holds_file(beginning, |name| endings.iter().any(|ending| name.ends_with(ending))) {
            return Err("there is no file with such a name");
        }
        Ok(Self { reach: reach.clone(), names, folder })
    }

    /// A name with the kind in its holes; `None` where a hole stands for what we do not have.
    fn filled(name: &str, group: &str, version: &str, kind: &str) -> Option<String> {
        let suffix = format!("-{}-{version}", group.split('.').next().unwrap_or_default());
        let mut filled = String::new();
        let mut rest = name;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let (hole, after) = after.split_once("}}")?;
            filled.push_str(match hole.trim() {
                ".Group" => group,
                ".ResourceKind" => kind,
                ".ResourceAPIVersion" => version,
                ".KindSuffix" => &suffix,
                ".StrictSuffix" => "",
                ".NormalizedKubernetesVersion" => "master",
                _ => return None,
            });
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }
}

impl json_schema::SchemaStore for SchemaStore {
    fn schema(&self, group: &str, version: &str, kind: &str) -> Option<String> {
        // What stands in a manifest becomes part of a path.
        let is_plain = |word: &str| {
            word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) && !word.contains("..")
        };
        if ![group, version, kind].into_iter().all(is_plain) {
            return None;
        }
        let kind = kind.to_lowercase();
        for name in &self.names {
            let Some(filled) = Self::filled(name, group, version, &kind) else { continue };
            // A file that is named without holes is for the kind that its name says.
            let is_named = name.contains("{{")
                || NAMES.iter().any(|known| {
                    let known = known.rsplit('/').next().unwrap_or(known);
                    Self::filled(known, group, version, &kind).is_some_and(|known| known == *name)
                });
            let path = self.folder.join(&filled);
            if !is_named || !disk::is_there(&path) {
                continue;
            }
            let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
            let ids = disk::read_sources(&self.reach, &[path], &mut sources, &mut found).ok()?;
            if let Some(id) = ids.first() {
                return Some(sources.get(*id).text.to_string());
            }
        }
        None
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
    for named in workspace.schemas.iter().flatten() {
        match SchemaStore::new(reach, folder, &named.value) {
            Ok(store) => customs = customs.described_by(Schemas::new(Box::new(store))),
            Err(why) => DEFINITIONS
                .report(format!("no JSON Schemas at `{}`: {why}", named.value))
                .help("a path in `schemas` begins at the workspace's folder")
                .at(named.at, found),
        }
    }
    Ok(customs)
}

/// The custom kinds that are defined for plain manifests: by the workspace that the first of the paths belongs to, and
/// by the command line.
pub(super) fn around(
    reach: &Reach,
    given: &Definitions,
    paths: &[PathBuf],
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Result<Customs, Failure> {
    let given = given.customs(reach)?;
    let folder = paths
        .iter()
        .find(|path| disk::is_there(path))
        .map(|path| if disk::is_folder(path) { path } else { path.parent().unwrap_or(path) });
    let Some(path) = folder.map(|folder| disk::find_workspace(reach, folder)).transpose()?.flatten() else {
        return Ok(given);
    };
    // What else is wrong with the workspace is said where its apps are checked.
    let mut unsaid = Diagnostics::default();
    let root = disk::read_found(reach, &path, sources, &mut unsaid)?
        .and_then(|id| crate::yaml::read_one(sources, id, &mut unsaid));
    let workspace = root.and_then(|root| crate::spec::workspace::parse(&root, &crate::kubernetes_fields, &mut unsaid));
    let folder = path.parent().unwrap_or(Path::new("."));
    let shared = workspace.map(|workspace| of_workspace(reach, &workspace, folder, sources, found)).transpose()?;
    Ok(shared.unwrap_or_default().and(&given))
}

fn of(bundle: &Bundle) -> Customs {
    Customs::from_crds(bundle.resources.iter().map(|resource| &resource.node))
}
