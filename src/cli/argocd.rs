//! `argocd`: what Argo CD's config-management plugin runs, in a copy of the repository that it makes for each request. Needs no git, no
//! HOME and no writable folder; what it prints depends on the files and on what Argo CD says, never on where the copy lies.
#![expect(clippy::disallowed_methods, reason = "Argo CD speaks to its plugins through the environment")]

use super::output;
use super::project::{Loaded, Selection, forbids};
use super::{Outcome, Result};
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk;
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::layout::{self, Form};
use crate::report::{Format, Report};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What Argo CD's config-management plugin runs.
#[derive(Debug, Args)]
pub(super) struct Argocd {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the manifests of the app in the current folder.
    Generate {
        /// The environment. Otherwise the parameter `env` says it, or the variable `ENV`, or the destination's namespace if only one
        /// environment has it.
        #[arg(long = "env", value_name = "NAME")]
        environment: Option<String>,
    },
    /// Print what the user may set, for Argo CD's user interface.
    Parameters,
}

/// Argo CD shows all of stderr to its users, and loses megabytes of it.
const MOST_SHOWN: usize = 5;

impl Argocd {
    pub(super) fn run(self) -> Result {
        match self.what {
            What::Generate { environment } => generate(environment),
            What::Parameters => parameters(),
        }
    }
}

fn generate(asked: Option<String>) -> Result {
    let mut findings = Vec::new();
    let app = load(&mut findings)?;
    let mut stream = String::new();
    if let Some(app) = &app {
        let mut found = Diagnostics::default();
        let environment = environment(app, asked)?;
        if let Some(compiled) = app.compile(&environment, kubernetes().as_deref(), &mut found) {
            stream = layout::stream(&compiled.bundle, Form::Yaml);
        }
        findings.extend(found.resolve(&app.sources));
    }
    if forbids(&findings) || app.is_none() {
        complain(findings);
        return Ok(Outcome::Found);
    }
    if stream.is_empty() {
        // Argo CD takes an empty success for an app without objects, and would take all of them away.
        return Err(Failure::new("this app has no objects"));
    }
    output::data(&stream);
    Ok(Outcome::Fine)
}

/// The app of the current folder.
fn load(findings: &mut Vec<Finding>) -> std::result::Result<Option<Loaded>, Failure> {
    if !Path::new(disk::SPEC).is_file() {
        return Err(Failure::new(format!("there is no {} in this folder; `path` in the Application must be the app's folder", disk::SPEC)));
    }
    let selection = Selection { paths: vec![PathBuf::from(disk::SPEC)], environments: Vec::new(), kubernetes: None, ceiling: Some(top()?) };
    let candidates = selection.candidates()?;
    findings.extend(super::compile::workspace_findings(&candidates));
    candidates.first().map_or(Ok(None), |candidate| candidate.load(findings))
}

/// The root of the copy: the current folder without its tail `ARGOCD_APP_SOURCE_PATH`, or the current folder itself when it does not end
/// in that. Above it lies what belongs to others.
fn top() -> std::result::Result<PathBuf, Failure> {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).map_err(|error| Failure::io("read", Path::new("."), &error))?;
    let tail = PathBuf::from(variable("ARGOCD_APP_SOURCE_PATH").unwrap_or_default());
    let tail: PathBuf = tail.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
    if tail.as_os_str().is_empty() || !here.ends_with(&tail) {
        return Ok(here);
    }
    Ok(here.ancestors().nth(tail.components().count()).unwrap_or(&here).to_owned())
}

/// Which environment is meant.
fn environment(app: &Loaded, asked: Option<String>) -> std::result::Result<String, Failure> {
    let names = app.environments();
    let known = names.join(", ");
    let asked = asked.or_else(parameter).or_else(|| variable("ARGOCD_ENV_ENV")).or_else(|| variable("ARGOCD_ENV_STATEWRIGHT_ENV"));
    if let Some(asked) = asked {
        let unknown = || Failure::new(format!("there is no environment `{asked}`; there are {known}"));
        return names.iter().find(|name| **name == asked).cloned().ok_or_else(unknown);
    }
    if let [only] = &names[..] {
        return Ok(only.clone());
    }
    let namespace = variable("ARGOCD_APP_NAMESPACE").unwrap_or_default();
    let lives_there = |name: &&String| {
        let merged =
            app.spec.layered(name, app.workspace().and_then(|workspace| workspace.shared(name)).as_ref(), &mut Diagnostics::default());
        let said = merged.as_ref().and_then(|merged| merged.get("namespace")).and_then(|node| node.as_str());
        !namespace.is_empty() && said == Some(namespace.as_str())
    };
    match names.iter().filter(lives_there).collect::<Vec<_>>()[..] {
        [only] => Ok(only.clone()),
        _ => Err(Failure::new(format!("say which environment, with the plugin's parameter `env`; there are {known}"))),
    }
}

/// The parameter `env` of the Application.
fn parameter() -> Option<String> {
    let parameters: Value = serde_json::from_str(&variable("ARGOCD_APP_PARAMETERS")?).ok()?;
    let named = parameters.as_array()?.iter().find(|parameter| parameter["name"] == "env")?;
    named["string"].as_str().filter(|value| !value.is_empty()).map(str::to_owned)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The cluster's version, as near as its rules are known.
fn kubernetes() -> Option<String> {
    let text = variable("KUBE_VERSION")?;
    if text.parse::<Version>().is_ok() {
        return Some(text);
    }
    let minor: u8 =
        text.trim_start_matches('v').split('.').nth(1)?.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()?;
    let known = if Version::minor(minor) > Version::NEWEST { Version::NEWEST } else { Version::OLDEST };
    Some(known.to_string())
}

/// The first errors, short: all of it ends up in Argo CD's user interface.
fn complain(mut findings: Vec<Finding>) {
    findings.retain(|finding| finding.level == Level::Error);
    let more = findings.len().saturating_sub(MOST_SHOWN);
    findings.truncate(MOST_SHOWN);
    let mut text = Format::Human.render(&Report::of(findings), false);
    if more > 0 {
        let _ = writeln!(text, "and {more} more");
    }
    output::talk(&text);
}

/// What the user may set.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Announcement {
    name: &'static str,
    title: &'static str,
    tooltip: String,
    required: bool,
    item_type: &'static str,
    collection_type: &'static str,
    string: String,
}

fn parameters() -> Result {
    let mut findings = Vec::new();
    let names = load(&mut findings).ok().flatten().map(|app| app.environments()).unwrap_or_default();
    let announcements: Vec<Announcement> = names
        .first()
        .map(|first| Announcement {
            name: "env",
            title: "Environment",
            tooltip: format!("One of {}", names.join(", ")),
            required: names.len() > 1,
            item_type: "string",
            collection_type: "string",
            string: if names.len() == 1 { first.clone() } else { String::new() },
        })
        .into_iter()
        .collect();
    let text = serde_json::to_string(&announcements).map_err(|error| Failure::new(error.to_string()))?;
    output::data(&format!("{text}\n"));
    Ok(Outcome::Fine)
}
