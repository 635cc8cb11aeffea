//! APIServices: which versions of which groups another server serves.
//!
//! Follows `staging/src/k8s.io/kube-aggregator/pkg/apis/apiregistration/validation/validation.go:
//! ValidateAPIService`.

use super::cause::{Causes, Path, flag, list, number, some, text};
use super::meta::Naming;
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line. The rule for its name looks at its spec, so it stands with the other rules.
pub(crate) static KIND: Kind = Kind {
    group: "apiregistration.k8s.io",
    version: "v1",
    kind: "APIService",
    namespaced: false,
    naming: Naming::Step,
    counts_generations: false,
    default: defaults::extension::api_service,
    prepare: unchanged,
    create,
    update: |object, _, version, causes| create(object, version, causes),
};

const SPEC: Path<'static> = Path::new("spec");

/// `ValidateAPIService`, kube-aggregator/pkg/apis/apiregistration/validation.
fn create(object: &Node, _: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let spec = object.get("spec").unwrap_or(&nothing);
    let (group, version) = (text(spec, "group"), text(spec, "version"));
    own_name(object, &format!("{version}.{group}"), causes);
    if group.is_empty() {
        if version != "v1" {
            causes.required(&SPEC.child("group"), "only v1 may have an empty group and it better be legacy kube");
        }
    } else {
        causes.each_invalid(&SPEC.child("group"), name::dns_subdomain(group));
    }
    causes.each_invalid(&SPEC.child("version"), name::dns_1035_label(version));
    for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        if !(1..=most).contains(&number(spec, field)) {
            causes.invalid(&SPEC.child(field), format!("must be positive and less than {most}"));
        }
    }
    let authority = !text(spec, "caBundle").is_empty() || !list(spec, "caBundle").is_empty();
    let unchecked = flag(spec, "insecureSkipTLSVerify");
    let Some(service) = some(spec, "service") else {
        for (field, set) in [("caBundle", authority), ("insecureSkipTLSVerify", unchecked)] {
            if set {
                causes.invalid(&SPEC.child(field), format!("local APIServices may not have {field}"));
            }
        }
        return;
    };
    let path = SPEC.child("service");
    for field in ["namespace", "name"] {
        if text(service, field).is_empty() {
            causes.required(&path.child(field), "");
        }
    }
    let faults = name::port_number(number(service, "port"));
    if !faults.is_empty() {
        causes.invalid(&path.child("port"), format!("port is not valid: {}", faults.join(", ")));
    }
    if unchecked && authority {
        causes.invalid(&SPEC.child("insecureSkipTLSVerify"), "may not be true if caBundle is present");
    }
}

/// `ValidateAPIService`, k8s.io/kube-aggregator/pkg/apis/apiregistration/validation.
fn own_name(object: &Node, wanted: &str, causes: &mut Causes) {
    let given = object.get("metadata").map(|metadata| text(metadata, "name")).unwrap_or_default();
    if !given.is_empty() && name::path_segment(given).is_empty() && given != wanted {
        causes.invalid(&Path::new("metadata.name"), format!("must be `spec.version+\".\"+spec.group`: \"{wanted}\""));
    }
}
