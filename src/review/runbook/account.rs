//! A ServiceAccount that goes while a workload's manifest just no longer names it: an apply takes away only the field
//! that the manifest had, and the server keeps the account in the older one.

use super::command::{get_field, named, patch, rollout, word};
use super::step::{AllReady, OfObject, Purpose};
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
    let ids = users.iter().map(|user| user.id.clone()).collect();
    let mut plan = Plan::new(Purpose::WithoutAccount(ids, name.to_owned()));
    for user in users {
        let (namespace, kind) = (&user.id.namespace, user.id.kind.to_lowercase());
        let object = named(&kind, &user.id.name);
        plan.apply_alone(matter, user, OfObject::AccountKept, None);
        plan.run(
            patch(
                namespace,
                &object,
                &json!({"spec": {"template": {"spec": {"serviceAccountName": null, "serviceAccount": null}}}}),
            ),
            OfObject::AccountTaken,
            get_field(namespace, &object, "{.spec.template.spec.serviceAccountName}"),
        );
        let workload = format!("{kind}/{}", word(&user.id.name));
        plan.run(rollout(namespace, "status", &workload), AllReady::OtherAccount, None);
    }
    plan
}
