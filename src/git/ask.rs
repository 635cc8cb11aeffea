//! How git is asked: from a folder that it belongs to, in ways in which it runs no program, up to a limit.
#![expect(clippy::disallowed_methods, reason = "git is asked from where a folder really is")]

use crate::failure::{Failure, shown};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// No manifest is as large as this.
pub(super) const LARGEST: u64 = 64 << 20;
/// No list of files is: a million of them take a seventh.
pub(super) const LARGEST_LISTING: u64 = 1 << 30;

pub(super) fn cannot_run(error: &std::io::Error) -> Failure {
    Failure::new(format!("git cannot be run: {error}"))
}

pub(super) fn broken(error: &std::io::Error) -> Failure {
    Failure::new(format!("git cannot be asked: {error}"))
}

/// The hash of a commit that is called so.
pub(super) fn commit(folder: &Path, revision: &str) -> Result<String, Failure> {
    let commit =
        text(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]).ok();
    // `^HEAD` is said to be one.
    let is_hash = |said: &String| said.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit());
    let commit = commit.filter(is_hash).ok_or_else(|| {
        let shallow =
            text(folder, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer.trim() == "true");
        let why = if shallow { "; this clone is shallow, fetch more of it (`git fetch --unshallow`)" } else { "" };
        Failure::new(format!("git knows no revision `{revision}` here{why}"))
    })?;
    Ok(commit.trim().to_owned())
}

/// The folder that holds a repository's files. What its configuration says of that is believed only where the two name
/// each other: a `.git` that leads to another repository shows what is in that one.
pub(super) fn top(folder: &Path) -> Result<PathBuf, Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).map_err(|error| Failure::io("read", path, &error));
    let said = text(folder, &["rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir"])?;
    let [top, own, shared] = said.lines().collect::<Vec<_>>()[..] else {
        return Err(Failure::new("git does not say where its files are"));
    };
    let (top, own) = (real(Path::new(top))?, real(Path::new(own))?);
    // Relative to where git runs.
    let shared = real(&folder.join(shared))?;
    let link = top.join(".git");
    let is_own = own == link && !link.is_symlink();
    let is_shared = shared == own
        || own.parent().is_some_and(|list| list.ends_with("worktrees") && list.parent() == Some(&*shared));
    let names_it = || {
        // A worktree's store says where its `.git` is, a submodule's where its files are.
        let worktree = read_line(&own.join("gitdir")).map(|path| own.join(path));
        let submodule =
            || text(folder, &["config", "--file", &own.join("config").to_string_lossy(), "core.worktree"]).ok();
        let worktree = worktree.or_else(|| Some(own.join(submodule()?.trim_end()).join(".git")));
        worktree.is_some_and(|back| std::fs::canonicalize(back.parent().unwrap_or(&back)).is_ok_and(|back| back == top))
    };
    if !is_shared || !(is_own || names_it()) || !folder.starts_with(&top) {
        return Err(Failure::new(format!(
            "{} leads to a git repository that does not belong to this folder",
            shown(&link)
        )));
    }
    Ok(top)
}

/// The one line of a small file.
fn read_line(path: &Path) -> Option<String> {
    let file = std::fs::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|about| about.is_file()))?;
    let mut line = String::new();
    file.take(1 << 12).read_to_string(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}

/// What git prints, as a text.
pub(super) fn text(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    String::from_utf8(said(folder, arguments, LARGEST)?).map_err(|_| Failure::new("git gave a file that is not text"))
}

/// What git prints, up to so many bytes.
pub(super) fn said(folder: &Path, arguments: &[&str], most: u64) -> Result<Vec<u8>, Failure> {
    said_with(folder, &[], arguments, most)
}

/// The same of a git that is configured so.
pub(super) fn said_with(folder: &Path, settings: &[&str], arguments: &[&str], most: u64) -> Result<Vec<u8>, Failure> {
    let mut process = git(folder, &[settings, arguments].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_run(&error))?;
    let (answer, complaint) = (process.stdout.take(), process.stderr.take());
    // Git may complain at length while it answers: both are read at once.
    let complaint = std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut complaint) = complaint {
            let _ = complaint.by_ref().take(1 << 16).read_to_end(&mut said);
            let _ = std::io::copy(&mut complaint, &mut std::io::sink());
        }
        said
    });
    let mut output = Vec::new();
    if let Some(answer) = answer {
        answer.take(most + 1).read_to_end(&mut output).map_err(|error| broken(&error))?;
    }
    if output.len() as u64 > most {
        drop(process.kill());
        drop(process.wait());
        return Err(Failure::new(format!(
            "git has more than {} MB to say of this repository; that is the limit",
            most >> 20
        )));
    }
    let status = process.wait().map_err(|error| broken(&error))?;
    if !status.success() {
        let said = complaint.join().unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        return Err(Failure::new(format!("git says: {}", said.lines().next().unwrap_or("nothing").trim())));
    }
    Ok(output)
}

/// A git to be run in a folder, that does nothing but read what is stored there.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    // A repository's own configuration can name programs to run: when objects are fetched that it lacks, when files are
    // looked at, as hooks.
    for setting in [
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "protocol.allow=never",
        "core.sshCommand=false",
        "credential.helper=",
    ] {
        command.args(["-c", setting]);
    }
    command.args(["--no-pager", "--no-replace-objects", "--literal-pathspecs"]).arg("-C").arg(folder).args(arguments);
    // A variable, such as one that a hook has, would lead it to another repository, or have it write what it does into
    // a file. What the user configures that way stays: which folders are safe is said there.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        let is_configuration =
            text.starts_with("GIT_CONFIG") || ["GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES"].contains(&&*text);
        if text.starts_with("GIT_") && !is_configuration {
            command.env_remove(name);
        }
    }
    // What is lacking is not fetched. Where git is too old to know that, no way to fetch is allowed: this list wins
    // over all configuration.
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_GRAFT_FILE", "/dev/null");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}
