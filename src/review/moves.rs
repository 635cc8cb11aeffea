//! Objects that went and came under another name or in another namespace, and are the same thing all the same.

use crate::block::scalar_text;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::value::{Data, Node};
use std::collections::{BTreeMap, BTreeSet};

/// One thing under two names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// What it was called.
    pub old: ResourceId,
    /// What it is called.
    pub new: ResourceId,
}

/// Beyond so many pairs of a kind, only those are looked at that share a name or a disk.
const MOST_PAIRS: usize = 40_000;

/// Two objects are one thing when at least so much of them is alike, in percent.
const ALIKE: usize = 60;

/// Pairs what went with what came: the most alike first, each at most once.
#[must_use]
pub(crate) fn moves(old: &Bundle, new: &Bundle) -> Vec<Move> {
    let (before, after) = (old.by_id(), new.by_id());
    let mut gone = by_kind(before.values().copied().filter(|resource| !after.contains_key(&resource.id)));
    let come = by_kind(after.values().copied().filter(|resource| !before.contains_key(&resource.id)));
    come.iter().flat_map(|(kind, come)| pairs(&gone.remove(kind).unwrap_or_default(), come)).collect()
}

/// Objects by group and kind.
fn by_kind<'r>(resources: impl Iterator<Item = &'r Resource>) -> BTreeMap<(&'r str, &'r str), Vec<&'r Resource>> {
    let mut kinds: BTreeMap<_, Vec<_>> = BTreeMap::new();
    resources.for_each(|resource| kinds.entry((&*resource.id.group, &*resource.id.kind)).or_default().push(resource));
    kinds
}

fn pairs(gone: &[&Resource], come: &[&Resource]) -> Vec<Move> {
    if gone.len().saturating_mul(come.len()) > MOST_PAIRS {
        return by_name(gone, come);
    }
    // What is called after an object is called otherwise with it, or keeps its name: both are tried.
    let both = |resource: &&Resource| [leaves(resource, ""), leaves(resource, &resource.id.name)];
    let (before, after): (Vec<_>, Vec<_>) = (gone.iter().map(both).collect(), come.iter().map(both).collect());
    let mut scored = Vec::new();
    for (i, old) in gone.iter().enumerate() {
        for (j, new) in come.iter().enumerate() {
            let score = if stem(&old.id.name) == stem(&new.id.name) { 100 } else { likeness(&before[i], &after[j]) };
            if score >= ALIKE {
                // Names and ordinals tell siblings apart that are otherwise as like each other.
                let same_ordinal = usize::from(ordinal(old) == ordinal(new));
                scored.push(((score, same_ordinal, common(&old.id.name, &new.id.name)), i, j));
            }
        }
    }
    scored.sort_by_key(|(score, i, j)| (std::cmp::Reverse(*score), *i, *j));
    let (mut paired_old, mut paired_new, mut list) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for alike in scored.chunk_by(|one, other| one.0 == other.0) {
        let open: Vec<(usize, usize)> = alike
            .iter()
            .map(|(_, i, j)| (*i, *j))
            .filter(|(i, j)| !paired_old.contains(i) && !paired_new.contains(j))
            .collect();
        let (mut of_old, mut of_new) = (BTreeMap::new(), BTreeMap::new());
        for (i, j) in &open {
            *of_old.entry(*i).or_insert(0) += 1;
            *of_new.entry(*j).or_insert(0) += 1;
        }
        for (i, j) in open {
            paired_old.insert(i);
            paired_new.insert(j);
            // Of two that are as like it, nobody knows which one it is: none is claimed to be.
            if of_old.get(&i) == Some(&1) && of_new.get(&j) == Some(&1) {
                list.push(Move { old: gone[i].id.clone(), new: come[j].id.clone() });
            }
        }
    }
    list
}

/// A name without the hash of its content that Kustomize appends.
fn stem(name: &str) -> &str {
    const LENGTH: usize = 10;
    const LETTERS: &[u8] = b"2456789bcdfghkmt";
    match name.rsplit_once('-') {
        Some((stem, hash))
            if hash.len() == LENGTH && !stem.is_empty() && hash.bytes().all(|letter| LETTERS.contains(&letter)) =>
        {
            stem
        }
        _ => name,
    }
}

/// How many letters two names have in common, at their beginnings and ends.
fn common(one: &str, other: &str) -> usize {
    let shared = |pairs: &mut dyn Iterator<Item = (u8, u8)>| pairs.take_while(|(a, b)| a == b).count();
    let front = shared(&mut one.bytes().zip(other.bytes()));
    let back = shared(&mut one.bytes().rev().zip(other.bytes().rev()));
    (front + back).min(one.len()).min(other.len())
}

fn by_name(gone: &[&Resource], come: &[&Resource]) -> Vec<Move> {
    let names: BTreeMap<&str, &Resource> = come.iter().map(|resource| (stem(&resource.id.name), *resource)).collect();
    let pair =
        |old: &&Resource| names.get(stem(&old.id.name)).map(|new| Move { old: old.id.clone(), new: new.id.clone() });
    gone.iter().filter_map(pair).collect()
}

fn ordinal(resource: &Resource) -> &str {
    resource.id.name.rsplit('-').next().unwrap_or_default()
}

/// Everything that an object says but for its metadata, each with its path. One name in it counts as a blank.
fn leaves(resource: &Resource, name: &str) -> BTreeSet<String> {
    let mut list = BTreeSet::new();
    let mut path = String::new();
    for (key, node) in
        resource.node.entries().filter(|(key, _)| !["apiVersion", "kind", "metadata"].contains(&&*key.name))
    {
        path.clear();
        path.push_str(&key.name);
        gather(node, &mut path, name, &mut list);
    }
    list
}

fn gather(node: &Node, path: &mut String, name: &str, list: &mut BTreeSet<String>) {
    let length = path.len();
    match &node.data {
        Data::Map(map) => {
            for (key, value) in map.iter() {
                path.push('/');
                path.push_str(&key.name);
                gather(value, path, name, list);
                path.truncate(length);
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push('/');
                path.push_str(&index.to_string());
                gather(item, path, name, list);
                path.truncate(length);
            }
        }
        _ => {
            let text = scalar_text(node).unwrap_or_default();
            list.insert(format!(
                "{path}={}",
                if name.is_empty() { text.to_string() } else { text.replace(name, "\u{0}") }
            ));
        }
    }
}

/// How much of two objects is alike, in percent.
fn likeness(one: &[BTreeSet<String>; 2], other: &[BTreeSet<String>; 2]) -> usize {
    let shared = |(one, other): (&BTreeSet<String>, &BTreeSet<String>)| {
        let both = one.intersection(other).count();
        (both * 100).checked_div(one.len() + other.len() - both).unwrap_or_default()
    };
    one.iter().zip(other).map(shared).max().unwrap_or_default()
}
