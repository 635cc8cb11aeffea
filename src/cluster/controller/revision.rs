//! The revisions of a StatefulSet: what templates it has had, how they are numbered and named. Knows nothing of pods.
//!
//! Follows `pkg/controller/history/controller_history.go: CreateControllerRevision, EqualRevision`, and
//! `pkg/controller/statefulset/stateful_set_control.go: getStatefulSetRevisions, truncateHistory`.

use crate::cluster::mark::Mark;
use crate::cluster::selector;
use crate::cluster::store::{self, Key, Owner, put, uid};
use crate::cluster::world::World;
use crate::k8s::quantity::Quantity;
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::k8s::wire;
use crate::value::{Data, Map, Node, Text};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The kind under which revisions are kept.
pub(super) const REVISION: &str = "ControllerRevision";

/// One revision.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    /// `web-6b7f8c9d`.
    pub name: Text,
    /// Its number; the newest template has the highest.
    pub number: i64,
    /// The pod template.
    pub template: Node,
}

/// The revisions that belong to a set, or to nobody and match its selector; oldest first. Those of nobody are adopted.
/// `ListControllerRevisions`, pkg/controller/history.
pub(super) fn of_set(world: &mut World, key: &Key, set: &Node) -> Vec<Revision> {
    let selector = set.find(&["spec", "selector"]);
    let loose =
        world.store.marked(Mark::Loose(key.namespace.clone(), Text::default()), REVISION).map(|known| (known, true));
    let own = world.store.marked(Mark::ManagedBy(uid(set)), REVISION).map(|known| (known, false));
    let mut found: Vec<(Key, bool, Revision)> = loose
        .chain(own)
        .filter(|((name, node), _)| {
            name.namespace == key.namespace && selector::matches(selector, node.find(&["metadata", "labels"]))
        })
        .map(|((name, node), orphan)| (name.clone(), orphan, read(name, node)))
        .collect();
    for (name, orphan, _) in &found {
        if *orphan {
            world.store.set(
                name,
                &["metadata", "ownerReferences"],
                store::owner_references(&[owner(key, set)], set.at),
            );
        }
    }
    found.sort_by(|(a, _, one), (b, _, other)| one.number.cmp(&other.number).then_with(|| a.cmp(b)));
    found.into_iter().map(|(_, _, revision)| revision).collect()
}

/// The revision of the template that a set has now: an old one renumbered if it is like an old one.
/// `getStatefulSetRevisions`, pkg/controller/statefulset.
pub(super) fn of_template(world: &mut World, key: &Key, set: &Node, known: &[Revision]) -> Revision {
    let template = &template_of(world, key, set);
    let next = known.last().map_or(1, |last| last.number + 1);
    if let Some(equal) = known.iter().rev().find(|revision| revision.template == *template) {
        let number = if known.last().is_some_and(|last| last.template == *template) { equal.number } else { next };
        let name = Key::new(REVISION, key.namespace.clone(), equal.name.clone());
        world.store.set(&name, &["revision"], Some(Data::Int(number)));
        return Revision { number, ..equal.clone() };
    }
    let written = json_of_template(template, world.version);
    let mut collisions = 0_u32;
    loop {
        let name: Text = format!("{}-{}", key.name, hash(&written, collisions)).into();
        let place = Key::new(REVISION, key.namespace.clone(), name.clone());
        match world.store.get(&place).map(|node| read(&place, node)) {
            Some(taken) if taken.template == *template => return taken,
            Some(_) => collisions += 1,
            None => {
                let revision = Revision { name, number: next, template: template.clone() };
                world.store.create(&place, write(key, set, &revision));
                return revision;
            }
        }
    }
}

/// Forgets the oldest revisions that no pod and no status names, beyond the limit that the set states.
/// `truncateHistory`, pkg/controller/statefulset.
pub(super) fn truncate(world: &mut World, key: &Key, set: &Node, known: &[Revision], live: &BTreeSet<Text>) {
    let limit = set.find(&["spec", "revisionHistoryLimit"]).and_then(Node::as_int).unwrap_or(10);
    let Ok(limit) = usize::try_from(limit) else { return };
    let old: Vec<&Revision> = known.iter().filter(|revision| !live.contains(&revision.name)).collect();
    for revision in old.iter().take(old.len().saturating_sub(limit)) {
        world.remove(&Key::new(REVISION, key.namespace.clone(), revision.name.clone()));
    }
}

/// The reference that makes something a set's own.
pub(super) fn owner(key: &Key, set: &Node) -> Owner {
    Owner { kind: key.kind.clone(), name: key.name.clone(), uid: uid(set), controller: true }
}

fn read(key: &Key, node: &Node) -> Revision {
    let mut template = node.find(&["data", "spec", "template"]).cloned().unwrap_or_else(|| Node::null(node.at));
    // As a real controller writes it: a patch that restores it.
    for path in [&["$patch"][..], &["metadata", "creationTimestamp"]] {
        store::take(&mut template, path);
    }
    Revision {
        name: key.name.clone(),
        number: node.get("revision").and_then(Node::as_int).unwrap_or_default(),
        template,
    }
}

fn write(key: &Key, set: &Node, revision: &Revision) -> Node {
    let at = set.at;
    let mut node = Node::map(Map::new(), at);
    put(&mut node, &["apiVersion"], Node::text("apps/v1", at));
    put(&mut node, &["kind"], Node::text(REVISION, at));
    put(&mut node, &["metadata", "name"], Node::text(revision.name.clone(), at));
    put(&mut node, &["metadata", "namespace"], Node::text(key.namespace.clone(), at));
    if let Some(labels) = revision.template.find(&["metadata", "labels"]) {
        put(&mut node, &["metadata", "labels"], labels.clone());
    }
    if let Some(owners) = store::owner_references(&[owner(key, set)], at) {
        put(&mut node, &["metadata", "ownerReferences"], Node::new(owners, at));
    }
    put(&mut node, &["data", "spec", "template"], revision.template.clone());
    put(&mut node, &["revision"], Node::int(revision.number, at));
    node
}

/// A revision's name ends in a hash of the template as the controller writes it down: the 32 bits of FNV-1 over the
/// JSON and the number of collisions so far, in decimal, each digit shown as a letter that forms no words.
/// `HashControllerRevision`, pkg/controller/history.
fn hash(json: &str, collisions: u32) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash = 2_166_136_261_u32;
    for byte in json.bytes().chain(collisions.to_string().bytes()) {
        hash = hash.wrapping_mul(16_777_619) ^ u32::from(byte);
    }
    hash.to_string().bytes().map(|digit| LETTERS[usize::from(digit) % LETTERS.len()] as char).collect()
}

/// A set's template as the server sends it, worked out once for as long as it stays the same.
fn template_of(world: &mut World, key: &Key, set: &Node) -> Node {
    let stored = set.find(&["spec", "template"]);
    match world.templates.get(key) {
        Some((known, written)) if Some(known) == stored => written.clone(),
        _ => {
            let written = as_written(set, world.version);
            if let Some(stored) = stored {
                world.templates.insert(key.clone(), (stored.clone(), written.clone()));
            }
            written
        }
    }
}

/// A set's template as the server sends it.
fn as_written(set: &Node, version: Version) -> Node {
    let mut part = Node::map(Map::new(), set.at);
    if let Some(template) = set.find(&["spec", "template"]) {
        put(&mut part, &["spec", "template"], template.clone());
    }
    let shape = shape::shape_of("apps/v1", "StatefulSet", version);
    let written = shape.map_or_else(|| part.clone(), |shape| wire::written(&part, shape));
    let mut template = written.find(&["spec", "template"]).cloned().unwrap_or_else(|| Node::map(Map::new(), set.at));
    store::take(&mut template, &["metadata", "creationTimestamp"]);
    template
}

/// A template as the controller writes it down: as a patch that restores it.
/// `getPatch`, pkg/controller/statefulset.
fn json_of_template(template: &Node, version: Version) -> String {
    let mut template = template.clone();
    let at = template.at;
    put(&mut template, &["$patch"], Node::text("replace", at));
    if version < Version::minor(34) {
        put(&mut template, &["metadata", "creationTimestamp"], Node::null(at));
    }
    let mut json = String::from("{\"spec\":{\"template\":");
    write_json(&template, false, &mut json);
    json.push_str("}}");
    json
}

/// Compact JSON with sorted keys, as Go writes a map. Amounts are written in their one normal form.
fn write_json(node: &Node, amount: bool, out: &mut String) {
    match &node.data {
        Data::Int(_) | Data::Text(_) if amount => {
            let said = || node.as_str().unwrap_or_default().to_owned();
            write_text(&Quantity::of(node).map_or_else(said, |amount| amount.to_string()), out);
        }
        Data::Null => out.push_str("null"),
        Data::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Data::Int(value) => drop(write!(out, "{value}")),
        Data::Float(value) => drop(write!(out, "{value}")),
        Data::Text(value) => write_text(value, out),
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                write_json(item, false, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Data::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                write_text(&key.name, out);
                out.push(':');
                let lists_amounts = matches!(key.name.as_str(), "requests" | "limits" | "overhead");
                write_json(value, amount || lists_amounts || matches!(key.name.as_str(), "sizeLimit" | "divisor"), out);
            }
            out.push_str(if entries.is_empty() { "{}" } else { "}" });
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&');
    out.push('"');
    if text.bytes().all(is_plain) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", letter as u32);
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;

    const SETS: [(&str, &str); 2] = [
        (
            "plain-545d85ffb4",
            "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: plain}, spec: {replicas: 1, selector: \
                {matchLabels: {app: plain}},
              template: {metadata: {labels: {app: plain}}, spec: {containers: [{name: main, image: \
              docker.io/acme/web:1.1}]}}}}",
        ),
        (
            "web-c6dcdf47c",
            "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web}, spec: {serviceName: web, selector: \
                {matchLabels: {app: web}},
              template: {metadata: {labels: {app: web}}, spec: {
                initContainers: [{name: i, image: 'a<b>&c:1', env: [{name: A, value: ''}, {name: B}, {name: P, \
                valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}],
                containers: [{name: main, image: 'docker.io/acme/web:1.1', ports: [{name: http, containerPort: 80}],
                  resources: {requests: {cpu: 0.5, memory: 1024Mi}}, readinessProbe: {httpGet: {path: /, port: http}},
                  volumeMounts: [{name: s, mountPath: /s}]}],
                securityContext: {}, volumes: [{name: s, secret: {secretName: x}}, {name: e, emptyDir: {}}], \
                terminationGracePeriodSeconds: 0}}}}",
        ),
    ];

    #[test]
    fn revisions_have_the_names_that_a_real_controller_gave_them() {
        let version = Version::minor(36);
        for (name, text) in SETS {
            let mut sources = Sources::default();
            let id = sources.add("t", text);
            let set = crate::yaml::read_one(&sources, id, &mut Diagnostics::default()).unwrap();
            let stored = admission::create(&set, version).object.unwrap();
            let json = json_of_template(&as_written(&stored, version), version);
            assert_eq!(format!("{}-{}", store::text(&set, &["metadata", "name"]), hash(&json, 0)), name, "{json}");
        }
    }
}
