//! Whether what a spec compiles to is what was imported: object by object, as the API server would store them, and by a
//! rehearsal of both.

use crate::api::admission::{self, kind_of};
use crate::api::custom::Customs;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::facts::ClusterFacts;
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::k8s::wire;
use crate::review::notes::Note;
use crate::review::runbook::files::Files;
use crate::review::{self, Review, Setting};
use crate::source::At;
use crate::value::{Data, Node, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// In which way an object did not come back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// Which.
    pub(super) id: ResourceId,
    /// In which way.
    pub(super) way: Mismatch,
    /// Where that is in the input; the place of its set for what came from nowhere.
    pub(super) at: At,
}

/// In which way an object did not come back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mismatch {
    /// It is not made.
    Missing,
    /// Nobody asked for it.
    Extra,
    /// A field is another.
    Differs(String),
}

/// An object as the server stores it; what no model knows is as it is written.
pub(super) fn stored(resource: &Resource, home: &str, version: Version) -> Node {
    let known = kind_of(&resource.api_version, &resource.id.kind).is_some();
    let answer = known.then(|| admission::create(&resource.node, version).object).flatten();
    let mut node = answer.map_or_else(
        || resource.node.clone(),
        |object| match shape::shape_of(&resource.api_version, &resource.id.kind, version) {
            Some(shape) => wire::written(&object, shape),
            None => object,
        },
    );
    let namespaced = is_namespaced(resource);
    let at = node.at;
    if let Some(metadata) = node.get_mut("metadata").and_then(Node::as_map_mut) {
        if !namespaced {
            metadata.remove("namespace");
        } else if !metadata.has("namespace") {
            metadata.put("namespace", Node::text(home, at));
        }
    }
    node
}

fn is_namespaced(resource: &Resource) -> bool {
    shape::find(&resource.api_version, &resource.id.kind).is_none_or(|known| known.namespaced)
}

fn name(resource: &Resource, home: &str) -> ResourceId {
    let mut id = resource.id.clone();
    if !is_namespaced(resource) {
        id.namespace = Text::default();
    } else if id.namespace.is_empty() {
        id.namespace = home.into();
    }
    id
}

/// What did not come back.
pub(super) fn faults(input: &[&Resource], output: &Bundle, home: &str, version: Version, at: At) -> Vec<Fault> {
    let made: BTreeMap<ResourceId, &Resource> =
        output.resources.iter().map(|resource| (name(resource, home), resource)).collect();
    let mut asked = BTreeSet::new();
    let mut faults = Vec::new();
    for resource in input {
        let id = name(resource, home);
        match made.get(&id) {
            None => faults.push(Fault { id: resource.id.clone(), way: Mismatch::Missing, at: resource.at() }),
            Some(other) => {
                let (before, after) = (stored(resource, home, version), stored(other, home, version));
                if before != after || !same_api(resource, other) {
                    let (path, at) = difference(&before, &after);
                    faults.push(Fault { id: resource.id.clone(), way: Mismatch::Differs(path), at });
                }
            }
        }
        asked.insert(id);
    }
    faults.extend(made.into_iter().filter(|(id, _)| !asked.contains(id)).map(|(id, _)| Fault {
        id,
        way: Mismatch::Extra,
        at,
    }));
    faults
}

fn same_api(one: &Resource, other: &Resource) -> bool {
    one.api_version == other.api_version
}

/// The first field in which two trees differ, and its place in the first.
fn difference(before: &Node, after: &Node) -> (String, At) {
    let (mut path, mut one, mut other) = (String::new(), before, after);
    loop {
        match (&one.data, &other.data) {
            (Data::Map(map), Data::Map(others)) => {
                let step = map.iter().find(|(key, value)| others.get(&key.name) != Some(value));
                let Some((key, value)) = step else {
                    let more = others.iter().find(|(key, _)| !map.has(&key.name));
                    if let Some((key, _)) = more {
                        push(&mut path, &key.name);
                    }
                    return (path, one.at);
                };
                push(&mut path, &key.name);
                match others.get(&key.name) {
                    Some(inner) => (one, other) = (value, inner),
                    None => return (path, value.at),
                }
            }
            (Data::List(items), Data::List(others)) => {
                let index = (0..items.len().max(others.len()))
                    .find(|index| items.get(*index) != others.get(*index))
                    .unwrap_or(0);
                let _ = write!(path, "[{index}]");
                match (items.get(index), others.get(index)) {
                    (Some(inner), Some(another)) => (one, other) = (inner, another),
                    (Some(inner), None) => return (path, inner.at),
                    _ => return (path, one.at),
                }
            }
            _ => return (path, one.at),
        }
    }
}

fn push(path: &mut String, key: &str) {
    if key.contains('.') {
        let _ = write!(path, "[{key}]");
    } else {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    }
}

/// What a rehearsal of both says: the input, then what the spec compiles to.
pub(super) fn rehearsal(title: String, input: &[&Resource], output: &Bundle, home: &str, version: Version) -> Review {
    let objects = input.iter().map(|resource| resource.id.clone()).collect();
    let input = Bundle::from(input.iter().map(|resource| (*resource).clone()).collect::<Vec<_>>());
    let facts = ClusterFacts::default().with_version(version).with_customs(Customs::none());
    let files = Files::default();
    let setting =
        Setting { version, facts: &facts, namespace: home, acknowledged: &[], home: None, files: &files, live: None };
    let mut review = review::review(title, &input, output, setting);
    review.judgement.notes.push(Note::Alike { version, objects });
    review
}

/// What has to be laid over an object that is made, to be the one that was imported; nothing where no change can say
/// it.
pub(super) fn patch(wanted: &Resource, made: &Resource, home: &str, version: Version) -> Option<Node> {
    let (after, before) = (stored(wanted, home, version), stored(made, home, version));
    over(&before, &after)
}

/// What turns one tree into another when it is laid over it.
fn over(before: &Node, after: &Node) -> Option<Node> {
    let (Data::Map(old), Data::Map(new)) = (&before.data, &after.data) else {
        return Some(super::text::literal(after));
    };
    let mut map = crate::value::Map::new();
    for (key, _) in old.iter().filter(|(key, _)| !new.has(&key.name)) {
        map.put(key.name.clone(), Node::null(after.at));
    }
    for (key, value) in new.iter() {
        match old.get(&key.name) {
            Some(same) if same == value => {}
            Some(other) => {
                map.put(key.name.clone(), over(other, value)?);
            }
            None => {
                map.put(key.name.clone(), super::text::literal(value));
            }
        }
    }
    Some(Node::map(map, after.at))
}
