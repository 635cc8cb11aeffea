//! What befalls the nodes of a cluster, and what a person does about it, other than applying manifests.

use super::controller::garbage::Cascade;
use super::controller::{self, attach, node};
use super::denial::Verdict;
use super::eviction;
use super::fleet::{NO_EXECUTE, OUT_OF_SERVICE, Rig};
use super::kubectl::{Act, Done};
use super::mark::Mark;
use super::rehearse::{Cluster, Outcome};
use super::store::{Key, uid};
use super::world::{Machine, World};
use crate::value::Text;

/// What happens.
#[derive(Clone, Debug)]
pub enum Incident {
    /// Nodes lose power.
    Fail(Vec<Text>),
    /// They are back.
    Recover(Vec<Text>),
    /// They get the taint that says that they are off, and stay off.
    OutOfService(Vec<Text>),
    /// They lose it.
    InService(Vec<Text>),
    /// Their Node objects are deleted.
    DeleteNode(Vec<Text>),
    /// They take no new pods.
    Cordon(Vec<Text>),
    /// They take new pods again.
    Uncordon(Vec<Text>),
    /// They are cordoned, and their pods evicted, for so many seconds.
    Drain {
        /// Which nodes.
        nodes: Vec<Text>,
        /// How long it is tried.
        seconds: u64,
    },
    /// Objects are deleted: kinds and names.
    Delete(Vec<(Text, Text)>),
    /// Pods are deleted without waiting for their nodes.
    ForceDelete(Vec<Text>),
    /// New nodes come.
    Join(Vec<Machine>),
    /// Time passes.
    Wait,
}

impl Cluster {
    /// Lets something happen, and then so many seconds pass.
    pub fn meet(&mut self, incident: &Incident, seconds: u64) -> Outcome {
        let beginning = self.begin(0);
        let mut length = seconds * 1000;
        let mut acts = Vec::new();
        match incident {
            Incident::Fail(nodes) => {
                self.each(nodes, &mut acts, fail);
                if let Some(fleet) = &mut self.world.fleet {
                    fleet.failed = nodes.first().cloned();
                }
            }
            Incident::Recover(nodes) => {
                for name in nodes {
                    let act = recover(&mut self.world, name);
                    acts.push(done(name, act));
                }
            }
            Incident::OutOfService(nodes) => self.each(nodes, &mut acts, |world, name| {
                change(world, name, |machine| {
                    machine.taint(OUT_OF_SERVICE, "nodeshutdown", NO_EXECUTE);
                });
            }),
            Incident::InService(nodes) => self.each(nodes, &mut acts, |world, name| {
                change(world, name, |machine| {
                    machine.untaint(OUT_OF_SERVICE, None);
                });
            }),
            Incident::Cordon(nodes) => self.each(nodes, &mut acts, |world, name| {
                change(world, name, |machine| machine.closed = true);
            }),
            Incident::Uncordon(nodes) => self.each(nodes, &mut acts, |world, name| {
                change(world, name, |machine| machine.closed = false);
            }),
            Incident::DeleteNode(nodes) => {
                for name in nodes {
                    let act = if remove_node(&mut self.world, name) { Act::Deleted } else { Act::Absent };
                    acts.push(done(name, act));
                }
            }
            Incident::Drain { nodes, seconds } => {
                for name in nodes {
                    length = length.saturating_sub(self.drain(name, *seconds, &mut acts));
                }
            }
            Incident::Delete(objects) => {
                for (kind, name) in objects {
                    let key = self.named(kind, name);
                    acts.push(self.delete(key, Act::Deleted, Cascade::Background));
                    controller::settle(&mut self.world);
                }
            }
            Incident::ForceDelete(pods) => {
                for name in pods {
                    let key = self.named("Pod", name);
                    let act = if self.world.store.get(&key).is_some() { Act::Deleted } else { Act::Absent };
                    self.world.remove(&key);
                    acts.push(Done { key, act, is_idle: false, warnings: Vec::new() });
                    controller::settle(&mut self.world);
                }
            }
            Incident::Join(machines) => machines.iter().for_each(|machine| join(&mut self.world, machine.clone())),
            Incident::Wait => {}
        }
        let settled = controller::pass(&mut self.world, length);
        self.end(&beginning, acts, settled)
    }

    /// The node that a pod is on.
    #[must_use]
    pub fn node_of(&self, pod: &str) -> Option<Text> {
        let pod = self.world.store.get(&self.named("Pod", pod))?;
        Some(super::world::node_name(pod).into()).filter(|node: &Text| !node.is_empty())
    }

    /// An object by its name, with its namespace before it where that is another.
    fn named(&self, kind: &str, name: &str) -> Key {
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        let api_version = if kind == "StatefulSet" { "apps/v1" } else { "v1" };
        self.key(api_version, kind, namespace, name)
    }

    /// The node that failed last, the first of several.
    #[must_use]
    pub fn failed_first(&self) -> Option<&Text> {
        self.world.fleet.as_ref()?.failed.as_ref()
    }

    fn each(&mut self, nodes: &[Text], acts: &mut Vec<Done>, act: impl Fn(&mut World, &Text)) {
        for name in nodes {
            act(&mut self.world, name);
            acts.push(done(name, Act::Configured));
        }
    }

    /// Evicts all pods from a node, again every five seconds while a budget has no room. Gives the
    /// milliseconds that it took.
    /// `RunNodeDrain`, k8s.io/kubectl/pkg/drain.
    fn drain(&mut self, name: &Text, seconds: u64, acts: &mut Vec<Done>) -> u64 {
        const AGAIN: u64 = 5_000;
        change(&mut self.world, name, |machine| machine.closed = true);
        acts.push(done(name, Act::Configured));
        controller::settle(&mut self.world);
        let pods: Vec<(Key, Text)> =
            self.world.store.marked(Mark::On(name.clone()), "Pod").map(|(key, pod)| (key.clone(), uid(pod))).collect();
        let mut answers: Vec<Option<Verdict>> = vec![None; pods.len()];
        let mut taken = 0;
        loop {
            for ((key, _), answer) in pods.iter().zip(&mut answers) {
                if matches!(answer, Some(Verdict::Evicted | Verdict::Absent)) {
                    continue;
                }
                *answer = Some(eviction::evict(&mut self.world, key));
                controller::settle(&mut self.world);
            }
            let is_refused =
                |answer: &Option<Verdict>| matches!(answer, Some(Verdict::NoRoom { .. } | Verdict::SeveralBudgets));
            if !answers.iter().any(is_refused) || taken >= seconds * 1000 {
                break;
            }
            controller::pass(&mut self.world, AGAIN);
            taken += AGAIN;
        }
        for ((key, id), answer) in pods.into_iter().zip(answers) {
            let is_gone = self.world.store.get(&key).is_none_or(|pod| uid(pod) != id);
            let act = match answer {
                Some(Verdict::Evicted) => Act::Evicted { gone: is_gone },
                Some(Verdict::Absent) | None => Act::Absent,
                Some(refused) => Act::NotEvicted(refused),
            };
            let key = Key::new("Eviction", key.namespace, key.name);
            acts.push(Done { key, act, is_idle: false, warnings: Vec::new() });
        }
        taken
    }
}

fn done(node: &Text, act: Act) -> Done {
    Done { key: Key::new("Node", "", node.clone()), act, is_idle: false, warnings: Vec::new() }
}

fn fail(world: &mut World, name: &Text) {
    let Some(fleet) = &mut world.fleet else { return };
    let now = fleet.now;
    if let Some(rig) = fleet.rigs.get_mut(name) {
        rig.silent_since.get_or_insert(now);
    }
    world.wake();
}

/// A node that comes back says so at once; one whose Node object was deleted makes it anew.
fn recover(world: &mut World, name: &Text) -> Act {
    let Some(fleet) = &mut world.fleet else { return Act::Absent };
    let mut act = Act::Configured;
    if let Some(mut machine) = fleet.gone.remove(name) {
        machine.closed = false;
        machine.taints = None;
        fleet.rigs.insert(name.clone(), Rig::default());
        fleet.in_use.remove(name);
        act = Act::Created;
        let nodes = world.nodes.get_or_insert_default();
        nodes.push(machine);
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
    } else if let Some(rig) = fleet.rigs.get_mut(name) {
        *rig = Rig::default();
    }
    node::note(world, name);
    attach::call_waiting(world, name);
    world.wake();
    act
}

fn join(world: &mut World, machine: Machine) {
    let Some(fleet) = &mut world.fleet else { return };
    let name = machine.name.clone();
    fleet.rigs.insert(name.clone(), Rig::default());
    let nodes = world.nodes.get_or_insert_default();
    nodes.push(machine);
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    node::note(world, &name);
    world.wake();
}

fn remove_node(world: &mut World, name: &Text) -> bool {
    let machine = world.nodes.as_mut().and_then(|nodes| {
        let place = nodes.iter().position(|machine| machine.name == *name)?;
        Some(nodes.remove(place))
    });
    let Some((machine, fleet)) = machine.zip(world.fleet.as_mut()) else { return false };
    fleet.rigs.remove(name);
    fleet.gone.insert(name.clone(), machine);
    fleet.weighed.remove(name);
    fleet.say(
        "Node",
        node::node(name),
        "RemovingNode",
        format!("Node {name} event: Removing Node {name} from Controller"),
    );
    fleet.look_at = Some(fleet.now + 500);
    world.wake();
    true
}

fn change(world: &mut World, name: &Text, change: impl Fn(&mut Machine)) {
    world.nodes.iter_mut().flatten().filter(|machine| machine.name == *name).for_each(change);
    node::note(world, name);
    world.wake();
}
