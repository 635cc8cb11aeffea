//! What a manifest makes of an object, before what it no longer states is taken away.
//!
//! Follows `sigs.k8s.io/structured-merge-diff/v6/typed/merge.go`.

use super::kind::{Atom, Kind, ListKind, MapKind};
use super::paths::{Paths, Step};
use crate::value::{Data, Map, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Lays a manifest over an object. Nothing where nothing is left.
#[must_use]
pub(crate) fn merge(live: Option<&Node>, manifest: Option<&Node>, kind: Kind<'_>) -> Option<Node> {
    let (old, new) = (kind.atom(live), kind.atom(manifest));
    let atom = if manifest.is_none() { old } else { new };
    match atom {
        Atom::Plain(_) => leaf(live, manifest),
        Atom::Map(map) => maps(live, manifest, map),
        Atom::List(list) => lists(live, manifest, list),
    }
}

fn leaf(live: Option<&Node>, manifest: Option<&Node>) -> Option<Node> {
    manifest.or(live).cloned()
}

fn maps(live: Option<&Node>, manifest: Option<&Node>, kind: MapKind<'_>) -> Option<Node> {
    let (old, new) = (live.and_then(Node::as_map), manifest.and_then(Node::as_map));
    if kind.atomic || old.is_none_or(Map::is_empty) && new.is_none_or(Map::is_empty) {
        return leaf(live, manifest);
    }
    let mut merged = Map::new();
    for (key, value) in old.into_iter().flat_map(Map::iter) {
        let other = new.and_then(|new| new.entry(&key.name));
        let node = self::merge(Some(value), other.map(|(_, node)| node), kind.inside(&key.name).unwrap_or(Kind::Any));
        if let Some(node) = node {
            merged.set(other.map_or(key, |(key, _)| key).clone(), node);
        }
    }
    for (key, value) in new.into_iter().flat_map(Map::iter) {
        if old.is_some_and(|old| old.has(&key.name)) {
            continue;
        }
        if let Some(node) = self::merge(None, Some(value), kind.inside(&key.name).unwrap_or(Kind::Any)) {
            merged.set(key.clone(), node);
        }
    }
    let at = manifest.or(live)?.at;
    (!merged.is_empty()).then(|| Node::map(merged, at))
}

fn lists(live: Option<&Node>, manifest: Option<&Node>, kind: ListKind<'_>) -> Option<Node> {
    let items =
        |node: Option<&Node>| -> Vec<Node> { node.map(|node| node.items().cloned().collect()).unwrap_or_default() };
    let (old, new) = (items(live), items(manifest));
    if kind.is_atomic() || old.is_empty() && new.is_empty() {
        return leaf(live, manifest);
    }
    let merged = Zip::of(&old, &new, kind).merged(kind.item);
    let at = manifest.or(live)?.at;
    (!merged.is_empty()).then(|| Node::list(merged, at))
}

/// The items of two lists, by what tells them apart.
struct Zip<'n> {
    old: Vec<(Step, &'n Node)>,
    new: Vec<(Step, &'n Node)>,
    /// The item of a key; nothing where several have it.
    by_old: BTreeMap<Step, Option<&'n Node>>,
    by_new: BTreeMap<Step, &'n Node>,
}

impl<'n> Zip<'n> {
    fn of(old: &'n [Node], new: &'n [Node], kind: ListKind<'_>) -> Self {
        let steps = |items: &'n [Node]| -> Vec<(Step, &'n Node)> {
            items.iter().filter_map(|item| Some((kind.step(item).ok()?, item))).collect()
        };
        let (old, new) = (steps(old), steps(new));
        let mut by_old: BTreeMap<Step, Option<&Node>> = BTreeMap::new();
        for (step, item) in &old {
            by_old.entry(step.clone()).and_modify(|known| *known = None).or_insert(Some(item));
        }
        let by_new = new.iter().map(|(step, item)| (step.clone(), *item)).collect();
        Self { old, new, by_old, by_new }
    }

    /// In the order of the manifest; items that only the object has stay beside those that they stood beside.
    fn merged(&self, kind: Kind<'_>) -> Vec<Node> {
        let mut out = Vec::new();
        let mut shared = self.new.iter().map(|(step, _)| step).filter(|step| self.by_old.contains_key(step));
        let mut next = shared.next();
        let mut done: BTreeSet<&Step> = BTreeSet::new();
        let both = |step: &Step| merge(self.by_old.get(step).copied().flatten(), self.by_new.get(step).copied(), kind);
        let (mut left, mut right) = (0, 0);
        while left < self.old.len() || right < self.new.len() {
            if let (Some((old, _)), Some((new, _))) = (self.old.get(left), self.new.get(right)) {
                if old == new {
                    done.insert(new);
                    out.extend(both(new));
                    left += 1;
                    right += 1;
                    next = shared.next();
                    continue;
                }
                if self.by_new.contains_key(old) && next.is_some_and(|next| next != old) {
                    left += 1;
                    continue;
                }
            }
            if let Some((old, item)) = self.old.get(left) {
                if !self.by_new.contains_key(old) {
                    out.extend(merge(Some(item), None, kind));
                    left += 1;
                    continue;
                }
                if done.contains(old) {
                    left += 1;
                }
            }
            if let Some((new, _)) = self.new.get(right) {
                done.insert(new);
                out.extend(both(new));
                right += 1;
                if next == Some(new) {
                    next = shared.next();
                }
            }
        }
        out
    }
}

/// Takes fields out of a value; nothing where nothing is left.
#[must_use]
pub(crate) fn remove(value: &Node, kind: Kind<'_>, gone: &Paths) -> Option<Node> {
    match (kind.atom(Some(value)), &value.data) {
        (Atom::Plain(_), _) => Some(value.clone()),
        (Atom::Map(inner), Data::Map(map)) if !inner.atomic && !map.is_empty() => {
            let mut left = Map::new();
            for (key, node) in map.iter() {
                let step = Step::Field(key.name.clone());
                if gone.has(&step) {
                    continue;
                }
                let node = match gone.within(&step) {
                    Some(within) => {
                        let kind = inner.inside(&key.name).unwrap_or(Kind::Any);
                        remove(node, kind, within).unwrap_or_else(|| Node::null(node.at))
                    }
                    None => node.clone(),
                };
                left.set(key.clone(), node);
            }
            (!left.is_empty()).then(|| Node::map(left, value.at))
        }
        (Atom::List(list), Data::List(items)) if !list.is_atomic() && !items.is_empty() => {
            let mut left = Vec::new();
            for item in items {
                let step = list.step(item).ok();
                if step.as_ref().is_some_and(|step| gone.has(step)) {
                    continue;
                }
                left.push(match step.and_then(|step| gone.within(&step)) {
                    Some(within) => remove(item, list.item, within).unwrap_or_else(|| Node::null(item.at)),
                    None => item.clone(),
                });
            }
            (!left.is_empty()).then(|| Node::list(left, value.at))
        }
        _ => None,
    }
}

/// What is left of a value when only some fields of it are kept; nothing where nothing is.
#[must_use]
pub(crate) fn extract(value: &Node, kind: Kind<'_>, kept: &Paths) -> Option<Node> {
    match (kind.atom(Some(value)), &value.data) {
        (Atom::Map(inner), Data::Map(map)) if !inner.atomic && !map.is_empty() => {
            let mut left = Map::new();
            for (key, node) in map.iter() {
                let step = Step::Field(key.name.clone());
                let node = match kept.within(&step) {
                    Some(within) => extract(node, inner.inside(&key.name).unwrap_or(Kind::Any), within),
                    None => kept.has(&step).then(|| node.clone()),
                };
                if let Some(node) = node {
                    left.set(key.clone(), node);
                }
            }
            (!left.is_empty()).then(|| Node::map(left, value.at))
        }
        (Atom::List(list), Data::List(items)) if !list.is_atomic() && !items.is_empty() => {
            let keep = |item: &Node| {
                let step = list.step(item).ok()?;
                match kept.within(&step) {
                    Some(within) => extract(item, list.item, within),
                    None => kept.has(&step).then(|| item.clone()),
                }
            };
            let left: Vec<Node> = items.iter().filter_map(keep).collect();
            (!left.is_empty()).then(|| Node::list(left, value.at))
        }
        _ => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::server_side::kind::Whole;
    use crate::diagnostic::Diagnostics;
    use crate::k8s::shape::Shape;
    use crate::k8s::version::Version;
    use crate::source::Sources;
    use crate::yaml::{parts, read_part};

    fn read(text: &str) -> Node {
        let id = Sources::default().add("t", text);
        read_part(id, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap()
    }

    fn pod(live: &str, manifest: &str) -> Node {
        let kind = Kind::Shape(Shape::named("core.v1.PodSpec", Version::NEWEST).unwrap(), Whole::Unsaid);
        merge(Some(&read(live)), Some(&read(manifest)), kind).unwrap()
    }

    #[test]
    fn lists_merge_by_their_keys_and_what_only_the_object_has_keeps_its_place() {
        let merged = pod(
            "containers: [{name: a, image: x}, {name: injected}, {name: b, image: y}]",
            "containers: [{name: b, image: z}, {name: a}]",
        );
        assert_eq!(merged, read("containers: [{name: injected}, {name: b, image: z}, {name: a, image: x}]"));
    }

    #[test]
    fn ports_differ_by_their_protocol() {
        let merged = pod(
            "containers: [{name: a, ports: [{containerPort: 53, protocol: UDP}]}]",
            "containers: [{name: a, ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53}]}]",
        );
        assert_eq!(
            merged,
            read("containers: [{name: a, ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53}]}]")
        );
    }

    #[test]
    fn what_is_atomic_is_taken_whole() {
        let merged = pod("nodeSelector: {a: x}\ntolerations: [{key: a}]", "nodeSelector: {b: y}\ntolerations: []");
        assert_eq!(merged, read("nodeSelector: {b: y}\ntolerations: []"));
    }

    #[test]
    fn a_null_stays_and_an_empty_map_takes_nothing_away() {
        let merged = pod("hostname: a\nsecurityContext: {runAsUser: 1}", "hostname: null\nsecurityContext: {}");
        assert_eq!(merged, read("hostname: null\nsecurityContext: {runAsUser: 1}"));
    }
}
