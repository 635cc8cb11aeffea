//! A text that is longer than the screen, in a terminal: it is shown by what the user pages with.

#![cfg(target_os = "linux")]

use crate::client::{is_there, path_with_statewright};
use crate::scratch::Scratch;
use std::io::Read as _;
use std::process::{Command, Stdio};

/// What a terminal of ten lines shows of a command.
fn shown(scratch: &Scratch, command: &str, pager: &str) -> String {
    let output = Command::new("script")
        .args(["-q", "-e", "-c", &format!("stty rows 10 cols 80; {command}"), "/dev/null"])
        .current_dir(scratch.path())
        .env("PATH", path_with_statewright())
        .env("PAGER", pager)
        .env_remove("STATEWRIGHT_PAGER")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_is_longer_than_the_screen_is_paged() {
    if !is_there("script", &["--version"], "the pager in a terminal") {
        return;
    }
    let scratch = Scratch::new("pager");
    let mark = "sed 's/^/paged: /'";
    let long = shown(&scratch, "statewright explain SW0201", mark);
    assert!(long.lines().count() > 10 && long.lines().all(|line| line.starts_with("paged: ")), "{long}");
    for (command, pager) in [
        ("statewright explain image", mark),
        ("statewright --no-pager explain SW0201", mark),
        ("statewright explain SW0201 | cat", mark),
        ("statewright explain SW0201", "cat"),
        ("statewright explain SW0201", ""),
        ("statewright explain SW0201", "no-such-pager-anywhere 2>/dev/null"),
    ] {
        let text = shown(&scratch, command, pager);
        assert!(text.lines().count() > 1 && !text.contains("paged: "), "{command} with {pager:?}: {text}");
    }
    // Whoever leaves the pager at once has not failed.
    let left = shown(&scratch, "statewright explain SW0201; echo ended with $?", "head -n 1");
    assert!(left.lines().count() < 4 && left.contains("ended with 0"), "{left}");
}

/// Nobody leaves a pager between two rounds.
#[test]
fn watch_never_pages() {
    if !is_there("script", &["--version"], "watch in a terminal") || !is_there("git", &["--version"], "watch") {
        return;
    }
    let scratch = Scratch::new("watch-pager");
    let spec = |image: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:{image}\nreplicas: 3\nports: \
             {{http: 80}}\nstorage: {{data: {{mount: /data, size: 1Gi}}}}\nenvironments: {{dev: {{}}}}\n"
        )
    };
    scratch.write("statewright.yaml", spec("1.0"));
    let git = "git -c user.name=a -c user.email=a@example.com";
    let begun = format!("git init -q . && statewright -q compile . && git add -A && {git} commit -qm a");
    let done = Command::new("sh")
        .args(["-c", &begun])
        .current_dir(scratch.path())
        .env("PATH", path_with_statewright())
        .status()
        .unwrap();
    assert!(done.success());
    scratch.write("statewright.yaml", spec("2.0"));
    let mut child = Command::new("script")
        .args(["-q", "-f", "-c", "stty rows 5 cols 80; exec statewright watch .", "/dev/null"])
        .current_dir(scratch.path())
        .env("PATH", path_with_statewright())
        .env("PAGER", "sed 's/^/paged: /'")
        .env_remove("STATEWRIGHT_PAGER")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut said, mut some) = (String::new(), [0; 4096]);
    let mut output = child.stdout.take().unwrap();
    while !said.contains("watching;") {
        let count = output.read(&mut some).unwrap();
        assert!(count > 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    let _ = child.kill();
    let _ = child.wait();
    assert!(said.contains("restarts web-2") && !said.contains("paged: "), "{said}");
}
