//! The reference pages for users, made of what the program itself reads and says: the fields of a spec, the findings,
//! the commands.

use crate::commands::{root, statewright};
use statewright::block::{Block, Field, Shape};
use statewright::diagnostic::Code;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;

/// What each hundred of codes is about.
const BANDS: &[(&str, &str)] = &[
    ("SW00", "Reading files"),
    ("SW01", "What a spec means"),
    ("SW02", "What the API server would refuse, or warn of"),
    ("SW03", "What becomes of it in the cluster"),
    ("SW04", "What a cluster accepts and an experienced operator would not"),
    ("SW05", "What a change does"),
    ("SW06", "What is committed"),
    ("SW07", "What is asked of a run"),
    ("SW08", "What a newer Kubernetes says otherwise"),
    ("SW09", "Mistakes of statewright itself"),
];

const WIDTH: usize = 138;

/// The page of all fields.
pub(crate) fn spec() -> String {
    let mut page = "\
# The spec

Every field of `statewright.yaml`, then of `statewright-workspace.yaml`. `statewright explain storage.size` prints \
the same in a terminal,
and editors show it while you type ([editors.md](editors.md)).

- **Expressions.** Any text may hold `{{ … }}`: [expressions.md](expressions.md).
- **Environments.** An environment may say any field of the app again, at any depth. Maps are laid over each other \
key by key, lists of
  named things by their names, everything else is replaced; `null` removes. So `prod: {storage: {data: {size: \
  100Gi}}}` changes one size.
- **Kubernetes' own words.** Where a block takes fields of a Kubernetes type, they are written as Kubernetes writes \
them, and win over what
  the short forms produce.

"
    .to_owned();
    let mut writer = Writer::default();
    writer.queue.push_back(statewright::spec::root());
    writer.write(&mut page);
    page.push_str("# `statewright-workspace.yaml`\n\nIt lies above the apps of a repository. It is optional.\n\n");
    writer.queue.push_back(statewright::spec::workspace::root());
    writer.write(&mut page);
    page.truncate(page.trim_end().len());
    page + "\n"
}

/// Writes blocks, each once, and those that they lead to.
#[derive(Default)]
struct Writer {
    queue: VecDeque<&'static Block>,
    known: Vec<&'static str>,
}

impl Writer {
    fn write(&mut self, page: &mut String) {
        while let Some(block) = self.queue.pop_front() {
            if self.known.contains(&block.noun) {
                continue;
            }
            self.known.push(block.noun);
            let doc: Vec<&str> = block.doc.lines().map(str::trim).collect();
            let _ = write!(page, "## {}\n\n{}", title(block), wrapped(doc.join(" ").trim(), ""));
            notes(block, page);
            page.push('\n');
            for field in block.fields {
                page.push_str(&wrapped(&self::field(field), "  "));
                self.follow((field.shape)());
            }
            page.push('\n');
            self.queue.extend(block.with);
        }
    }

    fn follow(&mut self, shape: Shape) {
        match shape {
            Shape::Block(block) => self.queue.push_back(block),
            Shape::List(inner) | Shape::Map(inner) => self.follow(inner()),
            Shape::Either(shapes) | Shape::Told(shapes, _) => shapes.iter().for_each(|shape| self.follow(shape())),
            _ => {}
        }
    }
}

/// What holds of the block as a whole.
fn notes(block: &'static Block, page: &mut String) {
    let names = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut notes = Vec::new();
    if !block.needs.is_empty() {
        notes.push(format!("It needs {}.", names(block.needs)));
    }
    if !block.one_of.is_empty() {
        notes.push(format!("It takes one of {}.", names(block.one_of)));
    }
    for other in block.with {
        notes.push(format!("It also takes every field of {}.", link(other)));
    }
    if let Some(definition) = block.rest {
        notes.push(format!("It also takes every field of Kubernetes' {}.", short(definition)));
    }
    if !notes.is_empty() {
        let _ = write!(page, "\n{}", wrapped(&notes.join(" "), ""));
    }
}

fn field(field: &Field) -> String {
    let examples: Vec<String> = field.examples().map(|example| format!("`{}: {example}`", field.name)).collect();
    let words: Vec<String> = field.words().map(|word| format!("`{word}`")).collect();
    let kind = if words.is_empty() { kind((field.shape)()) } else { words.join(" or ") };
    format!("- **`{}`** ({kind}): {} {}", field.name, field.text(), examples.join(", "))
}

/// What a value may be, in a few words.
fn kind(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Scalar => "text or number".to_owned(),
        Shape::Int => "whole number".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Any => "anything".to_owned(),
        Shape::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Shape::List(inner) => format!("list of {}", kind(inner())),
        Shape::Map(inner) => format!("map from names to {}", kind(inner())),
        Shape::Block(block) => link(block),
        Shape::Kubernetes(definition) => format!("Kubernetes' {}", short(definition)),
        Shape::Either(shapes) | Shape::Told(shapes, _) => {
            let mut kinds: Vec<String> = shapes.iter().map(|shape| kind(shape())).collect();
            kinds.dedup();
            kinds.join(" or ")
        }
    }
}

/// A block's heading: its noun with a capital.
fn title(block: &Block) -> String {
    let mut letters = block.noun.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn link(block: &Block) -> String {
    format!("[{}](#{})", block.noun, block.noun.to_lowercase().replace('`', "").replace(' ', "-"))
}

fn short(definition: &str) -> &str {
    definition.rsplit('.').next().unwrap_or(definition)
}

/// A paragraph on lines of bounded length; all but the first begin with `indent`. What stands in backquotes stays on
/// one line.
fn wrapped(text: &str, indent: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut().filter(|last| last.matches('`').count() % 2 == 1) {
            Some(open) => *open = format!("{open} {word}"),
            None => words.push(word.to_owned()),
        }
    }
    let (mut out, mut column) = (String::new(), 0);
    for word in words {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += length;
    }
    out + "\n"
}

/// The page of all changes that are judged.
pub(crate) fn changes() -> String {
    let mut page = "\
# Changes and their verdicts

Each row is a folder of `tests/changes`: two manifests, what differs between them, and what a review says of it \
first. The name of a case is a
stable handle for tests and talk; numbered ones are the table that the reviews began from.

| case | verdict | what is said |
|---|---|---|
"
    .to_owned();
    let folders = std::fs::read_dir(root().join("tests/changes")).unwrap();
    let mut names: Vec<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names {
        let said = std::fs::read_to_string(root().join("tests/changes").join(&name).join("expected.txt")).unwrap();
        let first = said.lines().next().unwrap_or_default();
        let line = first.split_once(": ").map_or(first, |(_, line)| line).replace('|', "\\|");
        let (case, verdict) = name.rsplit_once('.').unwrap();
        let _ = writeln!(page, "| [{case}](../../tests/changes/{name}) | {verdict} | {line} |");
    }
    page
}

/// Everything that can be found, by its code.
pub(crate) fn findings() -> String {
    let pages = pages();
    let mut page = "\
# Findings

Everything that statewright can find, by its code. `statewright explain SW0401` or `statewright explain \
image-tag-floating` prints the page in a
terminal. `allow` in a spec silences a finding with a reason, `rules` in a workspace makes it matter more or less; \
what the API server refuses
cannot be allowed.
"
    .to_owned();
    for (band, about) in BANDS {
        let codes: Vec<&Code> = statewright::codes().into_iter().filter(|code| code.id.starts_with(band)).collect();
        if codes.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {about}\n\n| code | name | level | |\n|---|---|---|---|\n");
        for code in codes {
            let path =
                pages.iter().find(|(name, _)| name == code.name).map_or_else(String::new, |(_, path)| path.clone());
            let _ = writeln!(
                page,
                "| [{}](../../{path}) | `{}` | {} | {} |",
                code.id,
                code.name,
                code.level.word(),
                does(code)
            );
        }
    }
    page
}

/// What a code does, from its page.
fn does(code: &Code) -> String {
    let text = code.page.split("**What it does.**").nth(1).unwrap_or_default();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The names of the pages, and where they are in the repository.
fn pages() -> Vec<(String, String)> {
    let walk = walkdir::WalkDir::new(root().join("src"))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    walk.filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            let name = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("# ")
                .to_owned();
            (name, path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned())
        })
        .collect()
}

/// The page of all commands: what each says of itself.
pub(crate) fn commands() -> String {
    let mut page =
        "# Commands\n\nWhat `statewright help` says of each command. `statewright man --out DIR` writes it as manual \
            pages.\n"
            .to_owned();
    command(&[], &mut page);
    page
}

fn command(path: &[&str], page: &mut String) {
    let run = statewright(&root(), &[path, &["--help"]].concat());
    assert_eq!(run.code, 0, "{path:?}: {}", run.stderr);
    let name = [&["statewright"], path].concat().join(" ");
    let text: Vec<&str> = run.stdout.trim_end().lines().map(str::trim_end).collect();
    let _ = write!(page, "\n{} {name}\n\n```\n{}\n```\n", if path.len() < 2 { "##" } else { "###" }, text.join("\n"));
    let listed = run.stdout.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in listed.filter(|line| !line.starts_with("   ")) {
        let sub = line.split_whitespace().next().unwrap_or_default();
        if sub != "help" {
            command(&[path, &[sub]].concat(), page);
        }
    }
}

/// The page of what is hidden.
pub(crate) fn secrets() -> String {
    use statewright::secret::{COPIES, TOKENS, TOOLS, name};
    let list = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let mut tokens: Vec<String> = TOKENS.iter().map(|(prefix, _)| format!("`{prefix}…`")).collect();
    tokens.dedup();
    let mut tools: Vec<String> = TOOLS.iter().map(|(tool, flag)| format!("`{tool} {flag}`")).collect();
    tools.dedup();
    let mut page = "\
# What is hidden

No report shows a secret value: `(hidden)` stands in its place, in every format, in a terminal, in an editor and in \
Argo CD.
Where it differs from before, `diff` says `(hidden, before)` and `(hidden, after)`. What `compile` writes and \
prints, and what
`argocd generate` prints, are the manifests themselves: they hold what they must.

A value is hidden by any of these:

"
    .to_owned();
    for paragraph in [
        "- **Its object.** All of a Secret but its metadata, its `kind`, `apiVersion`, `type` and `immutable`, \
            however the kind is spelt, within lists too; of its \
         annotations those that hold more than a word."
            .to_owned(),
        format!(
            "- **Copies of an object** in an annotation, where it is a Secret or holds something secret: {}.",
            list(COPIES)
        ),
        format!(
            "- **A name with one of these in it**, be it a variable, a key of a ConfigMap, a field of a custom \
                resource, an annotation, a flag or a header: {}.",
            list(name::ANYWHERE)
        ),
        format!(
            "- **A name whose last word is one of these**: {}; or `key` behind a word that says what it opens \
            (`ENCRYPTION_KEY`, `tls.key`, not `topologyKey`).",
            list(name::LAST)
        ),
        format!(
            "- **Not** where the last word says that it is only about a secret: {}. Nor what refers to one: \
            `$(NAME)`, `true`.",
            list(name::ABOUT)
        ),
        format!(
            "- **Its looks**: private keys (PEM), JSON Web Tokens, hashed passwords, the password of an address \
            (`scheme://user:password@host`), `Bearer …`, `Basic …`, and {}.",
            tokens.join(", ")
        ),
        "- **Such a name within a longer text**: `--password=…`, `--password …`, `password: …`, `Password=…;`, \
            `\"password\": \"…\"`, `<password>…`, `?token=…`, `PASSWORD '…'`."
            .to_owned(),
        format!("- **Behind a flag of a program** that takes a password there: {}.", tools.join(", ")),
        "- **It cannot be known**: a file with a Secret or one of these names in it that is no YAML is shown without \
            the values of its lines."
            .to_owned(),
    ] {
        page.push_str(&wrapped(&paragraph, "  "));
    }
    page
}
