//! What is to be run for each app and environment, with all that it reads and writes, as engines of builds want it. Runs
//! nothing, and knows no file.

use crate::shell;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What makes the manifests of one app in one environment. Paths are from the folder that it is run in.
#[derive(Debug, Serialize)]
pub(crate) struct Action {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// The spec.
    pub spec: String,
    /// What follows the program's name.
    pub arguments: Vec<String>,
    /// Every file that it reads.
    pub inputs: Vec<String>,
    /// The folder of its manifests.
    pub folder: String,
    /// Every file that it makes, in that folder.
    pub outputs: Vec<String>,
    /// How many bytes those have: what it takes grows with them.
    pub weight: usize,
    /// The files and folders in which a change can make the manifests others, from the top of the repository.
    pub watched: Vec<String>,
}

impl Action {
    fn made(&self) -> impl Iterator<Item = String> {
        self.outputs.iter().map(|name| format!("{}/{name}", self.folder))
    }

    /// What it is called where all have names: beside whose spec, and the environment.
    fn name(&self) -> String {
        let folder = self.spec.rsplit_once('/').map_or(self.app.as_str(), |(folder, _)| folder);
        format!("{folder}.{}", self.environment)
    }
}

/// All of it, for programs.
pub(crate) fn json(actions: &[Action]) -> String {
    format!("{:#}\n", json!({"version": 1, "actions": actions}))
}

/// A file of Ninja. It writes the manifests to where they belong.
pub(crate) fn ninja(actions: &[Action]) -> String {
    let path = |path: &str| path.replace('$', "$$").replace(' ', "$ ").replace(':', "$:");
    let mut text =
        "# Made by `statewright graph -o ninja`.\nninja_required_version = 1.3\nstatewright = statewright\n\n\
        rule compile\n  command = $statewright $arguments\n  description = $what\n  restat = 1\n"
            .to_owned();
    for action in actions {
        let list = |paths: &mut dyn Iterator<Item = String>| {
            paths.map(|one| [" $\n    ", &path(&one)].concat()).collect::<String>()
        };
        let (outputs, inputs) = (list(&mut action.made()), list(&mut action.inputs.iter().cloned()));
        let _ = write!(text, "\nbuild{outputs}: compile{inputs}\n");
        let _ = writeln!(text, "  arguments = {}", quoted(action).replace('$', "$$"));
        let _ =
            writeln!(text, "  what = {} in {}", action.app.replace('$', "$$"), action.environment.replace('$', "$$"));
    }
    text
}

/// A file of GNU make, 4.3 or later. It writes the manifests to where they belong.
///
/// # Errors
/// When a path has a letter that make has no way to write.
pub(crate) fn make(actions: &[Action]) -> Result<String, String> {
    let mut text = "# Made by `statewright graph -o make`; for GNU make 4.3 or later.\nSTATEWRIGHT = statewright\n\
        .PHONY: manifests\nmanifests:\n"
        .to_owned();
    for action in actions {
        let mut lists = [Vec::new(), Vec::new()];
        for (list, paths) in lists.iter_mut().zip([action.made().collect(), action.inputs.clone()]) {
            for path in paths {
                if path.contains(|letter: char| letter.is_whitespace() || ":;=\\%*?[]~".contains(letter)) {
                    return Err(format!("make cannot be given the path `{path}`: use `-o ninja` or `-o json`"));
                }
                list.push(path.replace('$', "$$").replace('#', "\\#"));
            }
        }
        let [outputs, inputs] = lists.map(|list| list.join(" \\\n  "));
        let command = quoted(action).replace('$', "$$");
        // A manifest that is as it was is not written again, but is as new as what it is made of.
        let _ = write!(
            text,
            "\nmanifests: {outputs}\n{outputs} &: {inputs}\n\t$(STATEWRIGHT) {command}\n\t@touch {}\n",
            action.made().map(|path| shell::word(&path)).collect::<Vec<_>>().join(" ").replace('$', "$$")
        );
    }
    Ok(text)
}

fn quoted(action: &Action) -> String {
    action.arguments.iter().map(|word| shell::word(word)).collect::<Vec<_>>().join(" ")
}

/// A `BUILD.bazel` over the rule of integrations/bazel.
pub(crate) fn bazel(actions: &[Action]) -> String {
    let text_of = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let list =
        |paths: &[String]| paths.iter().map(|path| ["        ", &text_of(path), ",\n"].concat()).collect::<String>();
    let mut text =
        "# Made by `statewright graph -o bazel`.\nload(\":statewright.bzl\", \"statewright_manifests\")\n".to_owned();
    let mut names = Vec::new();
    for action in actions {
        let name = action.name();
        let _ = write!(
            text,
            "\nstatewright_manifests(\n    name = {},\n    env = {},\n    spec = {},\n    srcs = [\n{}    ],\n    outs = \
             [\n{}    ],\n)\n",
            text_of(&name),
            text_of(&action.environment),
            text_of(&action.spec),
            list(&action.inputs),
            list(&action.outputs),
        );
        names.push(format!(":{name}"));
    }
    let _ = write!(text, "\nfilegroup(\n    name = \"manifests\",\n    srcs = [\n{}    ],\n)\n", list(&names));
    text
}

/// The apps, shared out to so many jobs of a pipeline: each has about as much to do. One line of JSON.
///
/// # Errors
/// When a path has a blank, which is what paths are separated by.
pub(crate) fn matrix(actions: &[Action], jobs: usize) -> Result<String, String> {
    let mut apps: BTreeMap<&str, usize> = BTreeMap::new();
    for action in actions {
        if action.spec.contains(char::is_whitespace) {
            return Err(format!("a matrix cannot hold `{}`: paths in it are separated by blanks", action.spec));
        }
        *apps.entry(&action.spec).or_default() += action.weight;
    }
    let mut apps: Vec<(&str, usize)> = apps.into_iter().collect();
    // The largest first, each to whoever has least.
    apps.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    let mut shares: Vec<(usize, Vec<&str>)> = vec![(0, Vec::new()); jobs.clamp(1, apps.len().max(1))];
    for (spec, weight) in apps {
        if let Some(least) = shares.iter_mut().min_by_key(|(sum, _)| *sum) {
            least.0 += weight;
            least.1.push(spec);
        }
    }
    let mut include = Vec::new();
    for (number, (_, mut specs)) in shares.into_iter().enumerate() {
        specs.sort_unstable();
        include.push(json!({"job": number + 1, "paths": specs.join(" ")}));
    }
    Ok(format!("{}\n", json!({"include": include})))
}

/// What Argo CD is to watch for each Application, as the annotation that says so.
pub(crate) fn argocd(actions: &[Action]) -> String {
    let mut text = String::new();
    for action in actions {
        let folder = action.spec.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let _ = writeln!(text, "- app: {}\n  environment: {}", text_of(&action.app), text_of(&action.environment));
        let _ = writeln!(text, "  path: {}\n  annotations:", text_of(folder));
        let watched = action.watched.join(";");
        let _ = writeln!(text, "    argocd.argoproj.io/manifest-generate-paths: {}", text_of(&watched));
    }
    text
}

/// A text in YAML, as it is in JSON.
fn text_of(text: &str) -> String {
    json!(text).to_string()
}
