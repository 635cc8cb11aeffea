//! An image whose tag means something else tomorrow.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::image;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0423",
        name: "image-tag-floating",
        level: Level::Warning,
        page: include_str!("image_tag_floating.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in context.workloads.iter().filter(|workload| !context.is_kustomized(workload)) {
        for image in workload.all_containers().filter_map(|container| container.get("image")) {
            let Some(name) = image.as_str().filter(|name| !name.is_empty() && !name.contains(['@', '$', '{', '<']))
            else {
                continue;
            };
            let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
            let message = match tag {
                None => format!("`{name}` has no tag, so it is whatever is the latest on the day that a pod starts"),
                Some("latest") => format!("`{name}` is whatever is the latest on the day that a pod starts"),
                Some(_) => continue,
            };
            if image::image_fault(name).is_some() {
                continue;
            }
            RULE.code
                .report(message)
                .help("write the version that you tested, such as `:1.2.3`, or a digest")
                .about(workload.resource.subject())
                .at(image.at, found);
        }
    }
}
