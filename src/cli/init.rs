//! `init`: something to start from.

use super::like::EXAMPLES;
use super::output;
use super::{Exit, Result};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use crate::k8s::name::is_dns_label;
use crate::shell;
use crate::value::Node;
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Write a spec to start from.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The app's folder; default: this one.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Start from the spec of an app that is known, with the files that it names.
    #[arg(long, value_name = "APP", value_parser = PossibleValuesParser::new(EXAMPLES.iter().map(|example| example.name)))]
    like: Option<String>,
    /// The app's name; default: that of the folder, or of the app that it is like.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// An environment that it has; can be given several times. Default: those of the spec that it starts from.
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Also write a workspace, with the CI step, the hook and Argo CD's Application.
    #[arg(long)]
    workspace: bool,
}

const APP: &str = include_str!("scaffold/statewright.yaml");
const WORKSPACE: &str = include_str!("scaffold/statewright-workspace.yaml");
const APPLICATION: &str = include_str!("scaffold/application.yaml");
/// Where these are looked for: at the top of the repository.
const AT_TOP: [(&str, &str); 2] = [
    (".github/workflows/statewright.yaml", include_str!("scaffold/workflow.yaml")),
    (".pre-commit-config.yaml", include_str!("scaffold/pre-commit-config.yaml")),
];
/// What stands in scaffolds where only the user knows better.
const TO_FILL_IN: [&str; 3] = ["registry.example.com/", "git.example.com/", "your-org/"];

impl Init {
    pub(super) fn run(self) -> Result {
        let name = self.app_name()?;
        let mut environments: Vec<&str> = Vec::new();
        for environment in &self.environments {
            if !is_dns_label(environment) {
                return Err(unusable("an environment", environment));
            }
            if !environments.contains(&environment.as_str()) {
                environments.push(environment);
            }
        }
        let folder = self.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        let example = self.like.as_ref().and_then(|like| EXAMPLES.iter().find(|example| example.name == *like));
        let spec = example.map_or_else(|| APP.replace("{name}", &name), |example| example.named(&name));
        let spec = with_environments(&spec, &environments);
        let beside = example.map(|example| example.files).unwrap_or_default();
        let mut files = vec![(folder.join(disk::SPEC), spec.clone())];
        files.extend(beside.iter().map(|(path, text)| (folder.join(path), (*text).to_owned())));
        let beside: BTreeMap<String, String> =
            beside.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let compiled = crate::compile_text(&spec, &beside);
        if self.workspace {
            files.extend(workspace(&folder, &name, &environments, &compiled)?);
        }
        let reach = Reach::default();
        let mut left = String::new();
        for (path, text) in &files {
            let written = disk::write_new(&reach, path, text)?;
            let path = disk::name_of(path);
            output::talk(&format!("{} {path}\n", if written { "wrote" } else { "left as it is:" }));
            if written {
                left += &to_fill_in(&path, text);
            }
        }
        if !left.is_empty() {
            output::talk(&format!("to fill in:\n{left}"));
        }
        let secrets = secrets(&compiled);
        if !secrets.is_empty() {
            output::talk(&format!("it needs in its namespace: {}\n", secrets.join(", ")));
        }
        output::talk(&next(&folder, compiled.bundles.keys().next_back().map(String::as_str)));
        Ok(Exit::Fine)
    }

    /// The name that was given, or one made of the folder's or the example's.
    fn app_name(&self) -> std::result::Result<String, Failure> {
        if let Some(name) = &self.name {
            return if is_dns_label(name) && name.len() <= 52 {
                Ok(name.clone())
            } else {
                Err(unusable("an app", name))
            };
        }
        match (&self.folder, &self.like) {
            (None, Some(like)) => Ok(like.clone()),
            (folder, _) => name_of(folder.as_deref().unwrap_or(Path::new("."))),
        }
    }
}

fn unusable(what: &str, name: &str) -> Failure {
    let name = crate::printable::line(name);
    Failure::new(format!("`{name}` cannot name {what}: use lowercase letters, digits and `-`, at most 52"))
}

/// What is there for all apps, and for the servers that read it.
fn workspace(
    folder: &Path,
    name: &str,
    environments: &[&str],
    compiled: &crate::import::Compiled,
) -> std::result::Result<Vec<(PathBuf, String)>, Failure> {
    let top = disk::repository_of(folder)?.unwrap_or_else(|| folder.to_owned());
    let below = std::path::absolute(folder).map_err(|error| Failure::io("read", folder, &error))?;
    let absolute_top = std::path::absolute(&top).map_err(|error| Failure::io("read", &top, &error))?;
    let below = below.strip_prefix(absolute_top).unwrap_or(Path::new("")).components();
    let below = below.fold(String::new(), |below, part| below + &part.as_os_str().to_string_lossy() + "/");
    let environment = environments.last().copied().unwrap_or("prod");
    let namespace = compiled.bundles.get(environment).and_then(|bundle| {
        bundle.resources.iter().find(|resource| resource.id.kind == "StatefulSet").map(|set| &*set.id.namespace)
    });
    let namespace = namespace.filter(|namespace| !namespace.is_empty()).unwrap_or("default");
    let application = [("{name}", name), ("{env}", environment), ("{below}", &below), ("{namespace}", namespace)]
        .into_iter()
        .fold(APPLICATION.to_owned(), |text, (hole, value)| text.replace(hole, value));
    let mut files = vec![
        (folder.join(disk::WORKSPACE), with_environments(WORKSPACE, environments)),
        (folder.join("argocd/application.yaml"), application),
    ];
    files.extend(AT_TOP.iter().map(|(path, text)| (top.join(path), (*text).to_owned())));
    Ok(files)
}

/// A spec or a workspace with these environments, which are its last part; with its own where none is given. One that it
/// does not have is as its first.
fn with_environments(text: &str, wanted: &[&str]) -> String {
    const HEAD: &str = "environments:\n";
    let Some((before, block)) = text.split_once(&format!("\n{HEAD}")).filter(|_| !wanted.is_empty()) else {
        return text.to_owned();
    };
    let mut own: Vec<(&str, String)> = Vec::new();
    for line in block.lines() {
        let key =
            line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#'])).and_then(|rest| rest.split_once(':'));
        match (key, own.last_mut()) {
            (Some((name, rest)), _) => own.push((name, format!("{rest}\n"))),
            (None, Some((_, last))) => {
                last.push_str(line);
                last.push('\n');
            }
            (None, None) => {}
        }
    }
    let mut out = format!("{before}\n{HEAD}");
    for environment in wanted {
        let rest = own.iter().find(|(name, _)| name == environment).or(own.first()).map_or(" {}\n", |(_, rest)| rest);
        let _ = write!(out, "  {environment}:{rest}");
    }
    out
}

/// The lines in which only the user knows what belongs there.
fn to_fill_in(path: &str, text: &str) -> String {
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        if TO_FILL_IN.iter().any(|placeholder| line.contains(placeholder)) {
            let _ = writeln!(out, "  {path}:{}: {}", number + 1, line.trim());
        }
    }
    out
}

/// The Secrets that its pods name, each with its keys as far as they are said.
fn secrets(compiled: &crate::import::Compiled) -> Vec<String> {
    let mut secrets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for resource in compiled.bundles.values().flat_map(|bundle| &bundle.resources) {
        gather(&resource.node, &mut secrets);
    }
    let said = |(name, keys): (&str, BTreeSet<&str>)| match keys.len() {
        0 => format!("Secret {name}"),
        _ => format!("Secret {name} ({})", keys.into_iter().collect::<Vec<_>>().join(", ")),
    };
    secrets.into_iter().map(said).collect()
}

fn gather<'n>(node: &'n Node, secrets: &mut BTreeMap<&'n str, BTreeSet<&'n str>>) {
    for (key, value) in node.entries() {
        let named = |field: &str| value.get(field).and_then(Node::as_str);
        match &*key.name {
            "secretKeyRef" => secrets.entry(named("name").unwrap_or_default()).or_default().extend(named("key")),
            "secretRef" => drop(secrets.entry(named("name").unwrap_or_default()).or_default()),
            "secret" if named("secretName").is_some() => {
                let keys = value.get("items").into_iter().flat_map(Node::items);
                let keys = keys.filter_map(|item| item.get("key").and_then(Node::as_str));
                secrets.entry(named("secretName").unwrap_or_default()).or_default().extend(keys);
            }
            _ => {}
        }
        gather(value, secrets);
    }
    node.items().for_each(|item| gather(item, secrets));
}

/// What one does with it then.
fn next(folder: &Path, environment: Option<&str>) -> String {
    let folder = disk::name_of(folder);
    let word = shell::word(&folder);
    let place = if folder == "." { String::new() } else { format!(" {word}") };
    let environment = environment.map(|environment| format!(" --env {environment}")).unwrap_or_default();
    format!(
        "next: statewright check{place}\n      statewright compile{place}\n      \
        statewright rehearse{environment} {word}\n"
    )
}

/// The folder's name as an app's name.
fn name_of(folder: &Path) -> std::result::Result<String, Failure> {
    let absolute = std::path::absolute(folder).map_err(|error| Failure::io("read", folder, &error))?;
    let name = absolute.file_name().map_or_else(String::new, |name| name.to_string_lossy().to_lowercase());
    let name: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let name = name.trim_matches('-').trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
    Ok(if name.is_empty() { "app".to_owned() } else { name.chars().take(52).collect() })
}
