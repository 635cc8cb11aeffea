//! `watch`, as somebody has it run beside an editor and a browser.

use crate::commands::{copy, root};
use crate::scratch::Scratch;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

struct Watching {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Watching {
    fn new(scratch: &Scratch, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_statewright"))
            .arg("watch")
            .args(arguments)
            .current_dir(scratch.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for mut stream in streams {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let mut some = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut some) {
                    said.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..count]));
                }
            });
        }
        Self { child, said }
    }

    /// What it says until it waits again.
    #[track_caller]
    fn round(&self) -> String {
        let began = Instant::now();
        loop {
            let mut said = self.said.lock().unwrap();
            if said.contains("\nwatching; ") && said.ends_with('\n') {
                return std::mem::take(&mut *said);
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it does not come to an end: {said}");
            drop(said);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status and the body of an answer.
fn fetch(address: &str, request: &str, host: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[test]
fn whatever_changes_is_compiled_and_reviewed() {
    let scratch = Scratch::new("watch");
    copy(&root().join("examples/kubia"), &scratch.path().join("apps/kubia"));
    for arguments in [&["init", "--quiet"][..], &["add", "--all"], &["commit", "--quiet", "--message", "all"]] {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let git = Command::new("git").args(identity).args(arguments).current_dir(scratch.path()).status();
        assert!(git.unwrap().success());
    }
    let watching = Watching::new(&scratch, &["--serve", "0"]);
    let first = watching.round();
    assert!(first.contains("1 app, 2 environments: all is as committed"), "{first}");
    let address = first.rsplit_once("http://").unwrap().1.trim_end().trim_end_matches('/').to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert!(fetch(&address, "GET /", &address).1.contains("<!doctype html>"));

    let path = scratch.path().join("apps/kubia/statewright.yaml");
    let spec = fs::read_to_string(&path).unwrap();
    fs::write(&path, spec.replace("replicas: 3", "replicas: 2")).unwrap();
    let second = watching.round();
    assert!(second.starts_with("changed: apps/kubia/statewright.yaml\n") || second.contains("\nchanged: "), "{second}");
    assert!(second.contains("data at risk") && second.contains("kubia-2"), "{second}");
    let set = fs::read_to_string(scratch.path().join("apps/kubia/deploy/dev/StatefulSet-kubia.yaml")).unwrap();
    assert!(set.contains("replicas: 2"), "it was not compiled: {set}");
    let (status, page) = fetch(&address, "GET /", &address);
    assert!(status == "200" && page.contains("kubia-2"), "{status}");

    fs::write(&path, spec.replace("replicas: 3", "replica: 3")).unwrap();
    let third = watching.round();
    assert!(third.contains("SW0101") && third.matches("did you mean `replicas`?").count() == 1, "{third}");
    fs::write(&path, &spec).unwrap();
    assert!(watching.round().contains("all is as committed"));
    // Its own output is no change.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(*watching.said.lock().unwrap(), "");

    // The page is for this machine's browsers, and nothing else is there.
    let port = address.rsplit_once(':').unwrap().1;
    for (request, host, status) in [
        ("GET /", format!("localhost:{port}"), "200"),
        ("GET /", format!("evil.example:{port}"), "403"),
        ("GET /", String::new(), "403"),
        ("GET /../../etc/passwd", address.clone(), "404"),
        ("POST /", address.clone(), "405"),
        ("", address.clone(), "405"),
    ] {
        assert_eq!(fetch(&address, request, &host).0, status, "{request} {host}");
    }
}

#[test]
fn nothing_is_written_where_that_is_not_wanted() {
    let scratch = Scratch::new("watch-only");
    copy(&root().join("examples/kubia"), scratch.path());
    let spec = fs::read_to_string(scratch.path().join("statewright.yaml")).unwrap();
    scratch.write("statewright.yaml", spec.replace("replicas: 3", "replicas: 4"));
    let before = scratch.files();
    let watching = Watching::new(&scratch, &["--no-compile"]);
    // There is no repository to compare with, and that is said.
    let said = watching.round();
    assert!(said.contains("error: "), "{said}");
    assert_eq!(scratch.files(), before);
}
