//! A variable in an env value that nothing defines.

use super::Rule;
use super::context::{Context, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;
use std::collections::BTreeSet;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0428",
        name: "undefined-variable",
        level: Level::Warning,
        page: include_str!("undefined_variable.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for workload in &context.workloads {
        for container in workload.all_containers().filter(|container| container.get("envFrom").is_none()) {
            let items = || container.get("env").into_iter().flat_map(Node::items);
            let all: BTreeSet<&str> = items().filter_map(|item| text(item, "name")).collect();
            let mut defined: BTreeSet<&str> = BTreeSet::new();
            for item in items() {
                for name in item.get("value").and_then(Node::as_str).into_iter().flat_map(variables) {
                    if defined.contains(name) || is_from_service(name) {
                        continue;
                    }
                    let later = all.contains(name);
                    let message = if later {
                        format!("`$({name})` stays as it is: `{name}` is defined further down")
                    } else {
                        format!("`$({name})` stays as it is: nothing defines `{name}`")
                    };
                    RULE.code
                        .report(message)
                        .help(if later {
                            "move the definition up"
                        } else {
                            "define it above; write `$$(…)` if these characters are meant"
                        })
                        .about(workload.resource.subject())
                        .at(item.place_of("value"), found);
                }
                defined.extend(text(item, "name"));
            }
        }
    }
}

/// The names in `$(…)`.
fn variables(value: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = value;
    while let Some(start) = rest.find("$(") {
        let is_escaped = rest[..start].ends_with('$');
        let Some((name, after)) = rest[start + 2..].split_once(')') else { break };
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if is_name && !is_escaped {
            names.push(name);
        }
        rest = after;
    }
    names
}

/// Whether the kubelet defines it for a Service of the namespace.
fn is_from_service(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.contains("_PORT")
}
