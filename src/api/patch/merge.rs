//! Merging: a patch into an object, or into another patch.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go: mergeMap, mergeSlice`.

use super::order::{Places, arrange, bare, deduplicate, same_key};
use super::{
    DELETE_FROM, DIRECTIVE, Field, ORDER, Outcome, RETAIN, Type, fault, field_of, is_directive, is_map, item_type,
    key_of, list_field_of, same_type, spelt,
};
use crate::value::{Data, Key, Map, Node, Text};

/// What a patch is merged into.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Onto {
    /// Another patch: directives are kept.
    Patch,
    /// An object: directives are obeyed, and nulls take things away.
    Object,
}

/// Merges a patch into an object or another patch.
pub(super) fn maps(original: &mut Map, mut patch: Map, kind: Type, onto: Onto) -> Outcome<()> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => *original = patch,
            Some("delete") => *original = Map::new(),
            _ => return fault(format!("unknown patch type {}", spelt(&directive))),
        }
        return Ok(());
    }
    retain_keys(original, &mut patch, onto)?;
    ordered_lists(original, &mut patch, kind, onto)?;
    for (key, new) in patch {
        let deleted_from = key.name.strip_prefix(DELETE_FROM).map(|rest| rest.strip_prefix('/').map(Text::from));
        let (key, deletes) = match deleted_from {
            Some(_) if onto == Onto::Patch => {
                original.set(key, new);
                continue;
            }
            Some(None) => return fault("invalid patch format of primitive list"),
            Some(Some(name)) => (Key { name, at: key.at }, true),
            None => (key, false),
        };
        field_into(original, key, new, kind, onto, deletes)?;
    }
    Ok(())
}

fn field_into(original: &mut Map, key: Key, new: Node, kind: Type, onto: Onto, deletes: bool) -> Outcome<()> {
    if new.is_null() {
        original.remove(&key.name);
        if onto == Onto::Patch {
            original.set(key, new);
        }
        return Ok(());
    }
    let Some(old) = original.get_mut(&key.name).filter(|old| same_type(old, &new)) else {
        if !deletes {
            take(original, key, new, onto);
        }
        return Ok(());
    };
    match (&mut old.data, new.data) {
        (Data::Map(inner), Data::Map(part)) => {
            let field = field_of(kind, &key.name)?;
            if field.replaces() {
                *inner = part;
            } else {
                maps(inner, part, field.inner, onto)?;
            }
        }
        (Data::List(items), Data::List(part)) => {
            let field = list_field_of(kind, &key.name)?;
            *items = if field.merges() || deletes {
                lists(std::mem::take(items), part, field, onto, deletes)?
            } else {
                part
            };
            old.at = new.at;
        }
        (data, new_data) => {
            *data = new_data;
            old.at = new.at;
        }
    }
    Ok(())
}

/// Takes a value of the patch as it is, without what are instructions only.
fn take(original: &mut Map, key: Key, mut new: Node, onto: Onto) {
    if onto == Onto::Object {
        discard_nulls(&mut new);
    }
    if is_directive(&new) {
        original.remove(&key.name);
    } else {
        discard_directives(&mut new);
        original.set(key, new);
    }
}

fn discard_nulls(node: &mut Node) {
    match &mut node.data {
        Data::Map(map) => map.retain(|_, value| {
            discard_nulls(value);
            !value.is_null()
        }),
        Data::List(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

fn discard_directives(node: &mut Node) {
    match &mut node.data {
        Data::Map(map) => map.retain(|_, value| {
            discard_directives(value);
            !is_directive(value)
        }),
        Data::List(items) => {
            items.retain(|item| !is_directive(item));
            items.iter_mut().for_each(discard_directives);
        }
        _ => {}
    }
}

/// Obeys the directive that names the keys that stay, or hands it on.
fn retain_keys(original: &mut Map, patch: &mut Map, onto: Onto) -> Outcome<()> {
    let Some((key, directive)) = patch.take(RETAIN) else { return Ok(()) };
    if onto == Onto::Patch {
        match original.get(RETAIN) {
            Some(known) if *known != directive => return fault("two patches retain different keys"),
            Some(_) => {}
            None => {
                original.set(key, directive);
            }
        }
        return Ok(());
    }
    let stays = |name: &str| directive.items().any(|item| item.as_str() == Some(name));
    let bad = |(key, value): (&Key, &Node)| {
        !value.is_null() && !key.name.starts_with(DELETE_FROM) && !key.name.starts_with(ORDER) && !stays(&key.name)
    };
    if directive.as_list().is_none() || patch.iter().any(bad) {
        return fault("invalid patch format of retainKeys");
    }
    original.retain(|key, _| stays(&key.name));
    Ok(())
}

/// Merges the lists whose order the patch gives; they are done with afterwards.
fn ordered_lists(original: &mut Map, patch: &mut Map, kind: Type, onto: Onto) -> Outcome<()> {
    let orders: Vec<Text> =
        patch.iter().map(|(key, _)| key.name.clone()).filter(|name| name.starts_with(ORDER)).collect();
    for name in orders {
        let Some((key, order)) = patch.take(&name) else { continue };
        if onto == Onto::Patch {
            match original.get(&name) {
                Some(known) if *known != order => return fault("invalid patch format of setElementOrder list"),
                Some(_) => {}
                None => {
                    original.set(key, order.clone());
                }
            }
        }
        let Some(list) = name.strip_prefix(ORDER).and_then(|rest| rest.strip_prefix('/')) else {
            return fault("invalid patch format of setElementOrder list");
        };
        ordered_list(original, patch, list, &order, kind, onto)?;
    }
    Ok(())
}

fn ordered_list(original: &mut Map, patch: &mut Map, name: &str, order: &Node, kind: Type, onto: Onto) -> Outcome<()> {
    let Some(order) = order.as_list() else { return fault("expected a list of the order of elements") };
    let items = |node: Option<&Node>| match node.map(|node| &node.data) {
        None => Ok(None),
        Some(Data::List(items)) => Ok(Some(items.clone())),
        Some(_) => fault(format!("expected a list under {name:?}")),
    };
    let (old, new) = (items(original.get(name))?, items(patch.get(name))?);
    let field = list_field_of(kind, name)?;
    check_order(new.as_deref().unwrap_or_default(), order, field.key())?;
    let before = old.clone().unwrap_or_default();
    let merged = match (old, new) {
        (None, None) => return Ok(()),
        (Some(old), None) => old,
        (None, Some(mut new)) => {
            new.retain(|item| !is_directive(item));
            new.iter_mut().for_each(discard_directives);
            new
        }
        (Some(old), Some(new)) if field.merges() => lists(old, new, field, onto, false)?,
        (Some(_), Some(new)) => new,
    };
    let patched = patch.take(name);
    let patch_items = patched.iter().flat_map(|(_, node)| node.items());
    if item_type(before.iter().chain(patch_items))?.is_none() {
        return fault("no elements in any of the given slices");
    }
    let merged = arrange(merged, order, &before, field.key())?;
    let (key, at) = match (patched, original.entry(name)) {
        (Some((key, node)), _) => (key, node.at),
        (None, Some((key, node))) => (key.clone(), node.at),
        (None, None) => return Ok(()),
    };
    original.set(key, Node::list(merged, at));
    Ok(())
}

/// The items of a patch must be in the order that it gives.
fn check_order(items: &[Node], order: &[Node], key: &str) -> Outcome<()> {
    if items.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in items.iter().filter(|item| key.is_empty() || !is_directive(item)) {
        let found = loop {
            let Some(next) = rest.next() else { break false };
            let same = if key.is_empty() { item == next } else { same_key(key_of(item, key)?, key_of(next, key)?)? };
            if same {
                break true;
            }
        };
        if !found {
            return fault("The order in patch list doesn't match $setElementOrder list");
        }
    }
    Ok(())
}

fn lists(original: Vec<Node>, patch: Vec<Node>, field: Field, onto: Onto, deletes: bool) -> Outcome<Vec<Node>> {
    let Some(first) = item_type(original.iter().chain(&patch))? else { return Ok(original) };
    if !is_map(first) {
        if onto == Onto::Object && deletes {
            return Ok(original.into_iter().filter(|item| !patch.contains(item)).collect());
        }
        let mut both: Vec<Node> = original.iter().chain(&patch).cloned().collect();
        deduplicate(&mut both);
        return arrange(both, &patch, &original, "");
    }
    if field.key().is_empty() {
        return fault("cannot merge lists without merge key");
    }
    let (original, patch) = obey_directives(original, patch, field.key())?;
    let order: Vec<Node> = original.iter().map(|item| bare(item, field.key())).collect();
    let patch_order: Vec<Node> = patch.iter().map(|item| bare(item, field.key())).collect();
    let mut merged = original;
    let keyed = merged.iter().enumerate().filter(|(_, item)| item.get(field.key()).is_some());
    let mut places = Places::of([], field.key())?;
    for (place, item) in keyed {
        places.note(item, place)?;
    }
    for item in patch {
        key_of(&item, field.key())?;
        match places.find(&item)?.and_then(|place| merged.get_mut(place)) {
            Some(known) => {
                if let (Data::Map(inner), Data::Map(part)) = (&mut known.data, item.data) {
                    maps(inner, part, field.inner, onto)?;
                }
            }
            None => {
                places.note(&item, merged.len())?;
                merged.push(item);
            }
        }
    }
    arrange(merged, &patch_order, &order, field.key())
}

/// Deletes from a list what the patch says, and leaves the patch without directives.
fn obey_directives(mut original: Vec<Node>, patch: Vec<Node>, key: &str) -> Outcome<(Vec<Node>, Vec<Node>)> {
    let (mut plain, mut replace) = (Vec::new(), false);
    for item in patch {
        match item.get(DIRECTIVE).map(|directive| directive.as_str().unwrap_or_default()) {
            None => plain.push(item),
            Some("delete") => {
                let value = key_of(&item, key)?;
                if value.as_map().is_some() || value.as_list().is_some() {
                    return fault("a merge key is no plain value");
                }
                original.retain(|other| other.get(key) != Some(value));
            }
            Some("replace") => replace = true,
            Some(other) => return fault(format!("unknown patch type {other}")),
        }
    }
    Ok(if replace { (plain, Vec::new()) } else { (original, plain) })
}
