//! `graph`: what is to be run for each app and environment, and exactly what that reads and writes, for engines that
//! share work out and keep what is done.

use super::affected::named;
use super::output;
use super::project::{Candidate, Loaded, Selection, Shared, forbids};
use super::{Exit, Result};
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk;
use crate::failure::Failure;
use crate::layout::INDEX;
use crate::parallel;
use crate::report::graph::{self, Action};
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Print what is to be run for each app and environment, with all that it reads and writes, for an engine of builds.
///
/// Each action runs `statewright compile` for one environment of one app, and needs no file but its inputs. Run it at
/// the top of the repository.
#[derive(Debug, Args)]
pub(super) struct Graph {
    /// Specs, app folders, or folders with any number of apps.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only this environment; may be given several times.
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,
    /// For whom: programs, Bazel, Ninja, GNU make, the jobs of a pipeline, or Argo CD.
    #[arg(short, long, value_name = "FORM", default_value = "json")]
    output: Form,
    /// To how many jobs `matrix` shares the apps out.
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    jobs: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Json,
    Bazel,
    Ninja,
    Make,
    Matrix,
    Argocd,
}

impl Graph {
    pub(super) fn run(self) -> Result {
        let Self { paths, environments, output, jobs } = self;
        let selection = Selection { paths, environments, ..Selection::default() };
        let candidates = selection.candidates()?;
        let mut findings = super::compile::workspace_findings(&candidates);
        let specs: Vec<Vec<String>> = candidates
            .iter()
            .map(|candidate| specs_around(candidate, &selection))
            .collect::<std::result::Result<_, _>>()?;
        let numbered: Vec<(&Candidate, &Vec<String>)> = candidates.iter().zip(&specs).collect();
        let alone = candidates.len() == 1;
        let done = parallel::map(&numbered, |(candidate, specs)| actions(candidate, specs, &selection, alone));
        let mut list = Vec::new();
        for done in done {
            let (actions, found) = done?;
            list.extend(actions);
            findings.extend(found);
        }
        findings.retain(|finding| finding.level == Level::Error);
        if !findings.is_empty() {
            // Half of a graph would leave apps as they are, and nobody would notice.
            output::findings(&findings, &output::Formats::default())?;
            return Ok(Exit::Found);
        }
        selection.all_met()?;
        if let Some(path) = list
            .iter()
            .flat_map(|action| action.inputs.iter().chain([&action.folder]))
            .find(|path| path.starts_with("../"))
        {
            return Err(Failure::new(format!(
                "{path} lies outside of this folder: run it at the top of the repository"
            )));
        }
        output::data(&match output {
            Form::Json => graph::json(&list),
            Form::Bazel => graph::bazel(&list),
            Form::Ninja => graph::ninja(&list),
            Form::Make => graph::make(&list).map_err(Failure::new)?,
            Form::Matrix => graph::matrix(&list, jobs).map_err(Failure::new)?,
            Form::Argocd => graph::argocd(&list),
        })?;
        Ok(Exit::Fine)
    }
}

/// The specs of a workspace, among which an app that asks for another is looked for.
fn specs_around(candidate: &Candidate, selection: &Selection) -> std::result::Result<Vec<String>, Failure> {
    let Some(shared) = &candidate.shared else { return Ok(Vec::new()) };
    let specs = disk::find_specs(&selection.reach, std::slice::from_ref(&shared.folder))?;
    Ok(specs.iter().map(|spec| path_of(spec)).collect())
}

/// The actions of one app, and what is wrong with it.
fn actions(
    candidate: &Candidate,
    specs: &[String],
    selection: &Selection,
    alone: bool,
) -> std::result::Result<(Vec<Action>, Vec<Finding>), Failure> {
    let mut findings = Vec::new();
    let Some(app) = candidate.load(&mut findings)? else { return Ok((Vec::new(), findings)) };
    let mut found = Diagnostics::default();
    let fresh = selection.compile(candidate, &app, alone, &mut Vec::new(), &mut found);
    findings.extend(found.resolve(&app.sources));
    if forbids(&findings) {
        return Ok((Vec::new(), findings));
    }
    let inputs = inputs(candidate, &app, specs, selection)?;
    let watched = watched(&app, selection)?;
    let spec = path_of(&candidate.spec);
    let action = |fresh: super::project::Fresh| {
        let mut outputs: Vec<String> = fresh.tree.files.iter().map(|file| file.name.clone()).collect();
        let weight = fresh.tree.files.iter().map(|file| file.text.len()).sum();
        outputs.push(INDEX.to_owned());
        outputs.sort();
        let arguments = ["compile", "--env", &fresh.environment, &spec];
        Action {
            app: app.spec.name.to_string(),
            arguments: arguments.map(str::to_owned).to_vec(),
            environment: fresh.environment,
            spec: spec.clone(),
            inputs: inputs.iter().cloned().collect(),
            folder: path_of(&fresh.root.join(&fresh.tree.folder)),
            outputs,
            weight,
            watched: watched.clone(),
        }
    };
    Ok((fresh.into_iter().map(action).collect(), findings))
}

/// Every file that compiling an app reads.
fn inputs(
    candidate: &Candidate,
    app: &Loaded,
    specs: &[String],
    selection: &Selection,
) -> std::result::Result<BTreeSet<String>, Failure> {
    let mut inputs = BTreeSet::from([path_of(&candidate.spec)]);
    inputs.extend(app.asked.files().iter().map(|file| path_of(&app.folder.join(file))));
    if app.asked.others() {
        inputs.extend(specs.iter().cloned());
    }
    if let Some(shared) = &app.shared {
        inputs.extend(shared.sources.iter().map(|source| path_of(Path::new(&*source.name))));
        for schema in schemas(shared) {
            let place = shared.folder.join(fixed(&schema));
            inputs.extend(disk::find_files(&selection.reach, &place)?.iter().map(|file| path_of(file)));
        }
    }
    Ok(inputs)
}

fn schemas(shared: &Shared) -> Vec<String> {
    let workspace = shared.workspace.as_ref();
    workspace
        .and_then(|workspace| workspace.schemas.as_ref())
        .into_iter()
        .flatten()
        .map(|named| named.value.to_string())
        .collect()
}

/// What of a path stands before what is a pattern in it, or stands for a kind.
fn fixed(path: &str) -> &str {
    path.find(['*', '?', '[', '{']).map_or(path, |hole| path[..hole].rsplit_once('/').map_or("", |(fixed, _)| fixed))
}

/// Where a change can make the manifests of an app others: files and folders, from the top of the repository.
fn watched(app: &Loaded, selection: &Selection) -> std::result::Result<Vec<String>, Failure> {
    let folder = disk::real(&app.folder)?;
    let mut real = vec![folder.clone()];
    for file in app.asked.files() {
        // A link may lead out of the app's folder.
        let place = disk::real(&app.folder.join(&file))?;
        real.extend((!place.starts_with(&folder)).then_some(place));
    }
    if let Some(shared) = &app.shared {
        let top = disk::real(&shared.folder)?;
        real.push(top.join(disk::WORKSPACE));
        for named in named(shared) {
            real.push(disk::real(&shared.folder.join(fixed(&named)))?);
        }
        if app.asked.others() {
            real.push(top);
        }
    }
    let root = selection.reach.root(&app.folder).unwrap_or(folder);
    let mut watched: Vec<String> = Vec::new();
    for path in &real {
        let inside = path
            .strip_prefix(&root)
            .map_err(|_| Failure::new(format!("{} is not in the repository", disk::name_of(path))))?;
        let path = format!("/{}", disk::name_of(inside));
        if !watched.contains(&path) {
            watched.push(path);
        }
    }
    Ok(watched)
}

/// A path without what means nothing in it, as an engine knows it.
fn path_of(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some_and(|name| name != "..") => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    disk::name_of(&plain)
}
