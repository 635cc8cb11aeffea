//! Runs of the program that are killed or come at once, while apps and environments come and go: each folder is the old
//! one or the new one, the next run heals all, and nothing of the user's is touched. `STATEWRIGHT_KILLS` says how many.

use crate::commands::statewright;
use crate::scratch::Scratch;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ENVIRONMENTS: [&str; 3] = ["dev", "stage", "prod"];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// The apps of a workspace and some without, each with its version and environments.
type State = BTreeMap<String, (u64, BTreeSet<&'static str>)>;

fn state(dice: &mut Dice) -> State {
    let mut state = State::new();
    for number in 0..8 {
        let folder = if number < 5 { format!("shop/apps/a{number}") } else { format!("alone/a{number}") };
        let environments: BTreeSet<&str> = ENVIRONMENTS.into_iter().filter(|_| dice.throw(3) > 0).collect();
        if !environments.is_empty() && dice.throw(4) > 0 {
            state.insert(folder, (dice.throw(3), environments));
        }
    }
    // A run over no app at all is a mistake of its own.
    state.entry("shop/apps/a0".to_owned()).or_insert_with(|| (dice.throw(3), BTreeSet::from(["dev"])));
    state
}

fn write_specs(root: &Path, state: &State) {
    for folder in ["shop/apps", "alone"] {
        for number in 0..8 {
            let _ = fs::remove_file(root.join(format!("{folder}/a{number}/statewright.yaml")));
        }
    }
    for (folder, (version, environments)) in state {
        let name = folder.rsplit('/').next().unwrap();
        let environments: String =
            environments.iter().map(|name| format!("  {name}: {{}}\n")).collect::<Vec<_>>().concat();
        let text = format!(
            "apiVersion: statewright/v1\nkind: App\nname: {name}\nimage: example.com/x:{version}\nreplicas: \
                {}\nports: {{http: 8080}}\n\
             services: {{{}: {{http: 80}}}}\nfiles: {{/etc/x: {{a.conf: \
             \"{version}\"}}}}\nenvironments:\n{environments}",
            version + 1,
            if *version == 1 { "open" } else { "public" },
        );
        fs::create_dir_all(root.join(folder)).unwrap();
        fs::write(root.join(folder).join("statewright.yaml"), text).unwrap();
    }
    fs::create_dir_all(root.join("shop")).unwrap();
    fs::write(
        root.join("shop/statewright-workspace.yaml"),
        "apiVersion: statewright/v1\nkind: Workspace\noutput: out/{env}/{app}\n",
    )
    .unwrap();
}

/// Folders of the output with their files, without what is hidden and what is the user's.
type Trees = BTreeMap<String, BTreeMap<String, String>>;

fn trees(root: &Path, users: &BTreeMap<String, String>) -> Trees {
    let mut trees = Trees::new();
    let is_work = |name: &str| name.starts_with('.') && name.ends_with(".statewright");
    let walk =
        walkdir::WalkDir::new(root).into_iter().filter_entry(|entry| !is_work(&entry.file_name().to_string_lossy()));
    for entry in walk.map(Result::unwrap).filter(|entry| entry.file_type().is_file()) {
        let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let is_output = path.starts_with("shop/out/") || path.contains("/deploy/");
        if is_output && !users.contains_key(&path) && !name.ends_with("-draft") {
            trees
                .entry(folder.to_owned())
                .or_default()
                .insert(name.to_owned(), fs::read_to_string(entry.path()).unwrap());
        }
    }
    trees
}

fn hidden(root: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    let paths = walk.map(|entry| entry.path().to_string_lossy().into_owned());
    paths
        .filter(|path| {
            path.ends_with(".statewright") && path.contains("/.") && !path.ends_with("/.statewright")
                || path.ends_with("-draft")
        })
        .collect()
}

fn start(root: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_statewright"));
    command.arg("compile").current_dir(root).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn rounds() -> u64 {
    std::env::var("STATEWRIGHT_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(60)
}

#[test]
fn killed_while_apps_and_environments_come_and_go() {
    let scratch = Scratch::new("kills");
    let fresh = Scratch::new("kills-fresh");
    let root = scratch.path();
    let mut dice =
        Dice(std::env::var("STATEWRIGHT_KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed));
    let (mut users, mut took) = (BTreeMap::new(), Duration::from_millis(50));
    // The user's: beside the files of some trees, and folders in some, over which no tree can be exchanged.
    for (number, environment) in [(0, "dev"), (1, "stage"), (2, "prod"), (3, "dev")] {
        users.insert(format!("shop/out/{environment}/a{number}/notes.txt"), format!("mine {number}"));
        users.insert(
            format!("alone/a{}/deploy/{environment}/ConfigMap-mine.yaml", number + 5),
            format!("mine {number}"),
        );
    }
    users.insert("shop/out/dev/a1/charts/x.yaml".to_owned(), "mine".to_owned());
    users.insert("alone/a5/deploy/prod/sub/x.yaml".to_owned(), "mine".to_owned());
    users.insert("shop/out/README.md".to_owned(), "mine".to_owned());
    for (path, text) in &users {
        scratch.write(path, text);
    }
    let one_by_one = ["shop/out/dev/a1", "alone/a5/deploy/prod"];
    let (mut old, mut kills, mut cut) = (Trees::new(), 0, 0);
    let (mut stood_old, mut stood_new) = (0, 0);
    for round in 0..rounds() {
        let next = state(&mut dice);
        write_specs(root, &next);
        let _ = fs::remove_dir_all(fresh.path().join("shop"));
        let _ = fs::remove_dir_all(fresh.path().join("alone"));
        write_specs(fresh.path(), &next);
        assert_eq!(statewright(fresh.path(), &["compile"]).code, 0);
        let new = trees(fresh.path(), &BTreeMap::new());
        let mut child = start(root);
        std::thread::sleep(took.mul_f64(f64::from(u32::try_from(dice.throw(1100)).unwrap()) / 1000.0));
        child.kill().unwrap();
        kills += u64::from(child.wait().unwrap().code().is_none());
        let between = trees(root, &users);
        let none = BTreeMap::new();
        for folder in old.keys().chain(new.keys()).chain(between.keys()).collect::<BTreeSet<_>>() {
            let of = |trees: &Trees| trees.get(folder).unwrap_or(&none).clone();
            let (was, is, will_be) = (of(&old), of(&between), of(&new));
            stood_old += u64::from(is == was && was != will_be);
            stood_new += u64::from(is == will_be && was != will_be);
            if one_by_one.contains(&folder.as_str()) {
                let is_known = |(name, text): (&String, &String)| {
                    name == ".statewright" || was.get(name) == Some(text) || will_be.get(name) == Some(text)
                };
                assert!(is.iter().all(is_known), "round {round}: a file in {folder} is neither old nor new: {is:#?}");
            } else {
                assert!(
                    is == was || is == will_be,
                    "round {round}: {folder} is a mix: {is:#?}\nold {was:#?}\nnew {will_be:#?}"
                );
            }
        }
        cut += u64::from(!hidden(root).is_empty());
        let checked = statewright(root, &["compile", "--check"]);
        assert_eq!(checked.code == 0, between == new && hidden(root).is_empty(), "round {round}: {}", checked.stderr);
        let begin = Instant::now();
        let healed = statewright(root, &["compile"]);
        took = begin.elapsed().max(Duration::from_millis(5));
        assert_eq!(healed.code, 0, "round {round}: {}", healed.stderr);
        assert_eq!(hidden(root), [""; 0], "round {round}");
        assert!(trees(root, &users) == new, "round {round}: {:#?}", scratch.files());
        for (path, text) in &users {
            assert_eq!(fs::read_to_string(root.join(path)).ok().as_ref(), Some(text), "round {round}: {path}");
        }
        old = new;
    }
    println!(
        "{} rounds, {kills} killed, {cut} in the middle of the work; folders that change: {stood_old} old, \
            {stood_new} new",
        rounds()
    );
}

#[test]
fn three_runs_at_once_end_with_the_finished_tree() {
    let scratch = Scratch::new("three");
    let root = scratch.path();
    let mut dice = Dice(0x3ee);
    let none = BTreeMap::new();
    let rounds = rounds() / 10;
    for round in 0..rounds {
        let next = state(&mut dice);
        write_specs(root, &next);
        let runs: Vec<Child> = (0..3).map(|_| start(root)).collect();
        for run in runs {
            let output = run.wait_with_output().unwrap();
            assert!(output.status.success(), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let together = trees(root, &none);
        assert_eq!(hidden(root), [""; 0]);
        let fresh = Scratch::new("three-fresh");
        write_specs(fresh.path(), &next);
        assert_eq!(statewright(fresh.path(), &["compile"]).code, 0);
        assert!(together == trees(fresh.path(), &none), "round {round}");
    }
}

#[test]
fn a_run_that_waits_says_for_what_and_gives_up() {
    let scratch = Scratch::new("waits");
    write_specs(scratch.path(), &BTreeMap::from([("alone/a7".to_owned(), (1, BTreeSet::from(["dev"])))]));
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    write_specs(scratch.path(), &BTreeMap::from([("alone/a7".to_owned(), (2, BTreeSet::from(["dev"])))]));
    let other = fs::File::open(scratch.path().join("alone/a7/deploy")).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let before = scratch.files();
    let run = statewright(scratch.path(), &["compile", "--lock-timeout", "2"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("waiting for another run that is writing in alone/a7/deploy"), "{}", run.stderr);
    assert!(
        run.stderr.contains("error: another run is writing in alone/a7/deploy and was not done in time"),
        "{}",
        run.stderr
    );
    assert_eq!(before, scratch.files());
    drop(other);
    assert_eq!(statewright(scratch.path(), &["compile", "--lock-timeout", "0"]).code, 0);
}

/// What an older run or a stranger left where no spec looks any more.
#[test]
fn what_was_left_of_environments_and_apps_that_are_gone_is_named_and_goes() {
    let scratch = Scratch::new("gone");
    let both = BTreeSet::from(["dev", "prod"]);
    write_specs(
        scratch.path(),
        &BTreeMap::from([("alone/a7".to_owned(), (1, both.clone())), ("shop/apps/a1".to_owned(), (1, both))]),
    );
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    write_specs(scratch.path(), &BTreeMap::from([("shop/apps/a1".to_owned(), (1, BTreeSet::from(["dev"])))]));
    for (folder, hidden) in [
        ("alone/a7/deploy/dev", "alone/a7/deploy/.dev.statewright"),
        ("shop/out/prod/a1", "shop/out/prod/.a1.statewright"),
    ] {
        fs::create_dir(scratch.path().join(hidden)).unwrap();
        fs::rename(scratch.path().join(folder), scratch.path().join(hidden).join("old")).unwrap();
    }
    // Of this one only the hidden folder is left, and the index in it.
    fs::create_dir_all(scratch.path().join("shop/out/stage/.a4.statewright/old")).unwrap();
    fs::write(scratch.path().join("shop/out/stage/.a4.statewright/old/.statewright"), "statewright-index 1\n").unwrap();
    fs::remove_dir_all(scratch.path().join("alone/a7/deploy/prod")).unwrap();
    let checked = statewright(scratch.path(), &["compile", "--check"]);
    let asked = statewright(scratch.path(), &["ci"]);
    let compared = statewright(scratch.path(), &["diff"]);
    for hidden in
        ["alone/a7/deploy/.dev.statewright", "shop/out/prod/.a1.statewright", "shop/out/stage/.a4.statewright"]
    {
        assert_eq!(
            (checked.code, checked.stderr.matches(&format!("{hidden}: left by a run that was cut short")).count()),
            (1, 1),
            "{}",
            checked.stderr
        );
        assert_eq!(
            (asked.code, asked.stderr.matches(&format!("{hidden} was left by a run that was cut short")).count()),
            (1, 1),
            "{}",
            asked.stderr
        );
    }
    for hidden in
        ["alone/a7/deploy/.dev.statewright", "shop/out/prod/.a1.statewright", "shop/out/stage/.a4.statewright"]
    {
        assert_eq!(
            compared.stderr.matches(&format!("{hidden} was left by a run that was cut short")).count(),
            1,
            "{}",
            compared.stderr
        );
    }
    let compiled = statewright(scratch.path(), &["compile"]);
    assert_eq!((compiled.code, hidden(scratch.path())), (0, Vec::new()), "{}", compiled.stderr);
    assert_eq!(statewright(scratch.path(), &["compile", "--check"]).code, 0);
    // A stranger's stays, and is named.
    scratch.write("shop/out/prod/.a1.statewright/old/mine.txt", "mine");
    let compiled = statewright(scratch.path(), &["compile"]);
    assert_eq!(compiled.code, 1);
    assert!(
        compiled
            .stderr
            .contains("shop/out/prod/.a1.statewright/old/mine.txt: nothing shows that statewright put this here"),
        "{}",
        compiled.stderr
    );
    assert_eq!(fs::read_to_string(scratch.path().join("shop/out/prod/.a1.statewright/old/mine.txt")).unwrap(), "mine");
}

/// Every file below a folder.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let walk = walkdir::WalkDir::new(root).into_iter().filter_map(Result::ok);
    walk.filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// A killed import leaves whole files or none, no app without what belongs to it, and is finished by the next run.
#[test]
fn killed_while_it_imports() {
    let scratch = Scratch::new("kills-import");
    let root = scratch.path();
    let config = "line\\n".repeat(30);
    let apps: String = (0..20).fold(String::new(), |text, number| {
        text + &format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: w{number}}}\nspec: {{clusterIP: None, selector: {{app: \
             w{number}}}, ports: [{{name: x, port: 80}}]}}\n\
             ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}}}\ndata: {{a.conf: \"{config}\", \
             b.conf: \"{config}\"}}\n\
             ---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: w{number}}}\nspec:\n  serviceName: \
             w{number}\n  selector: {{matchLabels: {{app: w{number}}}}}\n  template:\n    metadata: {{labels: {{app: \
             w{number}}}}}\n    spec:\n      containers: [{{name: c, image: \"x/y:1\", volumeMounts: [{{name: cf, \
             mountPath: /etc/cf}}]}}]\n      volumes: [{{name: cf, configMap: {{name: c{number}}}}}]\n---\n"
        )
    });
    scratch.write("in/a.yaml", apps);
    let import = |out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_statewright"));
        command.args(["import", "in", "--out", out]).current_dir(root).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    assert!(import("whole").wait().unwrap().success());
    let whole = files(&root.join("whole"));
    assert_eq!(whole.len(), 60, "{:?}", whole.keys());
    let mut dice = Dice(0x1a7e);
    let (mut cut, rounds) = (0, rounds().min(30));
    for round in 0..rounds {
        let out = format!("out{round}");
        let mut child = import(&out);
        // Most of the time goes by before the first file is written.
        while !root.join(&out).exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(dice.throw(8000)));
        let _ = child.kill();
        child.wait().unwrap();
        let left = files(&root.join(&out));
        cut += usize::from(!left.is_empty() && left.len() < whole.len());
        for (path, text) in left.iter().filter(|(path, _)| !path.contains("/.")) {
            assert_eq!(Some(text), whole.get(path), "round {round}: {path} is not whole");
            if let Some(app) = path.strip_suffix("/statewright.yaml") {
                for beside in ["conf/a.conf", "conf/b.conf"] {
                    assert!(left.contains_key(&format!("{app}/{beside}")), "round {round}: {app} without {beside}");
                }
            }
        }
        assert!(import(&out).wait().unwrap().success(), "round {round}: what a killed run left is in the way");
        assert_eq!(files(&root.join(&out)), whole, "round {round}");
        fs::remove_dir_all(root.join(&out)).unwrap();
    }
    println!("{cut} of {rounds} imports were cut short between two files");
    assert!(cut > 0, "no import was cut short: nothing was tried");
}
