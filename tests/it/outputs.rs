//! No two apps or environments write one folder, nor one inside the other's: said with both places before anything is
//! written.

use crate::commands::statewright;
use crate::scratch::Scratch;

fn app(scratch: &Scratch, path: &str, name: &str, environments: &str) {
    let text = format!(
        "apiVersion: statewright/v1\nkind: App\nname: {name}\nimage: example.com/x:1.0\nenvironments: {environments}\n"
    );
    scratch.write(path, text);
}

fn workspace(scratch: &Scratch, folder: &str, output: &str) {
    let text = format!("apiVersion: statewright/v1\nkind: Workspace\noutput: {output}\n");
    scratch.write(&format!("{folder}statewright-workspace.yaml"), text);
}

/// Every command that looks at output must say it, with these places, and write nothing.
#[track_caller]
fn refused(scratch: &Scratch, paths: &[&str], message: &str, places: &[&str]) {
    let before = scratch.files();
    for command in [
        &["compile"][..],
        &["compile", "--check"],
        &["compile", "--env", "dev"],
        &["compile", "--force"],
        &["ci"],
        &["diff"],
    ] {
        // Two files of another name are manifests to `diff`.
        if command == ["diff"] && paths.len() == 2 {
            continue;
        }
        let run = statewright(scratch.path(), &[command, paths].concat());
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, 1, "{command:?}: {said}");
        assert!(said.contains("SW0605"), "{command:?}: {said}");
        assert!(said.contains(message), "{command:?}: {said}");
        for place in places {
            assert!(said.contains(place), "{command:?} lacks {place}: {said}");
        }
        assert_eq!(before, scratch.files(), "{command:?} wrote");
    }
}

#[test]
fn two_apps_of_one_name() {
    let scratch = Scratch::new("same-name");
    workspace(&scratch, "", "deploy/{env}/{app}");
    app(&scratch, "a/statewright.yaml", "web", "{dev: {}, prod: {}}");
    app(&scratch, "b/statewright.yaml", "web", "{prod: {}, dev: {}}");
    refused(
        &scratch,
        &[],
        "`web` in dev and `web` in dev are both written to deploy/dev/web",
        &["a/statewright.yaml:3", "b/statewright.yaml:3"],
    );
    let told = statewright(scratch.path(), &["compile"]).stderr.matches("SW0605").count();
    assert_eq!(told, 1, "two apps are told once, in however many environments they meet");
}

#[test]
fn an_output_without_its_placeholders() {
    let scratch = Scratch::new("no-placeholder");
    workspace(&scratch, "", "out/{env}");
    app(&scratch, "a/statewright.yaml", "web", "{dev: {}}");
    app(&scratch, "b/statewright.yaml", "api", "{dev: {}}");
    refused(
        &scratch,
        &[],
        "put `{app}` into the workspace's `output`",
        &["statewright-workspace.yaml:3", "a/statewright.yaml:3", "b/statewright.yaml:3"],
    );
    let scratch = Scratch::new("no-placeholder-env");
    workspace(&scratch, "", "out/{app}");
    app(&scratch, "a/statewright.yaml", "web", "{dev: {}, prod: {}}");
    refused(
        &scratch,
        &[],
        "put `{env}` into the workspace's `output`",
        &["statewright-workspace.yaml:3", "a/statewright.yaml:5"],
    );
}

#[test]
fn names_that_meet_in_a_pattern() {
    let scratch = Scratch::new("meet");
    workspace(&scratch, "", "out/{env}-{app}");
    app(&scratch, "a/statewright.yaml", "c", "{a-b: {}}");
    app(&scratch, "b/statewright.yaml", "b-c", "{a: {}}");
    refused(&scratch, &[], "are both written to out/a-b-c", &["a/statewright.yaml:3", "b/statewright.yaml:3"]);
}

#[test]
fn one_output_inside_another() {
    let scratch = Scratch::new("inside");
    workspace(&scratch, "", "shop/deploy");
    app(&scratch, "web/statewright.yaml", "web", "{dev: {}}");
    workspace(&scratch, "shop/", "Deploy/{env}/{app}");
    app(&scratch, "shop/api/statewright.yaml", "api", "{dev: {}}");
    refused(
        &scratch,
        &[],
        "`api` in dev is written to shop/Deploy/dev/api, inside of shop/deploy, which is that of `web` in dev",
        &["web/statewright.yaml:3", "shop/api/statewright.yaml:3"],
    );
}

#[test]
fn an_app_without_a_workspace_inside_anothers_output() {
    let scratch = Scratch::new("inside-app");
    app(&scratch, "statewright.yaml", "web", "{dev: {}}");
    app(&scratch, "deploy/dev/statewright.yaml", "api", "{dev: {}}");
    refused(
        &scratch,
        &[],
        "inside of deploy/dev, which is that of `web` in dev",
        &["deploy/dev/statewright.yaml:3", "statewright.yaml:3"],
    );
}

#[test]
fn two_specs_in_one_folder() {
    let scratch = Scratch::new("beside");
    app(&scratch, "web.yaml", "web", "{dev: {}}");
    app(&scratch, "api.yaml", "api", "{dev: {}}");
    refused(&scratch, &["web.yaml", "api.yaml"], "are both written to deploy/dev", &["web.yaml:3", "api.yaml:3"]);
    // With environments of their own they can live beside each other, and neither takes the other's for left over,
    // together or alone.
    app(&scratch, "api.yaml", "api", "{prod: {}}");
    for paths in [&["web.yaml", "api.yaml"][..], &["web.yaml"], &["api.yaml"]] {
        let run = statewright(scratch.path(), &[&["compile"], paths].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        for file in ["deploy/dev/StatefulSet-web.yaml", "deploy/prod/StatefulSet-api.yaml"] {
            assert!(scratch.path().join(file).is_file(), "{paths:?} took {file}");
        }
        for command in [&["compile", "--check"][..], &["ci"]] {
            let run = statewright(scratch.path(), &[command, paths].concat());
            assert_eq!(run.code, 0, "{command:?} {paths:?}: {}{}", run.stdout, run.stderr);
        }
    }
}

#[test]
fn folders_that_differ_by_letter_case_only() {
    let scratch = Scratch::new("case");
    workspace(&scratch, "one/", "../Deploy/{env}/{app}");
    workspace(&scratch, "two/", "x/{env}/{app}");
    app(&scratch, "one/a/statewright.yaml", "web", "{dev: {}}");
    app(&scratch, "two/A/statewright.yaml", "web", "{dev: {}}");
    workspace(&scratch, "two/a/", "deploy/{env}");
    workspace(&scratch, "two/A/", "deploy/{env}");
    app(&scratch, "two/a/statewright.yaml", "api", "{dev: {}}");
    refused(
        &scratch,
        &["two"],
        "one folder where letter case does not count",
        &["two/A/statewright.yaml:3", "two/a/statewright.yaml:3"],
    );
}

#[test]
fn an_environment_is_named_as_a_folder_can_be_anywhere() {
    for (name, is_fine) in [
        ("dev", true),
        ("A", false),
        ("\"a/b\"", false),
        ("\"..\"", false),
        ("a.b", false),
        (".git", false),
        ("\"\"", false),
    ] {
        let own = Scratch::new("environment");
        app(&own, "statewright.yaml", "web", &format!("{{{name}: {{}}}}"));
        let shared = Scratch::new("environment-shared");
        shared.write(
            "statewright-workspace.yaml",
            format!("apiVersion: statewright/v1\nkind: Workspace\nenvironments: {{{name}: {{}}}}\n"),
        );
        shared.write(
            "web/statewright.yaml",
            "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/x:1.0\n",
        );
        for (scratch, place) in [(&own, "statewright.yaml:5"), (&shared, "statewright-workspace.yaml:3")] {
            let before = scratch.files();
            let run = statewright(scratch.path(), &["compile"]);
            assert_eq!((run.code == 0, before == scratch.files()), (is_fine, !is_fine), "{name}: {}", run.stderr);
            assert!(
                is_fine || run.stderr.contains("cannot name an environment") && run.stderr.contains(place),
                "{name}: {}",
                run.stderr
            );
        }
    }
}

#[test]
fn printed_manifests_need_no_folder() {
    let scratch = Scratch::new("printed");
    workspace(&scratch, "", "out");
    app(&scratch, "a/statewright.yaml", "web", "{dev: {}, prod: {}}");
    assert_eq!(statewright(scratch.path(), &["compile", "-o", "yaml"]).code, 0);
}

/// Two thousand apps of one folder are told in one finding, soon.
#[test]
fn many_apps_of_one_folder_are_told_once() {
    let scratch = Scratch::new("many");
    workspace(&scratch, "", "out");
    for number in 0..2000 {
        app(&scratch, &format!("apps/a{number}/statewright.yaml"), &format!("a{number}"), "{dev: {}}");
    }
    let begin = std::time::Instant::now();
    let run = statewright(scratch.path(), &["compile"]);
    let said = run.stderr;
    assert_eq!((run.code, said.matches("SW0605").count()), (1, 1), "{said}");
    assert!(said.contains("1998 more are in the way") && said.len() < 5000, "{said}");
    assert!(begin.elapsed() < std::time::Duration::from_secs(60));
}
