//! One run of a command, as a process of its own: what a hostile file does to it, it does not do to the server.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No answer takes longer.
const LONGEST: Duration = Duration::from_secs(120);
/// No answer holds more, and no client could use more.
const MOST_TEXT: u64 = 1 << 20;

/// What a run said.
pub(super) struct Ran {
    /// Its exit code; nothing when it was ended.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Whether it had more to say.
    pub(super) is_cut: bool,
}

/// Runs this program with those words, without a terminal and without anything to read.
pub(super) fn run(words: &[String]) -> Result<Ran, String> {
    let program = std::env::current_exe().map_err(|error| format!("the program cannot be found: {error}"))?;
    let mut child = Command::new(program)
        .args(["--color=never"])
        .args(words)
        .env_remove("GITHUB_OUTPUT")
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the command cannot be started: {error}"))?;
    let (stdout, stderr) = (listen(child.stdout.take()), listen(child.stderr.take()));
    let code = wait(&mut child);
    let [(stdout, is_long), (stderr, is_longer)] = [stdout, stderr].map(|heard| heard.join().unwrap_or_default());
    match code {
        Ok(code) => Ok(Ran { code, stdout, stderr, is_cut: is_long || is_longer }),
        Err(()) => Err(format!("it took more than {} s, and was ended: ask for fewer apps", LONGEST.as_secs())),
    }
}

/// Reads as much as an answer holds, and then lets go, which ends whoever goes on writing.
fn listen(stream: Option<impl Read + Send + 'static>) -> JoinHandle<(String, bool)> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.map(|stream| stream.take(MOST_TEXT + 1).read_to_end(&mut bytes));
        let is_cut = bytes.len() as u64 > MOST_TEXT || !matches!(read, Some(Ok(_)));
        bytes.truncate(usize::try_from(MOST_TEXT).unwrap_or(usize::MAX));
        (String::from_utf8_lossy(&bytes).into_owned(), is_cut)
    })
}

/// Waits for the end of a run, which is brought about when it does not come.
fn wait(child: &mut Child) -> Result<Option<i32>, ()> {
    let (began, mut pause) = (Instant::now(), Duration::from_millis(1));
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.code()),
            Ok(None) if began.elapsed() < LONGEST => std::thread::sleep(pause),
            _ => break,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(())
}
