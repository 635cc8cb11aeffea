//! Completion as people meet it: a shell in a terminal, in which somebody types and presses TAB.

#![cfg(target_os = "linux")]

use crate::client::{is_there, path_with_statewright};
use crate::scratch::Scratch;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A shell in a terminal of its own, and all that it has shown.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn new(scratch: &Scratch, shell: &str) -> Self {
        let mut child = Command::new("script")
            .args(["-q", "-f", "-e", "-c", shell, "/dev/null"])
            .current_dir(scratch.path())
            .env("PATH", path_with_statewright())
            .env("HOME", scratch.path())
            .env("TERM", "xterm")
            .env("PS1", "ready> ")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut some) {
                kept.lock().unwrap().extend_from_slice(&some[..count]);
            }
        });
        Self { child, keys, shown }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until this is shown. What was shown earlier does not count.
    #[track_caller]
    fn wait(&self, wanted: &str) {
        let began = Instant::now();
        loop {
            let text = plain(&String::from_utf8_lossy(&self.shown.lock().unwrap()));
            if text.contains(wanted) {
                return self.shown.lock().unwrap().clear();
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{wanted:?} is not shown: {text:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text without what moves the cursor, colours it, or rings.
fn plain(shown: &str) -> String {
    let (mut out, mut rest) = (String::new(), shown);
    while let Some(at) = rest.find(['\u{1b}', '\u{7}']) {
        out.push_str(&rest[..at]);
        let escape = rest[at..].strip_prefix("\u{1b}[");
        let end = escape.and_then(|text| text.find(|letter: char| letter.is_ascii_alphabetic()));
        rest = end.map_or_else(|| &rest[at + 1..], |end| &rest[at + 2 + end + 1..]);
    }
    out + rest
}

fn completes(name: &str, shell: &str, begin: &str) {
    let what = format!("completion in {name}");
    if !is_there(name, &["--version"], &what) || !is_there("script", &["--version"], &what) {
        return;
    }
    let scratch = Scratch::new("completion");
    let spec = |name: &str| {
        format!(
            "apiVersion: statewright/v1\nkind: App\nname: {name}\nimage: example.com/x:1.0\nenvironments: \
                {{quokka: {{}}, wombat: {{}}}}\n"
        )
    };
    scratch.write("apps/first/statewright.yaml", spec("first"));
    scratch.write("apps/second/statewright.yaml", spec("second"));
    let mut terminal = Terminal::new(&scratch, shell);
    // The answer differs from what is typed, which the terminal shows as well.
    terminal.press(&format!("{begin}; printf 'is-%s\\n' ready\n"));
    terminal.wait("is-ready");
    for (typed, completed) in [
        ("statewright inspect --env qu", "quokka"),
        ("statewright inspect apps/second --env wo", "wombat"),
        ("statewright compile apps/fi", "apps/first"),
        ("statewright explain image-tag-flo", "image-tag-floating"),
        ("statewright explain storage.data.mou", "storage.data.mount"),
        ("statewright check --kubernetes 1.2", "1.29"),
        ("statewright check --statis", "--statistics"),
        ("statewright check -o sa", "sarif"),
    ] {
        terminal.press(&format!("{typed}\t"));
        terminal.wait(completed);
        // Away with the line: what is typed next begins anew.
        terminal.press("\u{15}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn bash_completes_what_the_folder_has() {
    completes("bash", "bash --norc --noprofile -i", "source <(statewright completions bash)");
}

#[test]
fn zsh_completes_what_the_folder_has() {
    completes("zsh", "zsh -f -i", "autoload -U compinit; compinit -u; source <(statewright completions zsh)");
}

#[test]
fn fish_completes_what_the_folder_has() {
    completes("fish", "fish --no-config -i", "statewright completions fish | source");
}
