//! PodTemplates: a template as an object of its own.
//!
//! Follows `pkg/apis/core/validation/validation.go: ValidatePodTemplate, ValidatePodTemplateSpec`.

use super::cause::{Causes, Path};
use super::meta::Naming;
use super::pod::{self, Holder};
use super::pod_rules::Rules;
use super::{Kind, pod_warning, unchanged, workload};
use crate::api::defaults;
use crate::k8s::version::Version;
use crate::value::Node;

/// The table line.
pub(crate) static KIND: Kind = Kind {
    group: "",
    version: "v1",
    kind: "PodTemplate",
    namespaced: true,
    naming: Naming::Subdomain,
    counts_generations: true,
    default: defaults::workload::pod_template,
    prepare: unchanged,
    create,
    update,
};

const TEMPLATE: Path<'static> = Path::new("template");

/// `ValidatePodTemplate`, pkg/apis/core/validation.
fn create(object: &Node, version: Version, causes: &mut Causes) {
    judge(object, None, version, causes);
}

/// `ValidatePodTemplateUpdate`, pkg/apis/core/validation.
fn update(object: &Node, stored: &Node, version: Version, causes: &mut Causes) {
    judge(object, Some(stored), version, causes);
}

/// `ValidatePodTemplate`, pkg/apis/core/validation.
fn judge(object: &Node, stored: Option<&Node>, version: Version, causes: &mut Causes) {
    let nothing = Node::null(object.at);
    let template = object.get("template").unwrap_or(&nothing);
    let before = stored.and_then(|stored| stored.get("template"));
    pod::template(template, Holder::default(), &Rules::new(version, false, before), &TEMPLATE, causes);
    let is_new = stored.is_none() || !workload::FIELD_RULES.same(Some(template), before);
    if causes.refusals.is_empty() && is_new {
        pod_warning::warn(template, false, version, &TEMPLATE, causes);
    }
}
