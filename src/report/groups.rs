//! Objects of which the same is said, told together: five volumes that grow alike are one line.

use super::compact::compact;
use crate::bundle::ResourceId;
use crate::review::Change;
use std::collections::{BTreeMap, BTreeSet};

/// Objects of one kind, of which the same is said, in the order in which the first of them comes.
pub(super) fn grouped<'c, K: Ord>(changes: &[&'c Change], alike: impl Fn(&Change) -> K) -> Vec<Vec<&'c Change>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    for (position, change) in changes.iter().enumerate() {
        // What has another name now stands alone: its old name is said with it.
        let alone = change.from.as_ref().map(|_| position);
        let key = (change.verdict, change.kind.word(), &change.id.kind, &change.id.namespace, alone, alike(change));
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}

/// What the objects of a group are called, those that end in successive numbers together, and how many each name stands
/// for.
pub(super) fn names(group: &[&Change]) -> Vec<(String, usize)> {
    if let [change] = group {
        let from = change.from.as_ref().map(|from| format!(" (was {from})")).unwrap_or_default();
        return vec![(format!("{}{from}", change.id), 1)];
    }
    let all: BTreeSet<&str> = group.iter().map(|change| change.id.name.as_str()).collect();
    let full = |name: String| ResourceId { name: name.into(), ..group[0].id.clone() }.to_string();
    compact(&all).into_iter().map(|(name, count)| (full(name), count)).collect()
}
