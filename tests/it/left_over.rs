//! Manifests whose spec is gone: seen by every run that is about all of their folder, and by no other.

use crate::commands::{copy, root, statewright};
use crate::scratch::Scratch;
use std::fs;

/// An app by itself, and two of a workspace.
fn repository() -> Scratch {
    let scratch = Scratch::new("left-over");
    copy(&root().join("examples/kubia"), &scratch.path().join("apps/kubia"));
    copy(&root().join("examples/web"), &scratch.path().join("apps/web"));
    copy(&root().join("tests/cases/environments/workspace/apps"), &scratch.path().join("shop"));
    let workspace = root().join("tests/cases/environments/workspace/statewright-workspace.yaml");
    fs::copy(workspace, scratch.path().join("shop/statewright-workspace.yaml")).unwrap();
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    scratch
}

#[test]
fn output_goes_with_its_spec() {
    for (spec, output) in [
        ("apps/kubia/statewright.yaml", "apps/kubia/deploy/prod"),
        ("shop/web/statewright.yaml", "shop/deploy/prod/web"),
    ] {
        let repository = repository();
        fs::remove_file(repository.path().join(spec)).unwrap();
        let checked = statewright(repository.path(), &["compile", "--check"]);
        assert_eq!(checked.code, 1, "{}", checked.stderr);
        assert!(
            checked.stderr.contains(&format!("{output}/")) && checked.stderr.contains(": left over\n"),
            "{}",
            checked.stderr
        );
        assert!(repository.path().join(output).is_dir());
        assert_eq!(statewright(repository.path(), &["compile", "--fail-if-written"]).code, 1);
        assert!(!repository.path().join(output).exists());
        assert_eq!(statewright(repository.path(), &["compile", "--fail-if-written"]).code, 0);
        assert_eq!(statewright(repository.path(), &["compile", "--check"]).code, 0);
    }
}

#[test]
fn nothing_goes_that_may_belong_to_someone() {
    let repository = repository();
    // A spec of another name, output that was sent elsewhere, and a run that does not see everything.
    fs::rename(repository.path().join("apps/web/statewright.yaml"), repository.path().join("apps/web/web.yaml"))
        .unwrap();
    assert_eq!(statewright(repository.path(), &["compile", "apps/web/web.yaml"]).code, 0);
    assert_eq!(statewright(repository.path(), &["compile", "apps/kubia", "--out", "rendered"]).code, 0);
    fs::remove_file(repository.path().join("shop/web/statewright.yaml")).unwrap();
    fs::write(repository.path().join("apps/kubia/deploy/notes.txt"), "mine").unwrap();
    let before = repository.files();
    for arguments in [
        &["compile", "apps"][..],
        &["compile", "shop/api"],
        &["compile", "shop", "--env", "prod"],
        &["compile", "apps/kubia"],
    ] {
        let run = statewright(repository.path(), arguments);
        assert_eq!((run.code, repository.files() == before), (0, true), "{arguments:?}: {}", run.stderr);
    }
    // What stands in the way of reading an app may not cost it its manifests.
    fs::write(repository.path().join("shop/api/statewright.yaml"), "no spec").unwrap();
    assert_eq!(statewright(repository.path(), &["compile", "shop"]).code, 1);
    assert!(
        repository.path().join("shop/deploy/prod/api").is_dir()
            && repository.path().join("shop/deploy/prod/web").is_dir()
    );
}

#[test]
fn what_was_edited_by_hand_stays() {
    let repository = repository();
    fs::remove_file(repository.path().join("apps/kubia/statewright.yaml")).unwrap();
    let edited = repository.path().join("apps/kubia/deploy/prod/Service-kubia.yaml");
    fs::write(&edited, fs::read_to_string(&edited).unwrap() + "# mine\n").unwrap();
    let run = statewright(repository.path(), &["compile"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("edited by hand"), "{}", run.stderr);
    assert!(edited.is_file());
}

#[test]
fn an_environment_that_is_gone_is_named_once() {
    let repository = repository();
    let workspace = repository.path().join("shop/statewright-workspace.yaml");
    let text = fs::read_to_string(&workspace).unwrap();
    fs::write(&workspace, text.replace("  dev: {}\n", "")).unwrap();
    let checked = statewright(repository.path(), &["compile", "--check"]);
    assert_eq!(
        (checked.code, checked.stderr.matches("shop/deploy/dev/web/Service-web.yaml").count()),
        (1, 1),
        "{}",
        checked.stderr
    );
    let asked = statewright(repository.path(), &["ci"]);
    assert_eq!(
        (asked.code, asked.stderr.matches("shop/deploy/dev/web is left over").count()),
        (1, 1),
        "{}",
        asked.stderr
    );
}
