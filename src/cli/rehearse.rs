//! `rehearse`: what a cluster becomes, step by step, when bundles are applied one after another; or recorded scenarios,
//! played again.

use super::apply::Apply;
use super::check::holds_specs;
use super::cluster;
use super::definitions::{self, Definitions};
use super::output;
use super::project::{Selection, forbids};
use super::{Exit, Result};
use crate::api::custom::Customs;
use crate::budget;
use crate::bundle::Bundle;
use crate::cluster::facts::ClusterFacts;
use crate::cluster::kubectl::Act;
use crate::cluster::rehearse::Outcome;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk::{self, Reach};
use crate::expect::judge::{self, UNJUDGED};
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::outage::{Aim, Forecast, Size, Stage, forecast};
use crate::report::{outage, rehearsal};
use crate::review::presumed;
use crate::scenario;
use crate::secret::known::Known;
use crate::source::Sources;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Simulate applying manifests step by step and show the resulting cluster.
#[derive(Debug, Args)]
pub(super) struct Rehearse {
    /// Files or folders of manifests, or specs, one step each; or one file of recorded scenarios (`.jsonl`).
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
    /// The environment that specs are compiled for, if they have several.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Cluster description: version, nodes, storage classes (YAML); or its objects, as `kubectl get nodes,sc,ns,quota
    /// -A -o yaml` prints them, or a folder of manifests.
    #[arg(long, value_name = "FILE|DIR")]
    cluster: Option<PathBuf>,
    /// Kubernetes version to validate against: 1.29 to 1.37.
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<String>,
    /// How manifests are applied: as `kubectl apply` does it, with `--server-side`, or with `--force-conflicts` too, as
    /// Flux does (overrides the spec and the workspace).
    #[arg(long, value_name = "WAY")]
    apply: Option<Apply>,
    #[command(flatten)]
    definitions: Definitions,
    /// Then let a node, zone, disk or pod fail, or each in turn, and say what is lost, what waits, and what brings it
    /// back: `node=NAME`, `zone=NAME`, `disk=NAME`, `pod=NAME`, `each-node`, `each-zone`, `each-disk`, `each-pod`.
    #[arg(long, value_name = "WHAT")]
    fail: Vec<Aim>,
    /// Where objects go that name no namespace; the one that all others name, or `default`.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    #[arg(skip)]
    reach: Reach,
    /// Output format.
    #[arg(short = 'o', long, value_name = "NAME", default_value = "human")]
    format: View,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum View {
    Human,
    Json,
}

/// What is read for one step.
#[derive(Default)]
struct Beginning {
    bundle: Bundle,
    customs: Customs,
    facts: Option<ClusterFacts>,
    apply: Option<Way>,
}

type Read<T> = std::result::Result<T, Failure>;

impl Rehearse {
    pub(super) fn run(self) -> Result {
        if let [path] = &self.bundles[..]
            && path.extension().is_some_and(|extension| extension == "jsonl")
        {
            return scenarios(path);
        }
        let mut findings = Vec::new();
        let mut facts = self.facts(&mut findings)?;
        let mut bundles = Vec::new();
        let (mut customs, mut said) = (Customs::none(), None);
        for path in &self.bundles {
            let read = if holds_specs(&self.reach, path) {
                self.compiled(path, &mut findings)?
            } else {
                self.manifests(path, &mut findings)?
            };
            bundles.push(read.bundle);
            customs = customs.and(&read.customs);
            facts = facts.or(read.facts);
            said = said.or(read.apply);
        }
        findings.retain(|finding| finding.level == Level::Error || finding.code.id == UNJUDGED.id);
        output::findings(&findings, &output::Formats::default())?;
        if forbids(&findings) {
            return Ok(Exit::Found);
        }
        let facts = facts.unwrap_or_default().with_customs(customs).applied(said).applied(self.apply.map(Way::from));
        // What a review takes for granted holds here too.
        let facts = presumed::classes(&facts, &bundles.iter().collect::<Vec<_>>());
        let version = match &self.kubernetes {
            Some(text) => text.parse().map_err(Failure::new)?,
            None => facts.kubernetes.unwrap_or(Version::NEWEST),
        };
        let namespace = self.namespace.as_deref().unwrap_or_else(|| common_namespace(&bundles));
        if !self.fail.is_empty() {
            return self.outlook(&bundles, &facts, version, namespace);
        }
        let mut played = crate::rehearse(&bundles, &facts, version, namespace);
        played
            .hide(&Known::of(bundles.iter().flat_map(|bundle| bundle.resources.iter().map(|resource| &resource.node))));
        let titles: Vec<String> = self.bundles.iter().map(|path| disk::name_of(path)).collect();
        match self.format {
            View::Human => {
                output::pages(&rehearsal::render(&played, &titles, output::colours(&std::io::stdout())))?;
            }
            View::Json => output::data(&rehearsal::json(&played))?,
        }
        Ok(if played.is_trouble() { Exit::Found } else { Exit::Fine })
    }

    /// What is lost when things fail.
    fn outlook(&self, bundles: &[Bundle], facts: &ClusterFacts, version: Version, namespace: &str) -> Result {
        let size = Size::of(bundles, facts);
        if size.places() > budget::MOST_FAILING_PLACES {
            let Size { pods, nodes } = size;
            return Err(Failure::new(format!(
                "{pods} pods on {nodes} nodes are too many for --fail: name fewer apps, or describe fewer nodes"
            )));
        }
        let (stage, steps) = Stage::new(bundles, facts, version, namespace);
        let known = Known::of(bundles.iter().flat_map(|bundle| bundle.resources.iter().map(|resource| &resource.node)));
        let mut mishaps = Vec::new();
        for aim in &self.fail {
            mishaps.extend(stage.mishaps(aim).map_err(|missing| Failure::new(outage::no_such(&missing)))?);
        }
        let brief = mishaps.len() > 1;
        let left_out = mishaps.len().saturating_sub(size.failures());
        mishaps.truncate(size.failures());
        let forecasts: Vec<_> = mishaps.iter().map(|mishap| forecast(&stage, mishap)).collect();
        let is_refused = |step: &Outcome| step.acts.iter().any(|done| matches!(done.act, Act::Rejected(_)));
        let not_ready = stage.state.pods.iter().filter(|pod| !pod.ready).count();
        let outlook = outage::Outlook {
            stage: &stage,
            forecasts: &forecasts,
            not_known: &stage.cluster.not_known(),
            not_ready,
            left_out,
            brief,
        };
        output::data(&known.hide(&match self.format {
            View::Human => outage::render(&outlook, output::colours(&std::io::stdout())),
            View::Json => outage::json(&outlook),
        }))?;
        let is_trouble = not_ready > 0
            || !stage.settled
            || steps.iter().any(is_refused)
            || forecasts.iter().any(Forecast::is_trouble);
        Ok(if is_trouble { Exit::Found } else { Exit::Fine })
    }

    fn facts(&self, findings: &mut Vec<Finding>) -> Read<Option<ClusterFacts>> {
        let Some(path) = &self.cluster else { return Ok(None) };
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let facts = cluster::read(&self.reach, path, &mut sources, &mut found)?;
        findings.extend(found.resolve(&sources));
        Ok(facts)
    }

    /// The manifests of the specs below a path, in the one environment that is meant, and what the workspace knows of
    /// its cluster.
    fn compiled(&self, path: &Path, findings: &mut Vec<Finding>) -> Read<Beginning> {
        let environments = self.env.iter().cloned().collect();
        let selection = Selection {
            paths: vec![path.to_owned()],
            reach: self.reach.clone(),
            environments,
            kubernetes: self.kubernetes.clone(),
            apply: self.apply,
            definitions: self.definitions.clone(),
            ..Selection::default()
        };
        let candidates = selection.candidates()?;
        findings.extend(super::compile::workspace_findings(&candidates));
        let mut read = Beginning::default();
        for candidate in &candidates {
            let Some(app) = candidate.load(findings)? else { continue };
            let mut found = Diagnostics::default();
            let environments = selection.environments(&app, candidates.len() == 1, &mut found);
            if environments.len() > 1 {
                let known = environments.join(", ");
                return Err(Failure::new(format!(
                    "{} is compiled for {known}. Name one of them with --env",
                    path.display()
                )));
            }
            for environment in &environments {
                let compiled = app.compile(environment, self.kubernetes.as_deref(), &mut found);
                read.apply = read.apply.or_else(|| compiled.as_ref()?.app.apply);
                read.bundle.resources.extend(compiled.into_iter().flat_map(|compiled| compiled.bundle.resources));
                read.facts = read.facts.or_else(|| app.facts(environment).cloned());
            }
            read.customs = app.customs.clone();
            findings.extend(found.resolve(&app.sources));
        }
        if !forbids(findings) {
            selection.all_met()?;
        }
        Ok(read)
    }

    fn manifests(&self, path: &Path, findings: &mut Vec<Finding>) -> Read<Beginning> {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let paths = [path.to_owned()];
        let customs = definitions::around(&self.reach, &self.definitions, &paths, &mut sources, &mut found)?;
        let mut ids = Vec::new();
        for file in disk::find_manifests(&self.reach, &paths)? {
            ids.extend(disk::read_source(&self.reach, &file, &mut sources, &mut found)?);
        }
        let bundle = crate::manifests(&sources, &ids, &mut found);
        let known = customs.with(bundle.resources.iter().map(|resource| &resource.node));
        judge::unjudged(&bundle.resources, &known, &mut found);
        findings.extend(found.resolve(&sources));
        Ok(Beginning { bundle, customs, ..Beginning::default() })
    }
}

/// The one namespace that is named, if it is one.
fn common_namespace(bundles: &[Bundle]) -> &str {
    let mut named = bundles
        .iter()
        .flat_map(|bundle| &bundle.resources)
        .map(|resource| &*resource.id.namespace)
        .filter(|name| !name.is_empty());
    let first = named.next().unwrap_or("default");
    if named.all(|other| other == first) { first } else { "default" }
}

/// Gives the lines of a scenario file back, with the model's own results and states.
fn scenarios(path: &Path) -> Result {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let Some(id) = disk::read_source(&Reach::default(), path, &mut sources, &mut found)? else {
        output::findings(&found.resolve(&sources), &output::Formats::default())?;
        return Ok(Exit::Found);
    };
    for (number, line) in sources.get(id).text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fault = |error: String| Failure::new(format!("{}:{}: {error}", path.display(), number + 1));
        let record = serde_json::from_str(line).map_err(|error| fault(error.to_string()))?;
        let played = scenario::simulate(&record).map_err(fault)?;
        output::data(&format!("{played}\n"))?;
    }
    Ok(Exit::Fine)
}
