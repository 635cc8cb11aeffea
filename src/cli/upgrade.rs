//! `upgrade`: what a newer Kubernetes says and does otherwise of specs, or of manifests written by anyone. Nothing
//! changes but the version.

use super::apply::Apply;
use super::check::holds_specs;
use super::compile::workspace_findings;
use super::definitions::{self, Definitions};
use super::given;
use super::output::{self, Formats};
use super::project::{Candidate, Selection, forbids, in_order};
use super::{Exit, Result};
use crate::allow;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk::Reach;
use crate::expect::upgrade::{self, Span};
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::source::Sources;
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Say what a newer Kubernetes refuses, leaves out, fills in, warns of or does otherwise.
#[derive(Debug, Args)]
pub(super) struct Upgrade {
    /// Specs, manifests, folders of either, patterns; `-` reads manifests from stdin.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The version that runs; without it, that of each environment.
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,
    /// The version that comes; without it, the newest known.
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Only this environment; may be given several times.
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,
    /// How manifests are applied: as `kubectl apply` does it, with `--server-side`, or with `--force-conflicts` too, as
    /// Flux does (overrides the spec and the workspace).
    #[arg(long, value_name = "WAY")]
    apply: Option<Apply>,
    #[command(flatten)]
    definitions: Definitions,
    #[arg(skip)]
    reach: Reach,
    #[command(flatten)]
    formats: Formats,
}

/// What was looked at, and how much of it is about a newer version.
#[derive(Default)]
struct Seen {
    findings: Vec<Finding>,
    objects: usize,
    concerned: usize,
    /// The versions that environments run today.
    running: BTreeSet<Version>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.objects += other.objects;
        self.concerned += other.concerned;
        self.running.extend(other.running);
    }
}

type Read<T> = std::result::Result<T, Failure>;

impl Upgrade {
    pub(super) fn run(self) -> Result {
        self.formats.ready(None)?;
        let version =
            |text: &Option<String>| text.as_deref().map(str::parse::<Version>).transpose().map_err(Failure::new);
        let (from, to) = (version(&self.from)?, version(&self.to)?.unwrap_or(Version::NEWEST));
        if let Some(from) = from.filter(|from| *from > to) {
            return Err(Failure::new(format!(
                "{from} is newer than {to}: an upgrade goes from the older to the newer"
            )));
        }
        let (specs, manifests): (Vec<PathBuf>, Vec<PathBuf>) =
            self.paths.iter().cloned().partition(|path| holds_specs(&self.reach, path));
        let mut seen = Seen::default();
        if !specs.is_empty() {
            self.specs(specs, from, to, &mut seen)?;
        }
        if !manifests.is_empty() {
            let from = from
                .ok_or_else(|| Failure::new("manifests do not say which version runs: name it, as in `--from 1.33`"))?;
            self.manifests(&manifests, Span { from, to }, &mut seen)?;
        }
        output::findings(&seen.findings, &self.formats)?;
        if self.formats.is_empty() {
            output::remark(&summary(&seen, to));
        }
        Ok(if forbids(&seen.findings) { Exit::Found } else { Exit::Fine })
    }

    fn specs(&self, paths: Vec<PathBuf>, from: Option<Version>, to: Version, seen: &mut Seen) -> Read<()> {
        let selection = Selection {
            paths,
            environments: self.environments.clone(),
            kubernetes: self.from.clone(),
            apply: self.apply,
            definitions: self.definitions.clone(),
            reach: self.reach.clone(),
            ..Selection::default()
        };
        let candidates = selection.candidates()?;
        seen.findings.extend(workspace_findings(&candidates));
        let mut failure = None;
        let judge = |_, candidate: &Candidate| self.app(candidate, &selection, candidates.len() == 1, from, to);
        in_order(&candidates, "comparing", judge, |result: Read<Seen>| match result {
            Ok(own) => seen.add(own),
            Err(error) => failure = failure.take().or(Some(error)),
        });
        failure.map_or(Ok(()), Err)?;
        if !forbids(&seen.findings) {
            selection.all_met()?;
        }
        Ok(())
    }

    /// One app, in each of its environments.
    fn app(
        &self,
        candidate: &Candidate,
        selection: &Selection,
        alone: bool,
        from: Option<Version>,
        to: Version,
    ) -> Read<Seen> {
        let mut seen = Seen::default();
        let Some(app) = candidate.load(&mut seen.findings)? else { return Ok(seen) };
        let mut found = Diagnostics::default();
        for environment in selection.environments(&app, alone, &mut found) {
            let mut today = Diagnostics::default();
            let compiled = app.compile(&environment, self.from.as_deref(), &mut today);
            // What `check` says of today is its business, but for what leaves nothing to compare.
            today.retain(|diagnostic| diagnostic.level == Level::Error);
            found.extend(today);
            let Some(compiled) = compiled else { continue };
            let span = Span { from: from.unwrap_or(compiled.app.kubernetes), to };
            seen.running.insert(span.from);
            seen.objects += compiled.bundle.resources.len();
            let mut own = Diagnostics::default();
            let way = compiled.app.apply.unwrap_or_default();
            seen.concerned += upgrade::judge(&compiled.bundle, &app.customs, way, span, &mut own);
            let levels = app.workspace().and_then(|workspace| workspace.rules.as_ref());
            let meant: Vec<_> = compiled
                .app
                .allow
                .iter()
                .filter(|item| upgrade::CODES.iter().any(|code| allow::is_about(item, code)))
                .cloned()
                .collect();
            allow::settle(&meant, levels, upgrade::CODES, crate::codes, &mut own);
            found.extend(own);
        }
        seen.findings.extend(found.resolve(&app.sources));
        Ok(seen)
    }

    fn manifests(&self, paths: &[PathBuf], span: Span, seen: &mut Seen) -> Read<()> {
        let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
        let customs = definitions::around(&self.reach, &self.definitions, paths, &mut sources, &mut found)?;
        let ids = given::manifests(&self.reach, paths, "compared", &mut sources, &mut found)?;
        let bundle = crate::manifests(&sources, &ids, &mut found);
        let way = self.apply.map(Way::from).unwrap_or_default();
        seen.running.insert(span.from);
        seen.objects += bundle.resources.len();
        seen.concerned += upgrade::judge(&bundle, &customs, way, span, &mut found);
        seen.findings.extend(found.resolve(&sources));
        Ok(())
    }
}

/// What it comes to, in a line.
fn summary(seen: &Seen, to: Version) -> String {
    let from: Vec<String> = seen.running.iter().filter(|from| **from < to).map(ToString::to_string).collect();
    if from.is_empty() && !seen.running.is_empty() {
        return format!(
            "nothing to compare: all of it is for Kubernetes {to} already; name the version that runs with --from\n"
        );
    }
    let objects = |number: usize| if number == 1 { "1 object".to_owned() } else { format!("{number} objects") };
    match (seen.objects, seen.concerned) {
        (0, _) => String::new(),
        (all, 0) => format!("Kubernetes {} to {to}: {} as before\n", from.join(", "), objects(all)),
        (all, some) => {
            format!("Kubernetes {} to {to}: {some} of {} are not as before\n", from.join(", "), objects(all))
        }
    }
}
