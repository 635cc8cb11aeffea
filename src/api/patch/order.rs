//! The order of merged lists: that of the manifest, and what only the server has is put between.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go: normalizeElementOrder,
//! mergeSortedSlice`.

use super::{Outcome, fault, is_deletion, key_of, spelt};
use crate::value::{Data, Map, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Where the items of a list are, by their keys, or by themselves where there is no key. Of equal ones the first
/// counts.
pub(super) struct Places<'k> {
    key: &'k str,
    places: BTreeMap<Mark, usize>,
}

/// What two equal keys have in common: type and spelling.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Mark(u8, String);

impl<'k> Places<'k> {
    /// The places of a list.
    pub(super) fn of<'n>(list: impl IntoIterator<Item = &'n Node>, key: &'k str) -> Outcome<Self> {
        let mut places = Self { key, places: BTreeMap::new() };
        for (place, item) in list.into_iter().enumerate() {
            places.note(item, place)?;
        }
        Ok(places)
    }

    /// Notes an item that has come to the list.
    pub(super) fn note(&mut self, item: &Node, place: usize) -> Outcome<()> {
        let mark = self.mark(item)?;
        self.places.entry(mark).or_insert(place);
        Ok(())
    }

    /// Where an item with the same key is.
    pub(super) fn find(&self, item: &Node) -> Outcome<Option<usize>> {
        if self.places.is_empty() {
            return Ok(None);
        }
        Ok(self.places.get(&self.mark(item)?).copied())
    }

    /// Maps and lists cannot be keys: kubectl breaks down there.
    fn mark(&self, item: &Node) -> Outcome<Mark> {
        let value = if self.key.is_empty() { item } else { key_of(item, self.key)? };
        let kind = match &value.data {
            Data::Null => 0,
            Data::Bool(_) => 1,
            Data::Int(_) => 2,
            Data::Float(_) => 3,
            Data::Text(_) => 4,
            Data::List(_) | Data::Map(_) => return fault("a merge key is no plain value"),
        };
        Ok(Mark(kind, spelt(value)))
    }
}

/// Whether two keys are equal. Maps and lists cannot be keys.
pub(super) fn same_key(one: &Node, other: &Node) -> Outcome<bool> {
    match (&one.data, &other.data) {
        (Data::Map(_), Data::Map(_)) | (Data::List(_), Data::List(_)) => fault("a merge key is no plain value"),
        (one, other) => Ok(one == other),
    }
}

/// An item with nothing but its key.
pub(super) fn bare(item: &Node, key: &str) -> Node {
    let mut map = Map::new();
    if let Some((key, value)) = item.as_map().and_then(|map| map.entry(key)) {
        map.set(key.clone(), value.clone());
    }
    Node::map(map, item.at)
}

/// Leaves one of each plain value. The last takes the place of the one that goes, as kubectl does it.
pub(super) fn deduplicate(items: &mut Vec<Node>) {
    let mut seen = BTreeSet::new();
    if items.iter().all(|item| seen.insert(spelt(item))) {
        return;
    }
    let mut i = 0;
    while i < items.len() {
        let mut j = i + 1;
        while j < items.len() {
            if items[i] == items[j] {
                items.swap_remove(j);
            } else {
                j += 1;
            }
        }
        i += 1;
    }
}

/// Sorts items as they are in `order`; those to delete come last.
pub(super) fn in_order(items: Vec<Node>, order: &[Node], key: &str) -> Outcome<Vec<Node>> {
    let places = Places::of(order, key)?;
    let mut placed = Vec::with_capacity(items.len());
    for item in items {
        let place = if !key.is_empty() && is_deletion(&item) {
            key_of(&item, key)?;
            usize::MAX
        } else {
            places.find(&item)?.map_or(0, |place| place + 1)
        };
        placed.push((place, item));
    }
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, item)| item).collect())
}

/// Brings a merged list into order: by the patch where it says so, by the server where it does not.
pub(super) fn arrange(merged: Vec<Node>, patch_order: &[Node], server_order: &[Node], key: &str) -> Outcome<Vec<Node>> {
    let listed = Places::of(patch_order, key)?;
    let (mut patched, mut server_only) = (Vec::new(), Vec::new());
    for item in merged {
        if !key.is_empty() {
            key_of(&item, key)?;
        }
        if listed.find(&item)?.is_some() { patched.push(item) } else { server_only.push(item) }
    }
    let patched = in_order(patched, patch_order, key)?;
    let server_only = in_order(server_only, server_order, key)?;
    interleave(server_only, patched, &Places::of(server_order, key)?)
}

/// Puts items that only the server has between those of the patch, by the order that the server knows.
fn interleave(server_only: Vec<Node>, patched: Vec<Node>, server_order: &Places<'_>) -> Outcome<Vec<Node>> {
    let mut all = Vec::with_capacity(server_only.len() + patched.len());
    let (mut left, mut right) = (server_only.into_iter().peekable(), patched.into_iter().peekable());
    while let (Some(server), Some(patch)) = (left.peek(), right.peek()) {
        let before = match (server_order.find(server)?, server_order.find(patch)?) {
            (Some(server), Some(patch)) => server < patch,
            _ => false,
        };
        all.extend(if before { left.next() } else { right.next() });
    }
    all.extend(right);
    all.extend(left);
    Ok(all)
}
