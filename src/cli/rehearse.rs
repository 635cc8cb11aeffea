//! `rehearse`: what a cluster becomes, step by step, when bundles are applied one after another; or recorded scenarios, played again.

use super::check::holds_specs;
use super::output;
use super::project::forbids;
use super::{Outcome, Result};
use crate::bundle::Bundle;
use crate::cluster::facts::ClusterFacts;
use crate::cluster::rehearse::rehearse;
use crate::cluster::scenario;
use crate::diagnostic::Diagnostics;
use crate::disk;
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::report::rehearsal;
use crate::source::Sources;
use crate::yaml;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Play bundles on a model cluster, one step each, and show what becomes of them.
#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// Files or folders of manifests, one step each; or one file of recorded scenarios (`.jsonl`).
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
    /// What is known of the cluster: its nodes, storage classes and version (YAML).
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// Whose rules judge: 1.29 to 1.37.
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<String>,
    /// Where objects go that name no namespace; the one that all others name, or `default`.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// How it is shown.
    #[arg(long, value_name = "NAME", default_value = "human")]
    format: View,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum View {
    Human,
    Json,
}

type Read<T> = std::result::Result<T, Failure>;

impl Rehearse {
    pub(super) fn run(self) -> Result {
        if let [path] = &self.bundles[..]
            && path.extension().is_some_and(|extension| extension == "jsonl")
        {
            return scenarios(path);
        }
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let facts = self.facts(&mut sources, &mut found)?;
        let version = match &self.kubernetes {
            Some(text) => text.parse().map_err(Failure::new)?,
            None => facts.kubernetes.unwrap_or(Version::NEWEST),
        };
        let bundles = self.bundles.iter().map(|path| bundle(path, &mut sources, &mut found)).collect::<Read<Vec<Bundle>>>()?;
        let findings = found.resolve(&sources);
        output::findings(&findings, &[])?;
        if forbids(&findings) {
            return Ok(Outcome::Found);
        }
        let namespace = self.namespace.as_deref().unwrap_or_else(|| common_namespace(&bundles));
        let played = rehearse(&bundles, &facts, version, namespace);
        let titles: Vec<String> = self.bundles.iter().map(|path| disk::name_of(path)).collect();
        output::data(&match self.format {
            View::Human => rehearsal::render(&played, &titles, output::colours(&std::io::stdout())),
            View::Json => rehearsal::json(&played),
        });
        Ok(if played.is_trouble() { Outcome::Found } else { Outcome::Fine })
    }

    fn facts(&self, sources: &mut Sources, found: &mut Diagnostics) -> Read<ClusterFacts> {
        let Some(path) = &self.cluster else { return Ok(ClusterFacts::default()) };
        let document = disk::read_source(path, sources, found)?.and_then(|id| yaml::read_one(sources, id, found));
        Ok(document.map(|document| ClusterFacts::read(&document, found)).unwrap_or_default())
    }
}

/// The one namespace that is named, if it is one.
fn common_namespace(bundles: &[Bundle]) -> &str {
    let mut named =
        bundles.iter().flat_map(|bundle| &bundle.resources).map(|resource| &*resource.id.namespace).filter(|name| !name.is_empty());
    let first = named.next().unwrap_or("default");
    if named.all(|other| other == first) { first } else { "default" }
}

fn bundle(path: &Path, sources: &mut Sources, found: &mut Diagnostics) -> Read<Bundle> {
    if holds_specs(path) {
        return Err(Failure::new(format!("{} holds a spec. Compile it, and rehearse the folder that comes out", path.display())));
    }
    let files = disk::find_manifests(&[path.to_owned()])?;
    let mut ids = Vec::new();
    for file in files {
        ids.extend(disk::read_source(&file, sources, found)?);
    }
    Ok(crate::manifests(sources, &ids, found))
}

/// Gives the lines of a scenario file back, with the model's own results and states.
fn scenarios(path: &Path) -> Result {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let Some(id) = disk::read_source(path, &mut sources, &mut found)? else {
        output::findings(&found.resolve(&sources), &[])?;
        return Ok(Outcome::Found);
    };
    for (number, line) in sources.get(id).text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fault = |error: String| Failure::new(format!("{}:{}: {error}", path.display(), number + 1));
        let record = serde_json::from_str(line).map_err(|error| fault(error.to_string()))?;
        let played = scenario::play(&record).map_err(fault)?;
        output::data(&format!("{played}\n"));
    }
    Ok(Outcome::Fine)
}
