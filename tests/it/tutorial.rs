//! The pages for users are tests: what they show is typed, top to bottom, in a folder of its own, and must come out as
//! shown.
//!
//! In a page, a block fenced as `sh` is run; `sh exit=3` says how it ends, `sh elsewhere` that it is for another
//! machine and is not run.
//! The `text` after it is all that it printed, where a line `…` stands for any lines. `yaml NAME`, in any language,
//! writes a file, `diff NAME` changes one. `<!-- in a copy of examples -->` says what the folder holds at first; a
//! block below `<!-- as in FILE -->` is that file of the repository. `UPDATE=1` rewrites what was printed and what is
//! in files.

use crate::client::{is_there, path_with_statewright};
use crate::commands::{copy, root};
use crate::scratch::Scratch;
use serde::Deserialize as _;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block of a page.
struct Block<'p> {
    /// The line of the page on which its content begins, counted from 0.
    line: usize,
    language: &'p str,
    rest: &'p str,
    text: String,
    /// The file of the repository that it is a copy of.
    origin: Option<&'p str>,
}

/// The fenced blocks of a page, in order.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut open): (Vec<Block<'_>>, Option<Block<'_>>) = (Vec::new(), None);
    let mut origin = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                let (language, rest) = info.trim().split_once(' ').unwrap_or((info.trim(), ""));
                open = Some(Block {
                    line: number + 1,
                    language,
                    rest: rest.trim(),
                    text: String::new(),
                    origin: origin.take(),
                });
            }
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {
                origin = line.strip_prefix("<!-- as in ").and_then(|rest| rest.strip_suffix(" -->")).or(origin);
            }
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// The pages whose blocks are typed.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    pages.sort();
    pages
}

/// A page that is being typed.
struct Typing {
    scratch: Scratch,
    page: PathBuf,
    /// What the last block printed, and was not compared yet.
    printed: Option<String>,
    commands: usize,
    /// Blocks that do not hold what they should: their line, how many lines they have, and what they should hold.
    wrong: Vec<(usize, usize, String)>,
}

impl Typing {
    fn new(page: &Path, text: &str) -> Self {
        let scratch = Scratch::new("page");
        let folder = scratch.path().join("work");
        fs::create_dir_all(&folder).unwrap();
        for name in text.lines().filter_map(|line| line.strip_prefix("<!-- in a copy of ")?.strip_suffix(" -->")) {
            copy(&root().join(name), &folder.join(name));
        }
        fs::write(scratch.path().join("folder"), folder.to_str().unwrap()).unwrap();
        Self { scratch, page: page.to_owned(), printed: None, commands: 0, wrong: Vec::new() }
    }

    /// The folder that a reader who typed all so far is in.
    fn folder(&self) -> PathBuf {
        fs::read_to_string(self.scratch.path().join("folder")).unwrap().trim_end().into()
    }

    fn block(&mut self, block: &Block<'_>) {
        let place = format!("{}:{}", self.page.strip_prefix(root()).unwrap().display(), block.line + 1);
        let file = |origin| {
            fs::read_to_string(root().join(origin)).unwrap_or_else(|error| panic!("{place}: {origin}: {error}"))
        };
        let text = block.origin.map_or_else(|| block.text.clone(), file);
        if text != block.text {
            self.wrong.push((block.line, block.text.lines().count(), text.clone()));
        }
        match (block.language, block.rest) {
            (_, "elsewhere") => {}
            ("sh", rest) if rest.is_empty() || rest.starts_with("exit=") => self.run(&block.text, rest, &place),
            ("text", "") => {
                let printed = self
                    .printed
                    .take()
                    .unwrap_or_else(|| panic!("{place}: nothing was run that could have printed this"));
                if !fits(&block.text, &printed) {
                    self.wrong.push((block.line, block.text.lines().count(), printed));
                }
            }
            (_, "") => {}
            ("diff", name) => self.change(name, &block.text, &place),
            (_, name) => {
                let path = self.folder().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
    }

    /// Types a block, in the folder in which the one before it ended.
    fn run(&mut self, text: &str, rest: &str, place: &str) {
        let wanted: i32 = match rest {
            "" => 0,
            _ => rest.trim_start_matches("exit=").parse().unwrap_or_else(|_| panic!("{place}: `sh {rest}`?")),
        };
        let script = format!("exec 2>&1\ntrap 'pwd >\"$FOLDER\"' EXIT\nset -e\n{text}");
        let home = self.scratch.path();
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", path_with_statewright())
            .env("HOME", home)
            .env("FOLDER", home.join("folder"))
            .envs([("LC_ALL", "C.UTF-8"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@example.org")])
            .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@example.org")])
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(wanted), "{place}: ended with another code\n{text}\n{printed}");
        let continues = |line: &str| line.ends_with('\\');
        let mut before = "";
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            self.commands += usize::from(!continues(before));
            before = line;
        }
        self.printed = Some(printed);
    }

    /// Changes a file as a reader would: lines with `-` become those with `+`.
    fn change(&self, name: &str, text: &str, place: &str) {
        let side = |other: char| {
            let lines = text.lines().filter(|line| !line.starts_with(other));
            lines.fold(String::new(), |side, line| side + line.get(1..).unwrap_or_default() + "\n")
        };
        let (old, new) = (side('+'), side('-'));
        let path = self.folder().join(name);
        let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{place}: {name}: {error}"));
        assert_eq!(file.matches(&old).count(), 1, "{place}: {name} does not hold this once:\n{old}\nbut is\n{file}");
        fs::write(path, file.replace(&old, &new)).unwrap();
    }

    /// The page with what was printed where it is not shown.
    fn mended(&self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (line, count, printed) in self.wrong.iter().rev() {
            lines.splice(line..&(line + count), printed.lines().map(|line| line.trim_end().to_owned()));
        }
        lines.join("\n") + "\n"
    }
}

/// Whether a text is what was printed; a line `…` stands for any lines.
fn fits(shown: &str, printed: &str) -> bool {
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let parts: Vec<&[&str]> = shown.split(|line| line.trim() == "…").collect();
    let [first, middle @ .., last] = &parts[..] else { return printed == shown };
    if printed.len() < first.len() + last.len() || !printed.starts_with(first) || !printed.ends_with(last) {
        return false;
    }
    let mut rest = &printed[first.len()..printed.len() - last.len()];
    middle.iter().filter(|part| !part.is_empty()).all(|part| {
        let found = rest.windows(part.len()).position(|window| window == *part);
        found.is_some_and(|at| {
            rest = &rest[at + part.len()..];
            true
        })
    })
}

#[test]
fn what_the_pages_show_is_what_happens() {
    if !is_there("git", &["--version"], "the commands of the pages") {
        return;
    }
    let (mut commands, mut wrong) = (0, String::new());
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut typing = Typing::new(&page, &text);
        blocks(&text).iter().for_each(|block| typing.block(block));
        commands += typing.commands;
        let mended = typing.mended(&text);
        if typing.wrong.is_empty() {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&page, mended).unwrap();
        } else {
            let difference = similar::TextDiff::from_lines(&text, &mended).unified_diff().to_string();
            let _ = writeln!(wrong, "{}\n{difference}", page.display());
        }
    }
    assert!(wrong.is_empty(), "not what is printed now; `UPDATE=1 cargo test` rewrites it\n{wrong}");
    println!("{commands} commands");
    assert!(commands > 0);
}

#[test]
fn lines_are_short_and_links_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            fenced ^= line.trim_start().starts_with("```");
            let place = format!("{}:{}", page.strip_prefix(root()).unwrap().display(), number + 1);
            if !fenced && !line.starts_with('|') && line.chars().count() > 140 {
                wrong.push(format!("{place}: more than 140 columns"));
            }
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|_| !fenced) {
                let file = link.split('#').next().unwrap_or_default();
                if !link.contains("://") && !file.is_empty() && !page.parent().unwrap().join(file).exists() {
                    wrong.push(format!("{place}: {link} leads nowhere"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn snippets_can_be_read() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for block in blocks(&text) {
            let read = match block.language {
                "yaml" => serde_yaml::Deserializer::from_str(&block.text)
                    .try_for_each(|document| serde_yaml::Value::deserialize(document).map(|_| ()))
                    .map_err(|error| error.to_string()),
                "json" => serde_json::from_str::<serde_json::Value>(&block.text)
                    .map(|_| ())
                    .map_err(|error| error.to_string()),
                _ => Ok(()),
            };
            assert_eq!(read, Ok(()), "{}:{}", page.display(), block.line + 1);
        }
    }
}

/// What can be set is on the page that shows how.
#[test]
fn every_input_is_explained() {
    for (page, file) in [("docs/github.md", "action.yml"), ("docs/gitlab.md", "integrations/gitlab/statewright.yml")] {
        let page = fs::read_to_string(root().join(page)).unwrap();
        let file = fs::read_to_string(root().join(file)).unwrap();
        let file: serde_yaml::Value = serde_yaml::from_str(file.split("\n---\n").next().unwrap()).unwrap();
        let own =
            ["inputs", "outputs"].into_iter().filter_map(|key| file.get(key).or_else(|| file.get("spec")?.get(key)));
        for name in own.flat_map(|map| map.as_mapping().unwrap().keys()) {
            let name = name.as_str().unwrap();
            assert!(page.contains(&format!("| `{name}` |")), "`{name}` is explained nowhere");
        }
    }
}

#[test]
fn an_ellipsis_stands_for_any_lines() {
    assert!(
        fits("a\n…\nd\n", "a\nb\nc\nd\n")
            && fits("…\nb\n…\n", "a\nb\nc\n")
            && fits("a\n", "a  \n")
            && fits("a\n…\n", "a\n")
    );
    assert!(!fits("a\n…\nd\n", "a\nb\n") && !fits("a\n", "a\nb\n") && !fits("…\nb\n…\na\n…\n", "a\nb\n"));
}
