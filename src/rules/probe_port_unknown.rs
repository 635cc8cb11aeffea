//! A probe or hook that asks a port by a name which its container does not have.

use super::Rule;
use super::context::{Context, text};
use crate::diagnostic::{Code, Diagnostics, Level, listing, nearest};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0439",
        name: "probe-port-unknown",
        level: Level::Error,
        page: include_str!("probe_port_unknown.md"),
    },
    judge,
};

/// Where a container asks a port, and what people call it.
const ASKING: [(&[&str], &str); 5] = [
    (&["readinessProbe"], "readiness probe"),
    (&["livenessProbe"], "liveness probe"),
    (&["startupProbe"], "startup probe"),
    (&["lifecycle", "postStart"], "postStart hook"),
    (&["lifecycle", "preStop"], "preStop hook"),
];

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in context.workloads.iter().filter(|workload| !context.is_kustomized(workload)) {
        for container in workload.all_containers() {
            for (path, what) in ASKING {
                let Some(handler) = container.find(path) else { continue };
                let asked = ["httpGet", "tcpSocket"].into_iter().filter_map(|kind| handler.get(kind)?.get("port"));
                for (port, name) in asked.filter_map(|port| Some((port, port.as_str()?))) {
                    // A number in quotes is no name; the API server says so.
                    if name.bytes().all(|byte| byte.is_ascii_digit()) || names(container).any(|known| known == name) {
                        continue;
                    }
                    let help = match nearest(name, names(container)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if names(container).next().is_none() => {
                            format!("name a port of this container `{name}`, or write its number")
                        }
                        None => format!("the container has {}", listing(names(container), 4)),
                    };
                    RULE.code
                        .report(format!(
                            "the {what} of container `{}` asks port `{name}`, which the container does not have: it \
                                fails every time",
                            text(container, "name").unwrap_or_default()
                        ))
                        .help(help)
                        .about(workload.resource.subject())
                        .at(port.at, found);
                }
            }
        }
    }
}

/// The names of a container's own ports: a kubelet looks at no other container's.
fn names(container: &Node) -> impl Iterator<Item = &str> {
    container.get("ports").into_iter().flat_map(Node::items).filter_map(|port| text(port, "name"))
}
