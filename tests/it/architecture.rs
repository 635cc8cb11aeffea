//! The shape of the house: who may use whom, what every file has, what none is called, and that codes are in order.

use statewright::diagnostic::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and those it may use. Arrows point down only; who needs a new one here has found a new shape, or a
/// mistake.
const MAY_USE: &[(&str, &[&str])] = &[
    // The ground: knows no app and no rule.
    ("source", &[]),
    ("budget", &[]),
    ("failure", &["printable"]),
    ("parallel", &[]),
    ("printable", &[]),
    ("diagnostic", &["source"]),
    ("value", &["source"]),
    ("yaml", &["diagnostic", "printable", "source", "value"]),
    ("json", &["source", "value"]),
    ("secret", &["diagnostic", "json", "printable", "source", "value", "yaml"]),
    ("k8s", &["diagnostic", "json", "source", "value"]),
    ("shell", &[]),
    ("stateful_set", &["value"]),
    ("block", &["diagnostic", "source", "value"]),
    ("merge", &["block", "value"]),
    // The stages.
    ("volume", &["block", "diagnostic", "k8s", "source", "value"]),
    ("spec", &["block", "budget", "diagnostic", "k8s", "merge", "source", "value", "volume", "yaml"]),
    ("app", &["block", "budget", "diagnostic", "k8s", "merge", "source", "stateful_set", "spec", "value", "volume"]),
    ("bundle", &["budget", "diagnostic", "k8s", "parallel", "source", "value", "yaml"]),
    ("editor", &["block", "diagnostic", "source", "value"]),
    ("emit", &["app", "block", "bundle", "diagnostic", "k8s", "merge", "source", "spec", "value", "volume", "yaml"]),
    ("layout", &["bundle", "printable", "value", "yaml"]),
    ("api", &["budget", "diagnostic", "json", "k8s", "source", "value"]),
    (
        "cluster",
        &["budget", "api", "bundle", "diagnostic", "json", "k8s", "secret", "source", "stateful_set", "value", "yaml"],
    ),
    (
        "expect",
        &[
            "api",
            "budget",
            "bundle",
            "cluster",
            "diagnostic",
            "json",
            "k8s",
            "parallel",
            "source",
            "stateful_set",
            "value",
            "yaml",
        ],
    ),
    (
        "review",
        &[
            "api",
            "block",
            "bundle",
            "cluster",
            "diagnostic",
            "json",
            "k8s",
            "outage",
            "secret",
            "shell",
            "source",
            "stateful_set",
            "value",
            "yaml",
        ],
    ),
    (
        "rules",
        &["bundle", "cluster", "diagnostic", "expect", "k8s", "review", "secret", "source", "stateful_set", "value"],
    ),
    (
        "import",
        &[
            "api",
            "app",
            "block",
            "bundle",
            "cluster",
            "diagnostic",
            "expect",
            "k8s",
            "merge",
            "parallel",
            "review",
            "source",
            "spec",
            "value",
            "yaml",
        ],
    ),
    (
        "outage",
        &["budget", "bundle", "cluster", "diagnostic", "k8s", "shell", "source", "stateful_set", "value", "yaml"],
    ),
    ("allow", &["block", "diagnostic", "source", "spec", "value"]),
    (
        "report",
        &[
            "app",
            "bundle",
            "cluster",
            "diagnostic",
            "expect",
            "json",
            "k8s",
            "outage",
            "printable",
            "review",
            "shell",
            "source",
            "value",
            "yaml",
        ],
    ),
    ("scenario", &["api", "bundle", "cluster", "diagnostic", "json", "k8s", "report", "source", "value", "yaml"]),
    // The edges.
    ("disk", &["diagnostic", "failure", "layout", "parallel", "source"]),
    ("git", &["failure", "layout", "source"]),
];

/// These see everything: the table of contents, and the two ends.
const FREE: &[&str] = &["lib", "main", "cli"];

#[test]
fn each_module_uses_only_those_below_it() {
    let mut wrong = Vec::new();
    for (module, files) in modules() {
        if FREE.contains(&module.as_str()) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("src/{module} is not in the table of tests/it/architecture.rs"));
            continue;
        };
        for path in files {
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in code(&text) {
                for used in uses(line) {
                    if used != module && !allowed.contains(&used) {
                        wrong.push(format!("{}:{number}: `{module}` may not use `{used}`", shown(&path)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines of a file that are product: no comments, and nothing from its tests on.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.take_while(|(_, line)| *line != "#[cfg(test)]").filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The modules that a line names by `crate::`.
fn uses(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|letter: char| !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'))
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn each_file_says_what_it_knows() {
    for path in [sources("src"), sources("tests"), sources("benches")].concat() {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 10, "{} must open with `//!` and a sentence", shown(&path));
    }
}

/// A review gives values; sentences are made of them in `src/report/words/`. Commands and acknowledgements, which a
/// person types, are texts from the start.
#[test]
fn reviews_make_no_sentences() {
    const ENGLISH: [&str; 12] =
        [" the ", " is ", " are ", " its ", " not ", " and ", " it ", " which ", " has ", " a ", " no ", " with "];
    let mut looked_at = 0;
    for path in sources("src/review") {
        let text = fs::read_to_string(&path).unwrap();
        looked_at += 1;
        for (number, line) in code(&text) {
            let quoted: String = line.split('"').skip(1).step_by(2).collect::<Vec<_>>().join("\n");
            let word = ENGLISH.iter().find(|word| quoted.contains(**word));
            assert!(word.is_none(), "{}:{number}: words belong to src/report/words", shown(&path));
        }
    }
    assert!(looked_at > 40, "only {looked_at} files");
}

/// A rule of the API server names what it follows in Kubernetes' own tree: the function, and the package that it is in.
#[test]
fn each_rule_of_the_server_has_a_source() {
    let mut lacking = Vec::new();
    let mut rules = 0;
    for path in sources("src/api/admission") {
        let text = fs::read_to_string(&path).unwrap();
        let (mut said, mut heads) = (String::new(), String::new());
        for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
            if let Some(words) = line.strip_prefix("///") {
                said.push_str(words);
            } else if line.starts_with("pub ") && line.contains(" fn ")
                || line.starts_with("pub(") && line.contains(" fn ")
            {
                heads = line.to_owned();
            } else if !line.starts_with("#[") && heads.is_empty() {
                said.clear();
            } else {
                heads.push_str(line);
            }
            if heads.contains('{') {
                if heads.contains("causes: &mut Causes") {
                    rules += 1;
                    let names = said.split('`').skip(1).step_by(2);
                    let is_named = names.clone().any(|name| name.chars().all(char::is_alphanumeric));
                    let place = ["pkg/", "k8s.io/", "apiserver/"].iter().any(|place| said.contains(place));
                    if !is_named || !place {
                        lacking.push(format!("{}: {heads}", shown(&path)));
                    }
                }
                heads.clear();
                said.clear();
            }
        }
    }
    assert!(rules > 90, "only {rules} rules");
    assert!(
        lacking.is_empty(),
        "say which function of Kubernetes each follows, and where it is:\n{}",
        lacking.join("\n")
    );
}

#[test]
fn no_room_is_called_after_nothing() {
    for path in sources("src") {
        for part in path.strip_prefix(root()).unwrap().iter().map(|part| part.to_string_lossy()) {
            let stem = part.trim_end_matches(".rs");
            assert!(
                !["utils", "util", "helpers", "helper", "common", "misc", "shared", "base"].contains(&stem),
                "{}: name it after what it knows",
                shown(&path)
            );
        }
    }
}

#[test]
fn only_the_edges_touch_the_outside() {
    let edges = ["src/disk/", "src/git", "src/cli/", "src/main.rs"];
    for path in sources("src").iter().filter(|path| !edges.iter().any(|edge| shown(path).starts_with(edge))) {
        let text = fs::read_to_string(path).unwrap();
        for (number, line) in code(&text) {
            for outside in [
                "std::fs",
                "std::env::",
                "std::process",
                "std::net::Tcp",
                "std::net::Udp",
                "SystemTime",
                "Instant::now",
                "HashMap",
                "HashSet",
            ] {
                let allowed = outside == "std::env::" && !line.contains("std::env::var");
                assert!(
                    allowed || !line.contains(outside),
                    "{}:{number}: `{outside}` belongs to the edges",
                    shown(path)
                );
            }
        }
    }
}

/// Whatever path a repository names goes through `disk::Reach`: the command line itself asks the system about no file.
#[test]
fn one_door_leads_to_files() {
    let touches = [
        "std::fs",
        " fs::",
        "(fs::",
        "&fs::",
        "File::open",
        "OpenOptions",
        "WalkDir",
        "canonicalize",
        ".exists()",
        ".is_file()",
        ".is_dir()",
        ".is_symlink()",
        ".metadata()",
        ".symlink_metadata()",
        ".read_dir()",
    ];
    let mut looked_at = 0;
    for path in
        sources("src").iter().filter(|path| !["src/disk/", "src/git"].iter().any(|edge| shown(path).starts_with(edge)))
    {
        let text = fs::read_to_string(path).unwrap();
        looked_at += 1;
        for (number, line) in code(&text) {
            for touch in touches {
                assert!(!line.contains(touch), "{}:{number}: `{touch}` belongs to src/disk", shown(path));
            }
        }
    }
    assert!(looked_at > 100, "only {looked_at} files");
    // Beside the door and the tree that it writes, even src/disk opens nothing.
    for path in ["src/disk/mod.rs", "src/disk/find.rs", "src/disk/glob.rs"] {
        let text = fs::read_to_string(root().join(path)).unwrap();
        for (number, line) in code(&text) {
            for touch in ["File::open", "OpenOptions", "fs::read(", "fs::read_to_string", "fs::write", "fs::create_dir"]
            {
                assert!(!line.contains(touch), "{path}:{number}: `{touch}` belongs to src/disk/reach.rs");
            }
        }
    }
}

#[test]
fn codes_are_unique_in_order_and_have_pages() {
    let codes = statewright::codes();
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for code in &codes {
        assert!(ids.insert(code.id), "{} is there twice", code.id);
        assert!(names.insert(code.name), "`{}` is the name of two codes", code.name);
        let number =
            code.id.strip_prefix("SW").filter(|number| number.len() == 4).and_then(|number| number.parse::<u16>().ok());
        assert!(number.is_some(), "{} is no code", code.id);
        assert!(
            code.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{}",
            code.name
        );
        assert!(
            code.page.starts_with(&format!("# {}\n", code.name)),
            "the page of {} must begin with its name",
            code.id
        );
        for part in ["**What it does.**", "**Why it matters.**"] {
            assert!(code.page.contains(part), "the page of {} {} lacks {part}", code.id, code.name);
        }
        assert!([Level::Error, Level::Warning, Level::Note].contains(&code.level));
    }
    assert!(codes.is_sorted_by_key(|code| code.id), "codes are listed in the order of their numbers");
}

/// Every code that is declared is one that `explain` knows.
#[test]
fn no_code_is_left_out_of_the_list() {
    let known: BTreeSet<&str> = statewright::codes().iter().map(|code| code.id).collect();
    for path in sources("src") {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in code(&text) {
            if let Some(id) =
                line.split("id: \"").nth(1).and_then(|rest| rest.split('"').next()).filter(|id| id.starts_with("SW"))
            {
                assert!(known.contains(id), "{}:{number}: {id} is not in `statewright::codes()`", shown(&path));
            }
        }
    }
}

/// Each module of the top with its files.
fn modules() -> BTreeMap<String, Vec<PathBuf>> {
    let mut modules: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in sources("src") {
        let first =
            path.strip_prefix(root().join("src")).unwrap().iter().next().unwrap().to_string_lossy().into_owned();
        modules.entry(first.trim_end_matches(".rs").to_owned()).or_default().push(path);
    }
    modules
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root().join(folder)).sort_by_file_name().into_iter();
    let files = walk.map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}
