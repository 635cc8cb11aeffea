//! A Service whose labels no pods here have.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Map;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0401",
        name: "service-selects-nothing",
        level: Level::Warning,
        page: include_str!("service_selects_nothing.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        let node = &service.resource.node;
        let Some((key, selector)) = node.get("spec").and_then(|spec| spec.as_map()?.entry("selector")) else {
            continue;
        };
        if selector.as_map().is_none_or(Map::is_empty)
            || context.selected(selector, &service.resource.id.namespace).next().is_some()
        {
            continue;
        }
        if let Some(workload) = context.selected_elsewhere(selector, service) {
            let (own, other) = (&service.resource.id, &workload.resource.id);
            RULE.code
                .report(format!(
                    "Service `{}` leads nowhere: it is in namespace `{}`, and the pods with its labels are in `{}`",
                    own.name, own.namespace, other.namespace
                ))
                .help("a Service selects pods of its own namespace only: put both into one")
                .see(
                    workload.resource.node.place_of("metadata"),
                    format!("{} `{}` makes these pods", other.kind, other.name),
                )
                .about(service.resource.subject())
                .at(service.resource.node.place_of("metadata.namespace"), found);
            continue;
        }
        if !context.stands_among_workloads(service)
            // Whether all is there but one label, which the software may give to the pod that leads.
            || context.lacking_one(selector, service)
            || context.is_exhausted()
        {
            continue;
        }
        let wanted: Vec<String> = selector
            .entries()
            .map(|(key, value)| format!("{}={}", key.name, value.as_str().unwrap_or_default()))
            .collect();
        let others = context.workloads_beside(service);
        RULE.code
            .report(format!(
                "Service `{}` leads nowhere: no pods here have the labels {}",
                service.resource.id.name,
                wanted.join(", ")
            ))
            .help(format!("use the labels of the pods that are meant; here are those of {others}"))
            .about(service.resource.subject())
            .at(key.at.to(selector.at), found);
    }
}
