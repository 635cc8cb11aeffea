//! Values to text as people write specs: keys in the order in which they were put, what is short in braces on one line.
//! Knows no spec: who asks says which keys begin a block.

use super::plain::{Reading, needs_quotes};
use super::write::{block_text, fits_block, indent, quoted, scalar};
use crate::value::{Data, Node};

/// Where a line ends.
const WIDEST: usize = 140;

/// One map, each of its keys on a line of its own at least. What `opens` names is never put into braces.
pub fn write_styled(node: &Node, opens: &dyn Fn(&[&str], &Node) -> bool, out: &mut String) {
    let mut style = Style { opens, path: Vec::new(), out };
    style.map(node, 0);
}

struct Style<'s, 'n> {
    opens: &'s dyn Fn(&[&str], &Node) -> bool,
    path: Vec<&'n str>,
    out: &'s mut String,
}

impl<'n> Style<'_, 'n> {
    fn map(&mut self, node: &'n Node, depth: usize) {
        for (position, (key, value)) in node.entries().enumerate() {
            if position > 0 {
                indent(depth, self.out);
            }
            plain_or_quoted(&key.name, false, self.out);
            self.out.push(':');
            self.path.push(&key.name);
            self.value(value, depth);
            self.path.pop();
        }
    }

    fn value(&mut self, node: &'n Node, depth: usize) {
        if self.on_this_line(node) {
            return;
        }
        match &node.data {
            Data::Map(_) => {
                self.out.push('\n');
                indent(depth + 1, self.out);
                self.map(node, depth + 1);
            }
            Data::List(items) => {
                self.out.push('\n');
                self.list(items, depth + 1);
            }
            Data::Text(text) if fits_block(text) => {
                self.out.push(' ');
                block_text(text, depth + 1, self.out);
                self.out.push('\n');
            }
            _ => {}
        }
    }

    fn list(&mut self, items: &'n [Node], depth: usize) {
        for item in items {
            indent(depth, self.out);
            self.out.push('-');
            if self.on_this_line(item) {
                continue;
            }
            self.out.push(' ');
            match &item.data {
                Data::Map(_) => self.map(item, depth + 1),
                Data::Text(text) => {
                    block_text(text, depth + 1, self.out);
                    self.out.push('\n');
                }
                // A list in a list that is too long for one line: nobody's manifest has one, and it is right all the
                // same.
                _ => {
                    flow(item, self.out);
                    self.out.push('\n');
                }
            }
        }
    }

    /// Writes a value behind what stands on the line already, if it fits there.
    fn on_this_line(&mut self, node: &Node) -> bool {
        let begun = self.out.len() - self.out.rfind('\n').map_or(0, |newline| newline + 1);
        let before = self.out.len();
        self.out.push(' ');
        match &node.data {
            Data::Map(_) | Data::List(_) if !is_empty(node) => {
                let fits = !(self.opens)(&self.path, node) && is_short(node, WIDEST) && {
                    flow(node, self.out);
                    self.out[before..].chars().count() + begun <= WIDEST
                };
                if !fits {
                    self.out.truncate(before);
                    return false;
                }
            }
            Data::Text(text) if fits_block(text) => {
                self.out.truncate(before);
                return false;
            }
            Data::Text(text) => plain_or_quoted(text, false, self.out),
            _ => scalar(node, 0, self.out),
        }
        self.out.push('\n');
        true
    }
}

fn is_empty(node: &Node) -> bool {
    node.entries().next().is_none() && node.items().next().is_none()
}

/// Whether a value may be on one line at all: no text of several lines, not more than so many letters.
fn is_short(node: &Node, most: usize) -> bool {
    fn spend(node: &Node, left: &mut usize) -> bool {
        let cost = match &node.data {
            Data::Text(text) if fits_block(text) => return false,
            Data::Text(text) => text.len(),
            _ => 1,
        };
        let Some(rest) = left.checked_sub(cost) else { return false };
        *left = rest;
        node.items().all(|item| spend(item, left)) && node.entries().all(|(_, value)| spend(value, left))
    }
    let mut left = most;
    spend(node, &mut left)
}

fn flow(node: &Node, out: &mut String) {
    match &node.data {
        Data::Map(map) => {
            out.push('{');
            for (position, (key, value)) in map.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                plain_or_quoted(&key.name, true, out);
                out.push_str(": ");
                flow(value, out);
            }
            out.push('}');
        }
        Data::List(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                flow(item, out);
            }
            out.push(']');
        }
        Data::Text(text) => plain_or_quoted(text, true, out),
        _ => scalar(node, 0, out),
    }
}

fn plain_or_quoted(text: &str, in_braces: bool, out: &mut String) {
    if is_bare(text, in_braces) { out.push_str(text) } else { quoted(text, out) }
}

/// Whether a text is read as itself without quotes.
fn is_bare(text: &str, in_braces: bool) -> bool {
    let readings = [Reading::Core, Reading::Kubernetes];
    if readings.iter().any(|reading| !matches!(reading.plain(text), Data::Text(_))) {
        return false;
    }
    let plainest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    let safe = |byte: u8| {
        plainest(byte) || matches!(byte, b' ' | b'=' | b'+' | b'@' | b'%' | b'(' | b')' | b'$' | b';' | b'~' | b'^')
    };
    if in_braces && !text.bytes().all(safe) {
        return false;
    }
    let bytes = text.as_bytes();
    match bytes {
        // An option of a command.
        [b'-', second, ..]
            if second.is_ascii_alphabetic()
                || (*second == b'-' && bytes.get(2).is_some_and(u8::is_ascii_alphabetic)) =>
        {
            !needs_quotes(text.trim_start_matches('-')) || is_word(text.trim_start_matches('-'))
        }
        // An amount, a version.
        [first, ..] if first.is_ascii_digit() => {
            bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
                && bytes.iter().any(u8::is_ascii_alphabetic)
        }
        _ => !needs_quotes(text),
    }
}

/// A word that stands for a truth value when it is alone, and not behind a dash.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    fn read(text: &str) -> Node {
        let mut sources = Sources::default();
        let id = sources.add("t.yaml", text);
        let mut found = Diagnostics::default();
        super::super::read_one(&sources, id, &mut found).unwrap_or_else(|| panic!("{text}\n{found:?}"))
    }

    fn rewritten(text: &str) -> String {
        let (node, mut out) = (read(text), String::new());
        write_styled(&node, &|path, _| path == ["env"], &mut out);
        assert_eq!(read(&out), node, "{out}");
        out
    }

    #[test]
    fn short_things_are_in_braces_and_keys_keep_their_order() {
        let text = "name: a\nargs: [-c, --x=y, \"yes\", \"on\", -n, \"-7\", 10Gi, \"1e3\"]\nenv:\n  B: \"1\"\n  A: \
            {secret: db/password}\n";
        assert_eq!(rewritten(text), text);
    }

    #[test]
    fn long_things_are_blocks() {
        let long = "x".repeat(150);
        let text = format!(
            "list:\n  - {long}\n  - {{a: 1, b: \"{{{{ c }}}}\"}}\n  - |\n    one\n    two\nmap:\n  a: {long}\n  b: \
                |\n    one\n    two\n"
        );
        assert_eq!(rewritten(&text), text);
    }

    #[test]
    fn awkward_texts_are_read_as_they_were() {
        for text in [
            "a: \"- b\"",
            "a: {b: \"c, d\"}",
            "a: [\"x:y\", \"{\", \"a b: c\"]",
            "a: \" b\"",
            "a: [[], {}, \"\"]",
            "a: \"x\\n y\\n\\n\"",
            "\"1\": a",
            "\"on\": [a]",
        ] {
            rewritten(text);
        }
    }
}
