//! What a change will do, read off a rehearsal: the committed bundle is played on the model cluster, then the fresh one. Not a table of
//! opinions: what is said here happened there.

use super::risk::{self, Risk};
use super::runbook::{self, Runbook};
use super::{Change, ChangeKind, Review, Setting, holdings};
use crate::bundle::Bundle;
use crate::cluster::rehearse::{Outcome, rehearse};
use crate::k8s::version::Version;
use std::fmt;

/// How much a change does, from nothing to harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing differs, or nothing comes of it.
    #[default]
    None,
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
    /// Acknowledgements that match nothing.
    pub stale: Vec<String>,
    /// Pods that are replaced, added or removed, by set, in order.
    pub order: Vec<(String, Vec<String>)>,
    /// How to do what cannot just be applied.
    pub runbooks: Vec<Runbook>,
}

/// Plays the committed bundle and then the fresh one, and says what the step between them did.
pub(super) fn judge(review: &mut Review, committed: &Bundle, fresh: &Bundle, setting: Setting<'_>) {
    let judgement = &mut review.judgement;
    judgement.line = "no changes".into();
    if !review.changes.is_empty() {
        if committed.resources.is_empty() {
            judgement.verdict = Verdict::New;
            judgement.line = format!("new: {} to create", counted(review.changes.len(), "object"));
        } else {
            play(review, committed, fresh, setting);
        }
    }
    let judgement = &mut review.judgement;
    let unmatched = setting.acknowledged.iter().filter(|(said, _)| !judgement.risks.iter().any(|risk| risk.change == *said));
    judgement.stale = unmatched.map(|(said, _)| said.clone()).collect();
}

fn play(review: &mut Review, committed: &Bundle, fresh: &Bundle, setting: Setting<'_>) {
    let rehearsal = rehearse(&[committed.clone(), fresh.clone()], setting.facts, setting.version, setting.namespace);
    let [before, after] = &rehearsal.steps[..] else { return };
    review.before = holdings::holdings(before, committed);
    review.after = holdings::holdings(after, fresh);
    let (judgement, changes) = (&mut review.judgement, &mut review.changes);
    judgement.risks = risk::risks(committed, fresh, before, after);
    let is_said = |risk: &Risk| setting.acknowledged.iter().any(|(said, _)| *said == risk.change);
    judgement.risks.iter_mut().for_each(|risk| risk.acknowledged = is_said(risk));
    judgement.order =
        after.state.order.iter().filter(|(_, moves)| !moves.is_empty()).map(|(set, moves)| (set.clone(), moves.clone())).collect();
    judgement.runbooks = runbook::runbooks(committed, fresh, changes, setting.namespace);
    changes.iter_mut().for_each(|change| change.verdict = verdict_of(change, after, &judgement.risks, fresh, setting.version));
    (judgement.verdict, judgement.line) = decide(changes, after, &judgement.risks, fresh);
}

/// How much one object's change does.
fn verdict_of(change: &Change, after: &Outcome, risks: &[Risk], fresh: &Bundle, version: Version) -> Verdict {
    if risks.iter().any(|risk| risk.about == change.id && !risk.acknowledged) {
        return Verdict::AtRisk;
    }
    if !change.refusals.is_empty() {
        let can_be_made_anew = change.kind == ChangeKind::Changed
            && !matches!(&*change.id.kind, "PersistentVolumeClaim" | "ConfigMap" | "Secret")
            && fresh.get(&change.id).is_some_and(|fresh| crate::cluster::change::refusals_of_new(&fresh.node, version).is_empty());
        return if can_be_made_anew { Verdict::Recreate } else { Verdict::Refused };
    }
    let replaced = |pod: &String| pod.rsplit_once('-').is_some_and(|(set, _)| set == change.id.name);
    if template_changed(change) && after.state.changes.pods.replaced.iter().any(replaced) {
        return Verdict::Restart;
    }
    change.verdict
}

fn decide(changes: &[Change], after: &Outcome, risks: &[Risk], fresh: &Bundle) -> (Verdict, String) {
    let open: Vec<&Risk> = risks.iter().filter(|risk| !risk.acknowledged).collect();
    if let Some(first) = open.first() {
        return (Verdict::AtRisk, format!("data at risk: {}{}", first.what, more(open.len() - 1)));
    }
    if changes.iter().all(|change| change.verdict == Verdict::None) {
        return (Verdict::None, "no effect: the cluster keeps what it has".into());
    }
    let refused: Vec<&Change> = changes.iter().filter(|change| !change.refusals.is_empty()).collect();
    if let Some(first) = refused.first() {
        let refusal = &first.refusals[0];
        let field = if refusal.field.is_empty() { String::new() } else { format!(" {}:", refusal.field) };
        let worst = refused.iter().map(|change| change.verdict).max().unwrap_or(Verdict::Refused);
        return (worst, format!("refused by the API server: {}:{field} {}{}", first.id, refusal.detail, more(refused.len() - 1)));
    }
    let replaced = &after.state.changes.pods.replaced;
    if !replaced.is_empty() {
        let order: Vec<&str> = after
            .state
            .order
            .values()
            .flatten()
            .filter_map(|step| step.strip_prefix('+'))
            .filter(|pod| replaced.iter().any(|name| name == pod))
            .collect();
        return (Verdict::Restart, format!("restarts {}", shortened(&order)));
    }
    let (created, removed) = (&after.state.changes.pods.created, &after.state.changes.pods.removed);
    let mut line = "changed in place, no pod restarts".to_owned();
    if !created.is_empty() {
        line = format!("adds {}, no pod restarts", shortened(&created.iter().map(String::as_str).collect::<Vec<_>>()));
    } else if !removed.is_empty() {
        line = format!("removes {}", shortened(&removed.iter().map(String::as_str).collect::<Vec<_>>()));
    } else if changes.iter().any(template_changed) {
        let why = if on_delete(changes, fresh) { "when it is deleted (OnDelete)" } else { "when the partition lets it" };
        line = format!("changed in place; each pod gets its new version {why}");
    }
    (Verdict::InPlace, line)
}

fn template_changed(change: &Change) -> bool {
    change.kind == ChangeKind::Changed
        && change.id.kind == "StatefulSet"
        && change.fields.iter().any(|field| field.path.starts_with("spec.template"))
}

fn on_delete(changes: &[Change], fresh: &Bundle) -> bool {
    changes.iter().filter(|change| template_changed(change)).any(|change| {
        let strategy = fresh.get(&change.id).and_then(|set| set.node.find(&["spec", "updateStrategy", "type"]));
        strategy.and_then(crate::value::Node::as_str) == Some("OnDelete")
    })
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", and {count} more") }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `a, b, c`, or `a, b … z (12 pods)`.
fn shortened(names: &[&str]) -> String {
    match names {
        [first, second, .., last] if names.len() > 5 => format!("{first}, {second} … {last} ({} pods)", names.len()),
        _ => names.join(", "),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}
