//! PriorityClasses: which pods are scheduled first. Whether another class is the default already is not known here.
//!
//! Follows `pkg/apis/scheduling/validation/validation.go: ValidatePriorityClass, ValidatePriorityClassUpdate`.

use super::cause::{Causes, Path, flag, number, text};
use super::meta::{self, Naming};
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "scheduling.k8s.io",
    version: "v1",
    kind: "PriorityClass",
    namespaced: false,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::policy::priority_class,
    prepare: unchanged,
    create,
    update,
};

/// The highest that is not the system's.
const HIGHEST: i64 = 1_000_000_000;
/// The classes of the system itself.
const SYSTEM: [(&str, i64); 2] = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

/// `ValidatePriorityClass`, pkg/apis/scheduling/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let name = object.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default();
    let value = number(object, "value");
    if name.starts_with("system-") {
        let reason = match SYSTEM.iter().find(|(known, _)| *known == name) {
            None => format!("{name} is not a known system priority class"),
            Some((_, fixed)) if *fixed != value => format!("value of {name} PriorityClass must be {fixed}"),
            Some(_) if flag(object, "globalDefault") => format!("globalDefault of {name} PriorityClass must be false"),
            Some(_) => String::new(),
        };
        if !reason.is_empty() {
            let words = "priority class names with 'system-' prefix are reserved for system use only. error: ";
            causes.forbidden(&Path::new("metadata.name"), format!("{words}{reason}"));
        }
    } else if value > HIGHEST {
        causes.forbidden(&Path::new("value"), format!("maximum allowed value of a user defined priority is {HIGHEST}"));
    }
    let policy = text(object, "preemptionPolicy");
    causes.required_one_of(policy, &["PreemptLowerPriority", "Never"], &Path::new("preemptionPolicy"));
}

/// `ValidatePriorityClassUpdate`, pkg/apis/scheduling/validation.
fn update(object: &Node, stored: &Node, _: Version, causes: &mut Causes) {
    meta::names_again(object, Naming::Segment, causes);
    if number(object, "value") != number(stored, "value") {
        causes.forbidden(&Path::new("value"), "may not be changed in an update.");
    }
    if text(object, "preemptionPolicy") != text(stored, "preemptionPolicy") {
        causes.invalid(&Path::new("preemptionPolicy"), "field is immutable");
    }
}
