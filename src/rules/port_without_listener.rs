//! A port of a Service behind which no container listens.

use super::Rule;
use super::context::{Context, Workload, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0407", name: "port-without-listener", level: Level::Warning, page: include_str!("port_without_listener.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        let Some(spec) = service.resource.node.get("spec") else { continue };
        let Some(selector) = spec.get("selector").filter(|selector| selector.as_map().is_some_and(|map| !map.is_empty())) else { continue };
        let mut pods: Option<Vec<&Workload<'_>>> = None;
        for port in spec.get("ports").into_iter().flat_map(Node::items) {
            let pods = pods.get_or_insert_with(|| context.selected(selector, &service.resource.id.namespace).collect());
            let Some(target) = port.get("targetPort").filter(|target| !target.is_null()).or_else(|| port.get("port")) else { continue };
            let declared = declared(pods);
            if declared.is_empty()
                || declared.iter().any(|(name, number)| target.as_int() == Some(*number) || target.as_str() == Some(*name))
            {
                continue;
            }
            let shown = target.as_int().map_or_else(|| target.as_str().unwrap_or_default().to_owned(), |number| number.to_string());
            let ports =
                declared.iter().map(|(name, number)| if name.is_empty() { number.to_string() } else { format!("{number} ({name})") });
            let ports = ports.collect::<Vec<_>>().join(", ");
            let (message, help) = if port.get("targetPort").is_some() {
                (
                    format!("no container of these pods declares port {shown}; they declare {ports}"),
                    "let `targetPort` name a port of the containers",
                )
            } else {
                (
                    format!("port {shown} has no `targetPort`, so it leads to port {shown} of the pods; they listen on {ports}"),
                    "add `targetPort` with the port of the containers, best by name",
                )
            };
            // A container need not declare its ports: only where one is plainly meant is it certain.
            let is_meant = target.as_str().is_some()
                || declared.iter().any(|(name, _)| !name.is_empty() && text(port, "name") == Some(*name))
                || port.get("targetPort").is_none() && spec.get("ports").is_some_and(|ports| ports.items().count() == 1);
            RULE.code
                .report(format!("Service `{}`: {message}", service.resource.id.name))
                .level(if is_meant { Level::Warning } else { Level::Note })
                .help(help)
                .about(service.resource.subject())
                .at(target.at, found);
        }
    }
}

/// The ports that the containers of some pods declare.
fn declared<'a>(pods: &[&Workload<'a>]) -> Vec<(&'a str, i64)> {
    let mut ports = Vec::new();
    for container in pods.iter().flat_map(|pod| pod.all_containers()) {
        for port in container.get("ports").into_iter().flat_map(Node::items) {
            let Some(number) = port.get("containerPort").and_then(Node::as_int) else { continue };
            let port = (text(port, "name").unwrap_or_default(), number);
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }
    ports
}
