//! A Service whose labels no pods here have.

use super::Rule;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostics, Level, listing};
use crate::value::Map;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0401", name: "service-selects-nothing", level: Level::Warning, page: include_str!("service_selects_nothing.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        let node = &service.resource.node;
        let Some((key, selector)) = node.get("spec").and_then(|spec| spec.as_map()?.entry("selector")) else { continue };
        if selector.as_map().is_none_or(Map::is_empty)
            || !context.stands_among_workloads(service)
            || context.selected(selector, &service.resource.id.namespace).next().is_some()
        {
            continue;
        }
        let wanted: Vec<String> =
            selector.entries().map(|(key, value)| format!("{}={}", key.name, value.as_str().unwrap_or_default())).collect();
        let others = listing(context.neighbours(service).map(|workload| workload.resource.id.name.as_str()), 3);
        RULE.code
            .report(format!("Service `{}` leads nowhere: no pods here have the labels {}", service.resource.id.name, wanted.join(", ")))
            .help(format!("use the labels of the pods that are meant; here are those of {others}"))
            .about(service.resource.subject())
            .at(key.at.to(selector.at), found);
    }
}
