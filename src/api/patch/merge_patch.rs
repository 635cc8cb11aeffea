//! JSON merge patches (RFC 7386), which `kubectl apply` sends for kinds whose types it does not know: maps are merged,
//! everything else is replaced, a null takes away.
//!
//! Follows `staging/src/k8s.io/apimachinery/pkg/util/jsonmergepatch/patch.go: CreateThreeWayJSONMergePatch`.

use super::{Fault, Outcome};
use crate::value::{Data, Map, Node};

/// What `kubectl apply` sends: what the manifest states and the live object has otherwise, and a null for what the last
/// applied manifest stated and this one does not. Empty when there is nothing to send.
///
/// # Errors
/// When the manifest is of another kind or name than the live object.
pub(crate) fn three_way(last_applied: &Map, live: &Map, manifest: &Map) -> Outcome<Map> {
    let mut patch = stated(&difference(live, manifest));
    for (key, value) in taken_away(&difference(last_applied, manifest)).iter() {
        lay(&mut patch, key.clone(), value);
    }
    for key in ["apiVersion", "kind"] {
        if patch.has(key) {
            return Err(Fault(format!("precondition failed: {key} must not change")));
        }
    }
    match patch.get("metadata").and_then(|metadata| metadata.get("name")) {
        Some(_) => Err(Fault("precondition failed: metadata.name must not change".to_owned())),
        None => Ok(patch),
    }
}

/// What a patch makes of an object.
#[must_use]
pub(crate) fn onto(mut object: Map, patch: &Map) -> Map {
    for (key, value) in patch.iter() {
        match &value.data {
            Data::Null => drop(object.remove(&key.name)),
            Data::Map(inner) => {
                let before = object.get(&key.name).and_then(Node::as_map).cloned().unwrap_or_default();
                object.set(key.clone(), Node::map(onto(before, inner), value.at));
            }
            _ => drop(object.set(key.clone(), value.clone())),
        }
    }
    object
}

/// The patch that makes `after` of `before`.
fn difference(before: &Map, after: &Map) -> Map {
    let mut patch = Map::new();
    for (key, value) in after.iter() {
        match (before.get(&key.name).map(|node| &node.data), &value.data) {
            (Some(Data::Map(old)), Data::Map(new)) => {
                let inner = difference(old, new);
                if !inner.is_empty() {
                    patch.set(key.clone(), Node::map(inner, value.at));
                }
            }
            (Some(old), new) if old == new => {}
            _ => drop(patch.set(key.clone(), value.clone())),
        }
    }
    for (key, value) in before.iter().filter(|(key, _)| !after.has(&key.name)) {
        patch.set(key.clone(), Node::null(value.at));
    }
    patch
}

/// A patch without what it takes away.
fn stated(patch: &Map) -> Map {
    let mut kept = Map::new();
    for (key, value) in patch.iter() {
        match &value.data {
            Data::Null => {}
            Data::Map(inner) => {
                let inner_kept = stated(inner);
                // A map that is empty because it was stated so stays.
                if !inner_kept.is_empty() || inner.is_empty() {
                    kept.set(key.clone(), Node::map(inner_kept, value.at));
                }
            }
            _ => drop(kept.set(key.clone(), value.clone())),
        }
    }
    kept
}

/// A patch with nothing but what it takes away.
fn taken_away(patch: &Map) -> Map {
    let mut kept = Map::new();
    for (key, value) in patch.iter() {
        match &value.data {
            Data::Null => drop(kept.set(key.clone(), value.clone())),
            Data::Map(inner) => {
                let inner = taken_away(inner);
                if !inner.is_empty() {
                    kept.set(key.clone(), Node::map(inner, value.at));
                }
            }
            _ => {}
        }
    }
    kept
}

/// Lays a part of a patch over another.
fn lay(patch: &mut Map, key: crate::value::Key, value: &Node) {
    if let (Some(Data::Map(_)), Data::Map(upper)) = (patch.get(&key.name).map(|node| &node.data), &value.data) {
        if let Some(lower) = patch.get_mut(&key.name).and_then(Node::as_map_mut) {
            for (key, value) in upper.iter() {
                lay(lower, key.clone(), value);
            }
        }
    } else {
        patch.set(key, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::Sources;
    use crate::yaml::{parts, read_part};

    fn read(text: &str) -> Map {
        let id = Sources::default().add("t", text);
        let node = read_part(id, text, parts(text)[0], &mut Diagnostics::default()).flatten().unwrap();
        node.as_map().cloned().unwrap()
    }

    #[test]
    fn what_a_manifest_drops_goes_and_what_it_never_stated_stays() {
        let patch = |last: &str, live: &str, new: &str| three_way(&read(last), &read(live), &read(new));
        let (last, live) = ("{spec: {a: 1, b: 2}}", "{spec: {a: 1, b: 2, filled: 3}, status: {x: 1}}");
        let sent = patch(last, live, "{spec: {a: 1}}").unwrap();
        assert_eq!(sent, read("{spec: {b: null}}"));
        assert_eq!(onto(read(live), &sent), read("{spec: {a: 1, filled: 3}, status: {x: 1}}"));
        assert_eq!(patch(last, live, "{spec: {a: 2, b: 2, c: [1]}}").unwrap(), read("{spec: {a: 2, c: [1]}}"));
        assert!(patch(last, live, last).unwrap().is_empty());
        // A null is sent, even where it takes nothing away.
        assert_eq!(patch(last, live, "{spec: {a: null, b: 2}}").unwrap(), read("{spec: {a: null}}"));
        assert_eq!(
            patch("{spec: {b: 2}}", "{spec: {b: 2}}", "{spec: {a: null, b: 2}}").unwrap(),
            read("{spec: {a: null}}")
        );
        assert!(patch("{kind: A}", "{kind: A}", "{kind: B}").is_err());
    }
}
