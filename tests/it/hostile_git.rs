//! Repositories whose `.git` means harm: a comparison with a revision runs none of the programs that are configured
//! there, asks no other machine, follows nothing to another repository, and reads no more than it may.

use crate::commands::{Run, copy, root};
use crate::scratch::Scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A clone with an app, and a program that leaves a mark when somebody runs it.
struct Hostile {
    scratch: Scratch,
}

impl Hostile {
    fn new() -> Self {
        let scratch = Scratch::new("hostile-git");
        copy(&root().join("examples/kubia"), &scratch.path().join("work/kubia"));
        let hostile = Self { scratch };
        let script = format!("#!/bin/sh\necho \"$0 $*\" >>{}\nexit 1\n", hostile.mark().display());
        let program = hostile.scratch.write("program", script);
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        hostile.git(&["init", "--quiet", "--initial-branch=main"]);
        hostile.git(&["add", "--all"]);
        hostile.git(&["commit", "--quiet", "--message", "first"]);
        let spec = hostile.work().join("kubia/statewright.yaml");
        fs::write(&spec, fs::read_to_string(&spec).unwrap().replace("pet:1.0", "pet:1.1")).unwrap();
        hostile
    }

    fn work(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    fn mark(&self) -> PathBuf {
        self.scratch.path().join("mark")
    }

    fn program(&self) -> String {
        self.scratch.path().join("program").display().to_string()
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.work(), arguments)
    }

    fn configure(&self, text: &str) {
        let path = self.work().join(".git/config");
        let text = text.replace("PROGRAM", &self.program()).replace("WORK", &self.work().display().to_string());
        fs::write(&path, fs::read_to_string(&path).unwrap() + &text).unwrap();
    }

    /// Takes a file of the revision out of the store, as a partial clone never had it.
    fn lose(&self, path: &str) {
        let hash = self.git(&["rev-parse", &format!("HEAD:{path}")]);
        let (start, rest) = hash.split_at(2);
        fs::remove_file(self.work().join(".git/objects").join(start).join(rest)).unwrap();
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_statewright"));
        let output = command.args(arguments).current_dir(self.work()).envs(variables.iter().copied()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What comparing says, in both ways; nobody ran the program.
    #[track_caller]
    fn compared(&self) -> Run {
        let ci = self.run(&["ci", "--base", "HEAD"], &[]);
        let diff = self.run(&["diff", "--env", "dev", "--against", "HEAD"], &[]);
        self.run(&["check", "--affected", "HEAD"], &[]);
        assert!(!self.mark().exists(), "somebody ran {}", fs::read_to_string(self.mark()).unwrap());
        assert_eq!(ci.code == 2, diff.code == 2, "{}{}", ci.stderr, diff.stderr);
        diff
    }

    #[track_caller]
    fn compares(&self) {
        let run = self.compared();
        assert_eq!((run.code, run.stdout.contains("restarts kubia-2")), (1, true), "{}{}", run.stdout, run.stderr);
    }

    /// The program works: git itself runs it.
    #[track_caller]
    fn git_would_run_it(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.work()).env_remove("GIT_NO_LAZY_FETCH");
        drop(command.output().unwrap());
        assert!(self.mark().exists(), "git {arguments:?} runs nothing here, so that this proves nothing");
        fs::remove_file(self.mark()).unwrap();
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const DEPLOYED: &str = "kubia/deploy/dev/StatefulSet-kubia.yaml";

/// Where objects would come from that the clone lacks.
fn a_partial_clone_fetches_nothing(remote: &str) {
    let hostile = Hostile::new();
    hostile
        .configure(&format!("[extensions]\n\tpartialClone = evil\n[remote \"evil\"]\n\tpromisor = true\n{remote}\n"));
    hostile.git(&["config", "core.repositoryFormatVersion", "1"]);
    let object = hostile.git(&["rev-parse", &format!("HEAD:{DEPLOYED}")]);
    hostile.lose(DEPLOYED);
    hostile.git_would_run_it(&["cat-file", "-p", &object]);
    let run = hostile.compared();
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stderr.contains(&format!("git lacks the content of {DEPLOYED}")), "{}", run.stderr);
    assert!(run.stderr.contains("git fetch --refetch --no-filter"), "{}", run.stderr);
}

#[test]
fn a_partial_clone_of_a_path_runs_no_uploadpack() {
    a_partial_clone_fetches_nothing("\turl = WORK\n\tuploadpack = PROGRAM uploadpack");
}

#[test]
fn a_partial_clone_runs_no_ssh() {
    a_partial_clone_fetches_nothing("\turl = ssh://example.com/x\n[core]\n\tsshCommand = PROGRAM ssh");
}

#[test]
fn a_partial_clone_runs_no_program_as_a_remote() {
    a_partial_clone_fetches_nothing(
        "\turl = ext::PROGRAM ext\n[protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always",
    );
}

#[test]
fn a_partial_clone_runs_no_proxy_and_no_instead() {
    a_partial_clone_fetches_nothing("\turl = git://example.com/x\n[core]\n\tgitProxy = PROGRAM");
    a_partial_clone_fetches_nothing(
        "\turl = good:x\n[url \"ext::PROGRAM instead \"]\n\tinsteadOf = good:\n[protocol \"ext\"]\n\tallow = always",
    );
}

#[test]
fn a_folder_that_the_clone_lacks_is_no_empty_folder() {
    let hostile = Hostile::new();
    hostile.lose("kubia/deploy");
    let run = hostile.run(&["diff", "--env", "dev", "--against", "HEAD"], &[]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stderr.contains("git lacks the content of kubia/deploy"), "{}", run.stderr);
}

/// What is as it would be written now is known by its hash: it is not read, so that it may be lacking.
#[test]
fn what_is_equal_is_not_read() {
    let hostile = Hostile::new();
    let before = hostile.compared();
    for entry in fs::read_dir(hostile.work().join("kubia/deploy/dev")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_manifest = Path::new(&name).extension().is_some_and(|end| end == "yaml");
        if is_manifest && !DEPLOYED.ends_with(&name) {
            hostile.lose(&format!("kubia/deploy/dev/{name}"));
        }
    }
    let after = hostile.run(&["diff", "--env", "dev", "--against", "HEAD"], &[]);
    assert_eq!((after.code, &after.stdout), (1, &before.stdout), "{}", after.stderr);
    hostile.lose(DEPLOYED);
    let lacking = hostile.run(&["diff", "--env", "dev", "--against", "HEAD"], &[]);
    assert!(lacking.code == 2 && lacking.stderr.contains("git lacks the content of"), "{}", lacking.stderr);
}

/// A repository whose hashes are of another kind is read as any other.
#[test]
fn a_repository_of_longer_hashes_is_compared_the_same() {
    let hostile = Hostile::new();
    let expected = hostile.compared().stdout;
    fs::remove_dir_all(hostile.work().join(".git")).unwrap();
    hostile.git(&["init", "--quiet", "--initial-branch=main", "--object-format=sha256"]);
    let spec = hostile.work().join("kubia/statewright.yaml");
    let changed = fs::read_to_string(&spec).unwrap();
    fs::write(&spec, changed.replace("pet:1.1", "pet:1.0")).unwrap();
    hostile.git(&["add", "--all"]);
    hostile.git(&["commit", "--quiet", "--message", "first"]);
    assert_eq!(hostile.git(&["rev-parse", "HEAD"]).len(), 64);
    fs::write(&spec, changed).unwrap();
    assert_eq!(hostile.compared().stdout, expected);
}

#[test]
fn a_file_monitor_is_not_asked() {
    let hostile = Hostile::new();
    hostile.configure("[core]\n\tfsmonitor = PROGRAM fsmonitor\n");
    hostile.git_would_run_it(&["status"]);
    hostile.compares();
}

#[test]
fn hooks_do_not_run() {
    let hostile = Hostile::new();
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"] {
        std::os::unix::fs::symlink(hostile.program(), hostile.work().join(".git/hooks").join(hook)).unwrap();
    }
    hostile.git_would_run_it(&["checkout", "-q", "-b", "other"]);
    hostile.compares();
    hostile.configure("[core]\n\thooksPath = WORK/.git/hooks\n");
    hostile.compares();
}

#[test]
fn filters_and_external_comparisons_do_not_run() {
    let hostile = Hostile::new();
    hostile.scratch.write("work/.gitattributes", "*.yaml filter=evil diff=evil\n");
    hostile.scratch.write("work/.git/info/attributes", "*.yaml filter=evil diff=evil\n");
    hostile.configure(
        "[filter \"evil\"]\n\tsmudge = PROGRAM smudge\n\tclean = PROGRAM clean\n\tprocess = PROGRAM \
            process\n\trequired = true\n",
    );
    hostile.configure(
        "[diff]\n\texternal = PROGRAM external\n[diff \"evil\"]\n\ttextconv = PROGRAM textconv\n\tcommand \
            = PROGRAM command\n",
    );
    hostile.git_would_run_it(&["diff"]);
    hostile.compares();
}

/// Git looks into files that may have been written while it wrote its index, and filters them. What changed is found
/// without that.
#[test]
fn filters_do_not_run_to_find_what_changed() {
    let hostile = Hostile::new();
    hostile.scratch.write("work/.gitattributes", "*.yaml filter=evil\n");
    let filter = "\tclean = PROGRAM clean\n\tprocess = PROGRAM process\n\trequired = true\n";
    hostile.configure(&format!("[filter \"evil\"]\n{filter}"));
    let age = || {
        let index = fs::File::options().write(true).open(hostile.work().join(".git/index")).unwrap();
        index.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    };
    age();
    hostile.git_would_run_it(&["diff-files"]);
    age();
    let run = hostile.run(&["check", "--affected", "HEAD"], &[]);
    assert!(!hostile.mark().exists(), "somebody ran {}", fs::read_to_string(hostile.mark()).unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    // A name that would switch off another filter than it says.
    hostile.configure(&format!("[filter \"evil=x\"]\n{filter}"));
    let run = hostile.run(&["check", "--affected", "HEAD"], &[]);
    assert!(run.code == 2 && run.stderr.contains("cannot be switched off"), "{}", run.stderr);
    assert!(!hostile.mark().exists());
}

#[test]
fn pagers_editors_aliases_and_keys_do_not_run() {
    let hostile = Hostile::new();
    hostile.configure(
        "[core]\n\tpager = PROGRAM pager\n\teditor = PROGRAM editor\n\taskPass = PROGRAM \
            askpass\n\talternateRefsCommand = PROGRAM refs\n",
    );
    hostile.configure("[pager]\n\tcat-file = PROGRAM pager\n\trev-parse = PROGRAM pager\n\tls-tree = PROGRAM pager\n");
    hostile.configure(
        "[alias]\n\tcat-file = !PROGRAM alias\n\trev-parse = !PROGRAM alias\n\tls-tree = !PROGRAM alias\n\tevil = \
            !PROGRAM alias\n",
    );
    hostile.configure(
        "[gpg]\n\tprogram = PROGRAM gpg\n[log]\n\tshowSignature = true\n[credential]\n\thelper = !PROGRAM credential\n",
    );
    hostile.git_would_run_it(&["evil"]);
    hostile.compares();
}

#[test]
fn what_another_file_configures_counts_no_more() {
    let hostile = Hostile::new();
    let more = format!("[core]\n\tfsmonitor = {0} fsmonitor\n\tsshCommand = {0} ssh\n", hostile.program());
    hostile.scratch.write("more", more);
    hostile.configure("[include]\n\tpath = WORK/../more\n");
    hostile.git_would_run_it(&["status"]);
    hostile.compares();
}

#[test]
fn variables_lead_nowhere_else() {
    let hostile = Hostile::new();
    let other = Scratch::new("hostile-git-other");
    git(other.path(), &["init", "--quiet"]);
    let (store, log) = (other.path().join(".git").display().to_string(), hostile.mark().display().to_string());
    for name in
        ["GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_REPLACE_REF_BASE"]
    {
        let run = hostile.run(&["diff", "--env", "dev", "--against", "HEAD"], &[(name, &store)]);
        assert!(run.stdout.contains("restarts kubia-2"), "{name}: {}{}", run.stdout, run.stderr);
    }
    for name in ["GIT_TRACE", "GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE_SETUP", "GIT_TRACE2_PERF"] {
        let run = hostile.run(&["diff", "--env", "dev", "--against", "HEAD"], &[(name, &log)]);
        assert!(
            run.stdout.contains("restarts kubia-2") && !hostile.mark().exists(),
            "{name}: {}{}",
            run.stdout,
            run.stderr
        );
    }
    for name in [
        "GIT_SSH_COMMAND",
        "GIT_SSH",
        "GIT_ASKPASS",
        "GIT_PAGER",
        "GIT_EXTERNAL_DIFF",
        "GIT_PROXY_COMMAND",
        "GIT_EDITOR",
    ] {
        let run = hostile.run(&["diff", "--env", "dev", "--against", "HEAD"], &[(name, &hostile.program())]);
        assert!(
            run.stdout.contains("restarts kubia-2") && !hostile.mark().exists(),
            "{name}: {}{}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn what_takes_another_objects_place_is_not_looked_at() {
    let hostile = Hostile::new();
    let first = hostile.git(&["rev-parse", &format!("HEAD:{DEPLOYED}")]);
    let file = hostile.scratch.write("other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: planted}\n");
    let planted = hostile.git(&["hash-object", "-w", &file.display().to_string()]);
    hostile.git(&["replace", &first, &planted]);
    assert!(hostile.git(&["show", &format!("HEAD:{DEPLOYED}")]).contains("planted"));
    hostile.compares();
    // Grafts say which commits come before one: nobody walks them.
    let commit = hostile.git(&["rev-parse", "HEAD"]);
    hostile.scratch.write("work/.git/info/grafts", format!("{commit} {commit}\n"));
    hostile.compares();
}

/// Another repository of the same machine, which this one has no business with.
fn victim() -> Scratch {
    let victim = Scratch::new("hostile-git-victim");
    victim.write(
        "kubia/deploy/dev/ConfigMap-victim.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: victim}\ndata: {a: treasure}\n",
    );
    git(victim.path(), &["init", "--quiet"]);
    git(victim.path(), &["add", "--all"]);
    git(victim.path(), &["commit", "--quiet", "--message", "theirs"]);
    victim
}

#[test]
fn another_repository_is_not_read() {
    let victim = victim();
    let store = victim.path().join(".git");
    let lead = |make: &dyn Fn(&Path)| {
        let hostile = Hostile::new();
        make(&hostile.work().join(".git"));
        let run = hostile.compared();
        assert_eq!(run.code, 2, "{}", run.stdout);
        assert!(run.stderr.contains("leads to a git repository that does not belong to this folder"), "{}", run.stderr);
        assert!(!(run.stdout + &run.stderr).contains("treasure"));
    };
    // A file, a link, a folder whose better half is elsewhere, files said to be elsewhere.
    lead(&|own| {
        fs::remove_dir_all(own).unwrap();
        fs::write(own, format!("gitdir: {}\n", store.display())).unwrap();
    });
    lead(&|own| {
        fs::remove_dir_all(own).unwrap();
        std::os::unix::fs::symlink(&store, own).unwrap();
    });
    lead(&|own| fs::write(own.join("commondir"), store.display().to_string()).unwrap());
    lead(&|own| {
        let config = own.join("config");
        fs::write(
            &config,
            fs::read_to_string(&config).unwrap() + &format!("[core]\n\tworktree = {}\n", victim.path().display()),
        )
        .unwrap();
    });
}

#[test]
fn worktrees_and_submodules_are_compared_as_ever() {
    let hostile = Hostile::new();
    let tree = hostile.scratch.path().join("tree");
    hostile.git(&["worktree", "add", "--quiet", &tree.display().to_string(), "-b", "other"]);
    let spec = tree.join("kubia/statewright.yaml");
    fs::write(&spec, fs::read_to_string(&spec).unwrap().replace("pet:1.0", "pet:1.1")).unwrap();
    let super_project = hostile.scratch.path().join("super");
    fs::create_dir(&super_project).unwrap();
    git(&super_project, &["init", "--quiet"]);
    git(
        &super_project,
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            &hostile.work().display().to_string(),
            "sub",
        ],
    );
    let spec = super_project.join("sub/kubia/statewright.yaml");
    fs::write(&spec, fs::read_to_string(&spec).unwrap().replace("pet:1.0", "pet:1.1")).unwrap();
    for place in [&tree, &super_project.join("sub"), &super_project] {
        let path = if *place == super_project { "sub/kubia" } else { "kubia" };
        let run = crate::commands::statewright(place, &["diff", path, "--env", "dev", "--against", "HEAD"]);
        assert!(run.stdout.contains("restarts kubia-2"), "{}: {}{}", place.display(), run.stdout, run.stderr);
    }
}

#[test]
fn a_revision_is_no_option() {
    let hostile = Hostile::new();
    for name in [
        "--output=/tmp/x",
        "-p",
        "--git-dir=/",
        "--exec=PROGRAM",
        "HEAD --help",
        "HEAD\n--all",
        "HEAD:kubia",
        "^HEAD",
        "HEAD..HEAD",
    ] {
        let against = format!("--against={name}");
        let run = hostile.run(&["diff", "--env", "dev", &against], &[]);
        assert_eq!(run.code, 2, "{name:?}: {}", run.stdout);
        assert!(run.stderr.contains("git knows no revision"), "{name:?}: {}", run.stderr);
    }
}

#[test]
fn what_is_too_large_is_not_read() {
    let hostile = Hostile::new();
    let large = hostile.scratch.path().join("large");
    fs::File::create(&large).unwrap().set_len(96 << 20).unwrap();
    let large = hostile.git(&["hash-object", "-w", "--literally", "-t", "blob", &large.display().to_string()]);
    hostile.git(&["update-index", "--cacheinfo", &format!("100644,{large},kubia/deploy/dev/StatefulSet-kubia.yaml")]);
    hostile.git(&["-c", "core.autocrlf=false", "commit", "--quiet", "--message", "large"]);
    let command = "exec \"$0\" diff --env dev --against HEAD";
    let mut limited = Command::new("sh");
    let output =
        limited.args(["-c", command, env!("CARGO_BIN_EXE_statewright")]).current_dir(hostile.work()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("git has a blob of 96 MB where manifests are; 64 MB is the limit"), "{said}");
}
