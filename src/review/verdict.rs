//! What a change will do, read off a rehearsal: the committed bundle is played on the model cluster, then the fresh one. Not a table of
//! opinions: what is said here happened there.

use super::known::Known;
use super::moves::Move;
use super::risk::Step;
use super::risk::{self, Risk};
use super::runbook::lookup::Lookup;
use super::runbook::{self, Matter, Runbook};
use super::set::Set;
use super::{Change, ChangeKind, Review, Setting, acknowledge, effects, holdings, notes, presumed};
use crate::api::change::refusals_of_new;
use crate::bundle::{Bundle, Resource, ResourceId};
use crate::cluster::kubectl::Change as Done;
use crate::cluster::rehearse::{Outcome, rehearse};
use crate::cluster::state::Why;
use crate::cluster::store::Key;
use crate::cluster::world::PodMove;
use crate::diagnostic::Refusal;
use crate::k8s::object::ObjectName;
use std::collections::BTreeSet;
use std::fmt;

/// How much a change does, from nothing to harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing differs, or nothing comes of it.
    #[default]
    None,
    /// It differs from its like in another environment; nothing is applied.
    Differs,
    /// Nothing was there before.
    New,
    /// Objects change, pods stay.
    InPlace,
    /// Pods are replaced.
    Restart,
    /// The API server refuses it, but takes the object once the earlier one is deleted.
    Recreate,
    /// The API server refuses part of it.
    Refused,
    /// Data may be lost, or lose its replica.
    AtRisk,
}

impl Verdict {
    /// The word for programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Differs => "differs",
            Self::New => "new",
            Self::InPlace => "in-place",
            Self::Restart => "restart",
            Self::Recreate => "recreate",
            Self::Refused => "refused",
            Self::AtRisk => "data-at-risk",
        }
    }
}

/// What a change will do, and how to do it safely.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// The worst of it.
    pub verdict: Verdict,
    /// All of it in one line.
    pub line: String,
    /// What puts data at risk, acknowledged or not.
    pub risks: Vec<Risk>,
    /// Acknowledgements that match nothing, here or in another environment of the app.
    pub stale: Vec<String>,
    /// What a reviewer should know of how it goes about, a sentence each.
    pub notes: Vec<String>,
    /// Pods that are replaced, added or removed, by set, in order.
    pub order: Vec<(ObjectName, Vec<PodMove>)>,
    /// How to do what cannot just be applied.
    pub runbooks: Vec<Runbook>,
}

/// What is compared.
#[derive(Clone, Copy)]
pub(super) struct Sides<'s> {
    /// What was committed.
    pub(super) committed: &'s Bundle,
    /// What comes.
    pub(super) fresh: &'s Bundle,
    /// What only has another name.
    pub(super) moves: &'s [Move],
    /// What runs pods and changes, as it is stored afterwards.
    pub(super) stored: &'s [Resource],
}

/// Plays the committed bundle and then the fresh one, and says what the step between them did.
pub(super) fn judge(review: &mut Review, sides: Sides<'_>, setting: Setting<'_>) {
    let Sides { committed, fresh, .. } = sides;
    let judgement = &mut review.judgement;
    judgement.line = "no changes".into();
    if !review.changes.is_empty() {
        if committed.resources.is_empty() {
            judgement.verdict = Verdict::New;
            judgement.line = format!("new: {} to create", counted(review.changes.len(), "object"));
            judgement.runbooks = runbook::of_new(fresh);
        } else {
            play(review, sides, setting);
        }
    }
}

fn play(review: &mut Review, sides: Sides<'_>, setting: Setting<'_>) {
    let Sides { committed, fresh, .. } = sides;
    let facts = presumed::classes(setting.facts, &[committed, fresh]);
    let rehearsal = rehearse(&[committed.clone(), fresh.clone()], &facts, setting.version, setting.namespace);
    let [before, after] = &rehearsal.steps[..] else { return };
    review.before = holdings::holdings(before, &[committed]);
    review.after = holdings::holdings(after, &[fresh, committed]);
    let (judgement, changes) = (&mut review.judgement, &mut review.changes);
    let known = Known::new(sides, before, after);
    let step = Step { committed, fresh, before, after, known: &known, home: setting.namespace };
    judgement.risks = risk::risks(step);
    for position in setting.acknowledged.iter().flat_map(|(said, _)| acknowledge::covered(said, &judgement.risks)).collect::<Vec<_>>() {
        judgement.risks[position].acknowledged = true;
    }
    judgement.order =
        after.state.order.iter().filter(|(_, moves)| !moves.is_empty()).map(|(set, moves)| (set.clone(), moves.clone())).collect();
    let open: BTreeSet<&ResourceId> = judgement.risks.iter().filter(|risk| !risk.acknowledged).map(|risk| &risk.about).collect();
    let replaced = &known.replaced;
    for change in changes.iter_mut() {
        if let Some(refusals) = rehearsed(change, step, setting) {
            change.refusals = refusals;
        }
        if change.effect.is_empty() {
            let effect = effects::effect(change, step);
            (change.effect, change.is_idle) = (effect.words, effect.is_idle);
            change.needed_by = effect.needed_by;
        }
        change.verdict = if open.contains(&change.id) { Verdict::AtRisk } else { verdict_of(change, step, replaced, setting) };
    }
    let stays = changes.iter().filter(|change| change.kind != ChangeKind::Removed && change.refusals.is_empty());
    let ready: BTreeSet<&ResourceId> = stays.map(|change| &change.id).collect();
    let lookup = Lookup::new([committed, fresh], [before, after], &ready, setting);
    judgement.runbooks = runbook::runbooks(Matter { committed, fresh, changes, ready: &ready, before, after, setting, lookup: &lookup });
    judgement.notes = notes::notes(changes, step, setting.namespace);
    judgement.notes.extend(notes::unplayed(fresh, rehearsal.replicas, setting.namespace));
    (judgement.verdict, judgement.line) = decide(changes, step, &judgement.risks);
}

/// What the rehearsal showed of a claim, where it knows whether the claim was bound by then: what may change of it depends on that.
fn rehearsed(change: &Change, step: Step<'_>, setting: Setting<'_>) -> Option<Vec<Refusal>> {
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
    match &act.change {
        Done::Rejected(rejection) => Some(rejection.refusals.clone()),
        _ => Some(Vec::new()),
    }
}

/// How much one object's change does.
fn verdict_of(change: &Change, step: Step<'_>, replaced: &BTreeSet<&ObjectName>, setting: Setting<'_>) -> Verdict {
    if !change.refusals.is_empty() {
        let can_be_made_anew = change.kind == ChangeKind::Changed
            && !KEPT.contains(&&*change.id.kind)
            && step
                .fresh
                .get(&change.id)
                .is_some_and(|fresh| refusals_of_new(&fresh.node, &setting.facts.customs, setting.version).is_empty());
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

fn decide(changes: &[Change], step: Step<'_>, risks: &[Risk]) -> (Verdict, String) {
    let refused: Vec<&Change> = changes.iter().filter(|change| !change.refusals.is_empty()).collect();
    let open: Vec<&Risk> = risks.iter().filter(|risk| !risk.acknowledged).collect();
    if let Some(first) = open.first() {
        let as_well = if refused.is_empty() { "" } else { "; as it stands, the API server refuses it" };
        return (Verdict::AtRisk, format!("data at risk: {}{}{as_well}", first.what, more(open.len() - 1)));
    }
    if let Some(first) = refused.first() {
        let refusal = &first.refusals[0];
        let worst = refused.iter().map(|change| change.verdict).max().unwrap_or(Verdict::Refused);
        let what = culprits(first, &refusal.field).map_or_else(
            || format!("{}{}", if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) }, refusal.detail),
            |fields| format!("{fields} cannot be changed in place"),
        );
        return (worst, format!("refused by the API server: {}: {what}{}", first.id, more(refused.len() - 1)));
    }
    if changes.iter().all(|change| change.verdict == Verdict::None) {
        return (Verdict::None, "no effect: the cluster keeps what it has".into());
    }
    moved(changes, step)
}

/// The changed fields that a refusal means: where the server says at length which may change, and not which was it, and where it says of
/// each that it may not.
fn culprits(change: &Change, field: &str) -> Option<String> {
    const FREE: [&str; 7] = [
        "spec.replicas",
        "spec.ordinals",
        "spec.template",
        "spec.updateStrategy",
        "spec.revisionHistoryLimit",
        "spec.persistentVolumeClaimRetentionPolicy",
        "spec.minReadySeconds",
    ];
    const FIXED: [&str; 4] = ["spec.selector", "spec.volumeClaimTemplates", "spec.serviceName", "spec.podManagementPolicy"];
    let is_fixed = |field: &str| change.id.kind == "StatefulSet" && FIXED.contains(&field);
    let is_meant =
        |path: &str| field == "spec" || change.refusals.iter().any(|refusal| is_fixed(&refusal.field) && path.starts_with(&refusal.field));
    let is_free = |path: &str| change.id.kind == "StatefulSet" && FREE.iter().any(|free| path.starts_with(free));
    // The server fills these in where a claim template leaves them out.
    let is_filled_in =
        |path: &str| path.starts_with("spec.volumeClaimTemplates") && (path.ends_with("].apiVersion") || path.ends_with("].kind"));
    let paths = change.fields.iter().map(|field| &*field.path);
    let paths = paths.filter(|path| path.starts_with("spec.") && !is_free(path) && !is_filled_in(path));
    let names: Vec<&str> = if field == "spec" || is_fixed(field) { paths.filter(|path| is_meant(path)).collect() } else { Vec::new() };
    match &names[..] {
        [] => None,
        [first] => Some((*first).to_owned()),
        [first, ..] => Some(format!("{first} and {} more", names.len() - 1)),
    }
}

/// What a change that goes through does to the pods.
fn moved(changes: &[Change], step: Step<'_>) -> (Verdict, String) {
    let after = &step.after.state;
    let restarts: Vec<&ObjectName> = after.order.keys().flat_map(|set| replaced_of(set, step.after, &step.known.replaced)).collect();
    let list = |pods: &[&ObjectName]| shortened(&pods.iter().map(|pod| pod.seen_from(step.home).to_string()).collect::<Vec<_>>());
    let mut parts = Vec::new();
    if !restarts.is_empty() {
        parts.push(format!("restarts {}", list(&restarts)));
    }
    if !after.changes.pods.removed.is_empty() {
        parts.push(format!("removes {}", list(&in_order(false, &after.changes.pods.removed, step.after))));
    }
    if !after.changes.pods.created.is_empty() {
        let none = if parts.is_empty() { ", no pod restarts" } else { "" };
        parts.push(format!("adds {}{none}", list(&in_order(true, &after.changes.pods.created, step.after))));
    }
    let rolling: Vec<String> = changes.iter().filter(|change| rolls(change, step.fresh)).map(|change| change.id.to_string()).collect();
    if !rolling.is_empty() {
        parts.push(format!("restarts the pods of {}", shortened(&rolling)));
    }
    let needed: Vec<(&Change, &ResourceId)> = changes.iter().filter_map(|change| Some((change, change.needed_by.as_ref()?))).collect();
    if let Some((change, user)) = needed.first() {
        let gone = change.from.as_ref().unwrap_or(&change.id);
        parts.push(format!("prunes {gone}, which {user} still names{}", more(needed.len() - 1)));
    }
    parts.extend(notes::waiting(step).into_iter().next());
    if !parts.is_empty() {
        let is_restart = !(restarts.is_empty() && rolling.is_empty());
        return (if is_restart { Verdict::Restart } else { Verdict::InPlace }, parts.join("; "));
    }
    let sets = changes.iter().filter(|change| template_changed(change)).filter_map(|change| step.fresh.get(&change.id).map(Set));
    if let Some(held) = sets.into_iter().find(|set| set.is_on_delete() || set.partition() > 0) {
        let why = if held.is_on_delete() { "when it is deleted (OnDelete)" } else { "when the partition lets it" };
        return (Verdict::InPlace, format!("changed in place; each pod gets its new version {why}"));
    }
    let told: Vec<&Change> = changes.iter().filter(|change| !change.effect.is_empty()).collect();
    let first = told.first().map(|change| format!(": {}: {}{}", change.id, change.effect, more(told.len() - 1))).unwrap_or_default();
    (Verdict::InPlace, format!("changed in place, no pod restarts{first}"))
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
    change.kind == ChangeKind::Changed
        && strategy != Some("OnDelete")
        && change.fields.iter().any(|field| field.path.starts_with("spec.template"))
}

fn template_changed(change: &Change) -> bool {
    change.kind == ChangeKind::Changed
        && change.id.kind == "StatefulSet"
        && change.fields.iter().any(|field| field.path.starts_with("spec.template"))
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", and {count} more") }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `a, b, c`, or `a, b … z (12 pods)`.
fn shortened(names: &[String]) -> String {
    match names {
        [first, second, .., last] if names.len() > 5 => {
            format!("{first}, {second} … {last} ({} pods)", names.len())
        }
        _ => names.join(", "),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}
