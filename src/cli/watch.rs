//! `watch`: compiles, and says what `ci` says, again whenever a file changes. Each round is a run of the program itself:
//! what a file that is half typed does to one, it does not do to the next.

use super::page::Page;
use super::{Exit, Result};
use crate::disk;
use crate::failure::Failure;
use clap::Args;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Compile, check and review whenever a file changes, until it is interrupted.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Specs, app folders, or folders with any number of apps.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only this environment; may be given several times.
    #[arg(long = "env", value_name = "NAME")]
    environments: Vec<String>,
    /// Review against what this git revision has committed.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    base: String,
    /// Cluster description, instead of the workspace's.
    #[arg(long, value_name = "FILE|DIR")]
    cluster: Option<PathBuf>,
    /// Write no manifests: only check and review.
    #[arg(long)]
    no_compile: bool,
    /// Show the review as a page at http://127.0.0.1:PORT too, to this machine alone; 0 takes a free port.
    #[arg(long, value_name = "PORT")]
    serve: Option<u16>,
}

/// How often the files are looked at, and how long they must rest before something is made of them.
const EVERY: Duration = Duration::from_millis(300);
const REST: Duration = Duration::from_millis(60);

impl Watch {
    pub(super) fn run(self) -> Result {
        let mut before = disk::stamp(&self.paths)?;
        let page = self.serve.map(Page::serve).transpose()?;
        if self.round(&[], page.as_ref())? {
            return Ok(Exit::Fine);
        }
        loop {
            std::thread::sleep(EVERY);
            let mut now = disk::stamp(&self.paths)?;
            if now == before {
                continue;
            }
            loop {
                std::thread::sleep(REST);
                let later = disk::stamp(&self.paths)?;
                if std::mem::replace(&mut now, later) == now {
                    break;
                }
            }
            let changed = now.changed_since(&before);
            before = now;
            if self.round(&changed, page.as_ref())? {
                return Ok(Exit::Fine);
            }
        }
    }

    /// Everything once. Gives whether nobody reads what is said any more.
    fn round(&self, changed: &[PathBuf], page: Option<&Page>) -> std::result::Result<bool, Failure> {
        let mut head = String::new();
        if std::io::stdout().is_terminal() {
            head.push_str("\x1b[2J\x1b[3J\x1b[H");
        }
        for path in changed.iter().take(3) {
            let _ = writeln!(head, "changed: {}", disk::name_of(path));
        }
        if !is_heard(&head) {
            return Ok(true);
        }
        let is_right = self.no_compile
            || self.command(&["--quiet", "compile"], true, &[])?.status().is_ok_and(|end| end.success());
        // What is wrong with a spec has been said then, and nothing of it was written.
        if is_right {
            let _ = self.command(&["ci"], true, &self.reviewing())?.status();
        }
        if let Some(page) = page {
            let mut reviewing = self.reviewing();
            reviewing.push("--format=html".into());
            let mut command = self.command(&["--quiet", "ci"], false, &reviewing)?;
            let shown = command.stdout(Stdio::piped()).stderr(Stdio::null()).output();
            page.show(shown.map(|output| output.stdout).unwrap_or_default());
        }
        let mut tail = String::from("\nwatching; Ctrl-C ends it");
        if let Some(page) = page {
            let _ = write!(tail, "; the review is at {}", page.address());
        }
        tail.push('\n');
        Ok(!is_heard(&tail))
    }

    fn reviewing(&self) -> Vec<OsString> {
        let mut words = vec![OsString::from("--base"), self.base.clone().into()];
        if let Some(cluster) = &self.cluster {
            words.extend(["--cluster".into(), cluster.clone().into_os_string()]);
        }
        words
    }

    /// The program itself, with this command.
    fn command(&self, words: &[&str], is_coloured: bool, more: &[OsString]) -> std::result::Result<Command, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::new(format!("the program cannot be started again: {error}")))?;
        let mut command = Command::new(program);
        // A pager waits for somebody, and the next round for the pager.
        command.args(words).args(more).arg("--no-pager").stdin(Stdio::null());
        if !is_coloured {
            command.arg("--color=never");
        }
        for environment in &self.environments {
            command.args(["--env", environment]);
        }
        // A step of a pipeline has its own way to be told.
        command.env_remove("GITHUB_OUTPUT").env_remove("GITHUB_STEP_SUMMARY");
        command.arg("--").args(&self.paths);
        Ok(command)
    }
}

/// Says something, and whether anybody is there to read it: without a reader there is nothing to watch for.
fn is_heard(text: &str) -> bool {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}
