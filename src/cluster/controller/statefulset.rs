//! One pass of the StatefulSet controller over one set: pods and claims made, replaced and removed, in its order. Knows
//! neither nodes nor volumes.
//!
//! Follows `pkg/controller/statefulset/stateful_set_control.go: updateStatefulSet, processReplica, processCondemned`,
//! and `pkg/controller/statefulset/stateful_set_utils.go: getParentNameAndOrdinal`.

use super::garbage;
use super::revision::{self, Revision};
use crate::cluster::binder::{self, CLAIM};
use crate::cluster::mark::Mark;
use crate::cluster::plugin;
use crate::cluster::selector;
use crate::cluster::store::{self, Key, Owner, is_ending, owner_references, owners, put, text, uid};
use crate::cluster::world::{World, is_ready, phase};
use crate::k8s::gate;
use crate::k8s::name;
use crate::k8s::version::Version;
pub(crate) use crate::stateful_set::parent_and_ordinal;
use crate::stateful_set::{StatefulSet, claim_name};
use crate::value::{Data, Map, Node, Text};
use smol_str::format_smolstr;
use std::collections::BTreeSet;

/// The label that says which revision a pod was made from.
pub(crate) const REVISION_LABEL: &str = "controller-revision-hash";
const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";
/// More replicas than this are not played.
pub(crate) const MOST_REPLICAS: i64 = 300;

/// A pass could not go on: what is in the way has been said as an event where the controller says anything.
struct Stuck;

/// How a set's claims outlive pods that were scaled away, and the set.
#[derive(Clone, Copy)]
struct Retention {
    delete_when_scaled: bool,
    delete_when_deleted: bool,
}

/// A pod as one pass sees it: one that is there, or one to be made.
struct Replica {
    key: Key,
    ordinal: i64,
    /// Its revision's name.
    revision: Text,
    /// The pod as it was when the pass began; `None` if there was none.
    pod: Option<Seen>,
}

/// What a pass needs to know of a pod.
struct Seen {
    uid: Text,
    phase: Text,
    ready: bool,
    ending: bool,
}

impl Replica {
    /// `isRunningAndReady`, pkg/controller/statefulset.
    fn is_ready(&self) -> bool {
        self.pod.as_ref().is_some_and(|pod| pod.phase == "Running" && pod.ready)
    }

    /// Time passes as needed, so what is ready becomes available.
    /// `isUnavailable`, pkg/controller/statefulset.
    fn is_unavailable(&self) -> bool {
        !self.is_ready() || self.is_ending()
    }

    fn is_ending(&self) -> bool {
        self.pod.as_ref().is_some_and(|pod| pod.ending)
    }

    fn uid(&self) -> &str {
        self.pod.as_ref().map_or("", |pod| &pod.uid)
    }
}

/// A set as one pass sees it.
struct Pass<'a> {
    world: &'a mut World,
    key: &'a Key,
    set: &'a Node,
    current: Revision,
    update: Revision,
    start: i64,
    replicas: i64,
    parallel: bool,
    retention: Retention,
}

/// Does what the controller does when it looks at a set.
/// `UpdateStatefulSet`, pkg/controller/statefulset.
pub(crate) fn sync(world: &mut World, key: &Key) {
    let Some(set) = world.store.get(key).cloned() else { return };
    let known = revision::of_set(world, key, &set);
    adopt(world, key, &set);
    let update = revision::of_template(world, key, &set, &known);
    let named = text(&set, &["status", "currentRevision"]);
    let current = known.iter().find(|revision| revision.name == named).cloned().unwrap_or_else(|| update.clone());
    let policy = |when: &str| text(&set, &["spec", "persistentVolumeClaimRetentionPolicy", when]) == "Delete";
    let mut pass = Pass {
        start: set.find(&["spec", "ordinals", "start"]).and_then(Node::as_int).unwrap_or_default(),
        replicas: replicas(&set).min(world.most_replicas),
        parallel: text(&set, &["spec", "podManagementPolicy"]) == "Parallel",
        retention: Retention { delete_when_scaled: policy("whenScaled"), delete_when_deleted: policy("whenDeleted") },
        world,
        key,
        set: &set,
        current,
        update,
    };
    let mut live: BTreeSet<Text> = [pass.current.name.clone(), pass.update.name.clone()].into();
    let pods = pass.pods();
    pass.world.spend(1 + pods.len());
    live.extend(pods.iter().map(|pod| pod.revision.clone()));
    pass.run(pods);
    revision::truncate(world, key, &set, &known, &live);
}

/// How many pods a set asks for, as far as they are played.
#[must_use]
pub(crate) fn replicas(set: &Node) -> i64 {
    StatefulSet(set).replicas().clamp(0, MOST_REPLICAS)
}

/// Takes in pods without an owner that match and bear the set's name; lets go of its own that no longer match.
/// `ClaimPods`, pkg/controller.
fn adopt(world: &mut World, key: &Key, set: &Node) {
    let (own, selector) = (uid(set), set.find(&["spec", "selector"]));
    let loose = world.store.marked(Mark::Loose(key.namespace.clone(), key.name.clone()), "Pod");
    let mut candidates: Vec<Key> =
        loose.chain(world.store.marked(Mark::ManagedBy(own.clone()), "Pod")).map(|(name, _)| name.clone()).collect();
    candidates.sort_unstable();
    for name in candidates {
        let Some(pod) = world.store.get(&name) else { continue };
        let ours = store::controller_uid(pod) == Some(&own);
        if name.namespace != key.namespace || is_ending(pod) {
            continue;
        }
        let wanted = selector::matches(selector, pod.find(&["metadata", "labels"]))
            && parent_and_ordinal(&name.name).is_some_and(|(parent, _)| parent == key.name);
        if wanted == ours {
            continue;
        }
        let mut all = owners(pod);
        all.retain(|owner| owner.uid != own);
        if wanted {
            all.push(revision::owner(key, set));
        }
        let value = owner_references(&all, pod.at);
        world.store.set(&name, &["metadata", "ownerReferences"], value);
    }
}

impl Pass<'_> {
    /// The pods that are the set's own.
    fn pods(&self) -> Vec<Replica> {
        let own = self.world.store.marked(Mark::ManagedBy(uid(self.set)), "Pod");
        let pods = own.filter(|(name, _)| name.namespace == self.key.namespace);
        pods.filter_map(|(name, pod)| {
            let (parent, ordinal) = parent_and_ordinal(&name.name)?;
            let revision = text(pod, &["metadata", "labels", REVISION_LABEL]).into();
            let seen = Seen { uid: uid(pod), phase: phase(pod).into(), ready: is_ready(pod), ending: is_ending(pod) };
            (parent == self.key.name).then(|| Replica { key: name.clone(), ordinal, revision, pod: Some(seen) })
        })
        .collect()
    }

    fn run(&mut self, pods: Vec<Replica>) {
        let mut status = self.counts(&pods);
        let range = self.start..self.start + self.replicas;
        let (mut replicas, mut condemned): (Vec<_>, Vec<_>) =
            pods.into_iter().partition(|pod| range.contains(&pod.ordinal));
        let there: BTreeSet<i64> = replicas.iter().map(|replica| replica.ordinal).collect();
        replicas.extend(range.filter(|ordinal| !there.contains(ordinal)).map(|ordinal| self.missing(ordinal)));
        replicas.sort_by_key(|replica| replica.ordinal);
        condemned.sort_by_key(|replica| std::cmp::Reverse(replica.ordinal));
        let less = self.go(&replicas, &condemned);
        status.current -= less;
        self.write_status(&status);
    }

    /// Everything but the counting. Answers how many pods of the current revision it has deleted for the update.
    /// `updateStatefulSet`, pkg/controller/statefulset.
    fn go(&mut self, replicas: &[Replica], condemned: &[Replica]) -> i64 {
        let unhealthy = replicas
            .iter()
            .chain(condemned.iter().rev())
            .find(|replica| replica.is_unavailable())
            .map(|replica| replica.key.clone());
        let done = self.each(replicas, Self::tend)
            && self.each(condemned, |pass, replica| {
                pass.own_claims(replica);
                Ok(false)
            })
            && self.each(condemned, |pass, replica| Ok(pass.remove_condemned(replica, unhealthy.as_ref())));
        if !done || text(self.set, &["spec", "updateStrategy", "type"]) == "OnDelete" {
            return 0;
        }
        self.roll(replicas)
    }

    /// Goes through pods in order. With ordered pods the first that must wait ends it; otherwise only a failure does,
    /// after the batch of 1, 2, 4, … pods that it happened in.
    /// `runForAll` and `slowStartBatch`, pkg/controller/statefulset.
    fn each(&mut self, replicas: &[Replica], mut act: impl FnMut(&mut Self, &Replica) -> Result<bool, Stuck>) -> bool {
        let (mut batch, mut left, mut failed) = (1, 1, false);
        for replica in replicas {
            let outcome = act(self, replica);
            if !self.parallel {
                if !matches!(outcome, Ok(false)) {
                    return false;
                }
                continue;
            }
            failed |= outcome.is_err();
            left -= 1;
            if left == 0 {
                if failed {
                    return false;
                }
                batch *= 2;
                left = batch;
            }
        }
        !failed
    }

    /// Sees to one pod that should be there. Says whether an ordered set must wait for it.
    /// `processReplica`, pkg/controller/statefulset.
    fn tend(&mut self, replica: &Replica) -> Result<bool, Stuck> {
        let Some(pod) = &replica.pod else {
            if self.has_stale_claim(replica) {
                return Ok(true);
            }
            self.create(replica)?;
            return Ok(!self.parallel);
        };
        if matches!(pod.phase.as_str(), "Failed" | "Succeeded") {
            if !pod.ending {
                garbage::delete(self.world, &replica.key);
            }
            return Ok(true);
        }
        if pod.phase == "Pending" {
            self.make_claims(replica).map_err(|_| Stuck)?;
            self.own_claims(replica);
        }
        if !self.parallel && (replica.is_ending() || !replica.is_ready()) {
            return Ok(true);
        }
        let mounted = self.mounts_all(replica);
        if mounted {
            self.own_claims(replica);
            return Ok(false);
        }
        Err(self.fail_to_remount(replica))
    }

    /// Whether a pod mounts a claim for each template.
    /// `storageMatches`, pkg/controller/statefulset.
    fn mounts_all(&self, replica: &Replica) -> bool {
        let volumes = self
            .world
            .store
            .get(&replica.key)
            .and_then(|pod| pod.find(&["spec", "volumes"])?.as_list())
            .unwrap_or_default();
        templates(self.set).all(|template| {
            let wanted = self.claim_key(template, replica.ordinal);
            let mut named =
                volumes.iter().filter(|volume| text(volume, &["name"]) == text(template, &["metadata", "name"]));
            named.any(|volume| text(volume, &["persistentVolumeClaim", "claimName"]) == wanted.name)
        })
    }

    /// A pod lacks a claim of the template. Claims can be made for it, but a pod's volumes cannot be changed.
    fn fail_to_remount(&mut self, replica: &Replica) -> Stuck {
        const REFUSED: &str = "is invalid: spec: Forbidden: pod updates may not change fields other than \
            `spec.containers[*].image`,\
            `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
            existing tolerations),\
            `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        let why = self.make_claims(replica).err().unwrap_or_else(|| {
            self.own_claims(replica);
            format!("Pod \"{}\" {REFUSED}", replica.key.name)
        });
        self.say_failed("update", replica, &why);
        Stuck
    }

    /// Deletes a pod that is to go. Says whether an ordered set must wait for it.
    /// `processCondemned`, pkg/controller/statefulset.
    fn remove_condemned(&mut self, replica: &Replica, unhealthy: Option<&Key>) -> bool {
        let waits = replica.is_ending() || !self.parallel && !replica.is_ready() && unhealthy != Some(&replica.key);
        if !waits {
            garbage::delete(self.world, &replica.key);
        }
        true
    }

    /// The update: pods of another revision are deleted, highest ordinal first. Gives how many.
    /// `updateStatefulSet`, pkg/controller/statefulset.
    fn roll(&mut self, replicas: &[Replica]) -> i64 {
        let rolling = self.set.find(&["spec", "updateStrategy", "rollingUpdate"]);
        let partition = rolling.and_then(|rolling| rolling.get("partition")).and_then(Node::as_int).unwrap_or_default();
        let from = usize::try_from(partition).unwrap_or_default().min(replicas.len());
        if gate::MAX_UNAVAILABLE_STATEFUL_SET.is_on(self.world.version) {
            let most = at_once(rolling.and_then(|rolling| rolling.get("maxUnavailable")), replicas.len());
            return self.roll_several(replicas, from, most);
        }
        for replica in replicas[from..].iter().rev() {
            if replica.revision != self.update.name && !replica.is_ending() {
                garbage::delete(self.world, &replica.key);
                return 1;
            }
            if replica.is_unavailable() {
                return 0;
            }
        }
        0
    }

    /// `updateStatefulSetAfterInvariantEstablished`: as many at once as may be missing. Of a Parallel set those that
    /// are missing anyway go first, whatever their number.
    fn roll_several(&mut self, replicas: &[Replica], from: usize, most: usize) -> i64 {
        let missing = replicas.iter().filter(|replica| replica.is_unavailable()).count();
        let mut left = most.saturating_sub(missing);
        let mut gone = 0;
        let is_old = |pass: &Self, replica: &Replica| replica.revision != pass.update.name && !replica.is_ending();
        if self.parallel {
            for replica in replicas[from..].iter().rev() {
                if is_old(self, replica) && !replica.is_ready() {
                    garbage::delete(self.world, &replica.key);
                    gone += 1;
                }
            }
        }
        for replica in replicas[from..].iter().rev() {
            let chosen = is_old(self, replica) && (!self.parallel || !replica.is_unavailable());
            if left > 0 && chosen {
                garbage::delete(self.world, &replica.key);
                left -= 1;
                gone += 1;
            }
        }
        gone
    }

    // ---- pods

    /// A pod to be made, at the revision it belongs to.
    /// `newVersionedStatefulSetPod`, pkg/controller/statefulset.
    fn missing(&self, ordinal: i64) -> Replica {
        let strategy = |path: &str| self.set.find(&["spec", "updateStrategy", path]);
        let partition = strategy("rollingUpdate")
            .map(|rolling| rolling.get("partition").and_then(Node::as_int).unwrap_or_default());
        let kept = self.set.find(&["status", "currentReplicas"]).and_then(Node::as_int).unwrap_or_default();
        let old = match (strategy("type").and_then(Node::as_str), partition) {
            (_, Some(partition)) => ordinal < self.start + partition,
            (Some("RollingUpdate"), None) => ordinal < self.start + kept,
            _ => false,
        };
        let revision = if old { &self.current } else { &self.update };
        let name = format_smolstr!("{}-{ordinal}", self.key.name);
        Replica {
            key: Key::new("Pod", self.key.namespace.clone(), name),
            ordinal,
            revision: revision.name.clone(),
            pod: None,
        }
    }

    fn create(&mut self, replica: &Replica) -> Result<(), Stuck> {
        if let Err(why) = self.make_claims(replica) {
            self.say_failed("create", replica, &why);
            return Err(Stuck);
        }
        if self.world.store.get(&replica.key).is_some() {
            return Err(Stuck);
        }
        let mut pod = self.pod(replica);
        if let Some(why) = refusal(&pod) {
            self.own_claims(replica);
            self.say_failed("create", replica, &why);
            return Err(Stuck);
        }
        if let Err(denial) = plugin::admit(self.world, &replica.key, &mut pod) {
            self.own_claims(replica);
            self.say_failed("create", replica, &denial.message);
            self.world.journal.denied.insert(self.key.clone(), denial);
            return Err(Stuck);
        }
        self.world.create(&replica.key, pod);
        self.world.journal.denied.remove(self.key);
        self.own_claims(replica);
        Ok(())
    }

    /// `newStatefulSetPod`, pkg/controller/statefulset.
    fn pod(&self, replica: &Replica) -> Node {
        let at = self.set.at;
        let revision = if replica.revision == self.update.name { &self.update } else { &self.current };
        let mut pod = Node::map(Map::new(), at);
        put(&mut pod, &["apiVersion"], Node::text("v1", at));
        put(&mut pod, &["kind"], Node::text("Pod", at));
        for part in ["metadata", "spec"] {
            if let Some(node) = revision.template.get(part) {
                put(&mut pod, &[part], node.clone());
            }
        }
        let name = &replica.key.name;
        put(&mut pod, &["metadata", "name"], Node::text(name.clone(), at));
        put(&mut pod, &["metadata", "namespace"], Node::text(self.key.namespace.clone(), at));
        put(&mut pod, &["metadata", "labels", POD_NAME_LABEL], Node::text(name.clone(), at));
        put(&mut pod, &["metadata", "labels", POD_INDEX_LABEL], Node::text(replica.ordinal.to_string(), at));
        put(&mut pod, &["metadata", "labels", REVISION_LABEL], Node::text(replica.revision.clone(), at));
        if let Some(owner) = owner_references(&[revision::owner(self.key, self.set)], at) {
            put(&mut pod, &["metadata", "ownerReferences"], Node::new(owner, at));
        }
        put(&mut pod, &["spec", "hostname"], Node::text(name.clone(), at));
        let service = text(self.set, &["spec", "serviceName"]);
        if service.is_empty() {
            store::take(&mut pod, &["spec", "subdomain"]);
        } else {
            put(&mut pod, &["spec", "subdomain"], Node::text(service, at));
        }
        let volumes = self.volumes(&pod, replica.ordinal);
        if !volumes.is_empty() {
            put(&mut pod, &["spec", "volumes"], Node::list(volumes, at));
        }
        put(&mut pod, &["status", "phase"], Node::text("Pending", at));
        pod
    }

    /// A volume for each claim, and those of the template that no claim shadows.
    /// `updateStorage`, pkg/controller/statefulset.
    fn volumes(&self, pod: &Node, ordinal: i64) -> Vec<Node> {
        let mut volumes = Vec::new();
        for template in templates(self.set) {
            let mut volume = Node::map(Map::new(), template.at);
            put(&mut volume, &["name"], Node::text(text(template, &["metadata", "name"]), template.at));
            put(
                &mut volume,
                &["persistentVolumeClaim", "claimName"],
                Node::text(self.claim_key(template, ordinal).name, template.at),
            );
            volumes.push(volume);
        }
        let shadowed = |volume: &Node| {
            templates(self.set).any(|template| text(template, &["metadata", "name"]) == text(volume, &["name"]))
        };
        volumes.extend(
            pod.find(&["spec", "volumes"])
                .into_iter()
                .flat_map(Node::items)
                .filter(|volume| !shadowed(volume))
                .cloned(),
        );
        volumes
    }

    fn say_failed(&mut self, verb: &str, replica: &Replica, why: &str) {
        let (title, reason) = if verb == "create" { ("Create", "FailedCreate") } else { ("Update", "FailedUpdate") };
        let verb = if self.world.version >= Version::minor(35) { title } else { verb };
        let message = format!("{verb} Pod {} in StatefulSet {} failed error: {why}", replica.key.name, self.key.name);
        self.world.say(self.key, true, reason, message);
    }

    // ---- claims

    fn claim_key(&self, template: &Node, ordinal: i64) -> Key {
        let name = claim_name(text(template, &["metadata", "name"]), &self.key.name, ordinal);
        Key::new(CLAIM, self.key.namespace.clone(), name)
    }

    /// `getPersistentVolumeClaims`, pkg/controller/statefulset.
    fn claim(&self, template: &Node, key: &Key) -> Node {
        let at = template.at;
        let mut claim = template.clone();
        store::take(&mut claim, &["status"]);
        put(&mut claim, &["apiVersion"], Node::text("v1", at));
        put(&mut claim, &["kind"], Node::text(CLAIM, at));
        put(&mut claim, &["metadata", "name"], Node::text(key.name.clone(), at));
        put(&mut claim, &["metadata", "namespace"], Node::text(self.key.namespace.clone(), at));
        for (key, value) in self.set.find(&["spec", "selector", "matchLabels"]).into_iter().flat_map(Node::entries) {
            put(&mut claim, &["metadata", "labels", &key.name], value.clone());
        }
        put(&mut claim, &["status", "phase"], Node::text("Pending", at));
        claim
    }

    /// Makes the claims that are missing.
    /// `createPersistentVolumeClaims`, pkg/controller/statefulset.
    fn make_claims(&mut self, replica: &Replica) -> Result<(), String> {
        let mut errors: Vec<String> = Vec::new();
        for template in templates(self.set) {
            let key = self.claim_key(template, replica.ordinal);
            if let Some(old) = self.world.store.get(&key) {
                if is_ending(old) {
                    errors.push(format!("pvc {} is being deleted", key.name));
                }
                continue;
            }
            let faults = name::dns_subdomain(&key.name);
            let mut claim = self.claim(template, &key);
            binder::fill(self.world, &mut claim);
            let invalid = faults.first().map(|fault| {
                format!("{CLAIM} \"{0}\" is invalid: metadata.name: Invalid value: \"{0}\": {fault}", key.name)
            });
            let denied = if invalid.is_some() { None } else { plugin::admit(self.world, &key, &mut claim).err() };
            if let Some(refused) = invalid.or_else(|| denied.as_ref().map(|denial| denial.message.clone())) {
                self.world.journal.denied.extend(denied.map(|denial| (self.key.clone(), denial)));
                let message = format!(
                    "Create Claim {} for Pod {} in StatefulSet {} failed error: {refused}",
                    key.name, replica.key.name, self.key.name
                );
                self.world.say(self.key, true, "FailedCreate", message);
                errors.push(format!("failed to create PVC {}: {refused}", key.name));
                continue;
            }
            self.world.create(&key, claim);
        }
        match errors.as_slice() {
            [] => Ok(()),
            [one] => Err(one.clone()),
            several => Err(format!("[{}]", several.join(", "))),
        }
    }

    /// Whether a claim still belongs to an earlier pod of this name, with which it is about to go.
    /// `PodClaimIsStale`, pkg/controller/statefulset.
    fn has_stale_claim(&self, replica: &Replica) -> bool {
        self.retention.delete_when_scaled
            && templates(self.set).any(|template| {
                let claim = self.world.store.get(&self.claim_key(template, replica.ordinal));
                claim.is_some_and(|claim| {
                    owners(claim).iter().any(|owner| {
                        owner.kind == "Pod" && owner.name == replica.key.name && owner.uid != replica.uid()
                    })
                })
            })
    }

    /// Makes the owners of a pod's claims what the retention policy asks for.
    /// `UpdatePodClaimForRetentionPolicy`, pkg/controller/statefulset.
    fn own_claims(&mut self, replica: &Replica) {
        let pod_uid = self.world.store.get(&replica.key).map(uid).unwrap_or_default();
        let Retention { delete_when_scaled, delete_when_deleted } = self.retention;
        for template in templates(self.set) {
            let key = self.claim_key(template, replica.ordinal);
            let Some(claim) = self.world.store.get(&key) else { continue };
            let (all, at) = (owners(claim), claim.at);
            if all.is_empty() && !delete_when_scaled && !delete_when_deleted {
                continue;
            }
            if let Some(wanted) = self.wanted_owners(replica, &pod_uid, &all, &key) {
                self.world.store.set(&key, &["metadata", "ownerReferences"], owner_references(&wanted, at));
            }
        }
    }

    /// The owners a claim should have; `None` where they are right, or better left alone.
    /// `updateClaimOwnerRefForSetAndPod`, pkg/controller/statefulset.
    fn wanted_owners(&mut self, replica: &Replica, pod_uid: &str, all: &[Owner], key: &Key) -> Option<Vec<Owner>> {
        let is_set = |owner: &Owner| owner.kind == self.key.kind && owner.name == self.key.name;
        let is_pod = |owner: &Owner| owner.kind == "Pod" && owner.name == replica.key.name;
        let set_uid = uid(self.set);
        if all.iter().any(|owner| is_set(owner) && owner.uid != set_uid || is_pod(owner) && owner.uid != pod_uid) {
            return None;
        }
        let Retention { delete_when_scaled, delete_when_deleted } = self.retention;
        let foreign = (delete_when_scaled || delete_when_deleted)
            && all.iter().any(|owner| owner.controller && !is_set(owner) && !is_pod(owner));
        let scaled_away = !(self.start..self.start + self.replicas).contains(&replica.ordinal);
        let mut wanted: Vec<Owner> = all.iter().filter(|owner| !is_set(owner) && !is_pod(owner)).cloned().collect();
        if foreign {
            let message = format!(
                "PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a manging controller, the \
                    retention policy is ignored \
                 for this claim",
                key.name
            );
            self.world.say(self.key, true, "ConflictingController", message);
        } else if delete_when_scaled && scaled_away {
            wanted.push(Owner {
                kind: "Pod".into(),
                name: replica.key.name.clone(),
                uid: pod_uid.into(),
                controller: true,
            });
        } else if delete_when_deleted && !(delete_when_scaled && scaled_away) {
            wanted.push(revision::owner(self.key, self.set));
        }
        (wanted != all).then_some(wanted)
    }

    // ---- status
    /// `updateStatus`, pkg/controller/statefulset.
    fn counts(&self, pods: &[Replica]) -> Counts {
        let number = |test: &dyn Fn(&Replica) -> bool| {
            i64::try_from(pods.iter().filter(|pod| test(pod)).count()).unwrap_or_default()
        };
        Counts {
            replicas: number(&|_| true),
            ready: number(&Replica::is_ready),
            current: number(&|pod| !pod.is_ending() && pod.revision == self.current.name),
            updated: number(&|pod| !pod.is_ending() && pod.revision == self.update.name),
        }
    }

    /// `completeRollingUpdate` and `updateStatefulSetStatus`, pkg/controller/statefulset.
    fn write_status(&mut self, counts: &Counts) {
        let strategy = text(self.set, &["spec", "updateStrategy", "type"]);
        let wanted = StatefulSet(self.set).replicas();
        // `completeUpdate` looks at the numbers alone since 1.37.
        let completes = strategy != "OnDelete" || self.world.version >= Version::minor(37);
        let complete = completes && [counts.updated, counts.ready, counts.replicas] == [wanted; 3];
        let (current, revision) =
            if complete { (counts.updated, &self.update.name) } else { (counts.current, &self.current.name) };
        let generation = self.set.find(&["metadata", "generation"]).and_then(Node::as_int).unwrap_or(1);
        let numbers = [
            ("observedGeneration", generation),
            ("replicas", counts.replicas),
            ("readyReplicas", counts.ready),
            ("availableReplicas", counts.ready),
            ("currentReplicas", current),
            ("updatedReplicas", counts.updated),
        ];
        let status = self.set.get("status");
        for (field, number) in numbers {
            if status.and_then(|status| status.get(field)).and_then(Node::as_int) != Some(number) {
                self.world.store.set(self.key, &["status", field], Some(Data::Int(number)));
            }
        }
        for (field, name) in [("currentRevision", revision), ("updateRevision", &self.update.name)] {
            if status.and_then(|status| status.get(field)).and_then(Node::as_str) != Some(name) {
                self.world.store.set_text(self.key, &["status", field], name.clone());
            }
        }
    }
}

/// A set's claim templates.
fn templates(set: &Node) -> impl Iterator<Item = &Node> {
    set.find(&["spec", "volumeClaimTemplates"]).into_iter().flat_map(Node::items)
}

/// How many pods may be missing in an update: a number, or a share of all of them, rounded down; one at least.
/// `getStatefulSetMaxUnavailable`, pkg/controller/statefulset.
fn at_once(stated: Option<&Node>, all: usize) -> usize {
    let count = match stated.map(|stated| &stated.data) {
        Some(Data::Int(count)) => usize::try_from(*count).unwrap_or(usize::MAX),
        Some(Data::Text(share)) => {
            let share = share.strip_suffix('%').and_then(|share| share.parse::<usize>().ok()).unwrap_or_default();
            share.saturating_mul(all) / 100
        }
        _ => 1,
    };
    count.max(1)
}

/// What a set's status counts.
struct Counts {
    replicas: i64,
    ready: i64,
    current: i64,
    updated: i64,
}

/// Why the server refuses a pod that its template's rules let pass: what the controller adds to it is too long.
fn refusal(pod: &Node) -> Option<String> {
    let mut causes: Vec<String> = Vec::new();
    let pod_name = text(pod, &["metadata", "name"]);
    for fault in name::dns_subdomain(pod_name) {
        causes.push(format!("metadata.name: Invalid value: \"{pod_name}\": {fault}"));
    }
    for key in [POD_NAME_LABEL, REVISION_LABEL] {
        let value = text(pod, &["metadata", "labels", key]);
        causes.extend(
            name::label_value(value)
                .into_iter()
                .map(|fault| format!("metadata.labels: Invalid value: \"{value}\": {fault}")),
        );
    }
    for field in ["hostname", "subdomain"] {
        let value = text(pod, &["spec", field]);
        if !value.is_empty() {
            causes.extend(
                name::dns_label(value)
                    .into_iter()
                    .map(|fault| format!("spec.{field}: Invalid value: \"{value}\": {fault}")),
            );
        }
    }
    causes.sort();
    match causes.as_slice() {
        [] => None,
        [one] => Some(format!("Pod \"{pod_name}\" is invalid: {one}")),
        several => Some(format!("Pod \"{pod_name}\" is invalid: [{}]", several.join(", "))),
    }
}
