//! What a tree does to a disk: nothing of anybody else's is touched, and a killed run leaves the old tree or the new
//! one.

use crate::scratch::Scratch;
use statewright::disk::{self, Difference, Kind, Turns};
use statewright::layout::{File, HEADER, INDEX, Index, Tree};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files
        .iter()
        .map(|(name, text)| File {
            name: format!("{name}.yaml"),
            text: format!("{HEADER}statewright.yaml\nkind: {text}\n"),
        })
        .collect();
    Tree { folder: "deploy/dev".into(), files }
}

/// Waits up to a minute for another run.
fn turns() -> Turns {
    Turns::new(|_, attempt| {
        std::thread::sleep(Duration::from_millis(5));
        attempt < 12_000
    })
}

fn names(scratch: &Scratch) -> Vec<String> {
    scratch.files().into_iter().map(|(name, _)| name).filter(|name| !name.ends_with('/')).collect()
}

fn kinds(differences: &[Difference]) -> Vec<(&str, Kind)> {
    differences.iter().map(|difference| (difference.path.as_str(), difference.kind)).collect()
}

#[test]
fn a_tree_comes_changes_and_goes() {
    let scratch = Scratch::new("tree");
    let root = scratch.path();
    let first = tree(&[("Service-a", "1"), ("Secret-b", "1"), ("Pod-c", "1")]);
    assert_eq!(disk::compare(root, &first).unwrap().len(), 3);
    let written = disk::write(root, &first, false, &turns()).unwrap();
    assert_eq!((written.created.len(), written.done), (3, true));
    assert_eq!(
        names(&scratch),
        ["deploy/dev/.statewright", "deploy/dev/Pod-c.yaml", "deploy/dev/Secret-b.yaml", "deploy/dev/Service-a.yaml"]
    );
    assert_eq!(disk::compare(root, &first).unwrap(), []);

    let second = tree(&[("Service-a", "1"), ("Secret-b", "2"), ("Job-d", "1")]);
    assert_eq!(
        kinds(&disk::compare(root, &second).unwrap()),
        [
            ("deploy/dev/Secret-b.yaml", Kind::Stale),
            ("deploy/dev/Job-d.yaml", Kind::Missing),
            ("deploy/dev/Pod-c.yaml", Kind::Extra),
        ]
    );
    let written = disk::write(root, &second, false, &turns()).unwrap();
    assert_eq!(
        (written.created, written.changed, written.removed),
        (vec!["Job-d.yaml".into()], vec!["Secret-b.yaml".into()], vec!["Pod-c.yaml".into()])
    );
    assert_eq!(written.unchanged, 1);
    assert_eq!(disk::compare(root, &second).unwrap(), []);
    let folder = disk::read_folder(&disk::Reach::default(), &root.join("deploy/dev")).unwrap().unwrap();
    assert_eq!(folder.files.len(), 3);
    assert_eq!(disk::read_folder(&disk::Reach::default(), root).unwrap(), None);

    assert!(disk::remove(root, "deploy/dev", false, &turns()).unwrap().done);
    assert_eq!(scratch.files(), [("deploy/".to_owned(), String::new())]);
    assert!(disk::remove(root, "deploy/dev", false, &turns()).unwrap().done);
}

#[test]
fn nothing_is_touched_when_nothing_differs() {
    let scratch = Scratch::new("untouched");
    let tree = tree(&[("Service-a", "1"), ("Secret-b", "1")]);
    disk::write(scratch.path(), &tree, false, &turns()).unwrap();
    let look = || -> Vec<_> {
        let entries = walkdir::WalkDir::new(scratch.path()).into_iter().map(Result::unwrap);
        entries.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().modified().unwrap())).collect()
    };
    let before = look();
    let written = disk::write(scratch.path(), &tree, false, &turns()).unwrap();
    assert_eq!((written.unchanged, written.done), (2, true));
    assert_eq!(before, look());
}

#[test]
fn an_edited_file_is_named_and_kept_until_told_otherwise() {
    let scratch = Scratch::new("edited");
    let root = scratch.path();
    disk::write(root, &tree(&[("Service-a", "1"), ("Secret-b", "1")]), false, &turns()).unwrap();
    scratch.write("deploy/dev/Service-a.yaml", "by hand\n");
    scratch.write("deploy/dev/Secret-b.yaml", "by hand too\n");
    let fresh = tree(&[("Service-a", "2"), ("Pod-c", "1")]);
    assert_eq!(kinds(&disk::compare(root, &fresh).unwrap())[0], ("deploy/dev/Service-a.yaml", Kind::Edited));
    let before = scratch.files();
    let written = disk::write(root, &fresh, false, &turns()).unwrap();
    assert_eq!(
        (written.edited.as_slice(), written.done),
        (["Service-a.yaml".to_owned(), "Secret-b.yaml".to_owned()].as_slice(), false)
    );
    assert_eq!(before, scratch.files());
    assert!(disk::write(root, &fresh, true, &turns()).unwrap().done);
    assert_eq!(disk::compare(root, &fresh).unwrap(), []);
    assert_eq!(names(&scratch).len(), 3);
}

#[test]
fn an_edit_that_says_what_we_would_write_is_no_edit() {
    let scratch = Scratch::new("agreeing");
    disk::write(scratch.path(), &tree(&[("Service-a", "1")]), false, &turns()).unwrap();
    let fresh = tree(&[("Service-a", "2")]);
    scratch.write("deploy/dev/Service-a.yaml", &fresh.files[0].text);
    assert_eq!(kinds(&disk::compare(scratch.path(), &fresh).unwrap()), [("deploy/dev/.statewright", Kind::Stale)]);
    assert!(disk::write(scratch.path(), &fresh, false, &turns()).unwrap().done);
    assert_eq!(disk::compare(scratch.path(), &fresh).unwrap(), []);
}

#[test]
fn what_is_not_ours_stays() {
    let scratch = Scratch::new("foreign");
    let root = scratch.path();
    for step in ["1", "2", "3"] {
        assert!(
            disk::write(root, &tree(&[("Service-a", step), (&format!("Pod-{step}"), step)]), false, &turns())
                .unwrap()
                .done
        );
        scratch.write("deploy/dev/README.md", "mine");
        if step != "1" {
            // From here on a folder stands in the way of the exchange, and files are replaced one by one.
            scratch.write("deploy/dev/charts/x.yaml", "mine");
            let _ = std::os::unix::fs::symlink("/nowhere", root.join("deploy/dev/link"));
        }
    }
    assert_eq!(
        names(&scratch),
        [
            "deploy/dev/.statewright",
            "deploy/dev/Pod-3.yaml",
            "deploy/dev/README.md",
            "deploy/dev/Service-a.yaml",
            "deploy/dev/charts/x.yaml",
            "deploy/dev/link@",
        ]
    );
    assert!(disk::remove(root, "deploy/dev", false, &turns()).unwrap().done);
    assert_eq!(names(&scratch), ["deploy/dev/README.md", "deploy/dev/charts/x.yaml", "deploy/dev/link@"]);
}

#[test]
fn a_file_that_is_not_ours_is_not_overwritten_even_by_force() {
    let scratch = Scratch::new("in-the-way");
    scratch.write("deploy/dev/Service-a.yaml", "mine\n");
    let tree = tree(&[("Service-a", "1"), ("Pod-b", "1")]);
    assert_eq!(kinds(&disk::compare(scratch.path(), &tree).unwrap())[0].1, Kind::Foreign);
    let written = disk::write(scratch.path(), &tree, true, &turns()).unwrap();
    assert_eq!((written.foreign, written.done), (vec!["Service-a.yaml".to_owned()], false));
    assert_eq!(names(&scratch), ["deploy/dev/Service-a.yaml"]);
}

#[test]
fn links_and_ways_out_are_refused() {
    let outside = Scratch::new("outside");
    for folder in ["../x", "/x", "a/../../x", "", "a//b", "."] {
        let tree = Tree { folder: folder.into(), ..tree(&[("Service-a", "1")]) };
        let message = disk::write(outside.path(), &tree, true, &turns()).unwrap_err().message;
        assert!(message.contains("leads out"), "{folder}: {message}");
    }
    for link in
        ["deploy", "deploy/dev", "deploy/dev/Service-a.yaml", "deploy/dev/.statewright", "deploy/.dev.statewright"]
    {
        let scratch = Scratch::new("links");
        let path = scratch.path().join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(outside.path(), &path).unwrap();
        let message = disk::write(scratch.path(), &tree(&[("Service-a", "1")]), true, &turns()).unwrap_err().message;
        assert!(message.contains("a symbolic link"), "{link}: {message}");
        assert!(message.contains(link), "{link}: {message}");
        assert_eq!(outside.files(), []);
    }
}

#[test]
fn an_index_from_a_stranger_cannot_name_what_is_outside() {
    let scratch = Scratch::new("stranger");
    scratch.write("deploy/Service-x.yaml", "mine");
    scratch.write(
        "deploy/dev/.statewright",
        "statewright-index 1\n0123456789abcdef ../Service-x.yaml\n0123456789abcdef README.md\n",
    );
    scratch.write("deploy/dev/README.md", "mine");
    assert!(disk::write(scratch.path(), &tree(&[("Service-a", "1")]), true, &turns()).unwrap().done);
    assert_eq!(
        names(&scratch),
        ["deploy/Service-x.yaml", "deploy/dev/.statewright", "deploy/dev/README.md", "deploy/dev/Service-a.yaml"]
    );
    scratch.write("deploy/dev/.statewright", "statewright-index 7\n");
    assert!(disk::compare(scratch.path(), &tree(&[])).unwrap_err().message.contains("newer statewright"));
}

#[test]
fn folders_of_environments_that_are_gone() {
    let scratch = Scratch::new("stale");
    for folder in ["deploy/dev", "deploy/prod", "deploy/old"] {
        disk::write(scratch.path(), &Tree { folder: folder.into(), ..tree(&[("Service-a", "1")]) }, false, &turns())
            .unwrap();
    }
    scratch.write("deploy/notes/a.txt", "mine");
    scratch.write("deploy/.cut.statewright/new/.statewright", "");
    let current = BTreeSet::from(["deploy/dev".to_owned(), "deploy/prod".to_owned()]);
    let strays = disk::strays(scratch.path(), "deploy/*", &current).unwrap();
    assert_eq!((strays.folders, strays.unfinished), (vec!["deploy/old".to_owned()], vec!["deploy/cut".to_owned()]));
    assert_eq!(disk::strays(scratch.path(), "*/cut", &current).unwrap().unfinished, ["deploy/cut"]);
    assert_eq!(disk::strays(scratch.path(), "gone/*/x", &current).unwrap(), disk::Strays::default());
}

#[test]
fn a_read_only_folder_is_said_by_name() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("read-only");
    disk::write(scratch.path(), &tree(&[("Service-a", "1")]), false, &turns()).unwrap();
    let folder = scratch.path().join("deploy/dev");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let message = disk::write(scratch.path(), &tree(&[("Service-a", "2")]), false, &turns()).unwrap_err().message;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(message.contains("permission denied") && message.contains("deploy/dev"), "{message}");
    assert_eq!(names(&scratch).len(), 2);
    assert!(disk::write(scratch.path(), &tree(&[("Service-a", "2")]), false, &turns()).unwrap().done);
}

#[test]
fn a_full_disk_leaves_the_old_tree() {
    let scratch = Scratch::new("full");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(scratch.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("skipped: a full disk needs the right to mount one");
        return;
    }
    let small = tree(&[("Service-a", "1")]);
    disk::write(scratch.path(), &small, false, &turns()).unwrap();
    let large = Tree {
        files: vec![File { name: "Service-a.yaml".into(), text: HEADER.to_owned() + &"x".repeat(100_000) }],
        ..small.clone()
    };
    let failure = disk::write(scratch.path(), &large, false, &turns());
    let old_is_there = disk::compare(scratch.path(), &small);
    let left = names(&scratch);
    let _ = Command::new("umount").arg(scratch.path()).status();
    let message = failure.unwrap_err().message;
    assert!(message.contains("the disk is full") && message.contains("Service-a.yaml"), "{message}");
    assert_eq!(old_is_there.unwrap(), []);
    assert_eq!(left.len(), 2, "{left:?}");
}

/// The two states between which the writer of the kill tests goes to and fro.
fn states() -> [Tree; 2] {
    let state = |text: &str, own: &str| {
        let mut names: Vec<(String, String)> =
            (0..12).map(|number| (format!("Secret-{number}"), format!("{text}{number}"))).collect();
        names.push((format!("Pod-{own}"), own.to_owned()));
        names.push(("Service-same".to_owned(), "same".to_owned()));
        tree(&names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
    };
    [state("old", "a"), state("new", "b")]
}

/// Not a test: the process that the kill tests kill.
#[test]
#[ignore = "run by the kill tests, as a process of its own"]
fn writer() {
    let Ok(root) = std::env::var("STATEWRIGHT_WRITER") else { return };
    let fresh = std::env::var("STATEWRIGHT_WRITER_FRESH").is_ok();
    let states = states();
    println!("ready");
    loop {
        for state in &states {
            disk::write(Path::new(&root), state, false, &turns()).unwrap();
            if fresh {
                // Out of sight in one step, so that whatever stands at the place was put there by the write alone.
                fs::rename(Path::new(&root).join("deploy/dev"), Path::new(&root).join("gone")).unwrap();
                fs::remove_dir_all(Path::new(&root).join("gone")).unwrap();
            }
        }
    }
}

fn start_writer(root: &Path, fresh: bool) -> Child {
    use std::io::{BufRead, BufReader};
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "disk::writer", "--ignored", "--nocapture"])
        .env("STATEWRIGHT_WRITER", root)
        .stdout(Stdio::piped());
    if fresh {
        command.env("STATEWRIGHT_WRITER_FRESH", "1");
    }
    let mut child = command.spawn().unwrap();
    let ready = BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .map_while(Result::ok)
        .any(|line| line.ends_with("ready"));
    assert!(ready, "the writer did not start");
    child
}

/// Which of the states stands on the disk, whole.
fn standing(root: &Path, others: &[&str]) -> Option<usize> {
    let folder = root.join("deploy/dev");
    states().iter().position(|state| {
        let index = fs::read_to_string(folder.join(INDEX)).unwrap_or_default();
        let there: BTreeSet<PathBuf> = fs::read_dir(&folder)
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default();
        let expected = state.files.iter().map(|file| folder.join(&file.name)).chain([folder.join(INDEX)]);
        let expected = expected.chain(others.iter().map(|name| folder.join(name)));
        Index::parse(&index).is_some_and(|index| state.files.iter().all(|file| index.lists(&file.name)))
            && there == expected.collect()
            && state.files.iter().all(|file| fs::read_to_string(folder.join(&file.name)).unwrap() == file.text)
    })
}

fn kills() -> u64 {
    std::env::var("STATEWRIGHT_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(60)
}

#[test]
fn killed_at_any_instant_the_old_tree_or_the_new_one_stands() {
    let scratch = Scratch::new("kill");
    let root = scratch.path();
    disk::write(root, &states()[0], false, &turns()).unwrap();
    scratch.write("deploy/dev/README.md", "mine");
    let (mut seen, mut left_over) = ([0, 0], 0);
    for round in 0..kills() {
        let mut child = start_writer(root, false);
        std::thread::sleep(Duration::from_micros(200 + (round * 7919) % 5000));
        child.kill().unwrap();
        child.wait().unwrap();
        let state = standing(root, &["README.md"]).unwrap_or_else(|| panic!("a mix: {:#?}", scratch.files()));
        seen[state] += 1;
        left_over += usize::from(root.join("deploy/.dev.statewright").exists());
        assert!(disk::write(root, &states()[1 - state], false, &turns()).unwrap().done);
        assert!(!root.join("deploy/.dev.statewright").exists(), "what a killed run left is cleaned up");
        assert_eq!(fs::read_to_string(root.join("deploy/dev/README.md")).unwrap(), "mine");
    }
    println!("old {}, new {}, in the middle of the work {left_over}", seen[0], seen[1]);
}

#[test]
fn killed_while_a_folder_is_new_it_is_whole_or_not_there() {
    let scratch = Scratch::new("kill-fresh");
    let mut seen = 0;
    for round in 0..kills() / 2 {
        let mut child = start_writer(scratch.path(), true);
        std::thread::sleep(Duration::from_micros(200 + (round * 7919) % 3000));
        child.kill().unwrap();
        child.wait().unwrap();
        let folder = scratch.path().join("deploy/dev");
        seen += usize::from(folder.exists());
        assert!(!folder.exists() || standing(scratch.path(), &[]).is_some(), "a mix: {:#?}", scratch.files());
        let state = &states()[0];
        assert!(disk::write(scratch.path(), state, false, &turns()).unwrap().done);
        assert_eq!(disk::compare(scratch.path(), state).unwrap(), []);
        fs::remove_dir_all(&folder).unwrap();
        let _ = fs::remove_dir_all(scratch.path().join("gone"));
        assert!(!scratch.path().join("deploy/.dev.statewright").exists());
    }
    println!("there {seen} of {}", kills() / 2);
}

#[test]
fn killed_while_files_are_replaced_one_by_one_the_next_run_writes_the_rest() {
    let scratch = Scratch::new("kill-one-by-one");
    let root = scratch.path();
    disk::write(root, &states()[0], false, &turns()).unwrap();
    scratch.write("deploy/dev/charts/x.yaml", "mine");
    for round in 0..kills() / 2 {
        let mut child = start_writer(root, false);
        std::thread::sleep(Duration::from_micros(200 + (round * 7919) % 5000));
        child.kill().unwrap();
        child.wait().unwrap();
        let state = &states()[usize::try_from(round % 2).unwrap()];
        let written = disk::write(root, state, false, &turns()).unwrap();
        assert!(written.done, "what a killed run left is no edit by hand: {written:?}");
        assert_eq!(disk::compare(root, state).unwrap(), []);
        assert_eq!(names(&scratch).len(), state.files.len() + 2);
        assert_eq!(fs::read_to_string(root.join("deploy/dev/charts/x.yaml")).unwrap(), "mine");
    }
}

#[test]
fn two_runs_at_once_wait_for_each_other() {
    let scratch = Scratch::new("two");
    std::thread::scope(|scope| {
        for state in states() {
            let root = scratch.path();
            scope.spawn(move || {
                for _ in 0..200 {
                    let written = disk::write(root, &state, false, &turns()).unwrap();
                    assert!(written.done, "{written:?}");
                }
            });
        }
    });
    let written = disk::write(scratch.path(), &states()[0], false, &turns()).unwrap();
    assert!(written.done, "{written:?}");
    assert_eq!(disk::compare(scratch.path(), &states()[0]).unwrap(), []);
    assert_eq!(names(&scratch).len(), states()[0].files.len() + 1);
}

#[test]
fn whoever_waits_in_vain_says_so_and_waits_once_only() {
    let scratch = Scratch::new("patience");
    disk::write(scratch.path(), &states()[0], false, &turns()).unwrap();
    let other = fs::File::open(scratch.path().join("deploy")).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let before = scratch.files();
    let waited = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = waited.clone();
    let turns = Turns::new(move |folder, attempt| {
        assert!(folder.ends_with("deploy"));
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        attempt < 3
    });
    for _ in 0..2 {
        let message = disk::write(scratch.path(), &states()[1], false, &turns).unwrap_err().message;
        assert!(message.contains("another run is writing in") && message.contains("deploy"), "{message}");
    }
    assert_eq!(waited.load(std::sync::atomic::Ordering::Relaxed), 4);
    // What is there as it should be needs no turn.
    assert!(disk::write(scratch.path(), &states()[0], false, &turns).unwrap().done);
    assert_eq!(before, scratch.files());
    drop(other);
    assert!(disk::write(scratch.path(), &states()[1], false, &turns).unwrap().done);
}

/// What an earlier run left, or somebody made to look so: below the hidden folder beside `deploy/dev`.
type Forgery = fn(&Scratch, &Path);

fn link(to: &str, from: &Path) {
    fs::create_dir_all(from.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(to, from).unwrap();
}

/// Each with its name, what it does, and whether nothing is lost when it is taken away.
const FORGERIES: &[(&str, Forgery, bool)] = &[
    ("an empty folder", |_, hidden| fs::create_dir_all(hidden).unwrap(), true),
    (
        "empty folders",
        |_, hidden| ["new", "old"].iter().for_each(|name| fs::create_dir_all(hidden.join(name)).unwrap()),
        true,
    ),
    (
        "a journal that removes",
        |scratch, _| {
            drop(scratch.write(
                "deploy/.dev.statewright/.statewright-journal",
                "remove kustomization.yaml\nremove Service-a.yaml\n",
            ));
        },
        false,
    ),
    (
        "a journal that puts",
        |scratch, _| {
            scratch.write("deploy/.dev.statewright/.statewright-journal", "put kustomization.yaml\nput ../x\n");
            scratch.write("deploy/.dev.statewright/kustomization.yaml", "forged");
        },
        false,
    ),
    ("a link named as a user's file", |_, hidden| link("/etc/passwd", &hidden.join("notes.txt")), false),
    ("a link to a user's file", |_, hidden| link("../../dev/notes.txt", &hidden.join("old/notes.txt")), false),
    ("a link to the tree", |_, hidden| link("../dev", &hidden.join("old")), false),
    ("a link to the tree, as new", |_, hidden| link("../dev", &hidden.join("new")), false),
    ("a link as the index", |_, hidden| link("../../dev/.statewright", &hidden.join("old/.statewright")), false),
    ("a folder named as a user's file", |_, hidden| fs::create_dir_all(hidden.join("old/notes.txt")).unwrap(), false),
    (
        "a folder named as a file of ours",
        |_, hidden| fs::create_dir_all(hidden.join("new/Service-a.yaml/x")).unwrap(),
        false,
    ),
    ("a file as old", |scratch, _| drop(scratch.write("deploy/.dev.statewright/old", "mine")), false),
    (
        "a file named as a user's",
        |scratch, _| drop(scratch.write("deploy/.dev.statewright/old/notes.txt", "forged")),
        false,
    ),
    (
        "a new file named as a user's",
        |scratch, _| drop(scratch.write("deploy/.dev.statewright/new/notes.txt", "forged")),
        false,
    ),
    (
        "a file without an index",
        |scratch, _| drop(scratch.write("deploy/.dev.statewright/old/Service-a.yaml", "mine")),
        false,
    ),
    (
        "an index of other contents",
        |scratch, _| {
            scratch.write(
                "deploy/.dev.statewright/old/.statewright",
                "statewright-index 1\n0123456789abcdef Service-a.yaml\n",
            );
            scratch.write("deploy/.dev.statewright/old/Service-a.yaml", format!("{HEADER}x\nedited by hand\n"));
        },
        false,
    ),
    (
        "an index of names outside",
        |scratch, _| {
            let names = ["../../dev/notes.txt", "/etc/passwd", "a/b.yaml", "..", "notes.txt", "kustomization.yaml"];
            let lines: String = names.map(|name| format!("0123456789abcdef {name}\n")).concat();
            scratch.write("deploy/.dev.statewright/old/.statewright", format!("statewright-index 1\n{lines}"));
        },
        true,
    ),
    (
        "an index of another version",
        |scratch, _| drop(scratch.write("deploy/.dev.statewright/old/.statewright", "statewright-index 9\n")),
        false,
    ),
    (
        "a user's file by a hard link from elsewhere",
        |scratch, hidden| {
            fs::create_dir_all(hidden.join("old")).unwrap();
            fs::hard_link(scratch.path().join("deploy/elsewhere.txt"), hidden.join("old/elsewhere.txt")).unwrap();
        },
        false,
    ),
    (
        "user's files by hard links",
        |scratch, hidden| {
            for folder in ["old", "new"] {
                fs::create_dir_all(hidden.join(folder)).unwrap();
                for name in ["notes.txt", "kustomization.yaml"] {
                    fs::hard_link(scratch.path().join("deploy/dev").join(name), hidden.join(folder).join(name))
                        .unwrap();
                }
            }
        },
        true,
    ),
    (
        "a file of ours, half written",
        |scratch, _| {
            scratch.write("deploy/.dev.statewright/new/Service-a.yaml", &HEADER[..9]);
            scratch.write("deploy/.dev.statewright/new/Pod-b.yaml", "");
            scratch.write("deploy/.dev.statewright/new/.statewright", "statewright-ind");
        },
        true,
    ),
    (
        "text of somebody's under a name of ours",
        |scratch, _| drop(scratch.write("deploy/.dev.statewright/new/Service-a.yaml", "kind: Service\n")),
        false,
    ),
    (
        "a pipe",
        |_, hidden| {
            fs::create_dir_all(hidden.join("old")).unwrap();
            assert!(Command::new("mkfifo").arg(hidden.join("old/Service-a.yaml")).status().unwrap().success());
        },
        false,
    ),
    (
        "a huge file",
        |scratch, _| {
            let path = scratch.write("deploy/.dev.statewright/old/Service-a.yaml", "");
            scratch.write(
                "deploy/.dev.statewright/old/.statewright",
                "statewright-index 1\n0123456789abcdef Service-a.yaml\n",
            );
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
        },
        false,
    ),
    (
        "a huge new file",
        |scratch, _| {
            let path = scratch.write("deploy/.dev.statewright/new/Service-a.yaml", HEADER);
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
        },
        false,
    ),
    (
        "a huge index",
        |scratch, _| {
            let path = scratch.write("deploy/.dev.statewright/old/.statewright", "statewright-index 1\n");
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
        },
        false,
    ),
];

#[test]
fn what_a_killed_run_left_can_be_forged_and_does_nothing() {
    for (name, forge, is_harmless) in FORGERIES {
        for (case, fresh) in [("the same tree", "1"), ("another tree", "2"), ("no tree", "")] {
            let scratch = Scratch::new("forged");
            let root = scratch.path();
            disk::write(root, &tree(&[("Service-a", "1"), ("Secret-b", "1")]), false, &turns()).unwrap();
            let users = ["deploy/dev/notes.txt", "deploy/dev/kustomization.yaml", "deploy/elsewhere.txt", "deploy/x"];
            for path in users {
                scratch.write(path, format!("mine: {path}"));
            }
            let hidden = root.join("deploy/.dev.statewright");
            forge(&scratch, &hidden);
            let count = walkdir::WalkDir::new(&hidden).into_iter().count();
            let fresh = if fresh.is_empty() { tree(&[]) } else { tree(&[("Service-a", fresh), ("Secret-b", "1")]) };
            assert!(
                disk::compare(root, &fresh).unwrap().iter().any(|difference| difference.kind == Kind::Unfinished),
                "{name}"
            );
            let written = disk::write(root, &fresh, true, &turns()).unwrap();
            for path in users {
                assert_eq!(
                    fs::read_to_string(root.join(path)).unwrap_or_default(),
                    format!("mine: {path}"),
                    "{name}, {case}"
                );
            }
            assert_eq!(
                (written.done, written.left.is_empty(), hidden.exists()),
                (*is_harmless, *is_harmless, !is_harmless),
                "{name}, {case}: {written:?}"
            );
            let standing = fs::read_to_string(root.join("deploy/dev/Service-a.yaml")).unwrap_or_default();
            let wanted = if *is_harmless { fresh.files.first().map_or("", |file| &file.text) } else { "kind: 1" };
            assert!(
                standing.contains(wanted) && (wanted.is_empty() == standing.is_empty()),
                "{name}, {case}: {standing}"
            );
            if !is_harmless {
                assert_eq!(
                    walkdir::WalkDir::new(&hidden).into_iter().count(),
                    count,
                    "{name}, {case}: it stays as it is"
                );
                assert!(written.left.iter().all(|path| path.starts_with(&hidden)), "{name}: {:?}", written.left);
                fs::remove_dir_all(&hidden).unwrap();
                assert!(disk::write(root, &fresh, true, &turns()).unwrap().done, "{name}, {case}");
            }
        }
    }
}

#[test]
fn a_huge_file_of_somebody_in_the_tree_costs_no_memory() {
    let scratch = Scratch::new("huge");
    let fresh = tree(&[("Service-a", "1")]);
    disk::write(scratch.path(), &fresh, false, &turns()).unwrap();
    let path = scratch.path().join("deploy/dev/Service-a.yaml");
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(kinds(&disk::compare(scratch.path(), &fresh).unwrap()), [("deploy/dev/Service-a.yaml", Kind::Edited)]);
    assert!(!disk::write(scratch.path(), &fresh, false, &turns()).unwrap().done);
    assert!(
        disk::read_folder(&disk::Reach::default(), &scratch.path().join("deploy/dev"))
            .unwrap_err()
            .message
            .contains("more than 16 MB")
    );
    assert!(disk::write(scratch.path(), &fresh, true, &turns()).unwrap().done);
    assert_eq!(disk::compare(scratch.path(), &fresh).unwrap(), []);
}

/// What a run leaves that was cut short while it replaced files one by one, also when the tree is by then as it was.
#[test]
fn a_draft_that_was_left_in_a_folder_goes_and_anything_else_of_that_name_stays() {
    for (content, is_ours) in
        [("", true), ("# Generated by statew", true), ("statewright-index 1\n", true), ("mine\n", false)]
    {
        for fresh in ["1", "2"] {
            let scratch = Scratch::new("draft");
            disk::write(scratch.path(), &tree(&[("Service-a", "1")]), false, &turns()).unwrap();
            scratch.write("deploy/dev/charts/x.yaml", "mine");
            scratch.write("deploy/dev/.statewright-draft", content);
            scratch.write("deploy/.dev.statewright/new/.statewright", "statewright-in");
            let written = disk::write(scratch.path(), &tree(&[("Service-a", fresh)]), false, &turns());
            assert_eq!(written.is_ok_and(|written| written.done), is_ours, "{content}");
            assert_eq!(scratch.path().join("deploy/dev/.statewright-draft").exists(), !is_ours, "{content}");
            assert_eq!(scratch.path().join("deploy/.dev.statewright").exists(), !is_ours, "{content}");
        }
    }
}

#[test]
fn nothing_is_written_into_what_is_gits() {
    let scratch = Scratch::new("git");
    for folder in [".git/hooks/dev", "deploy/.GIT/dev", ".git"] {
        let message =
            disk::write(scratch.path(), &Tree { folder: folder.into(), ..tree(&[("Service-a", "1")]) }, true, &turns())
                .unwrap_err()
                .message;
        assert!(message.contains("git's own"), "{folder}: {message}");
    }
    assert_eq!(scratch.files(), []);
}

/// A folder on another file system in the place of a tree: neither links nor exchanges reach over it.
#[test]
fn a_folder_that_is_a_mount_is_written_file_by_file() {
    let scratch = Scratch::new("mount");
    let folder = scratch.path().join("deploy/dev");
    fs::create_dir_all(&folder).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&folder).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("skipped: needs the right to mount");
        return;
    }
    let mut seen = Vec::new();
    scratch.write("deploy/dev/notes.txt", "mine");
    for state in [&states()[0], &states()[1], &tree(&[])] {
        let written = disk::write(scratch.path(), state, false, &turns());
        seen.push((written.map(|written| written.done), disk::compare(scratch.path(), state), names(&scratch).len()));
    }
    let _ = Command::new("umount").arg(&folder).status();
    assert_eq!(seen, [(Ok(true), Ok(Vec::new()), 16), (Ok(true), Ok(Vec::new()), 16), (Ok(true), Ok(Vec::new()), 1)]);
}

#[test]
fn the_root_may_be_a_link_that_the_user_named() {
    let scratch = Scratch::new("root-link");
    fs::create_dir(scratch.path().join("real")).unwrap();
    link("real", &scratch.path().join("named"));
    assert!(disk::write(&scratch.path().join("named"), &tree(&[("Service-a", "1")]), false, &turns()).unwrap().done);
    assert!(scratch.path().join("real/deploy/dev/Service-a.yaml").is_file());
}
