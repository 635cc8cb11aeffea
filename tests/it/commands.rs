//! The binary itself, run as a user would, and what it said.

use crate::scratch::Scratch;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its data.
    pub(crate) stdout: String,
    /// Its talk.
    pub(crate) stderr: String,
}

/// Runs statewright in a folder.
#[track_caller]
pub(crate) fn statewright(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_statewright"));
    let Output { status, stdout, stderr } = command
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("GITHUB_OUTPUT")
        .env_remove("GITHUB_STEP_SUMMARY")
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn exit_codes_and_streams() {
    let root = root();
    assert_eq!(statewright(&root, &["--help"]).code, 0);
    assert_eq!(statewright(&root, &["compile", "--no-such-option"]).code, 2);
    let missing = statewright(&root, &["compile", "no/such/folder"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (2, ""));
    assert!(missing.stderr.contains("no/such/folder"), "{}", missing.stderr);
    let empty = statewright(&root, &["compile", "src/yaml"]);
    assert_eq!(empty.code, 2);
    assert!(empty.stderr.contains("statewright init"), "{}", empty.stderr);
    let explained = statewright(&root, &["explain", "storage.size"]);
    assert_eq!(explained.code, 0);
    assert!(explained.stdout.contains("How much each replica gets"), "{}", explained.stdout);
    assert_eq!(statewright(&root, &["explain", "SW0101"]).code, 0);
    assert!(statewright(&root, &["explain", "storge"]).stderr.contains("did you mean `storage`?"));
    assert!(statewright(&root, &["completions", "bash"]).stdout.contains("statewright"));
    assert!(statewright(&root, &["man"]).stdout.contains(".TH statewright"));
}

#[test]
fn a_generated_file_knows_its_spec() {
    let run = statewright(&root(), &["explain", "examples/kubia/deploy/dev/Service-kubia.yaml"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("statewright.yaml (app kubia, environment dev)"), "{}", run.stdout);
}

#[test]
fn init_gives_something_that_compiles() {
    let scratch = crate::scratch::Scratch::new("init");
    let folder = scratch.path().join("My App");
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(statewright(&folder, &["init", "--workspace"]).code, 0);
    let run = statewright(&folder, &["compile"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(statewright(&folder, &["compile", "--check"]).code, 0);
    assert!(folder.join("deploy/prod/my-app/StatefulSet-my-app.yaml").is_file());
    let again = statewright(&folder, &["init"]);
    assert!(again.stderr.contains("left as it is"), "{}", again.stderr);
}

#[test]
fn one_format_goes_to_stdout_and_the_others_into_files() {
    let scratch = crate::scratch::Scratch::new("formats");
    copy(&root().join("examples/kubia"), scratch.path());
    for command in ["check", "diff", "compile"] {
        let run = statewright(
            scratch.path(),
            &[command, "--format", "json", "--format", "sarif=a.sarif", "--format", "markdown=a.md"],
        );
        assert_eq!(run.code, 0, "{command}: {}", run.stderr);
        assert!(serde_json::from_str::<serde_json::Value>(&run.stdout).is_ok(), "{command}: {}", run.stdout);
        assert!(scratch.path().join("a.sarif").is_file() && scratch.path().join("a.md").is_file());
        for (arguments, said) in [
            (&["--format", "json", "--format", "sarif"][..], "stdout takes one format"),
            (&["--format", "json=a", "--format", "sarif=a"], "two formats cannot be in one file: a"),
            (&["--format", "json="], "`json=` names no file"),
            (&["--format", "jsn"], "there are human, json, sarif, github, gitlab, junit, markdown, html"),
        ] {
            let run = statewright(scratch.path(), &[&[command], arguments].concat());
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{command} {arguments:?}");
            assert!(run.stderr.contains(said), "{command} {arguments:?}: {}", run.stderr);
        }
        let help =
            statewright(scratch.path(), &[command, "--help"]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let names: Vec<&str> = statewright::report::Format::ALL.iter().map(|(name, _)| *name).collect();
        assert!(help.contains(&names.join(", ")), "{command}: {help}");
    }
    let both = statewright(scratch.path(), &["compile", "-o", "yaml", "--format", "json"]);
    assert!(both.code == 2 && both.stderr.contains("stdout takes the manifests already"), "{}", both.stderr);
}

/// A check that passes when its subject is missing is none.
#[test]
fn an_environment_that_no_app_has_is_refused() {
    let scratch = Scratch::new("no-such-environment");
    let spec = |name: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: {name}\nimage: example.com/x:1.0\nenvironments: {{dev: \
                {{}}, prod: {{}}}}\n"
        )
    };
    scratch.write("one/statewright.yaml", spec("one"));
    scratch.write("two/statewright.yaml", spec("two").replace("prod", "stage"));
    let commands: &[&[&str]] =
        &[&["compile"], &["compile", "--check"], &["diff"], &["ci"], &["inspect"], &["rehearse", "."]];
    for command in commands {
        let run = statewright(scratch.path(), &[*command, &["--env", "prd"]].concat());
        assert_eq!(run.code, 2, "{command:?}: {}{}", run.stdout, run.stderr);
        let said = "no app here has an environment `prd`; did you mean `prod`?";
        assert!(run.stderr.contains(said), "{command:?}: {}", run.stderr);
    }
    assert_eq!(statewright(scratch.path(), &["compile", "--env", "stage"]).code, 0, "one app has it");
    let two = statewright(scratch.path(), &["compare", "dev", "prd"]);
    assert_eq!(two.code, 2, "{}", two.stderr);
}

#[test]
fn explain_knows_what_was_meant() {
    let folder = root().join("examples/kubia");
    for (what, meant) in [
        ("storage.siz", "storage.size"),
        ("storrage", "storage"),
        ("SW201", "SW0201"),
        ("unknown-feild", "unknown-field"),
        ("probes.redy", "probes.ready"),
    ] {
        let run = statewright(&folder, &["explain", what]);
        assert!(run.code == 2 && run.stderr.contains(&format!("did you mean `{meant}`?")), "{what}: {}", run.stderr);
        assert_eq!(statewright(&folder, &["explain", meant]).code, 0, "{meant}");
    }
}

/// The examples that `--help` shows, each run as it stands where there is what it speaks of.
#[test]
fn the_examples_of_help_work() {
    let scratch = Scratch::new("examples-of-help");
    let folder = scratch.path();
    copy(&root().join("examples/kubia"), &folder.join("apps/kubia"));
    for other in ["old", "new", "manifests", "legacy", "overlays/dev", "overlays/prod"] {
        copy(&folder.join("apps/kubia/deploy/dev"), &folder.join(other));
        std::fs::remove_file(folder.join(other).join(".statewright")).unwrap();
    }
    scratch.write("cluster.yaml", "nodes: [{name: minikube}]\n");
    scratch.write("dump.yaml", include_str!("../live/dump.yaml"));
    scratch.write("cluster/namespaces.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: pets}\n");
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \
        foos.example.com}\nspec:\n  group: example.com\n  names: {kind: Foo, plural: foos}\n  scope: Namespaced\n  \
        versions:\n  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";
    scratch.write("crds/foos.yaml", definition);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        assert!(
            Command::new("git").args(identity).args(arguments).current_dir(folder).status().unwrap().success(),
            "{arguments:?}"
        );
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "all"]);
    git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let program = Path::new(env!("CARGO_BIN_EXE_statewright")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut count = 0;
    for command in commands(folder, &[]) {
        let help = statewright(folder, &[command.split(' ').collect(), vec!["--help"]].concat()).stdout;
        let examples = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command} has no examples: {help}")).1;
        let before = count;
        for line in examples.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(line.contains(&format!("statewright {command}")), "{line}");
            // Each begins with what is committed.
            git(&["clean", "--quiet", "--force", "-d"]);
            git(&["checkout", "--quiet", "."]);
            // It goes on until it is interrupted.
            let line = if command == "watch" { format!("timeout 5 {line} || [ $? = 124 ]") } else { line.to_owned() };
            let run = Command::new("bash")
                .args(["-o", "pipefail", "-c", &line])
                .env("PATH", &path)
                .current_dir(folder)
                .output();
            let Ok(run) = run else { return println!("there is no bash: the examples were not run") };
            let said = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.code().is_some_and(|code| code < 2), "{line}: {:?} {said}", run.status);
            count += 1;
        }
        assert!(count >= before + 2, "{command} has {} examples, not two", count - before);
    }
    assert!(count > 50, "only {count} examples");
}

/// All commands, those below others too, as their help lists them.
fn commands(folder: &Path, above: &[&str]) -> Vec<String> {
    let help = statewright(folder, &[above, &["--help"]].concat()).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .flat_map(|name| {
            let path = [above, &[name]].concat();
            std::iter::once(path.join(" ")).chain(commands(folder, &path))
        })
        .collect()
}

#[test]
fn more_or_less_is_said_and_colours_are_as_asked() {
    let scratch = Scratch::new("manner");
    copy(&root().join("examples/kubia"), scratch.path());
    let run = |arguments: &[&str]| statewright(scratch.path(), arguments);
    assert_eq!(run(&["check"]).stderr, "no problems found\n");
    assert_eq!((run(&["check", "-q"]).stderr, run(&["--quiet", "compile"]).stderr), (String::new(), String::new()));
    let said = run(&["compile", "-v"]).stderr;
    assert!(said.contains("statewright.yaml, in no workspace\n") && said.contains("\ntook "), "{said}");
    assert_eq!(run(&["check", "-q", "-v"]).code, 2);

    let spec = std::fs::read_to_string(scratch.path().join("statewright.yaml")).unwrap();
    scratch.write("statewright.yaml", spec.replace("replicas: 3", "replica: 3"));
    let wrong = run(&["check", "-q"]);
    assert!(wrong.stderr.contains("SW0101") && wrong.code == 1, "what was found is said: {}", wrong.stderr);
    let is_coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_statewright"));
        for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).args(arguments).current_dir(scratch.path());
        let output = command.output().unwrap();
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    let always = ["check", "--color", "always"];
    for (variables, arguments, expected) in [
        (&[][..], &["check"][..], false),
        (&[], &always, true),
        (&[("NO_COLOR", "1")], &always, true),
        (&[("FORCE_COLOR", "1")], &["check"], true),
        (&[("CLICOLOR_FORCE", "1")], &["check"], true),
        (&[("CLICOLOR_FORCE", "0")], &["check"], false),
        (&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], &["check"], false),
        (&[("FORCE_COLOR", "1")], &["check", "--color=never"], false),
        (&[], &["--color=always", "check", "--help"], true),
        (&[("FORCE_COLOR", "1")], &["check", "--no-such-option"], true),
        (&[("FORCE_COLOR", "1")], &["--color", "never", "check", "--help"], false),
    ] {
        assert_eq!(is_coloured(variables, arguments), expected, "{variables:?} {arguments:?}");
    }
}

#[test]
fn findings_are_counted_by_code() {
    let scratch = Scratch::new("statistics");
    let spec = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web\nreplica: 3\nenvironments: \
        {dev: {}, prod: {}}\n";
    scratch.write("one/statewright.yaml", spec);
    scratch.write("two/statewright.yaml", spec.replace("name: web", "name: web2"));
    let run = statewright(scratch.path(), &["check", "--statistics", "-o", "json=report.json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let rows: Vec<Vec<&str>> = run.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["COUNT", "CODE", "NAME", "LEVEL", "--fix", "MENDS"]);
    assert!(rows.contains(&vec!["2", "SW0101", "unknown-field", "error", "2"]), "{}", run.stdout);
    assert_eq!(run.stderr, "", "nothing is said twice");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(scratch.path().join("report.json")).unwrap()).unwrap();
    let listed = report["findings"].as_array().unwrap().len();
    let counted: usize =
        rows[1..].iter().take_while(|row| !row.is_empty()).map(|row| row[0].parse::<usize>().unwrap()).sum();
    assert_eq!(listed, counted);
    assert_eq!(statewright(scratch.path(), &["check", "--statistics", "-o", "json"]).code, 2, "stdout is taken");
}

/// Wherever a name is typed, the nearest is offered, and none that is not near.
#[test]
fn the_nearest_name_is_offered() {
    let scratch = Scratch::new("nearest");
    let spec = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web\nallow: [{rule: \
        image-tag-flaoting, reason: on purpose}]\nenvironments: {a: {}, prod: {}}\n";
    scratch.write("apps/web/statewright.yaml", spec);
    scratch.write(
        "statewright-workspace.yaml",
        "apiVersion: statewright/v1\nkind: Workspace\nrules: {image-tag-flaoting: note}\n",
    );
    let said = |arguments: &[&str]| statewright(scratch.path(), arguments).stderr;
    for (arguments, near) in [
        (&["compile", "apps/wbe"][..], "did you mean `apps/web`?"),
        (&["check", "app"], "did you mean `apps`?"),
        (&["compile", "--env", "prd"], "did you mean `prod`?"),
        (&["check", "--format", "jsn"], "did you mean `json`?"),
        (&["chekc"], "check"),
        (&["rehearse", "--fail", "each-zne", "apps"], "did you mean `each-zone`?"),
    ] {
        let said = said(arguments);
        assert!(said.contains(near), "{arguments:?}: {said}");
    }
    let wrong = said(&["check"]);
    assert_eq!(wrong.matches("SW0153 rule-unknown").count(), 2, "in the spec and in the workspace: {wrong}");
    assert_eq!(wrong.matches("did you mean `image-tag-floating`?").count(), 2, "{wrong}");
    let far = said(&["compile", "--env", "x"]);
    assert!(far.contains("there are `a` and `prod`") && !far.contains("did you mean `a`"), "{far}");
    let pods = statewright(scratch.path(), &["inspect", "--env", "prod", "-o", "name"]);
    assert_eq!(pods.stdout, "pod/web-0\n");
}
