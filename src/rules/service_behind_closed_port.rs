//! A Service that leads to a port that the NetworkPolicies of its pods open to nobody.

use super::Rule;
use super::context::{Context, Placed, Workload, text};
use crate::cluster::selector;
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0451",
        name: "service-behind-closed-port",
        level: Level::Warning,
        page: include_str!("service_behind_closed_port.md"),
    },
    judge,
};

/// So many policies beside a Service are looked at, and so many workloads behind it.
const MOST: usize = 64;

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for service in &context.services {
        let Some(spec) = service.resource.node.get("spec") else { continue };
        // A headless Service gives names to pods; that not all of its ports are for everybody is what it is for.
        if text(spec, "clusterIP") == Some("None") || context.may_be_changed(service) {
            continue;
        }
        let policies: Vec<Placed<'_>> =
            context.beside(service, "NetworkPolicy").filter(is_for_ingress).take(MOST + 1).collect();
        let Some(selector) =
            spec.get("selector").filter(|selector| selector.as_map().is_some_and(|map| !map.is_empty()))
        else {
            continue;
        };
        if policies.is_empty() || policies.len() > MOST {
            continue;
        }
        let pods: Vec<&Workload<'_>> =
            context.selected(selector, &service.resource.id.namespace).take(MOST + 1).collect();
        if pods.is_empty() || pods.len() > MOST {
            continue;
        }
        for port in spec.get("ports").into_iter().flat_map(Node::items) {
            let Some(target) = port.get("targetPort").filter(|target| !target.is_null()).or_else(|| port.get("port"))
            else {
                continue;
            };
            let target = Target { node: target, protocol: text(port, "protocol").unwrap_or("TCP") };
            let closing = |pod: &&Workload<'_>| closed_by(&policies, pod, target);
            if let Some(policy) =
                pods.iter().map(closing).collect::<Option<Vec<_>>>().and_then(|all| all.first().copied())
            {
                report(context, service, policy, target, found);
            }
        }
    }
}

fn report(
    context: &Context<'_>,
    service: &Placed<'_>,
    policy: &Placed<'_>,
    target: Target<'_>,
    found: &mut Diagnostics,
) {
    let port = target.said();
    let help = if context.compiled {
        format!("say under `network:` who may: `{port}: namespace`, or `any`")
    } else {
        format!("add port `{port}` to an ingress rule of the policy")
    };
    RULE.code
        .report(format!(
            "Service `{}` leads to port `{port}`, to which NetworkPolicy `{}` lets nobody connect",
            service.resource.id.name, policy.resource.id.name
        ))
        .see(policy.resource.at(), "the policy is here")
        .help(help)
        .about(service.resource.subject())
        .at(target.node.at, found);
}

/// The port of the pods that a Service leads to.
#[derive(Clone, Copy)]
struct Target<'n> {
    node: &'n Node,
    protocol: &'n str,
}

impl Target<'_> {
    fn said(self) -> String {
        self.node
            .as_int()
            .map_or_else(|| self.node.as_str().unwrap_or_default().to_owned(), |number| number.to_string())
    }
}

/// Whether it says who may connect: a policy that says of neither direction is for this one.
fn is_for_ingress(policy: &Placed<'_>) -> bool {
    let types = policy.resource.node.find(&["spec", "policyTypes"]);
    types.is_none_or(|types| types.items().any(|kind| kind.as_str() == Some("Ingress")))
}

/// The first of the policies of a workload's pods, if all of them together open a port to nobody.
fn closed_by<'p, 'a>(policies: &'p [Placed<'a>], pod: &Workload<'_>, target: Target<'_>) -> Option<&'p Placed<'a>> {
    let of_pod =
        |policy: &&Placed<'_>| selector::matches(policy.resource.node.find(&["spec", "podSelector"]), pod.labels);
    let mut own = policies.iter().filter(of_pod);
    let first = own.next()?;
    let is_open = std::iter::once(first).chain(own).any(|policy| opens(policy, pod, target));
    (!is_open).then_some(first)
}

fn opens(policy: &Placed<'_>, pod: &Workload<'_>, target: Target<'_>) -> bool {
    let rules = policy.resource.node.find(&["spec", "ingress"]).into_iter().flat_map(Node::items);
    let mut ports = rules.map(|rule| rule.get("ports").filter(|ports| ports.items().next().is_some()));
    ports.any(|ports| ports.is_none_or(|ports| ports.items().any(|port| is_same(port, pod, target))))
}

/// Whether a port of a policy is the one that is meant, by name or by number.
fn is_same(port: &Node, pod: &Workload<'_>, target: Target<'_>) -> bool {
    if text(port, "protocol").unwrap_or("TCP") != target.protocol {
        return false;
    }
    let Some(named) = port.get("port") else { return true };
    let number = |node: &Node| node.as_int().or_else(|| number_of(pod, node.as_str()?));
    if named == target.node {
        return true;
    }
    let (Some(first), Some(wanted)) = (number(named), number(target.node)) else { return false };
    (first..=port.get("endPort").and_then(Node::as_int).unwrap_or(first)).contains(&wanted)
}

/// The number of a container port by its name.
fn number_of(pod: &Workload<'_>, name: &str) -> Option<i64> {
    let ports = pod.all_containers().flat_map(|container| container.get("ports").into_iter().flat_map(Node::items));
    ports.filter(|port| text(port, "name") == Some(name)).find_map(|port| port.get("containerPort")?.as_int())
}
