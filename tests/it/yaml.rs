//! YAML from outside: the quick reader against the full one, what we write against other readers, and hostile input.

use statewright::diagnostic::Diagnostics;
use statewright::source::Sources;
use statewright::value::{Data, Node};
use statewright::yaml::{self, Reader, Reading};
use std::fmt::Write as _;

/// Values and places as the tests compare them: where each begins. Where it ends differs in blanks and comments, and the one
/// reader sees a list begin at its first dash, the other behind it.
fn outline(node: &Node, depth: usize, out: &mut String) {
    let start = node.at.start;
    let _ = match &node.data {
        Data::Map(_) => writeln!(out, "{:depth$}{start} map", ""),
        Data::List(_) => writeln!(out, "{:depth$}list", ""),
        Data::Null => writeln!(out, "{:depth$}null", ""),
        Data::Text(text) => writeln!(out, "{:depth$}{start} {text:?}", ""),
        data => writeln!(out, "{:depth$}{start} {data:?}", ""),
    };
    for (key, value) in node.entries() {
        let _ = writeln!(out, "{:depth$}{}..{} {:?}:", "", key.at.start, key.at.end, key.name);
        outline(value, depth + 1, out);
    }
    for item in node.items() {
        outline(item, depth + 1, out);
    }
}

/// What each of the two readers makes of a text: both, if the quick one takes it at all.
fn both(text: &str) -> [String; 2] {
    let mut sources = Sources::default();
    let id = sources.add("t.yaml", text);
    let part = yaml::Part { start: 0, end: text.len() };
    let mut found = Diagnostics::default();
    let quick = yaml::read_part(id, text, part, &mut found).flatten();
    let mut found = Diagnostics::default();
    let full = Reader::new(id, text, 0, Reading::Kubernetes).next(&mut found).flatten();
    [quick, full].map(|node| {
        let mut out = String::new();
        if let Some(node) = node {
            outline(&node, 0, &mut out);
        }
        out
    })
}

#[track_caller]
fn agree(text: &str) {
    let [quick, full] = both(text);
    assert!(
        quick == full,
        "the quick reader and the full one differ on\n{text}\n{}",
        similar::TextDiff::from_lines(&full, &quick).unified_diff()
    );
}

/// Lines and pieces of lines that, put together at random, make all that the quick reader must read or refuse.
const PIECES: &[&str] = &[
    "a: b",
    "b: 1",
    "c:",
    "- x",
    "- y: 1",
    "-",
    "- - z",
    "d: \"q\"",
    "e: 'q'",
    "f: 'it''s'",
    "g: \"\\n\\\"\"",
    "h: [a, b]",
    "i: {a: 1, b: [2]}",
    "j: |",
    "k: |-",
    "l: >",
    "text text",
    "  text",
    "# note",
    "x # note",
    "m: x # note",
    "n: x#y",
    "\"o\": 1",
    "'p': 2",
    "q : 1",
    "r:",
    "s: -1",
    "t: - 1",
    "u: http://x:80/",
    "v: [http://x, -1, - 1]",
    "w: {\"a\":1}",
    "x: {a:1}",
    "y: yes",
    "1: one",
    "z: ~",
    "---",
    "...",
    "%x",
    "&a b",
    "*a",
    "!t u",
    "? k",
    ": v",
    "<<: {a: 1}",
    "a: c",
    "ä: ö",
    "tab:\tx",
    "\tx",
    "[1, 2]",
    "{a: b}",
    "\"top\"",
    "plain",
    "- |",
    "- 'a'",
    "- \"a\": b",
    "aa: ''",
    "ab: \"\"",
    "ac: []",
    "ad: {}",
    "- []",
    "- {}",
    "ae: [a",
    "af: ]",
    "ag: {a, b}",
    "ah: \"x",
    "- ? a",
    "-1",
    "--- x",
    "ai: 'x' y",
    "aj: a: b",
    "ak: {a: 'x', }",
    "al: [,]",
    "am: |2",
    "an: |+",
    "ao: \u{a0}x",
    "ap: x\u{85}",
    "aq: @x",
    "ar: `x`",
    "as: x: ",
    "at:x",
    "au: 0x1F",
    "av: '#'",
    "aw: #",
    "ax: - ",
    "- # x",
    "-  two: 1",
    "   three: 2",
    "ay: {a: {b: {c: d}}}",
];

#[test]
fn the_quick_reader_reads_what_the_full_one_reads() {
    for text in [
        "a: |\n  x\n\n  y\n\nb: 1\n",
        "a: |\n  x\n   \n    y\n \nb: 1",
        "a: |-\n    x\n  # no comment\n",
        "a:\n- b\n- c: d\n  e:\n  - f\n-\n  g: h\ni: j\n",
        "a:\n  - b\n  -\n  - c\n",
        "# top\n\na: b # c\n\n# d\nc:\n  # e\n  d: e\n# f\n",
        "{\n  \"a\": [\n\t1, 2.5, true, null,\n {\"b\":\"c\"}\n  ],\n  \"d\": {}\n}\n",
        "a: 'x'\n  \nb: \"y\"   \n",
        "- a: b\n  c: d\n- e\n",
        "a:\n    b: c\n  d: e\n",
        "a: b\n c: d\n",
        "a: |\n  x",
        "a: |\n",
        "a:\n\n\n",
        "a: b\n...\nc: d\n",
        "a: x\n y\n",
        "a: \"x\n  y\"\n",
        "",
        "\n# x\n",
    ] {
        agree(text);
    }
}

#[test]
fn the_quick_reader_and_the_full_one_agree_on_anything() {
    let mut random = Random(7);
    for _ in 0..count("STATEWRIGHT_STRINGS", 4000) {
        let mut text = String::new();
        for _ in 0..=random.below(7) {
            let indent = [0, 0, 0, 2, 2, 4, 1, 3][random.below(8)];
            let line = PIECES[random.below(PIECES.len())];
            let _ = writeln!(text, "{:indent$}{line}", "");
        }
        if random.below(9) == 0 {
            text.pop();
        }
        agree(&text);
    }
}

/// Runs where real manifests are at hand: `STATEWRIGHT_CORPUS` names a folder of them.
#[test]
fn the_quick_reader_and_the_full_one_agree_on_real_manifests() {
    let Some(folder) = std::env::var_os("STATEWRIGHT_CORPUS") else { return };
    let mut documents = 0;
    for path in statewright::disk::find_manifests(&[folder.into()]).unwrap() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for part in yaml::parts(&text) {
            documents += 1;
            agree(&text[part.start..part.end]);
        }
    }
    println!("{documents} documents");
}

/// Numbers that look random and are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % most
    }
}

fn count(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}
