//! `--affected REV` says what a full run says, but for what was so at the revision already: repositories are changed at
//! random, in all ways in which people and git change them, and both runs are held against each other.
//! `STATEWRIGHT_MUTATIONS` says how many times, `STATEWRIGHT_MUTATION_SEED` where it begins.

use crate::commands::{Run, statewright};
use crate::scratch::Scratch;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]);
    command.args(["-c", "protocol.file.allow=always", "-c", "advice.addEmbeddedRepo=false"]).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(folder).output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Numbers that look like chance, and are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % below.max(1)
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        let at = self.next(of.len());
        of.get(at)
    }
}

fn spec(name: &str, more: &str) -> String {
    format!(
        "apiVersion: statewright/v1\nkind: App\nname: {name}\nimage: example.com/{name}:1.0\nreplicas: 2\n\
         ports: {{http: 8080}}\nstorage: {{data: {{mount: /data, size: 1Gi}}}}\n{more}"
    )
}

const VOLUMES: &str = "volumes: {hostPath: {path: '/srv/{{ pod }}', node: n1}}\n";
const ENVIRONMENTS: &str = "environments:\n  dev: {namespace: dev}\n  prod: {namespace: prod, replicas: 3}\n";

/// A repository with apps of all sorts: in a workspace with templates, facts and definitions, and without one; with
/// files, links, and apps that ask for each other.
pub(crate) fn repository() -> Scratch {
    let scratch = Scratch::new("affected");
    let dynamic = format!("volumes: {{dynamic: {{class: fast}}}}\n{ENVIRONMENTS}");
    let files = format!("files: {{/etc/app: {{a.conf: {{from: conf/a.conf}}}}}}\n{dynamic}");
    let disks = format!("{VOLUMES}{ENVIRONMENTS}");
    let asking =
        format!("env: {{PEERS: \"{{{{ app('plain').peers | map(attribute='fqdn') | join(',') }}}}\"}}\n{dynamic}");
    let text = [
        ("fleet/statewright-workspace.yaml", "apiVersion: statewright/v1\nkind: Workspace\ntemplates: [{file: templates/extra.yaml}]\ncrds: [crds]\nclusters:\n  dev: {manifests: ['facts/*.yaml']}\n".to_owned()),
        ("fleet/templates/extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ app }}-extra\"}\ndata: {a: b}\n".to_owned()),
        ("fleet/facts/classes.yaml", "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\nprovisioner: example.com/fast\n".to_owned()),
        ("fleet/crds/widget.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}\n  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n".to_owned()),
        ("fleet/apps/plain/statewright.yaml", spec("plain", &dynamic)),
        ("fleet/apps/disks/statewright.yaml", spec("disks", &disks)),
        ("fleet/apps/filed/statewright.yaml", spec("filed", &files)),
        ("fleet/apps/filed/conf/a.conf", "a = 1\n".to_owned()),
        ("fleet/apps/linked/statewright.yaml", spec("linked", &files)),
        ("fleet/apps/asking/statewright.yaml", spec("asking", &asking)),
        ("shared/a.conf", "shared = 1\n".to_owned()),
        ("loose/own/statewright.yaml", spec("own", &disks)),
        ("loose/other/statewright.yaml", spec("other", &dynamic)),
        ("README.md", "# Apps\n".to_owned()),
    ];
    for (path, text) in text {
        scratch.write(path, text);
    }
    fs::create_dir_all(scratch.path().join("fleet/apps/linked/conf")).unwrap();
    std::os::unix::fs::symlink("../../../../shared/a.conf", scratch.path().join("fleet/apps/linked/conf/a.conf"))
        .unwrap();
    let run = statewright(scratch.path(), &["compile"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    git(scratch.path(), &["init", "-q"]).unwrap();
    git(scratch.path(), &["add", "-A"]).unwrap();
    git(scratch.path(), &["commit", "-q", "-m", "first"]).unwrap();
    scratch
}

/// All plain files below a folder but git's and ours, and all links, by path from there.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let is_wanted =
        |entry: &walkdir::DirEntry| !matches!(entry.file_name().to_str(), Some(".git" | ".statewright-cache"));
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root).into_iter().filter_entry(is_wanted).filter_map(Result::ok) {
        let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if entry.file_type().is_symlink() {
            found.insert(path, fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned().into_bytes());
        } else if entry.file_type().is_file() {
            found.insert(path, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// Changes something. Gives what, in a few words.
#[expect(clippy::too_many_lines, reason = "a line for each way in which a repository changes")]
fn mutate(root: &Path, dice: &mut Dice) -> String {
    let paths: Vec<String> = files(root).into_keys().collect();
    let of = |end: &str| paths.iter().filter(|path| path.ends_with(end)).cloned().collect::<Vec<_>>();
    let (specs, outputs) =
        (of("statewright.yaml"), paths.iter().filter(|path| path.contains("deploy/")).cloned().collect::<Vec<_>>());
    let named = [
        "fleet/apps/filed/conf/a.conf",
        "shared/a.conf",
        "fleet/templates/extra.yaml",
        "fleet/facts/classes.yaml",
        "fleet/crds/widget.yaml",
    ];
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = fs::write(path, text);
    };
    let replace = |path: &str, from: &str, to: &str| {
        if let Ok(text) = fs::read_to_string(root.join(path)) {
            let _ = fs::write(root.join(path), text.replacen(from, to, 1));
        }
    };
    let remove = |path: &str| {
        let path = root.join(path);
        let _ = if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    };
    let a_spec = dice.one(&specs).cloned().unwrap_or_default();
    let folder = Path::new(&a_spec).parent().unwrap_or(Path::new("")).to_str().unwrap().to_owned();
    let an_output = dice.one(&outputs).cloned().unwrap_or_default();
    let a_named = (*dice.one(&named).unwrap()).to_owned();
    let number = dice.next(1000);
    let kind = dice.next(38);
    match kind {
        0 => replace(&a_spec, "replicas: 2", &format!("replicas: {}", 1 + number % 4)),
        1 => replace(&a_spec, ":1.0", &format!(":1.{number}")),
        2 => {
            let name = ["plain", "disks", "other", "own", "new"][number % 5];
            if let Ok(text) = fs::read_to_string(root.join(&a_spec)) {
                let lines = text
                    .lines()
                    .map(|line| if line.starts_with("name: ") { format!("name: {name}") } else { line.to_owned() });
                write(&a_spec, &(lines.collect::<Vec<_>>().join("\n") + "\n"));
            }
        }
        3 => replace(&a_spec, "replicas:", "replica:"),
        4 => replace(&a_spec, "replica:", "replicas:"),
        5 => replace(&a_spec, "namespace: dev", "namespace: prod"),
        6 => replace(&a_spec, "  prod: {namespace: prod, replicas: 3}\n", ""),
        7 => replace(&a_spec, "environments:\n", "environments:\n  stage: {namespace: stage}\n"),
        8 => replace(&a_spec, "/srv/{{ pod }}", "/srv/one-{{ ordinal }}"),
        9 => remove(&a_spec),
        10 => remove(&folder),
        11 => write(
            &format!("{folder}-{number}/statewright.yaml"),
            &spec(&format!("n{}", number % 3), &format!("{VOLUMES}{ENVIRONMENTS}")),
        ),
        12 => write(&format!("fleet/apps/x{}/deep/statewright.yaml", number % 3), &spec("deep", ENVIRONMENTS)),
        13 => drop(fs::rename(root.join(&folder), root.join(format!("{folder}-moved")))),
        14 => replace(&a_named, "a", "b"),
        15 => write(&a_named, &format!("# {number}\n")),
        16 => remove(&a_named),
        17 => replace(
            "fleet/statewright-workspace.yaml",
            "kind: Workspace\n",
            "kind: Workspace\noutput: 'deploy/{app}/{env}'\n",
        ),
        18 => replace(
            "fleet/statewright-workspace.yaml",
            "kind: Workspace\n",
            "kind: Workspace\nrules: {image-tag-floating: error}\n",
        ),
        19 => write(&format!("{folder}/statewright-workspace.yaml"), "apiVersion: statewright/v1\nkind: Workspace\n"),
        20 => write(
            &format!("fleet/facts/more-{}.yaml", number % 2),
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: dev}\n",
        ),
        21 => write(&an_output, &format!("# {number}\n")),
        22 => remove(&an_output),
        23 => {
            let copy = Path::new(&an_output).parent().unwrap_or(Path::new(""));
            let there = copy.with_file_name(format!("old{}", number % 2));
            for (path, text) in files(&root.join(copy)) {
                write(there.join(path).to_str().unwrap(), &String::from_utf8_lossy(&text));
            }
        }
        24 => {
            let path = root.join(&a_spec);
            if path.is_file() {
                fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            }
        }
        25 => {
            let path = root.join(&a_spec);
            let _ = fs::rename(&path, root.join("README.spec"))
                .and_then(|()| std::os::unix::fs::symlink(root.join("README.spec"), path));
        }
        26 => {
            remove("fleet/apps/link");
            let _ = std::os::unix::fs::symlink("plain", root.join("fleet/apps/link"));
        }
        27 => {
            let conf = root.join("fleet/apps/filed/conf");
            let _ = fs::rename(&conf, root.join("shared/conf"));
            let _ = std::os::unix::fs::symlink("../../../shared/conf", conf);
        }
        28 => write(".gitignore", ["conf/\n", "new*\n", "*.conf\n", "deploy/\n", "statewright.yaml\n"][number % 5]),
        29 => drop(git(
            root,
            &["update-index", if number.is_multiple_of(2) { "--assume-unchanged" } else { "--skip-worktree" }, &a_spec],
        )),
        30 => drop(git(root, &["sparse-checkout", "set", "fleet/apps/plain", "fleet/deploy", "loose"])),
        31 => drop(git(root, &["sparse-checkout", "disable"])),
        32 => drop(git(&root.join(&folder), &["init", "-q"]).filter(|_| !folder.is_empty())),
        33 => write(
            &format!(
                "{}/.dev.statewright/new/x.yaml",
                ["fleet/deploy", "loose/own/deploy", "loose/other/deploy"][number % 3]
            ),
            "",
        ),
        34 => write(&format!("{folder}/.gitattributes"), "*.yaml -diff\n"),
        35 => {
            let other = Scratch::new("affected-module");
            other.write("app/statewright.yaml", spec("module", ENVIRONMENTS));
            git(other.path(), &["init", "-q"]);
            git(other.path(), &["add", "-A"]);
            git(other.path(), &["commit", "-q", "-m", "module"]);
            drop(git(
                root,
                &["submodule", "add", "-q", "--force", other.path().to_str().unwrap(), "fleet/apps/module"],
            ));
        }
        36 => drop(git(root, &["mv", &folder, &format!("{folder}-git")])),
        _ => write(&format!("shared/note-{}", number % 3), "note\n"),
    }
    format!("{kind} {a_spec} {an_output} {a_named} {number}")
}

/// Goes on as people do.
fn settle(root: &Path, dice: &mut Dice) -> &'static str {
    match dice.next(8) {
        0 => {
            statewright(root, &["compile"]);
            "compile"
        }
        1 => {
            git(root, &["add", "-A"]);
            "add"
        }
        2 => {
            git(root, &["rm", "-r", "-q", "--cached", "--ignore-unmatch", "loose"]);
            "forget loose"
        }
        3 => {
            git(root, &["reset", "-q", "--hard"]);
            "reset"
        }
        _ => "",
    }
}

const COMMANDS: [&[&str]; 7] = [
    &["check"],
    &["compile", "--check"],
    &["diff"],
    &["diff", "--against", "HEAD"],
    &["ci"],
    &["ci", "--base", "HEAD"],
    &["ci", "--base", "HEAD", "--env", "dev"],
];

/// What a run said, in pieces that can be told apart, in their order.
fn said(run: &Run) -> Vec<String> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let lists = ["findings", "verdicts", "changes"].iter().filter_map(|list| report[*list].as_array());
    let talk = run.stderr.lines().filter(|line| !line.contains(": all is as committed")).map(str::to_owned);
    lists.flatten().map(ToString::to_string).chain(talk).collect()
}

fn run(root: &Path, command: &[&str], more: &[&str]) -> Run {
    statewright(root, &[command, &["--format", "json"], more].concat())
}

/// The folders of specs, beside which something is other than at the revision.
fn changed(old: &BTreeMap<String, Vec<u8>>, new: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    // How git ends the lines of what it checks out is no change to it.
    let content = |files: &BTreeMap<String, Vec<u8>>, path: &String| {
        files.get(path).map(|bytes| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<u8>>())
    };
    let paths = old.keys().chain(new.keys()).filter(|path| content(old, path) != content(new, path));
    let folders = new.keys().filter_map(|path| path.strip_suffix("/statewright.yaml")).collect::<BTreeSet<_>>();
    let above = |path: &String| {
        Path::new(path)
            .ancestors()
            .filter_map(|above| folders.get(above.to_str()?))
            .map(|folder| (*folder).to_owned())
            .collect::<Vec<_>>()
    };
    paths.flat_map(above).collect()
}

/// A copy of what was just committed: as it stands in the files, or in git where it is not there.
fn copy(root: &Path) -> Scratch {
    let scratch = Scratch::new("affected-before");
    let listed = git(root, &["ls-files", "-z"]).unwrap();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let (from, to) = (root.join(path), scratch.path().join(path));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if from.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from).unwrap(), to).unwrap();
        } else if from.is_file() {
            fs::copy(from, to).unwrap();
        } else if let Some(text) = git(root, &["cat-file", "blob", &format!("HEAD:{path}")]) {
            // A sparse checkout leaves it out.
            fs::write(to, format!("{text}\n")).unwrap();
        }
    }
    git(scratch.path(), &["init", "-q"]).unwrap();
    git(scratch.path(), &["add", "-A", "-f"]).unwrap();
    git(scratch.path(), &["commit", "-q", "--allow-empty", "-m", "copy"]).unwrap();
    scratch
}

fn held_against_each_other(rounds: usize, mut dice: Dice) {
    // What a run said of the copy before, by its command.
    let mut said_before: BTreeMap<&[&str], (i32, Vec<String>)> = BTreeMap::new();
    let mut scratch = repository();
    let mut before = copy(scratch.path());
    let (mut compared, mut unsaid, mut history) = (0, 0, Vec::new());
    for round in 0..rounds {
        if round % 12 == 0 {
            (scratch, history) = (repository(), Vec::new());
            before = copy(scratch.path());
            said_before.clear();
        }
        let root = scratch.path();
        for _ in 0..=dice.next(2) {
            history.push(mutate(root, &mut dice));
        }
        history.push(settle(root, &mut dice).to_owned());
        let command = COMMANDS[dice.next(COMMANDS.len())];
        if !files(root).keys().any(|path| path.ends_with("statewright.yaml")) {
            // Without a spec, a full check is one of manifests.
            continue;
        }
        let (full, affected) = (run(root, command, &[]), run(root, command, &["--affected", "HEAD"]));
        let told = || {
            format!(
                "round {round}: {command:?}\n{history:#?}\nfull: {} {}\naffected: {} {}",
                full.code, full.stderr, affected.code, affected.stderr
            )
        };
        let (old_code, old) = said_before.entry(command).or_insert_with(|| {
            let run = run(before.path(), command, &[]);
            (run.code, said(&run))
        });
        assert!(affected.code != 2 || full.code == 2, "{}", told());
        assert!(full.code != 2 || affected.code == 2 || *old_code == 2, "{}", told());
        if full.code != 2 && affected.code != 2 {
            let (all, some) = (said(&full), said(&affected));
            let mut rest = all.iter();
            for one in &some {
                assert!(
                    rest.any(|other| other == one),
                    "said of the affected alone, or in another order: {one}\n{}",
                    told()
                );
            }
            let some: BTreeSet<&String> = some.iter().collect();
            let missing: Vec<&String> = all.iter().filter(|one| !some.contains(one)).collect();
            // Where two apps wrote one folder, or a folder could not be read, the run before said nothing of any other:
            // only what is wrong with a spec is said whatever was before.
            let stopped = *old_code == 2 || old.iter().any(|one| one.contains("\"output-taken\""));
            let is_of_spec = |one: &str| {
                let is_of = |band| one.contains(&format!("\"code\":\"SW{band}"));
                one.contains("\"level\":\"error\"") && !is_of("05") && !is_of("06")
            };
            for one in missing.iter().filter(|one| !stopped || is_of_spec(one)) {
                assert!(old.contains(one), "not said: {one}\n{}\nbefore: {old_code} {old:#?}", told());
            }
            let changed = changed(&files(before.path()), &files(root));
            let of_changed = |one: &&String| {
                changed.iter().any(|folder| one.contains(&format!("\"file\":\"{folder}/statewright.yaml\"")))
            };
            let lacking: Vec<&String> = missing.into_iter().filter(|one| of_changed(one)).collect();
            assert!(lacking.is_empty(), "not said of what changed: {lacking:?}\n{}", told());
            unsaid += all.len() - some.len();
            compared += all.len();
        }
        if dice.next(2) == 0 {
            git(root, &["add", "-A"]);
            git(root, &["commit", "-q", "--allow-empty", "-m", "next"]);
            history.push("commit".to_owned());
            before = copy(root);
            said_before.clear();
        }
    }
    println!("{rounds} rounds: {unsaid} of {compared} things that a full run says were so before, and not said again");
    assert!(unsaid * 4 > rounds, "too little was passed over for this to prove anything");
}

#[test]
fn what_is_not_looked_at_is_as_it_was() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("STATEWRIGHT_MUTATION_SEED").unwrap_or(7919);
    held_against_each_other(
        number("STATEWRIGHT_MUTATIONS").and_then(|rounds| usize::try_from(rounds).ok()).unwrap_or(12),
        Dice(seed),
    );
}

/// What a run says of how many apps it looked at.
#[track_caller]
fn looked_at(root: &Path, expected: &str) {
    let run = statewright(root, &["ci", "--affected", "HEAD"]);
    let last = run.stderr.lines().last().unwrap_or_default();
    assert!(run.code == 0 && last.starts_with(expected), "{}", run.stderr);
}

/// What changes how an app is compiled is looked at, and nothing else is.
#[test]
fn a_change_reaches_what_it_can_reach() {
    let scratch = repository();
    let root = scratch.path();
    // One asks for another app, and one has a file that a link leads to.
    looked_at(root, "2 of 7 apps");
    // From wherever it is asked.
    for (folder, path) in [(Path::new("/"), root.to_str().unwrap()), (&root.join("shared"), ".."), (root, "./fleet/..")]
    {
        let run = statewright(folder, &["ci", "--affected", "HEAD", path]);
        assert!(run.code == 0 && run.stderr.contains("\n2 of 7 apps"), "{path}: {}", run.stderr);
    }
    scratch.write("README.md", "# Changed\n");
    looked_at(root, "2 of 7 apps");
    scratch.write("fleet/apps/filed/conf/other.conf", "beside\n");
    looked_at(root, "3 of 7 apps");
    scratch.write("loose/own/deploy/notes.txt", "beside\n");
    looked_at(root, "4 of 7 apps");
    scratch.write("fleet/deploy/dev/plain/notes.txt", "beside\n");
    looked_at(root, "5 of 7 apps");
    scratch.write("fleet/facts/more.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: dev}\n");
    looked_at(root, "6 of 7 apps");
    scratch.write("loose/other/.gitattributes", "");
    looked_at(root, "7 apps");
}

/// What is remembered is taken from nobody's commit, and from nothing but what is still so.
#[test]
fn what_is_remembered_is_proven() {
    let scratch = repository();
    let root = scratch.path();
    let cache = root.join(".statewright-cache/uses");
    looked_at(root, "2 of 7 apps");
    let known = fs::read(&cache).unwrap();
    assert!(git(root, &["status", "--porcelain"]).unwrap().is_empty(), "it is not to be committed");
    looked_at(root, "2 of 7 apps");
    assert_eq!(fs::read(&cache).unwrap(), known);
    // Two apps of one disk: one of them is only remembered.
    let text = fs::read_to_string(root.join("fleet/apps/plain/statewright.yaml")).unwrap();
    let same = text.replace("{dynamic: {class: fast}}", "{hostPath: {path: '/srv/disks-{{ ordinal }}', node: n1}}");
    scratch.write("fleet/apps/plain/statewright.yaml", &same);
    let run = statewright(root, &["check", "--affected", "HEAD"]);
    assert!(run.code == 1 && run.stderr.contains("SW0611"), "{}", run.stderr);
    // A file that was forged, or cut short, says nothing.
    for forged in [&known[..known.len() - 1], b"", &[&known[..], b"x"].concat()] {
        fs::write(&cache, forged).unwrap();
        let again = statewright(root, &["check", "--affected", "HEAD"]);
        assert_eq!((again.code, &again.stderr), (1, &run.stderr));
    }
    // Nor does one that a commit brings.
    fs::write(&cache, &known).unwrap();
    git(root, &["add", "--force", ".statewright-cache"]).unwrap();
    let before = fs::metadata(&cache).unwrap().modified().unwrap();
    let again = statewright(root, &["check", "--affected", "HEAD"]);
    assert_eq!((again.code, &again.stderr), (1, &run.stderr));
    assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), before, "it is the repository's own");
}

#[test]
fn what_cannot_be_told_is_refused() {
    let scratch = repository();
    let root = scratch.path();
    for (arguments, why) in [
        (&["compile", "--affected", "HEAD"][..], "--affected is for `compile --check`"),
        (&["compile", "--check", "--out", "out", "--affected", "HEAD"], "--affected is for `compile --check`"),
        (&["diff", "--live", "fleet/facts", "--affected", "HEAD"], "leave out --affected"),
        (&["check", "--affected", "nothing"], "git knows no revision `nothing` here"),
        (&["check", "--affected", "HEAD", "shared"], "there is no statewright.yaml in shared or below it"),
    ] {
        let run = statewright(root, arguments);
        assert!(run.code == 2 && run.stderr.contains(why), "{arguments:?}: {}", run.stderr);
    }
}
