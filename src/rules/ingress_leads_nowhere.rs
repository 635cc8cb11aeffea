//! An Ingress to a Service, or to a port of one, that is not there.

use super::Rule;
use super::context::{Context, Placed, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0441",
        name: "ingress-leads-nowhere",
        level: Level::Warning,
        page: include_str!("ingress_leads_nowhere.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for ingress in context.referring.of_kind("Ingress").iter().filter(|ingress| !context.may_be_changed(ingress)) {
        let Some(spec) = ingress.resource.node.get("spec") else { continue };
        let paths =
            spec.get("rules").into_iter().flat_map(Node::items).filter_map(|rule| rule.find(&["http", "paths"]));
        let backends = paths.flat_map(Node::items).filter_map(|path| path.get("backend"));
        for backend in spec.get("defaultBackend").or_else(|| spec.get("backend")).into_iter().chain(backends) {
            judge_backend(context, ingress, backend, found);
        }
    }
}

fn judge_backend(context: &Context<'_>, ingress: &Placed<'_>, backend: &Node, found: &mut Diagnostics) {
    // `service: {name, port: {number, name}}`, and before `networking.k8s.io/v1` `serviceName` and `servicePort`.
    let (name, port) = match backend.get("service") {
        Some(service) => {
            (service.get("name"), service.get("port").and_then(|port| port.get("number").or_else(|| port.get("name"))))
        }
        None => (backend.get("serviceName"), backend.get("servicePort")),
    };
    let Some((at, name)) = name.and_then(|node| Some((node.at, node.as_str()?))) else { return };
    let own = &ingress.resource.id;
    let Some(service) = context.named("Service", name, &own.namespace) else {
        // Without any Service beside it, all of them are elsewhere.
        if context.beside(ingress, "Service").next().is_some() {
            let help = context.meant_beside(ingress, "Service", name);
            RULE.code
                .report(format!("Ingress `{}` leads to Service `{name}`, which is not here", own.name))
                .level(Level::Note)
                .help(help)
                .about(ingress.resource.subject())
                .at(at, found);
        }
        return;
    };
    let spec = service.resource.node.get("spec");
    let has = |port: &Node| {
        let ports = spec.and_then(|spec| spec.get("ports")).into_iter().flat_map(Node::items);
        let is_it = |known: &Node| match (port.as_int(), port.as_str()) {
            (Some(number), _) => known.get("port").and_then(Node::as_int) == Some(number),
            (_, Some(name)) => text(known, "name") == Some(name),
            _ => true,
        };
        ports.into_iter().any(is_it)
    };
    let is_elsewhere = spec.is_some_and(|spec| text(spec, "type") == Some("ExternalName"));
    let Some(port) = port.filter(|port| !is_elsewhere && !context.may_be_changed(&service) && !has(port)) else {
        return;
    };
    let shown = port.as_int().map_or_else(|| port.as_str().unwrap_or_default().to_owned(), |number| number.to_string());
    RULE.code
        .report(format!(
            "Ingress `{}` leads to port {shown} of Service `{name}`, which has no such port: requests get 503",
            own.name
        ))
        .help("an Ingress names the `port` of the Service, or its name, not the `targetPort`")
        .see(service.resource.node.place_of("spec.ports"), "these are its ports")
        .about(ingress.resource.subject())
        .at(port.at, found);
}
