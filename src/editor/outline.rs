//! The outline of a YAML text: what is in what, and which lines fold away.

use crate::value::{Data, Node};
use std::ops::Range;

/// A key with what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// What it is called.
    pub name: String,
    /// Whether anything may be below it.
    pub is_block: bool,
    /// Where its name stands.
    pub key: Range<usize>,
    /// Where all of it stands.
    pub whole: Range<usize>,
    /// What is below it.
    pub below: Vec<Item>,
}

/// So deep an outline goes.
const DEEPEST: usize = 3;

/// The keys of a tree.
#[must_use]
pub(crate) fn outline(root: &Node) -> Vec<Item> {
    items(root, DEEPEST)
}

fn items(node: &Node, deep: usize) -> Vec<Item> {
    if deep == 0 {
        return Vec::new();
    }
    let entries = node.entries().map(|(key, value)| {
        let key_bytes = key.at.start as usize..key.at.end as usize;
        let end = end_of(value).max(key_bytes.end);
        let is_block = matches!(value.data, Data::Map(_) | Data::List(_));
        Item {
            name: key.name.to_string(),
            is_block,
            whole: key_bytes.start..end,
            key: key_bytes,
            below: items(value, deep - 1),
        }
    });
    entries.collect()
}

/// Where a value ends: a block may know only where it begins.
#[must_use]
pub(crate) fn end_of(node: &Node) -> usize {
    let below = match &node.data {
        Data::Map(map) => map.iter().map(|(key, value)| end_of(value).max(key.at.end as usize)).max(),
        Data::List(items) => items.iter().map(end_of).max(),
        _ => None,
    };
    below.unwrap_or_default().max(node.at.end as usize)
}

/// Lines that fold away below the first of them, from zero, both ends included; and whether they are a comment.
#[must_use]
pub(crate) fn folds(text: &str) -> Vec<(usize, usize, bool)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut folds = Vec::new();
    // Those that are open: the line, and how deep it stands.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut last = 0;
    let mut close = |open: &mut Vec<(usize, usize)>, depth: usize, last: usize| {
        while let Some((line, _)) = open.pop_if(|(_, above)| *above >= depth) {
            if last > line {
                folds.push((line, last, false));
            }
        }
    };
    for (number, line) in lines.iter().enumerate() {
        let body = line.trim_start_matches(' ');
        if body.trim().is_empty() || body.starts_with('#') {
            continue;
        }
        // An item of a list stands below the key on its own depth.
        let depth = 2 * (line.len() - body.len()) + usize::from(body.starts_with("- "));
        close(&mut open, depth, last);
        open.push((number, depth));
        last = number;
    }
    close(&mut open, 0, last);
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    let mut number = 0;
    while number < lines.len() {
        let count = lines[number..].iter().take_while(|line| is_comment(line)).count();
        if count > 1 {
            folds.push((number, number + count - 1, true));
        }
        number += count.max(1);
    }
    folds.sort_unstable();
    folds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_comments_fold() {
        let text = "# one\n# two\na:\n  b: 1\n\n  c:\n  - x: 1\n    y: 2\n  - z\nd: 1\ne:\n- f\n- g\n";
        let expected = [(0, 1, true), (2, 8, false), (5, 8, false), (6, 7, false), (10, 12, false)];
        assert_eq!(folds(text), expected);
        assert_eq!(folds(""), []);
    }
}
