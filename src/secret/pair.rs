//! Two states of one thing without their secrets, which tell nevertheless where they differ. Knows no manifest.

use super::known::said;
use super::tree::{self, Cover, Eye};
use super::{AFTER, BEFORE, HIDDEN};
use crate::value::{Data, Key, Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Two states of one thing without their secrets, which tell whether they differ.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    numbers: BTreeMap<Text, usize>,
}

const OPEN: char = '\u{f0000}';
const CLOSE: char = '\u{f0001}';

impl Eye for Pair {
    fn scalar(&mut self, node: &Node, cover: &Cover) -> Option<Data> {
        let said = said(node)?;
        match cover {
            Cover::Shown => None,
            Cover::Whole => Some(Data::Text(self.sign(&said).into())),
            Cover::Parts(parts) => Some(Data::Text(self.signed(&said, parts).into())),
        }
    }

    fn key(&mut self, key: &Key, cover: &Cover) -> Option<Text> {
        match cover {
            Cover::Parts(parts) => Some(super::cut(&key.name, parts).into()),
            Cover::Whole => Some(HIDDEN.into()),
            Cover::Shown => None,
        }
    }
}

impl Pair {
    fn sign(&mut self, secret: &str) -> String {
        let next = self.numbers.len();
        let number = *self.numbers.entry(secret.into()).or_insert(next);
        format!("{OPEN}{number}{CLOSE}")
    }

    fn signed(&mut self, said: &str, parts: &[Range<usize>]) -> String {
        let (mut out, mut from) = (String::new(), 0);
        for range in parts {
            out.push_str(&said[from..range.start]);
            out.push_str(&self.sign(&said[range.clone()]));
            from = range.end;
        }
        out + &said[from..]
    }

    /// A tree with a sign for each secret, equal signs for equal ones: to be compared, then [`show`].
    #[must_use]
    pub(crate) fn sign_tree(&mut self, node: &Node) -> Node {
        tree::walk(node, self).unwrap_or_else(|| node.clone())
    }
}

/// Two trees with words in the place of signs: whether a secret is the same is seen by what stands in its place in the
/// other.
pub(crate) fn show(old: Option<&mut Node>, new: Option<&mut Node>) {
    match (old, new) {
        (Some(old), Some(new)) => match (&mut old.data, &mut new.data) {
            (Data::Map(before), Data::Map(after)) => {
                let keys: Vec<Text> = before.iter().chain(after.iter()).map(|(key, _)| key.name.clone()).collect();
                let mut done = BTreeSet::new();
                for key in keys {
                    if done.insert(key.clone()) {
                        show(before.get_mut(&key), after.get_mut(&key));
                    }
                }
            }
            (Data::List(before), Data::List(after)) => lists(before, after),
            (Data::Text(before), Data::Text(after)) => {
                let (left, right) = (signs_of(before), signs_of(after));
                let is_same = before == after;
                let is_paired = left.len() == right.len();
                let same = |index: usize| is_same || is_paired && left[index] == right[index];
                let one = spoken(before, |index| if same(index) { HIDDEN } else { BEFORE });
                let two = spoken(after, |index| if same(index) { HIDDEN } else { AFTER });
                (*before, *after) = (one.into(), two.into());
            }
            _ => {
                show(Some(old), None);
                show(None, Some(new));
            }
        },
        (Some(only), None) | (None, Some(only)) => match &mut only.data {
            Data::Map(map) => map.iter_mut().for_each(|(_, value)| show(Some(value), None)),
            Data::List(items) => items.iter_mut().for_each(|item| show(Some(item), None)),
            Data::Text(text) if text.contains(OPEN) => *text = spoken(text, |_| HIDDEN).into(),
            _ => {}
        },
        (None, None) => {}
    }
}

/// Items with names by their names, others by their positions.
fn lists(before: &mut [Node], after: &mut [Node]) {
    fn name(node: &Node) -> Option<Text> {
        node.get("name").and_then(Node::as_str).map(Text::new)
    }
    let is_named = before.iter().chain(after.iter()).all(|item| name(item).is_some());
    if !is_named {
        let common = before.len().min(after.len());
        for (index, item) in before.iter_mut().enumerate() {
            show(Some(item), after.get_mut(index));
        }
        after[common..].iter_mut().for_each(|item| show(None, Some(item)));
        return;
    }
    let mut places: BTreeMap<Text, Vec<usize>> = BTreeMap::new();
    for (index, item) in after.iter().enumerate().rev() {
        places.entry(name(item).unwrap_or_default()).or_default().push(index);
    }
    for item in before.iter_mut() {
        let twin = places.get_mut(&name(item).unwrap_or_default()).and_then(Vec::pop);
        show(Some(item), twin.map(|index| &mut after[index]));
    }
    for index in places.into_values().flatten() {
        show(None, Some(&mut after[index]));
    }
}

fn signs_of(text: &str) -> Vec<String> {
    text.split(OPEN).skip(1).map(|rest| rest.split(CLOSE).next().unwrap_or_default().to_owned()).collect()
}

fn spoken(text: &str, mut word: impl FnMut(usize) -> &'static str) -> String {
    let mut pieces = text.split(OPEN);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for (index, piece) in pieces.enumerate() {
        out.push_str(word(index));
        out.push_str(piece.split_once(CLOSE).map_or(piece, |(_, rest)| rest));
    }
    out
}
