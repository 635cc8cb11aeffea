//! A port of a Service behind which no container listens.

use super::Rule;
use super::context::{Context, Workload, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;
use std::collections::BTreeSet;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0407",
        name: "port-without-listener",
        level: Level::Warning,
        page: include_str!("port_without_listener.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        let Some(spec) = service.resource.node.get("spec") else { continue };
        let Some(selector) =
            spec.get("selector").filter(|selector| selector.as_map().is_some_and(|map| !map.is_empty()))
        else {
            continue;
        };
        let mut pods: Option<Declared<'_>> = None;
        for port in spec.get("ports").into_iter().flat_map(Node::items) {
            let Some(target) = port.get("targetPort").filter(|target| !target.is_null()).or_else(|| port.get("port"))
            else {
                continue;
            };
            let declared =
                pods.get_or_insert_with(|| Declared::by(context.selected(selector, &service.resource.id.namespace)));
            if declared.in_order.is_empty()
                || target.as_int().is_some_and(|number| declared.numbers.contains(&number))
                || target.as_str().is_some_and(|name| declared.names.contains(name))
            {
                continue;
            }
            let shown = target
                .as_int()
                .map_or_else(|| target.as_str().unwrap_or_default().to_owned(), |number| number.to_string());
            let ports = declared.said();
            let (message, help) = if port.get("targetPort").is_some() {
                (
                    format!("no container of these pods declares port {shown}; they declare {ports}"),
                    "let `targetPort` name a port of the containers",
                )
            } else {
                (
                    format!(
                        "port {shown} has no `targetPort`, so it leads to port {shown} of the pods; they listen on \
                            {ports}"
                    ),
                    "add `targetPort` with the port of the containers, best by name",
                )
            };
            // A container need not declare its ports: only where one is plainly meant is it certain.
            let is_meant = target.as_str().is_some()
                || text(port, "name").is_some_and(|name| !name.is_empty() && declared.names.contains(name))
                || port.get("targetPort").is_none()
                    && spec.get("ports").is_some_and(|ports| ports.items().count() == 1);
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
struct Declared<'a> {
    in_order: Vec<(&'a str, i64)>,
    names: BTreeSet<&'a str>,
    numbers: BTreeSet<i64>,
}

impl<'a> Declared<'a> {
    fn by<'w>(pods: impl Iterator<Item = &'w Workload<'a>>) -> Self
    where
        'a: 'w,
    {
        let mut seen = BTreeSet::new();
        let containers = pods.flat_map(Workload::all_containers);
        let ports = containers.flat_map(|container| container.get("ports").into_iter().flat_map(Node::items));
        let ports = ports
            .filter_map(|port| Some((text(port, "name").unwrap_or_default(), port.get("containerPort")?.as_int()?)));
        let in_order: Vec<(&str, i64)> = ports.filter(|port| seen.insert(*port)).collect();
        let (names, numbers) = in_order.iter().copied().unzip();
        Self { in_order, names, numbers }
    }

    /// As a message says them: the first few.
    fn said(&self) -> String {
        const NAMED: usize = 20;
        let one = |(name, number): &(&str, i64)| {
            if name.is_empty() { number.to_string() } else { format!("{number} ({name})") }
        };
        let list = self.in_order.iter().take(NAMED).map(one).collect::<Vec<_>>().join(", ");
        match self.in_order.len().saturating_sub(NAMED) {
            0 => list,
            more => format!("{list} and {more} more"),
        }
    }
}
