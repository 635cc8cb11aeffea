//! The scheduler, as far as it decides whether a pod finds a place and why not: node selectors and affinities, processors and memory, volumes,
//! spread. Which of several fitting nodes it takes is a plain guess: the emptiest.

use super::kubelet;
use crate::cluster::binder::{self, CLAIM, Place, VOLUME};
use crate::cluster::selector;
use crate::cluster::store::{Key, annotation, is_ending, text, uid};
use crate::cluster::world::{Machine, World, claim_names, is_over, node_name, phase};
use crate::k8s::quantity::Quantity;
use crate::k8s::version::Version;
use crate::source::At;
use crate::value::{Map, Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the node that stands for all nodes where none is known.
pub(super) const UNKNOWN_NODE: &str = "(some node)";

const CLAIM_IN_USE: &str =
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

/// Why a node does not do.
struct No {
    reasons: Vec<&'static str>,
    /// Whether making room by removing other pods might help.
    room: bool,
}

impl No {
    fn never(reason: &'static str) -> Self {
        Self { reasons: vec![reason], room: false }
    }
}

/// What becomes of a pod's claims on a node: volumes chosen for some, others to be made.
#[derive(Default)]
struct Plan {
    bind: Vec<(Key, Key)>,
    make: Vec<Key>,
}

/// A pod's claims.
#[derive(Default)]
struct Claims {
    bound: Vec<Key>,
    /// Those whose volumes are chosen with the node.
    waiting: Vec<Key>,
}

/// Looks for a place for every pod that has none, oldest first.
pub(super) fn run(world: &mut World) {
    let mut pods: Vec<(Text, Key)> = world
        .store
        .of_kind("Pod")
        .filter(|(_, pod)| node_name(pod).is_empty() && !is_ending(pod) && !is_over(pod) && is_ours(pod))
        .map(|(key, pod)| (uid(pod).into(), key.clone()))
        .collect();
    pods.sort();
    for (_, key) in pods {
        place(world, &key);
    }
}

/// Whether this scheduler is asked, and not another.
fn is_ours(pod: &Node) -> bool {
    matches!(text(pod, &["spec", "schedulerName"]), "" | "default-scheduler")
}

fn place(world: &mut World, key: &Key) {
    let Some(pod) = world.store.get(key).cloned() else { return };
    if pod.find(&["spec", "schedulingGates"]).and_then(Node::as_list).is_some_and(|gates| !gates.is_empty()) {
        return kubelet::set_gated(world, key);
    }
    let machines = machines(world, pod.at);
    let total = machines.len();
    let claims = match claims(world, key, &pod) {
        Ok(claims) => claims,
        Err(why) if world.nodes.is_none() => return kubelet::set_unplaced(world, key, &why),
        Err(why) => return kubelet::set_unplaced(world, key, &format!("0/{total} nodes are available: {why}. not found")),
    };
    let mut fitting: Vec<(&Machine, Plan)> = Vec::new();
    let mut refused: Vec<No> = Vec::new();
    for machine in &machines {
        match fits(world, &machines, machine, key, &pod, &claims) {
            Ok(plan) => fitting.push((machine, plan)),
            Err(no) => refused.push(no),
        }
    }
    let only = fitting.len() == 1;
    let best = fitting.into_iter().min_by_key(|(machine, plan)| (plan.make.len(), if only { (0, 0) } else { crowd(world, machine, &pod) }));
    let Some((machine, plan)) = best else {
        let why = if world.nodes.is_none() { refused.iter().flat_map(|no| &no.reasons).copied().collect() } else { explain(&refused) };
        return kubelet::set_unplaced(world, key, &why);
    };
    if plan.bind.is_empty() && plan.make.is_empty() {
        return world.store.set_text(key, &["spec", "nodeName"], machine.name.clone());
    }
    for (claim, volume) in &plan.bind {
        binder::point_at_claim(world, volume, claim);
    }
    for claim in &plan.make {
        world.store.set_text(claim, &["metadata", "annotations", binder::SELECTED_NODE], machine.name.clone());
    }
}

/// The nodes; one on which everything fits where none is known.
fn machines(world: &World, at: At) -> Vec<Machine> {
    let unknown = || vec![Machine { name: UNKNOWN_NODE.into(), labels: Node::map(Map::new(), at), cpu: None, memory: None }];
    world.nodes.clone().unwrap_or_else(unknown)
}

/// How many pods like this one are on a node and in its zone, and how many pods in all.
fn crowd(world: &World, machine: &Machine, pod: &Node) -> (usize, usize) {
    let owner = crate::cluster::store::controller_of(pod).map(|owner| owner.uid);
    let here = world.store.of_kind("Pod").filter(|(_, other)| node_name(other) == machine.name);
    here.fold((0, 0), |(like, all), (_, other)| {
        let same = crate::cluster::store::controller_of(other).map(|owner| owner.uid) == owner;
        (like + usize::from(same), all + 1)
    })
}

/// The scheduler's own summary: how many nodes fail for which reason.
fn explain(refused: &[No]) -> String {
    let total = refused.len();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in refused.iter().flat_map(|no| &no.reasons) {
        *reasons.entry(reason).or_default() += 1;
    }
    let mut parts: Vec<String> = reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    parts.sort();
    if parts.is_empty() {
        return "no nodes available to schedule pods".to_owned();
    }
    let room = refused.iter().filter(|no| no.room).count();
    let mut help: Vec<String> = Vec::new();
    if room > 0 {
        help.push(format!("{room} No preemption victims found for incoming pod"));
    }
    if total > room {
        help.push(format!("{} Preemption is not helpful for scheduling", total - room));
    }
    help.sort();
    let (parts, help) = (parts.join(", "), help.join(", "));
    format!("0/{total} nodes are available: {parts}. no new claims to deallocate, preemption: 0/{total} nodes are available: {help}.")
}

/// A pod's claims by what is still to be done for them, or why no node needs to be tried.
fn claims(world: &World, key: &Key, pod: &Node) -> Result<Claims, String> {
    let mut claims = Claims::default();
    let mut unbound = false;
    for name in claim_names(pod) {
        let claim_key = Key::new(CLAIM, key.namespace.clone(), name);
        let Some(claim) = world.store.get(&claim_key) else { return Err(format!("persistentvolumeclaim \"{name}\" not found")) };
        if phase(claim) == "Lost" {
            let volume = text(claim, &["spec", "volumeName"]);
            return Err(format!("persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume}\""));
        }
        if is_ending(claim) {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if binder::is_bound(claim) {
            claims.bound.push(claim_key);
        } else if binder::is_delayed(world, claim) && text(claim, &["spec", "volumeName"]).is_empty() {
            claims.waiting.push(claim_key);
        } else {
            unbound = true;
        }
    }
    if unbound { Err("pod has unbound immediate PersistentVolumeClaims".to_owned()) } else { Ok(claims) }
}

/// Whether a pod can run on a node; the checks in the scheduler's order, the first that fails speaks.
fn fits(world: &World, machines: &[Machine], machine: &Machine, key: &Key, pod: &Node, claims: &Claims) -> Result<Plan, No> {
    if world.nodes.is_none() {
        let free = !is_claim_of_another(world, key, pod);
        return if free { volumes(world, None, claims) } else { Err(No::never(CLAIM_IN_USE)) };
    }
    if !is_wanted(machine, pod) {
        return Err(No::never("node(s) didn't match Pod's node affinity/selector"));
    }
    if !has_free_ports(world, machine, pod) {
        return Err(No { reasons: vec!["node(s) didn't have free ports for the requested pod ports"], room: true });
    }
    has_room(world, machine, pod)?;
    if is_claim_of_another(world, key, pod) {
        return Err(No { reasons: vec![CLAIM_IN_USE], room: true });
    }
    let plan = volumes(world, Some(machine), claims)?;
    if !claims.bound.iter().all(|claim| is_in_zone(world, machine, claim)) {
        return Err(No::never("node(s) had no available volume zone"));
    }
    is_spread(world, machines, machine, key, pod)?;
    is_in_company(world, machines, machine, key, pod)?;
    Ok(plan)
}

fn is_wanted(machine: &Machine, pod: &Node) -> bool {
    let selected = pod.find(&["spec", "nodeSelector"]).is_none_or(|wanted| selector::has_all(wanted, Some(&machine.labels)));
    let required = pod.find(&["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]);
    let named = text(pod, &["spec", "nodeName"]);
    selected
        && (named.is_empty() || named == machine.name)
        && required.is_none_or(|required| selector::node_matches(required.get("nodeSelectorTerms"), &machine.name, &machine.labels))
}

// ---- ports and claims that only one may have

/// The ports of the node that a pod takes: address, protocol and number.
fn host_ports(pod: &Node) -> Vec<(&str, &str, i64)> {
    let containers = pod.find(&["spec", "containers"]).into_iter().flat_map(Node::items);
    let ports = containers.flat_map(|container| container.get("ports").into_iter().flat_map(Node::items));
    ports
        .filter_map(|port| {
            let protocol = text(port, &["protocol"]);
            let number = port.get("hostPort").and_then(Node::as_int).filter(|number| *number > 0)?;
            Some((text(port, &["hostIP"]), if protocol.is_empty() { "TCP" } else { protocol }, number))
        })
        .collect()
}

fn has_free_ports(world: &World, machine: &Machine, pod: &Node) -> bool {
    let wanted = host_ports(pod);
    let any = |address: &str| matches!(address, "" | "0.0.0.0");
    let clash = |one: &(&str, &str, i64), other: &(&str, &str, i64)| {
        one.1 == other.1 && one.2 == other.2 && (one.0 == other.0 || any(one.0) || any(other.0))
    };
    wanted.is_empty()
        || !world
            .store
            .of_kind("Pod")
            .filter(|(_, other)| node_name(other) == machine.name && !is_over(other))
            .any(|(_, other)| host_ports(other).iter().any(|taken| wanted.iter().any(|port| clash(port, taken))))
}

/// Whether a claim that only one pod may use is in the hands of another pod with a place.
fn is_claim_of_another(world: &World, key: &Key, pod: &Node) -> bool {
    claim_names(pod).any(|name| {
        let claim = Key::new(CLAIM, key.namespace.clone(), name);
        let single = world.store.get(&claim).is_some_and(|claim| binder::access_modes(claim).contains("ReadWriteOncePod"));
        single && world.users(&claim).any(|(other, user)| other != key && !node_name(user).is_empty() && !is_over(user))
    })
}

// ---- room

fn has_room(world: &World, machine: &Machine, pod: &Node) -> Result<(), No> {
    let others: Vec<&Node> =
        world.store.of_kind("Pod").map(|(_, pod)| pod).filter(|pod| node_name(pod) == machine.name && !is_over(pod)).collect();
    let mut no = No { reasons: Vec::new(), room: true };
    for (resource, there_is, reason) in [("cpu", machine.cpu, "Insufficient cpu"), ("memory", machine.memory, "Insufficient memory")] {
        let Some(there_is) = there_is.map(i128::from) else { continue };
        let wanted = demand(pod, resource);
        let used: i128 = others.iter().map(|pod| demand(pod, resource)).sum();
        if wanted > 0 && wanted + used > there_is {
            no.reasons.push(reason);
            no.room &= wanted <= there_is;
        }
    }
    if no.reasons.is_empty() { Ok(()) } else { Err(no) }
}

/// What a pod asks for: all its containers at once, or the greediest of those that run before them.
fn demand(pod: &Node, resource: &str) -> i128 {
    let of = |container: &Node| {
        let stated = ["requests", "limits"].iter().find_map(|kind| container.find(&["resources", kind, resource]));
        let amount: Option<Quantity> = stated.and_then(|stated| match stated.as_int() {
            Some(number) => Some(Quantity::whole(number)),
            None => stated.as_str()?.parse().ok(),
        });
        amount.map_or(0, |amount| i128::from(if resource == "cpu" { amount.milli() } else { amount.value() }))
    };
    let all = |kind: &str| pod.find(&["spec", kind]).and_then(Node::as_list).unwrap_or_default();
    let stays = |container: &&Node| text(container, &["restartPolicy"]) == "Always";
    let beside: i128 = all("initContainers").iter().filter(stays).map(of).sum();
    let before = all("initContainers").iter().filter(|container| !stays(container)).map(of).max().unwrap_or_default();
    let main: i128 = all("containers").iter().map(of).sum();
    (main + beside).max(before)
}

// ---- volumes

fn volumes(world: &World, machine: Option<&Machine>, claims: &Claims) -> Result<Plan, No> {
    let place = machine.map(|machine| Place { node: &machine.name, labels: Some(&machine.labels) });
    for claim in &claims.bound {
        let volume = world.store.get(claim).and_then(|claim| world.store.get(&Key::new(VOLUME, "", text(claim, &["spec", "volumeName"]))));
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
    find_volumes(world, place.as_ref(), claims).ok_or_else(|| No::never("node(s) didn't find available persistent volumes to bind"))
}

fn find_volumes(world: &World, place: Option<&Place<'_>>, claims: &Claims) -> Option<Plan> {
    let mut plan = Plan::default();
    let mut taken: BTreeSet<Text> = BTreeSet::new();
    let mut waiting: Vec<(&Key, &Node)> = claims.waiting.iter().filter_map(|key| Some((key, world.store.get(key)?))).collect();
    waiting.sort_by_key(|(_, claim)| binder::requested(claim));
    let anywhere = Place { node: UNKNOWN_NODE, labels: None };
    for (key, claim) in waiting {
        let class = world.class(binder::class_of(claim))?;
        let selected = annotation(claim, binder::SELECTED_NODE);
        if selected.is_some_and(|node| place.is_some_and(|place| place.node != node)) {
            return None;
        }
        let free = world.store.of_kind(VOLUME).filter(|(_, volume)| binder::class_of(volume) == binder::class_of(claim));
        let found =
            if selected.is_some() { None } else { binder::best((key, claim), free, Some(place.unwrap_or(&anywhere)), &taken, true) };
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

fn can_make(class: &Node, place: Option<&Place<'_>>) -> bool {
    let provisioner = text(class, &["provisioner"]);
    let allowed = class.get("allowedTopologies").and_then(Node::as_list).unwrap_or_default();
    let reaches = |term: &Node, place: &Place<'_>| {
        term.get("matchLabelExpressions").into_iter().flat_map(Node::items).all(|expression| {
            let here = place.labels.and_then(|labels| labels.get(text(expression, &["key"]))).and_then(Node::as_str);
            here.is_some() && expression.get("values").into_iter().flat_map(Node::items).any(|value| value.as_str() == here)
        })
    };
    !provisioner.is_empty()
        && provisioner != binder::NO_PROVISIONER
        && place.is_none_or(|place| allowed.is_empty() || allowed.iter().any(|term| reaches(term, place)))
}

/// A volume with zone labels is for nodes of those zones.
fn is_in_zone(world: &World, machine: &Machine, claim: &Key) -> bool {
    const LABELS: [&str; 4] = [
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    ];
    let volume = world.store.get(claim).and_then(|claim| world.store.get(&Key::new(VOLUME, "", text(claim, &["spec", "volumeName"]))));
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

// ---- other pods

/// The pods of a namespace that a term's selector means and that have a place, with the value of the topology key there.
fn peers<'a>(world: &'a World, machines: &'a [Machine], term: &'a Node, namespace: &'a str, topology: &'a str) -> Vec<&'a str> {
    let named: Vec<&str> = term.get("namespaces").into_iter().flat_map(Node::items).filter_map(Node::as_str).collect();
    let pods = world.store.of_kind("Pod").filter(|(key, pod)| {
        let meant = if named.is_empty() { key.namespace == namespace } else { named.contains(&key.namespace.as_str()) };
        meant && !is_over(pod) && selector::matches(term.get("labelSelector"), pod.find(&["metadata", "labels"]))
    });
    pods.filter_map(|(_, pod)| domain(machines.iter().find(|machine| machine.name == node_name(pod))?, topology)).collect()
}

fn domain<'a>(machine: &'a Machine, topology: &str) -> Option<&'a str> {
    machine.labels.get(topology)?.as_str()
}

fn is_spread(world: &World, machines: &[Machine], machine: &Machine, key: &Key, pod: &Node) -> Result<(), No> {
    for constraint in pod.find(&["spec", "topologySpreadConstraints"]).into_iter().flat_map(Node::items) {
        if text(constraint, &["whenUnsatisfiable"]) == "ScheduleAnyway" {
            continue;
        }
        let topology = text(constraint, &["topologyKey"]);
        let Some(here) = domain(machine, topology) else {
            return Err(No::never("node(s) didn't match pod topology spread constraints (missing required label)"));
        };
        let counted = |machine: &&Machine| text(constraint, &["nodeAffinityPolicy"]) == "Ignore" || is_wanted(machine, pod);
        let domains: BTreeSet<&str> = machines.iter().filter(counted).filter_map(|machine| domain(machine, topology)).collect();
        let there = peers(world, machines, constraint, &key.namespace, topology);
        let count = |domain: &str| there.iter().filter(|one| **one == domain).count();
        let enough = constraint
            .get("minDomains")
            .and_then(Node::as_int)
            .is_none_or(|least| domains.len() >= usize::try_from(least).unwrap_or_default());
        let least = if enough { domains.iter().map(|domain| count(domain)).min().unwrap_or_default() } else { 0 };
        let itself = usize::from(selector::matches(constraint.get("labelSelector"), pod.find(&["metadata", "labels"])));
        let most = constraint.get("maxSkew").and_then(Node::as_int).and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
        if count(here) + itself > least + most {
            return Err(No { reasons: vec!["node(s) didn't match pod topology spread constraints"], room: true });
        }
    }
    Ok(())
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

fn terms<'a>(pod: &'a Node, kind: &str) -> impl Iterator<Item = &'a Node> {
    pod.find(&["spec", "affinity", kind, REQUIRED]).into_iter().flat_map(Node::items)
}

fn is_in_company(world: &World, machines: &[Machine], machine: &Machine, key: &Key, pod: &Node) -> Result<(), No> {
    let labels = pod.find(&["metadata", "labels"]);
    for term in terms(pod, "podAffinity") {
        let topology = text(term, &["topologyKey"]);
        let there = peers(world, machines, term, &key.namespace, topology);
        let first = there.is_empty() && selector::matches(term.get("labelSelector"), labels);
        let here = domain(machine, topology);
        if here.is_none() || !first && !here.is_some_and(|here| there.contains(&here)) {
            return Err(No::never("node(s) didn't match pod affinity rules"));
        }
    }
    for term in terms(pod, "podAntiAffinity") {
        let topology = text(term, &["topologyKey"]);
        let here = domain(machine, topology);
        if here.is_some_and(|here| peers(world, machines, term, &key.namespace, topology).contains(&here)) {
            return Err(No { reasons: vec!["node(s) didn't match pod anti-affinity rules"], room: true });
        }
    }
    for (other_key, other) in world.store.of_kind("Pod").filter(|(_, other)| !node_name(other).is_empty() && !is_over(other)) {
        let Some(its) = machines.iter().find(|machine| machine.name == node_name(other)) else { continue };
        for term in terms(other, "podAntiAffinity") {
            let named: Vec<&str> = term.get("namespaces").into_iter().flat_map(Node::items).filter_map(Node::as_str).collect();
            let meant = if named.is_empty() { other_key.namespace == key.namespace } else { named.contains(&key.namespace.as_str()) };
            let topology = text(term, &["topologyKey"]);
            let together = domain(its, topology).is_some() && domain(its, topology) == domain(machine, topology);
            if meant && together && selector::matches(term.get("labelSelector"), labels) {
                return Err(No { reasons: vec!["node(s) didn't satisfy existing pods anti-affinity rules"], room: true });
            }
        }
    }
    Ok(())
}
