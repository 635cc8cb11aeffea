//! An image that no kubelet can read the name of.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::k8s::image;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0438",
        name: "image-unreadable",
        level: Level::Error,
        page: include_str!("image_unreadable.md"),
    },
    judge,
};

/// What other tools fill in later, such as `$IMAGE`, `<image>` or `%TAG%`, begins with one of these.
const FILLED_IN: [char; 5] = ['$', '{', '<', '%', '#'];

/// Whether another tool puts the image there, as ko does, or nobody did.
fn is_filled_in(image: &str) -> bool {
    image.is_empty() || image.contains(FILLED_IN) || image.starts_with("ko://")
}

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in context.workloads.iter().filter(|workload| !context.is_kustomized(workload)) {
        for node in workload.all_containers().filter_map(|container| container.get("image")) {
            let Some(name) = node.as_str().filter(|name| !is_filled_in(name)) else { continue };
            let report = match (image::image_fault(name), image::unmeant_host(name)) {
                (Some(fault), _) => RULE.code.report(format!("`{name}` is not an image reference: {fault}")).help(
                    "the API server accepts it, and the pods stay in InvalidImageName. Write `registry/repository:tag`",
                ),
                (None, Some(host)) => RULE
                    .code
                    .report(format!(
                        "`{name}` names `{host}` as the registry's host: a repository's name has no capitals"
                    ))
                    .help("write it in lowercase, or the host with its domain")
                    .level(Level::Warning),
                (None, None) => continue,
            };
            report.about(workload.resource.subject()).at(node.at, found);
        }
    }
}
