//! What the server says to a StorageClass.
//!
//! Follows `pkg/apis/storage/validation/validation.go: ValidateStorageClass, ValidateStorageClassUpdate`.

use super::cause::{Causes, Path, list, some, text};
use super::meta::{self, Naming};
use super::same::FieldRules;
use super::{Kind, node_selector, selector, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;
use std::collections::{BTreeMap, BTreeSet};

/// A StorageClass.
pub(crate) static KIND: Kind = Kind {
    group: "storage.k8s.io",
    version: "v1",
    kind: "StorageClass",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::storage::storage_class,
    prepare: unchanged,
    create,
    update,
};

const MOST_PARAMETERS: usize = 512;
const MOST_PARAMETER_BYTES: usize = 256 * 1024;

/// From this version on one rule covers all four fields that may not change.
const ONE_RULE: Version = Version::minor(36);

/// The texts that each label of a term may have.
type Term<'n> = BTreeMap<&'n str, BTreeSet<&'n str>>;

/// `ValidateStorageClass`, pkg/apis/storage/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let path = Path::new("provisioner");
    match text(object, "provisioner") {
        "" => causes.required(&path, ""),
        provisioner => causes.each_invalid(&path, name::label_key(&provisioner.to_lowercase())),
    }
    parameters(object.get("parameters"), &Path::new("parameters"), causes);
    if !matches!(text(object, "reclaimPolicy"), "" | "Delete" | "Retain") {
        causes.not_supported(&Path::new("reclaimPolicy"), &["Delete", "Retain"]);
    }
    let path = Path::new("volumeBindingMode");
    match some(object, "volumeBindingMode") {
        None => causes.required(&path, ""),
        Some(mode) if !matches!(mode.as_str(), Some("Immediate" | "WaitForFirstConsumer")) => {
            causes.not_supported(&path, &["Immediate", "WaitForFirstConsumer"]);
        }
        Some(_) => {}
    }
    topologies(list(object, "allowedTopologies"), &Path::new("allowedTopologies"), causes);
}

/// `ValidateStorageClassUpdate`, pkg/apis/storage/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    create(object, version, causes);
    let field_rules = FieldRules { free: &["parameters"], ..FieldRules::default() };
    for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
        let same = match field {
            "parameters" => field_rules.same_fields(field, object.get(field), stored.get(field)),
            _ => some(object, field) == some(stored, field),
        };
        if !same && (version >= ONE_RULE || field == "volumeBindingMode") {
            causes.invalid(&Path::new(field), "field is immutable");
        } else if !same {
            causes.forbidden(&Path::new(field), format!("updates to {field} are forbidden."));
        }
    }
}

/// `validateParameters`, pkg/apis/storage/validation.
pub(super) fn parameters(parameters: Option<&Node>, path: &Path<'_>, causes: &mut Causes) {
    let Some(parameters) = parameters.and_then(Node::as_map) else { return };
    if parameters.len() > MOST_PARAMETERS {
        return causes.too_long(path, MOST_PARAMETERS);
    }
    let mut size = 0;
    for (key, value) in parameters.iter() {
        if key.name.is_empty() {
            causes.invalid(path, "field can not be empty.");
        }
        size += key.name.len() + value.as_str().unwrap_or_default().len();
    }
    if size > MOST_PARAMETER_BYTES {
        causes.too_long(path, MOST_PARAMETER_BYTES);
    }
}

/// `validateAllowedTopologies`, pkg/apis/storage/validation.
fn topologies(topologies: &[Node], path: &Path<'_>, causes: &mut Causes) {
    // The server compares each term with as many empty ones as there are terms, so a term without conditions is always
    // a duplicate.
    let mut seen: BTreeSet<Term<'_>> = BTreeSet::from([Term::new()]);
    for (index, node) in topologies.iter().enumerate() {
        let path = path.index(index);
        let path = path.child("matchLabelExpressions");
        let term = term(node, &path, causes);
        if !seen.insert(term) {
            causes.duplicate(&path);
        }
    }
}

/// `ValidateTopologySelectorTerm`, pkg/apis/core/validation.
fn term<'n>(node: &'n Node, path: &Path<'_>, causes: &mut Causes) -> Term<'n> {
    let mut term = Term::new();
    for (index, requirement) in list(node, "matchLabelExpressions").iter().enumerate() {
        let path = path.index(index);
        let values_path = path.child("values");
        let values = list(requirement, "values");
        if values.is_empty() {
            causes.required(&values_path, "");
        }
        let mut set = BTreeSet::new();
        for (index, value) in values.iter().enumerate() {
            if !set.insert(value.as_str().unwrap_or_default()) {
                causes.duplicate(&values_path.index(index));
            }
        }
        let key = text(requirement, "key");
        selector::label_key(key, &path.child("key"), causes);
        if let Some(words) = node_selector::deprecation(key) {
            causes.warn_at(path.child("key"), words);
        }
        if term.insert(key, set).is_some() {
            causes.duplicate(&path.child("key"));
        }
    }
    term
}
