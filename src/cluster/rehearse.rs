//! Bundles played on a cluster, one after another: applied as kubectl does, what vanished pruned, and then all that the
//! controllers make of it until nothing changes any more.

use super::agenda::Agenda;
use super::binder::{CLAIM, PROVISIONED_BY, VOLUME};
use super::controller::load::Loads;
use super::controller::statefulset::{MOST_REPLICAS, replicas};
use super::controller::unplayed::{self, Barred, Trial};
use super::controller::{self, garbage, garbage::Cascade};
use super::facts::{ClusterFacts, PRESUMED};
use super::fleet::{Fleet, Migrated, Patience};
use super::kubectl::{self, Act, Done, Rejection, Request, Write};
use super::mark::Mark;
use super::plugin::{self, Denial};
use super::residents::Residents;
use super::state::{ClaimPhase, EventState, Identities, Observer, PodState, State, Why};
use super::store::{self, Key, Store, annotation, uid};
use super::world::{Cause, Event, Gap, Guard, Journal, Provisioners, World};
use crate::api::admission::Stage;
use crate::api::custom::Customs;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::diagnostic::Refusal;
use crate::k8s::object::ObjectName;
use crate::k8s::shape;
use crate::k8s::version::Version;
use crate::k8s::way::Way;
use crate::secret::known::Known;
use crate::value::{Node, Text};
use std::collections::{BTreeMap, BTreeSet};

/// What came of playing bundles on a cluster, one step each.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The namespace of objects that name none.
    pub namespace: String,
    /// One for each bundle.
    pub steps: Vec<Outcome>,
    /// What was taken for granted or left open for want of facts.
    pub not_known: Vec<Gap>,
    /// How many replicas of each set were played.
    pub replicas: i64,
    /// How many of the pods that the last bundle states were not played.
    pub pods_left_out: usize,
    /// How many pods of workloads that are not played were not tried against what stands in the way.
    pub untried: usize,
}

impl Rehearsal {
    /// Takes secret values out of all that the server and the controllers said.
    pub fn hide(&mut self, known: &Known) {
        let hide = |text: &mut String| {
            let hidden = known.hide(text);
            if hidden != *text {
                *text = hidden;
            }
        };
        for step in &mut self.steps {
            for done in &mut step.acts {
                done.warnings.iter_mut().for_each(hide);
                if let Act::Rejected(rejection) = &mut done.act {
                    hide(&mut rejection.message);
                    rejection.causes.iter_mut().for_each(hide);
                    for refusal in &mut rejection.refusals {
                        hide(&mut refusal.field);
                        hide(&mut refusal.detail);
                    }
                }
            }
            for Denied { denial, .. } in &mut step.denied {
                hide(&mut denial.message);
                hide(&mut denial.cause);
            }
            step.state.events.iter_mut().for_each(|event| hide(&mut event.message));
            let pods = step.state.pods.iter_mut().map(|pod| &mut pod.why);
            let claims = step.state.claims.iter_mut().map(|claim| &mut claim.why);
            for why in pods.chain(claims).flatten() {
                [&mut why.message, &mut why.short].into_iter().flatten().for_each(hide);
                if let Cause::NotKnown(gap) = &mut why.cause {
                    gap.hide(known);
                }
            }
        }
        self.not_known.iter_mut().for_each(|gap| gap.hide(known));
    }

    /// Whether anything was refused, or is not as it should be in the end.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        let refused = |done: &Done| matches!(done.act, Act::Rejected(_));
        let open = |why: &Option<Why>| why.as_ref().is_some_and(Why::is_open);
        self.steps.last().is_some_and(|last| !last.denied.is_empty())
            || self.steps.iter().any(|outcome| !outcome.settled || outcome.acts.iter().any(refused))
            || self.steps.last().is_some_and(|Outcome { state, .. }| {
                let waiting: BTreeSet<&ObjectName> =
                    state.claims.iter().filter(|claim| open(&claim.why)).map(|claim| &claim.name).collect();
                let waits_for_facts = |pod: &PodState| pod.claim_names().any(|claim| waiting.contains(&claim));
                state.pods.iter().any(|pod| !pod.ready && !waits_for_facts(pod))
                    || state.claims.iter().any(|claim| claim.phase != ClaimPhase::Bound && !open(&claim.why))
                    || state.statefulsets.iter().any(|set| set.replicas == 0 && set.spec.unwrap_or(1) > 0)
            })
    }
}

/// Plays bundles on a cluster of which this much is known, one step each.
#[must_use]
pub fn rehearse(bundles: &[Bundle], facts: &ClusterFacts, version: Version, namespace: &str) -> Rehearsal {
    rehearse_after(0, bundles, facts, version, namespace)
}

/// The same, where the first of the steps were done long ago: what they brought is there, whatever stands in the way of
/// new objects today.
#[must_use]
pub fn rehearse_after(
    founded: usize,
    bundles: &[Bundle],
    facts: &ClusterFacts,
    version: Version,
    namespace: &str,
) -> Rehearsal {
    let (cluster, steps, pods_left_out) = play(founded, bundles, facts, version, namespace, |_| {});
    let mut not_known = cluster.not_known();
    let untried = cluster.untried;
    if pods_left_out + untried > 0 {
        not_known.push(Gap::Pods(pods_left_out + untried));
    }
    let replicas = cluster.world.most_replicas;
    Rehearsal { namespace: namespace.to_owned(), steps, not_known, replicas, pods_left_out, untried }
}

/// Plays bundles on a cluster, and gives it with what came of each: for what is to happen next.
#[must_use]
pub fn set_out(
    bundles: &[Bundle],
    facts: &ClusterFacts,
    version: Version,
    namespace: &str,
    prepare: impl FnOnce(&mut Cluster),
) -> (Cluster, Vec<Outcome>) {
    let (cluster, steps, _) = play(0, bundles, facts, version, namespace, prepare);
    (cluster, steps)
}

/// Plays bundles; also gives how many of the pods that the last states were not played.
fn play(
    founded: usize,
    bundles: &[Bundle],
    facts: &ClusterFacts,
    version: Version,
    namespace: &str,
    prepare: impl FnOnce(&mut Cluster),
) -> (Cluster, Vec<Outcome>, usize) {
    let resources = bundles.iter().flat_map(|bundle| &bundle.resources);
    let namespaces: BTreeSet<Text> = resources.map(|resource| Text::new(&resource.id.namespace)).collect();
    let mut cluster = Cluster::about(facts, version, namespace, &namespaces);
    if !facts.residents.is_empty() {
        cluster.house(&facts.residents, bundles);
    }
    cluster.world.most_replicas = bundles.iter().map(played_replicas).min().unwrap_or(MOST_REPLICAS);
    prepare(&mut cluster);
    let last = last_pod(bundles);
    let mut pods_left_out = 0;
    let mut steps = Vec::with_capacity(bundles.len());
    for (number, bundle) in bundles.iter().enumerate() {
        cluster.world.guard = if number < founded { Guard::Nobody } else { Guard::Plugins };
        let fewer = last.as_ref().map(|last| without_pods_behind(bundle, last));
        pods_left_out = fewer.as_ref().map_or(0, |fewer| bundle.resources.len() - fewer.resources.len());
        steps.push(cluster.run(&Apply::new(fewer.as_ref().unwrap_or(bundle))));
    }
    (cluster, steps, pods_left_out)
}

/// So many pods that a bundle states itself are played: each takes some 10 kB.
const MOST_PODS: usize = 5_000;

/// The last pod that is played, by name, where a bundle states more than are: the same in all of them, so that none
/// comes or goes for it.
fn last_pod(bundles: &[Bundle]) -> Option<ResourceId> {
    let last = bundles.iter().filter_map(|bundle| {
        let mut pods: Vec<&ResourceId> = bundle.of_kind("Pod").map(|pod| &pod.id).collect();
        pods.sort_unstable();
        pods.get(MOST_PODS).map(|_| pods[MOST_PODS - 1])
    });
    last.min().cloned()
}

fn without_pods_behind(bundle: &Bundle, last: &ResourceId) -> Bundle {
    let is_played = |resource: &&Resource| resource.id.kind != "Pod" || resource.id <= *last;
    Bundle::from(bundle.resources.iter().filter(is_played).cloned().collect::<Vec<_>>())
}

/// What the pods of a bundle may cost together: each takes time and memory, and is looked at again for each that is
/// replaced. One set of as many replicas as are ever played pays less.
const MOST_PLAYED: i64 = 100_000;

/// So many replicas of each set are always played, however many sets there are: a quorum has no more.
const ALWAYS_PLAYED: i64 = 5;

/// How many replicas of each set of a bundle are played, of all sets the same.
fn played_replicas(bundle: &Bundle) -> i64 {
    let asked: Vec<i64> = bundle.of_kind("StatefulSet").map(|set| replicas(&set.node)).collect();
    let cost =
        |most: i64| asked.iter().map(|asked| *asked.min(&most)).map(|played| played * (played + 30)).sum::<i64>();
    let (mut enough, mut too_many) = (ALWAYS_PLAYED, MOST_REPLICAS + 1);
    while enough + 1 < too_many {
        let middle = i64::midpoint(enough, too_many);
        *(if cost(middle) <= MOST_PLAYED { &mut enough } else { &mut too_many }) = middle;
    }
    enough
}

/// Where more objects come or go than this, the controllers do not look after each, but once all are applied, and once
/// all are gone.
const MOST_WATCHED: usize = 40;

/// How much the controllers may look at in a step. Whatever is written comes to rest long before, or else never or much
/// too late: so no manifests take more than seconds and some hundred megabytes.
fn patience(objects: usize) -> u64 {
    const LEAST: u64 = 3_000_000;
    const FOR_EACH: u64 = 1_000;
    const MOST: u64 = 10_000_000;
    (LEAST + FOR_EACH * objects as u64).min(MOST)
}

/// A cluster on which bundles are played.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its objects and what its controllers see of it.
    pub world: World,
    /// Where objects go that name no namespace.
    namespace: Text,
    /// How objects are applied.
    way: Way,
    /// The manifest that each object was last applied from, by the object's uid.
    applied: BTreeMap<Text, Node>,
    /// The objects of the bundle before, in its order.
    pub(super) previous: Vec<Key>,
    /// All volumes that bundles have named.
    volumes: BTreeSet<Text>,
    /// All claims that bundles have named.
    claims: BTreeSet<Key>,
    /// The custom kinds that are defined, by facts or by bundles.
    customs: Customs,
    /// Warnings that earlier steps had.
    told: BTreeSet<EventState>,
    /// The namespaces that the bundle of this step makes.
    coming: BTreeSet<Text>,
    /// How many pods of workloads that are not played were not tried either.
    pub(super) untried: usize,
}

/// One step: a bundle, and what a person does before and with it.
#[derive(Clone, Copy, Debug)]
pub struct Apply<'a> {
    /// What is applied.
    pub bundle: &'a Bundle,
    /// Kinds and names of what a person deletes before.
    pub delete: &'a [(String, String)],
    /// What becomes of the things owned by what vanished from the bundle.
    pub cascade: Cascade,
    /// Whether what vanished from the bundle is deleted.
    pub prunes: bool,
    /// How many seconds pass, where nodes may fail.
    pub seconds: u64,
}

impl<'a> Apply<'a> {
    /// Just a bundle.
    #[must_use]
    pub const fn new(bundle: &'a Bundle) -> Self {
        Self { bundle, delete: &[], cascade: Cascade::Background, prunes: true, seconds: 0 }
    }
}

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Deletions, applied manifests and pruned objects, in the order in which it was done.
    pub acts: Vec<Done>,
    /// The cluster once nothing changed any more.
    pub state: State,
    /// Whether it came to rest at all.
    pub settled: bool,
    /// Workloads whose pods or claims are not let in at its end.
    pub denied: Vec<Denied>,
}

/// A workload that lacks pods because they, or their claims, are not let in.
#[derive(Clone, Debug)]
pub struct Denied {
    /// The workload.
    pub key: Key,
    /// What the server says of the next.
    pub denial: Denial,
    /// How many pods there are.
    pub here: usize,
    /// How many it asks for.
    pub asked: usize,
}

/// How the cluster was when a step began.
pub(super) struct Beginning {
    before: Identities,
    moves: usize,
}

impl Cluster {
    /// An empty cluster of which this much is known.
    #[must_use]
    pub fn new(facts: &ClusterFacts, version: Version, namespace: &str) -> Self {
        Self::about(facts, version, namespace, &BTreeSet::new())
    }

    /// A cluster for what concerns some more namespaces, too: of what is in others, nothing stands in anybody's way.
    pub(super) fn about(facts: &ClusterFacts, version: Version, namespace: &str, concerned: &BTreeSet<Text>) -> Self {
        let mut cluster = Self {
            world: World {
                store: Store::default(),
                nodes: facts.nodes.clone(),
                knows_classes: facts.classes.is_some(),
                knows_namespaces: facts.knows_namespaces(),
                knows_all: false,
                guard: Guard::Plugins,
                residents: BTreeSet::new(),
                provisioners: Provisioners::Assumed,
                version,
                journal: Journal::default(),
                agenda: Agenda::default(),
                loads: Loads::default(),
                templates: BTreeMap::new(),
                collected: 0,
                at_rest: 0,
                patience: 0,
                most_replicas: MOST_REPLICAS,
                fleet: None,
            },
            namespace: namespace.into(),
            way: facts.way(),
            applied: BTreeMap::new(),
            previous: Vec::new(),
            volumes: BTreeSet::new(),
            claims: BTreeSet::new(),
            customs: facts.customs.clone(),
            told: BTreeSet::new(),
            coming: BTreeSet::new(),
            untried: 0,
        };
        for class in facts.classes.iter().flatten() {
            let key = Key::new("StorageClass", "", store::text(class, &["metadata", "name"]));
            cluster.world.create(&key, class.clone());
        }
        let parameters = facts.objects.of_kind("ValidatingAdmissionPolicyBinding");
        let parameters = parameters.chain(facts.objects.of_kind("MutatingAdmissionPolicyBinding"));
        let parameters =
            parameters.map(|binding| store::text(&binding.resource().node, &["spec", "paramRef", "namespace"]));
        let mut namespaces: BTreeSet<&str> = parameters.collect();
        namespaces.extend(concerned.iter().map(Text::as_str));
        namespaces.extend(["", namespace]);
        for object in namespaces.into_iter().flat_map(|namespace| facts.objects.within(namespace)) {
            let resource = object.resource();
            cluster.world.create(&cluster.key_of(resource), resource.node.clone());
        }
        cluster
    }

    /// Lets those move in that live where bundles go to.
    fn house(&mut self, residents: &Residents, bundles: &[Bundle]) {
        let resources = bundles.iter().flat_map(|bundle| &bundle.resources);
        let keys = resources.map(|resource| {
            self.key(&resource.api_version, &resource.id.kind, &resource.id.namespace, &resource.id.name)
        });
        let applied: BTreeSet<Key> = keys.collect();
        let namespaces: BTreeSet<Text> =
            applied.iter().map(|key| key.namespace.clone()).filter(|namespace| !namespace.is_empty()).collect();
        residents.move_in(&mut self.world, &namespaces, &applied);
    }

    /// Plays one step.
    pub fn run(&mut self, step: &Apply<'_>) -> Outcome {
        self.customs = self.customs.with(step.bundle.resources.iter().map(|resource| &resource.node));
        let beginning = self.begin(step.bundle.resources.len());
        let mut acts = Vec::new();
        let mut settled = true;
        for (kind, name) in step.delete {
            let key = self.key("v1", kind, "", name);
            acts.push(self.delete(key, Act::Deleted, Cascade::Background));
            settled &= controller::settle(&mut self.world);
        }
        let resources: Vec<Resource> = step.bundle.resources.iter().map(|resource| self.at_home(resource)).collect();
        let keys: Vec<Key> = resources.iter().map(kubectl::key_of).collect();
        self.coming = keys.iter().filter(|key| key.kind == "Namespace").map(|key| key.name.clone()).collect();
        for (resource, key) in resources.iter().zip(&keys) {
            acts.push(self.apply(resource));
            if resources.len() <= MOST_WATCHED && controller::heeds(&key.kind) {
                settled &= controller::settle(&mut self.world);
            }
        }
        settled &= controller::settle(&mut self.world);
        let kept: BTreeSet<&Key> = keys.iter().collect();
        let gone: Vec<Key> = std::mem::take(&mut self.previous)
            .into_iter()
            .rev()
            .filter(|key| step.prunes && !kept.contains(key))
            .collect();
        let is_watched = gone.len() <= MOST_WATCHED;
        for key in gone {
            acts.push(self.delete(key, Act::Pruned, step.cascade));
            if is_watched {
                settled &= controller::settle(&mut self.world);
            }
        }
        settled &= controller::pass(&mut self.world, step.seconds * 1000);
        self.previous = keys;
        self.end(&beginning, acts, settled)
    }

    /// Begins a step in which so many objects are dealt with.
    pub(super) fn begin(&mut self, objects: usize) -> Beginning {
        self.world.store.tick();
        self.give_patience(objects);
        if let Some(fleet) = &mut self.world.fleet {
            fleet.said.clear();
        }
        Beginning { before: self.identities(), moves: self.world.journal.moves.len() }
    }

    /// Ends a step.
    pub(super) fn end(&mut self, beginning: &Beginning, acts: Vec<Done>, settled: bool) -> Outcome {
        self.outcome(acts, &beginning.before, beginning.moves, settled)
    }

    /// How it is now: `before` is who was there before the step, `moves` how many had come and gone by then.
    pub(super) fn outcome(&mut self, acts: Vec<Done>, before: &Identities, moves: usize, settled: bool) -> Outcome {
        let denied = self.denied(&acts);
        let mut told = std::mem::take(&mut self.told);
        let state = self.view().state(before, &self.world.journal.moves[moves..], &mut told);
        self.told = told;
        Outcome { acts, state, settled, denied }
    }

    /// Who is there.
    pub(super) fn identities(&self) -> Identities {
        self.view().identities()
    }

    /// Lets the controllers look at so much: at what a bundle of so many objects and what is there makes of it.
    pub(super) fn give_patience(&mut self, objects: usize) {
        self.world.patience = patience(objects + self.world.store.len());
    }

    /// How objects are applied to it.
    pub(super) const fn way(&self) -> Way {
        self.way
    }

    /// What a manifest's object is called here.
    pub(super) fn key_of(&self, resource: &Resource) -> Key {
        self.key(&resource.api_version, &resource.id.kind, &resource.id.namespace, &resource.id.name)
    }

    /// Notes the manifest that the object of a uid was last applied from.
    pub(super) fn remember(&mut self, uid: Text, manifest: Node) {
        self.applied.insert(uid, manifest);
    }

    /// Shows a volume or a claim that a bundle names, whoever has it.
    pub(super) fn heed(&mut self, key: &Key) {
        if key.kind == VOLUME {
            self.volumes.insert(key.name.clone());
        }
        if key.kind == CLAIM {
            self.claims.insert(key.clone());
        }
    }

    /// Lets nodes fail from now on, and be given up as a cluster is told to.
    pub fn expect_failures(&mut self, patience: Patience, migrated: Migrated) {
        let nodes = self.world.nodes.as_deref().unwrap_or_default();
        self.world.fleet = Some(Box::new(Fleet::new(nodes, patience, migrated)));
    }

    /// Workloads that lack pods because they are not let in: sets, and of the others those that were just applied.
    fn denied(&mut self, acts: &[Done]) -> Vec<Denied> {
        let count = |number: i64| usize::try_from(number).unwrap_or_default();
        let mut denied: Vec<Denied> = Vec::new();
        for (key, denial) in &self.world.journal.denied {
            let Some(set) = self.world.store.get(key) else { continue };
            let here = self.world.store.marked(Mark::OwnedBy(uid(set)), "Pod").count();
            if here < count(replicas(set).min(self.world.most_replicas)) {
                denied.push(Denied { key: key.clone(), denial: denial.clone(), here, asked: count(replicas(set)) });
            }
        }
        let is_new = |done: &&Done| matches!(done.act, Act::Created | Act::Configured) && !done.is_idle;
        let applied: Vec<&Key> =
            acts.iter().filter(is_new).map(|done| &done.key).filter(|key| unplayed::is_one(key)).collect();
        if applied.is_empty() || self.world.guard == Guard::Nobody || !plugin::is_any(&self.world) {
            return denied;
        }
        let mut trial = Trial::new(&self.world);
        for key in applied {
            let Some(Barred { denial, here, asked }) = trial.barred(key) else { continue };
            self.world.say(key, true, "FailedCreate", format!("Error creating: {}", denial.cause));
            denied.push(Denied { key: key.clone(), denial, here, asked });
        }
        self.untried += trial.untried;
        denied
    }

    /// What was taken for granted or left open for want of facts.
    #[must_use]
    pub fn not_known(&self) -> Vec<Gap> {
        let mut list = Vec::new();
        if self.world.nodes.is_none() {
            list.push(Gap::Nodes);
        }
        let last = |event: &&Event| self.world.last_said(&event.uid) == Some(event);
        let open = |event: &Event| if let Cause::NotKnown(gap) = &event.cause { Some(gap.clone()) } else { None };
        let said: BTreeSet<Gap> = self.world.journal.events().filter(last).filter_map(open).collect();
        list.extend(said);
        if self.world.provisioners == Provisioners::Assumed {
            let made = self.world.store.of_kind(VOLUME).filter_map(|(_, volume)| annotation(volume, PROVISIONED_BY));
            let makers: BTreeSet<&str> = made.filter(|maker| *maker != PRESUMED).collect();
            let classes = self.world.store.of_kind("StorageClass");
            let presumed = classes.filter(|(_, class)| store::text(class, &["provisioner"]) == PRESUMED);
            list.extend(presumed.map(|(key, _)| Gap::ClassExists(key.name.clone())));
            list.extend(makers.into_iter().map(|maker| Gap::Provisioner(maker.into())));
        }
        let absent = self.world.journal.presumed.iter().filter(|key| self.world.store.get(key).is_none());
        list.extend(absent.map(|key| Gap::Exists { kind: key.kind.clone(), name: key.name.clone() }));
        for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
            let hooks = self.world.store.of_kind(kind);
            list.extend(hooks.map(|(key, _)| Gap::Decides { kind: kind.into(), name: key.name.clone() }));
        }
        let undecided = self.world.journal.undecided.iter();
        list.extend(undecided.map(|(kind, name)| Gap::Decides { kind: (*kind).into(), name: name.clone() }));
        // Beside nodes that fail, Deployments have pods too.
        let kinds = ["DaemonSet", "Job", "CronJob", "Deployment", "ReplicaSet"];
        let played = if self.world.fleet.is_some() { 2 } else { 0 };
        for kind in kinds[..kinds.len() - played].iter().copied() {
            let names: Vec<Text> = self.world.store.of_kind(kind).map(|(key, _)| key.name.clone()).collect();
            if !names.is_empty() {
                list.push(Gap::Runs { kind, names });
            }
        }
        let most = self.world.most_replicas;
        for (key, set) in self.world.store.of_kind("StatefulSet") {
            if set.find(&["spec", "replicas"]).and_then(Node::as_int).is_some_and(|asked| asked > most) {
                list.push(Gap::Replicas { set: key.name.clone(), simulated: most });
            }
        }
        list
    }

    fn view(&self) -> Observer<'_> {
        Observer { world: &self.world, volumes: &self.volumes, claims: &self.claims }
    }

    pub(super) fn key(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Key {
        let namespaced = shape::find(api_version, kind).is_none_or(|known| known.namespaced);
        let namespace = match (namespaced, namespace) {
            (false, _) => "",
            (true, "") => &self.namespace,
            (true, stated) => stated,
        };
        Key::new(kind, namespace, name)
    }

    /// The manifest with the namespace it goes to.
    fn at_home(&self, resource: &Resource) -> Resource {
        let key = self.key(&resource.api_version, &resource.id.kind, &resource.id.namespace, &resource.id.name);
        let mut resource = resource.clone();
        if !key.namespace.is_empty() && resource.id.namespace.is_empty() {
            let at = resource.node.at;
            store::put(&mut resource.node, &["metadata", "namespace"], Node::text(key.namespace.clone(), at));
            resource.id.namespace = key.namespace.clone();
        }
        resource
    }

    pub(super) fn delete(&mut self, key: Key, act: Act, cascade: Cascade) -> Done {
        let found = garbage::delete_with(&mut self.world, &key, cascade);
        Done { key, act: if found { act } else { Act::Absent }, is_idle: false, warnings: Vec::new() }
    }

    fn apply(&mut self, resource: &Resource) -> Done {
        let key = kubectl::key_of(resource);
        self.heed(&key);
        let last_applied = self.world.store.get(&key).and_then(|stored| self.applied.get(&uid(stored)));
        let default_class = self.world.default_class();
        let request = Request {
            resource,
            last_applied,
            default_class: default_class.as_deref(),
            customs: &self.customs,
            version: self.world.version,
            way: self.way,
        };
        let (mut done, write) = kubectl::request(&self.world.store, request);
        let outcome = match write {
            Write::Create(mut object) => plugin::namespace(&self.world, &key, &self.coming)
                .and_then(|()| plugin::labels(&key, &object))
                .and_then(|()| plugin::admit(&mut self.world, &key, &mut object))
                .map(|warnings| {
                    done.warnings.extend(warnings);
                    self.create(&key, object);
                }),
            Write::Replace(mut object) => {
                let old = self.world.store.get(&key).cloned();
                plugin::labels(&key, &object)
                    .and_then(|()| plugin::admit_change(&mut self.world, &key, &mut object, old.as_ref()))
                    .map(|warnings| {
                        done.warnings.extend(warnings);
                        self.world.store.replace(&key, object);
                    })
            }
            Write::Nothing => Ok(()),
        };
        if let Err(denial) = outcome {
            done.act = Act::Rejected(Box::new(denied(denial)));
        }
        if let Some(object) = self.world.store.get(&key).filter(|_| !matches!(done.act, Act::Rejected(_))) {
            self.applied.insert(uid(object), resource.node.clone());
        }
        done
    }

    fn create(&mut self, key: &Key, mut object: Node) {
        store::take(&mut object, &["status"]);
        if matches!(key.kind.as_str(), "Pod" | CLAIM | VOLUME) {
            let at = object.at;
            store::put(&mut object, &["status", "phase"], Node::text("Pending", at));
        }
        self.world.create(key, object);
    }
}

/// What kubectl says of an object that a plugin did not let in.
fn denied(denial: Denial) -> Rejection {
    let Denial { code, reason, message, cause, barrier } = denial;
    let refusal = Refusal { field: String::new(), kind: reason, detail: cause.clone() };
    let (causes, refusals) = (vec![cause], vec![refusal]);
    Rejection { stage: Stage::Admission, code, reason, causes, message, refusals, barrier: Some(barrier) }
}
