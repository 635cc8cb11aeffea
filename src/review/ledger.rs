//! What the objects of a bundle use together, as quotas count it: pods and their requests, claims and their storage by
//! class, Services, numbers of objects. Compares nothing, and knows no app.

use super::set::Set;
use crate::bundle::{Bundle, Resource};
use crate::cluster::plugin::amounts::Amounts;
use crate::cluster::plugin::resource_quota::usage;
use crate::cluster::store::{Key, put};
use crate::k8s::quantity::Quantity;
use crate::k8s::shape;
use crate::value::{Map, Node};
use std::collections::BTreeMap;

/// What stands before a resource that is counted of one storage class.
pub(crate) const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

/// What a bundle uses in each namespace. `home` is that of objects that name none.
#[must_use]
pub(crate) fn ledger(bundle: &Bundle, home: &str) -> BTreeMap<String, Amounts> {
    let mut all: BTreeMap<String, Amounts> = BTreeMap::new();
    for resource in &bundle.resources {
        let is_wide = shape::find(&resource.api_version, &resource.id.kind).is_some_and(|known| !known.namespaced);
        let place = if is_wide { String::new() } else { resource.id.object(home).namespace.to_string() };
        let used = all.entry(place.clone()).or_default();
        let key = |kind: &str| Key::new(kind, place.as_str(), resource.id.name.as_str());
        add(used, &usage(&key(&resource.id.kind), &resource.node), 1);
        let copies = copies(resource);
        if let Some(template) = resource.node.find(&["spec", "template"]).filter(|_| copies > 0) {
            add(used, &usage(&key("Pod"), &made("Pod", template)), copies);
        }
        if resource.id.kind == "StatefulSet" {
            for (_, template) in Set(resource).templates() {
                add(used, &usage(&key(CLAIM), &made(CLAIM, template)), copies);
            }
        }
    }
    all
}

const CLAIM: &str = "PersistentVolumeClaim";

/// How many pods a workload asks for; none where that is the business of nodes or of time.
fn copies(workload: &Resource) -> u64 {
    let stated = |field: &str| workload.node.find(&["spec", field]).and_then(Node::as_int).unwrap_or(1);
    let asked = match workload.id.kind.as_str() {
        "StatefulSet" | "Deployment" | "ReplicaSet" => stated("replicas"),
        "Job" => stated("parallelism"),
        _ => 0,
    };
    u64::try_from(asked).unwrap_or_default()
}

/// How many pods the workloads of a bundle ask for.
#[must_use]
pub(crate) fn replicas(bundle: &Bundle) -> u64 {
    bundle.resources.iter().map(copies).fold(0, u64::saturating_add)
}

/// The object that is made of a template.
fn made(kind: &str, template: &Node) -> Node {
    let mut object = Node::map(Map::new(), template.at);
    put(&mut object, &["apiVersion"], Node::text("v1", template.at));
    put(&mut object, &["kind"], Node::text(kind, template.at));
    for part in ["metadata", "spec"] {
        if let Some(node) = template.get(part) {
            put(&mut object, &[part], node.clone());
        }
    }
    object
}

/// Adds some amounts so many times.
pub(crate) fn add(sum: &mut Amounts, amounts: &Amounts, times: u64) {
    for (name, amount) in amounts {
        let old = sum.entry(name.clone()).or_insert(Quantity::ZERO);
        let (mut double, mut left) = (amount.clone(), times);
        while left > 0 {
            if left % 2 == 1 {
                *old = old.plus(&double);
            }
            left /= 2;
            double = double.plus(&double);
        }
    }
}
