//! `inspect`: who the replicas are.

use super::output;
use super::project::{Selection, forbids};
use super::{Exit, Result};
use crate::bundle::Bundle;
use crate::cluster::facts::ClusterFacts;
use crate::diagnostic::Diagnostics;
use crate::k8s::version::Version;
use crate::outage::Stage;
use crate::outage::table::{Table, table};
use crate::report::{identity, picture};
use crate::review::presumed;
use clap::{Args, ValueEnum};

/// List the pods, DNS names, claims, volumes and disks of each replica.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    #[command(flatten)]
    selection: Selection,
    /// Output format.
    #[arg(short = 'o', long, value_name = "NAME", default_value = "table")]
    format: View,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum View {
    Table,
    Json,
    Mermaid,
    Svg,
    Name,
}

/// What becomes of each replica when something fails.
pub(super) fn failures(bundle: &Bundle, facts: &ClusterFacts, namespace: &str) -> Table {
    let facts = presumed::classes(facts, &[bundle]);
    let version = facts.kubernetes.unwrap_or(Version::NEWEST);
    let (stage, _) = Stage::new(std::slice::from_ref(bundle), &facts, version, namespace);
    table(&stage)
}

impl Inspect {
    pub(super) fn run(self) -> Result {
        let candidates = self.selection.candidates()?;
        let (mut findings, mut views) = (super::compile::workspace_findings(&candidates), Vec::new());
        for candidate in &candidates {
            let Some(app) = candidate.load(&mut findings)? else { continue };
            let mut found = Diagnostics::default();
            for environment in self.selection.environments(&app, candidates.len() == 1, &mut found) {
                if let Some(compiled) = app.compile(&environment, self.selection.kubernetes.as_deref(), &mut found) {
                    let facts = app.facts(&environment).cloned().unwrap_or_default();
                    let failures = failures(&compiled.bundle, &facts, &compiled.app.identity.namespace);
                    views.push(identity::Map::new(&compiled.app, failures));
                }
            }
            findings.extend(found.resolve(&app.sources));
        }
        if !forbids(&findings) {
            self.selection.all_met()?;
        }
        findings.retain(|finding| finding.level == crate::diagnostic::Level::Error);
        output::findings(&findings, &output::Formats::default())?;
        output::data(&match self.format {
            View::Table => identity::table(&views),
            View::Json => identity::json(&views),
            View::Mermaid => identity::mermaid(&views),
            View::Svg => picture::of_replicas(&views),
            View::Name => identity::names(&views),
        })?;
        Ok(if forbids(&findings) { Exit::Found } else { Exit::Fine })
    }
}
