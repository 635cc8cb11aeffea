//! The house has no circles but those that are named here: which files lean on which, drawn from their imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files that lean on each other because they are one thought in several files, and which thought. A module that is
/// named stands for its `mod.rs`. Who needs a new line here has found a new shape, or a mistake.
const ONE_THOUGHT: &[(&str, &[&str])] = &[
    ("a fast path, and the whole way that it falls back to", &["yaml::quick", "yaml::read"]),
    ("an expression and what evaluates it", &["app::evaluator", "app::expression"]),
    (
        "an app and the parts that are resolved with it",
        &["app", "app::container", "app::files", "app::network", "app::service", "app::storage"],
    ),
    ("manifests of ours and of a workspace's templates", &["emit", "emit::extra"]),
    (
        "a table of volume backends and its rows",
        &["volume", "volume::csi", "volume::gce_persistent_disk", "volume::host_path", "volume::local", "volume::nfs"],
    ),
    (
        "a folder on the disk, what it holds and what lies beside it",
        &["disk", "disk::find", "disk::sibling", "disk::tree"],
    ),
    (
        "what an apply sends, recursively",
        &["api::patch", "api::patch::compare", "api::patch::merge", "api::patch::order"],
    ),
    ("the list of kinds, and the decoder that asks it", &["api::admission", "api::admission::decode"]),
    ("a Service and the addresses that it is given", &["api::admission::allocation", "api::admission::service"]),
    (
        "a pod and its parts",
        &[
            "api::admission::affinity",
            "api::admission::container",
            "api::admission::env",
            "api::admission::handler",
            "api::admission::mount",
            "api::admission::persistent_volume",
            "api::admission::persistent_volume_claim",
            "api::admission::pod",
            "api::admission::pod_rules",
            "api::admission::resources",
            "api::admission::security",
            "api::admission::spread",
            "api::admission::volume",
        ],
    ),
    (
        "runbooks whose steps contain each other's",
        &[
            "review::runbook::migrate",
            "review::runbook::recreate",
            "review::runbook::released",
            "review::runbook::rename",
            "review::runbook::scale",
            "review::runbook::swap",
            "review::runbook::volume",
        ],
    ),
    ("the arguments, and a server that is started with them", &["cli", "cli::lsp"]),
    (
        "a project, what it left behind, and who stands beside it",
        &["cli::left_over", "cli::neighbours", "cli::project"],
    ),
    (
        "placing a pod: alone, beside others, and in the place of others",
        &["cluster::controller::topology", "cluster::controller::preemption", "cluster::controller::scheduler"],
    ),
    (
        "a draft of a spec, and the parts that it is drafted of",
        &[
            "import::access",
            "import::draft",
            "import::names",
            "import::service",
            "import::settings",
            "import::storage",
            "import::volume",
        ],
    ),
    (
        "expressions, their types and values, and the schemas that hold them and give them types",
        &[
            "api::cel",
            "api::cel::call",
            "api::cel::check",
            "api::cel::net",
            "api::cel::text",
            "api::cel::value",
            "api::custom",
            "api::custom::definitions",
            "api::custom::json_schema",
            "api::custom::old",
            "api::custom::rule",
            "api::custom::schema",
            "api::custom::values",
        ],
    ),
];

/// No room holds more of the lines than a fifth, but this one.
const LARGEST: &str = "api";

#[test]
fn files_lean_on_each_other_only_where_they_are_one_thought() {
    let files = files();
    let edges = edges(&files);
    let allowed: BTreeSet<BTreeSet<&str>> =
        ONE_THOUGHT.iter().map(|(_, files)| files.iter().copied().collect()).collect();
    let found = circles(&edges);
    let mut wrong = Vec::new();
    for circle in &found {
        let named: BTreeSet<&str> = circle.iter().map(String::as_str).collect();
        if !allowed.iter().any(|thought| named.is_subset(thought)) {
            wrong.push(format!("these lean on each other: {}", circle.iter().cloned().collect::<Vec<_>>().join(", ")));
            for file in circle {
                let inside: Vec<&str> =
                    edges[file].iter().filter(|other| circle.contains(*other)).map(String::as_str).collect();
                wrong.push(format!("    {file} uses {}", inside.join(", ")));
            }
        }
    }
    for thought in
        allowed.iter().filter(|thought| !found.iter().any(|circle| circle.iter().all(|file| thought.contains(&**file))))
    {
        wrong.push(format!("no circle any more, take it off the list: {thought:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_room_holds_more_than_a_fifth() {
    let mut rooms: BTreeMap<String, usize> = BTreeMap::new();
    for (module, path) in files() {
        let room = module.split("::").next().unwrap().to_owned();
        *rooms.entry(room).or_default() += fs::read_to_string(path).unwrap().lines().count();
    }
    let all: usize = rooms.values().sum();
    for (room, lines) in rooms.iter().filter(|(room, _)| *room != LARGEST) {
        assert!(lines * 5 <= all, "src/{room} holds {lines} of {all} lines");
    }
}

/// A circle of three files is found, and named whole.
#[test]
fn circles_are_found() {
    let edges = |list: &[(&str, &[&str])]| -> Edges {
        list.iter().map(|(from, to)| ((*from).to_owned(), to.iter().map(|to| (*to).to_owned()).collect())).collect()
    };
    let three = edges(&[("a", &["b"]), ("b", &["c", "d"]), ("c", &["a"]), ("d", &[])]);
    assert_eq!(circles(&three), [["a", "b", "c"].map(str::to_owned).into()]);
    assert!(circles(&edges(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])).is_empty());
}

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Each file by its module: `cluster::state`.
fn files() -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let walk = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    let sources = walk.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let mut parts: Vec<String> = name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if parts.last().is_some_and(|last| last == "mod") {
                parts.pop();
            }
            (parts.join("::"), path)
        })
        .filter(|(module, _)| !matches!(&**module, "lib" | "main"))
        .collect()
}

fn edges(files: &BTreeMap<String, PathBuf>) -> Edges {
    files
        .iter()
        .map(|(module, path)| {
            let text = fs::read_to_string(path).unwrap();
            let product: String = text
                .lines()
                .take_while(|line| *line != "#[cfg(test)]")
                .filter(|line| !line.trim_start().starts_with("//"))
                .flat_map(|line| [line, "\n"])
                .collect();
            let named = paths(&product).into_iter().filter_map(|path| file_of(&path, module, files));
            (module.clone(), named.filter(|other| other != module).collect())
        })
        .collect()
}

/// All paths that a text names: those of its `use` lines, taken apart, and those that stand in its code.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut list = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let is_word = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        if let (true, Some(end)) = (is_word, text[at..].find(';')) {
            spread(&text[at + 4..at + end], &mut Vec::new(), &mut list);
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            let letters = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
            let end = text[at..].find(|letter| !letters(letter)).map_or(text.len(), |end| at + end);
            spread(&text[at..end], &mut Vec::new(), &mut list);
        }
    }
    list
}

/// `a::{b, c::d}` is two paths.
fn spread(text: &str, before: &mut Vec<String>, list: &mut Vec<Vec<String>>) {
    let depth = before.len();
    let (head, tail) = text.split_at(text.find('{').unwrap_or(text.len()));
    let head = head.split(" as ").next().unwrap_or_default();
    before.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
    if tail.is_empty() {
        list.push(before.clone());
    } else {
        let inside = tail.trim().trim_start_matches('{').strip_suffix('}').unwrap_or_default();
        let (mut level, mut start) = (0, 0);
        for (at, letter) in inside.char_indices().chain([(inside.len(), ',')]) {
            match letter {
                '{' => level += 1,
                '}' => level -= 1,
                ',' if level == 0 => {
                    let item = inside[start..at].trim();
                    if !item.is_empty() {
                        spread(item, before, list);
                    }
                    start = at + 1;
                }
                _ => {}
            }
        }
    }
    before.truncate(depth);
}

/// The file that a path leads to: that of the longest module in it.
fn file_of(path: &[String], module: &str, files: &BTreeMap<String, PathBuf>) -> Option<String> {
    let mut whole: Vec<&str> = Vec::new();
    let mut rest = path.iter().map(String::as_str).peekable();
    match rest.peek().copied()? {
        "crate" => drop(rest.next()),
        "self" => {
            rest.next();
            whole.extend(module.split("::"));
        }
        "super" => {
            whole.extend(module.split("::"));
            while rest.next_if(|step| *step == "super").is_some() {
                whole.pop();
            }
        }
        first if files.contains_key(&format!("{module}::{first}")) => whole.extend(module.split("::")),
        _ => return None,
    }
    // `super::{` without a name is the beginning of a list that is read by itself.
    rest.peek()?;
    whole.extend(rest);
    while !whole.is_empty() {
        let name = whole.join("::");
        if files.contains_key(&name) {
            return Some(name);
        }
        whole.pop();
    }
    None
}

/// Files from which a way leads back to themselves, those of one circle together.
fn circles(edges: &Edges) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = edges.keys().map(|from| (from, reached(from, edges))).collect();
    let mut list: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for (from, reached) in &reach {
        if reached.contains(*from) {
            let back = reached.iter().filter(|other| reach[**other].contains(*from));
            list.insert(back.map(|other| (**other).clone()).collect());
        }
    }
    list.into_iter().collect()
}

fn reached<'e>(from: &'e String, edges: &'e Edges) -> BTreeSet<&'e String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for next in edges.get(file).into_iter().flatten() {
            if edges.contains_key(next) && seen.insert(next) {
                open.push(next);
            }
        }
    }
    seen
}
