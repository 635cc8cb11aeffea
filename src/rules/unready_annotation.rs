//! The annotation that `publishNotReadyAddresses` replaced.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0410",
        name: "unready-annotation",
        level: Level::Warning,
        page: include_str!("unready_annotation.md"),
    },
    judge,
};

const ANNOTATION: &str = "service.alpha.kubernetes.io/tolerate-unready-endpoints";

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        let annotations = service.resource.node.find(&["metadata", "annotations"]);
        let Some((key, value)) = annotations.and_then(|annotations| annotations.as_map()?.entry(ANNOTATION)) else {
            continue;
        };
        if value.as_str() != Some("true") || service.resource.node.find(&["spec", "publishNotReadyAddresses"]).is_some()
        {
            continue;
        }
        RULE.code
            .report(format!(
                "Service `{}` hides pods that are not ready: nobody reads this annotation any more",
                service.resource.id.name
            ))
            .help("write `publishNotReadyAddresses: true` into its `spec`, and remove the annotation")
            .about(service.resource.subject())
            .at(key.at, found);
    }
}
