//! VolumeAttributesClasses: what can be changed about a volume while it is used.
//!
//! Follows `pkg/apis/storage/validation/validation.go: ValidateVolumeAttributesClass,
//! ValidateVolumeAttributesClassUpdate`.

use super::cause::{Causes, Path, text};
use super::meta::{self, Naming};
use super::same::FieldRules;
use super::{Kind, storage_class, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "storage.k8s.io",
    version: "v1",
    kind: "VolumeAttributesClass",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::config::nothing,
    prepare: unchanged,
    create,
    update,
};

/// The same as it was served before 1.34.
pub(crate) static BETA: Kind = Kind { version: "v1beta1", ..KIND };

/// `ValidateVolumeAttributesClass`, pkg/apis/storage/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let path = Path::new("driverName");
    match text(object, "driverName") {
        "" => causes.required(&path, ""),
        driver => causes.each_invalid(&path, name::label_key(&driver.to_lowercase())),
    }
    let path = Path::new("parameters");
    let parameters = object.get("parameters");
    storage_class::parameters(parameters, &path, causes);
    if parameters.is_none_or(|parameters| parameters.entries().next().is_none()) {
        causes.required(&path, "must contain at least one key/value pair");
    }
}

/// `ValidateVolumeAttributesClassUpdate`, pkg/apis/storage/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    let field_rules = FieldRules { free: &["parameters"], ..FieldRules::default() };
    for field in ["driverName", "parameters"] {
        if !field_rules.same_fields(field, object.get(field), stored.get(field)) {
            causes.forbidden(&Path::new(field), format!("updates to {field} are forbidden."));
        }
    }
    meta::names_again(object, KIND.naming, causes);
    create(object, version, causes);
}
