//! ControllerRevisions: the history of StatefulSets and DaemonSets, which nobody may rewrite.
//!
//! Follows `pkg/apis/apps/validation/validation.go: ValidateControllerRevisionCreate,
//! ValidateControllerRevisionUpdate`.

use super::cause::{Causes, Path, number, some};
use super::meta::Naming;
use super::same::FieldRules;
use super::{Kind, meta, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "apps",
    version: "v1",
    kind: "ControllerRevision",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: false,
    default: defaults::config::nothing,
    prepare: unchanged,
    create,
    update,
};

/// From this version on the data of a new revision must be an object; before, it only had to be there.
const OBJECTS_ONLY: Version = Version::minor(31);

/// `ValidateControllerRevisionCreate`, pkg/apis/apps/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    revision(object, causes);
    match some(object, "data") {
        None => causes.required(&Path::new("data"), "data is mandatory"),
        Some(data) if version >= OBJECTS_ONLY && data.as_map().is_none() => {
            causes.required(&Path::new("data"), "data must be a valid JSON object");
        }
        Some(_) => {}
    }
}

/// `ValidateControllerRevisionUpdate`, pkg/apis/apps/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    meta::names_again(object, KIND.naming, causes);
    revision(object, causes);
    if version < OBJECTS_ONLY && some(object, "data").is_none() {
        causes.required(&Path::new("data"), "data is mandatory");
    }
    if !FieldRules::default().same(object.get("data"), stored.get("data")) {
        causes.invalid(&Path::new("data"), "field is immutable");
    }
}

/// `validateControllerRevision`, pkg/apis/apps/validation.
fn revision(object: &Node, causes: &mut Causes) {
    causes.not_negative(number(object, "revision"), &Path::new("revision"));
}
