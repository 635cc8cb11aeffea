//! A repository is a stranger's: nothing that it names leads the program to a file outside of it, to read or to write,
//! or makes it wait.

use crate::scratch::Scratch;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What no output may show.
const CANARY: &str = "c4nary-of-somebody-else";
const SPEC: &str = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\n";
const WORKSPACE: &str = "apiVersion: statewright/v1\nkind: Workspace\n";
const PLAIN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: b}\n";
/// What follows `--format`.
const FORMATS: &[&str] = &["human", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"];

/// A repository, and beside it what is not its own.
struct World {
    scratch: Scratch,
    _socket: UnixListener,
}

impl World {
    fn new() -> Self {
        let scratch = Scratch::new("confinement");
        let manifest =
            format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: victim}}\nstringData: {{password: {CANARY}}}\n");
        scratch.write("outside/victim.yaml", &manifest);
        scratch.write("outside/spec.yaml", format!("{SPEC}env: {{SAID: {CANARY}}}\n"));
        scratch.write(
            "outside/workspace.yaml",
            format!("{WORKSPACE}environments: {{prod: {{vars: {{a: {CANARY}}}, unknown: {CANARY}}}}}\n"),
        );
        scratch.write("outside/plain.txt", format!("{CANARY}: : [\n"));
        scratch.write("outside/app/statewright.yaml", format!("{SPEC}env: {{SAID: {CANARY}}}\nfoo: {CANARY}\n"));
        scratch.write("repo/.git/config", format!("[http]\n\textraheader = {CANARY}\n"));
        let socket = UnixListener::bind(scratch.path().join("outside/socket")).unwrap();
        fifo(&scratch.path().join("outside/fifo"));
        Self { scratch, _socket: socket }
    }

    fn repo(&self) -> PathBuf {
        self.scratch.path().join("repo")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        self.scratch.write(&format!("repo/{name}"), text);
    }

    /// Makes a link in the repository.
    fn link(&self, name: &str, target: impl AsRef<Path>) {
        let path = self.repo().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// All that lies outside: names, contents, and when they were changed.
    fn outside(&self) -> Vec<(PathBuf, u64)> {
        let entries = walkdir::WalkDir::new(self.scratch.path().join("outside"))
            .sort_by_file_name()
            .into_iter()
            .map(Result::unwrap);
        entries.map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().len())).collect()
    }

    fn run(&self, arguments: &[&str]) -> Said {
        run(&self.repo(), arguments, Stdio::null())
    }
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

struct Said {
    code: Option<i32>,
    text: String,
}

/// Runs statewright with a secret in its environment; whoever waits for a pipe is killed and has no code.
fn run(folder: &Path, arguments: &[&str], input: Stdio) -> Said {
    let logs = Scratch::new("confinement-said");
    let log = logs.path().join("log");
    let file = File::create(&log).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_statewright"))
        .args(arguments)
        .current_dir(folder)
        .env("HIDDEN", CANARY)
        .env("ARGOCD_APP_SOURCE_PATH", ".")
        .env_remove("GITHUB_OUTPUT")
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(input)
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if begin.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Said { code, text: String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned() }
}

/// The commands that read an app, in every format that they have.
fn of_apps() -> Vec<Vec<&'static str>> {
    let mut runs: Vec<Vec<&str>> = vec![
        vec!["compile", "--check"],
        vec!["compile", "-o", "yaml"],
        vec!["inspect", "--format", "json"],
        vec!["inspect"],
        vec!["rehearse", "."],
        vec!["argocd", "generate"],
        vec!["argocd", "parameters"],
    ];
    for command in ["check", "diff", "ci"] {
        runs.extend(FORMATS.iter().map(|format| vec![command, "--format", format]));
    }
    runs
}

/// Makes a way out, and says by which name.
type Way<'w> = &'w dyn Fn(&World) -> String;

/// Makes the ways out of a repository by a file of this name, one after another, and hands over a name that the
/// repository could use.
/// `victim` is a file in `outside/`.
fn each_way(victim: &str, name: &str, mut see: impl FnMut(&World, &str, &str)) {
    let ways: &[(&str, Way)] = &[
        ("..", &|_| format!("../outside/{victim}")),
        ("absolute", &|world| world.scratch.path().join("outside").join(victim).to_str().unwrap().to_owned()),
        ("climbing", &|world| {
            world.write("a/b/x", "");
            format!("a/b/../../../outside/{victim}")
        }),
        ("link", &|world| {
            world.link(name, format!("{}outside/{victim}", "../".repeat(name.matches('/').count() + 1)));
            name.into()
        }),
        ("absolute link", &|world| {
            world.link(name, world.scratch.path().join("outside").join(victim));
            name.into()
        }),
        ("chain", &|world| {
            world.link("deep/one", "two");
            world.link("deep/two", format!("../../outside/{victim}"));
            world.link(name, format!("{}deep/one", "../".repeat(name.matches('/').count())));
            name.into()
        }),
        ("linked folder", &|world| {
            world.link("way", "../outside");
            format!("way/{victim}")
        }),
        ("folder behind a link", &|world| {
            world.link("way", "../outside/app");
            format!("way/../{victim}")
        }),
        ("environment", &|world| {
            world.link(name, "/proc/self/environ");
            name.into()
        }),
        ("zeros", &|world| {
            world.link(name, "/dev/zero");
            name.into()
        }),
        ("linked pipe", &|world| {
            world.link(name, "../outside/fifo");
            name.into()
        }),
        ("linked socket", &|world| {
            world.link(name, world.scratch.path().join("outside/socket"));
            name.into()
        }),
        ("pipe", &|world| {
            world.write(&format!("{name}.x"), "");
            fifo(&world.repo().join(name));
            name.into()
        }),
        ("git", &|_| ".git/config".into()),
        ("git by a link", &|world| {
            world.link(name, world.repo().join(".git/config"));
            name.into()
        }),
        ("circle", &|world| {
            world.link(name, world.repo().join(name));
            name.into()
        }),
        ("nowhere", &|world| {
            world.link(name, "nowhere");
            name.into()
        }),
    ];
    for (way, make) in ways {
        let world = World::new();
        let path = make(&world);
        see(&world, way, &path);
    }
}

#[track_caller]
fn refuses(world: &World, what: &str, arguments: &[&str]) -> Said {
    let before = world.outside();
    let said = world.run(arguments);
    let told = format!("{what}: {arguments:?}: {:?}\n{}", said.code, said.text.chars().take(3000).collect::<String>());
    assert!(!said.text.contains(CANARY), "shown: {told}");
    assert!(matches!(said.code, Some(1 | 2)), "taken: {told}");
    assert_eq!(before, world.outside(), "written: {told}");
    said
}

#[test]
fn a_template_is_a_file_of_the_repository() {
    for victim in ["victim.yaml", "plain.txt"] {
        each_way(victim, "templates/t.yaml", |world, way, path| {
            world.write("statewright.yaml", SPEC);
            world.write("statewright-workspace.yaml", format!("{WORKSPACE}templates:\n  - {{file: {path:?}}}\n"));
            for arguments in of_apps() {
                let arguments: Vec<&str> = arguments;
                // What the plugin announces needs no template to be right.
                if arguments != ["argocd", "parameters"] {
                    let said = refuses(world, way, &arguments);
                    let is_shown = !arguments.iter().any(|argument| ["markdown", "html"].contains(argument));
                    assert!(
                        !is_shown || ["SW0012", "named-file"].iter().any(|code| said.text.contains(code)),
                        "{way} {arguments:?}: {}",
                        said.text
                    );
                }
            }
            assert!(
                world.run(&["check"]).text.contains("statewright-workspace.yaml:4:12"),
                "{way}: not at the user's line"
            );
        });
    }
}

#[test]
fn definitions_are_files_of_the_repository() {
    for victim in ["victim.yaml", "plain.txt"] {
        each_way(victim, "crds/c.yaml", |world, way, path| {
            world.write("plain.yaml", PLAIN);
            world.write("statewright-workspace.yaml", format!("{WORKSPACE}crds: [{path:?}]\n"));
            for format in FORMATS {
                refuses(world, way, &["check", ".", "--format", format]);
            }
        });
    }
}

#[test]
fn what_files_names_is_a_file_of_the_repository() {
    for victim in ["victim.yaml", "plain.txt"] {
        each_way(victim, "conf/f.conf", |world, way, path| {
            world.write("statewright.yaml", format!("{SPEC}files: {{/etc/web: {{a: {{from: {path:?}}}}}}}\n"));
            for arguments in of_apps().into_iter().filter(|arguments| *arguments != ["argocd", "parameters"]) {
                refuses(world, way, &arguments);
            }
        });
    }
}

#[test]
fn a_spec_is_a_file_of_the_repository() {
    for victim in ["spec.yaml", "plain.txt"] {
        each_way(victim, "statewright.yaml", |world, way, path| {
            if path != "statewright.yaml" {
                return;
            }
            for arguments in of_apps().into_iter().filter(|arguments| *arguments != ["argocd", "parameters"]) {
                // A folder without a spec has no manifests either, and a step may be empty.
                if arguments[0] != "rehearse" {
                    refuses(world, way, &arguments);
                }
                let named: Vec<&str> = match arguments[0] {
                    "argocd" | "rehearse" => continue,
                    _ => arguments.iter().copied().chain(["statewright.yaml"]).collect(),
                };
                refuses(world, way, &named);
            }
            refuses(world, way, &["rehearse", "statewright.yaml"]);
        });
    }
}

#[test]
fn a_folder_is_one_of_the_repository() {
    let world = World::new();
    world.link("way", "../outside/app");
    world.link("far", "way");
    for path in ["way", "far", "way/statewright.yaml", "far/statewright.yaml", "way/../app"] {
        for command in ["compile", "check", "diff", "ci", "inspect", "rehearse"] {
            refuses(&world, path, &[command, path]);
        }
    }
}

#[test]
fn a_workspace_is_a_file_of_the_repository() {
    for victim in ["workspace.yaml", "plain.txt"] {
        each_way(victim, "statewright-workspace.yaml", |world, way, path| {
            if path != "statewright-workspace.yaml" {
                return;
            }
            world.write("statewright.yaml", SPEC);
            for arguments in of_apps().into_iter().filter(|arguments| *arguments != ["argocd", "parameters"]) {
                refuses(world, way, &arguments);
            }
        });
    }
}

#[test]
fn manifests_and_facts_are_files_of_the_repository() {
    for victim in ["victim.yaml", "plain.txt"] {
        each_way(victim, "m.yaml", |world, way, path| {
            // Where a user's own hand leads out of the repository, that is meant.
            if way == ".." || way == "absolute" || way == "climbing" {
                return;
            }
            world.write("plain/plain.yaml", PLAIN);
            world.write("statewright.yaml", SPEC);
            for format in FORMATS {
                refuses(world, way, &["check", path, "--format", format]);
                refuses(world, way, &["check", "plain", "--cluster", path, "--format", format]);
                refuses(world, way, &["check", "plain", "--crd", path, "--format", format]);
                refuses(world, way, &["diff", "plain", path, "--format", format]);
                refuses(world, way, &["diff", path, "plain", "--format", format]);
            }
            refuses(world, way, &["rehearse", path]);
            refuses(world, way, &["rehearse", "plain", "--cluster", path]);
            refuses(world, way, &["explain", path]);
        });
    }
}

#[test]
fn what_is_committed_is_in_the_repository() {
    for way in ["deploy", "deploy/default"] {
        let world = World::new();
        world.write("statewright.yaml", format!("{SPEC}env: {{SAID: {CANARY}}}\n"));
        assert_eq!(world.run(&["compile"]).code, Some(0));
        fs::rename(world.repo().join(way), world.scratch.path().join("outside/stolen")).unwrap();
        world.link(way, "../".repeat(way.matches('/').count() + 1) + "outside/stolen");
        world.write("statewright.yaml", SPEC);
        for arguments in
            [&["diff"][..], &["diff", "--format", "json"], &["diff", "--format", "html"], &["ci"], &["compile"]]
        {
            refuses(&world, way, arguments);
        }
    }
}

#[test]
fn links_inside_a_repository_work() {
    let world = World::new();
    world.write("real/spec.yaml", format!("{SPEC}files: {{/etc/web: {{a: {{from: conf/a.conf}}}}}}\n"));
    world.write("real/t.yaml", PLAIN);
    world.write("real/conf/a.conf", "said\n");
    world.write("app/x", "");
    world.link("app/statewright.yaml", world.repo().join("real/spec.yaml"));
    world.link("app/conf", "../real/conf");
    world.link("templates", "real");
    world.link("real/chain.yaml", "t.yaml");
    world.write("statewright-workspace.yaml", format!("{WORKSPACE}templates: [{{file: templates/chain.yaml}}]\n"));
    for path in ["app/statewright.yaml", "linked/statewright.yaml"] {
        if path.starts_with("linked") {
            world.link("linked", "app");
        }
        let said = world.run(&["compile", "-o", "yaml", path]);
        assert!(
            said.code == Some(0) && said.text.contains("said") && said.text.contains("name: plain"),
            "{path}: {}",
            said.text
        );
    }
    // A repository that is itself reached through a link.
    let link = world.scratch.path().join("door");
    symlink(world.repo(), &link).unwrap();
    for (folder, path) in [
        (link.clone(), "app/statewright.yaml".to_owned()),
        ("/".into(), format!("{}/app/statewright.yaml", link.display())),
    ] {
        let said = run(&folder, &["compile", "-o", "yaml", &path], Stdio::null());
        assert!(said.code == Some(0) && said.text.contains("said"), "{path}: {}", said.text);
    }
}

#[test]
fn what_a_user_names_outside_of_any_repository_is_read() {
    let world = World::new();
    let plain = world.scratch.write("elsewhere/plain.yaml", PLAIN);
    symlink(&plain, world.scratch.path().join("elsewhere/link.yaml")).unwrap();
    let link = world.scratch.path().join("elsewhere/link.yaml");
    for path in [plain.to_str().unwrap(), link.to_str().unwrap(), "../elsewhere/plain.yaml", "../elsewhere"] {
        assert_eq!(world.run(&["check", path]).code, Some(0), "{path}: {}", world.run(&["check", path]).text);
    }
    let open = || Stdio::from(File::open(&plain).unwrap());
    for path in ["-", "/dev/stdin", "/dev/fd/0"] {
        assert_eq!(run(&world.repo(), &["check", path], open()).code, Some(0), "{path}");
        let mut cat = Command::new("cat").arg(&plain).stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(
            run(&world.repo(), &["check", path], cat.stdout.take().unwrap().into()).code,
            Some(0),
            "{path} as a pipe"
        );
        cat.wait().unwrap();
    }
    for path in ["../outside/fifo", "../outside/socket", "/dev/zero"] {
        refuses(&world, path, &["check", path]);
        refuses(&world, path, &["compile", "--check", path]);
    }
}

#[test]
fn a_pipe_in_the_way_is_no_reason_to_wait() {
    for (name, command) in [
        ("statewright.yaml", "compile"),
        ("x/statewright.yaml", "check"),
        ("x/m.yaml", "check"),
        ("x/m.yaml", "rehearse"),
    ] {
        let world = World::new();
        world.write("x/y", "");
        fifo(&world.repo().join(name));
        refuses(&world, name, &[command, "."]);
        refuses(&world, name, &[command, name]);
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::new();
    world.write("statewright.yaml", format!("{SPEC}files: {{/etc/web: {{a: {{from: huge}}}}}}\n"));
    File::create(world.repo().join("huge")).unwrap().set_len(3 << 30).unwrap();
    assert!(refuses(&world, "from", &["check"]).text.contains("1 MB"));
    world.write("statewright.yaml", SPEC);
    for field in ["templates: [{file: huge}]", "crds: [huge]"] {
        world.write("statewright-workspace.yaml", format!("{WORKSPACE}{field}\n"));
        world.write("plain/plain.yaml", PLAIN);
        let path = if field.starts_with("crds") { "plain" } else { "." };
        assert!(refuses(&world, field, &["check", path]).text.contains("MB"), "{field}");
    }
    refuses(&world, "facts", &["check", "plain", "--cluster", "huge"]);
    refuses(&world, "manifest", &["check", "huge"]);
}

#[test]
fn a_report_never_goes_through_a_link() {
    for (name, target) in [
        ("report.md", "../outside/victim.yaml"),
        ("report.md", "../outside/fresh.md"),
        ("report.md", "statewright.yaml"),
        ("report.md", ".git/hooks/pre-commit"),
        ("out/report.md", "../../outside/victim.yaml"),
    ] {
        let world = World::new();
        world.write("statewright.yaml", SPEC);
        world.link(name, target);
        let spec = fs::read(world.repo().join("statewright.yaml")).unwrap();
        for command in ["check", "diff", "ci"] {
            refuses(&world, target, &[command, "--format", &format!("markdown={name}")]);
        }
        assert!(!world.repo().join(".git/hooks").exists());
        assert_eq!(fs::read(world.repo().join("statewright.yaml")).unwrap(), spec);
    }
    let world = World::new();
    world.write("statewright.yaml", SPEC);
    world.write("x/y", "");
    world.write("nested/.git", "gitdir: ../.git/worktrees/nested\n");
    world.link("way", "../outside");
    world.link("inner", "x");
    fifo(&world.repo().join("pipe"));
    for name in [
        "way/report.md",
        "way/new/report.md",
        "inner/report.md",
        "way/../.git/hooks/h",
        ".git/hooks/h",
        ".GIT/hooks/h",
        "x/../.git/h",
        "new/../.Git/h",
        "nested/.git",
        "nested/.git/h",
        ".git",
        "x",
        "pipe",
        ".git./h",
        "git~1/h",
    ] {
        for command in ["check", "ci"] {
            refuses(&world, name, &[command, "--format", &format!("json={name}")]);
        }
        assert!(!world.repo().join(".git/hooks").exists() && !world.repo().join("new").exists(), "{name}");
    }
    for name in ["fresh.md", "new/folder/fresh.md", "x/../fresh.md", "../elsewhere/fresh.md", "fresh.md"] {
        let said = world.run(&["check", "--format", &format!("json={name}")]);
        assert!(said.code == Some(0) && world.repo().join(name).is_file(), "{name}: {}", said.text);
    }
    for name in ["/dev/stdout", "/dev/stderr", "/dev/null"] {
        let said = world.run(&["check", "--format", &format!("json={name}")]);
        assert!(
            said.code == Some(0) && (said.text.contains("findings") || name == "/dev/null"),
            "{name}: {}",
            said.text
        );
    }
}

#[test]
fn scaffolds_and_manual_pages_stay_where_they_are_asked_for() {
    let world = World::new();
    world.link("way", "../outside");
    world.link("linked/statewright.yaml", "../../outside/fresh.yaml");
    for folder in ["way", "way/new", ".git/hooks", ".git"] {
        refuses(&world, folder, &["init", folder]);
        refuses(&world, folder, &["man", "--out", folder]);
    }
    let before = world.outside();
    assert!(world.run(&["init", "linked"]).text.contains("left as it is"));
    assert_eq!(before, world.outside());
    assert!(!world.repo().join(".git/hooks").exists());
}

#[test]
fn manifests_are_never_written_into_git_or_out_of_the_repository() {
    for output in [
        ".git/hooks/{env}",
        ".GIT/{env}",
        "x/.git/{env}/{app}",
        "{env}/.git",
        "../outside/{env}",
        "x/../../outside/{env}",
        "/tmp/{env}",
        "git~1/{env}",
    ] {
        let world = World::new();
        world.write("app/statewright.yaml", SPEC);
        world.write("statewright-workspace.yaml", format!("{WORKSPACE}output: {output:?}\n"));
        for arguments in [&["compile"][..], &["compile", "--check"], &["check"], &["ci"], &["diff"]] {
            let said = refuses(&world, output, arguments);
            assert!(said.text.contains("statewright-workspace.yaml:3:9"), "{output}: {}", said.text);
        }
        assert!(!world.repo().join(".git/hooks").exists() && !world.repo().join("x").exists());
    }
    let world = World::new();
    world.write("statewright.yaml", SPEC);
    world.write("x/y", "");
    world.link("way", "../outside");
    for out in [".git/hooks", "x/../.git/hooks", ".GIT", "way", "way/new"] {
        refuses(&world, out, &["compile", "--out", out]);
        assert!(!world.repo().join(".git/hooks").exists());
    }
    assert_eq!(world.run(&["compile", "--out", "../elsewhere"]).code, Some(0));
    assert_eq!(world.run(&["compile", "--out", "x/fresh"]).code, Some(0));
}

/// What prints data, and with which arguments.
const PRINTING: &[&[&str]] = &[
    &["compile", "-o", "yaml"],
    &["check", "--format", "json"],
    &["diff"],
    &["diff", "--format", "sarif"],
    &["ci", "--format", "markdown"],
    &["rehearse", "."],
    &["inspect"],
    &["explain", "SW0101"],
    &["explain", "storage.size"],
    &["schema"],
    &["argocd", "generate"],
    &["argocd", "parameters"],
    &["completions", "bash"],
    &["man"],
    &["--help"],
    &["compile", "--help"],
    &["help", "diff"],
    &["--version"],
];

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_is_a_failure() {
    let world = World::new();
    world.write("statewright.yaml", SPEC);
    for arguments in PRINTING {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_statewright"))
            .args(*arguments)
            .current_dir(world.repo())
            .env("ARGOCD_APP_SOURCE_PATH", ".")
            .stdin(Stdio::null())
            .stdout(full)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(2) && said.contains("the disk is full"),
            "{arguments:?}: {:?} {said}",
            output.status
        );
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let world = World::new();
    world.write("statewright.yaml", SPEC);
    for arguments in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_statewright"))
            .args(*arguments)
            .current_dir(world.repo())
            .env("ARGOCD_APP_SOURCE_PATH", ".")
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(0 | 1)) && !said.contains("error:"),
            "{arguments:?}: {:?} {said}",
            output.status
        );
    }
}

#[test]
fn an_editor_is_shown_nothing_of_others() {
    let world = World::new();
    let session = |spec: &str| {
        let uri = format!("file://{}", world.repo().join("statewright.yaml").display());
        let open = serde_json::json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "text": spec}}});
        let body = open.to_string();
        let input = world.scratch.write("session", format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        run(&world.repo(), &["lsp"], Stdio::from(File::open(input).unwrap()))
    };
    for (field, link) in [
        ("templates: [{file: ../outside/victim.yaml}]", None),
        ("templates: [{file: t.yaml}]", Some(("t.yaml", "../outside/plain.txt"))),
        ("templates: [{file: t.yaml}]", Some(("t.yaml", "../outside/fifo"))),
    ] {
        let _ = fs::remove_file(world.repo().join("t.yaml"));
        link.into_iter().for_each(|(name, target)| world.link(name, target));
        world.write("statewright.yaml", SPEC);
        world.write("statewright-workspace.yaml", format!("{WORKSPACE}{field}\n"));
        let said = session(SPEC);
        assert!(said.code.is_some() && !said.text.contains(CANARY), "{field}: {}", said.text);
    }
    fs::remove_file(world.repo().join("statewright-workspace.yaml")).unwrap();
    for path in ["../outside/plain.txt", "../outside/fifo"] {
        let said = session(&format!("{SPEC}files: {{/etc/web: {{a: {{from: {path}}}}}}}\n"));
        assert!(
            said.code.is_some() && !said.text.contains(CANARY) && said.text.contains("cannot be read"),
            "{path}: {}",
            said.text
        );
    }
}
