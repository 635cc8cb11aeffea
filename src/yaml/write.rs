//! Values to text. Ours, because committed output must not change when a library does, and because every library tried
//! writes texts that some Kubernetes reader reads as something else. Bytes are a function of the value alone: keys are
//! sorted here.

use super::plain::needs_quotes;
use crate::value::{Data, Key, Map, Node};
use std::fmt::Write as _;

/// One document in block style: keys in canonical order, lists at their key's column, as kubectl prints them.
pub fn write_yaml(node: &Node, out: &mut String) {
    match &node.data {
        Data::Map(map) if !map.is_empty() => block_map(map, 0, out),
        Data::List(items) if !items.is_empty() => block_list(items, 0, out),
        _ => {
            scalar(node, 0, out);
            out.push('\n');
        }
    }
}

/// One document as JSON, two spaces an indent, keys in the same order.
pub fn write_json(node: &Node, out: &mut String) {
    json(node, 0, out);
    out.push('\n');
}

/// One document as KYAML: flow style, every text quoted, a comma after each item; begins with `---`.
pub fn write_kyaml(node: &Node, out: &mut String) {
    out.push_str("---\n");
    kyaml(node, 0, out);
    out.push('\n');
}

/// Where a key stands among its neighbours: what says what an object is comes first, then what people look for first,
/// then the alphabet. One table for all maps, so that the order never depends on the kind or on a schema's version.
fn rank(key: &str) -> u8 {
    match key {
        "apiVersion" => 0,
        "kind" => 1,
        "metadata" => 2,
        "name" => 3,
        "namespace" => 4,
        "labels" => 5,
        "annotations" => 6,
        "type" => 7,
        "image" => 8,
        "imagePullPolicy" => 9,
        "command" => 10,
        "args" => 11,
        "workingDir" => 12,
        "ports" => 13,
        "envFrom" => 14,
        "env" => 15,
        "serviceName" => 16,
        "replicas" => 17,
        "selector" => 18,
        "initContainers" => 19,
        "containers" => 20,
        "mountPath" => 21,
        "devicePath" => 22,
        "port" => 23,
        "containerPort" => 24,
        "volumes" => 50,
        "volumeClaimTemplates" => 51,
        "status" => 52,
        _ => 40,
    }
}

/// A map with its keys in canonical order.
#[must_use]
pub fn in_order(map: &Map) -> Map {
    sorted(map).into_iter().map(|(key, node)| (key.clone(), node.clone())).collect()
}

fn sorted(map: &Map) -> Vec<(&Key, &Node)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| rank(&a.name).cmp(&rank(&b.name)).then_with(|| a.name.cmp(&b.name)));
    entries
}

pub(super) fn indent(depth: usize, out: &mut String) {
    const SPACES: &str = "                                ";
    let mut left = depth * 2;
    while left > SPACES.len() {
        out.push_str(SPACES);
        left -= SPACES.len();
    }
    out.push_str(&SPACES[..left]);
}

fn block_map(map: &Map, depth: usize, out: &mut String) {
    for (position, (key, node)) in sorted(map).into_iter().enumerate() {
        if position > 0 {
            indent(depth, out);
        }
        text(&key.name, out);
        out.push(':');
        match &node.data {
            Data::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                indent(depth + 1, out);
                block_map(inner, depth + 1, out);
            }
            Data::List(items) if !items.is_empty() => {
                out.push('\n');
                indent(depth, out);
                block_list(items, depth, out);
            }
            _ => {
                out.push(' ');
                scalar(node, depth + 1, out);
                out.push('\n');
            }
        }
    }
}

fn block_list(items: &[Node], depth: usize, out: &mut String) {
    for (position, node) in items.iter().enumerate() {
        if position > 0 {
            indent(depth, out);
        }
        out.push_str("- ");
        match &node.data {
            Data::Map(inner) if !inner.is_empty() => block_map(inner, depth + 1, out),
            Data::List(inner) if !inner.is_empty() => block_list(inner, depth + 1, out),
            _ => {
                scalar(node, depth + 1, out);
                out.push('\n');
            }
        }
    }
}

/// Anything that fits behind a key; a text of several lines may run on, indented to `depth`.
pub(super) fn scalar(node: &Node, depth: usize, out: &mut String) {
    match &node.data {
        Data::Null => out.push_str("null"),
        Data::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Data::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Data::Float(value) => float(*value, out),
        Data::Text(value) if depth > 0 && fits_block(value) => block_text(value, depth, out),
        Data::Text(value) => text(value, out),
        Data::List(_) => out.push_str("[]"),
        Data::Map(_) => out.push_str("{}"),
    }
}

/// With a point in the mantissa and a sign in the exponent: YAML 1.1 readers take nothing less for a number.
fn float(value: f64, out: &mut String) {
    if value != 0.0 && !(1e-5..1e16).contains(&value.abs()) {
        let short = format!("{value:e}");
        let (mantissa, exponent) = short.split_once('e').unwrap_or((&short, "0"));
        let point = if mantissa.contains('.') { "" } else { ".0" };
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        let _ = write!(out, "{mantissa}{point}e{sign}{exponent}");
    } else {
        let _ = write!(out, "{value}");
    }
}

fn text(value: &str, out: &mut String) {
    if needs_quotes(value) { quoted(value, out) } else { out.push_str(value) }
}

/// Within braces, older readers end a bare text at `?` and the like: only the plainest stays bare.
fn flow_key(value: &str, out: &mut String) {
    let plainest = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'));
    if plainest { text(value, out) } else { quoted(value, out) }
}

/// Double quotes with JSON's escapes; also for what some YAML reader takes for a line break or refuses.
pub(super) fn quoted(value: &str, out: &mut String) {
    out.push('"');
    for letter in value.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{a0}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

/// Whether `|` or `|-` says this text to every reader.
pub(super) fn fits_block(value: &str) -> bool {
    let body = value.strip_suffix('\n').unwrap_or(value);
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\t', '\n'])
        && body.split('\n').all(|line| !line.ends_with([' ', '\t']))
        && body.chars().all(|letter| {
            matches!(letter, '\n' | '\t' | ' '..='~')
                || (letter > '\u{a0}'
                    && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
        })
}

pub(super) fn block_text(value: &str, depth: usize, out: &mut String) {
    let (body, chomp) = value.strip_suffix('\n').map_or((value, "-"), |body| (body, ""));
    out.push('|');
    out.push_str(chomp);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(depth, out);
            out.push_str(line);
        }
    }
}

fn json(node: &Node, depth: usize, out: &mut String) {
    match &node.data {
        Data::Map(map) if !map.is_empty() => {
            out.push_str("{\n");
            for (position, (key, inner)) in sorted(map).into_iter().enumerate() {
                if position > 0 {
                    out.push_str(",\n");
                }
                indent(depth + 1, out);
                quoted(&key.name, out);
                out.push_str(": ");
                json(inner, depth + 1, out);
            }
            out.push('\n');
            indent(depth, out);
            out.push('}');
        }
        Data::List(items) if !items.is_empty() => {
            out.push_str("[\n");
            for (position, inner) in items.iter().enumerate() {
                if position > 0 {
                    out.push_str(",\n");
                }
                indent(depth + 1, out);
                json(inner, depth + 1, out);
            }
            out.push('\n');
            indent(depth, out);
            out.push(']');
        }
        Data::Text(value) => quoted(value, out),
        _ => scalar(node, 0, out),
    }
}

fn kyaml(node: &Node, depth: usize, out: &mut String) {
    match &node.data {
        Data::Map(map) if !map.is_empty() => {
            out.push_str("{\n");
            for (key, inner) in sorted(map) {
                indent(depth + 1, out);
                flow_key(&key.name, out);
                out.push_str(": ");
                kyaml(inner, depth + 1, out);
                out.push_str(",\n");
            }
            indent(depth, out);
            out.push('}');
        }
        Data::List(items) if !items.is_empty() => {
            // Lists of maps hug their brackets, as Kubernetes' own printer does.
            let hugged = items.iter().all(|item| matches!(&item.data, Data::Map(map) if !map.is_empty()));
            out.push_str(if hugged { "[" } else { "[\n" });
            for (position, inner) in items.iter().enumerate() {
                if hugged {
                    out.push_str(if position > 0 { ", " } else { "" });
                    kyaml(inner, depth, out);
                } else {
                    indent(depth + 1, out);
                    kyaml(inner, depth + 1, out);
                    out.push_str(",\n");
                }
            }
            if !hugged {
                indent(depth, out);
            }
            out.push(']');
        }
        Data::Text(value) => quoted(value, out),
        _ => scalar(node, 0, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    fn rewritten(text: &str) -> String {
        let mut sources = Sources::default();
        let id = sources.add("t.yaml", text);
        let mut found = Diagnostics::default();
        let node = super::super::read_one(&sources, id, &mut found).unwrap_or_else(|| panic!("{found:?}"));
        let mut out = String::new();
        write_yaml(&node, &mut out);
        out
    }

    #[test]
    fn block_style_with_keys_in_canonical_order() {
        let text =
            "spec: {b: 1, a: [x, {q: 2, name: x2}], e: {}, l: []}\nkind: K\nmetadata: {labels: {\"y\": \"on\"}}\n";
        let expected = "kind: K\nmetadata:\n  labels:\n    \"y\": \"on\"\nspec:\n  a:\n  - x\n  - name: x2\n    q: \
            2\n  b: 1\n  e: {}\n  l: []\n";
        assert_eq!(rewritten(text), expected);
        assert_eq!(rewritten(expected), expected);
    }

    #[test]
    fn several_lines_become_a_block_unless_a_reader_could_stumble() {
        assert_eq!(rewritten("a: \"x\\n  y\\n\"\n"), "a: |\n  x\n    y\n");
        assert_eq!(rewritten("a: \"x\\n\\ny\"\n"), "a: |-\n  x\n\n  y\n");
        assert_eq!(rewritten("a: \" x\\ny\"\n"), "a: \" x\\ny\"\n");
        assert_eq!(rewritten("a: \"x \\ny\"\n"), "a: \"x \\ny\"\n");
        assert_eq!(rewritten("- \"a\\nb\"\n- [1, [2, 3]]\n"), "- |-\n  a\n  b\n- - 1\n  - - 2\n    - 3\n");
    }
}
