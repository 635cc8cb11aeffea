//! Runbooks about objects whose names mean harm: their commands, run in a shell, call kubectl and nothing else, and no
//! name becomes an option.

use crate::commands::root;
use crate::scratch::Scratch;
use statewright::bundle::Bundle;
use statewright::cluster::facts::ClusterFacts;
use statewright::diagnostic::Diagnostics;
use statewright::k8s::version::Version;
use statewright::review::{Setting, review};
use statewright::source::Sources;
use statewright::value::{Data, Node};
use statewright::{layout, manifests};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What stands in the place of a text, or after it.
const HARM: &[&str] = &[
    "--kubeconfig=/tmp/evil",
    "-n",
    "-x",
    "--",
    "-",
    "$(stray)",
    "`stray`",
    "'; stray; '",
    "\"; stray; \"",
    "\nstray\n",
    "; stray #",
    "& stray &",
    "| stray",
    "a\r\nstray",
    "~/x",
    "*",
    "!!",
    "{a,b}",
    "\\'; stray;'",
    "\u{2028}stray",
    "ü 😀",
    "$'\\x60stray\\x60'",
    "${IFS}stray",
    "<(stray)",
    "-o=jsonpath={.x}",
    "--=",
];

/// The options that runbooks use, without the values that follow some.
const OPTIONS: &[&str] = &[
    "-n",
    "-f",
    "-l",
    "-p",
    "-o",
    "--type",
    "--save-config",
    "--local",
    "--ignore-not-found",
    "--overwrite",
    "--no-headers",
    "--show-labels",
];
/// Those that come with their value.
const WITH_VALUE: &[&str] = &[
    "--namespace",
    "--selector",
    "--for",
    "--timeout",
    "--replicas",
    "--cascade",
    "--wait",
    "--project",
    "--zone",
    "--size",
];
/// Those whose value is the next word.
const VALUE_NEXT: &[&str] = &["-n", "-f", "-l", "-p", "-o", "--type"];

#[test]
fn no_name_becomes_an_option_or_a_command() {
    let (mut cases, mut commands) = (0, 0);
    for entry in fs::read_dir(root().join("tests/runbooks")).unwrap() {
        let folder = entry.unwrap().path();
        let (all, mut list) = (texts(&folder), BTreeSet::new());
        for (number, text) in all.iter().enumerate() {
            let harm = HARM[(number + cases * 7) % HARM.len()];
            let whole = number % 2 == 0;
            list.extend(steps(&folder, text, &if whole { harm.to_owned() } else { format!("{harm}{text}") }));
            // What stands first in a word may make an option of it: a kind, a namespace, a name.
            list.extend(steps(&folder, text, &format!("--kubeconfig={text}")));
        }
        commands += run(&list, &folder);
        cases += 1;
    }
    assert!(cases > 30 && commands > 1000, "only {commands} commands of {cases} cases");
}

/// The texts of a case that could be the name of something.
fn texts(folder: &Path) -> Vec<String> {
    fn walk(node: &Node, list: &mut BTreeSet<String>) {
        match &node.data {
            Data::Text(text) if text.len() < 40 => drop(list.insert(text.to_string())),
            Data::Map(map) => map.iter().for_each(|(key, value)| {
                let is_label = !key.name.chars().all(|letter| letter.is_ascii_alphabetic());
                if is_label {
                    list.insert(key.name.to_string());
                }
                walk(value, list);
            }),
            Data::List(items) => items.iter().for_each(|item| walk(item, list)),
            _ => {}
        }
    }
    let (mut list, mut sources) = (BTreeSet::new(), Sources::default());
    for bundle in both(folder, &mut sources) {
        bundle.resources.iter().for_each(|resource| walk(&resource.node, &mut list));
    }
    list.into_iter().filter(|text| !["v1", "apps/v1", "StatefulSet"].contains(&&**text)).collect()
}

fn both(folder: &Path, sources: &mut Sources) -> [Bundle; 2] {
    ["old.yaml", "new.yaml"].map(|name| {
        let id = sources.add(name, fs::read_to_string(folder.join(name)).unwrap());
        manifests(sources, &[id], &mut Diagnostics::default())
    })
}

/// All commands of the runbooks for a case in which one text is another.
fn steps(folder: &Path, text: &str, instead: &str) -> Vec<String> {
    fn replace(node: &mut Node, text: &str, instead: &str) {
        let at = node.at;
        match &mut node.data {
            Data::Text(said) if said.as_str() == text => *node = Node::text(instead, at),
            Data::Map(map) => map.iter_mut().for_each(|(_, value)| replace(value, text, instead)),
            Data::List(items) => items.iter_mut().for_each(|item| replace(item, text, instead)),
            _ => {}
        }
    }
    let mut sources = Sources::default();
    let bundles = both(folder, &mut sources).map(|bundle| {
        let mut written = String::new();
        for resource in bundle.resources {
            let mut node = resource.node;
            replace(&mut node, text, instead);
            let again = statewright::bundle::Resource::new(node).map(|resource| {
                let mut bundle = Bundle::default();
                bundle.resources.push(resource);
                bundle
            });
            written.push_str(
                &again.map(|bundle| layout::stream(&bundle, layout::Form::Json) + "\n---\n").unwrap_or_default(),
            );
        }
        // A key is a text too.
        let quoted = |text: &str| serde_json::to_string(text).unwrap() + ":";
        let id = sources.add("again.yaml", written.replace(&quoted(text), &quoted(instead)));
        manifests(&sources, &[id], &mut Diagnostics::default())
    });
    let [old, new] = &bundles;
    let facts = ClusterFacts::of_version(Version::default());
    // Each manifest has a file that is called like what is in it.
    let files = new
        .resources
        .iter()
        .map(|resource| (resource.id.clone(), format!("{}-{}.yaml", instead, resource.id.name).into()))
        .collect();
    let setting = Setting {
        version: Version::default(),
        facts: &facts,
        namespace: "default",
        acknowledged: &[],
        home: None,
        files: &files,
        live: None,
    };
    let review = review("x".into(), old, new, setting);
    let steps = review.judgement.runbooks.into_iter().flat_map(|runbook| runbook.steps);
    steps.flat_map(|step| [Some(step.command), step.check]).flatten().map(|command| command.to_string()).collect()
}

/// Runs commands in a shell in which there is nothing but what they may call, and looks at what they called it with.
fn run(commands: &BTreeSet<String>, folder: &Path) -> usize {
    let scratch = Scratch::new("hostile-runbooks");
    let log = scratch.path().join("log");
    let mut script = String::from("PATH=/nowhere\nsleep() { :; }\nwc() { echo 3; }\n");
    for program in ["kubectl", "gcloud", "aws", "az"] {
        let _ = writeln!(
            script,
            "{program}() {{ printf '%s\\036' {program} \"$@\" >>\"$LOG\"; printf '\\035' >>\"$LOG\"; case \" $* \" \
                in *' describe '*|*' show '*) return 1;; esac; echo found; }}"
        );
    }
    for command in commands {
        let _ = writeln!(script, "{command}");
    }
    let file = scratch.write("script", script);
    let place = scratch.path().join("empty");
    fs::create_dir(&place).unwrap();
    for shell in ["sh", "bash"] {
        let _ = fs::remove_file(&log);
        let output = Command::new(shell).arg(&file).env("LOG", &log).current_dir(&place).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.is_empty(), "{}: {shell} says {said}", folder.display());
        assert!(fs::read_dir(&place).unwrap().next().is_none(), "{}: a command wrote a file", folder.display());
        let calls = String::from_utf8(fs::read(&log).unwrap_or_default()).unwrap();
        for call in calls.split_terminator('\u{1d}') {
            let words: Vec<&str> = call.split_terminator('\u{1e}').collect();
            let mut words = words.iter();
            while let Some(word) = words.next() {
                if *word == "--" {
                    break;
                }
                let known =
                    OPTIONS.contains(word) || word.split_once('=').is_some_and(|(name, _)| WITH_VALUE.contains(&name));
                let cloud = [
                    "--project",
                    "--zone",
                    "--size",
                    "--volume-id",
                    "--quiet",
                    "--name",
                    "--resource-group",
                    "--subscription",
                    "--size-gb",
                ]
                .contains(word);
                assert!(
                    !word.starts_with('-') || known || cloud,
                    "{}: {word:?} has become an option in {call:?}",
                    folder.display()
                );
                if VALUE_NEXT.contains(word) {
                    let value = words.next().unwrap_or_else(|| panic!("{word} lacks its value in {call:?}"));
                    assert!(
                        !value.starts_with('-') || *value == "-",
                        "{}: {value:?} looks like an option in {call:?}",
                        folder.display()
                    );
                }
            }
        }
    }
    commands.len()
}
