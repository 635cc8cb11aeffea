//! Changes of which it is seen without merging anything that both ways of applying merge them alike: plain values that
//! become others, in a form that stays. Most changes are such.

use super::kind::{Atom, Kind, ListKind};
use super::paths::Scalar;
use crate::value::{Data, Node};
use std::collections::BTreeSet;

/// Whether a change is of that sort.
#[must_use]
pub(crate) fn is_plain(old: &Node, new: &Node, kind: Kind<'_>) -> bool {
    match (kind.atom(Some(new)), &old.data, &new.data) {
        (_, Data::Null, _) | (_, _, Data::Null) => false,
        (Atom::Map(inner), Data::Map(before), Data::Map(after)) => {
            before.len() == after.len()
                && after.iter().all(|(key, new)| {
                    let kind = inner.inside(&key.name);
                    kind.zip(before.get(&key.name)).is_some_and(|(kind, old)| is_plain(old, new, kind))
                })
        }
        (Atom::List(list), Data::List(before), Data::List(after)) => lists(before, after, list),
        (Atom::Plain(_), _, _) => old.as_map().is_none() && old.as_list().is_none(),
        _ => false,
    }
}

fn lists(old: &[Node], new: &[Node], kind: ListKind<'_>) -> bool {
    let Some(key) = kind.merge_key() else {
        return (kind.is_atomic() && !kind.merges || old == new) && !new.iter().any(has_null);
    };
    let mut seen = BTreeSet::new();
    old.len() == new.len()
        && old.iter().zip(new).all(|(old, new)| {
            kind.step(new).is_ok_and(|step| kind.step(old) == Ok(step))
                && new.get(key).is_some_and(|key| seen.insert(Scalar::of(key)))
                && is_plain(old, new, kind.item)
        })
}

fn has_null(node: &Node) -> bool {
    node.is_null() || node.items().any(has_null) || node.entries().any(|(_, inner)| has_null(inner))
}
