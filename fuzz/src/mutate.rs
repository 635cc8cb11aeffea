//! Changes documents as trees: fields go, come, move, are doubled, and take the values that break programs. What is no
//! document is left to the fuzzer, which changes bytes. Fields that were seen in one document turn up in others.

use crate::NEXT_FILE;
use serde_json::{Map, Value};
use std::cell::RefCell;

/// Changes an input in place, up to a length. `None` when it holds no document.
pub fn documents(data: &mut [u8], size: usize, longest: usize, seed: u32) -> Option<usize> {
    let mut dice = Dice::new(seed);
    // Now and then bytes: no tree is a torn quote.
    if dice.upto(10) < 3 {
        return None;
    }
    let text = std::str::from_utf8(&data[..size]).ok()?;
    let mut files: Vec<Vec<String>> =
        text.split(NEXT_FILE).map(|file| file.split("\n---\n").map(str::to_owned).collect()).collect();
    let file = dice.upto(files.len());
    let position = dice.upto(files[file].len());
    let mut tree = read(&files[file][position])?;
    if !matches!(tree, Value::Object(_) | Value::Array(_)) {
        return None;
    }
    learn(&tree, &mut dice);
    match dice.upto(24) {
        0 => files[file].push(write(&tree, &mut dice)),
        1 if files[file].len() > 1 => drop(files[file].remove(position)),
        // What stands on one side of a change stands on the other.
        2 if files.len() > 1 => {
            let other = (file + 1) % files.len();
            files[other] = files[file].clone();
        }
        _ => {
            for _ in 0..=dice.upto(4) {
                change(&mut tree, &mut dice);
            }
            files[file][position] = write(&tree, &mut dice);
        }
    }
    let changed = files.iter().map(|documents| documents.join("\n---\n")).collect::<Vec<_>>().join(NEXT_FILE);
    (changed.len() <= longest.min(data.len())).then(|| {
        data[..changed.len()].copy_from_slice(changed.as_bytes());
        changed.len()
    })
}

/// Changes one of the lines of an input, each a JSON document.
pub fn lines(data: &mut [u8], size: usize, longest: usize, seed: u32) -> Option<usize> {
    let mut dice = Dice::new(seed);
    if dice.upto(10) < 2 {
        return None;
    }
    let text = std::str::from_utf8(&data[..size]).ok()?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let position = dice.upto(lines.len());
    let mut tree: Value = serde_json::from_str(lines.get(position)?).ok()?;
    learn(&tree, &mut dice);
    for _ in 0..=dice.upto(3) {
        // A scenario holds manifests as texts.
        if dice.upto(2) == 0 && change_inside(&mut tree, &mut dice) {
            continue;
        }
        change(&mut tree, &mut dice);
    }
    lines[position] = tree.to_string();
    let changed = lines.join("\n");
    (changed.len() <= longest.min(data.len())).then(|| {
        data[..changed.len()].copy_from_slice(changed.as_bytes());
        changed.len()
    })
}

/// Changes a document that is a text in a tree.
fn change_inside(tree: &mut Value, dice: &mut Dice) -> bool {
    let Some(steps) = tree.get_mut("steps").and_then(Value::as_array_mut) else { return false };
    let number = dice.upto(steps.len());
    let Some(Value::String(text)) = steps.get_mut(number).and_then(|step| step.get_mut("apply")) else { return false };
    let mut documents: Vec<String> = text.split("\n---\n").map(str::to_owned).collect();
    let position = dice.upto(documents.len());
    let Some(mut inner) = read(&documents[position]) else { return false };
    learn(&inner, dice);
    change(&mut inner, dice);
    documents[position] = write(&inner, dice);
    *text = documents.join("\n---\n");
    true
}

fn read(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_yaml::from_str(text).ok())
}

/// JSON is YAML too, and quicker to read the next time; but bytes of YAML's own are worth changing as well.
fn write(tree: &Value, dice: &mut Dice) -> String {
    let yaml = if dice.upto(4) == 0 { serde_yaml::to_string(tree).ok() } else { None };
    yaml.map_or_else(|| tree.to_string(), |text| text.trim_end().to_owned())
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u32) -> Self {
        Self((u64::from(seed) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below that one; zero below zero.
    fn upto(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        if end == 0 { 0 } else { usize::try_from(self.0 >> 16).unwrap_or_default() % end }
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.upto(list.len())]
    }
}

/// So many fields are remembered.
const MEMORY: usize = 4096;
/// Larger ones are not: inputs would only grow.
const LARGEST: usize = 40;

thread_local! {
    static SEEN: RefCell<Vec<(String, Value)>> = const { RefCell::new(Vec::new()) };
}

fn learn(tree: &Value, dice: &mut Dice) {
    SEEN.with_borrow_mut(|seen| remember(tree, seen, dice));
}

fn remember(tree: &Value, seen: &mut Vec<(String, Value)>, dice: &mut Dice) {
    match tree {
        Value::Object(fields) => {
            for (name, value) in fields {
                if nodes(value) <= LARGEST {
                    if seen.len() < MEMORY {
                        seen.push((name.clone(), value.clone()));
                    } else if dice.upto(16) == 0 {
                        let old = dice.upto(MEMORY);
                        seen[old] = (name.clone(), value.clone());
                    }
                }
                remember(value, seen, dice);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| remember(item, seen, dice)),
        _ => {}
    }
}

/// A field of some document.
fn seen(dice: &mut Dice) -> (String, Value) {
    SEEN.with_borrow(|seen| if seen.is_empty() { ("name".into(), "kubia".into()) } else { dice.one_of(seen).clone() })
}

fn nodes(tree: &Value) -> usize {
    1 + match tree {
        Value::Object(fields) => fields.values().map(nodes).sum(),
        Value::Array(items) => items.iter().map(nodes).sum::<usize>(),
        _ => 0,
    }
}

/// The node of that number, counted from the root.
fn node(tree: &mut Value, number: usize) -> Option<&mut Value> {
    if number == 0 {
        return Some(tree);
    }
    let mut left = number - 1;
    let children: Vec<&mut Value> = match tree {
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => return None,
    };
    for child in children {
        let size = nodes(child);
        if left < size {
            return node(child, left);
        }
        left -= size;
    }
    None
}

/// One change at one place.
fn change(tree: &mut Value, dice: &mut Dice) {
    let size = nodes(tree);
    let donor = dice.upto(size);
    let donor = node(tree, donor).cloned();
    let number = dice.upto(size);
    let Some(place) = node(tree, number) else { return };
    let what = dice.upto(13);
    match (what, &mut *place) {
        (0, place) => *place = odd(dice),
        (1 | 2, Value::Object(fields)) => {
            let (name, value) = seen(dice);
            fields.insert(name, value);
        }
        (1, Value::Array(items)) => items.push(seen(dice).1),
        (2, Value::Array(items)) if !items.is_empty() => {
            let again = dice.one_of(items).clone();
            items.push(again);
        }
        (3, Value::Object(fields)) => {
            let name = field(fields, dice);
            fields.shift_remove(&name);
        }
        (3, Value::Array(items)) if !items.is_empty() => drop(items.remove(dice.upto(items.len()))),
        (4, Value::Object(fields)) => {
            let name = field(fields, dice);
            if let Some(value) = fields.shift_remove(&name) {
                let name = if dice.upto(3) == 0 { (*dice.one_of(ODD)).to_owned() } else { seen(dice).0 };
                fields.insert(name, value);
            }
        }
        (4, Value::Array(items)) => items.reverse(),
        (5, Value::Array(items)) if !items.is_empty() => {
            let pattern = items.clone();
            items.extend((0..dice.upto(6)).flat_map(|_| pattern.clone()).take(64));
        }
        (6, place) => *place = donor.unwrap_or(Value::Null),
        (7, place) => *place = seen(dice).1,
        (8 | 9, Value::String(text)) => {
            let odd = dice.one_of(ODD);
            match dice.upto(4) {
                0 => text.push_str(odd),
                1 => text.insert_str(0, odd),
                2 => text.push_str(&text.clone()),
                _ => drop(text.pop()),
            }
        }
        (8 | 9, Value::Number(number)) => {
            let near = number.as_i64().unwrap_or_default();
            let step = *dice.one_of(&[1, -1, 2, 1000, i64::from(i32::MAX), near.wrapping_neg(), near]);
            *place = near.wrapping_add(step).into();
        }
        (8 | 9, Value::Bool(is)) => *is = !*is,
        (10, place) => *place = Value::Array(vec![place.take()]),
        (11, place) => *place = Value::Object(Map::from_iter([(seen(dice).0, place.take())])),
        (12, place @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
            // Its text, or what its text means.
            *place = match &*place {
                Value::String(text) => {
                    serde_yaml::from_str(text).ok().filter(|value: &Value| nodes(value) == 1).unwrap_or(Value::Null)
                }
                other => Value::String(other.to_string()),
            };
        }
        (_, place) => *place = odd(dice),
    }
}

fn field(fields: &Map<String, Value>, dice: &mut Dice) -> String {
    fields.keys().nth(dice.upto(fields.len())).cloned().unwrap_or_default()
}

/// A value that nobody expects.
fn odd(dice: &mut Dice) -> Value {
    match dice.upto(8) {
        0 => Value::Null,
        1 => (dice.upto(2) == 0).into(),
        2 | 3 => (*dice.one_of(NUMBERS)).into(),
        4 => (*dice.one_of(&[
            Value::Array(Vec::new()),
            Value::Object(Map::new()),
            0.5.into(),
            1e300.into(),
            u64::MAX.into(),
        ]))
        .clone(),
        _ => (*dice.one_of(ODD)).into(),
    }
}

const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    3,
    9,
    10,
    400,
    420,
    65535,
    65536,
    1 << 20,
    1 << 32,
    i32::MAX as i64,
    i32::MIN as i64,
    i64::MAX,
    i64::MIN,
];

/// Texts that are on some edge: of a number, a quantity, a name, an expression, YAML's grammar, a terminal.
const ODD: &[&str] = &[
    "",
    " ",
    "-",
    "0",
    "-0",
    "-1",
    "00",
    "1e3",
    "1e999999",
    "0x1f",
    "0o17",
    ".5",
    "5.",
    "2147483648",
    "9223372036854775808",
    "18446744073709551616",
    "1n",
    "1Ki",
    "10Gi",
    "9999999999Ei",
    "0.0000000001",
    "-1.5m",
    "1E",
    "50%",
    "101%",
    "-1%",
    "true",
    "yes",
    "on",
    "null",
    "~",
    ".nan",
    "-.inf",
    "2001-01-01",
    "1:30",
    "{{ env }}",
    "{{ ordinal }}",
    "{{ replicas }}",
    "{{ replicas - 10 }}",
    "{{ fqdn }}",
    "{{ peers | join(',') }}",
    "{{ 1 // 0 }}",
    "{{ 9223372036854775807 + 1 }}",
    "{{ -9223372036854775807 - 2 }}",
    "{{ x.y.z }}",
    "{{ [1] * 9 }}",
    "{{ 'a' ~ 'b' }}",
    "{{",
    "}}",
    "{%",
    "{#",
    "a/b",
    "../a",
    "/",
    "/dev/null",
    "./",
    "a//b",
    "a\\b",
    ".git",
    "C:",
    "kubia",
    "kubia-0",
    "kubia-00",
    "data-kubia-0",
    "a.b.c",
    "A",
    "ü",
    "-a",
    "--x=y",
    "$(A)",
    "$$(A)",
    "$(",
    "`",
    "'",
    "\"",
    "'\"'",
    "#",
    " #",
    ": ",
    "- ",
    "? ",
    "! ",
    "!!str",
    "&a",
    "*a",
    "<<",
    "|",
    ">-",
    "%YAML",
    "@",
    "---",
    "...",
    "[",
    "{",
    "\n",
    "\r\n",
    "\t",
    "a\nb",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "\u{1b}[31m",
    "😀",
    "e\u{301}",
    "StatefulSet",
    "Deployment",
    "Service",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "List",
    "apps/v1",
    "v1",
    "statewright/v1",
    "App",
    "Workspace",
    "RollingUpdate",
    "OnDelete",
    "Parallel",
    "OrderedReady",
    "Retain",
    "Delete",
    "Recycle",
    "ReadWriteOnce",
    "ReadWriteOncePod",
    "ReadOnlyMany",
    "Block",
    "WaitForFirstConsumer",
    "None",
    "ExternalName",
    "LoadBalancer",
    "UDP",
    "127.0.0.1",
    "::1",
    "10.0.0.0/8",
    "::/0",
    "1.29",
    "1.37",
    "1.99",
    "*/5 * * * *",
    "@every 1h",
    "aGVsbG8=",
    "====",
];

/// Lets a target change its input as documents, and its bytes where there is none.
#[macro_export]
macro_rules! mutated_as {
    ($how:path) => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, longest: usize, seed: u32| {
            $how(data, size, longest, seed).unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, longest))
        });
    };
}
