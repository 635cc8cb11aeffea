//! What the server says to a RoleBinding or a ClusterRoleBinding.
//!
//! Follows `pkg/apis/rbac/validation/validation.go: ValidateRoleBinding, ValidateClusterRoleBinding`.

use super::cause::{Causes, Path, list, text};
use super::meta::{self, Naming};
use super::{Kind, unchanged};
use crate::api::defaults;
use crate::k8s::name;
use crate::value::Node;

/// A RoleBinding.
pub(crate) static KIND: Kind = Kind {
    group: GROUP,
    version: "v1",
    kind: "RoleBinding",
    namespaced: true,
    naming: Naming::Step,
    counts_generations: false,
    default: defaults::policy::role_binding,
    prepare: unchanged,
    create: |object, _, causes| judge(object, true, causes),
    update: |object, stored, _, causes| change(object, stored, true, causes),
};

/// A ClusterRoleBinding.
pub(crate) static CLUSTER: Kind = Kind {
    kind: "ClusterRoleBinding",
    namespaced: false,
    create: |object, _, causes| judge(object, false, causes),
    update: |object, stored, _, causes| change(object, stored, false, causes),
    ..KIND
};

const GROUP: &str = "rbac.authorization.k8s.io";

/// `ValidateRoleBindingUpdate` and `ValidateClusterRoleBindingUpdate`, pkg/apis/rbac/validation.
fn change(object: &Node, stored: &Node, namespaced: bool, causes: &mut Causes) {
    meta::names_again(object, Naming::Step, causes);
    judge(object, namespaced, causes);
    let field =
        |object: &Node, field| object.get("roleRef").map(|role| text(role, field).to_owned()).unwrap_or_default();
    if ["apiGroup", "kind", "name"].iter().any(|name| field(object, name) != field(stored, name)) {
        causes.invalid(&Path::new("roleRef"), "cannot change roleRef");
    }
}

/// `ValidateRoleBinding` and `ValidateClusterRoleBinding`, pkg/apis/rbac/validation.
fn judge(object: &Node, namespaced: bool, causes: &mut Causes) {
    let path = Path::new("roleRef");
    let field = |field| object.get("roleRef").map(|role| text(role, field)).unwrap_or_default();
    if field("apiGroup") != GROUP {
        causes.not_supported(&path.child("apiGroup"), &[GROUP]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&field("kind")) {
        causes.not_supported(&path.child("kind"), kinds);
    }
    match field("name") {
        "" => causes.required(&path.child("name"), ""),
        role => causes.each_invalid(&path.child("name"), name::path_segment(role)),
    }
    let path = Path::new("subjects");
    for (index, subject) in list(object, "subjects").iter().enumerate() {
        subject_rule(subject, namespaced, &path.index(index), causes);
    }
}

/// `ValidateRoleBindingSubject`, pkg/apis/rbac/validation.
fn subject_rule(subject: &Node, namespaced: bool, path: &Path<'_>, causes: &mut Causes) {
    let (subject_name, group) = (text(subject, "name"), text(subject, "apiGroup"));
    if subject_name.is_empty() {
        causes.required(&path.child("name"), "");
    }
    match text(subject, "kind") {
        "ServiceAccount" => {
            if !subject_name.is_empty() {
                causes.each_invalid(&path.child("name"), name::dns_subdomain(subject_name));
            }
            if !group.is_empty() {
                causes.not_supported(&path.child("apiGroup"), &[""]);
            }
            if !namespaced && text(subject, "namespace").is_empty() {
                causes.required(&path.child("namespace"), "");
            }
        }
        "User" | "Group" if group != GROUP => causes.not_supported(&path.child("apiGroup"), &[GROUP]),
        "User" | "Group" => {}
        _ => causes.not_supported(&path.child("kind"), &["ServiceAccount", "User", "Group"]),
    }
}
