//! `graph`: an action needs the files that it names and no other, makes those that it names and no other, and the engines
//! that are there run it: Ninja, GNU make, Bazel.

use crate::affected::{git, repository};
use crate::commands::{root, statewright};
use crate::scratch::Scratch;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The program, as engines find it.
fn tool() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_statewright"))
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    let path = format!("{}:{}", tool().parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new(program).args(arguments).current_dir(folder).env("PATH", path).output().ok()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn texts(of: &Value) -> Vec<String> {
    of.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn actions(folder: &Path) -> Vec<Value> {
    let run = statewright(folder, &["graph"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let graph: Value = serde_json::from_str(&run.stdout).unwrap();
    graph["actions"].as_array().unwrap().clone()
}

/// A folder with the inputs of an action, as plain files, and nothing else.
fn only(folder: &Path, inputs: &[String]) -> Scratch {
    let scratch = Scratch::new("graph-action");
    for input in inputs {
        scratch.write(input, fs::read(folder.join(input)).unwrap());
    }
    scratch
}

fn plain_files(scratch: &Scratch) -> BTreeMap<String, String> {
    scratch.files().into_iter().filter(|(path, _)| !path.ends_with('/')).collect()
}

#[test]
fn an_action_needs_its_inputs_alone_and_makes_its_outputs() {
    let repository = repository();
    let actions = actions(repository.path());
    assert_eq!(actions.len(), 14, "seven apps in two environments");
    let (mut made, mut traced) = (BTreeSet::new(), 0);
    for action in &actions {
        let (inputs, arguments) = (texts(&action["inputs"]), texts(&action["arguments"]));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let folder = action["folder"].as_str().unwrap();
        let alone = only(repository.path(), &inputs);
        let run = statewright(alone.path(), &arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        let mut files = plain_files(&alone);
        for input in &inputs {
            files.remove(input);
        }
        let outputs: Vec<String> = texts(&action["outputs"]).iter().map(|name| format!("{folder}/{name}")).collect();
        assert_eq!(files.keys().collect::<Vec<_>>(), outputs.iter().collect::<Vec<_>>(), "{arguments:?}");
        for (path, text) in files {
            assert_eq!(text, fs::read_to_string(repository.path().join(&path)).unwrap(), "{path}");
            made.insert(path);
        }
        traced += usize::from(read_is_declared(&only(repository.path(), &inputs), &arguments, &inputs));
    }
    let committed = git(repository.path(), &["ls-files"]).unwrap();
    let committed: BTreeSet<String> =
        committed.lines().filter(|path| path.contains("deploy/")).map(str::to_owned).collect();
    assert_eq!(made, committed, "all that is committed is made by somebody");
    if traced == 0 {
        println!("left out: which files an action opens, because strace is not there or may not trace");
    }
}

/// Whether the files that a run opens were watched. They are the inputs, each of them.
fn read_is_declared(alone: &Scratch, arguments: &[&str], inputs: &[String]) -> bool {
    let log = Scratch::new("graph-trace");
    let trace = log.path().join("opened");
    let (trace, top) = (trace.to_str().unwrap(), fs::canonicalize(alone.path()).unwrap());
    let program = [&["-f", "-y", "-e", "trace=openat", "-o", trace, tool().to_str().unwrap()], arguments].concat();
    let Some(true) = run(alone.path(), "strace", &program).map(|output| output.status.success()) else { return false };
    let opened = fs::read_to_string(trace).unwrap();
    // `openat(…) = 3</where/it/is>` of what is there and read.
    let files = opened.lines().filter(|line| line.contains("O_RDONLY") && !line.contains("O_DIRECTORY"));
    let places = files.filter_map(|line| line.rsplit_once(" = ")?.1.split_once('<')?.1.split_once('>'));
    let inside = places.filter_map(|(place, _)| Some(Path::new(place).strip_prefix(&top).ok()?.to_str()?.to_owned()));
    let opened: BTreeSet<String> =
        inside.filter(|path| top.join(path).is_file() && !path.contains("deploy/")).collect();
    assert_eq!(opened, inputs.iter().cloned().collect(), "{arguments:?}");
    true
}

/// What an engine of builds does with a repository of which the manifests are gone: all of it once, nothing the second
/// time, and after a change what that app needs.
fn built_by(form: &str, file: &str, program: &str, idle: &str) {
    let repository = repository();
    let folder = repository.path();
    repository.write(file, statewright(folder, &["graph", "-o", form]).stdout);
    for gone in ["fleet/deploy", "loose/own/deploy", "loose/other/deploy"] {
        fs::remove_dir_all(folder.join(gone)).unwrap();
    }
    let Some(first) = run(folder, program, &["-j", "2"]) else {
        return println!("left out: the graph by {program}, which is not there");
    };
    assert!(first.status.success(), "{}", said(&first));
    assert_eq!(git(folder, &["status", "--porcelain", "--", "fleet", "loose"]).unwrap(), "", "all is as committed");
    let second = run(folder, program, &[]).unwrap();
    assert!(second.status.success() && said(&second).contains(idle), "{}", said(&second));
    let spec = folder.join("fleet/apps/plain/statewright.yaml");
    fs::write(&spec, fs::read_to_string(&spec).unwrap().replace(":1.0", ":1.1")).unwrap();
    let third = run(folder, program, &[]).unwrap();
    assert!(third.status.success(), "{}", said(&third));
    let changed = git(folder, &["diff", "--name-only", "--", "*deploy*"]).unwrap();
    let expected = ["dev", "prod"].map(|environment| format!("fleet/deploy/{environment}/plain"));
    for path in changed.lines() {
        assert!(expected.iter().any(|folder| path.starts_with(folder)), "{changed}");
    }
    assert!(changed.contains("StatefulSet-plain.yaml"), "{changed}");
    // `asking` asks for `plain`, and so for all specs of its workspace.
    let said = said(&third);
    assert!(said.contains("plain") && said.contains("asking") && !said.contains("disks"), "{said}");
    let fourth = run(folder, program, &[]).unwrap();
    assert!(fourth.status.success() && self::said(&fourth).contains(idle), "{}", self::said(&fourth));
}

#[test]
fn ninja_runs_what_changed() {
    built_by("ninja", "build.ninja", "ninja", "no work to do");
}

#[test]
fn make_runs_what_changed() {
    let version = run(&root(), "make", &["--version"]).map(|output| said(&output)).unwrap_or_default();
    let mut words = version.strip_prefix("GNU Make ").unwrap_or_default().split(['.', '\n']).map(str::parse::<u32>);
    if words.next().and_then(Result::ok).zip(words.next().and_then(Result::ok)) < Some((4, 3)) {
        return println!("left out: the graph by GNU make, because 4.3 is not there");
    }
    built_by("make", "Makefile", "make", "Nothing to be done");
}

/// A server of Bazel's own, that goes with the test.
struct Bazel<'f> {
    folder: &'f Path,
    place: Scratch,
}

impl Bazel<'_> {
    fn run(&self, arguments: &[&str]) -> Option<Output> {
        let place = format!("--output_user_root={}", self.place.path().display());
        let home = self.place.path().to_str().unwrap();
        let mut command = Command::new("bazel");
        command.arg(place).args(arguments).current_dir(self.folder).env("HOME", home).output().ok()
    }

    /// How many actions it ran by itself, not from its cache.
    fn ran(&self) -> usize {
        let output = self.run(&["build", "//:manifests"]).unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let said = said(&output);
        let line = said.lines().rev().find(|line| line.contains(" process")).unwrap_or_default().to_owned();
        let counted = line.split([':', ',']).filter(|part| part.contains("sandbox") || part.contains("local"));
        counted.filter_map(|part| part.trim().split(' ').next()?.trim_end_matches('.').parse::<usize>().ok()).sum()
    }
}

impl Drop for Bazel<'_> {
    fn drop(&mut self) {
        drop(self.run(&["shutdown"]));
        // What it made is not to be written by anybody.
        drop(Command::new("chmod").args(["-R", "u+w"]).arg(self.place.path()).status());
    }
}

#[test]
fn bazel_runs_what_changed_in_a_sandbox() {
    let repository = repository();
    let folder = repository.path();
    let bazel = Bazel { folder, place: Scratch::new("graph-bazel") };
    if bazel.run(&["--version"]).is_none() {
        return println!("left out: the graph by Bazel, which is not there");
    }
    repository.write("BUILD.bazel", statewright(folder, &["graph", "-o", "bazel"]).stdout);
    repository.write("WORKSPACE", "");
    fs::copy(root().join("integrations/bazel/statewright.bzl"), folder.join("statewright.bzl")).unwrap();
    fs::create_dir(folder.join("bin")).unwrap();
    fs::copy(tool(), folder.join("bin/statewright")).unwrap();
    assert_eq!(bazel.ran(), 14);
    let check = |actions: &[Value]| {
        for action in actions {
            let spec = Path::new(action["spec"].as_str().unwrap()).parent().unwrap().to_str().unwrap().to_owned();
            let environment = action["environment"].as_str().unwrap();
            for name in texts(&action["outputs"]) {
                let made = format!("bazel-bin/{spec}.{environment}.manifests/{environment}/{name}");
                let committed = folder.join(action["folder"].as_str().unwrap()).join(&name);
                assert_eq!(fs::read(folder.join(&made)).unwrap(), fs::read(committed).unwrap(), "{made}");
            }
        }
    };
    let actions = actions(folder);
    check(&actions);
    assert_eq!(bazel.ran(), 0, "nothing changed");
    let spec = folder.join("fleet/apps/disks/statewright.yaml");
    fs::write(&spec, fs::read_to_string(&spec).unwrap().replace(":1.0", ":1.1")).unwrap();
    assert_eq!(statewright(folder, &["compile"]).code, 0);
    // Both environments of the app itself, and of the one that asks for another.
    assert_eq!(bazel.ran(), 4);
    check(&actions);
    // A file that is read and not declared is not there.
    let build = fs::read_to_string(folder.join("BUILD.bazel")).unwrap();
    repository.write("BUILD.bazel", build.replace("        \"fleet/templates/extra.yaml\",\n", ""));
    let output = bazel.run(&["build", "//:manifests"]).unwrap();
    assert!(!output.status.success() && said(&output).contains("templates/extra.yaml"), "{}", said(&output));
}

#[test]
fn jobs_have_all_apps_once_and_about_as_much_to_do() {
    let repository = repository();
    let weights: BTreeMap<String, u64> = actions(repository.path()).iter().fold(BTreeMap::new(), |mut all, action| {
        *all.entry(action["spec"].as_str().unwrap().to_owned()).or_default() += action["weight"].as_u64().unwrap();
        all
    });
    for (jobs, expected) in [("1", 1), ("3", 3), ("100", 7)] {
        let run = statewright(repository.path(), &["graph", "-o", "matrix", "--jobs", jobs]);
        assert_eq!((run.code, run.stdout.lines().count()), (0, 1), "{}", run.stderr);
        let matrix: Value = serde_json::from_str(&run.stdout).unwrap();
        let jobs: Vec<Vec<&str>> = matrix["include"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["paths"].as_str().unwrap().split(' ').collect())
            .collect();
        assert_eq!(jobs.len(), expected);
        let mut specs: Vec<&str> = jobs.iter().flatten().copied().collect();
        specs.sort_unstable();
        assert_eq!(specs, weights.keys().map(String::as_str).collect::<Vec<_>>());
        let sums: Vec<u64> = jobs.iter().map(|specs| specs.iter().map(|spec| weights[*spec]).sum()).collect();
        let largest = weights.values().max().unwrap();
        assert!(sums.iter().max().unwrap() - sums.iter().min().unwrap() <= *largest, "{sums:?}");
    }
}

#[test]
fn argo_cd_watches_what_can_change_an_app() {
    let repository = repository();
    let run = statewright(repository.path(), &["graph", "-o", "argocd"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let list: Vec<Value> = serde_yaml::from_str(&run.stdout).unwrap();
    let watched = |app: &str| {
        let one = list.iter().find(|one| one["app"] == app && one["environment"] == "dev").unwrap();
        let text = one["annotations"]["argocd.argoproj.io/manifest-generate-paths"].as_str().unwrap();
        (one["path"].as_str().unwrap().to_owned(), text.split(';').map(str::to_owned).collect::<Vec<_>>())
    };
    let shared = ["/fleet/statewright-workspace.yaml", "/fleet/templates/extra.yaml", "/fleet/crds", "/fleet/facts"];
    let expected = |own: &[&str], more: &[&str]| -> Vec<String> {
        own.iter().chain(&shared).chain(more).map(|&path| path.to_owned()).collect()
    };
    assert_eq!(watched("plain"), ("fleet/apps/plain".to_owned(), expected(&["/fleet/apps/plain"], &[])));
    assert_eq!(watched("linked").1, expected(&["/fleet/apps/linked", "/shared/a.conf"], &[]));
    assert_eq!(watched("asking").1, expected(&["/fleet/apps/asking"], &["/fleet"]));
    assert_eq!(watched("own"), ("loose/own".to_owned(), vec!["/loose/own".to_owned()]));
    // Each input lies in what is watched.
    for action in actions(repository.path()) {
        for input in texts(&action["inputs"]) {
            let is_in = |watched: &String| format!("/{input}").starts_with(watched.as_str());
            assert!(texts(&action["watched"]).iter().any(is_in), "{input}: {action}");
        }
    }
}

#[test]
fn half_a_graph_is_none() {
    let repository = repository();
    let below = repository.path().join("fleet/apps");
    let run = statewright(&below, &["graph"]);
    assert!(run.code == 2 && run.stderr.contains("run it at the top of the repository"), "{}", run.stderr);
    let spec = repository.path().join("fleet/apps/plain/statewright.yaml");
    fs::write(&spec, fs::read_to_string(&spec).unwrap().replace("replicas:", "replica:")).unwrap();
    for form in ["json", "ninja", "bazel", "matrix", "argocd"] {
        let run = statewright(repository.path(), &["graph", "-o", form]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{form}");
        assert!(run.stderr.contains("unknown-field"), "{form}: {}", run.stderr);
    }
    fs::rename(repository.path().join("loose/own"), repository.path().join("loose/my own: $app")).unwrap();
    let run = statewright(repository.path(), &["graph", "-o", "make", "loose"]);
    assert!(run.code == 2 && run.stderr.contains("make cannot be given the path"), "{}", run.stderr);
    let run = statewright(repository.path(), &["graph", "-o", "matrix", "loose"]);
    assert!(run.code == 2 && run.stderr.contains("separated by blanks"), "{}", run.stderr);
    let run = statewright(repository.path(), &["graph", "-o", "ninja", "loose"]);
    assert!(run.code == 0 && run.stdout.contains("loose/my$ own$:$ $$app/statewright.yaml"), "{}", run.stdout);
}
