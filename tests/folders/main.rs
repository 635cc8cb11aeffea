//! Case folders, each a test of its own: `cargo test -- NAME` runs those whose name holds NAME, such as
//! `cases/allow/an-error` or `changes/T01-template-image.restart`. A runner of a page, with the options that cargo and
//! people use.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests read files, print, panic"
)]
#![allow(dead_code, unused_imports, reason = "what the tests of `it` share with these")]

mod cases;
mod changes;
#[path = "../it/commands.rs"]
mod commands;
#[path = "../it/golden.rs"]
mod golden;
mod runbooks;
#[path = "../it/scratch.rs"]
mod scratch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A case: its name, and what must not panic.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) run: Box<dyn Fn() + Send + Sync>,
}

impl Case {
    pub(crate) fn new(name: String, run: impl Fn() + Send + Sync + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// What the command line asks for: options of Rust's own runner that make no difference here are passed over.
#[derive(Default)]
struct Asked {
    names: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    list: bool,
    ignored: bool,
    threads: Option<usize>,
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut asked = Self::default();
        while let Some(argument) = arguments.next() {
            let (option, inline) =
                argument.split_once('=').map_or((&*argument, None), |(option, value)| (option, Some(value.to_owned())));
            let mut value = || inline.clone().or_else(|| arguments.next()).unwrap_or_default();
            match option {
                "--exact" => asked.exact = true,
                "--list" => asked.list = true,
                "--ignored" => asked.ignored = true,
                "--skip" => asked.skipped.push(value()),
                "--test-threads" => asked.threads = value().parse().ok(),
                "--format" | "--color" | "--logfile" | "-Z" | "--report-time" => drop(value()),
                option if option.starts_with('-') => {}
                _ => asked.names.push(argument),
            }
        }
        asked
    }

    fn takes(&self, name: &str) -> bool {
        let is = |wanted: &String| if self.exact { name == wanted } else { name.contains(&**wanted) };
        (self.names.is_empty() || self.names.iter().any(is)) && !self.skipped.iter().any(is)
    }
}

fn main() -> ExitCode {
    let asked = Asked::read(std::env::args().skip(1));
    let all: Vec<Case> = [cases::all(), changes::all(), runbooks::all()].into_iter().flatten().collect();
    assert!(all.len() > 200, "there were more cases than {}", all.len());
    let (mine, others): (Vec<Case>, Vec<Case>) =
        all.into_iter().partition(|case| asked.takes(&case.name) && !asked.ignored);
    if asked.list {
        mine.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", mine.len());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = asked.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(case) = mine.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let is_fine = catch_unwind(AssertUnwindSafe(|| (case.run)())).is_ok();
                    println!("test {} ... {}", case.name, if is_fine { "ok" } else { "FAILED" });
                    if !is_fine {
                        failed.lock().unwrap().push(case.name.clone());
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    let (word, code) = if failed.is_empty() { ("ok", ExitCode::SUCCESS) } else { ("FAILED", ExitCode::from(101)) };
    println!(
        "\ntest result: {word}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out\n",
        mine.len() - failed.len(),
        failed.len(),
        others.len()
    );
    code
}
