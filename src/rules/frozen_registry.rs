//! An image from a registry that gets nothing new.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0424", name: "frozen-registry", level: Level::Note, page: include_str!("frozen_registry.md") },
    judge,
};

const FROZEN: [&str; 3] = ["k8s.gcr.io/", "gcr.io/google_containers/", "gcr.io/google-containers/"];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        for image in workload.all_containers().filter_map(|container| container.get("image")) {
            let Some(registry) =
                image.as_str().and_then(|name| FROZEN.iter().find(|registry| name.starts_with(**registry)))
            else {
                continue;
            };
            RULE.code
                .report(format!("`{}` has been frozen since 2023", registry.trim_end_matches('/')))
                .help("take the image from `registry.k8s.io`")
                .about(workload.resource.subject())
                .at(image.at, found);
        }
    }
}
