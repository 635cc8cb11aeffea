//! A Service that carries one app's name and leads to another's pods.

use super::Rule;
use super::context::{Context, first_word, leads_to};
use crate::diagnostic::{Code, Diagnostics, Level};

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0402",
        name: "service-selects-other-app",
        level: Level::Warning,
        page: include_str!("service_selects_other_app.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        let Some((key, selector)) = service.resource.node.get("spec").and_then(|spec| spec.as_map()?.entry("selector"))
        else {
            continue;
        };
        let app = first_word(&service.resource.id.name);
        if selector.entries().any(|(_, value)| value.as_str().is_some_and(|value| value.contains(app))) {
            continue;
        }
        let Some(namesake) = context.namesake(service).filter(|workload| !leads_to(selector, workload.labels)) else {
            continue;
        };
        let mut selected = context.selected(selector, &service.resource.id.namespace).peekable();
        let Some(other) = selected.peek().map(|workload| workload.resource) else { continue };
        if selected.any(|workload| first_word(&workload.resource.id.name) == app) {
            continue;
        }
        RULE.code
            .report(format!(
                "Service `{}` leads to the pods of `{}`, not to those of `{}`",
                service.resource.id.name, other.id.name, namesake.resource.id.name
            ))
            .help("use the labels of the pods that its name promises")
            .about(service.resource.subject())
            .at(key.at.to(selector.at), found);
    }
}
