//! `argocd`: what Argo CD's config-management plugin runs.

use super::output;
use super::project::{Candidate, Selection, forbids};
use super::{Outcome, Result};
use crate::diagnostic::Diagnostics;
use crate::disk;
use crate::failure::Failure;
use crate::layout::{self, Form};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What Argo CD's config-management plugin runs.
#[derive(Debug, Args)]
pub(super) struct Argocd {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the manifests of the app in the current folder.
    Generate(Generate),
}

#[derive(Debug, Args)]
struct Generate {
    /// The environment; may be left out where there is one only.
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<String>,
}

impl Argocd {
    pub(super) fn run(self) -> Result {
        match self.what {
            What::Generate(generate) => generate.run(),
        }
    }
}

impl Generate {
    fn run(self) -> Result {
        let selection = Selection { paths: vec![PathBuf::from(disk::SPEC)], environments: Vec::new(), kubernetes: None };
        let candidates: Vec<Candidate> = selection.candidates()?;
        let mut findings = super::compile::workspace_findings(&candidates);
        let mut stream = String::new();
        if let Some(app) = candidates[0].load(&mut findings)? {
            let names = app.environments();
            let environment = match (self.environment, &names[..]) {
                (Some(name), _) if names.contains(&name) => name,
                (None, [only]) => only.clone(),
                (asked, _) => {
                    let message =
                        asked.map_or_else(|| "say which environment".to_owned(), |asked| format!("there is no environment `{asked}`"));
                    return Err(Failure::new(format!("{message}; there are {}", names.join(", "))));
                }
            };
            let mut found = Diagnostics::default();
            if let Some(compiled) = app.compile(&environment, None, &mut found) {
                stream = layout::stream(&compiled.bundle, Form::Yaml);
            }
            findings.extend(found.resolve(&app.sources));
        }
        if forbids(&findings) {
            findings.retain(|finding| finding.level == crate::diagnostic::Level::Error);
            output::findings(&findings, &[])?;
            return Ok(Outcome::Found);
        }
        if stream.is_empty() {
            // An empty success would make Argo CD take everything away.
            return Err(Failure::new("this app has no objects"));
        }
        output::data(&stream);
        Ok(Outcome::Fine)
    }
}
