//! A binding of a role, or to a service account, that is not there.

use super::Rule;
use super::context::{Context, Placed, text};
use crate::diagnostic::{Code, Diagnostics, Level};
use crate::value::Node;

pub(super) static RULE: Rule = Rule {
    code: Code {
        id: "SW0443",
        name: "binding-of-nothing",
        level: Level::Note,
        page: include_str!("binding_of_nothing.md"),
    },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    for kind in ["RoleBinding", "ClusterRoleBinding"] {
        for binding in context.referring.of_kind(kind).iter().filter(|binding| !context.may_be_changed(binding)) {
            judge_role(context, kind, binding, found);
            judge_accounts(context, kind, binding, found);
        }
    }
}

/// A role is missed only where roles are written beside the binding: Kubernetes and others bring roles of their own.
fn judge_role(context: &Context<'_>, kind: &str, binding: &Placed<'_>, found: &mut Diagnostics) {
    let id = &binding.resource.id;
    let Some(reference) = binding.resource.node.get("roleRef") else { return };
    let (Some(role), Some(name)) = (text(reference, "kind"), text(reference, "name")) else { return };
    if context.beside(binding, role).next().is_none()
        || context.named(role, name, &id.namespace).is_some()
        || name.starts_with("system:")
        || is_built_in(name)
    {
        return;
    }
    let report = RULE.code.report(format!("{kind} `{}` grants {role} `{name}`, which is not here", id.name));
    let report = report.help(context.meant_beside(binding, role, name));
    report.about(binding.resource.subject()).at(binding.resource.node.place_of("roleRef.name"), found);
}

fn judge_accounts(context: &Context<'_>, kind: &str, binding: &Placed<'_>, found: &mut Diagnostics) {
    let id = &binding.resource.id;
    if context.beside(binding, "ServiceAccount").next().is_none() {
        return;
    }
    for subject in binding.resource.node.get("subjects").into_iter().flat_map(Node::items) {
        let Some(name) = subject.get("name").filter(|_| text(subject, "kind") == Some("ServiceAccount")) else {
            continue;
        };
        let (at, name) = (name.at, name.as_str().unwrap_or_default());
        let namespace = text(subject, "namespace").unwrap_or(&id.namespace);
        if name == "default" || context.named("ServiceAccount", name, namespace).is_some() {
            continue;
        }
        let report =
            RULE.code.report(format!("{kind} `{}` grants to ServiceAccount `{name}`, which is not here", id.name));
        report
            .help(context.meant_beside(binding, "ServiceAccount", name))
            .about(binding.resource.subject())
            .at(at, found);
    }
}

/// The roles that every cluster has for people.
fn is_built_in(name: &str) -> bool {
    ["cluster-admin", "admin", "edit", "view"].contains(&name)
}
