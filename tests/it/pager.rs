//! A text that is longer than the screen, in a terminal: it is shown by what the user pages with.

#![cfg(target_os = "linux")]

use crate::client::{is_there, path_with_statewright};
use crate::scratch::Scratch;
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
