//! What `init` writes: something that compiles and rehearses, and of each example the very files.

use crate::commands::{root, statewright};
use crate::scratch::Scratch;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The names after `--like`, as the program lists them.
fn likes() -> BTreeSet<String> {
    let help = statewright(&root(), &["init", "--help"]).stdout;
    let listed = help.split_once("[possible values: ").unwrap().1.split_once(']').unwrap().0;
    listed.split(',').map(|name| name.trim().to_owned()).collect()
}

/// Two examples are there to be read, not to be begun with: the tutorial's, and one that mends its notes.
#[test]
fn every_example_can_be_begun_with() {
    let mut folders: BTreeSet<String> = fs::read_dir(root().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    for read in ["kubia", "migo"] {
        assert!(folders.remove(read), "there is no {read}");
    }
    assert_eq!(likes(), folders);
    assert!(folders.len() >= 16, "{folders:?}");
}

/// From an empty folder to a rehearsal in which all are ready, for each; what is written is the example itself.
#[test]
fn each_like_is_the_example_and_runs_to_the_end() {
    for name in likes() {
        let scratch = Scratch::new("like");
        let run = statewright(scratch.path(), &["init", "--like", &name]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        let example = root().join("examples").join(&name);
        for (file, text) in scratch.files().into_iter().filter(|(file, _)| !file.ends_with('/')) {
            let original = fs::read_to_string(example.join(&file)).unwrap();
            let wanted = original.strip_prefix("# yaml-language-server: $schema=../../schemas/app.v1.schema.json\n");
            assert_eq!(text, wanted.unwrap_or(&original), "{name}/{file}");
        }
        let beside = walkdir::WalkDir::new(&example).into_iter().filter_map(Result::ok);
        let beside = beside.filter(|entry| entry.file_type().is_file() && entry.path().parent() != Some(&example));
        for entry in beside.filter(|entry| !entry.path().starts_with(example.join("deploy"))) {
            let file = entry.path().strip_prefix(&example).unwrap();
            assert!(scratch.path().join(file).is_file(), "{name} lacks {}", file.display());
        }
        for command in ["check", "compile"] {
            assert!(run.stderr.contains(&format!("statewright {command}\n")), "{name}: {}", run.stderr);
            let run = statewright(scratch.path(), &[command]);
            assert_eq!(run.code, 0, "{name} {command}: {}{}", run.stdout, run.stderr);
            assert!(!run.stderr.contains("warning") && !run.stderr.contains("note["), "{name}: {}", run.stderr);
        }
        let mut environments = 0;
        for environment in fs::read_dir(scratch.path().join("deploy")).unwrap() {
            let environment = environment.unwrap().file_name().to_string_lossy().into_owned();
            let rehearsed = statewright(scratch.path(), &["rehearse", "--env", &environment, ".", "-o", "json"]);
            assert_eq!(rehearsed.code, 0, "{name} {environment}: {}{}", rehearsed.stdout, rehearsed.stderr);
            let steps: serde_json::Value = serde_json::from_str(&rehearsed.stdout).unwrap();
            let sets = steps["steps"][0]["state"]["statefulsets"].as_array().unwrap();
            assert_eq!(sets.len(), 1, "{name} {environment}");
            assert_eq!(sets[0]["ready"], sets[0]["spec"], "{name} {environment}: {}", rehearsed.stdout);
            environments += 1;
        }
        assert!(
            environments >= 2 && run.stderr.contains("      statewright rehearse --env "),
            "{name}: {}",
            run.stderr
        );
    }
}

#[test]
fn names_and_environments_are_those_that_were_asked_for() {
    let scratch = Scratch::new("init-env");
    let arguments = ["init", "--like", "redis", "--name", "cache", "--env", "test", "--env", "prod", "apps/cache"];
    let run = statewright(scratch.path(), &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("it needs in its namespace: Secret redis (password)\n"), "{}", run.stderr);
    assert!(run.stderr.ends_with(
        "next: statewright check apps/cache\n      statewright compile apps/cache\n      \
         statewright rehearse --env test apps/cache\n"
    ));
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    let environments: BTreeSet<String> = fs::read_dir(scratch.path().join("apps/cache/deploy"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(environments, ["prod", "test"].map(str::to_owned).into());
    // What is not there is as the first: one replica of a volume that the cluster makes.
    let set = fs::read_to_string(scratch.path().join("apps/cache/deploy/test/StatefulSet-cache.yaml")).unwrap();
    assert!(set.contains("replicas: 1") && set.contains("storageClassName: standard"), "{set}");
    for wrong in [["--name", "My App"], ["--env", "a: b"], ["--env", "../up"], ["--name", "a\nkind: b"]] {
        let run = statewright(scratch.path(), &[&["init"], &wrong[..], &["other"]].concat());
        assert_eq!(run.code, 2, "{wrong:?}: {}", run.stderr);
        assert!(run.stderr.contains("use lowercase letters, digits and `-`"), "{}", run.stderr);
    }
    assert!(!scratch.path().join("other").exists());
    let near = statewright(scratch.path(), &["init", "--like", "rediss"]);
    assert_eq!(near.code, 2);
    assert!(near.stderr.contains("'redis'"), "{}", near.stderr);
}

/// What is looked for at the top of the repository is written there, and what only the user knows is listed.
#[test]
fn a_workspace_fits_into_its_repository() {
    let scratch = Scratch::new("init-workspace");
    let git = Command::new("git").args(["init", "--quiet"]).current_dir(scratch.path()).status();
    if !git.is_ok_and(|status| status.success()) {
        return println!("left out: there is no git");
    }
    let run = statewright(scratch.path(), &["init", "--workspace", "--env", "live", "teams/shop"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for file in [".github/workflows/statewright.yaml", ".pre-commit-config.yaml", "teams/shop/statewright.yaml"] {
        assert!(scratch.path().join(file).is_file(), "{file}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("wrote {file}\n")), "{file}: {}", run.stderr);
    }
    assert!(
        run.stderr.contains("to fill in:\n  teams/shop/statewright.yaml:5: image: registry.example.com/shop:1.0.0")
    );
    assert!(
        run.stderr.contains("  teams/shop/argocd/application.yaml:10: repoURL: https://git.example.com/apps.git\n")
    );
    assert_eq!(statewright(scratch.path(), &["compile"]).code, 0);
    let application = fs::read_to_string(scratch.path().join("teams/shop/argocd/application.yaml")).unwrap();
    let application: serde_json::Value = serde_yaml::from_str(&application).unwrap();
    let path = application["spec"]["source"]["path"].as_str().unwrap();
    assert_eq!(path, "teams/shop/deploy/live/shop");
    assert!(scratch.path().join(path).join("StatefulSet-shop.yaml").is_file());
    // From inside, the top is above.
    let inside = scratch.path().join("teams");
    fs::remove_file(scratch.path().join(".pre-commit-config.yaml")).unwrap();
    let run = statewright(&inside, &["init", "--workspace", "desk"]);
    assert!(run.stderr.contains("wrote ../.pre-commit-config.yaml\n"), "{}", run.stderr);
    assert!(run.stderr.contains("left as it is: ../.github/workflows/statewright.yaml\n"), "{}", run.stderr);
}
