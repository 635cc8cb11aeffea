//! Runbooks as a script: every case's script runs to its end with a `kubectl` that does nothing, goes on where it was
//! stopped, and runs no step twice.

#![cfg(target_os = "linux")]

use crate::commands::{root, statewright};
use crate::scratch::Scratch;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// Notes what it is asked, and fails at the call whose number stands in `fail`, once.
const KUBECTL: &str = "#!/bin/sh\nfolder=$(dirname \"$0\")\nprintf '%s\\n' \"$*\" | tr '\\n' ' ' >> \"$folder/log\"; \
    echo >> \"$folder/log\"\n\
    if [ \"$(cat \"$folder/fail\" 2>/dev/null)\" = \"$(wc -l < \"$folder/log\" | tr -d ' ')\" ]; then rm \
    \"$folder/fail\"; exit 1; fi\n\
    case \" $* \" in *' get '*) echo 1 ;; esac\ncase \" $* \" in *' -f - '*) cat > /dev/null ;; esac\nexit 0\n";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    Command::new("bash").arg("steps.sh").args(arguments).current_dir(folder).env("PATH", path).output().unwrap()
}

fn log(folder: &Path) -> Vec<String> {
    fs::read_to_string(folder.join("bin/log")).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_script_goes_on_where_it_was_stopped() {
    let cases: Vec<_> =
        fs::read_dir(root().join("tests/runbooks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(cases.len() > 30, "only {} cases", cases.len());
    std::thread::scope(|scope| {
        for some in cases.chunks(cases.len().div_ceil(4)) {
            scope.spawn(|| some.iter().for_each(|case| goes_on(case)));
        }
    });
}

fn goes_on(case: &Path) {
    let name = case.file_name().unwrap().to_str().unwrap().to_owned();
    let scratch = Scratch::new("script");
    for side in ["old", "new"] {
        scratch.write(&format!("{side}/a.yaml"), fs::read_to_string(case.join(format!("{side}.yaml"))).unwrap());
    }
    // Tools of clouds and what reads what a server says are not asked here.
    for tool in ["kubectl", "gcloud", "az", "aws", "jq"] {
        scratch.write(&format!("bin/{tool}"), KUBECTL);
        fs::set_permissions(scratch.path().join("bin").join(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let review = statewright(scratch.path(), &["diff", "old", "new", "--runbook", "steps.sh"]);
    assert!(review.stdout.contains("Plan: "), "{name}: the review is shown as well: {}", review.stdout);
    let text = fs::read_to_string(scratch.path().join("steps.sh")).unwrap();
    let steps: usize = text.split_once("\nsteps=").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(steps > 0, "{name}");

    let shown = run(scratch.path(), &["--dry-run"]);
    assert!(shown.status.success() && log(scratch.path()).is_empty(), "{name}: {}", said(&shown));
    assert!(said(&shown).contains(&format!("step {steps} of {steps}")), "{name}: {}", said(&shown));
    assert_eq!(run(scratch.path(), &["--what"]).status.code(), Some(2));

    let whole = run(scratch.path(), &["--yes"]);
    assert!(whole.status.success(), "{name}: {}", said(&whole));
    let all = log(scratch.path());
    let again = run(scratch.path(), &["--yes"]);
    let done = said(&again).lines().filter(|line| line.starts_with("step ") && line.ends_with(" is done")).count();
    assert!(again.status.success() && done == steps, "{name}: {}", said(&again));
    assert_eq!(log(scratch.path()).len(), all.len(), "{name}: nothing is run twice");

    // Stopped in the middle, it ends all the same.
    fs::remove_file(scratch.path().join("steps.sh.done")).unwrap();
    fs::remove_file(scratch.path().join("bin/log")).unwrap();
    fs::write(scratch.path().join("bin/fail"), all.len().div_ceil(2).to_string()).unwrap();
    let first = run(scratch.path(), &["--yes"]);
    let rest = run(scratch.path(), &["--yes"]);
    assert!(
        rest.status.success() && said(&rest).contains(&format!("all {steps} steps are done")),
        "{name}: {}",
        said(&rest)
    );
    if !first.status.success() {
        assert!(
            said(&first).contains("stopped at step ") && said(&first).contains("--from "),
            "{name}: {}",
            said(&first)
        );
    }
    let calls = log(scratch.path());
    assert!(calls.len() >= all.len() && calls.len() <= 2 * all.len(), "{name}: {calls:?}");
}

/// Nobody is asked where nobody can answer, and nothing is run.
#[test]
fn a_script_asks_first() {
    let scratch = Scratch::new("script");
    let case = root().join("tests/runbooks/scale-down");
    for side in ["old", "new"] {
        scratch.write(&format!("{side}/a.yaml"), fs::read_to_string(case.join(format!("{side}.yaml"))).unwrap());
    }
    statewright(scratch.path(), &["diff", "old", "new", "--runbook", "steps.sh"]);
    // Without a terminal of its own.
    let output = Command::new("setsid")
        .args(["--wait", "bash", "steps.sh"])
        .current_dir(scratch.path())
        .stdin(std::process::Stdio::null())
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("give --yes") && !said(&output).contains("stopped"), "{}", said(&output));
    let shown = said(&run(scratch.path(), &["--dry-run"]));
    assert!(shown.contains("first: have the app move"), "{shown}");
}
