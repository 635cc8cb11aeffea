//! Comparing: two objects in, the patch between them out. Knows nothing of what becomes of it.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go: diffMaps, diffLists`.

use super::order::{in_order, same_key};
use super::{
    DELETE_FROM, DIRECTIVE, Field, ORDER, Outcome, RETAIN, Type, fault, field_of, is_map, item_type, key_of,
    list_field_of, same_type, spelt,
};
use crate::value::{Data, Key, Map, Node, Text};
use std::cmp::Ordering;

/// Which differences count.
#[derive(Clone, Copy)]
pub(super) struct Differences {
    /// Keys and items that went.
    pub(super) deletions: bool,
    /// Keys and items that came or changed.
    pub(super) changes: bool,
    /// Whether the patch of the map at hand names the keys that stay.
    pub(super) retain_keys: bool,
}

/// The patch that makes of one map the other, as far as its differences count.
pub(super) fn maps(original: &Map, modified: &Map, kind: Type, differences: Differences) -> Outcome<Map> {
    let mut patch = Map::new();
    let mut retained = Vec::new();
    for (key, new) in modified.iter() {
        if differences.retain_keys && !new.is_null() {
            retained.push(Node::text(key.name.clone(), key.at));
        }
        let Some(old) = original.get(&key.name) else {
            if differences.changes {
                patch.set(key.clone(), new.clone());
            }
            continue;
        };
        if key.name == DIRECTIVE {
            directives(key, old, new, &mut patch)?;
        } else if !same_type(old, new) {
            if differences.changes {
                patch.set(key.clone(), new.clone());
            }
        } else {
            match (&old.data, &new.data) {
                (Data::Map(old), Data::Map(inner)) => {
                    inner_maps(key, old, (new, inner), kind, differences, &mut patch)?;
                }
                (Data::List(old), Data::List(items)) => {
                    inner_lists(key, old, (new, items), kind, differences, &mut patch)?;
                }
                _ if differences.changes && old != new => {
                    patch.set(key.clone(), new.clone());
                }
                _ => {}
            }
        }
    }
    let gone = || original.iter().filter(|(key, _)| !modified.has(&key.name));
    if differences.deletions {
        for (key, old) in gone() {
            patch.set(key.clone(), Node::null(old.at));
        }
    }
    if let Some(at) = retained.first().map(|key| key.at)
        && (!patch.is_empty() || gone().any(|(_, old)| !old.is_null()))
    {
        retained.sort_by_key(spelt);
        patch.put(RETAIN, Node::list(retained, at));
    }
    Ok(patch)
}

fn directives(key: &Key, old: &Node, new: &Node, patch: &mut Map) -> Outcome<()> {
    let (Some(before), Some(after)) = (old.as_str(), new.as_str()) else {
        return fault(format!("invalid value for special key: {DIRECTIVE}"));
    };
    if before != after {
        patch.set(key.clone(), new.clone());
    }
    Ok(())
}

fn inner_maps(
    key: &Key,
    old: &Map,
    (new, inner): (&Node, &Map),
    kind: Type,
    differences: Differences,
    patch: &mut Map,
) -> Outcome<()> {
    let field = match field_of(kind, &key.name) {
        Ok(field) => field,
        Err(_) if old == inner => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if field.replaces() {
        if differences.changes {
            patch.set(key.clone(), new.clone());
        }
        return Ok(());
    }
    let part = maps(old, inner, field.inner, Differences { retain_keys: field.retains_keys(), ..differences })?;
    if !part.is_empty() {
        patch.set(key.clone(), Node::map(part, new.at));
    }
    Ok(())
}

fn inner_lists(
    key: &Key,
    old: &[Node],
    (new, items): (&Node, &[Node]),
    kind: Type,
    differences: Differences,
    patch: &mut Map,
) -> Outcome<()> {
    let field = match list_field_of(kind, &key.name) {
        Ok(field) => field,
        Err(_) if old == items => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if !field.merges() {
        if differences.changes && old != items {
            patch.set(key.clone(), new.clone());
        }
        return Ok(());
    }
    let part = lists(old, items, field, Differences { retain_keys: field.retains_keys(), ..differences })?;
    if !part.patch.is_empty() {
        patch.set(key.clone(), Node::list(part.patch, new.at));
    }
    for (prefix, list) in [(DELETE_FROM, part.deleted), (ORDER, part.order)] {
        if !list.is_empty() {
            patch.put(parallel(prefix, &key.name), Node::list(list, new.at));
        }
    }
    Ok(())
}

/// The key of a list that goes beside another: `$setElementOrder/containers`.
fn parallel(prefix: &str, key: &str) -> Text {
    format!("{prefix}/{key}").into()
}

#[derive(Default)]
struct ListPatch {
    /// Items that came or changed, then those to delete.
    patch: Vec<Node>,
    /// Plain values to delete.
    deleted: Vec<Node>,
    /// The order that the list is to have.
    order: Vec<Node>,
}

fn lists(original: &[Node], modified: &[Node], field: Field, differences: Differences) -> Outcome<ListPatch> {
    if original.is_empty() {
        let patch = if differences.changes { modified.to_vec() } else { Vec::new() };
        return Ok(ListPatch { patch, ..ListPatch::default() });
    }
    let Some(first) = item_type(original.iter().chain(modified))? else { return Ok(ListPatch::default()) };
    if !is_map(first) {
        return Ok(scalars(original, modified, differences));
    }
    let (patch, mut deleted) = keyed(original, modified, field, differences)?;
    let mut patch = in_order(patch, modified, field.key())?;
    let same_order = has_same_order(original, modified, field.key())?;
    patch.append(&mut deleted);
    let any = !patch.is_empty();
    let ordered = (differences.changes && (any || !same_order)) || (differences.deletions && any);
    let order =
        if ordered { modified.iter().map(|item| super::order::bare(item, field.key())).collect() } else { Vec::new() };
    Ok(ListPatch { patch, deleted: Vec::new(), order })
}

fn has_same_order(original: &[Node], modified: &[Node], key: &str) -> Outcome<bool> {
    if original.len() != modified.len() {
        return Ok(false);
    }
    for (old, new) in original.iter().zip(modified) {
        if !same_key(key_of(old, key)?, key_of(new, key)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn scalars(original: &[Node], modified: &[Node], differences: Differences) -> ListPatch {
    let (old, new) = (sorted(original), sorted(modified));
    let (mut added, mut deleted) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        match next(old.get(i).map(spelt), new.get(j).map(spelt)) {
            Ordering::Equal => (i, j) = (i + 1, j + 1),
            Ordering::Less => {
                if differences.deletions {
                    deleted.push(old[i].clone());
                }
                i += 1;
            }
            Ordering::Greater => {
                if differences.changes {
                    added.push(new[j].clone());
                }
                j += 1;
            }
        }
    }
    super::order::deduplicate(&mut deleted);
    let place = |node: &Node| modified.iter().position(|other| other == node);
    added.sort_by_key(place);
    // kubectl has sorted the live list by now, so an unsorted one counts as changed each time.
    let ordered = (differences.deletions && !deleted.is_empty()) || (differences.changes && old != modified);
    ListPatch { patch: added, deleted, order: if ordered { modified.to_vec() } else { Vec::new() } }
}

/// Which of two sorted lists is to go on: the one with the smaller key, or both.
fn next(old: Option<String>, new: Option<String>) -> Ordering {
    match (old, new) {
        (Some(old), Some(new)) => old.cmp(&new),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    }
}

fn sorted(items: &[Node]) -> Vec<Node> {
    let mut items = items.to_vec();
    items.sort_by_key(spelt);
    items
}

/// Items that came or changed, and directives for those that went.
fn keyed(
    original: &[Node],
    modified: &[Node],
    field: Field,
    differences: Differences,
) -> Outcome<(Vec<Node>, Vec<Node>)> {
    let (old, new) = (by_key(original, field.key())?, by_key(modified, field.key())?);
    let (mut patch, mut deleted) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        match next(old.get(i).map(|(key, _)| key.clone()), new.get(j).map(|(key, _)| key.clone())) {
            Ordering::Equal => {
                let (before, after) = (old[i].1, new[j].1);
                if let (Data::Map(before), Data::Map(inner)) = (&before.data, &after.data) {
                    let mut part = maps(before, inner, field.inner, differences)?;
                    if !part.is_empty() {
                        part.put(field.key(), key_of(after, field.key())?.clone());
                        patch.push(Node::map(part, after.at));
                    }
                }
                (i, j) = (i + 1, j + 1);
            }
            Ordering::Less => {
                if differences.deletions {
                    deleted.push(deletion(old[i].1, field.key())?);
                }
                i += 1;
            }
            Ordering::Greater => {
                if differences.changes {
                    patch.push(new[j].1.clone());
                }
                j += 1;
            }
        }
    }
    Ok((patch, deleted))
}

/// Items sorted by key; of equal ones the last comes first, as kubectl's sorting leaves them.
fn by_key<'n>(items: &'n [Node], key: &str) -> Outcome<Vec<(String, &'n Node)>> {
    let mut keyed =
        items.iter().rev().map(|item| Ok((spelt(key_of(item, key)?), item))).collect::<Outcome<Vec<_>>>()?;
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(keyed)
}

fn deletion(item: &Node, key: &str) -> Outcome<Node> {
    let mut map = Map::new();
    map.put(key, key_of(item, key)?.clone());
    map.put(DIRECTIVE, Node::text("delete", item.at));
    Ok(Node::map(map, item.at))
}
