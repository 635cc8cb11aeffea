//! A service account that is not among the manifests.

use super::Rule;
use super::context::{Context, MOST_NEAR, text};
use crate::diagnostic::{Code, Diagnostics, Level, nearest};

pub(super) static RULE: Rule = Rule {
    code: Code { id: "SW0447", name: "account-missing", level: Level::Note, page: include_str!("account_missing.md") },
    judge,
};

fn judge(context: &Context<'_>, found: &mut Diagnostics) {
    // A spec names an account of others on purpose: one of its own it makes.
    if context.compiled {
        return;
    }
    for workload in context.workloads.iter().filter(|workload| !context.is_kustomized(workload)) {
        let field =
            ["serviceAccountName", "serviceAccount"].into_iter().find(|field| text(workload.pod, field).is_some());
        let Some(name) = field.and_then(|field| workload.pod.get(field)) else { continue };
        let (at, name) = (name.at, name.as_str().unwrap_or_default());
        if ["", "default"].contains(&name)
            || context.named("ServiceAccount", name, &workload.resource.id.namespace).is_some()
        {
            continue;
        }
        let placed = workload.placed();
        let mut known =
            context.beside(&placed, "ServiceAccount").map(|account| account.resource.id.name.as_str()).peekable();
        let is_beside = known.peek().is_some();
        let help = nearest(name, known.take(MOST_NEAR)).map_or_else(
            || "make sure that it is in the cluster before; add it here if it belongs to this app".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        RULE.code
            .report(format!(
                "ServiceAccount `{name}` is not here: until it is in the cluster, no pod of `{}` is made",
                workload.resource.id.name
            ))
            .level(if is_beside { Level::Warning } else { Level::Note })
            .help(help)
            .about(workload.resource.subject())
            .at(at, found);
    }
}
