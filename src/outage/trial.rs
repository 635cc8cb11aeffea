//! Ways out of a mishap, each played on a copy of the cluster on which it happened, and the command lines of it.

use super::aim::{Mishap, Part};
use super::fate::{Aftermath, Hit, Stuck, find, full_name, stuck_of};
use super::reach::Form;
use super::remedy::{Before, End, Expect, How, Remedy, Risk, Safe, Step, Way};
use super::stage::Stage;
use crate::cluster::binder::{CLAIM, VOLUME};
use crate::cluster::denial::Verdict;
use crate::cluster::incident::Incident;
use crate::cluster::kubectl::Act;
use crate::cluster::object::{controller_uid, node_name};
use crate::cluster::rehearse::Cluster;
use crate::cluster::state::State;
use crate::cluster::store::{Key, put, take, text, uid};
use crate::cluster::world::Machine;
use crate::k8s::object::ObjectName;
use crate::shell::{Command, await_ready, is_option, kubectl, word};
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Seconds in which whatever is to come has come: a forced detach takes six minutes.
const LONG: u64 = 440;
/// The same where nothing is detached by force.
const SHORT: u64 = 80;

pub(super) fn remedies(stage: &Stage, mishap: &Mishap, after: &Aftermath, hits: &[Hit]) -> Vec<Remedy> {
    let trial = Trial { stage, mishap, after, hits };
    let mut all = match mishap.part {
        _ if hits.is_empty() => Vec::new(),
        Part::Pod => vec![trial.nothing()],
        Part::Disk => vec![trial.new_disk()],
        Part::Node | Part::Zone => trial.of_nodes(),
    };
    if mishap.part == Part::Node && !hits.is_empty() {
        all.push(trial.drain_before());
    }
    all
}

struct Trial<'a> {
    stage: &'a Stage,
    mishap: &'a Mishap,
    after: &'a Aftermath,
    hits: &'a [Hit],
}

impl Trial<'_> {
    /// Where data is on the node itself, it should come back; else it is marked as off, which needs no node.
    fn of_nodes(&self) -> Vec<Remedy> {
        let back = self.node_back();
        let waits: Vec<&Hit> = self.hits.iter().filter(|hit| self.is_waiting(hit)).collect();
        if waits.is_empty() {
            return vec![self.nothing(), back];
        }
        let out = self.out_of_service();
        let on_node = waits.iter().any(|hit| hit.disks.iter().any(|disk| disk.form.is_on_node()));
        if on_node {
            let mut all = vec![back];
            all.extend(self.other_volume().into_iter().chain([self.force_delete()]));
            return all;
        }
        if out.is_whole() {
            return vec![out, self.force_delete(), back];
        }
        let mut all = Vec::new();
        all.extend(self.new_node(&out).filter(|new| new.rank() < out.rank()));
        all.extend([out, back, self.force_delete()]);
        all.sort_by_key(Remedy::rank);
        // A node that comes back is no plan: it is the best that can happen.
        if let Some(place) = all.iter().position(|remedy| remedy.way == Way::NodeBack)
            && all.iter().any(|remedy| remedy.is_whole() && remedy.way != Way::NodeBack)
        {
            let back = all.remove(place);
            all.push(back);
        }
        all
    }

    /// Whether a pod has an identity that must not be there twice, or nobody to make it anew.
    fn is_waiting(&self, hit: &Hit) -> bool {
        find(&self.after.state, &hit.pod).is_some_and(|pod| !pod.ready || pod.terminating)
            && hit
                .manager
                .as_ref()
                .is_none_or(|(kind, _)| kind == "StatefulSet" || hit.disks.iter().any(|disk| !disk.shared))
    }

    fn pods(&self) -> Vec<&ObjectName> {
        self.hits.iter().filter(|hit| self.is_waiting(hit)).map(|hit| &hit.pod).collect()
    }

    /// The volumes that pods had, each by its claim.
    fn volumes(&self, cluster: &Cluster) -> BTreeMap<ObjectName, BTreeMap<Text, (Text, Text)>> {
        let store = &cluster.world.store;
        let of = |hit: &Hit| {
            let claims = hit.disks.iter().filter_map(|disk| {
                let key = Key::new(CLAIM, hit.pod.namespace.clone(), disk.claim.clone());
                let claim = store.get(&key)?;
                Some((disk.claim.clone(), (uid(claim), text(claim, &["spec", "volumeName"]).into())))
            });
            (hit.pod.clone(), claims.collect())
        };
        self.hits.iter().map(of).collect()
    }

    /// Who is back after something.
    fn ends(&self, cluster: &Cluster, state: &State) -> Vec<End> {
        let (before, now) = (self.volumes(&self.stage.cluster), self.volumes(cluster));
        let end = |hit: &Hit| {
            let how = match find(state, &hit.pod) {
                None if hit.manager.as_ref().is_some_and(|(kind, _)| kind != "StatefulSet") => {
                    self.successor(hit, state)
                }
                None => How::Gone,
                Some(pod) if pod.terminating => match self.successor(hit, state) {
                    How::Gone => How::Terminating,
                    other => other,
                },
                Some(pod) if pod.ready => {
                    let node = pod.node.clone().unwrap_or_default();
                    if before.get(&hit.pod) == now.get(&hit.pod) { How::Back(node) } else { How::BackEmpty(node) }
                }
                Some(pod) => How::Stuck(stuck_of(pod)),
            };
            End { pod: hit.pod.clone(), how }
        };
        self.hits.iter().map(end).collect()
    }

    /// The pod that took the place of one without a name of its own.
    fn successor(&self, hit: &Hit, state: &State) -> How {
        let owner = find(&self.stage.state, &hit.pod).and_then(|pod| pod.owner.first().cloned());
        let is_nameless = owner.as_ref().is_some_and(|owner| owner.kind == "ReplicaSet");
        let fresh = state.pods.iter().filter(|pod| {
            is_nameless && pod.owner.first() == owner.as_ref() && find(&self.stage.state, &pod.name).is_none()
        });
        let all: Vec<_> = fresh.collect();
        match (all.iter().find(|pod| !pod.ready), all.first()) {
            (Some(pod), _) => How::Stuck(stuck_of(pod)),
            (None, Some(pod)) => How::Back(pod.node.clone().unwrap_or_default()),
            (None, None) => How::Gone,
        }
    }

    fn play(&self, incidents: &[(Incident, u64)]) -> (Cluster, State) {
        let mut cluster = self.after.cluster.clone();
        let mut state = self.after.state.clone();
        for (incident, seconds) in incidents {
            state = cluster.meet(incident, *seconds).state;
        }
        (cluster, state)
    }

    fn remedy(&self, way: Way, steps: Vec<Step>, safe: Safe, risks: Vec<Risk>, played: &(Cluster, State)) -> Remedy {
        Remedy { way, steps, safe, risks, ends: self.ends(&played.0, &played.1) }
    }

    fn nothing(&self) -> Remedy {
        let played = (self.after.cluster.clone(), self.after.state.clone());
        self.remedy(Way::Nothing, Vec::new(), Safe::Untouched, Vec::new(), &played)
    }

    fn node_back(&self) -> Remedy {
        let played = self.play(&[(Incident::Recover(self.mishap.nodes.clone()), SHORT)]);
        let steps = self.ready_steps(&played.1);
        self.remedy(Way::NodeBack, steps, Safe::Untouched, Vec::new(), &played)
    }

    fn out_of_service(&self) -> Remedy {
        let played = self.play(&[(Incident::OutOfService(self.mishap.nodes.clone()), SHORT)]);
        let mut steps: Vec<Step> = self.mishap.nodes.iter().flat_map(off).collect();
        steps.extend(self.ready_steps(&played.1));
        steps.extend(self.mishap.nodes.iter().map(in_service));
        let risks = vec![Risk::TwoOfOne, Risk::TornWrites, Risk::TaintStays];
        self.remedy(Way::OutOfService, steps, Safe::KnownOff, self.with_paths(risks, &played), &played)
    }

    /// Waits for the pods that come back.
    fn ready_steps(&self, state: &State) -> Vec<Step> {
        let waiting = self.pods();
        let back = waiting.into_iter().filter(|pod| find(state, pod).is_some_and(|pod| pod.ready));
        let step = |pod: &ObjectName| Step {
            before: None,
            command: await_ready(&pod.namespace, &pod.name),
            expect: Expect::Ready,
            check: None,
        };
        back.map(step).collect()
    }

    fn new_node(&self, out: &Remedy) -> Option<Remedy> {
        let stuck = out.ends.iter().any(|end| matches!(end.how, How::Stuck(Stuck::Place(_))));
        let joined: Vec<Machine> = self.mishap.nodes.iter().filter_map(|node| self.replacement(node)).collect();
        if !stuck || joined.is_empty() {
            return None;
        }
        let played =
            self.play(&[(Incident::OutOfService(self.mishap.nodes.clone()), SHORT), (Incident::Join(joined), SHORT)]);
        let mut steps: Vec<Step> = self.mishap.nodes.iter().flat_map(off).collect();
        let mut ready = self.ready_steps(&played.1);
        if let Some(first) = ready.first_mut() {
            let node = self.mishap.nodes.first().cloned().unwrap_or_default();
            let machine = self.stage.machines().iter().find(|machine| machine.name == node);
            let zone = machine.and_then(|machine| Stage::zone(&machine.labels)).map(str::to_owned);
            first.before = Some(Before::Replacement(node, zone));
        }
        steps.extend(ready);
        steps.extend(self.mishap.nodes.iter().map(in_service));
        let risks = vec![Risk::TwoOfOne, Risk::TornWrites, Risk::TaintStays];
        Some(self.remedy(Way::NewNode, steps, Safe::KnownOff, risks, &played))
    }

    /// A node like one that failed, by another name.
    fn replacement(&self, node: &Text) -> Option<Machine> {
        let mut machine = self.stage.machines().iter().find(|machine| machine.name == *node)?.clone();
        machine.name = format!("{node}-replacement").into();
        let at = machine.labels.at;
        put(&mut machine.labels, &["kubernetes.io/hostname"], Node::text(machine.name.clone(), at));
        Some(machine)
    }

    fn force_delete(&self) -> Remedy {
        let pods = self.pods();
        let names = pods.iter().map(|pod| full_name(self.stage, pod)).collect();
        let played = self.play(&[(Incident::ForceDelete(names), 10), (Incident::Wait, LONG)]);
        let attached = |pod: &ObjectName| {
            let hit = self.hits.iter().find(|hit| hit.pod == *pod);
            hit.is_some_and(|hit| hit.disks.iter().any(|disk| disk.attached && !disk.shared))
        };
        let is_alone = |pod: &ObjectName| self.hits.iter().any(|hit| hit.pod == *pod && hit.manager.is_none());
        let shown = |pod: &ObjectName| format!("{} get {} -o wide", kubectl(&pod.namespace), of("pod", &pod.name));
        let step = |pod: &&ObjectName| Step {
            before: self.node_of(pod).map(Before::Off),
            command: force(pod),
            expect: match (is_alone(pod), attached(pod)) {
                (true, _) => Expect::Gone,
                (false, true) => Expect::SucceededLater,
                (false, false) => Expect::Succeeded,
            },
            check: (!is_alone(pod)).then(|| Command::line(shown(pod))),
        };
        let mut steps: Vec<Step> = pods.iter().map(step).collect();
        once(&mut steps);
        steps.extend(self.ready_steps(&played.1));
        let mut risks = vec![Risk::TwoOfOne];
        if pods.iter().any(|pod| attached(pod)) {
            risks.push(Risk::TornWrites);
        }
        self.remedy(Way::ForceDelete, steps, Safe::KnownOff, self.with_paths(risks, &played), &played)
    }

    fn node_of(&self, pod: &ObjectName) -> Option<Text> {
        self.hits.iter().find(|hit| hit.pod == *pod)?.node.clone()
    }

    /// Pods that are back with a folder of another node have other content.
    fn with_paths(&self, mut risks: Vec<Risk>, played: &(Cluster, State)) -> Vec<Risk> {
        let moved = |hit: &&Hit| {
            let node = find(&played.1, &hit.pod).and_then(|pod| pod.node.clone());
            node.is_some() && node != hit.node
        };
        let paths = self.hits.iter().filter(moved).flat_map(|hit| &hit.disks).filter(|disk| disk.form == Form::Path);
        let claims: Vec<Text> = paths.map(|disk| disk.claim.clone()).collect();
        if !claims.is_empty() {
            risks.push(Risk::OtherContent(claims));
        }
        risks
    }

    /// Claims whose volumes are on the node get others: spare ones that are there, or such as are made for another node.
    fn other_volume(&self) -> Vec<Remedy> {
        let local = |hit: &&Hit| self.is_waiting(hit) && hit.disks.iter().any(|disk| disk.form == Form::Local);
        let hits: Vec<&Hit> = self.hits.iter().filter(local).collect();
        if hits.is_empty() {
            return Vec::new();
        }
        let claims = |hit: &Hit| -> Vec<Text> {
            let local = hit.disks.iter().filter(|disk| disk.form == Form::Local);
            local.map(|disk| disk.claim.clone()).collect()
        };
        let names: Vec<Text> = hits.iter().map(|hit| full_name(self.stage, &hit.pod)).collect();
        let all: Vec<Text> = hits.iter().flat_map(|hit| claims(hit)).collect();
        let full = |hit: &Hit, claim: Text| (Text::from(CLAIM), full_name(self.stage, &hit.pod.sibling(claim)));
        let gone = hits.iter().flat_map(|hit| claims(hit).into_iter().map(|claim| full(hit, claim)));
        let deleted = Incident::Delete(gone.collect());
        let begin = (Incident::ForceDelete(names), 10);
        let steps = |made: &BTreeMap<Text, (Node, Text)>, played: &(Cluster, State)| {
            let mut steps = Vec::new();
            for hit in &hits {
                steps.push(Step {
                    before: self.node_of(&hit.pod).map(Before::Off),
                    command: force(&hit.pod),
                    expect: Expect::Succeeded,
                    check: None,
                });
                for claim in claims(hit) {
                    if let Some((volume, node)) = made.get(&claim) {
                        let path = [&["spec", "local", "path"][..], &["spec", "hostPath", "path"]];
                        let path = path.iter().map(|path| text(volume, path)).find(|path| !path.is_empty());
                        steps.push(Step {
                            before: Some(Before::Folder(node.clone(), path.unwrap_or_default().to_owned())),
                            command: apply(volume),
                            expect: Expect::Volume(claim.to_string()),
                            check: None,
                        });
                    }
                    let kubectl = kubectl(&hit.pod.namespace);
                    steps.push(Step {
                        before: Some(Before::Spare(claim.to_string())),
                        command: Command::line(format!("{kubectl} delete {}", of("pvc", &claim))),
                        expect: Expect::ClaimAnew,
                        check: Some(Command::line(format!("{kubectl} get {}", of("pvc", &claim)))),
                    });
                }
            }
            once(&mut steps);
            steps.extend(self.ready_steps(&played.1));
            steps
        };
        let risks = vec![Risk::DataGone(all), Risk::TwoOfOne];
        let played = self.play(&[begin.clone(), (deleted.clone(), SHORT)]);
        let spare =
            self.remedy(Way::OtherVolume, steps(&BTreeMap::new(), &played), Safe::Elsewhere, risks.clone(), &played);
        if spare.rank().0 == 0 {
            return vec![spare];
        }
        let made = self.volumes_elsewhere(&hits);
        let mut cluster = self.after.cluster.clone();
        cluster.meet(&begin.0, begin.1);
        for (volume, _) in made.values() {
            let key = Key::new(VOLUME, "", text(volume, &["metadata", "name"]));
            let mut volume = volume.clone();
            let at = volume.at;
            put(&mut volume, &["status", "phase"], Node::text("Pending", at));
            cluster.world.create(&key, volume);
        }
        let state = cluster.meet(&deleted, SHORT).state;
        let played = (cluster, state);
        let elsewhere = self.remedy(Way::OtherNode, steps(&made, &played), Safe::Elsewhere, risks, &played);
        vec![elsewhere]
    }

    /// For each claim whose volume is on a lost node, such a volume on a node that is well and has none of the set's pods;
    /// and that node.
    fn volumes_elsewhere(&self, hits: &[&Hit]) -> BTreeMap<Text, (Node, Text)> {
        let mut taken: BTreeSet<Text> = self.after.state.pods.iter().filter_map(|pod| pod.node.clone()).collect();
        let mut made = BTreeMap::new();
        for hit in hits {
            let up = || self.stage.machines().iter().filter(|machine| !self.mishap.nodes.contains(&machine.name));
            let Some(node) = up().find(|machine| !taken.contains(&machine.name)).or_else(|| up().next()) else {
                continue;
            };
            taken.insert(node.name.clone());
            for disk in hit.disks.iter().filter(|disk| disk.form == Form::Local) {
                let key = Key::new(VOLUME, "", disk.volume.clone());
                let Some(volume) = self.stage.cluster.world.store.get(&key) else { continue };
                made.insert(
                    disk.claim.clone(),
                    (on_node(volume, node, &hit.pod.sibling(disk.claim.clone())), node.name.clone()),
                );
            }
        }
        made
    }

    fn new_disk(&self) -> Remedy {
        let pods: Vec<&ObjectName> = self.hits.iter().map(|hit| &hit.pod).collect();
        let claims: BTreeSet<(Text, Text)> = self
            .hits
            .iter()
            .flat_map(|hit| {
                let own = hit.disks.iter().filter(|disk| Some(&disk.volume) == self.mishap.volume.as_ref());
                own.map(|disk| (hit.pod.namespace.clone(), disk.claim.clone()))
            })
            .collect();
        let mut cluster = self.after.cluster.clone();
        for pod in &pods {
            cluster.world.store.set(&Key::of("Pod", pod), &["metadata", "annotations", "lab/not-ready"], None);
        }
        let home = |(namespace, claim): &(Text, Text)| {
            full_name(self.stage, &ObjectName::new(namespace.clone(), claim.clone()))
        };
        cluster.meet(&Incident::Delete(claims.iter().map(|claim| (CLAIM.into(), home(claim))).collect()), 1);
        let gone = pods.iter().map(|pod| ("Pod".into(), full_name(self.stage, pod))).collect();
        let state = cluster.meet(&Incident::Delete(gone), SHORT).state;
        let played = (cluster, state);
        let mut steps: Vec<Step> = claims
            .iter()
            .map(|(namespace, claim)| Step {
                before: Some(Before::Spare(claim.to_string())),
                command: Command::line(format!("{} delete {} --wait=false", kubectl(namespace), of("pvc", claim))),
                expect: Expect::ClaimEnding,
                check: None,
            })
            .collect();
        steps.extend(pods.iter().map(|pod| Step {
            before: None,
            command: Command::line(format!("{} delete {}", kubectl(&pod.namespace), of("pod", &pod.name))),
            expect: Expect::ClaimAnew,
            check: Some(Command::line(format!("{} get pod,pvc", kubectl(&pod.namespace)))),
        }));
        steps.extend(pods.iter().filter(|pod| find(&played.1, pod).is_some_and(|pod| pod.ready)).map(|pod| Step {
            before: None,
            command: await_ready(&pod.namespace, &pod.name),
            expect: Expect::Ready,
            check: None,
        }));
        let gone = claims.into_iter().map(|(_, claim)| claim).collect();
        self.remedy(Way::NewDisk, steps, Safe::Elsewhere, vec![Risk::DataGone(gone)], &played)
    }

    /// The pods on the nodes that have no controller.
    fn without_controller(&self) -> Vec<Text> {
        let pods = self.stage.cluster.world.store.of_kind("Pod");
        let here = pods.filter(|(_, pod)| self.mishap.nodes.iter().any(|node| node == node_name(pod)));
        let bare = here.filter(|(_, pod)| controller_uid(pod).is_none());
        bare.map(|(key, _)| key.name.clone()).collect()
    }

    fn drain_before(&self) -> Remedy {
        let nodes = self.mishap.nodes.clone();
        let mut cluster = self.stage.cluster.clone();
        let outcome = cluster.meet(&Incident::Drain { nodes: nodes.clone(), seconds: 60 }, SHORT);
        let refused = outcome.acts.iter().find_map(|done| match &done.act {
            Act::NotEvicted(Verdict::NoRoom { cause, .. }) => Some((done.key.object(), cause.clone())),
            _ => None,
        });
        let expect = match refused {
            Some((pod, cause)) => Expect::DrainRefused(pod, cause),
            None => Expect::Drained,
        };
        let bare = self.without_controller();
        // kubectl refuses to drain a node of such pods unless it is told to.
        let force = if bare.is_empty() { "" } else { "--force " };
        let mut steps = Vec::new();
        for node in &nodes {
            // kubectl takes the bare name here, and must not take it for an option.
            let ends = if is_option(node) { "-- " } else { "" };
            let name = word(node);
            let command =
                format!("kubectl drain --ignore-daemonsets --delete-emptydir-data {force}--timeout=10m {ends}{name}");
            let selector = word(&format!("spec.nodeName={node}"));
            let check = Command::line(format!("kubectl get pods -A -o wide --field-selector={selector}"));
            steps.push(Step {
                before: None,
                command: Command::line(command),
                expect: expect.clone(),
                check: Some(check),
            });
            steps.push(Step {
                before: Some(Before::Back(node.clone())),
                command: Command::line(format!("kubectl uncordon {ends}{name}")),
                expect: Expect::Uncordoned,
                check: None,
            });
        }
        let played = (cluster, outcome.state);
        let mut risks = self.with_paths(vec![Risk::FewerServe], &played);
        if risks.len() == 1 && self.ends(&played.0, &played.1).iter().all(|end| matches!(end.how, How::Back(_))) {
            risks.clear();
        }
        if !bare.is_empty() {
            risks.push(Risk::NoController(bare));
        }
        let mut remedy = self.remedy(Way::DrainBefore, steps, Safe::Budgets, risks, &played);
        for end in &mut remedy.ends {
            if let How::Back(node) = &end.how
                && nodes.contains(node)
            {
                end.how = How::Stays(node.clone());
            }
        }
        remedy
    }
}

/// Only the first step of a node asks for it to be off.
fn once(steps: &mut [Step]) {
    let mut seen: Vec<Before> = Vec::new();
    for step in steps {
        match &step.before {
            Some(before) if seen.contains(before) => step.before = None,
            Some(before) => seen.push(before.clone()),
            None => {}
        }
    }
}

/// The node is known to be off, and is marked so.
fn off(node: &Text) -> [Step; 2] {
    let taint = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";
    let ready = "{.status.conditions[?(@.type==\"Ready\")].status}";
    [
        Step {
            before: Some(Before::Off(node.clone())),
            command: Command::line(format!("kubectl get {} -o jsonpath='{ready}'", of("node", node))),
            expect: Expect::NotReady,
            check: None,
        },
        Step {
            before: None,
            command: Command::line(format!("kubectl taint {} {taint}", bare(node))),
            expect: Expect::Collected,
            check: Some(Command::line("kubectl get volumeattachments")),
        },
    ]
}

fn in_service(node: &Text) -> Step {
    Step {
        before: Some(Before::Back(node.clone())),
        command: Command::line(format!("kubectl taint {} node.kubernetes.io/out-of-service-", bare(node))),
        expect: Expect::Untainted,
        check: None,
    }
}

fn force(pod: &ObjectName) -> Command {
    let name = of("pod", &pod.name);
    Command::line(format!("{} delete {name} --grace-period=0 --force", kubectl(&pod.namespace)))
}

/// A node for `kubectl taint`, which takes it by its bare name only, and must not take that for an option.
fn bare(node: &str) -> String {
    format!("{}node {}", if is_option(node) { "-- " } else { "" }, word(node))
}

/// An object as kubectl takes it, whatever its name begins with.
fn of(kind: &str, name: &str) -> String {
    word(&format!("{kind}/{name}"))
}

/// The same volume on another node, for the same claim.
fn on_node(volume: &Node, machine: &Machine, claim: &ObjectName) -> Node {
    let at = volume.at;
    let mut new = volume.clone();
    for path in [
        &["metadata", "uid"][..],
        &["metadata", "generation"],
        &["metadata", "creationTimestamp"],
        &["metadata", "annotations"],
        &["metadata", "finalizers"],
        &["metadata", "resourceVersion"],
        &["metadata", "managedFields"],
        &["status"],
        &["spec", "claimRef"],
    ] {
        take(&mut new, path);
    }
    let name = format!("{}-on-{}", text(volume, &["metadata", "name"]), machine.name);
    put(&mut new, &["metadata", "name"], Node::text(name, at));
    put(&mut new, &["spec", "claimRef", "namespace"], Node::text(claim.namespace.clone(), at));
    put(&mut new, &["spec", "claimRef", "name"], Node::text(claim.name.clone(), at));
    let host = machine.labels.get("kubernetes.io/hostname").and_then(Node::as_str).unwrap_or(&machine.name);
    let mut expression = Node::map(crate::value::Map::new(), at);
    put(&mut expression, &["key"], Node::text("kubernetes.io/hostname", at));
    put(&mut expression, &["operator"], Node::text("In", at));
    put(&mut expression, &["values"], Node::list(vec![Node::text(host, at)], at));
    let mut term = Node::map(crate::value::Map::new(), at);
    put(&mut term, &["matchExpressions"], Node::list(vec![expression], at));
    put(&mut new, &["spec", "nodeAffinity", "required", "nodeSelectorTerms"], Node::list(vec![term], at));
    new
}

fn apply(object: &Node) -> Command {
    let mut json = String::new();
    crate::yaml::write_json(object, &mut json);
    // A text of JSON has no line of its own that begins with spaces.
    let one_line: String = json.lines().map(str::trim_start).collect();
    Command::line(format!("printf '%s' {} | kubectl apply -f -", word(&one_line)))
}
