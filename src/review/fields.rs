//! Two manifests field by field: maps by key, lists of named things by their names, other lists by position.

use crate::secret::pair::{self, Pair};
use crate::source::At;
use crate::value::{Data, Node};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A field that differs.
#[derive(Clone, Debug)]
pub struct FieldChange {
    /// `spec.template.spec.containers[web].image`
    pub path: String,
    /// What it was; nothing when it is new.
    pub old: Option<Node>,
    /// What it is; nothing when it is gone.
    pub new: Option<Node>,
    /// Where it is, or where it was taken away, in the later manifest.
    pub at: At,
}

/// Two manifests of one object, without their secret values.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// The earlier one.
    pub(super) before: Option<Node>,
    /// The later one.
    pub(super) after: Option<Node>,
    /// The fields that differ; a secret that differs is one of them.
    pub(super) fields: Vec<FieldChange>,
}

/// Compares two manifests of one object. Of one alone there is no field that differs.
#[must_use]
pub(super) fn without_secrets(old: Option<&Node>, new: Option<&Node>) -> Compared {
    let mut pair = Pair::default();
    let mut before = old.map(|node| pair.sign_tree(node));
    let mut after = new.map(|node| pair.sign_tree(node));
    let mut fields =
        before.as_ref().zip(after.as_ref()).map(|(before, after)| compare(before, after)).unwrap_or_default();
    for field in &mut fields {
        pair::show(field.old.as_mut(), field.new.as_mut());
    }
    pair::show(before.as_mut(), after.as_mut());
    Compared { before, after, fields }
}

/// The fields that differ.
#[must_use]
pub fn compare(old: &Node, new: &Node) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    walk((Some(old), Some(new)), new.at, &mut String::new(), "", &mut changes);
    changes
}

/// `above` is the place of the nearest ancestor that the later manifest has.
fn walk(
    (old, new): (Option<&Node>, Option<&Node>),
    above: At,
    path: &mut String,
    name: &str,
    changes: &mut Vec<FieldChange>,
) {
    let at = new.map_or(above, |new| new.at);
    match (old, new) {
        (Some(old), Some(new)) if old == new => {}
        (Some(Node { data: Data::Map(before), .. }), Some(Node { data: Data::Map(after), .. })) => {
            let gone = before.iter().filter(|(key, _)| !after.has(&key.name)).map(|(key, _)| &key.name);
            for key in after.iter().map(|(key, _)| &key.name).chain(gone) {
                step(
                    path,
                    |path| if key.contains('.') { write!(path, "[{key}]") } else { write!(path, ".{key}") },
                    |path| {
                        walk((before.get(key), after.get(key)), at, path, key, changes);
                    },
                );
            }
        }
        (Some(Node { data: Data::List(before), .. }), Some(Node { data: Data::List(after), .. })) => {
            lists(before, after, at, path, name, changes);
        }
        _ => changes.push(FieldChange {
            path: path.trim_start_matches('.').to_owned(),
            old: old.cloned(),
            new: new.cloned(),
            at,
        }),
    }
}

fn step(path: &mut String, write: impl FnOnce(&mut String) -> std::fmt::Result, inside: impl FnOnce(&mut String)) {
    let length = path.len();
    let _ = write(path);
    inside(path);
    path.truncate(length);
}

fn lists(before: &[Node], after: &[Node], at: At, path: &mut String, name: &str, changes: &mut Vec<FieldChange>) {
    let key = item_key(name, before, after);
    let Some(key) = key else {
        for index in 0..before.len().max(after.len()) {
            step(
                path,
                |path| write!(path, "[{index}]"),
                |path| walk((before.get(index), after.get(index)), at, path, "", changes),
            );
        }
        return;
    };
    let label = |item: &Node| crate::block::scalar_text(item.find(key).unwrap_or(item)).unwrap_or_default();
    // Of two items of one name the first is meant.
    let [first_before, first_after] = [before, after].map(|list| {
        let mut first = BTreeMap::new();
        for item in list {
            first.entry(label(item)).or_insert(item);
        }
        first
    });
    let gone = before.iter().filter(|item| !first_after.contains_key(&label(item)));
    for item in after.iter().chain(gone) {
        let name = label(item);
        step(
            path,
            |path| write!(path, "[{name}]"),
            |path| {
                walk((first_before.get(&name).copied(), first_after.get(&name).copied()), at, path, "", changes);
            },
        );
    }
    let order = |list: &[Node]| list.iter().map(label).collect::<Vec<_>>();
    let (mut old, mut new) = (order(before), order(after));
    if old != new {
        old.sort();
        new.sort();
        if old == new && (name != "ports" || path.contains(".template")) {
            let list = |items: &[Node]| Node::list(items.to_vec(), items[0].at);
            changes.push(FieldChange {
                path: format!("{} (order)", path.trim_start_matches('.')),
                old: Some(list(before)),
                new: Some(list(after)),
                at,
            });
        }
    }
}

/// What names the items of both lists, if every item has it once.
fn item_key(name: &str, before: &[Node], after: &[Node]) -> Option<&'static [&'static str]> {
    let candidates: &'static [&'static [&'static str]] = match name {
        "volumeMounts" => &[&["mountPath"]],
        "volumeDevices" => &[&["devicePath"]],
        "ports" => &[&["name"], &["containerPort"], &["port"]],
        "volumeClaimTemplates" => &[&["metadata", "name"]],
        _ => &[&["name"]],
    };
    candidates.iter().copied().find(|key| {
        [before, after].iter().all(|list| {
            let mut names: Vec<_> =
                list.iter().map(|item| item.find(key).and_then(crate::block::scalar_text)).collect();
            names.sort();
            let all = names.iter().all(Option::is_some);
            names.dedup();
            all && names.len() == list.len()
        })
    })
}
