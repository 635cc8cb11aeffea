//! Annotations that nobody reads any more.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0434",
        name: "dead-annotation",
        level: Level::Warning,
        page: include_str!("dead_annotation.md"),
    },
    judge,
};

/// What was once said by annotation, and where it is said now.
const DEAD: [(&str, &str); 10] = [
    ("pod.alpha.kubernetes.io/initialized", "remove it"),
    ("pod.alpha.kubernetes.io/init-containers", "write `initContainers` in the pod's spec"),
    ("pod.beta.kubernetes.io/init-containers", "write `initContainers` in the pod's spec"),
    ("scheduler.alpha.kubernetes.io/affinity", "write `affinity` in the pod's spec"),
    ("scheduler.alpha.kubernetes.io/tolerations", "write `tolerations` in the pod's spec"),
    ("scheduler.alpha.kubernetes.io/critical-pod", "write `priorityClassName` in the pod's spec"),
    ("volume.alpha.kubernetes.io/storage-class", "write `storageClassName` in the claim's spec"),
    ("security.alpha.kubernetes.io/sysctls", "write `securityContext.sysctls` in the pod's spec"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "write `securityContext.sysctls` in the pod's spec"),
    ("seccomp.security.alpha.kubernetes.io/pod", "write `securityContext.seccompProfile` in the pod's spec"),
];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        let node = &workload.resource.node;
        let templates = workload.claim_templates().filter_map(|claim| claim.get("metadata"));
        let template = node.find(&["spec", "template", "metadata"]);
        let template = template.or_else(|| node.find(&["spec", "jobTemplate", "spec", "template", "metadata"]));
        for metadata in node.get("metadata").into_iter().chain(template).chain(templates) {
            for (key, _) in metadata.get("annotations").into_iter().flat_map(Node::entries) {
                let Some((name, help)) = DEAD.iter().find(|(name, _)| *name == key.name) else { continue };
                RULE.code
                    .report(format!("nobody reads `{name}` any more"))
                    .help(*help)
                    .about(workload.resource.subject())
                    .at(key.at, found);
            }
        }
    }
}
