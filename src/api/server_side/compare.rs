//! Which fields a value has, and in which fields two values differ.
//!
//! Follows `sigs.k8s.io/structured-merge-diff/v6/typed: tofieldset.go, compare.go`.

use super::kind::{Atom, Kind, ListKind, MapKind};
use super::paths::{Paths, Step};
use crate::value::{Data, Map, Node};
use std::collections::{BTreeMap, BTreeSet};

/// In which fields two values differ.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// Those that only the first has.
    pub removed: Paths,
    /// Those that both have, with other values.
    pub modified: Paths,
    /// Those that only the second has.
    pub added: Paths,
}

/// The fields that a value has.
#[must_use]
pub(crate) fn fields(value: &Node, kind: Kind<'_>) -> Paths {
    let mut found = Paths::default();
    match (kind.atom(Some(value)), &value.data) {
        (Atom::Map(inner), Data::Map(map)) if !inner.atomic => {
            for (key, node) in map.iter() {
                let step = Step::Field(key.name.clone());
                let is_empty = node.is_null() || node.as_map().is_some_and(Map::is_empty);
                let kind = inner.inside(&key.name).unwrap_or(Kind::Any);
                if is_empty || !inner.names(&key.name) || is_leaf(node, kind) {
                    found.insert(step.clone());
                }
                found.put(step, fields(node, kind));
            }
        }
        (Atom::List(list), Data::List(items)) if !list.is_atomic() => {
            let steps: Vec<Option<Step>> = items.iter().map(|item| list.step(item).ok()).collect();
            let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
            for step in steps.iter().flatten() {
                if !seen.insert(step) {
                    twice.insert(step);
                }
            }
            for (item, step) in items.iter().zip(&steps) {
                let Some(step) = step else { continue };
                found.insert(step.clone());
                if !twice.contains(step) {
                    found.put(step.clone(), fields(item, list.item));
                }
            }
        }
        _ => {}
    }
    found
}

/// Whether a value is a field by itself, and not what is within it.
fn is_leaf(value: &Node, kind: Kind<'_>) -> bool {
    match kind.atom(Some(value)) {
        Atom::Plain(_) => true,
        Atom::Map(map) => map.atomic,
        Atom::List(list) => list.is_atomic(),
    }
}

/// In which fields two values of a type differ.
#[must_use]
pub(crate) fn differences(old: &Node, new: &Node, kind: Kind<'_>) -> Differences {
    let mut found = Differences::default();
    found.values(Some(old), Some(new), kind);
    found
}

/// What became of a value itself, which whoever holds it notes down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Removed,
    Modified,
    Added,
}

impl Differences {
    fn note(&mut self, step: &Step, fate: Fate) {
        match fate {
            Fate::Removed => self.removed.insert(step.clone()),
            Fate::Modified => self.modified.insert(step.clone()),
            Fate::Added => self.added.insert(step.clone()),
        }
    }

    fn within(&mut self, step: Step, old: Option<&Node>, new: Option<&Node>, kind: Kind<'_>) {
        let mut inner = Self::default();
        let fates = inner.values(old, new, kind);
        fates.into_iter().flatten().for_each(|fate| self.note(&step, fate));
        self.removed.put(step.clone(), inner.removed);
        self.modified.put(step.clone(), inner.modified);
        self.added.put(step, inner.added);
    }

    /// Compares two values, of which at most one is absent.
    fn values(&mut self, old: Option<&Node>, new: Option<&Node>, kind: Kind<'_>) -> [Option<Fate>; 2] {
        let (before, after) = (kind.atom(old), kind.atom(new));
        let mut fates = [None, None];
        let is_leaf = if new.is_none() {
            self.atoms(old, new, before, &mut fates[0])
        } else {
            if old.is_some() && !before.is_like(&after) {
                self.atoms(old, new, before, &mut fates[1]);
            }
            self.atoms(old, new, after, &mut fates[0])
        };
        if !is_leaf {
            match (old, new) {
                (None, _) => fates[0] = Some(Fate::Added),
                (_, None) => fates[0] = Some(Fate::Removed),
                _ => {}
            }
        }
        fates
    }

    /// Whether the two were compared whole.
    fn atoms(&mut self, old: Option<&Node>, new: Option<&Node>, atom: Atom<'_>, fate: &mut Option<Fate>) -> bool {
        let is_leaf = match atom {
            Atom::Plain(_) => true,
            Atom::Map(map) => !self.maps(old, new, map),
            Atom::List(list) => !self.lists(old, new, list),
        };
        if is_leaf {
            *fate = match (old, new) {
                (None, _) => Some(Fate::Added),
                (_, None) => Some(Fate::Removed),
                (Some(old), Some(new)) => (old != new).then_some(Fate::Modified),
            };
        }
        is_leaf
    }

    fn maps(&mut self, old: Option<&Node>, new: Option<&Node>, kind: MapKind<'_>) -> bool {
        let (old, new) = (old.and_then(Node::as_map), new.and_then(Node::as_map));
        if kind.atomic || old.is_none_or(Map::is_empty) && new.is_none_or(Map::is_empty) {
            return false;
        }
        for (key, value) in old.into_iter().flat_map(Map::iter) {
            let other = new.and_then(|new| new.get(&key.name));
            let inner = kind.inside(&key.name).unwrap_or(Kind::Any);
            self.within(Step::Field(key.name.clone()), Some(value), other, inner);
        }
        for (key, value) in new.into_iter().flat_map(Map::iter) {
            if old.is_none_or(|old| !old.has(&key.name)) {
                let inner = kind.inside(&key.name).unwrap_or(Kind::Any);
                self.within(Step::Field(key.name.clone()), None, Some(value), inner);
            }
        }
        true
    }

    fn lists(&mut self, old: Option<&Node>, new: Option<&Node>, kind: ListKind<'_>) -> bool {
        let items = |node: Option<&Node>| node.is_some_and(|node| node.items().next().is_some());
        if kind.is_atomic() || !items(old) && !items(new) {
            return false;
        }
        let mut pairs: BTreeMap<Step, [Vec<&Node>; 2]> = BTreeMap::new();
        for (side, list) in [old, new].into_iter().enumerate() {
            for item in list.into_iter().flat_map(Node::items) {
                if let Ok(step) = kind.step(item) {
                    pairs.entry(step).or_default()[side].push(item);
                }
            }
        }
        for (step, [old, new]) in pairs {
            match (old.len(), new.len()) {
                (0 | 1, 0 | 1) => self.within(step, old.first().copied(), new.first().copied(), kind.item),
                (0 | 1, _) => {
                    if let Some(old) = old.first() {
                        self.within(step.clone(), Some(old), None, kind.item);
                    }
                    self.added.insert(step);
                }
                (_, 0 | 1) => {
                    if let Some(new) = new.first() {
                        self.within(step.clone(), None, Some(new), kind.item);
                    }
                    self.removed.insert(step);
                }
                _ if old != new => self.modified.insert(step),
                _ => {}
            }
        }
        true
    }
}

/// The same fields, and each named field in which some of them are.
#[must_use]
pub(crate) fn with_holders(fields: &Paths, kind: Kind<'_>) -> Paths {
    let mut all = fields.clone();
    for (step, inner) in fields.steps_within() {
        let within = match (step, kind.atom(None)) {
            (Step::Field(name), Atom::Map(map)) => {
                if map.names(name) {
                    all.insert(step.clone());
                }
                map.inside(name).map(|kind| with_holders(inner, kind))
            }
            (Step::Key(_) | Step::Value(_), Atom::List(list)) => Some(with_holders(inner, list.item)),
            _ => None,
        };
        if let Some(within) = within {
            all.put(step.clone(), within);
        }
    }
    all
}
