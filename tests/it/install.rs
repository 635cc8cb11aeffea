//! What is installed by hand: the script for releases, and the images. No release is fetched; a folder stands for one.

use crate::client::{is_there, said};
use crate::commands::root;
use crate::scratch::Scratch;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The system that the script takes this machine for. None where there is no release for it.
pub(crate) fn target() -> Option<String> {
    let processor = if cfg!(target_arch = "x86_64") { "x86_64" } else { "aarch64" };
    match std::env::consts::OS {
        "linux" => Some(format!("{processor}-unknown-linux-musl")),
        "macos" => Some(format!("{processor}-apple-darwin")),
        _ => None,
    }
}

/// A folder as `scripts/dist` fills it, with the program under test.
pub(crate) fn release(target: &str) -> Scratch {
    let scratch = Scratch::new("release");
    let name = format!("statewright-{target}-v{}", env!("CARGO_PKG_VERSION"));
    let folder = scratch.path().join(&name);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_statewright"), folder.join("statewright")).unwrap();
    let script = "tar -czf \"$1.tar.gz\" \"$1\" && { sha256sum \"$1.tar.gz\" 2>/dev/null || shasum -a 256 \
        \"$1.tar.gz\"; } >SHA256SUMS";
    let packed =
        Command::new("sh").args(["-e", "-c", script, "sh", &name]).current_dir(scratch.path()).output().unwrap();
    assert!(packed.status.success(), "{}", said(&packed));
    scratch
}

fn install(release: &Path, into: &Path, version: &str) -> Output {
    Command::new("sh")
        .arg(root().join("scripts/install.sh"))
        .env("STATEWRIGHT_REPOSITORY", release)
        .env("STATEWRIGHT_INSTALL_DIR", into)
        .env("STATEWRIGHT_VERSION", version)
        .output()
        .unwrap()
}

#[test]
fn the_script_installs_what_the_checksums_vouch_for() {
    let what = "the installing script";
    let Some(target) = target().filter(|_| is_there("tar", &["--version"], what)) else { return };
    let (release, home) = (release(&target), Scratch::new("installed"));
    let current = concat!("statewright ", env!("CARGO_PKG_VERSION"), "\n");
    for version in ["", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_VERSION")] {
        let output = install(release.path(), &home.path().join("bin"), version);
        assert!(output.status.success() && said(&output).starts_with(current), "{version}: {}", said(&output));
    }
    assert_eq!(fs::read_dir(home.path().join("bin")).unwrap().count(), 1, "nothing but the program");

    let unknown = install(release.path(), &home.path().join("other"), "9.9.9");
    assert!(!unknown.status.success() && said(&unknown).contains("there is no statewright-"), "{}", said(&unknown));
    let archive = release.path().join(format!("statewright-{target}-v{}.tar.gz", env!("CARGO_PKG_VERSION")));
    let mut bytes = fs::read(&archive).unwrap();
    bytes.push(0);
    fs::write(&archive, bytes).unwrap();
    let tampered = install(release.path(), &home.path().join("other"), "");
    assert!(
        !tampered.status.success() && said(&tampered).contains("is not what SHA256SUMS says"),
        "{}",
        said(&tampered)
    );
    fs::write(release.path().join("SHA256SUMS"), "").unwrap();
    assert!(!install(release.path(), &home.path().join("other"), env!("CARGO_PKG_VERSION")).status.success());
    assert!(!home.path().join("other").exists());
    let plain = install(Path::new("http://example.com/statewright"), &home.path().join("other"), "");
    assert!(said(&plain).contains("is not https"), "{}", said(&plain));
}

/// No image can be built where there is no engine; what they are made of can be looked at.
#[test]
fn the_images_are_made_of_files_that_are_there() {
    for image in ["argocd", "container"] {
        let file = fs::read_to_string(root().join(format!("integrations/{image}/Dockerfile"))).unwrap();
        let ignore = fs::read_to_string(root().join(format!("integrations/{image}/Dockerfile.dockerignore"))).unwrap();
        let mut sent = ignore.lines();
        assert_eq!(sent.next(), Some("*"), "{image}");
        let sent: Vec<&str> = sent.map(|line| line.strip_prefix('!').unwrap()).collect();
        for path in &sent {
            assert!(root().join(path).exists(), "{image}: {path}");
        }
        // What cargo builds with, and what is copied by name.
        let copied =
            file.lines().filter(|line| line.starts_with("COPY") && !line.contains("--from") && !line.ends_with(" ."));
        let copied = copied.map(|line| line.split(' ').rev().nth(1).unwrap());
        for path in ["Cargo.toml", "Cargo.lock", "src", "templates", "schemas", "benches"].into_iter().chain(copied) {
            assert!(sent.contains(&path), "{image}: {path} is not sent to the builder");
        }
        assert!(file.contains("FROM scratch") && file.contains("\nUSER "), "{image}");
    }
}

/// What the README promises of a fresh clone is what CI types, word for word.
#[test]
fn ci_types_the_two_commands_of_a_clone() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with("From a clone\n")).unwrap();
    let commands: Vec<&str> = section.split("```").nth(1).unwrap().lines().skip(1).collect();
    assert_eq!(commands, ["cargo run --release -- compile examples/kubia", "cargo test"]);
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    for command in commands {
        let typed = |line: &str| line.trim() == command || line.ends_with(&format!("() {{ {command}; }}"));
        assert!(ci.lines().any(typed), ".ci/run has no part that is just `{command}`");
    }
}

/// What pages and the files of `init` name is a tag that a release makes: the whole version, for no release moves a
/// shorter tag.
#[test]
fn what_pages_name_a_release_makes() {
    let workflow = std::fs::read_to_string(root().join(".github/workflows/release.yaml")).unwrap();
    assert!(workflow.contains("tags: [\"v*.*.*\"]"), "releases are made of other tags now: {workflow}");
    let own = env!("CARGO_PKG_VERSION");
    let mut named = 0;
    let files = ["README.md", "docs", "src/cli/scaffold", "integrations", "action.yml"].map(|place| root().join(place));
    for entry in files.iter().flat_map(|place| walkdir::WalkDir::new(place).sort_by_file_name()).map(Result::unwrap) {
        let Some(text) = entry.file_type().is_file().then(|| std::fs::read_to_string(entry.path()).ok()).flatten()
        else {
            continue;
        };
        for after in text.split("statewright@v").skip(1) {
            let tag: String =
                after.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '.').collect();
            assert_eq!(tag, own, "{}", entry.path().display());
            named += 1;
        }
    }
    assert!(named >= 2, "no page names a tag any more");
}
