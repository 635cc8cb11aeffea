//! `compare`: two environments of each app beside each other. Nothing changes; it is said where they differ.

use super::definitions::Definitions;
use super::output::{self, Formats};
use super::project::{Selection, forbids};
use super::{Exit, Result};
use crate::Compiled;
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::report::{Against, Report};
use crate::review::parity::{Side, parity};
use clap::Args;
use std::path::PathBuf;

/// Compare two environments of each app with each other.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// The one environment.
    #[arg(value_name = "ENV")]
    one: String,
    /// The other.
    #[arg(value_name = "ENV")]
    other: String,
    /// Specs, app folders, or folders with any number of apps.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Kubernetes version to validate against (overrides the spec): 1.29 to 1.37.
    #[arg(long, value_name = "VERSION")]
    kubernetes: Option<String>,
    #[command(flatten)]
    definitions: Definitions,
    #[command(flatten)]
    formats: Formats,
}

impl Compare {
    pub(super) fn run(self) -> Result {
        self.formats.ready(None)?;
        let (one, other) = (self.one, self.other);
        let selection = Selection {
            paths: self.paths,
            environments: vec![one.clone(), other.clone()],
            kubernetes: self.kubernetes,
            definitions: self.definitions,
            ..Selection::default()
        };
        let candidates = selection.candidates()?;
        let mut findings: Vec<Finding> = super::compile::workspace_findings(&candidates);
        let mut reviews = Vec::new();
        for candidate in &candidates {
            let Some(app) = candidate.load(&mut findings)? else { continue };
            let mut found = Diagnostics::default();
            let environments = selection.environments(&app, candidates.len() == 1, &mut found);
            let compiled: Vec<Compiled> = environments
                .iter()
                .filter_map(|environment| app.compile(environment, selection.kubernetes.as_deref(), &mut found))
                .collect();
            if let [first, second] = &compiled[..] {
                let title = format!("{}, {one} and {other}", app.spec.name);
                reviews.push(parity(title, side(&one, first), side(&other, second)));
            }
            findings.extend(found.resolve(&app.sources));
        }
        if !forbids(&findings) {
            selection.all_met()?;
        }
        findings.retain(|finding| finding.level == Level::Error);
        reviews.retain(|review| !review.is_empty());
        let exit = if reviews.is_empty() && !forbids(&findings) { Exit::Fine } else { Exit::Found };
        output::review(Report::compared(Against::Named, findings, reviews), &self.formats)?;
        Ok(exit)
    }
}

fn side<'s>(name: &'s str, compiled: &'s Compiled) -> Side<'s> {
    Side { name, namespace: &compiled.app.identity.namespace, bundle: &compiled.bundle }
}
