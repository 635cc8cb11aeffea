//! The specs of one app in several environments as one: what all share in the app, what differs in each environment.
//! Knows how environments are laid over the app, and nothing of what the fields mean.

use super::draft::{Draft, rank};
use crate::block::Shape;
use crate::merge::merge;
use crate::source::At;
use crate::spec::app::Environment;
use crate::value::{Data, Key, Map, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// One spec that has all environments; of a single one without a name, its own.
pub(super) fn factor(mut drafts: Vec<(Text, Draft)>, at: At) -> Draft {
    part_files(&mut drafts);
    super::names::agree(&mut drafts);
    let mut files = BTreeMap::new();
    let specs: Vec<(Text, Map)> = drafts
        .into_iter()
        .map(|(name, draft)| {
            files.extend(draft.files);
            (name, draft.spec)
        })
        .collect();
    let mut spec = Map::new();
    let mut layers: Vec<Map> = vec![Map::new(); specs.len()];
    for key in fields(&specs) {
        let values: Vec<Option<&Node>> = specs.iter().map(|(_, spec)| spec.get(&key)).collect();
        let names: Vec<&str> = specs.iter().map(|(name, _)| &**name).collect();
        let tried = [Sharing::Fewest, Sharing::Union]
            .into_iter()
            .map(|way| split(&key, &values, &names, way, 0))
            .find(|split| holds(split, &key, &values, at));
        let Split { shared, over } =
            tried.unwrap_or_else(|| Split { shared: None, over: values.iter().map(|value| value.cloned()).collect() });
        if let Some(shared) = shared {
            spec.put(key.clone(), shared);
        }
        for (layer, over) in layers.iter_mut().zip(over) {
            if let Some(over) = over {
                layer.put(key.clone(), over);
            }
        }
    }
    let environments = specs
        .iter()
        .zip(layers)
        .map(|((name, _), layer)| (Key { name: name.clone(), at }, Node::map(layer, at)))
        .collect();
    spec.put("environments", Node::map(environments, at));
    Draft { spec, files, names: None, said: Vec::new() }
}

/// All fields, in a spec's order.
fn fields(specs: &[(Text, Map)]) -> Vec<Text> {
    let all: BTreeSet<Text> = specs.iter().flat_map(|(_, spec)| spec.iter().map(|(key, _)| key.name.clone())).collect();
    let mut all: Vec<Text> = all.into_iter().collect();
    all.sort_by_key(|key| rank(key));
    all
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// What only some have is said by them.
    Fewest,
    /// What only some have is said once and removed by the others, so that the order of all stays.
    Union,
}

/// A value, as the app says it, and as each environment does.
struct Split {
    shared: Option<Node>,
    over: Vec<Option<Node>>,
}

/// Lists that are laid over each other item by item.
const KEYED: [&str; 13] = [
    "containers",
    "initContainers",
    "env",
    "imagePullSecrets",
    "volumes",
    "volumeMounts",
    "volumeDevices",
    "hostAliases",
    "topologySpreadConstraints",
    "volumeClaimTemplates",
    "objects",
    "patches",
    "allow",
];

fn split(key: &str, values: &[Option<&Node>], names: &[&str], way: Sharing, depth: usize) -> Split {
    let count = values.len();
    let nothing = || vec![None; count];
    let first = values.iter().flatten().next();
    let Some(first) = first else { return Split { shared: None, over: nothing() } };
    if values.iter().all(|value| *value == Some(first)) {
        return Split { shared: Some((*first).clone()), over: nothing() };
    }
    let all_maps =
        values.iter().all(|value| value.is_none_or(|value| value.as_map().is_some_and(|map| !map.is_empty())));
    let present = values.iter().flatten().count();
    if all_maps && present > 1 && key != "volumes" && key != "volume" {
        return split_map(values, first.at, names, way, depth);
    }
    if depth == 0 && matches!(key, "objects" | "patches" | "allow") {
        return split_list(values, first.at);
    }
    let keyed = values.iter().flatten().any(|value| value.as_list().is_some()) && KEYED.contains(&key);
    if let Some(pattern) = values.iter().all(Option::is_some).then(|| named_after(values, names)).flatten() {
        return Split { shared: Some(pattern), over: nothing() };
    }
    // What most have is the app's; the first of those that are equally frequent.
    let often = |value: &Node| values.iter().filter(|other| **other == Some(value)).count();
    let most = values.iter().flatten().map(|value| often(value)).max().unwrap_or(0);
    let usual = values.iter().flatten().find(|value| often(value) == most);
    let shares = !keyed && key != "namespace" && (present == count || most * 2 > count || way == Sharing::Union);
    let usual = usual.filter(|value| shares && !(value.as_map().is_some_and(Map::is_empty)));
    let Some(usual) = usual else {
        return Split { shared: None, over: values.iter().map(|value| value.cloned()).collect() };
    };
    let over = values
        .iter()
        .map(|value| match value {
            Some(value) if value == usual => None,
            Some(value) => Some((*value).clone()),
            None => Some(Node::null(usual.at)),
        })
        .collect();
    Split { shared: Some((*usual).clone()), over }
}

fn split_map(values: &[Option<&Node>], at: At, names: &[&str], way: Sharing, depth: usize) -> Split {
    /// Larger maps hold data, whose order says nothing.
    const ORDERED: usize = 500;
    let mut keys: Vec<Text> = Vec::new();
    let mut known = BTreeSet::new();
    for value in values.iter().flatten() {
        let mut place = 0;
        for (key, _) in value.entries() {
            if keys.len() > ORDERED {
                if known.insert(key.name.clone()) {
                    keys.push(key.name.clone());
                }
            } else if known.insert(key.name.clone()) {
                keys.insert(place.min(keys.len()), key.name.clone());
                place += 1;
            } else if let Some(found) = keys.iter().position(|other| *other == key.name) {
                place = found + 1;
            }
        }
    }
    let (mut shared, mut over) = (Map::new(), vec![Map::new(); values.len()]);
    for key in keys {
        // An environment that has nothing of the map says nothing of its parts.
        let inner: Vec<Option<&Node>> = values.iter().map(|value| value.and_then(|value| value.get(&key))).collect();
        let split = split(&key, &inner, names, way, depth + 1);
        if let Some(node) = split.shared {
            shared.put(key.clone(), node);
        }
        for (map, node) in over.iter_mut().zip(split.over) {
            if let Some(node) = node {
                map.put(key.clone(), node);
            }
        }
    }
    let shared = (!shared.is_empty()).then(|| Node::map(shared, at));
    let over = over
        .into_iter()
        .zip(values)
        .map(|(map, value)| match value {
            None => shared.as_ref().map(|_| Node::null(at)),
            Some(_) => (!map.is_empty()).then(|| Node::map(map, at)),
        })
        .collect();
    Split { shared, over }
}

/// Objects that all have are the app's, others are said by each environment.
fn split_list(values: &[Option<&Node>], at: At) -> Split {
    let named = |item: &Node| ["kind", "name", "rule"].map(|key| item.get(key).and_then(Node::as_str).map(Text::from));
    let full = |item: &Node| (named(item), item.find(&["metadata", "name"]).and_then(Node::as_str).map(Text::from));
    let lists: Vec<BTreeMap<_, &Node>> = values
        .iter()
        .map(|value| value.iter().flat_map(|value| value.items()).map(|item| (full(item), item)).collect())
        .collect();
    let is_common = |item: &Node| lists.iter().all(|list| list.get(&full(item)) == Some(&item));
    let first = values.iter().flatten().next();
    let common: Vec<Node> =
        first.into_iter().flat_map(|first| first.items()).filter(|item| is_common(item)).cloned().collect();
    let over = values
        .iter()
        .map(|value| {
            let left: Vec<Node> =
                value.iter().flat_map(|value| value.items()).filter(|item| !is_common(item)).cloned().collect();
            (!left.is_empty()).then(|| Node::list(left, at))
        })
        .collect();
    Split { shared: (!common.is_empty()).then(|| Node::list(common, at)), over }
}

/// A text in which each environment has its own name, said once.
fn named_after(values: &[Option<&Node>], names: &[&str]) -> Option<Node> {
    if names.len() < 2 {
        return None;
    }
    let (first, name) = (values.first().copied().flatten()?, names.first()?);
    let text = first.as_str().filter(|text| !text.contains("{{"))?;
    for (position, _) in text.match_indices(name) {
        let (before, after) = (&text[..position], &text[position + name.len()..]);
        if values
            .iter()
            .zip(names)
            .all(|(value, name)| value.and_then(Node::as_str) == Some(&format!("{before}{name}{after}")))
        {
            return Some(Node::text(format!("{before}{{{{ env }}}}{after}"), first.at));
        }
    }
    None
}

/// Whether each environment laid over the app is what it was, in the order in which it was.
fn holds(split: &Split, key: &Text, values: &[Option<&Node>], at: At) -> bool {
    values.iter().zip(&split.over).all(|(value, over)| {
        let wrap = |node: Option<&Node>| {
            let mut map = Map::new();
            if let Some(node) = node {
                map.put(key.clone(), node.clone());
            }
            Node::map(map, at)
        };
        let mut merged = wrap(split.shared.as_ref());
        if over.is_some() {
            merge(&mut merged, &wrap(over.as_ref()), Shape::Block(&Environment::BLOCK));
        }
        match (merged.get(key), value) {
            (None, None) => true,
            (Some(merged), Some(value)) => {
                is_pattern(merged) || matches!(&**key, "objects" | "patches" | "allow") || same(merged, value)
            }
            _ => false,
        }
    })
}

/// A text that each environment reads otherwise: shown to be right when it was made, and again by the compiler.
fn is_pattern(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("{{ env }}"))
}

/// Whether two trees are the same, with all keys in the same order.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.data, &other.data) {
        (Data::Map(map), Data::Map(others)) => {
            map.len() == others.len()
                && map
                    .iter()
                    .zip(others.iter())
                    .all(|((key, value), (other, node))| key.name == other.name && same(value, node))
        }
        (Data::List(items), Data::List(others)) => {
            items.len() == others.len() && items.iter().zip(others).all(|(one, other)| same(one, other))
        }
        _ => one == other || is_pattern(one),
    }
}

/// A file that is another in some environment gets a folder of that environment.
fn part_files(drafts: &mut [(Text, Draft)]) {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, draft) in drafts.iter() {
        for (path, text) in &draft.files {
            texts.entry(path.clone()).or_default().insert(text.clone());
        }
    }
    for (name, draft) in drafts.iter_mut() {
        for (path, _) in texts.iter().filter(|(_, texts)| texts.len() > 1) {
            let Some(text) = draft.files.remove(path) else { continue };
            let rest = path.strip_prefix("conf/").unwrap_or(path);
            let own = format!("conf/{name}/{rest}");
            for field in draft.spec.iter_mut().map(|(_, node)| node) {
                rename(field, path, &own);
            }
            draft.files.insert(own, text);
        }
    }
}

fn rename(node: &mut Node, path: &str, own: &str) {
    if let Some(from) = node.get_mut("from").filter(|from| from.as_str() == Some(path)) {
        *from = Node::text(own, from.at);
        return;
    }
    match &mut node.data {
        Data::Map(map) => map.iter_mut().for_each(|(_, value)| rename(value, path, own)),
        Data::List(items) => items.iter_mut().for_each(|item| rename(item, path, own)),
        _ => {}
    }
}
