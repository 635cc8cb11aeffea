//! A StatefulSet whose change the API server refuses: it is deleted without its pods and made anew, which takes them
//! over.

use super::claims::{self, Edit, Origin, What};
use super::command::{
    Command, all, await_new_pod, await_set, delete, file, get, get_field, kubectl, labels, named, patch, rollout,
    selector, word,
};
use super::step::{AllReady, OfObject, OfPod, OfSet, Purpose, Reason, Restart};
use super::{Matter, Plan, migrate, rename, scale};
use crate::api::admission;
use crate::api::apply;
use crate::bundle::{Resource, ResourceId};
use crate::cluster::selector::matches;
use crate::json::from_node;
use crate::review::set::{Set, When};
use crate::value::Node;
use serde_json::json;

/// What the server refuses as a patch and takes as a whole: the merge is at fault, not the manifest.
pub(super) fn replaced(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Option<Plan> {
    if !takes_whole(matter, &old.0.node, &new.0.node) || matter.setting.files.is_shared(&new.0.id) {
        return None;
    }
    let mut plan = Plan::new(Purpose::ReplaceWhole(new.0.id.clone()));
    replace(&mut plan, matter, &new.0.id);
    plan.run(await_set(new), AllReady::ChangedRestarted, None);
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
        Command::line(format!("kubectl replace --save-config -f {file}")),
        OfObject::Replaced,
        Command::line(format!("kubectl diff -f {file}")),
    );
}

/// The steps for a set whose fields cannot be changed in place.
pub(super) fn plan(matter: Matter<'_>, old: Set<'_>, new: Set<'_>) -> Plan {
    let edits = claims::edits(old, new);
    if edits.iter().any(|edit| matches!(edit.what, What::Fixed(_))) {
        return migrate::plan(matter, old, new, &edits);
    }
    if let Some(rename) = rename::of_templates(old, new) {
        return rename::plan(matter, rename, &rename::Companions::default());
    }
    if !selects_own_pods(old, new) {
        return recreate(matter, old, new, &edits);
    }
    let mut plan = Plan { purposes: Vec::new(), items: Vec::new() };
    if !edits.is_empty() {
        counted(&mut plan, old);
    }
    scale::leave(&mut plan, old, new);
    claims::prepare(&mut plan, matter, old, &edits);
    swap(&mut plan, matter, old, new);
    let renamed_service = is_renamed(old, new, "serviceName");
    let names = || renamed_service.then(|| (service(old).to_owned(), service(new).to_owned()));
    let has = |what| edits.iter().any(|edit| edit.what == what);
    let restart = if has(What::Added) {
        restart_ascending(&mut plan, matter, old, new, &edits);
        Restart::Ascending
    } else if has(What::Removed) {
        plan.run(await_set(new), AllReady::MountGone(names()), None);
        Restart::Descending
    } else if !is_same_template(matter, old, new) {
        plan.run(await_set(new), AllReady::TemplateChanged(names()), None);
        Restart::ForTemplate
    } else {
        plan.run(await_set(new), AllReady::NoneRestarted, get(&new.0.id.namespace, &pods(new)));
        if renamed_service && new.replicas() > 0 {
            new_names(&mut plan, matter, old, new);
            Restart::ForNames
        } else {
            Restart::None
        }
    };
    if renamed_service {
        old_service(&mut plan, matter, old);
    }
    let reasons = reasons(matter, old, new, &edits);
    plan.purposes.push(Purpose::Swap { set: new.0.id.clone(), reasons, pods: restart });
    plan
}

/// What is to be changed that cannot be changed in place.
fn reasons(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(grown) = edits.iter().find(|edit| matches!(edit.what, What::Grown(_))) {
        let first = old.claim(grown.template, old.start());
        reasons.push(match claims::origin(matter, &old.0.id.namespace, &first, grown.old) {
            Origin::Dynamic => Reason::Grow,
            Origin::Static => Reason::FutureSize,
        });
    }
    if edits.iter().any(|edit| !matches!(edit.what, What::Grown(_))) {
        reasons.push(Reason::Templates);
    }
    let fields = ["serviceName", "podManagementPolicy", "revisionHistoryLimit", "selector"];
    let fields: Vec<&'static str> = fields.into_iter().filter(|field| is_renamed(old, new, field)).collect();
    if !fields.is_empty() {
        reasons.push(Reason::Fields(fields));
    }
    reasons
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

/// Whether a disruption budget covers the pods of a set: it does not limit a person who deletes them.
pub(super) fn is_budgeted(matter: Matter<'_>, set: Set<'_>) -> bool {
    let labels = set.0.node.find(&["spec", "template", "metadata", "labels"]);
    matter.fresh.of_kind("PodDisruptionBudget").any(|budget| {
        budget.id.namespace == set.0.id.namespace && matches(budget.node.find(&["spec", "selector"]), labels)
    })
}

/// Deletes the set without its pods and makes it anew.
pub(super) fn swap(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, new: Set<'_>) {
    orphan(plan, old);
    make(plan, matter, (old, new), 0);
}

/// Deletes the set and leaves its pods and claims as they are.
pub(super) fn orphan(plan: &mut Plan, old: Set<'_>) {
    let namespace = &old.0.id.namespace;
    plan.run(
        delete(namespace, &named("statefulset", old.name())).with("--cascade=orphan"),
        OfSet::Orphaned,
        get(namespace, &format!("pods {}", selector(&labels(old.0)))),
    );
}

/// Says for how many replicas the steps are, where the manifest leaves that to an autoscaler.
pub(super) fn counted(plan: &mut Plan, old: Set<'_>) {
    if old.0.node.find(&["spec", "replicas"]).is_none() && old.templates().next().is_some() {
        let set = named("statefulset", old.name());
        plan.run(get_field(&old.0.id.namespace, &set, "{.spec.replicas}"), OfSet::CountedOne, None);
    }
}

/// Makes the set; where its manifest leaves the number of replicas to an autoscaler, with as many as there are pods,
/// and so many more.
pub(super) fn make(plan: &mut Plan, matter: Matter<'_>, (old, new): (Set<'_>, Set<'_>), more: usize) {
    let name = word(new.name());
    let namespace = &new.0.id.namespace;
    let check = get(namespace, &named("statefulset", new.name()));
    if new.0.node.find(&["spec", "replicas"]).is_some() {
        plan.apply(matter.with_companions(new), OfSet::Adopts(name), check);
        return;
    }
    let count = format!("{} get pods {} --no-headers | wc -l", kubectl(namespace), selector(&labels(old.0)));
    let count = if more == 0 { format!("$({count})") } else { format!("$(($({count}) + {more}))") };
    let patch = format!(
        "--type merge -p \"{{\\\"spec\\\":{{\\\"replicas\\\":{count}}}}}\" -o yaml | {} create -f -",
        kubectl(namespace)
    );
    let command = if matter.setting.files.is_shared(&new.0.id) {
        format!("printf '%s' {} | kubectl patch --local -f - {patch}", word(&from_node(&new.0.node).to_string()))
    } else {
        let companions = matter.companions(new);
        if !companions.is_empty() {
            plan.apply(companions, OfObject::Companions, None);
        }
        format!("kubectl patch --local -f {} {patch}", file(&matter.setting.files.of(&new.0.id)))
    };
    plan.run(Command::line(command), OfSet::CreatedForPods, check);
    plan.apply(vec![new.0.id.clone()], OfSet::KeepsReplicas, None);
}

/// A selector that no longer matches the running pods: they have to go, and come back with other labels.
fn recreate(matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) -> Plan {
    let mut plan = Plan::new(Purpose::Selector(new.0.id.clone()));
    scale::leave(&mut plan, old, new);
    claims::prepare(&mut plan, matter, old, edits);
    orphan(&mut plan, old);
    if new.0.node.find(&["spec", "replicas"]).is_some() {
        stop(&mut plan, old, &OfPod::EndsUnowned, "");
        make(&mut plan, matter, (old, new), 0);
    } else {
        // The pods are counted while they are there.
        make(&mut plan, matter, (old, new), 0);
        stop(&mut plan, old, &OfPod::EndsRecreated, "--wait=false");
    }
    let shown = get(&new.0.id.namespace, &pods(new)).with("--show-labels");
    plan.run(await_set(new), AllReady::NewLabels, shown);
    plan
}

/// Ends the pods of a set that is gone, the last first.
fn stop(plan: &mut Plan, old: Set<'_>, expect: &OfPod, waits: &str) {
    let namespace = &old.0.id.namespace;
    if old.0.node.find(&["spec", "replicas"]).is_none() {
        let pods = format!("pod {}", selector(&labels(old.0)));
        plan.run(delete(namespace, &pods).with(waits), expect.clone(), None);
        return;
    }
    for ordinal in claims::ordinals(old).rev() {
        let pod = named("pod", &claims::pod(old, ordinal));
        plan.run(delete(namespace, &pod).with("--ignore-not-found").with(waits), expect.clone(), None);
    }
}

/// A claim template that was added reaches a pod only when it is made anew, and the controller waits for the lowest one
/// first.
fn restart_ascending(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, new: Set<'_>, edits: &[Edit<'_>]) {
    let namespace = &new.0.id.namespace;
    let Some(added) = edits.iter().find(|edit| edit.what == What::Added).map(|edit| edit.template) else { return };
    let budget = is_budgeted(matter, new);
    for ordinal in claims::ordinals(new).filter(|ordinal| claims::ordinals(old).contains(ordinal)) {
        let pod = claims::pod(new, ordinal);
        plan.run(delete(namespace, &named("pod", &pod)).with("--wait=false"), OfPod::BackWithClaim { budget }, None);
        plan.run(
            await_new_pod(namespace, &pod, &format!("{{.spec.volumes[?(@.name==\"{added}\")].name}}"), added),
            OfPod::ReadyWithVolume,
            get(namespace, &named("pvc", &new.claim(added, ordinal))),
        );
    }
    plan.run(await_set(new), AllReady::Plain, None);
}

/// Pods keep the DNS name of the Service that they were made for.
fn new_names(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>, new: Set<'_>) {
    let namespace = &new.0.id.namespace;
    let (before, after) = (service(old), service(new));
    let renamed = |budget| OfPod::Renamed { before: before.to_owned(), after: after.to_owned(), budget };
    if new.says().is_on_delete() || new.says().partition() > new.start() {
        let budget = is_budgeted(matter, new);
        for ordinal in claims::ordinals(new).rev() {
            let pod = claims::pod(new, ordinal);
            let deleted = delete(namespace, &named("pod", &pod)).with("--wait=false");
            plan.run(deleted, renamed(budget), None);
            plan.run(await_new_pod(namespace, &pod, "{.spec.subdomain}", after), OfPod::ReadyAgain, None);
        }
        return;
    }
    let set = format!("statefulset/{}", word(new.name()));
    plan.run(rollout(namespace, "restart", &set), renamed(false), None);
    let shown = get_field(namespace, &pods(new), "{.items[*].spec.subdomain}");
    plan.run(await_set(new), AllReady::Restarted, shown);
}

/// The Service that the set used, if it goes in the same change.
fn old_service(plan: &mut Plan, matter: Matter<'_>, old: Set<'_>) {
    let Some(service) = old.says().word(&["spec", "serviceName"]) else { return };
    let namespace = &old.0.id.namespace;
    let is_it = |resource: &&Resource| resource.id.name == service && resource.id.namespace == *namespace;
    let gone =
        matter.committed.of_kind("Service").find(is_it).filter(|service| matter.fresh.get(&service.id).is_none());
    if gone.is_some() {
        plan.run(delete(namespace, &named("service", service)), OfObject::ServiceDeleted, None);
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
        plan.run(patch(&set.0.id.namespace, &named("statefulset", set.name()), &policy), OfSet::RetainsClaims, None);
    }
}
