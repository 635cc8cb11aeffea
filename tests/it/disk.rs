//! What a tree does to a disk: nothing of anybody else's is touched, and a killed run leaves the old tree or the new one.

use crate::scratch::Scratch;
use statewright::disk::{self, Difference, Kind};
use statewright::layout::{File, INDEX, Index, Tree};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(name, text)| File { name: format!("{name}.yaml"), text: format!("# ours\nkind: {text}\n") }).collect();
    Tree { folder: "deploy/dev".into(), files }
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
    let written = disk::write(root, &first, false).unwrap();
    assert_eq!((written.created.len(), written.done), (3, true));
    assert_eq!(
        names(&scratch),
        ["deploy/dev/.statewright", "deploy/dev/Pod-c.yaml", "deploy/dev/Secret-b.yaml", "deploy/dev/Service-a.yaml"]
    );
    assert_eq!(disk::compare(root, &first).unwrap(), []);

    let second = tree(&[("Service-a", "1"), ("Secret-b", "2"), ("Job-d", "1")]);
    assert_eq!(
        kinds(&disk::compare(root, &second).unwrap()),
        [("deploy/dev/Secret-b.yaml", Kind::Stale), ("deploy/dev/Job-d.yaml", Kind::Missing), ("deploy/dev/Pod-c.yaml", Kind::Extra),]
    );
    let written = disk::write(root, &second, false).unwrap();
    assert_eq!(
        (written.created, written.changed, written.removed),
        (vec!["Job-d.yaml".into()], vec!["Secret-b.yaml".into()], vec!["Pod-c.yaml".into()])
    );
    assert_eq!(written.unchanged, 1);
    assert_eq!(disk::compare(root, &second).unwrap(), []);
    let folder = disk::read_folder(&root.join("deploy/dev")).unwrap().unwrap();
    assert_eq!(folder.files.len(), 3);
    assert_eq!(disk::read_folder(root).unwrap(), None);

    assert!(disk::remove(root, "deploy/dev", false).unwrap().done);
    assert_eq!(scratch.files(), [("deploy/".to_owned(), String::new())]);
    assert!(disk::remove(root, "deploy/dev", false).unwrap().done);
}

#[test]
fn nothing_is_touched_when_nothing_differs() {
    let scratch = Scratch::new("untouched");
    let tree = tree(&[("Service-a", "1"), ("Secret-b", "1")]);
    disk::write(scratch.path(), &tree, false).unwrap();
    let look = || -> Vec<_> {
        let entries = walkdir::WalkDir::new(scratch.path()).into_iter().map(Result::unwrap);
        entries.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().modified().unwrap())).collect()
    };
    let before = look();
    let written = disk::write(scratch.path(), &tree, false).unwrap();
    assert_eq!((written.unchanged, written.done), (2, true));
    assert_eq!(before, look());
}

#[test]
fn an_edited_file_is_named_and_kept_until_told_otherwise() {
    let scratch = Scratch::new("edited");
    let root = scratch.path();
    disk::write(root, &tree(&[("Service-a", "1"), ("Secret-b", "1")]), false).unwrap();
    scratch.write("deploy/dev/Service-a.yaml", "by hand\n");
    scratch.write("deploy/dev/Secret-b.yaml", "by hand too\n");
    let fresh = tree(&[("Service-a", "2"), ("Pod-c", "1")]);
    assert_eq!(kinds(&disk::compare(root, &fresh).unwrap())[0], ("deploy/dev/Service-a.yaml", Kind::Edited));
    let before = scratch.files();
    let written = disk::write(root, &fresh, false).unwrap();
    assert_eq!((written.edited.as_slice(), written.done), (["Service-a.yaml".to_owned(), "Secret-b.yaml".to_owned()].as_slice(), false));
    assert_eq!(before, scratch.files());
    assert!(disk::write(root, &fresh, true).unwrap().done);
    assert_eq!(disk::compare(root, &fresh).unwrap(), []);
    assert_eq!(names(&scratch).len(), 3);
}

#[test]
fn an_edit_that_says_what_we_would_write_is_no_edit() {
    let scratch = Scratch::new("agreeing");
    disk::write(scratch.path(), &tree(&[("Service-a", "1")]), false).unwrap();
    let fresh = tree(&[("Service-a", "2")]);
    scratch.write("deploy/dev/Service-a.yaml", &fresh.files[0].text);
    assert_eq!(kinds(&disk::compare(scratch.path(), &fresh).unwrap()), [("deploy/dev/.statewright", Kind::Stale)]);
    assert!(disk::write(scratch.path(), &fresh, false).unwrap().done);
    assert_eq!(disk::compare(scratch.path(), &fresh).unwrap(), []);
}

#[test]
fn what_is_not_ours_stays() {
    let scratch = Scratch::new("foreign");
    let root = scratch.path();
    for step in ["1", "2", "3"] {
        assert!(disk::write(root, &tree(&[("Service-a", step), (&format!("Pod-{step}"), step)]), false).unwrap().done);
        scratch.write("deploy/dev/README.md", "mine");
        if step != "1" {
            // From here on a folder stands in the way of the exchange, and the journal takes over.
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
    assert!(disk::remove(root, "deploy/dev", false).unwrap().done);
    assert_eq!(names(&scratch), ["deploy/dev/README.md", "deploy/dev/charts/x.yaml", "deploy/dev/link@"]);
}

#[test]
fn a_file_that_is_not_ours_is_not_overwritten_even_by_force() {
    let scratch = Scratch::new("in-the-way");
    scratch.write("deploy/dev/Service-a.yaml", "mine\n");
    let tree = tree(&[("Service-a", "1"), ("Pod-b", "1")]);
    assert_eq!(kinds(&disk::compare(scratch.path(), &tree).unwrap())[0].1, Kind::Foreign);
    let written = disk::write(scratch.path(), &tree, true).unwrap();
    assert_eq!((written.foreign, written.done), (vec!["Service-a.yaml".to_owned()], false));
    assert_eq!(names(&scratch), ["deploy/dev/Service-a.yaml"]);
}

#[test]
fn links_and_ways_out_are_refused() {
    let outside = Scratch::new("outside");
    for folder in ["../x", "/x", "a/../../x", "", "a//b", "."] {
        let tree = Tree { folder: folder.into(), ..tree(&[("Service-a", "1")]) };
        let message = disk::write(outside.path(), &tree, true).unwrap_err().message;
        assert!(message.contains("leads out"), "{folder}: {message}");
    }
    for link in ["deploy", "deploy/dev", "deploy/dev/Service-a.yaml", "deploy/dev/.statewright", "deploy/.dev.statewright"] {
        let scratch = Scratch::new("links");
        let path = scratch.path().join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(outside.path(), &path).unwrap();
        let message = disk::write(scratch.path(), &tree(&[("Service-a", "1")]), true).unwrap_err().message;
        assert!(message.contains("a symbolic link"), "{link}: {message}");
        assert!(message.contains(link), "{link}: {message}");
        assert_eq!(outside.files(), []);
    }
}

#[test]
fn an_index_from_a_stranger_cannot_name_what_is_outside() {
    let scratch = Scratch::new("stranger");
    scratch.write("deploy/Service-x.yaml", "mine");
    scratch.write("deploy/dev/.statewright", "statewright-index 1\n0123456789abcdef ../Service-x.yaml\n0123456789abcdef README.md\n");
    scratch.write("deploy/dev/README.md", "mine");
    scratch.write("deploy/.dev.statewright/.statewright-journal", "remove ../Service-x.yaml\nremove README.md\nput ../../x\n");
    assert!(disk::write(scratch.path(), &tree(&[("Service-a", "1")]), true).unwrap().done);
    assert_eq!(names(&scratch), ["deploy/Service-x.yaml", "deploy/dev/.statewright", "deploy/dev/README.md", "deploy/dev/Service-a.yaml"]);
    scratch.write("deploy/dev/.statewright", "statewright-index 7\n");
    assert!(disk::compare(scratch.path(), &tree(&[])).unwrap_err().message.contains("newer statewright"));
}

#[test]
fn folders_of_environments_that_are_gone() {
    let scratch = Scratch::new("stale");
    for folder in ["deploy/dev", "deploy/prod", "deploy/old"] {
        disk::write(scratch.path(), &Tree { folder: folder.into(), ..tree(&[("Service-a", "1")]) }, false).unwrap();
    }
    scratch.write("deploy/notes/a.txt", "mine");
    let current = BTreeSet::from(["deploy/dev".to_owned(), "deploy/prod".to_owned()]);
    assert_eq!(disk::stale_folders(scratch.path(), "deploy/*", &current).unwrap(), ["deploy/old"]);
    assert_eq!(disk::stale_folders(scratch.path(), "gone/*/x", &current).unwrap(), [""; 0]);
}

#[test]
fn a_read_only_folder_is_said_by_name() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("read-only");
    disk::write(scratch.path(), &tree(&[("Service-a", "1")]), false).unwrap();
    let folder = scratch.path().join("deploy/dev");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let message = disk::write(scratch.path(), &tree(&[("Service-a", "2")]), false).unwrap_err().message;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(message.contains("permission denied") && message.contains("deploy/dev"), "{message}");
    assert_eq!(names(&scratch).len(), 2);
    assert!(disk::write(scratch.path(), &tree(&[("Service-a", "2")]), false).unwrap().done);
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
    disk::write(scratch.path(), &small, false).unwrap();
    let large = Tree { files: vec![File { name: "Service-a.yaml".into(), text: "x".repeat(100_000) }], ..small.clone() };
    let failure = disk::write(scratch.path(), &large, false);
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
        let mut names: Vec<(String, String)> = (0..12).map(|number| (format!("Secret-{number}"), format!("{text}{number}"))).collect();
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
            disk::write(Path::new(&root), state, false).unwrap();
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
    command.args(["--exact", "disk::writer", "--ignored", "--nocapture"]).env("STATEWRIGHT_WRITER", root).stdout(Stdio::piped());
    if fresh {
        command.env("STATEWRIGHT_WRITER_FRESH", "1");
    }
    let mut child = command.spawn().unwrap();
    let ready = BufReader::new(child.stdout.as_mut().unwrap()).lines().map_while(Result::ok).any(|line| line.ends_with("ready"));
    assert!(ready, "the writer did not start");
    child
}

/// Which of the states stands on the disk, whole.
fn standing(root: &Path, others: &[&str]) -> Option<usize> {
    let folder = root.join("deploy/dev");
    states().iter().position(|state| {
        let index = fs::read_to_string(folder.join(INDEX)).unwrap_or_default();
        let there: BTreeSet<PathBuf> =
            fs::read_dir(&folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default();
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
    disk::write(root, &states()[0], false).unwrap();
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
        assert!(disk::write(root, &states()[1 - state], false).unwrap().done);
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
        assert!(disk::write(scratch.path(), state, false).unwrap().done);
        assert_eq!(disk::compare(scratch.path(), state).unwrap(), []);
        fs::remove_dir_all(&folder).unwrap();
        let _ = fs::remove_dir_all(scratch.path().join("gone"));
        assert!(!scratch.path().join("deploy/.dev.statewright").exists());
    }
    println!("there {seen} of {}", kills() / 2);
}

#[test]
fn killed_over_a_journal_the_next_run_finishes_it() {
    let scratch = Scratch::new("kill-journal");
    let root = scratch.path();
    disk::write(root, &states()[0], false).unwrap();
    scratch.write("deploy/dev/charts/x.yaml", "mine");
    for round in 0..kills() / 2 {
        let mut child = start_writer(root, false);
        std::thread::sleep(Duration::from_micros(200 + (round * 7919) % 5000));
        child.kill().unwrap();
        child.wait().unwrap();
        let state = &states()[usize::try_from(round % 2).unwrap()];
        let written = disk::write(root, state, false).unwrap();
        assert!(written.done, "what a killed run left is no edit by hand: {written:?}");
        assert_eq!(disk::compare(root, state).unwrap(), []);
        assert_eq!(names(&scratch).len(), state.files.len() + 2);
    }
}

#[test]
fn two_runs_at_once_do_not_harm_each_other() {
    let scratch = Scratch::new("two");
    std::thread::scope(|scope| {
        for state in states() {
            let root = scratch.path();
            scope.spawn(move || {
                for _ in 0..200 {
                    if let Err(failure) = disk::write(root, &state, false) {
                        assert!(failure.message.contains("another run") || failure.message.contains("does not exist"), "{failure}");
                    }
                }
            });
        }
    });
    let written = disk::write(scratch.path(), &states()[0], false).unwrap();
    assert!(written.done, "{written:?}");
    assert_eq!(disk::compare(scratch.path(), &states()[0]).unwrap(), []);
    assert_eq!(names(&scratch).len(), states()[0].files.len() + 1);
}
