//! What the server says to a Namespace.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidateNamespace, ValidateNamespaceUpdate`.

use super::Kind;
use super::cause::{Causes, Path};
use super::meta::{self, Naming};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::{Data, Map, Node};

/// A Namespace.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "Namespace",
    namespaced: false,
    naming: Naming::Label,
    counts_generations: false,
    default: defaults::config::namespace,
    prepare,
    create,
    update,
};

/// What keeps a namespace until all in it is gone.
const FINALIZER: &str = "kubernetes";

/// Finalizers and status are the server's.
/// `PrepareForCreate`, pkg/registry/core/namespace.
fn prepare(object: &mut Node, stored: Option<&Node>, _: Version, _: &mut Causes) {
    let at = object.at;
    let Some(map) = object.as_map_mut() else { return };
    let status = stored.and_then(|stored| stored.get("status")).cloned().unwrap_or_else(|| {
        let mut status = Map::new();
        status.put("phase", Node::text("Active", at));
        Node::map(status, at)
    });
    map.put("status", status);
    if map.get("spec").is_none_or(Node::is_null) {
        map.put("spec", Node::map(Map::new(), at));
    }
    let Some(spec) = map.get_mut("spec").and_then(Node::as_map_mut) else { return };
    match stored {
        Some(stored) => match stored.find(&["spec", "finalizers"]) {
            Some(kept) => drop(spec.put("finalizers", kept.clone())),
            None => drop(spec.remove("finalizers")),
        },
        None => match spec.get_mut("finalizers").map(|finalizers| &mut finalizers.data) {
            Some(Data::List(finalizers)) => {
                if !finalizers.iter().any(|finalizer| finalizer.as_str() == Some(FINALIZER)) {
                    finalizers.push(Node::text(FINALIZER, at));
                }
            }
            _ => drop(spec.put("finalizers", Node::list(vec![Node::text(FINALIZER, at)], at))),
        },
    }
}

/// `ValidateNamespace` and `validateKubeFinalizerName`, pkg/apis/core/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let path = Path::new("spec.finalizers");
    for finalizer in object.find(&["spec", "finalizers"]).into_iter().flat_map(Node::items) {
        let finalizer = finalizer.as_str().unwrap_or_default();
        causes.each_invalid(&path, name::label_key(finalizer));
        if !finalizer.contains('/') && !meta::STANDARD_FINALIZERS.contains(&finalizer) {
            causes.invalid(&path, "name is neither a standard finalizer name nor is it fully qualified");
        }
    }
}

/// `ValidateNamespaceUpdate`, pkg/apis/core/validation.
fn update(object: &Node, _: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    create(object, version, causes);
}
