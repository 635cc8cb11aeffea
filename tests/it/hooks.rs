//! The hooks, run by the real pre-commit and prek in scratch repositories of git's.

use crate::client::{is_there, left_out, named, path_with_statewright, said};
use crate::commands::{copy, root, statewright};
use crate::scratch::Scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The two programs that read `.pre-commit-config.yaml`. What one takes is not always what the other takes.
const CLIENTS: [&str; 2] = ["pre-commit", "prek"];

fn clients(what: &str) -> impl Iterator<Item = &'static str> {
    CLIENTS.into_iter().filter(move |client| {
        is_there("git", &["--version"], what) && is_there(client, &["--version"], &format!("{what}, {client}"))
    })
}

/// A repository with an app by itself and two of a workspace, compiled and committed, and the hook installed.
struct Repository {
    scratch: Scratch,
    client: &'static str,
}

impl Repository {
    /// `hook` is an id of ours; `instead` says how it is changed for a machine that does not build it.
    fn new(client: &'static str, hook: &str) -> Self {
        let repository = Self { scratch: Scratch::new(client), client };
        let scratch = &repository.scratch;
        // A clone of ours that holds what the programs read of it.
        let hooks = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
        scratch.write("hooks/.pre-commit-hooks.yaml", hooks.replace("language: rust", "language: system"));
        repository.git("hooks", &["init", "--quiet", "--initial-branch=main"]);
        repository.git("hooks", &["add", "--all"]);
        repository.git("hooks", &["commit", "--quiet", "--message=hooks"]);
        let revision = said(&repository.git("hooks", &["rev-parse", "HEAD"]));

        copy(&root().join("examples/kubia"), &scratch.path().join("work/apps/kubia"));
        copy(&root().join("tests/cases/environments/workspace/apps"), &scratch.path().join("work/shop"));
        let workspace = root().join("tests/cases/environments/workspace/statewright-workspace.yaml");
        fs::copy(workspace, scratch.path().join("work/shop/statewright-workspace.yaml")).unwrap();
        assert_eq!(statewright(&scratch.path().join("work"), &["compile"]).code, 0);
        let ours = scratch.path().join("hooks");
        scratch.write(
            "work/.pre-commit-config.yaml",
            format!("repos:\n- repo: {}\n  rev: {}\n  hooks: [{{id: {hook}}}]\n", ours.display(), revision.trim()),
        );
        repository.git("work", &["init", "--quiet", "--initial-branch=main"]);
        repository.git("work", &["add", "--all"]);
        repository.git("work", &["commit", "--quiet", "--message=apps"]);
        let installed = repository.run("work", client, &["install"]);
        assert!(installed.status.success(), "{}", said(&installed));
        repository
    }

    fn path(&self, path: &str) -> PathBuf {
        self.scratch.path().join("work").join(path)
    }

    /// Runs a program with the folders of the clients, and of git's settings, kept away from the user's own.
    fn command(&self, folder: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.scratch.path().join(folder))
            .env("PATH", path_with_statewright())
            .env("PRE_COMMIT_HOME", self.scratch.path().join("pre-commit"))
            .env("PREK_HOME", self.scratch.path().join("prek"))
            .env("GIT_CONFIG_GLOBAL", self.scratch.path().join("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([
                ("GIT_AUTHOR_NAME", "A"),
                ("GIT_AUTHOR_EMAIL", "a@example.org"),
                ("GIT_COMMITTER_NAME", "A"),
                ("GIT_COMMITTER_EMAIL", "a@example.org"),
            ]);
        command
    }

    fn run(&self, folder: &str, program: &str, arguments: &[&str]) -> Output {
        self.command(folder, program, arguments).output().unwrap()
    }

    #[track_caller]
    fn git(&self, folder: &str, arguments: &[&str]) -> Output {
        let output = self.run(folder, "git", arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", said(&output));
        output
    }

    /// Commits what is staged. Whether the hook let it pass, and what was said.
    fn commit(&self, folder: &str) -> (bool, String) {
        let output = self.run(folder, "git", &["commit", "--message=change"]);
        (output.status.success(), said(&output))
    }

    /// Stages a change, and sees the hook stop the commit once, then pass it with what it wrote.
    #[track_caller]
    fn stops_once(&self, folder: &str, change: &str) {
        self.git(folder, &["add", "--all", ":/"]);
        let staged = said(&self.git(folder, &["diff", "--cached", "--name-only"]));
        let (passed, words) = self.commit(folder);
        assert!(!passed, "{}, {change}: the hook passed what it wrote: {words}", self.client);
        assert_eq!(
            said(&self.git(folder, &["diff", "--cached", "--name-only"])),
            staged,
            "{}, {change}: the hook staged",
            self.client
        );
        self.git(folder, &["add", "--all", ":/"]);
        let (passed, words) = self.commit(folder);
        assert!(passed, "{}, {change}: {words}", self.client);
        assert_eq!(
            statewright(&self.scratch.path().join("work"), &["compile", "--check"]).code,
            0,
            "{}, {change}",
            self.client
        );
    }
}

fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{}", path.display());
    fs::write(path, text.replace(old, new)).unwrap();
}

#[test]
fn both_read_the_list_of_hooks() {
    for client in clients("the list of hooks, read") {
        let output =
            Command::new(client).arg("validate-manifest").arg(root().join(".pre-commit-hooks.yaml")).output().unwrap();
        assert!(output.status.success(), "{client}: {}", said(&output));
    }
    let hooks: serde_json::Value =
        serde_yaml::from_str(&fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap()).unwrap();
    for hook in hooks.as_array().unwrap() {
        let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').chain(["--help"]).skip(1).collect();
        assert_eq!(statewright(&root(), &entry).code, 0, "{hook}");
        // A commit that only deletes a spec names no file.
        assert_eq!(
            (hook["pass_filenames"].as_bool(), hook["always_run"].as_bool()),
            (Some(false), Some(true)),
            "{hook}"
        );
    }
}

#[test]
fn a_commit_is_stopped_whenever_something_was_written() {
    for client in clients("commits through the hook `statewright-system`") {
        let repository = Repository::new(client, "statewright-system");
        fs::write(repository.path("README.md"), "fresh\n").unwrap();
        repository.git("work", &["add", "--all"]);
        let (passed, words) = repository.commit("work");
        assert!(passed, "{client}, nothing to do: {words}");

        replace(&repository.path("apps/kubia/statewright.yaml"), "replicas: 3", "replicas: 4");
        repository.stops_once("work", "a spec was edited");

        // Files that are only new are what the programs themselves do not see.
        replace(
            &repository.path("apps/kubia/statewright.yaml"),
            "  prod:\n",
            "  stage:\n    namespace: stage\n    volumes: {dynamic: standard}\n  prod:\n",
        );
        repository.stops_once("work", "an environment is new");

        repository.git("work", &["rm", "--quiet", "shop/web/statewright.yaml"]);
        repository.stops_once("work", "a spec of a workspace was deleted");
        repository.git("work", &["rm", "--quiet", "apps/kubia/statewright.yaml"]);
        repository.stops_once("work", "a spec was deleted");

        replace(&repository.path("shop/api/statewright.yaml"), "image: ", "imgae: ");
        repository.git("work", &["add", "--all"]);
        let (passed, words) = repository.commit("work");
        assert!(!passed && words.contains("error[SW0101 unknown-field]"), "{client}: {words}");
    }
}

#[test]
fn a_commit_may_come_from_anywhere() {
    for client in clients("commits from a sub-folder, from a linked worktree, and with git's variables set") {
        let repository = Repository::new(client, "statewright-system");
        replace(&repository.path("apps/kubia/statewright.yaml"), "replicas: 3", "replicas: 4");
        repository.stops_once("work/shop/api", "from a sub-folder");

        // What is not to be committed is put away, and comes back.
        fs::write(repository.path("shop/api/notes.md"), "mine\n").unwrap();
        repository.git("work", &["add", "shop/api/notes.md"]);
        fs::write(repository.path("shop/api/notes.md"), "mine, not yet done\n").unwrap();
        let (passed, words) = repository.commit("work");
        assert!(passed, "{client}: {words}");
        assert_eq!(fs::read_to_string(repository.path("shop/api/notes.md")).unwrap(), "mine, not yet done\n");
        repository.git("work", &["checkout", "--quiet", "--", "."]);

        repository.git("work", &["worktree", "add", "--quiet", "../linked", "-b", "linked"]);
        let linked = repository.scratch.path().join("linked/apps/kubia");
        replace(&linked.join("statewright.yaml"), "replicas: 4", "replicas: 5");
        repository.git("linked", &["add", "--all"]);
        let (passed, words) = repository.commit("linked");
        assert!(!passed, "{client}: {words}");
        assert!(linked.join("deploy/dev/PersistentVolume-default.data-kubia-4.yaml").is_file(), "{client}: {words}");
        repository.git("linked", &["add", "--all"]);
        let (passed, words) = repository.commit("linked");
        assert!(passed, "{client}: {words}");
        assert_eq!(
            said(&repository.git("work", &["status", "--porcelain"])),
            "",
            "{client}: the other worktree was touched"
        );
    }
}

#[test]
fn the_checking_hook_writes_nothing() {
    for client in clients("commits through the hook `statewright-check`") {
        let repository = Repository::new(client, "statewright-check");
        replace(&repository.path("apps/kubia/statewright.yaml"), "replicas: 3", "replicas: 4");
        repository.git("work", &["add", "--all"]);
        let (passed, words) = repository.commit("work");
        assert!(!passed && words.contains("missing"), "{client}: {words}");
        assert_eq!(
            said(&repository.git("work", &["status", "--porcelain"])),
            "M  apps/kubia/statewright.yaml\n",
            "{client}"
        );
        assert_eq!(statewright(&repository.path(""), &["compile"]).code, 0);
        repository.git("work", &["add", "--all"]);
        let (passed, words) = repository.commit("work");
        assert!(passed, "{client}: {words}");
    }
}

/// A minute or two: one of the programs builds a clone of this repository; pre-commit does it without Cargo.lock.
#[test]
fn the_hook_builds_from_a_clone() {
    let what = "the hook `statewright`, built from a clone";
    let Some(target) = std::env::var_os("STATEWRIGHT_HOOK_TARGET").filter(|target| !target.is_empty()) else {
        return left_out(what, "STATEWRIGHT_HOOK_TARGET names no folder to build it in");
    };
    let Some(client) = clients(what).next() else { return };
    let repository = Repository::new(client, "statewright-system");
    replace(&repository.path("apps/kubia/statewright.yaml"), "replicas: 3", "replicas: 4");
    let clone = root();
    let arguments = ["try-repo", clone.to_str().unwrap(), "statewright", "--all-files", "--verbose"];
    // Only what was built can be what is run.
    let run = || {
        repository
            .command("work", client, &arguments)
            .env("CARGO_TARGET_DIR", &target)
            .env("PATH", path())
            .output()
            .unwrap()
    };
    let output = run();
    assert!(!output.status.success() && said(&output).contains("files written"), "{client}: {}", said(&output));
    let output = run();
    assert!(output.status.success() && said(&output).contains("nothing changed"), "{client}: {}", said(&output));
}

#[test]
fn the_hook_comes_in_a_wheel() {
    let Some(wheel) = named("STATEWRIGHT_WHEEL", "the hook from a wheel") else { return };
    for client in clients("the hook from a wheel") {
        let repository = Repository::new(client, "statewright-system");
        let config = fs::read_to_string(root().join("integrations/pre-commit/python.yaml")).unwrap();
        let version = format!("statewright=={}", env!("CARGO_PKG_VERSION"));
        assert!(config.contains(&version), "{config}");
        fs::write(repository.path(".pre-commit-config.yaml"), config.replace(&version, wheel.to_str().unwrap()))
            .unwrap();
        replace(&repository.path("apps/kubia/statewright.yaml"), "replicas: 3", "replicas: 4");
        let run = || {
            repository
                .command("work", client, &["run", "--all-files", "--verbose"])
                .env("PATH", path())
                .output()
                .unwrap()
        };
        let output = run();
        assert!(!output.status.success() && said(&output).contains("files written"), "{client}: {}", said(&output));
        let output = run();
        assert!(output.status.success() && said(&output).contains("nothing changed"), "{client}: {}", said(&output));
    }
}

/// PATH as it is, without the statewright under test.
fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

#[test]
fn what_is_there_to_copy_names_our_hooks() {
    let read = |path: &str| -> serde_json::Value {
        serde_yaml::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
    };
    let ours = read(".pre-commit-hooks.yaml");
    let ids: Vec<&str> = ours.as_array().unwrap().iter().map(|hook| hook["id"].as_str().unwrap()).collect();
    for name in ["rust", "system", "check"] {
        let config = read(&format!("integrations/pre-commit/{name}.yaml"));
        assert!(ids.contains(&config["repos"][0]["hooks"][0]["id"].as_str().unwrap()), "{name}");
        assert_eq!(config["repos"][0]["rev"], concat!("v", env!("CARGO_PKG_VERSION")), "{name}");
    }
    // A hook that is written out is the one of our list.
    for path in ["integrations/pre-commit/python.yaml", "src/cli/scaffold/pre-commit-config.yaml"] {
        let config = read(path);
        let hook = &config["repos"][0]["hooks"][0];
        for key in ["entry", "pass_filenames", "always_run"] {
            assert_eq!(hook[key], ours[0][key], "{path}: {key}");
        }
    }
}

/// The merge of two branches, as the page tells people to set it up.
#[test]
fn git_does_not_merge_what_is_generated() {
    let page = fs::read_to_string(root().join("docs/pre-commit.md")).unwrap();
    let scratch = Scratch::new("merge");
    let folder = scratch.path();
    copy(&root().join("examples/web"), &folder.join("apps/web app"));
    let shell = |script: &str| {
        let run =
            Command::new("sh").args(["-ec", script]).current_dir(folder).env("PATH", path_with_statewright()).output();
        let run = run.unwrap();
        (run.status.success(), said(&run))
    };
    let lines = page.lines().filter(|line| line.contains("merge=statewright") || line.contains("merge.statewright"));
    let installs: Vec<&str> = lines.collect();
    assert_eq!(installs.len(), 2, "{installs:?}");
    let identity = "git config user.name a; git config user.email a@example.com; git config core.autocrlf false";
    let (done, what) = shell(&format!("git init -q -b main; {identity}; {}", installs.join("; ")));
    assert!(done, "{what}");
    let change = |branch: &str, old: &str, new: &str| {
        let path = folder.join("apps/web app/statewright.yaml");
        replace(&path, old, new);
        let (done, what) =
            shell(&format!("statewright compile -q; git add -A; git commit -qm {branch}; git branch -f {branch}"));
        assert!(done, "{what}");
    };
    change("begin", "grace: 10", "grace: 11");
    change("theirs", "replicas: 3", "replicas: 5");
    assert!(shell("git reset -q --hard begin").0);
    change("ours", "grace: 11", "grace: 12");
    let (merged, what) = shell("git merge -q --no-edit theirs");
    assert!(!merged, "it went through: {what}");
    assert!(what.contains("StatefulSet-web.yaml") && what.contains("is generated: resolve the specs"), "{what}");
    let (_, unmerged) = shell("git diff --name-only --diff-filter=U");
    assert!(unmerged.lines().all(|name| name.contains("/deploy/")) && !unmerged.is_empty(), "{unmerged}");
    assert!(!shell("grep -r '<<<<<<<' apps").0, "there are markers");
    let (done, what) =
        shell("statewright compile -q; git add -A; git commit -q --no-edit; statewright compile --check");
    assert!(done, "{what}");
    let (_, set) = shell("cat 'apps/web app/deploy/prod/StatefulSet-web.yaml'");
    assert!(set.contains("replicas: 5") && set.contains("terminationGracePeriodSeconds: 12"), "{set}");
}
