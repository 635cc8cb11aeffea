//! A StatefulSet whose change the API server refuses: it is deleted without its pods and made anew, which takes them
//! over.

use super::claims::{self, Edit, Origin, What};
use super::command::{all, await_new_pod, await_set, file, kubectl, labels, named, patch, selector, value, word};
use super::{Matter, Plan, migrate, rename, scale};
use crate::api::admission;
use crate::api::apply;
use crate::bundle::{Resource, ResourceId};
use crate::cluster::selector::matches;
use crate::review::set::{Set, When};
use crate::value::Node;
use serde_json::json;

/// What the server refuses as a patch and takes as a whole: the merge is at fault, not the manifest.
pub(super) fn replaced(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Option<Plan> {
    if !takes_whole(matter, &old.0.node, &new.0.node) || matter.setting.files.is_shared(&new.0.id) {
        return None;
    }
    let mut plan = Plan::new(format!(
        "give {} its new form as a whole: a merge of the two forms is refused, the new one is not",
        new.0.id
    ));
    replace(&mut plan, matter, &new.0.id);
    plan.run(await_set(new), "all pods ready; those whose template changed restart, from the last to the first", "");
    Some(plan)
}

/// Whether the server takes a manifest in the place of the one before, where a merge of the two is refused.
pub(super) fn takes_whole(matter: Matter<'_>, old: &Node, new: &Node) -> bool {
    let version = matter.setting.version;
    let stored = admission::create(old, version).object;
    stored.is_some_and(|stored| apply::replace(&stored, new, version).object.is_some())
}

/// Puts a manifest in the place of what is there.
pub(super) fn replace(plan: &mut Plan, matter: Matter<'_>, id: &ResourceId) {
    let file = file(&matter.setting.files.of(id));
    plan.run(
        format!("kubectl replace --save-config -f {file}"),
        "`replaced`: the object stays the same one, and later applies go on from here",
        format!("kubectl diff -f {file}"),
    );
}

/// The steps for a set whose fields cannot be changed in place.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Plan {
    let edits = claims::edits(old, new);
    if edits.iter().any(|edit| matches!(edit.what, What::Other(_))) {
        return migrate::plan(matter, old, new, &edits);
    }
    if let Some(rename) = rename::of_templates(old, new) {
        return rename::plan(matter, rename, &rename::Companies::default());
    }
    if !selects_own_pods(old, new) {
        return anew(matter, old, new, &edits);
    }
    let mut plan = Plan::new(String::new());
    if !edits.is_empty() {
        counted(&mut plan, old);
    }
    scale::leave(&mut plan, old, new);
    claims::prepare(&mut plan, matter, old, &edits);
    swap(&mut plan, matter, old, new);
    let renamed_service = is_renamed(old, new, "serviceName");
    let names_follow = if renamed_service {
        let (before, after) = (service(old), service(new));
        format!("; each is found below `{after}` only once it has restarted, until then below `{before}`")
    } else {
        String::new()
    };
    let has = |what| edits.iter().any(|edit| edit.what == what);
    let fate = if has(What::Added) {
        restart_ascending(&mut plan, matter, old, new, &edits);
        "its pods restart, from the first to the last"
    } else if has(What::Removed) {
        let expect =
            "all pods ready: they restart, from the last to the first, because the mount goes too; the claims stay";
        plan.run(await_set(new), format!("{expect}{names_follow}"), "");
        "its pods restart, from the last to the first"
    } else if !is_same_template(matter, old, new) {
        let expect = "all pods ready: they restart, from the last to the first, because their template changed too";
        plan.run(await_set(new), format!("{expect}{names_follow}"), "");
        "its pods restart only for what changed in their template"
    } else {
        plan.run(
            await_set(new),
            "all pods ready, none restarted",
            format!("{} get {}", kubectl(&new.0.id.namespace), pods(new)),
        );
        if renamed_service && new.replicas() > 0 {
            new_names(&mut plan, matter, old, new);
            "its pods restart for their new names only after it is done"
        } else {
            "no pod restarts"
        }
    };
    if renamed_service {
        old_service(&mut plan, matter, old);
    }
    plan.title = format!("{} {}: {fate}", reasons(matter, old, new, &edits), new.0.id);
    plan
}

/// What is to be changed that cannot be changed in place.
fn reasons(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) -> String {
    let mut reasons: Vec<String> = Vec::new();
    if let Some(grown) = edits.iter().find(|edit| matches!(edit.what, What::Grown(_))) {
        let first = old.claim(grown.template, old.start());
        reasons.push(match claims::origin(matter, &old.0.id.namespace, &first, grown.old) {
            Origin::Dynamic => "grow the claims".to_owned(),
            Origin::Static => "raise the size of future PVCs (existing volumes keep their size)".to_owned(),
        });
    }
    if edits.iter().any(|edit| !matches!(edit.what, What::Grown(_))) {
        reasons.push("change the claim templates".to_owned());
    }
    let fields = ["serviceName", "podManagementPolicy", "revisionHistoryLimit", "selector"];
    let fields: Vec<&str> = fields.into_iter().filter(|field| is_renamed(old, new, field)).collect();
    if !fields.is_empty() {
        reasons.push(format!("change {}", fields.join(" and ")));
    }
    if reasons.is_empty() { "make anew".to_owned() } else { format!("{} of", reasons.join(" and ")) }
}

fn is_renamed(old: Set<'_>, new: Set<'_>, field: &str) -> bool {
    old.0.node.find(&["spec", field]) != new.0.node.find(&["spec", field])
}

fn service(set: Set<'_>) -> &str {
    set.says().word(&["spec", "serviceName"]).unwrap_or_default()
}

/// Whether the pods of both are made alike, whatever the words.
fn is_same_template(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> bool {
    let template = |set: Set<'_>| {
        let stored = admission::create(&set.0.node, matter.setting.version).object?;
        stored.find(&["spec", "template"]).cloned()
    };
    template(old) == template(new)
}

/// What a person who deletes a pod should know when a disruption budget covers it.
pub(super) fn caution(matter: Matter<'_>, set: Set<'_>) -> &'static str {
    let labels = set.0.node.find(&["spec", "template", "metadata", "labels"]);
    let covers = |budget: &Resource| {
        budget.id.namespace == set.0.id.namespace && matches(budget.node.find(&["spec", "selector"]), labels)
    };
    if matter.fresh.of_kind("PodDisruptionBudget").any(covers) {
        ". Its disruption budget does not limit this: continue only when all pods are Ready"
    } else {
        ""
    }
}

/// Deletes the set without its pods and makes it anew.
pub(super) fn swap(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, new: Set<'_>) {
    orphan(plan, old);
    make(plan, matter, (old, new), 0);
}

/// Deletes the set and leaves its pods and claims as they are.
pub(super) fn orphan(plan: &mut Plan, old: Set<'_>) {
    let kubectl = kubectl(&old.0.id.namespace);
    plan.run(
        format!("{kubectl} delete {} --cascade=orphan", named("statefulset", old.name())),
        "the set is gone; its pods run on and its claims stay. Until the next step nobody replaces a pod that ends",
        format!("{kubectl} get pods {}", selector(&labels(old.0))),
    );
}

/// Says for how many replicas the steps are, where the manifest leaves that to an autoscaler.
pub(super) fn counted(plan: &mut Plan, old: Set<'_>) {
    if old.0.node.find(&["spec", "replicas"]).is_none() && old.templates().next().is_some() {
        plan.run(
            format!(
                "{} get {} -o jsonpath='{{.spec.replicas}}'",
                kubectl(&old.0.id.namespace),
                named("statefulset", old.name())
            ),
            "1. The manifests do not say how many replicas there are, and these steps are written for one. If it \
                prints more, state \
             that number as `replicas` in both, and review again before you go on",
            "",
        );
    }
}

/// Makes the set; where its manifest leaves the number of replicas to an autoscaler, with as many as there are pods,
/// and so many more.
pub(super) fn make(plan: &mut Plan, matter: Matter<'_>, (old, new): (Set<'_>, Set<'_>), more: usize) {
    let name = word(new.name());
    let namespace = &new.0.id.namespace;
    let check = format!("{} get {}", kubectl(namespace), named("statefulset", new.name()));
    if new.0.node.find(&["spec", "replicas"]).is_some() {
        let expect = format!("`statefulset.apps/{name} created`; its pods and claims are its own by their names");
        plan.apply(matter.with_companions(new), expect, check);
        return;
    }
    let count = format!("{} get pods {} --no-headers | wc -l", kubectl(namespace), selector(&labels(old.0)));
    let count = if more == 0 { format!("$({count})") } else { format!("$(($({count}) + {more}))") };
    let patch = format!(
        "--type merge -p \"{{\\\"spec\\\":{{\\\"replicas\\\":{count}}}}}\" -o yaml | {} create -f -",
        kubectl(namespace)
    );
    let command = if matter.setting.files.is_shared(&new.0.id) {
        format!("printf '%s' {} | kubectl patch --local -f - {patch}", word(&value(&new.0.node).to_string()))
    } else {
        let companions = matter.companions(new);
        if !companions.is_empty() {
            plan.apply(companions, "what the set needs is there", "");
        }
        format!("kubectl patch --local -f {} {patch}", file(&matter.setting.files.of(&new.0.id)))
    };
    let expect = "`created`, with as many replicas as there are pods: its manifest does not say how many, and alone \
        would mean one";
    plan.run(command, expect, check);
    plan.apply(
        vec![new.0.id.clone()],
        "`configured`, with a warning that an annotation was missing; the replicas stay",
        "",
    );
}

/// A selector that no longer matches the running pods: they have to go, and come back with other labels.
fn anew(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) -> Plan {
    let mut plan = Plan::new(format!(
        "change the selector of {}: all its pods are away for a short while, the claims stay",
        new.0.id
    ));
    scale::leave(&mut plan, old, new);
    claims::prepare(&mut plan, matter, old, edits);
    orphan(&mut plan, old);
    if new.0.node.find(&["spec", "replicas"]).is_some() {
        stop(&mut plan, old, "it ends in its own time; nothing recreates it", "");
        make(&mut plan, matter, (old, new), 0);
    } else {
        // The pods are counted while they are there.
        make(&mut plan, matter, (old, new), 0);
        stop(&mut plan, old, "it ends, and the new set makes its own of that name", " --wait=false");
    }
    plan.run(
        await_set(new),
        "all pods ready, under the new labels; each has taken up its claims by name",
        format!("{} get {} --show-labels", kubectl(&new.0.id.namespace), pods(new)),
    );
    plan
}

/// Ends the pods of a set that is gone, the last first.
fn stop(plan: &mut Plan, old: Set<'_>, expect: &str, waits: &str) {
    let kubectl = kubectl(&old.0.id.namespace);
    if old.0.node.find(&["spec", "replicas"]).is_none() {
        plan.run(format!("{kubectl} delete pod {}{waits}", selector(&labels(old.0))), expect, "");
        return;
    }
    for ordinal in claims::ordinals(old).rev() {
        plan.run(
            format!("{kubectl} delete {} --ignore-not-found{waits}", named("pod", &claims::pod(old, ordinal))),
            expect,
            "",
        );
    }
}

/// A claim template that was added reaches a pod only when it is made anew, and the controller waits for the lowest one
/// first.
fn restart_ascending(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) {
    let namespace = &new.0.id.namespace;
    let Some(added) = edits.iter().find(|edit| edit.what == What::Added).map(|edit| edit.template) else { return };
    for ordinal in claims::ordinals(new).filter(|ordinal| claims::ordinals(old).contains(ordinal)) {
        let pod = claims::pod(new, ordinal);
        plan.run(
            format!("{} delete {} --wait=false", kubectl(namespace), named("pod", &pod)),
            format!(
                "it comes back with the new claim. The controller cannot add a volume to a running pod, and is stuck \
                    at the first one \
                 without{}",
                caution(matter, new)
            ),
            "",
        );
        plan.run(
            await_new_pod(namespace, &pod, &format!("{{.spec.volumes[?(@.name==\"{added}\")].name}}"), added),
            "there with its new volume and ready, before the next one goes",
            format!("{} get {}", kubectl(namespace), named("pvc", &new.claim(added, ordinal))),
        );
    }
    plan.run(await_set(new), "all pods ready", "");
}

/// Pods keep the DNS name of the Service that they were made for.
fn new_names(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, new: Set<'_>) {
    let namespace = &new.0.id.namespace;
    let (before, after) = (service(old), service(new));
    let expect = format!(
        "until then pods are found below `{before}` only, and from then on below `{after}` only: keep Service \
            `{before}` until all have restarted"
    );
    if new.says().is_on_delete() || new.says().partition() > new.start() {
        for ordinal in claims::ordinals(new).rev() {
            let pod = claims::pod(new, ordinal);
            plan.run(
                format!("{} delete {} --wait=false", kubectl(namespace), named("pod", &pod)),
                format!("{expect}{}", caution(matter, new)),
                "",
            );
            plan.run(
                await_new_pod(namespace, &pod, "{.spec.subdomain}", after),
                "ready again, before the next one goes",
                "",
            );
        }
        return;
    }
    plan.run(format!("{} rollout restart statefulset/{}", kubectl(namespace), word(new.name())), expect, "");
    plan.run(
        await_set(new),
        "all pods ready, restarted from the last to the first",
        format!("{} get {} -o jsonpath='{{.items[*].spec.subdomain}}'", kubectl(namespace), pods(new)),
    );
}

/// The Service that the set used, if it goes in the same change.
fn old_service(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>) {
    let Some(service) = old.says().word(&["spec", "serviceName"]) else { return };
    let namespace = &old.0.id.namespace;
    let is_it = |resource: &&Resource| resource.id.name == service && resource.id.namespace == *namespace;
    let gone =
        matter.committed.of_kind("Service").find(is_it).filter(|service| matter.fresh.get(&service.id).is_none());
    if gone.is_some() {
        plan.run(
            format!("{} delete {}", kubectl(namespace), named("service", service)),
            "it is not among the new manifests any more, and no pod has a name below it",
            "",
        );
    }
}

/// Whether the new set's selector matches the pods that run now.
fn selects_own_pods(old: Set<'_>, new: Set<'_>) -> bool {
    let selector = |set: Set<'_>| set.0.node.find(&["spec", "selector"]).cloned();
    if selector(old) == selector(new) {
        return true;
    }
    matches(new.0.node.find(&["spec", "selector"]), old.0.node.find(&["spec", "template", "metadata", "labels"]))
}

/// Its pods, as kubectl takes them.
pub(super) fn pods(set: Set<'_>) -> String {
    let names: Vec<String> = claims::ordinals(set).map(|ordinal| claims::pod(set, ordinal)).collect();
    all("pods", &names)
}

/// Makes sure that claims outlive the pods and the set, whatever its retention policy says.
pub(super) fn retain_claims(plan: &mut Plan, set: Set<'_>) {
    if set.says().deletes_claims(When::Deleted) || set.says().deletes_claims(When::Scaled) {
        let policy = json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}}});
        plan.run(
            patch(&set.0.id.namespace, &named("statefulset", set.name()), &policy),
            "claims are no longer deleted with pods or with the set",
            "",
        );
    }
}
