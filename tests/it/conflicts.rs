//! Manifests of ours that git has merged, or left with the markers of a conflict, or that are damaged: said to be so
//! with the line, not compared, and written anew.

use crate::commands::{copy, root, statewright};
use crate::scratch::Scratch;
use std::fs;

const SET: &str = "deploy/dev/StatefulSet-kubia.yaml";
const INDEX: &str = "deploy/dev/.statewright";

/// The kubia example, and the texts of two files of it as two branches have them.
fn branches(scratch: &Scratch) -> [(String, String); 2] {
    copy(&root().join("examples/kubia"), scratch.path());
    let spec = scratch.path().join("statewright.yaml");
    let text = fs::read_to_string(&spec).unwrap();
    ["pet:1.1", "pet:1.2"].map(|image| {
        fs::write(&spec, text.replace("pet:1.0", image)).unwrap();
        assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
        (fs::read_to_string(scratch.path().join(SET)).unwrap(), fs::read_to_string(scratch.path().join(INDEX)).unwrap())
    })
}

/// What git leaves of two texts that differ in one line.
fn conflicted(one: &str, other: &str) -> String {
    let mut text = String::new();
    for (mine, theirs) in one.lines().zip(other.lines()) {
        if mine == theirs {
            text.extend([mine, "\n"]);
        } else {
            text.extend(["<<<<<<< HEAD\n", mine, "\n=======\n", theirs, "\n>>>>>>> other\n"]);
        }
    }
    text
}

#[test]
fn a_merge_conflict_is_said_with_its_line_and_written_anew() {
    let scratch = Scratch::new("conflict");
    let [(mine, my_index), (theirs, their_index)] = branches(&scratch);
    let text = conflicted(&mine, &theirs);
    let line = text.lines().position(|line| line.starts_with("<<<<<<<")).unwrap() + 1;
    for index in [conflicted(&my_index, &their_index), my_index.clone(), their_index.clone()] {
        scratch.write(SET, &text);
        scratch.write(INDEX, &index);
        for command in ["diff", "ci"] {
            let run = statewright(scratch.path(), &[command]);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!(run.code, 1, "{command}: {said}");
            assert!(
                said.contains("SW0614") && said.contains(&format!("{SET}:{line}")),
                "{command} says the line: {said}"
            );
            assert!(said.contains("run `statewright compile`, which rewrites it"), "{command}: {said}");
            assert!(
                !said.contains("adds kubia-0") && !said.contains("kubia in dev: new"),
                "{command} compares with nothing: {said}"
            );
        }
        let check = statewright(scratch.path(), &["compile", "--check"]);
        assert!(check.code == 1 && check.stderr.contains("conflict"), "{}", check.stderr);
        let compiled = statewright(scratch.path(), &["compile"]);
        assert_eq!(compiled.code, 0, "{}", compiled.stderr);
        assert_eq!(fs::read_to_string(scratch.path().join(SET)).unwrap(), theirs);
        assert_eq!(statewright(scratch.path(), &["ci"]).code, 0);
    }
}

#[test]
fn what_git_merged_by_itself_is_no_edit_while_the_merge_is_open() {
    let scratch = Scratch::new("merged");
    let [(mine, my_index), (theirs, their_index)] = branches(&scratch);
    let merged = mine.replace("pet:1.1", "pet:1.3");
    assert!(merged != mine && merged != theirs);
    scratch.write(SET, &merged);
    scratch.write(INDEX, conflicted(&my_index, &their_index));
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    // Without a merge it is an edit.
    scratch.write(SET, &merged);
    let edited = statewright(scratch.path(), &["compile"]);
    assert!(edited.code == 1 && edited.stderr.contains("edited by hand"), "{}", edited.stderr);
    let ci = statewright(scratch.path(), &["ci"]);
    let said = format!("{}{}", ci.stdout, ci.stderr);
    assert!(said.contains("`statewright compile --force` drops it"), "the help names what works: {said}");
}

#[test]
fn a_damaged_manifest_is_not_compared() {
    let scratch = Scratch::new("damaged");
    let [_, (theirs, _)] = branches(&scratch);
    let half = &theirs[..theirs.find("serviceName").unwrap() + 9];
    for text in [
        half.to_owned(),
        theirs.lines().next().unwrap().to_owned() + "\n",
        theirs.replace("kind: StatefulSet", "kind: ["),
    ] {
        scratch.write(SET, &text);
        let run = statewright(scratch.path(), &["diff"]);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(run.code == 1 && said.contains("SW0614") && said.contains(SET), "{text}\n{said}");
        assert!(!said.contains("adds kubia-0"), "{said}");
        assert!(said.contains("run `statewright compile --force`, which rewrites it"), "{said}");
        assert_eq!(statewright(scratch.path(), &["compile", "--force"]).code, 0);
    }
}
