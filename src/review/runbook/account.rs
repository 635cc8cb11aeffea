//! A ServiceAccount that goes while a workload's manifest just no longer names it: an apply takes away only the field
//! that the manifest had, and the server keeps the account in the older one.

use super::command::{kubectl, named, patch, word};
use super::{Matter, Plan};
use crate::bundle::Resource;
use crate::review::change::ChangeKind;
use crate::value::Node;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const KINDS: [&str; 3] = ["StatefulSet", "Deployment", "DaemonSet"];

/// The steps for each account that goes and would still be asked for.
pub(super) fn plans(matter: Matter<'_>) -> Vec<Plan> {
    let gone =
        matter.changes.iter().filter(|change| change.kind == ChangeKind::Removed && change.id.kind == "ServiceAccount");
    let gone: BTreeSet<(&str, &str)> = gone.map(|change| (&*change.id.namespace, &*change.id.name)).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let account = |workload: &'_ Resource| {
        let pod = workload.node.find(&["spec", "template", "spec"])?;
        ["serviceAccountName", "serviceAccount"]
            .into_iter()
            .find_map(|field| pod.get(field).and_then(Node::as_str))
            .map(str::to_owned)
    };
    let mut left: BTreeMap<(&str, String), Vec<&Resource>> = BTreeMap::new();
    for old in KINDS.into_iter().flat_map(|kind| matter.committed.of_kind(kind)) {
        let Some(name) = account(old).filter(|name| gone.contains(&(&*old.id.namespace, name.as_str()))) else {
            continue;
        };
        let new = matter.fresh.get(&old.id).filter(|new| account(new).is_none() && matter.ready.contains(&new.id));
        if let Some(new) = new {
            left.entry((&old.id.namespace, name)).or_default().push(new);
        }
    }
    left.into_iter().map(|((_, name), users)| plan(matter, &name, &users)).collect()
}

fn plan(matter: Matter<'_>, name: &str, users: &[&Resource]) -> Plan {
    let ids: Vec<String> = users.iter().map(|user| user.id.to_string()).collect();
    let mut plan =
        Plan::new(format!("let {} run without ServiceAccount {name}, before it is pruned", ids.join(" and ")));
    for user in users {
        let namespace = &user.id.namespace;
        let object = named(&user.id.kind.to_lowercase(), &user.id.name);
        plan.apply_alone(
            matter,
            user,
            "`configured`: `serviceAccountName` is no longer set by the manifest, and the API server keeps the account",
            "",
        );
        plan.run(
            patch(
                namespace,
                &object,
                &json!({"spec": {"template": {"spec": {"serviceAccountName": null, "serviceAccount": null}}}}),
            ),
            "`patched`: its pods are replaced, and run as account `default`",
            format!("{} get {object} -o jsonpath='{{.spec.template.spec.serviceAccountName}}'", kubectl(namespace)),
        );
        plan.run(
            format!("{} rollout status {}/{}", kubectl(namespace), user.id.kind.to_lowercase(), word(&user.id.name)),
            "all pods ready, under the other account",
            "",
        );
    }
    plan
}
