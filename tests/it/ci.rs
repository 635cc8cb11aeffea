//! `ci` in a git repository, and the GitHub action around it: its steps are run as GitHub runs them, on files like
//! GitHub's.

use crate::client::{is_there, path_with_statewright, said};
use crate::commands::{Run, copy, root, statewright};
use crate::scratch::Scratch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A clone of one commit, as checkouts in pipelines are: a merge of a branch into `main`, which is the first of its
/// parents.
struct Checkout {
    scratch: Scratch,
}

/// A change of the branch.
type Edit<'a> = (&'a str, &'a str);

impl Checkout {
    /// `edits` are made to the spec of kubia; `compiled` says whether the output was committed with them.
    fn new(edits: &[Edit], compiled: bool) -> Self {
        let checkout = Self { scratch: Scratch::new("checkout") };
        let apps = checkout.scratch.path().join("origin/apps");
        copy(&root().join("examples/kubia"), &apps.join("kubia"));
        copy(&root().join("examples/web"), &apps.join("web"));
        checkout.git("origin", &["init", "--quiet", "--initial-branch=main"]);
        checkout.commit("begin");
        checkout.git("origin", &["checkout", "--quiet", "-b", "branch"]);
        let spec = apps.join("kubia/statewright.yaml");
        let mut text = fs::read_to_string(&spec).unwrap();
        for (old, new) in edits {
            assert!(text.contains(old), "{old}");
            text = text.replace(old, new);
        }
        fs::write(&spec, text).unwrap();
        if compiled {
            assert_eq!(statewright(&checkout.scratch.path().join("origin"), &["compile"]).code, 0);
        }
        checkout.commit("change");
        // Since the branch began, somebody changed the other app: nothing to do with this pull request.
        checkout.git("origin", &["checkout", "--quiet", "main"]);
        let web = apps.join("web/statewright.yaml");
        fs::write(&web, fs::read_to_string(&web).unwrap().replace("replicas: 3", "replicas: 4")).unwrap();
        assert_eq!(statewright(&apps, &["compile", "web"]).code, 0);
        checkout.commit("meanwhile");
        checkout.git("origin", &["checkout", "--quiet", "-b", "merged"]);
        checkout.git("origin", &["merge", "--quiet", "--no-edit", "--no-ff", "branch"]);
        let origin = format!("file://{}", checkout.scratch.path().join("origin").display());
        checkout.git("", &["clone", "--quiet", "--depth=1", "--branch=merged", &origin, "work"]);
        checkout
    }

    fn path(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        let author = [
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.org"),
        ];
        let output =
            command.args(arguments).current_dir(self.scratch.path().join(folder)).envs(author).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, message: &str) {
        self.git("origin", &["add", "--all"]);
        self.git("origin", &["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    fn ci(&self, arguments: &[&str]) -> Run {
        statewright(&self.path(), &[&["ci"], arguments].concat())
    }
}

#[test]
fn a_change_is_no_reason_to_fail_but_what_comes_of_it_may_be() {
    let fine = Checkout::new(&[], true);
    let run = fine.ci(&[]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert_eq!(run.stderr, "2 apps, 4 environments: all is as committed\n");
    let shallow = fine.ci(&["--base", "HEAD~1"]);
    assert_eq!(shallow.code, 2);
    assert!(shallow.stderr.contains("shallow"), "{}", shallow.stderr);
    fine.git("work", &["fetch", "--quiet", "--depth=1", "origin", "main"]);
    let compared = fine.ci(&["--base", "FETCH_HEAD"]);
    assert_eq!(
        (compared.code, compared.stdout.as_str()),
        (0, "no changes (against FETCH_HEAD)\n"),
        "{}",
        compared.stderr
    );

    for (edits, compiled, code, words) in [
        (&[("kubia-pet:1.0", "kubia-pet:2.0")][..], true, 0, "restarts"),
        (
            &[("kubia-pet:1.0", "kubia-pet:2.0")],
            false,
            1,
            "error[SW0601 stale-output]: apps/kubia/deploy/dev is not what this compiles to",
        ),
        (&[("replicas: 5", "replicas: 4")], true, 3, "loses 1 of 5 replicas"),
        (&[("replicas: 3", "replica: 3")], false, 1, "error[SW0101 unknown-field]"),
        // The server's own words, whatever they are.
        (&[("http: 8080", "http: 8080000")], false, 1, "error["),
    ] {
        let checkout = Checkout::new(edits, compiled);
        checkout.git("work", &["fetch", "--quiet", "--depth=1", "origin", "main"]);
        let run = checkout.ci(&["--base", "FETCH_HEAD"]);
        assert_eq!(run.code, code, "{edits:?}\n{}{}", run.stdout, run.stderr);
        assert!(format!("{}{}", run.stdout, run.stderr).contains(words), "{edits:?}\n{}{}", run.stdout, run.stderr);
        assert!(!run.stdout.contains("web in"), "what others changed: {}", run.stdout);
    }
}

#[test]
fn all_formats_come_from_one_run() {
    let checkout = Checkout::new(&[("replicas: 5", "replicas: 4")], false);
    checkout.git("work", &["fetch", "--quiet", "--depth=1", "origin", "main"]);
    let files =
        [("json", "a.json"), ("sarif", "a.sarif"), ("gitlab", "a.gitlab"), ("junit", "a.xml"), ("markdown", "a.md")];
    let formats: Vec<String> = files.iter().map(|(format, file)| format!("--format={format}={file}")).collect();
    let arguments: Vec<&str> =
        ["--base", "FETCH_HEAD", "--format", "github"].into_iter().chain(formats.iter().map(String::as_str)).collect();
    let run = checkout.ci(&arguments);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stdout.starts_with("::error file=apps/kubia/statewright.yaml,"), "{}", run.stdout);
    for (format, file) in files {
        let text = fs::read_to_string(checkout.path().join(file)).unwrap();
        assert!(text.contains("loses 1 of 5 replicas") && text.contains("apps/kubia/deploy/prod"), "{format}: {text}");
    }
}

#[test]
fn manifests_without_a_spec_are_found() {
    let checkout = Checkout::new(&[], true);
    fs::remove_file(checkout.path().join("apps/web/statewright.yaml")).unwrap();
    let run = checkout.ci(&[]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("apps/web/deploy/prod is left over"), "{}", run.stderr);
    assert_eq!(checkout.ci(&["--env", "prod"]).code, 0, "a run about one environment knows nothing of the rest");
}

#[test]
fn the_end_of_an_app_is_reviewed_though_nothing_is_left_of_it() {
    let checkout = Checkout::new(&[], true);
    checkout.git("work", &["rm", "-r", "--quiet", "apps/web"]);
    let run = checkout.ci(&["--base", "HEAD"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("web in ") && run.stdout.contains("all its pods end at once"), "{}", run.stdout);
}

/// A step of the action that runs a script.
struct Step {
    script: String,
    variables: BTreeMap<String, String>,
}

fn steps() -> Vec<(String, Step)> {
    let action: Value = serde_yaml::from_str(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
    // What another action does is not ours to run.
    let steps = action["runs"]["steps"].as_array().unwrap().iter().filter(|step| step.get("uses").is_none());
    let step = |step: &Value| {
        assert_eq!(step["shell"], "bash");
        let variables = step["env"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        (
            step["name"].as_str().unwrap().to_owned(),
            Step { script: step["run"].as_str().unwrap().to_owned(), variables: variables.collect() },
        )
    };
    steps.map(step).collect()
}

/// What GitHub would put in for the expressions of the action.
struct Runner<'a> {
    checkout: &'a Checkout,
    given: BTreeMap<String, String>,
    path: String,
}

impl<'a> Runner<'a> {
    fn new(checkout: &'a Checkout, inputs: &[(&str, &str)]) -> Self {
        let temporary = checkout.scratch.path().join("temp");
        fs::create_dir_all(&temporary).unwrap();
        // A `gh` that writes down what it was asked, and knows a comment once one was written.
        let fake = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$LOG\"\ncase \"$*\" in\n*--jq*) cat \"$KNOWN\" 2>/dev/null \
            ;;\n*POST*) echo 77 >\"$KNOWN\" ;;\nesac\n\
                    for argument; do case \"$argument\" in body=@*) cp \"${argument#body=@}\" \"$LOG.body\" ;; esac; \
                    done\n";
        let gh = checkout.scratch.write("bin/gh", fake);
        assert!(Command::new("chmod").arg("+x").arg(gh).status().unwrap().success());
        let action: Value = serde_yaml::from_str(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        for (name, input) in action["inputs"].as_object().unwrap() {
            given.insert(format!("inputs.{name}"), input["default"].as_str().unwrap().to_owned());
        }
        given.extend(inputs.iter().map(|(name, value)| (format!("inputs.{name}"), (*value).to_owned())));
        let base = "github.event.pull_request.base.sha || github.event.merge_group.base_sha";
        given.insert(base.to_owned(), checkout.git("origin", &["rev-parse", "main~1"]));
        given.insert("github.event.pull_request.number".to_owned(), "5".to_owned());
        given.insert("github.server_url".to_owned(), "https://github.com".to_owned());
        let path = format!("{}:{}", checkout.scratch.path().join("bin").display(), path_with_statewright());
        Self { checkout, given, path }
    }

    /// Runs a step; its outputs are there for those that follow.
    fn run(&mut self, id: &str, step: &Step) -> Output {
        let temporary = self.checkout.scratch.path().join("temp");
        let output = temporary.join("output");
        fs::write(&output, "").unwrap();
        let value = |expression: &String| {
            let inner = expression.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}"));
            inner.map_or_else(|| expression.clone(), |inner| self.given.get(inner).cloned().unwrap_or_default())
        };
        let variables: Vec<(&String, String)> =
            step.variables.iter().map(|(name, expression)| (name, value(expression))).collect();
        let run = Command::new("bash")
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", &step.script])
            .current_dir(self.checkout.path())
            .envs(variables)
            .env("PATH", &self.path)
            .env("LOG", temporary.join("gh.log"))
            .env("KNOWN", temporary.join("known"))
            .env("RUNNER_TEMP", &temporary)
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_STEP_SUMMARY", temporary.join("summary"))
            .env("GITHUB_PATH", temporary.join("path"))
            .env("GITHUB_REPOSITORY", "org/apps")
            .env("GITHUB_ACTION_PATH", root())
            .env("GITHUB_SHA", self.checkout.git("work", &["rev-parse", "HEAD"]))
            .output()
            .unwrap();
        for line in fs::read_to_string(&output).unwrap().lines() {
            let (name, value) = line.split_once('=').unwrap();
            self.given.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        self.given
            .insert(format!("steps.{id}.outcome"), if run.status.success() { "success" } else { "failure" }.to_owned());
        run
    }

    fn output(&self, name: &str) -> &str {
        self.given.get(&format!("steps.review.outputs.{name}")).map_or("", String::as_str)
    }

    /// All steps, whatever comes of them. What the review said.
    fn action(&mut self) -> Output {
        let mut review = None;
        for (name, step) in steps() {
            let id = match name.as_str() {
                "Find the base" => "base",
                "Check and review" => "review",
                name => name,
            };
            let output = self.run(id, &step);
            if id == "review" {
                review = Some(output);
            } else {
                assert!(output.status.success(), "{name}: {}", said(&output));
            }
        }
        review.unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.checkout.scratch.path().join("temp").join(name)).unwrap_or_default()
    }
}

fn is_bash_there() -> bool {
    is_there("bash", &["--version"], "the steps of the GitHub action")
}

#[test]
fn the_action_never_puts_text_into_a_script() {
    let steps = steps();
    assert!(steps.len() > 3);
    for (name, step) in steps {
        assert!(!step.script.contains("${{"), "{name}");
    }
}

#[test]
fn the_action_reviews_against_where_the_pull_request_goes() {
    if !is_bash_there() {
        return;
    }
    let checkout = Checkout::new(&[("replicas: 5", "replicas: 4")], true);
    let mut runner = Runner::new(&checkout, &[("formats", "sarif=out.sarif\n\njunit=out.xml\n")]);
    let review = runner.action();
    assert_eq!(review.status.code(), Some(3), "{}", said(&review));
    assert_eq!((runner.output("changed"), runner.output("verdict")), ("true", "data-at-risk"), "{}", said(&review));
    let report = fs::read_to_string(runner.output("report")).unwrap();
    assert!(report.starts_with("<!-- statewright -->") && report.contains("loses 1 of 5 replicas"), "{report}");
    assert!(!report.contains("web in"), "what is new on main since the branch began is no part of it: {report}");
    assert_eq!(runner.read("summary"), report);
    assert_eq!(runner.read("gh.log.body"), report);
    for file in ["out.sarif", "out.xml"] {
        assert!(checkout.path().join(file).is_file(), "{file}");
    }
    assert!(
        runner.read("gh.log").contains("--method POST repos/org/apps/issues/5/comments --field body=@"),
        "{}",
        runner.read("gh.log")
    );
    // The next push finds the comment.
    runner.action();
    assert!(
        runner.read("gh.log").contains("--method PATCH repos/org/apps/issues/comments/77 "),
        "{}",
        runner.read("gh.log")
    );
}

#[test]
fn the_action_is_quiet_where_nothing_changes() {
    if !is_bash_there() {
        return;
    }
    let checkout = Checkout::new(&[], true);
    let mut runner = Runner::new(&checkout, &[]);
    let review = runner.action();
    assert!(review.status.success(), "{}", said(&review));
    assert_eq!((runner.output("changed"), runner.output("verdict")), ("false", "none"));
    assert!(!runner.read("gh.log").contains("--method"), "{}", runner.read("gh.log"));
}

#[test]
fn the_action_installs_the_release_that_belongs_to_it() {
    let Some(target) = crate::install::target().filter(|_| is_bash_there()) else { return };
    let (checkout, release) = (Checkout::new(&[], true), crate::install::release(&target));
    let (_, step) = steps().into_iter().next().unwrap();
    for (asked, succeeds) in [("", true), (env!("CARGO_PKG_VERSION"), true), ("9.9.9", false)] {
        let mut runner = Runner::new(&checkout, &[("version", asked)]);
        let address = "github.server_url }}/${{ github.action_repository";
        runner.given.insert(address.to_owned(), release.path().display().to_string());
        // A machine without statewright.
        runner.path = "/usr/bin:/bin".to_owned();
        let output = runner.run("install", &step);
        assert_eq!(output.status.success(), succeeds, "{asked}: {}", said(&output));
        if succeeds {
            let folder = runner.read("path").lines().last().unwrap().to_owned();
            assert!(Path::new(&folder).join("statewright").is_file(), "{folder}");
        }
    }
}

#[test]
fn the_action_obeys_nobody_but_its_author() {
    if !is_bash_there() {
        return;
    }
    let checkout = Checkout::new(&[("kubia-pet:1.0", "kubia-pet:2.0")], true);
    let evil = "$(touch pwned) `touch pwned` ; touch pwned #";
    let mut runner = Runner::new(
        &checkout,
        &[("paths", "apps ;touch pwned"), ("env", "$(touch${IFS}pwned)"), ("formats", evil), ("base", evil)],
    );
    for (name, step) in steps().into_iter().filter(|(name, _)| name != "Comment") {
        runner.run(&name, &step);
    }
    assert!(!checkout.path().join("pwned").exists());
    let environments = Checkout::new(&[("replicas: 5", "replicas: 4")], true);
    let mut runner = Runner::new(&environments, &[("env", " dev "), ("paths", "apps/kubia  apps/web")]);
    assert!(runner.action().status.success(), "the environment at risk was not asked for");
}

#[test]
fn the_action_fails_on_what_it_is_told_to() {
    if !is_bash_there() {
        return;
    }
    let risk = Checkout::new(&[("replicas: 5", "replicas: 4")], true);
    let stale = Checkout::new(&[("replicas: 5", "replicas: 6")], false);
    for (checkout, fail_on, code) in [
        (&risk, "error data-at-risk", 3),
        (&risk, "data-at-risk", 3),
        (&risk, "error", 0),
        (&risk, "never", 0),
        (&stale, "error", 1),
        (&stale, "data-at-risk", 0),
        (&stale, "never", 0),
        (&risk, "errors", 2),
    ] {
        let mut runner = Runner::new(checkout, &[("fail-on", fail_on)]);
        let review = runner.action();
        assert_eq!(review.status.code(), Some(code), "{fail_on}: {}", said(&review));
        // What is wrong is said all the same, to people too.
        let is_said = fail_on == "errors"
            || runner.read("gh.log").contains("--method") && said(&review).contains("::stop-commands::");
        assert!(is_said, "{fail_on}: {}{}", said(&review), runner.read("gh.log"));
    }
}

#[test]
fn jobs_of_the_action_have_a_comment_each() {
    if !is_bash_there() {
        return;
    }
    let checkout = Checkout::new(&[("replicas: 5", "replicas: 4")], true);
    for (inputs, first) in [
        (&[][..], "<!-- statewright -->"),
        (&[("env", "prod")], "<!-- statewright .-.-prod -->"),
        (&[("paths", "kubia"), ("working-directory", "apps")], "<!-- statewright apps-kubia -->"),
        (&[("comment-key", "fleet \"--> $(x)")], "<!-- statewright fleet-x -->"),
    ] {
        let mut runner = Runner::new(&checkout, inputs);
        let review = runner.action();
        assert_eq!(review.status.code(), Some(3), "{inputs:?}: {}", said(&review));
        assert!(
            runner.read("gh.log.body").starts_with(&format!("{first}\n")),
            "{inputs:?}: {}",
            runner.read("gh.log.body")
        );
        assert!(
            runner.read("gh.log").contains(&format!("startswith(\"{first}\")")),
            "{inputs:?}: {}",
            runner.read("gh.log")
        );
    }
    let mut runner = Runner::new(&checkout, &[("paths", "kubia"), ("working-directory", "apps")]);
    let address = "https://github.com/org/apps/actions/runs/1/artifacts/2";
    runner.given.insert("steps.page.outputs.artifact-url".to_owned(), address.to_owned());
    runner.action();
    assert!(runner.read("gh.log.body").contains(&format!("[The review as a page]({address})")));
    assert!(runner.read("statewright.html").starts_with("<!doctype html>"), "the page that is kept");
    assert_eq!(runner.output("page"), "statewright-apps-kubia");
    let mut runner = Runner::new(&checkout, &[("kubernetes", "1.12")]);
    assert_eq!(runner.action().status.code(), Some(2));
}

/// A branch may be called like an option: git takes it for a branch, and runs nothing.
#[test]
fn no_branch_is_an_option() {
    let checkout = Checkout::new(&[], true);
    let evil = "--upload-pack=touch pwned; git-upload-pack";
    let recipe = shell(&root().join("integrations/shell/ci.sh"), &[evil], &checkout.path(), &[]);
    assert!(!recipe.status.success(), "{}", said(&recipe));
    let text = fs::read_to_string(root().join("integrations/gitlab/statewright.yml")).unwrap();
    let job: Value = serde_yaml::from_str(
        &text.split_once("\n---\n").unwrap().1.replace("$[[", "[[").replace("[[ inputs.stage ]]", "test"),
    )
    .unwrap();
    let fetch = job["statewright"]["script"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line.to_string().contains("git fetch"))
        .unwrap();
    let script = checkout.scratch.write("fetch.sh", format!("set -e\n{}", fetch.as_str().unwrap()));
    let run = shell(&script, &[], &checkout.path(), &[("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", evil)]);
    assert!(!run.status.success(), "{}", said(&run));
    if is_bash_there() {
        // What is checked out is no merge, so that the base is the one that GitHub names.
        checkout.git("work", &["commit", "--quiet", "--allow-empty", "--message", "push"]);
        let mut runner = Runner::new(&checkout, &[("base", "")]);
        runner.given.insert(
            "github.event.pull_request.base.sha || github.event.merge_group.base_sha".to_owned(),
            evil.to_owned(),
        );
        for (name, step) in steps().into_iter().filter(|(name, _)| name == "Find the base") {
            assert!(!runner.run(&name, &step).status.success());
        }
    }
    assert!(!checkout.path().join("pwned").exists());
}

/// What a job in a file for another system runs.
fn shell(file: &Path, arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("sh");
    command
        .arg(file)
        .args(arguments)
        .current_dir(folder)
        .env("PATH", path_with_statewright())
        .envs(variables.iter().copied());
    command.env_remove("GITHUB_OUTPUT").env_remove("GITHUB_STEP_SUMMARY").output().unwrap()
}

#[test]
fn the_plain_recipe_reviews_against_a_branch() {
    let checkout = Checkout::new(&[("replicas: 5", "replicas: 4")], true);
    let recipe = root().join("integrations/shell/ci.sh");
    let run = shell(&recipe, &["main"], &checkout.path(), &[]);
    assert_eq!(run.status.code(), Some(3), "{}", said(&run));
    for file in ["statewright.md", "statewright.sarif", "statewright.xml"] {
        assert!(checkout.path().join(file).is_file(), "{file}");
    }
    let alone = shell(&recipe, &[], &checkout.path(), &[]);
    assert_eq!(alone.status.code(), Some(0), "{}", said(&alone));
}

#[test]
fn the_gitlab_component_reviews_a_merge_request() {
    let text = fs::read_to_string(root().join("integrations/gitlab/statewright.yml")).unwrap();
    let (header, body) = text.split_once("\n---\n").unwrap();
    let header: Value = serde_yaml::from_str(header).unwrap();
    let mut filled = body.to_owned();
    for (name, input) in header["spec"]["inputs"].as_object().unwrap() {
        assert!(input["description"].is_string(), "{name}");
        filled = filled.replace(&format!("$[[ inputs.{name} ]]"), input["default"].as_str().unwrap());
    }
    assert!(!filled.contains("$[["), "{filled}");
    let file: Value = serde_yaml::from_str(&filled).unwrap();
    let job = &file["statewright"];
    // Inputs are text that is put in before anything is read; a script must not be made of them.
    let unfilled: Value =
        serde_yaml::from_str(&body.replace("$[[", "[[").replace("[[ inputs.stage ]]", "test")).unwrap();
    assert!(!unfilled["statewright"]["script"].to_string().contains("inputs."));
    let script =
        job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n");

    let checkout = Checkout::new(&[("kubia-pet:1.0", "kubia-pet:2.0")], true);
    let script = checkout.scratch.write("job.sh", format!("set -e\n{script}\n"));
    let variables: Vec<(&str, &str)> = job["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let mut merge_request = variables.clone();
    merge_request.push(("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"));
    let run = shell(&script, &[], &checkout.path(), &merge_request);
    assert!(run.status.success(), "{}", said(&run));
    assert!(said(&run).contains("kubia in dev") && !said(&run).contains("web in"), "{}", said(&run));
    let artifacts = &job["artifacts"];
    let reports = [
        &artifacts["reports"]["codequality"],
        &artifacts["reports"]["junit"],
        &artifacts["paths"][0],
        &artifacts["paths"][1],
    ];
    for file in reports.map(|file| file.as_str().unwrap()) {
        assert!(checkout.path().join(file).is_file(), "{file}");
        fs::remove_file(checkout.path().join(file)).unwrap();
    }
    let with = |more: &[(&'static str, &'static str)]| {
        let mut variables = merge_request.clone();
        variables.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        variables.extend(more);
        shell(&script, &[], &checkout.path(), &variables)
    };
    let one =
        with(&[("STATEWRIGHT_DIRECTORY", "apps"), ("STATEWRIGHT_PATHS", "kubia"), ("STATEWRIGHT_ENVIRONMENTS", "dev")]);
    assert!(one.status.success() && !said(&one).contains("kubia in prod"), "{}", said(&one));
    assert!(checkout.path().join("statewright.md").is_file(), "where artifacts are looked for");
    assert_eq!(with(&[("STATEWRIGHT_KUBERNETES", "1.12")]).status.code(), Some(2));
    assert_eq!(with(&[("STATEWRIGHT_FAIL_ON", "everything")]).status.code(), Some(2));
    let path = checkout.path().join("apps/kubia/statewright.yaml");
    let spec = fs::read_to_string(&path).unwrap();
    fs::write(&path, spec.replace("replicas: 5", "replicas: 4")).unwrap();
    let codes = ["error data-at-risk", "data-at-risk", "error", "never"].map(|on| with(&[("STATEWRIGHT_FAIL_ON", on)]));
    assert_eq!(codes.map(|run| run.status.code().unwrap()), [3, 3, 0, 0]);
    fs::write(&path, spec.replace("replicas: 3", "replica: 3")).unwrap();
    let codes = ["error data-at-risk", "data-at-risk"].map(|on| with(&[("STATEWRIGHT_FAIL_ON", on)]));
    assert_eq!(codes.map(|run| run.status.code().unwrap()), [1, 0]);
    fs::write(&path, spec).unwrap();
    let run = shell(&script, &[], &checkout.path(), &variables);
    assert!(run.status.success(), "{}", said(&run));
}

#[test]
fn init_writes_the_workflow_that_is_there_to_copy() {
    let scratch = Scratch::new("workflow");
    assert_eq!(statewright(scratch.path(), &["init", "--workspace"]).code, 0);
    let written = fs::read_to_string(scratch.path().join(".github/workflows/statewright.yaml")).unwrap();
    assert_eq!(written, fs::read_to_string(root().join("integrations/github/workflow.yaml")).unwrap());
}

/// What runs with rights of a repository is named by what it is, not by a name that can be moved to something else.
#[test]
fn every_action_is_pinned() {
    let workflows = fs::read_dir(root().join(".github/workflows")).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    for path in workflows.chain(
        ["action.yml", "integrations/github/workflow.yaml", "src/cli/scaffold/workflow.yaml"]
            .map(|file| root().join(file)),
    ) {
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some((_, used)) = line.split_once("uses: ").filter(|(_, used)| *used != "./") else { continue };
            count += 1;
            if let Some(version) = used.strip_prefix("your-org/statewright@") {
                assert_eq!(
                    version,
                    concat!("v", env!("CARGO_PKG_VERSION")),
                    "{}: a release makes this tag and no other",
                    path.display()
                );
                continue;
            }
            let (commit, version) = used
                .split_once('@')
                .unwrap()
                .1
                .split_once(" # v")
                .unwrap_or_else(|| panic!("{}: {line}", path.display()));
            assert!(
                commit.len() == 40
                    && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && version.split('.').count() == 3,
                "{line}"
            );
        }
    }
    assert!(count > 8, "only {count}");
}

#[test]
fn actionlint_has_nothing_to_say() {
    if !is_there("actionlint", &["--version"], "the workflows and the action, read by actionlint") {
        return;
    }
    let scratch = Scratch::new("actionlint");
    copy(&root().join(".github/workflows"), &scratch.path().join(".github/workflows"));
    for name in ["action.yml", "integrations/github/workflow.yaml"] {
        let target = if name == "action.yml" {
            name.to_owned()
        } else {
            format!(".github/workflows/{}", name.replace('/', "-"))
        };
        scratch.write(&target, fs::read_to_string(root().join(name)).unwrap());
    }
    assert!(Command::new("git").args(["init", "--quiet"]).current_dir(scratch.path()).status().unwrap().success());
    let output = Command::new("actionlint").current_dir(scratch.path()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}
