//! What a change will do, read off a rehearsal: the committed bundle is played on the model cluster, then the fresh
//! one. Not a table of opinions: what is said here happened there.

pub use super::change::Verdict;
use super::change::{Change, ChangeKind};
use super::effect::Effect;
use super::holdings::Holding;
use super::known::{Known, Sides};
use super::names::Names;
use super::notes::{Note, Waiting};
use super::risk::Rehearsed;
use super::risk::{self, Risk};
use super::runbook::lookup::Lookup;
use super::runbook::step::Runbook;
use super::runbook::{self, Matter};
use super::set::Set;
use super::setting::Setting;
use super::{acknowledge, barriers, effects, holdings, notes, presumed};
use crate::api::change::refusals_of_new;
use crate::api::server_side::CONFLICT;
use crate::bundle::{Bundle, ResourceId};
use crate::cluster::kubectl::Act;
use crate::cluster::rehearse::{Outcome, rehearse_after};
use crate::cluster::resume::{Running, rehearse_on};
use crate::cluster::state::Why;
use crate::cluster::store::Key;
use crate::cluster::world::PodMove;
use crate::diagnostic::Refusal;
use crate::k8s::object::ObjectName;
use std::collections::BTreeSet;

/// What a change will do, and how to do it safely.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// The worst of it.
    pub verdict: Verdict,
    /// What the verdict rests on.
    pub decision: Decision,
    /// What puts data at risk, acknowledged or not.
    pub risks: Vec<Risk>,
    /// Acknowledgements that match nothing, here or in another environment of the app.
    pub stale: Vec<String>,
    /// What a reviewer should know of how it is carried out.
    pub notes: Vec<Note>,
    /// Pods that are replaced, added or removed, by set, in order.
    pub order: Vec<(ObjectName, Vec<PodMove>)>,
    /// How to do what cannot just be applied.
    pub runbooks: Vec<Runbook>,
}

/// What a verdict rests on, as values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// Nothing differs.
    #[default]
    NoChanges,
    /// So many objects are new, and nothing was there before.
    New(usize),
    /// Data is at risk: the first of the open risks, by its position; how many more; whether it is refused as well.
    AtRisk {
        /// The position of the first open risk.
        risk: usize,
        /// How many more are open.
        more: usize,
        /// Whether the API server refuses it, as it stands.
        refused: bool,
    },
    /// The API server refuses it.
    Refused {
        /// The first object that is refused.
        id: ResourceId,
        /// Why.
        why: Refused,
        /// How many more are refused.
        more: usize,
    },
    /// The cluster keeps what it has.
    NoEffect,
    /// Pods come or go, or will not.
    Pods(Box<Pods>),
    /// Each pod takes the change when it is deleted.
    OnDelete,
    /// Each pod takes the change when the partition lets it.
    Partitioned,
    /// Objects change, pods stay: the first of those of which something comes, and how many more.
    InPlace {
        /// The position of the first such change.
        change: Option<usize>,
        /// How many more.
        more: usize,
    },
    /// Two environments differ.
    Differs {
        /// How many objects are in both and differ.
        changed: usize,
        /// How many are in the one only, and its name.
        old: (usize, String),
        /// How many are in the other only, and its name.
        new: (usize, String),
    },
}

/// Why the API server refuses an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Fields that cannot be changed in place: the first, and how many more.
    Fixed(String, usize),
    /// What the server says: the field, which may be empty, and the detail.
    Said(String, String),
    /// It is taken, and its pods are not: so many of so many are there, and what the server says of the next.
    Pods {
        /// How many pods there are in the end.
        here: usize,
        /// How many are asked for.
        asked: usize,
        /// What the API server says.
        why: String,
    },
}

/// What becomes of pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// Those that restart, in order.
    pub restarted: Names,
    /// Those that go, in order.
    pub removed: Names,
    /// Those that come, in order.
    pub added: Names,
    /// Deployments and DaemonSets whose pods restart.
    pub rolled: Names,
    /// Something goes that somebody still names.
    pub missed: Option<Missed>,
    /// The first pod that does not start.
    pub waiting: Option<Waiting>,
}

/// An object that goes and is still named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The object, as it was called.
    pub gone: ResourceId,
    /// Who names it.
    pub user: ResourceId,
    /// How many more of the kind there are.
    pub more: usize,
}

/// What was read off a rehearsal: the judgement, and who holds what before and afterwards.
type Judged = (Judgement, [Vec<Holding>; 2]);

/// Rehearses the committed bundle and then the fresh one, and says what the step between them did.
pub(super) fn judge(changes: &mut [Change], sides: Sides<'_>, setting: Setting<'_>) -> Judged {
    let mut judgement = Judgement::default();
    if changes.is_empty() {
        return (judgement, Default::default());
    }
    if sides.committed.resources.is_empty() {
        judgement.verdict = Verdict::New;
        judgement.decision = Decision::New(changes.len());
        barriers::of_new(changes, sides.fresh, setting);
        let barred: Vec<&Change> = changes.iter().filter(|change| change.barrier.is_some()).collect();
        if let Some(decision) = of_refused(&barred) {
            (judgement.verdict, judgement.decision) = (Verdict::Refused, decision);
        }
        judgement.runbooks = runbook::of_new(sides.fresh, changes, setting);
        return (judgement, Default::default());
    }
    rehearsed_step(changes, sides, setting, judgement)
}

fn rehearsed_step(changes: &mut [Change], sides: Sides<'_>, setting: Setting<'_>, mut judgement: Judgement) -> Judged {
    let Sides { committed, fresh, .. } = sides;
    let facts = presumed::classes(setting.facts, &[committed, fresh]);
    let rehearsal = match setting.live {
        Some(objects) => {
            let running = Running { objects, applied: committed };
            rehearse_on(running, fresh, &facts, setting.version, setting.namespace)
        }
        None => {
            let bundles = [committed.clone(), fresh.clone()];
            rehearse_after(1, &bundles, &facts, setting.version, setting.namespace)
        }
    };
    let [before, after] = &rehearsal.steps[..] else { return (judgement, Default::default()) };
    let held = [holdings::holdings(before, &[committed]), holdings::holdings(after, &[fresh, committed])];
    let known = Known::new(sides, before, after);
    let step = Rehearsed { committed, fresh, before, after, known: &known, home: setting.namespace };
    judgement.risks = risk::risks(step);
    for position in setting
        .acknowledged
        .iter()
        .flat_map(|(said, _)| acknowledge::covered(said, &judgement.risks))
        .collect::<Vec<_>>()
    {
        judgement.risks[position].acknowledged = true;
    }
    judgement.order = after
        .state
        .order
        .iter()
        .filter(|(_, moves)| !moves.is_empty())
        .map(|(set, moves)| (set.clone(), moves.clone()))
        .collect();
    let open: BTreeSet<&ResourceId> =
        judgement.risks.iter().filter(|risk| !risk.acknowledged).map(|risk| &risk.about).collect();
    let replaced = &known.replaced;
    for change in changes.iter_mut() {
        if let Some(refusals) = rehearsed(change, step, setting) {
            change.refusals = refusals;
        }
        barriers::of_object(change, &known.acts, setting.namespace);
        if change.effects.is_empty() {
            let effects = effects::effects(change, step);
            (change.effects, change.is_idle, change.needed_by) = (effects.list, effects.is_idle, effects.needed_by);
        }
        change.verdict =
            if open.contains(&change.id) { Verdict::AtRisk } else { verdict_of(change, step, replaced, setting) };
    }
    let barred = barriers::of_pods(changes, after, setting.namespace);
    let stays = changes.iter().filter(|change| change.kind != ChangeKind::Removed && change.refusals.is_empty());
    let ready: BTreeSet<&ResourceId> = stays.map(|change| &change.id).collect();
    let lookup = Lookup::new([committed, fresh], [before, after], &ready, setting);
    judgement.runbooks =
        runbook::runbooks(Matter { committed, fresh, changes, ready: &ready, before, after, setting, lookup: &lookup });
    judgement.notes = notes::notes(changes, step);
    judgement.notes.extend(notes::beyond(fresh, rehearsal.replicas, setting.namespace));
    judgement.notes.extend(Some(rehearsal.pods_left_out).filter(|pods| *pods > 0).map(notes::Note::PodsLeftOut));
    judgement.notes.extend(barred.into_iter().map(notes::Note::PodsRefused));
    (judgement.verdict, judgement.decision) = decide(changes, step, &judgement.risks);
    (judgement, held)
}

/// What the rehearsal showed of a claim, where it knows whether the claim was bound by then: what may change of it
/// depends on that.
fn rehearsed(change: &Change, step: Rehearsed<'_>, setting: Setting<'_>) -> Option<Vec<Refusal>> {
    if change.id.kind != "PersistentVolumeClaim" || change.kind != ChangeKind::Changed {
        return None;
    }
    let claim = step.known.claims_before.get(&change.id.object(setting.namespace))?;
    let open = claim.why.as_ref().is_some_and(Why::is_open);
    let class = claim.class.as_deref().unwrap_or_default();
    let described = setting.facts.classes.is_some() || class.is_empty() || step.known.classes.contains(class);
    if open || !described {
        return None;
    }
    let key = Key::of(&*change.id.kind, &change.id.object(setting.namespace));
    let act = step.known.acts.get(&key)?;
    match &act.act {
        Act::Rejected(rejection) => Some(rejection.refusals.clone()),
        _ => Some(Vec::new()),
    }
}

/// How much one object's change does.
fn verdict_of(change: &Change, step: Rehearsed<'_>, replaced: &BTreeSet<&ObjectName>, setting: Setting<'_>) -> Verdict {
    if change.barrier.is_some() {
        return Verdict::Refused;
    }
    if !change.refusals.is_empty() {
        let can_be_made_anew = change.kind == ChangeKind::Changed
            && change.refusals.iter().all(|refusal| refusal.kind != CONFLICT)
            && !KEPT.contains(&&*change.id.kind)
            && step.fresh.get(&change.id).is_some_and(|fresh| {
                let (way, customs) = (setting.facts.way(), &setting.facts.customs);
                refusals_of_new(way, &fresh.node, customs, setting.version).is_empty()
            });
        return if can_be_made_anew { Verdict::Recreate } else { Verdict::Refused };
    }
    if change.is_idle {
        return Verdict::None;
    }
    if rolls(change, step.fresh) {
        return Verdict::Restart;
    }
    let set = change.id.object(setting.namespace);
    let restarts = change.id.kind == "StatefulSet" && !replaced_of(&set, step.after, replaced).is_empty();
    if restarts { Verdict::Restart } else { change.verdict }
}

/// Kinds whose objects are not just deleted and made anew: what they hold would be gone with them.
const KEPT: [&str; 3] = ["PersistentVolumeClaim", "ConfigMap", "Secret"];

/// The pods of a set that are replaced, in order.
fn replaced_of<'o>(set: &ObjectName, after: &'o Outcome, replaced: &BTreeSet<&ObjectName>) -> Vec<&'o ObjectName> {
    let moves = after.state.order.get(set).into_iter().flatten();
    moves.filter(|step| step.came).map(|step| &step.pod).filter(|pod| replaced.contains(pod)).collect()
}

fn decide(changes: &[Change], step: Rehearsed<'_>, risks: &[Risk]) -> (Verdict, Decision) {
    let refused: Vec<&Change> = changes.iter().filter(|change| change.is_refused()).collect();
    let mut open = risks.iter().enumerate().filter(|(_, risk)| !risk.acknowledged);
    if let Some((risk, _)) = open.next() {
        return (Verdict::AtRisk, Decision::AtRisk { risk, more: open.count(), refused: !refused.is_empty() });
    }
    if let Some(decision) = of_refused(&refused) {
        let worst = refused.iter().map(|change| change.verdict).max().unwrap_or(Verdict::Refused);
        return (worst, decision);
    }
    if changes.iter().all(|change| change.verdict == Verdict::None) {
        return (Verdict::None, Decision::NoEffect);
    }
    moved(changes, step)
}

/// The first of those that are refused, and how many more.
fn of_refused(refused: &[&Change]) -> Option<Decision> {
    let first = refused.first()?;
    let of_pods = || {
        first.effects.iter().find_map(|effect| match effect {
            Effect::PodsRefused { here, asked, why } => {
                Some(Refused::Pods { here: *here, asked: *asked, why: why.clone() })
            }
            _ => None,
        })
    };
    let why = match first.refusals.first() {
        Some(refusal) => culprits(first, &refusal.field)
            .unwrap_or_else(|| Refused::Said(refusal.field.clone(), refusal.detail.clone())),
        None => of_pods()?,
    };
    Some(Decision::Refused { id: first.id.clone(), why, more: refused.len() - 1 })
}

/// The changed fields that a refusal means: where the server says at length which may change, and not which was it, and
/// where it says of each that it may not.
fn culprits(change: &Change, field: &str) -> Option<Refused> {
    const FREE: [&str; 7] = [
        "spec.replicas",
        "spec.ordinals",
        "spec.template",
        "spec.updateStrategy",
        "spec.revisionHistoryLimit",
        "spec.persistentVolumeClaimRetentionPolicy",
        "spec.minReadySeconds",
    ];
    const FIXED: [&str; 4] =
        ["spec.selector", "spec.volumeClaimTemplates", "spec.serviceName", "spec.podManagementPolicy"];
    let is_fixed = |field: &str| change.id.kind == "StatefulSet" && FIXED.contains(&field);
    let is_meant = |path: &str| {
        field == "spec"
            || change.refusals.iter().any(|refusal| is_fixed(&refusal.field) && path.starts_with(&refusal.field))
    };
    let is_free = |path: &str| change.id.kind == "StatefulSet" && FREE.iter().any(|free| path.starts_with(free));
    // The server fills these in where a claim template leaves them out.
    let is_filled_in = |path: &str| {
        path.starts_with("spec.volumeClaimTemplates") && (path.ends_with("].apiVersion") || path.ends_with("].kind"))
    };
    let paths = change.fields.iter().map(|field| &*field.path);
    let paths = paths.filter(|path| path.starts_with("spec.") && !is_free(path) && !is_filled_in(path));
    let names: Vec<&str> =
        if field == "spec" || is_fixed(field) { paths.filter(|path| is_meant(path)).collect() } else { Vec::new() };
    names.first().map(|first| Refused::Fixed((*first).to_owned(), names.len() - 1))
}

/// What a change that goes through does to the pods.
fn moved(changes: &[Change], step: Rehearsed<'_>) -> (Verdict, Decision) {
    let after = &step.after.state;
    let restarted = after.order.keys().flat_map(|set| replaced_of(set, step.after, &step.known.replaced));
    let seen = |pod: &ObjectName| pod.seen_from(step.home).to_string();
    let mut needed = changes.iter().filter_map(|change| Some((change, change.needed_by.as_ref()?)));
    let missed = needed.next().map(|(change, user)| Missed {
        gone: change.from.as_ref().unwrap_or(&change.id).clone(),
        user: user.clone(),
        more: needed.count(),
    });
    let pods = Pods {
        restarted: restarted.map(seen).collect(),
        removed: in_order(false, &after.changes.pods.removed, step.after).into_iter().map(seen).collect(),
        added: in_order(true, &after.changes.pods.created, step.after).into_iter().map(seen).collect(),
        rolled: changes.iter().filter(|change| rolls(change, step.fresh)).map(|change| &change.id).collect(),
        missed,
        waiting: notes::waiting(step).into_iter().next(),
    };
    if pods != Pods::default() {
        let is_restart = !(pods.restarted.is_empty() && pods.rolled.is_empty());
        return (if is_restart { Verdict::Restart } else { Verdict::InPlace }, Decision::Pods(Box::new(pods)));
    }
    let mut sets = changes
        .iter()
        .filter(|change| template_changed(change))
        .filter_map(|change| step.fresh.get(&change.id).map(Set));
    if let Some(held) = sets.find(|set| set.says().is_on_delete() || set.says().partition() > 0) {
        let decision = if held.says().is_on_delete() { Decision::OnDelete } else { Decision::Partitioned };
        return (Verdict::InPlace, decision);
    }
    let mut told = changes.iter().enumerate().filter(|(_, change)| !change.effects.is_empty());
    let change = told.next().map(|(position, _)| position);
    (Verdict::InPlace, Decision::InPlace { change, more: told.count() })
}

/// Pods in the order in which they came or went, then those of which it is not known.
fn in_order<'o>(came: bool, pods: &'o [ObjectName], after: &'o Outcome) -> Vec<&'o ObjectName> {
    let moved = after.state.order.values().flatten().filter(|step| step.came == came).map(|step| &step.pod);
    let wanted: BTreeSet<&ObjectName> = pods.iter().collect();
    let mut list: Vec<&ObjectName> = moved.filter(|pod| wanted.contains(pod)).collect();
    let known: BTreeSet<&ObjectName> = list.iter().copied().collect();
    list.extend(pods.iter().filter(|pod| !known.contains(pod)));
    list
}

/// Whether a Deployment or a `DaemonSet` makes its pods anew: the rehearsal plays the pods of `StatefulSets` only.
fn rolls(change: &Change, fresh: &Bundle) -> bool {
    let field = match &*change.id.kind {
        "Deployment" => "strategy",
        "DaemonSet" => "updateStrategy",
        _ => return false,
    };
    let strategy = fresh.get(&change.id).and_then(|resource| resource.node.find(&["spec", field, "type"])?.as_str());
    change.kind == ChangeKind::Changed && strategy != Some("OnDelete") && change.touches("spec.template")
}

fn template_changed(change: &Change) -> bool {
    change.kind == ChangeKind::Changed && change.id.kind == "StatefulSet" && change.touches("spec.template")
}
