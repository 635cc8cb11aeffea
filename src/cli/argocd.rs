//! `argocd`: what Argo CD's config-management plugin runs, in a copy of the repository that it makes for each request.
//! Needs no git, no HOME and no writable folder; what it prints depends on the files and on what Argo CD says, never on
//! where the copy lies.
#![expect(clippy::disallowed_methods, reason = "Argo CD speaks to its plugins through the environment")]

use super::examples;
use super::output;
use super::project::{Loaded, Selection, forbids};
use super::{Exit, Result};
use crate::diagnostic::{Diagnostics, Finding, Level};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::layout::{self, Form};
use crate::report::{Format, Report};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

/// What Argo CD's config-management plugin runs.
#[derive(Debug, Args)]
pub(super) struct Argocd {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the manifests of the app in the current folder.
    #[command(after_help = examples::ARGOCD_GENERATE)]
    Generate {
        /// The environment. Otherwise the parameter `env` says it, or the variable `ENV`, or the destination's
        /// namespace if only one environment has it.
        #[arg(long = "env", value_name = "NAME")]
        environment: Option<String>,
    },
    /// Print what the user may set, for Argo CD's user interface.
    #[command(after_help = examples::ARGOCD_PARAMETERS)]
    Parameters,
}

/// Argo CD shows all of stderr to its users, and loses megabytes of it.
const MOST_FINDINGS: usize = 5;
const MOST_TEXT: usize = 6000;

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
        if let Some(environment) = environment(app, asked, &mut found)?
            && let Some(compiled) = app.compile(&environment, kubernetes().as_deref(), &mut found)
        {
            stream = layout::stream(&compiled.bundle, Form::Yaml);
        }
        findings.extend(found.resolve(&app.sources));
    }
    if forbids(&findings) || app.is_none() {
        complain(findings);
        return Ok(Exit::Found);
    }
    if stream.is_empty() {
        // Argo CD takes an empty success for an app without objects, and would take all of them away.
        return Err(Failure::new("this app has no objects"));
    }
    output::data(&stream)?;
    Ok(Exit::Fine)
}

/// The app of the current folder.
fn load(findings: &mut Vec<Finding>) -> std::result::Result<Option<Loaded>, Failure> {
    if !disk::is_there(Path::new(disk::SPEC)) {
        return Err(Failure::new(format!(
            "there is no {} in this folder; `path` in the Application must be the app's folder",
            disk::SPEC
        )));
    }
    let copy = Copy::around(&here()?, &variable("ARGOCD_APP_SOURCE_PATH").unwrap_or_default());
    let selection =
        Selection { paths: vec![PathBuf::from(disk::SPEC)], reach: Reach::below(&copy.root), ..Selection::default() };
    let candidates = selection.candidates()?;
    findings.extend(super::compile::workspace_findings(&candidates));
    let Some(candidate) = candidates.first() else { return Ok(None) };
    if !copy.whole && candidate.shared.is_none() {
        // The workspace may be among what is missing, and without it the manifests would be others.
        return Err(Failure::new(format!(
            "Argo CD copied only a part of the repository, and a {} may be missing; put the folder that it is in \
                into the Application's \
             annotation argocd.argoproj.io/manifest-generate-paths (`/` is the whole repository)",
            disk::WORKSPACE
        )));
    }
    candidate.load(findings)
}

fn here() -> std::result::Result<PathBuf, Failure> {
    disk::real(Path::new("."))
}

/// The copy of the repository that the app's folder is in. Above it lies what belongs to others.
#[derive(Debug, PartialEq, Eq)]
struct Copy {
    root: PathBuf,
    /// Whether the folders above the app's are in it.
    whole: bool,
}

impl Copy {
    /// `here` without its tail `path`, the app's folder in the repository. Where it does not end in that, the app's
    /// folder is a link, or Argo CD copied a part only; then the name that it gives to the folder of its copies says
    /// where the copy begins.
    fn around(here: &Path, path: &str) -> Self {
        let path: PathBuf = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect();
        if here.ends_with(&path) {
            let root = here.ancestors().nth(path.components().count()).unwrap_or(here);
            return Self { root: root.to_owned(), whole: true };
        }
        let is_copy =
            |folder: &&Path| folder.parent().and_then(Path::file_name).is_some_and(|name| name == "_cmp_server");
        match here.ancestors().find(is_copy) {
            Some(root) => {
                Self { root: root.to_owned(), whole: disk::real(&root.join(path)).is_ok_and(|linked| linked == here) }
            }
            None => Self { root: here.to_owned(), whole: true },
        }
    }
}

/// Which environment is meant. `None` when the spec is too wrong to say; what is wrong is in `found`.
fn environment(
    app: &Loaded,
    asked: Option<String>,
    found: &mut Diagnostics,
) -> std::result::Result<Option<String>, Failure> {
    let names = app.environments();
    let known = names.join(", ");
    let parameter = parameter()?;
    let asked =
        asked.or(parameter).or_else(|| variable("ARGOCD_ENV_ENV")).or_else(|| variable("ARGOCD_ENV_STATEWRIGHT_ENV"));
    if let Some(asked) = asked {
        let unknown = || Failure::new(format!("there is no environment `{}`; there are {known}", shown(&asked)));
        return names.iter().find(|name| **name == asked).cloned().ok_or_else(unknown).map(Some);
    }
    if let [only] = &names[..] {
        return Ok(Some(only.clone()));
    }
    let namespace = variable("ARGOCD_APP_NAMESPACE").unwrap_or_default();
    let mut unreadable = Diagnostics::default();
    let mut lives_there = |name: &&String| app.namespace(name, &mut unreadable).is_some_and(|own| own == namespace);
    match names.iter().filter(|name| lives_there(name)).collect::<Vec<_>>()[..] {
        [only] => Ok(Some(only.clone())),
        _ if unreadable.has_errors() => {
            found.extend(unreadable);
            Ok(None)
        }
        _ => Err(Failure::new(format!("say which environment, with the plugin's parameter `env`; there are {known}"))),
    }
}

/// The parameter `env` of the Application. Another one is a misspelling, and would go unnoticed.
fn parameter() -> std::result::Result<Option<String>, Failure> {
    let Some(text) = variable("ARGOCD_APP_PARAMETERS") else { return Ok(None) };
    let broken = |_| Failure::new("ARGOCD_APP_PARAMETERS is not what Argo CD writes there: a list of parameters");
    let parameters: Option<Vec<Parameter>> = serde_json::from_str(&text).map_err(broken)?;
    let mut environment = None;
    for Parameter { name, string } in parameters.unwrap_or_default() {
        if name != "env" {
            return Err(Failure::new(format!("there is no parameter `{}`; there is `env`", shown(&name))));
        }
        environment =
            Some(string.ok_or_else(|| Failure::new("the parameter `env` is one name: `{name: env, string: prod}`"))?);
    }
    Ok(environment.filter(|name| !name.is_empty()))
}

/// A parameter as Argo CD hands it over.
#[derive(Deserialize)]
struct Parameter {
    name: String,
    string: Option<String>,
}

/// Somebody's text inside a message: on one line, and short.
fn shown(text: &str) -> String {
    crate::printable::line(&text.chars().take(64).collect::<String>())
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
    let minor: u8 = text
        .trim_start_matches('v')
        .split('.')
        .nth(1)?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .ok()?;
    let known = if Version::minor(minor) > Version::NEWEST { Version::NEWEST } else { Version::OLDEST };
    Some(known.to_string())
}

/// The first errors, short: all of it ends up in Argo CD's user interface.
fn complain(mut findings: Vec<Finding>) {
    findings.retain(|finding| finding.level == Level::Error);
    let mut findings = output::once(&findings);
    let more = findings.len().saturating_sub(MOST_FINDINGS);
    findings.truncate(MOST_FINDINGS);
    let mut text = Format::Human.render(&Report::of(findings), false);
    if let Some((end, _)) = text.char_indices().nth(MOST_TEXT) {
        text.truncate(end);
        text.push_str("…\n");
    }
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
    output::data(&format!("{text}\n"))?;
    Ok(Exit::Fine)
}
