//! Deployments and their ReplicaSets: pods without an identity, which are replaced as soon as they are being deleted.
//! Played only beside nodes that fail.
//!
//! Follows `pkg/controller/deployment/rolling.go: rolloutRolling, reconcileNewReplicaSet, reconcileOldReplicaSets`, and
//! `pkg/controller/replicaset/replica_set.go: manageReplicas`.

use super::disruption::{share, share_at_most};
use super::garbage;
use crate::cluster::mark::Mark;
use crate::cluster::plugin;
use crate::cluster::store::{Key, Owner, controller_uid, is_ending, owner_references, put, text, uid};
use crate::cluster::world::{World, is_over, is_ready, node_name, phase};
use crate::value::{Data, Map, Node, Text};
use std::cmp::Reverse;

const DEPLOYMENT: &str = "Deployment";
const REPLICA_SET: &str = "ReplicaSet";
const HASH: &str = "pod-template-hash";
/// More replicas than this are not played.
const MOST: i64 = 300;

/// Works on all of them.
pub(super) fn run(world: &mut World) {
    if world.fleet.is_none() {
        return;
    }
    for key in world.store.keys(DEPLOYMENT) {
        roll(world, &key);
    }
    for key in world.store.keys(REPLICA_SET) {
        manage(world, &key);
    }
}

/// A ReplicaSet as a Deployment sees it.
struct Seen {
    key: Key,
    asked: i64,
    available: i64,
    is_new: bool,
}

/// `rolloutRolling` and `rolloutRecreate`, pkg/controller/deployment.
fn roll(world: &mut World, key: &Key) {
    let Some(deployment) = world.store.get(key).cloned() else { return };
    let wanted = replicas(&deployment);
    let hash = hash(&deployment);
    let new = Key::new(REPLICA_SET, key.namespace.clone(), format!("{}-{hash}", key.name));
    let recreates = text(&deployment, &["spec", "strategy", "type"]) == "Recreate";
    let old = seen(world, &deployment, &new);
    let others: i64 = old.iter().filter(|set| !set.is_new).map(|set| set.asked).sum();
    if recreates && others > 0 {
        old.iter().filter(|set| !set.is_new).for_each(|set| scale(world, &set.key, 0));
        return;
    }
    let pods_left = old.iter().filter(|set| !set.is_new).any(|set| {
        let id = world.store.get(&set.key).map(uid).unwrap_or_default();
        world.store.marked(Mark::ManagedBy(id), "Pod").any(|(_, pod)| !is_over(pod))
    });
    if recreates && pods_left {
        return;
    }
    let strategy = |field: &str| deployment.find(&["spec", "strategy", "rollingUpdate", field]);
    let quarter = Node::text("25%", deployment.at);
    let surge = share(strategy("maxSurge").unwrap_or(&quarter), wanted);
    let mut missing = share_at_most(strategy("maxUnavailable").unwrap_or(&quarter), wanted).min(wanted);
    if surge == 0 && missing == 0 {
        missing = 1;
    }
    if world.store.get(&new).is_none() {
        let first = if others == 0 { wanted } else { (wanted + surge - others).clamp(0, wanted) };
        create_set(world, key, &deployment, &new, &hash, first);
        return;
    }
    let own = old.iter().find(|set| set.is_new);
    let (asked, available) = own.map_or((0, 0), |set| (set.asked, set.available));
    if others == 0 || recreates {
        return scale(world, &new, wanted);
    }
    let grown =
        if asked > wanted { wanted } else { asked + (wanted + surge - others - asked).clamp(0, wanted - asked) };
    if grown != asked {
        return scale(world, &new, grown);
    }
    // `reconcileOldReplicaSets`: as many may go as are not needed; those that are not ready first.
    let needed = wanted - missing;
    let mut left = others + asked - needed - (asked - available);
    for set in old.iter().filter(|set| !set.is_new && set.asked > set.available) {
        let less = left.clamp(0, set.asked - set.available);
        if less > 0 {
            scale(world, &set.key, set.asked - less);
            left -= less;
        }
    }
    let all = seen(world, &deployment, &new);
    let mut spare = all.iter().map(|set| set.available).sum::<i64>() - needed;
    for set in all.iter().filter(|set| !set.is_new) {
        let less = spare.clamp(0, set.asked);
        if less > 0 {
            scale(world, &set.key, set.asked - less);
            spare -= less;
        }
    }
}

/// How many pods of a Deployment are ready, and how many are of its newest template.
/// `calculateStatus`, pkg/controller/deployment.
pub(crate) fn counts(world: &World, deployment: &Node) -> (i64, i64) {
    let name = format!("{}-{}", text(deployment, &["metadata", "name"]), hash(deployment));
    let new = Key::new(REPLICA_SET, text(deployment, &["metadata", "namespace"]), name);
    let all = seen(world, deployment, &new);
    let there = |set: &Seen| {
        let set = world.store.get(&set.key);
        set.map_or(0, |set| i64::try_from(pods(world, set).count()).unwrap_or_default())
    };
    let updated = all.iter().filter(|set| set.is_new).map(there).sum();
    (all.iter().map(|set| set.available).sum(), updated)
}

fn replicas(object: &Node) -> i64 {
    object.find(&["spec", "replicas"]).and_then(Node::as_int).unwrap_or(1).clamp(0, MOST)
}

/// The ReplicaSets of a Deployment.
fn seen(world: &World, deployment: &Node, new: &Key) -> Vec<Seen> {
    let own = world.store.of_kind(REPLICA_SET).filter(|(_, set)| controller_uid(set) == Some(&uid(deployment)));
    own.map(|(key, set)| Seen {
        key: key.clone(),
        asked: replicas(set),
        available: pods(world, set).filter(|(_, pod)| is_ready(pod)).count().try_into().unwrap_or_default(),
        is_new: key == new,
    })
    .collect()
}

/// The pods of a ReplicaSet that count: neither over nor being deleted.
/// `FilterActivePods`, pkg/controller.
fn pods<'w>(world: &'w World, set: &Node) -> impl Iterator<Item = (&'w Key, &'w Node)> {
    let own = world.store.marked(Mark::ManagedBy(uid(set)), "Pod");
    own.filter(|(_, pod)| !is_over(pod) && !is_ending(pod))
}

fn scale(world: &mut World, set: &Key, to: i64) {
    world.store.set(set, &["spec", "replicas"], Some(Data::Int(to)));
}

fn create_set(world: &mut World, key: &Key, deployment: &Node, set: &Key, hash: &str, replicas: i64) {
    let at = deployment.at;
    let mut node = Node::map(Map::new(), at);
    put(&mut node, &["apiVersion"], Node::text("apps/v1", at));
    put(&mut node, &["kind"], Node::text(REPLICA_SET, at));
    put(&mut node, &["metadata", "name"], Node::text(set.name.clone(), at));
    put(&mut node, &["metadata", "namespace"], Node::text(set.namespace.clone(), at));
    for field in ["selector", "template"] {
        if let Some(stated) = deployment.find(&["spec", field]) {
            put(&mut node, &["spec", field], stated.clone());
        }
    }
    put(&mut node, &["spec", "template", "metadata", "labels", HASH], Node::text(hash, at));
    put(&mut node, &["spec", "replicas"], Node::int(replicas, at));
    let owner = Owner { kind: DEPLOYMENT.into(), name: key.name.clone(), uid: uid(deployment), controller: true };
    if let Some(owner) = owner_references(&[owner], at) {
        put(&mut node, &["metadata", "ownerReferences"], Node::new(owner, at));
    }
    world.create(set, node);
}

/// `manageReplicas`, pkg/controller/replicaset.
fn manage(world: &mut World, key: &Key) {
    let Some(set) = world.store.get(key).cloned() else { return };
    let owner = controller_uid(&set).cloned();
    if owner.is_some_and(|owner| !world.store.is_live(&owner)) {
        let own: Vec<Key> = world.store.marked(Mark::ManagedBy(uid(&set)), "Pod").map(|(pod, _)| pod.clone()).collect();
        world.remove(key);
        own.iter().for_each(|pod| garbage::delete(world, pod));
        return;
    }
    let mut there: Vec<(bool, bool, bool, Reverse<Text>, Key)> = pods(world, &set)
        .map(|(pod_key, pod)| {
            let is_placed = !node_name(pod).is_empty();
            (is_placed, phase(pod) == "Running", is_ready(pod), Reverse(uid(pod)), pod_key.clone())
        })
        .collect();
    // Those go first that are of least use, and of them the youngest: `ActivePodsWithRanks`, pkg/controller.
    there.sort_unstable();
    let wanted = usize::try_from(replicas(&set)).unwrap_or_default();
    for (.., pod) in there.iter().take(there.len().saturating_sub(wanted)) {
        garbage::delete(world, pod);
    }
    for _ in there.len()..wanted {
        if !create_pod(world, key, &set) {
            return;
        }
    }
}

fn create_pod(world: &mut World, key: &Key, set: &Node) -> bool {
    let at = set.at;
    let Some(fleet) = &mut world.fleet else { return false };
    fleet.pods_made += 1;
    let name = Key::new("Pod", key.namespace.clone(), format!("{}-{}", key.name, letters(fleet.pods_made)));
    let mut pod = Node::map(Map::new(), at);
    put(&mut pod, &["apiVersion"], Node::text("v1", at));
    put(&mut pod, &["kind"], Node::text("Pod", at));
    for part in ["metadata", "spec"] {
        if let Some(stated) = set.find(&["spec", "template", part]) {
            put(&mut pod, &[part], stated.clone());
        }
    }
    put(&mut pod, &["metadata", "name"], Node::text(name.name.clone(), at));
    put(&mut pod, &["metadata", "namespace"], Node::text(name.namespace.clone(), at));
    put(&mut pod, &["status", "phase"], Node::text("Pending", at));
    let owner = Owner { kind: REPLICA_SET.into(), name: key.name.clone(), uid: uid(set), controller: true };
    if let Some(owner) = owner_references(&[owner], at) {
        put(&mut pod, &["metadata", "ownerReferences"], Node::new(owner, at));
    }
    if let Err(denial) = plugin::admit(world, &name, &mut pod) {
        world.say(key, true, "FailedCreate", format!("Error creating: {}", denial.message));
        return false;
    }
    world.create(&name, pod);
    true
}

/// A number in letters that make no word, as the names of such pods end.
/// `SafeEncodeString`, k8s.io/apimachinery/pkg/util/rand.
fn letters(mut number: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz";
    let mut name = String::new();
    for _ in 0..5 {
        name.insert(0, char::from(LETTERS[number % LETTERS.len()]));
        number /= LETTERS.len();
    }
    name
}

/// What tells one pod template from another. The real one prints the template as Go does; this one is as good for
/// telling them apart.
fn hash(deployment: &Node) -> String {
    let mut written = String::new();
    if let Some(template) = deployment.find(&["spec", "template"]) {
        crate::yaml::write_yaml(template, &mut written);
    }
    let hash = written.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let (high, low) = (hash / 3_200_000, hash % 3_200_000);
    let number = |number: u32| letters(usize::try_from(number).unwrap_or_default());
    format!("{}{}", number(high), number(low))
}
