//! The scheduler, as far as it decides whether a pod finds a place and why not: node selectors and affinities,
//! processors and memory, volumes, spread. Which of several fitting nodes it takes is a plain guess: the emptiest.
//!
//! Follows `pkg/scheduler/schedule_one.go: schedulePod, findNodesThatFitPod`, and
//! `pkg/scheduler/framework/plugins/volumebinding/volume_binding.go: PreFilter, Filter`.

use super::ephemeral;
use super::kubelet;
use super::load::{Demand, demand};
use super::preemption;
use super::topology::Topology;
use crate::cluster::binder::{self, CLAIM, Place, VOLUME};
use crate::cluster::fleet::{NO_EXECUTE, NO_SCHEDULE, UNSCHEDULABLE};
use crate::cluster::mark::Mark;
use crate::cluster::plugin::priority_of;
use crate::cluster::selector;
use crate::cluster::store::{Key, annotation, is_ending, text};
use crate::cluster::toleration::bears;
use crate::cluster::world::{Cause, Machine, Unplaced, World, claim_names, is_over, node_name, phase};
use crate::k8s::version::Version;
use crate::value::{Map, Node, Text};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the node that stands for all nodes where none is known.
pub(super) const UNKNOWN_NODE: &str = "(some node)";

const CLAIM_IN_USE: &str =
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

const NO_VOLUME: &str = "node(s) didn't find available persistent volumes to bind";

/// Why a node does not do.
pub(super) struct No {
    /// In the scheduler's words.
    pub(super) reasons: Vec<&'static str>,
    /// Whether making room by removing other pods might help.
    pub(super) room: bool,
}

impl No {
    pub(super) fn never(reason: &'static str) -> Self {
        Self { reasons: vec![reason], room: false }
    }

    pub(super) fn for_room(reason: &'static str) -> Self {
        Self { reasons: vec![reason], room: true }
    }
}

/// What becomes of a pod's claims on a node: volumes chosen for some, others to be made.
#[derive(Default)]
pub(super) struct Plan {
    bind: Vec<(Key, Key)>,
    make: Vec<Key>,
}

/// A pod's claims.
#[derive(Default)]
pub(super) struct Claims {
    bound: Vec<Key>,
    /// Those whose volumes are chosen with the node.
    waiting: Vec<Key>,
}

/// A pod that looks for a place.
pub(super) struct Candidate<'a> {
    /// Its name.
    pub(super) key: &'a Key,
    /// The pod.
    pub(super) pod: &'a Node,
    claims: &'a Claims,
    demand: Demand,
    /// Pods that are taken to be gone.
    without: BTreeSet<Key>,
    company: OnceCell<Topology<'a>>,
}

impl Candidate<'_> {
    /// The same pod, if these others were gone.
    pub(super) fn without(&self, others: BTreeSet<Key>) -> Self {
        Self { without: others, company: OnceCell::new(), ..*self }
    }
}

/// Looks for a place for every pod that has none: the most important first, of those the oldest.
pub(super) fn run(world: &mut World) {
    let waiting = world.store.marks_from((Mark::Unscheduled(Text::default()), Key::default()));
    let waiting = waiting.take_while(|(mark, _)| matches!(mark, Mark::Unscheduled(_))).map(|(_, key)| key);
    let ours = waiting
        .filter_map(|key| Some((key.clone(), world.store.get(key).filter(|pod| is_ours(pod)).map(priority_of)?)));
    let mut pods: Vec<(Key, i64)> = ours.collect();
    pods.sort_by_key(|(_, priority)| Reverse(*priority));
    let machines = world.nodes.clone();
    for (key, _) in pods {
        if machines.is_some() {
            weigh(world);
        }
        // Whoever has made room comes first when the others are asked again.
        if place(world, &key, machines.as_deref()) == Placing::MadeRoom {
            return;
        }
    }
}

/// Brings up to date how full the nodes are.
fn weigh(world: &mut World) {
    world.call_on_changes();
    for key in std::mem::take(&mut world.agenda.moved) {
        world.loads.note(&key, world.store.get(&key));
    }
}

/// Whether this scheduler is asked, and not another.
fn is_ours(pod: &Node) -> bool {
    matches!(text(pod, &["spec", "schedulerName"]), "" | "default-scheduler")
}

/// What came of looking for a place for a pod.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placing {
    /// It has one, or waits, or there is none.
    Done,
    /// Others were deleted for it.
    MadeRoom,
}

/// `schedulePod`, pkg/scheduler.
fn place(world: &mut World, key: &Key, known: Option<&[Machine]>) -> Placing {
    let Some(pod) = world.store.get(key).cloned() else { return Placing::Done };
    world.loads.note(key, Some(&pod));
    if pod.find(&["spec", "schedulingGates"]).and_then(Node::as_list).is_some_and(|gates| !gates.is_empty()) {
        kubelet::set_gated(world, key);
        return Placing::Done;
    }
    let unknown = [Machine {
        name: UNKNOWN_NODE.into(),
        labels: Node::map(Map::new(), pod.at),
        cpu: None,
        memory: None,
        taints: None,
        closed: false,
    }];
    let machines = known.unwrap_or(&unknown);
    let total = machines.len();
    world.spend(1 + known.map_or(0, <[Machine]>::len));
    let claims = match claims(world, key, &pod) {
        Ok(claims) => claims,
        Err((cause, why)) => {
            let (said, short) = if world.nodes.is_none() {
                (why.clone(), why)
            } else {
                let short = format!("0/{total} nodes are available: {why}");
                (format!("{short}. not found"), short)
            };
            kubelet::set_unplaced(world, key, &said, Unplaced { cause, short });
            return Placing::Done;
        }
    };
    let mut fitting: Vec<(&Machine, Plan)> = Vec::new();
    let mut refused: Vec<No> = Vec::new();
    let candidate = Candidate {
        key,
        pod: &pod,
        claims: &claims,
        demand: demand(&pod),
        without: BTreeSet::new(),
        company: OnceCell::new(),
    };
    for machine in machines {
        match fits(world, machines, machine, &candidate) {
            Ok(plan) => fitting.push((machine, plan)),
            Err(no) => refused.push(no),
        }
    }
    let crowd = |machine: &Machine| (world.loads.alike(&machine.name, &pod), world.loads.on(&machine.name).1);
    // Of several that would do, a recording may tell which it was.
    let choice = world.fleet.as_ref().and_then(|fleet| fleet.choices.get(key));
    let is_other = |machine: &Machine| choice.is_some_and(|choice| *choice != machine.name);
    let best = fitting.into_iter().min_by_key(|(machine, plan)| (is_other(machine), plan.make.len(), crowd(machine)));
    let Some((machine, plan)) = best else {
        let is_for_volumes = refused.iter().any(|no| no.reasons.contains(&NO_VOLUME));
        let cause = if is_for_volumes { Cause::NoVolume } else { Cause::Other };
        if world.nodes.is_none() {
            let short: String = refused.iter().flat_map(|no| &no.reasons).copied().collect();
            kubelet::set_unplaced(world, key, &short, Unplaced { cause, short: short.clone() });
            return Placing::Done;
        }
        let (effort, help) = match preemption::plan(world, machines, &candidate, &refused) {
            (effort, Ok(eviction)) => {
                world.spend(effort);
                preemption::evict(world, key, &eviction);
                return Placing::MadeRoom;
            }
            (effort, Err(help)) => (effort, help),
        };
        world.spend(effort);
        let (short, tried) = explain(&refused, &help, world.version);
        kubelet::set_unplaced(world, key, &format!("{short}{tried}"), Unplaced { cause, short });
        return Placing::Done;
    };
    if plan.bind.is_empty() && plan.make.is_empty() {
        let node = machine.name.clone();
        kubelet::set_placed(world, key);
        world.store.set_text(key, &["spec", "nodeName"], node);
        return Placing::Done;
    }
    for (claim, volume) in &plan.bind {
        binder::point_at_claim(world, volume, claim);
    }
    for claim in &plan.make {
        world.store.set_text(claim, &["metadata", "annotations", binder::SELECTED_NODE], machine.name.clone());
    }
    world.loads.assume(key, &pod, &machine.name);
    Placing::Done
}

/// The pods on a node.
pub(super) fn on<'w>(world: &'w World, machine: &Machine) -> impl Iterator<Item = (&'w Key, &'w Node)> {
    world.store.marked(Mark::On(machine.name.clone()), "Pod")
}

/// The scheduler's own summary: how many nodes fail for which reason; and why it helps nothing to remove other pods.
fn explain(refused: &[No], help: &str, version: Version) -> (String, String) {
    if refused.is_empty() {
        return ("no nodes available to schedule pods".to_owned(), String::new());
    }
    let reasons = summary(refused.len(), refused.iter().flat_map(|no| no.reasons.iter().copied()));
    // Up to 1.36 the plugin for device claims had a word in it, whether a pod had any or not.
    let claims = if version < Version::minor(37) { "no new claims to deallocate, " } else { "" };
    (reasons, format!(". {claims}preemption: {help}"))
}

/// How many nodes fail for which reason: `FitError`, pkg/scheduler/framework.
pub(super) fn summary<'r>(total: usize, all: impl Iterator<Item = &'r str>) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in all {
        *reasons.entry(reason).or_default() += 1;
    }
    let mut parts: Vec<String> = reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    parts.sort();
    format!("0/{total} nodes are available: {}", parts.join(", "))
}

/// A pod's claims by what is still to be done for them, or why no node needs to be tried.
/// `PreFilter`, pkg/scheduler/framework/plugins/volumebinding.
fn claims(world: &World, key: &Key, pod: &Node) -> Result<Claims, (Cause, String)> {
    let gone = |why: String| Err((Cause::ClaimsGone, why));
    let mut claims = Claims::default();
    let mut unbound = false;
    for name in claim_names(pod) {
        let claim_key = Key::new(CLAIM, key.namespace.clone(), name.as_ref());
        let is_own = matches!(name, Cow::Owned(_));
        let Some(claim) = world.store.get(&claim_key) else {
            return gone(if is_own {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\"")
            } else {
                format!("persistentvolumeclaim \"{name}\" not found")
            });
        };
        if phase(claim) == "Lost" {
            let volume = text(claim, &["spec", "volumeName"]);
            return gone(format!(
                "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume}\""
            ));
        }
        if is_ending(claim) {
            return gone(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if is_own {
            ephemeral::is_for(key, pod, &claim_key, claim).map_err(|why| (Cause::ClaimsGone, why))?;
        }
        if binder::is_bound(claim) {
            claims.bound.push(claim_key);
        } else if binder::is_delayed(world, claim) && text(claim, &["spec", "volumeName"]).is_empty() {
            claims.waiting.push(claim_key);
        } else {
            unbound = true;
        }
    }
    if unbound {
        Err((Cause::ClaimsPending, "pod has unbound immediate PersistentVolumeClaims".to_owned()))
    } else {
        Ok(claims)
    }
}

/// Whether a pod can run on a node; the checks in the scheduler's order, the first that fails speaks.
pub(super) fn fits<'a>(
    world: &'a World,
    machines: &'a [Machine],
    machine: &Machine,
    candidate: &Candidate<'a>,
) -> Result<Plan, No> {
    let Candidate { key, pod, claims, without, .. } = candidate;
    if world.nodes.is_none() {
        let free = !is_claim_of_another(world, key, pod, without);
        return if free { volumes(world, None, claims) } else { Err(No::never(CLAIM_IN_USE)) };
    }
    if machine.closed && !bears(pod, UNSCHEDULABLE, "", NO_SCHEDULE) {
        return Err(No::never("node(s) were unschedulable"));
    }
    if machine.taints().any(|taint| is_kept_away(pod, taint)) {
        return Err(No::never("node(s) had untolerated taint(s)"));
    }
    if !is_wanted(machine, pod) {
        return Err(No::never("node(s) didn't match Pod's node affinity/selector"));
    }
    if !has_free_ports(world, machine, pod, without) {
        return Err(No::for_room("node(s) didn't have free ports for the requested pod ports"));
    }
    has_room(world, machine, candidate.demand, without)?;
    if is_claim_of_another(world, key, pod, without) {
        return Err(No::for_room(CLAIM_IN_USE));
    }
    let plan = volumes(world, Some(machine), claims)?;
    if !claims.bound.iter().all(|claim| is_in_zone(world, machine, claim)) {
        return Err(No::never("node(s) had no available volume zone"));
    }
    candidate.company.get_or_init(|| Topology::new(world, machines, (key, pod), without)).suits(machine)?;
    Ok(plan)
}

pub(super) fn is_wanted(machine: &Machine, pod: &Node) -> bool {
    let selected =
        pod.find(&["spec", "nodeSelector"]).is_none_or(|wanted| selector::has_all(wanted, Some(&machine.labels)));
    let required = pod.find(&["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]);
    let named = text(pod, &["spec", "nodeName"]);
    selected
        && (named.is_empty() || named == machine.name)
        && required.is_none_or(|required| {
            selector::node_matches(required.get("nodeSelectorTerms"), &machine.name, &machine.labels)
        })
}

/// Whether a taint keeps a pod away: `FindMatchingUntoleratedTaint`, k8s.io/component-helpers/scheduling/corev1.
pub(super) fn is_kept_away(pod: &Node, (key, value, effect): (&str, &str, &str)) -> bool {
    matches!(effect, NO_SCHEDULE | NO_EXECUTE) && !bears(pod, key, value, effect)
}

// ---- ports and claims that only one may have

/// The ports of the node that a pod takes: address, protocol and number. In the network of its node, a pod takes each
/// of its ports there.
fn host_ports(pod: &Node) -> Vec<(&str, &str, i64)> {
    let is_on_host = pod.find(&["spec", "hostNetwork"]).and_then(Node::as_bool) == Some(true);
    let containers = pod.find(&["spec", "containers"]).into_iter().flat_map(Node::items);
    let ports = containers.flat_map(|container| container.get("ports").into_iter().flat_map(Node::items));
    ports
        .filter_map(|port| {
            let protocol = text(port, &["protocol"]);
            let number = |field: &str| port.get(field).and_then(Node::as_int).filter(|number| *number > 0);
            let number = number("hostPort").or_else(|| number("containerPort").filter(|_| is_on_host))?;
            Some((text(port, &["hostIP"]), if protocol.is_empty() { "TCP" } else { protocol }, number))
        })
        .collect()
}

/// `Fits`, pkg/scheduler/framework/plugins/nodeports.
fn has_free_ports(world: &World, machine: &Machine, pod: &Node, without: &BTreeSet<Key>) -> bool {
    let wanted = host_ports(pod);
    let any = |address: &str| matches!(address, "" | "0.0.0.0");
    let clash = |one: &(&str, &str, i64), other: &(&str, &str, i64)| {
        one.1 == other.1 && one.2 == other.2 && (one.0 == other.0 || any(one.0) || any(other.0))
    };
    wanted.is_empty()
        || !on(world, machine)
            .filter(|(key, other)| !is_over(other) && !without.contains(key))
            .any(|(_, other)| host_ports(other).iter().any(|taken| wanted.iter().any(|port| clash(port, taken))))
}

/// Whether a claim that only one pod may use is in the hands of another pod with a place.
/// `Filter`, pkg/scheduler/framework/plugins/volumerestrictions.
fn is_claim_of_another(world: &World, key: &Key, pod: &Node, without: &BTreeSet<Key>) -> bool {
    claim_names(pod).any(|name| {
        let claim = Key::new(CLAIM, key.namespace.clone(), name.as_ref());
        let single =
            world.store.get(&claim).is_some_and(|claim| binder::access_modes(claim).contains("ReadWriteOncePod"));
        let in_the_way = |other: &Key, user: &Node| {
            other != key && !node_name(user).is_empty() && !is_over(user) && !without.contains(other)
        };
        single && world.users(&claim).any(|(other, user)| in_the_way(other, user))
    })
}

// ---- room
/// `fitsRequest`, pkg/scheduler/framework/plugins/noderesources.
fn has_room(world: &World, machine: &Machine, wanted: Demand, without: &BTreeSet<Key>) -> Result<(), No> {
    let (mut used, _) = world.loads.on(&machine.name);
    for gone in without {
        let freed = world.loads.of(gone, &machine.name);
        used = Demand { cpu: used.cpu - freed.cpu, memory: used.memory - freed.memory };
    }
    let mut no = No { reasons: Vec::new(), room: true };
    for (there_is, wanted, used, reason) in [
        (machine.cpu, wanted.cpu, used.cpu, "Insufficient cpu"),
        (machine.memory, wanted.memory, used.memory, "Insufficient memory"),
    ] {
        let Some(there_is) = there_is.map(i128::from) else { continue };
        if wanted > 0 && wanted + used > there_is {
            no.reasons.push(reason);
            no.room &= wanted <= there_is;
        }
    }
    if no.reasons.is_empty() { Ok(()) } else { Err(no) }
}

// ---- volumes

fn volumes(world: &World, machine: Option<&Machine>, claims: &Claims) -> Result<Plan, No> {
    let place = machine.map(|machine| Place { node: &machine.name, labels: Some(&machine.labels) });
    for claim in &claims.bound {
        let volume = world
            .store
            .get(claim)
            .and_then(|claim| world.store.get(&Key::new(VOLUME, "", text(claim, &["spec", "volumeName"]))));
        match volume {
            None => return Err(No::never("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)")),
            Some(volume) if place.as_ref().is_some_and(|place| !binder::is_reachable(volume, place)) => {
                let older = world.version < Version::minor(33);
                return Err(No::never(if older {
                    "node(s) had volume node affinity conflict"
                } else {
                    "node(s) didn't match PersistentVolume's node affinity"
                }));
            }
            Some(_) => {}
        }
    }
    find_volumes(world, place.as_ref(), claims).ok_or_else(|| No::never(NO_VOLUME))
}

/// `findMatchingVolumes`, pkg/scheduler/framework/plugins/volumebinding.
fn find_volumes(world: &World, place: Option<&Place<'_>>, claims: &Claims) -> Option<Plan> {
    let mut plan = Plan::default();
    let mut taken: BTreeSet<Text> = BTreeSet::new();
    let mut waiting: Vec<(&Key, &Node)> =
        claims.waiting.iter().filter_map(|key| Some((key, world.store.get(key)?))).collect();
    waiting.sort_by_key(|(_, claim)| binder::requested(claim));
    let anywhere = Place { node: UNKNOWN_NODE, labels: None };
    for (key, claim) in waiting {
        let class = world.class(binder::class_of(claim))?;
        let selected = annotation(claim, binder::SELECTED_NODE);
        if selected.is_some_and(|node| place.is_some_and(|place| place.node != node)) {
            return None;
        }
        let found = if selected.is_some() {
            None
        } else {
            binder::best_in(world, (key, claim), place.unwrap_or(&anywhere), &taken)
        };
        if let Some(volume) = found {
            taken.insert(volume.name.clone());
            plan.bind.push((key.clone(), volume.clone()));
        } else if can_make(class, place) {
            plan.make.push(key.clone());
        } else {
            return None;
        }
    }
    Some(plan)
}

/// `checkVolumeProvisions`, pkg/scheduler/framework/plugins/volumebinding.
fn can_make(class: &Node, place: Option<&Place<'_>>) -> bool {
    let provisioner = text(class, &["provisioner"]);
    let allowed = class.get("allowedTopologies").and_then(Node::as_list).unwrap_or_default();
    let reaches = |term: &Node, place: &Place<'_>| {
        term.get("matchLabelExpressions").into_iter().flat_map(Node::items).all(|expression| {
            let here = place.labels.and_then(|labels| labels.get(text(expression, &["key"]))).and_then(Node::as_str);
            here.is_some()
                && expression.get("values").into_iter().flat_map(Node::items).any(|value| value.as_str() == here)
        })
    };
    !provisioner.is_empty()
        && provisioner != binder::NO_PROVISIONER
        && place.is_none_or(|place| allowed.is_empty() || allowed.iter().any(|term| reaches(term, place)))
}

/// A volume with zone labels is for nodes of those zones.
/// `Filter`, pkg/scheduler/framework/plugins/volumezone.
fn is_in_zone(world: &World, machine: &Machine, claim: &Key) -> bool {
    const LABELS: [&str; 4] = [
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    ];
    let volume = world
        .store
        .get(claim)
        .and_then(|claim| world.store.get(&Key::new(VOLUME, "", text(claim, &["spec", "volumeName"]))));
    let Some(labels) = volume.and_then(|volume| volume.find(&["metadata", "labels"])) else { return true };
    if LABELS.iter().all(|label| machine.labels.get(label).is_none()) {
        return true;
    }
    LABELS.iter().all(|label| {
        let wanted = labels.get(label).and_then(Node::as_str);
        let ga = label.replace("failure-domain.beta", "topology");
        let here = [*label, ga.as_str()].iter().find_map(|label| machine.labels.get(label)?.as_str());
        wanted.is_none_or(|wanted| here.is_some_and(|here| wanted.split("__").any(|one| one == here)))
    })
}
