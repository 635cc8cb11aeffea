//! What a review tells the user on the user's own lines, so that formats which know only findings say it too.

use super::words;
use crate::bundle::ResourceId;
use crate::diagnostic::{Code, Diagnostics, Level, Subject};
use crate::review::running::Live;
use crate::review::verdict::Verdict;
use crate::review::{Change, Review};
use crate::source::At;
use std::collections::BTreeMap;

/// The codes of this module.
pub(crate) static CODES: &[&Code] =
    &[&DATA_AT_RISK, &REFUSED_CHANGE, &POD_RESTART, &STALE_ACKNOWLEDGEMENT, &DRIFT, &ORPHANED];

static DATA_AT_RISK: Code =
    Code { id: "SW0501", name: "data-at-risk", level: Level::Error, page: include_str!("pages/data-at-risk.md") };
static REFUSED_CHANGE: Code =
    Code { id: "SW0502", name: "refused-change", level: Level::Error, page: include_str!("pages/refused-change.md") };
static POD_RESTART: Code =
    Code { id: "SW0503", name: "pod-restart", level: Level::Note, page: include_str!("pages/pod-restart.md") };
static STALE_ACKNOWLEDGEMENT: Code = Code {
    id: "SW0504",
    name: "stale-acknowledgement",
    level: Level::Warning,
    page: include_str!("pages/stale-acknowledgement.md"),
};

static DRIFT: Code = Code { id: "SW0505", name: "drift", level: Level::Warning, page: include_str!("pages/drift.md") };
static ORPHANED: Code =
    Code { id: "SW0506", name: "orphaned", level: Level::Warning, page: include_str!("pages/orphaned.md") };

/// Stores what the review says, each at the place that caused it.
pub(crate) fn find(review: &Review, found: &mut Diagnostics) {
    if let Some(live) = &review.live {
        running(review, live, found);
    }
    let Some(first) = review.changes.first() else { return };
    let changes: BTreeMap<&ResourceId, &Change> = review.changes.iter().map(|change| (&change.id, change)).collect();
    let place = |id: &ResourceId, field: &str| match changes.get(id).copied() {
        Some(change) if !field.is_empty() => place_of(change, field),
        change => change.map_or(first.at, |change| change.at),
    };
    for risk in &review.judgement.risks {
        let report =
            DATA_AT_RISK.report(format!("{}: {}", review.title, words::risk(review, risk))).about(subject(&risk.about));
        let report = if risk.acknowledged {
            report.level(Level::Note).help("it is acknowledged")
        } else {
            report
                .help(format!("if it is meant, write `acknowledge: [{{change: \"{}\", reason: \"…\"}}]`", risk.change))
        };
        report.at(place(&risk.about, risk.field), found);
    }
    for change in &review.changes {
        for refusal in &change.refusals {
            let field = if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) };
            let message = format!("{}: the API server refuses this change: {field}{}", review.title, refusal.detail);
            REFUSED_CHANGE.report(message).about(subject(&change.id)).refusal(refusal.clone()).at(change.at, found);
        }
    }
    for change in review.changes.iter().filter(|change| change.barrier.is_some() && change.refusals.is_empty()) {
        let message = format!("{}: {} {}", review.title, change.id, words::effect(review, change));
        REFUSED_CHANGE.report(message).about(subject(&change.id)).at(place_of(change, "spec.template"), found);
    }
    if review.judgement.verdict == Verdict::Restart {
        let cause = review.changes.iter().find(|change| change.verdict == Verdict::Restart).unwrap_or(first);
        POD_RESTART
            .report(format!("{}: {}", review.title, words::line(review)))
            .about(subject(&cause.id))
            .at(place_of(cause, "spec.template"), found);
    }
}

/// Stores what runs otherwise: at the field that states it, or the nearest.
fn running(review: &Review, live: &Live, found: &mut Diagnostics) {
    for drifted in &live.drifts {
        let at = drifted.fields.first().map_or(drifted.at, |field| field.at);
        let told = words::drifts(review, drifted);
        let Some(first) = told.first() else { continue };
        let more = if told.len() > 1 { format!(" (and {} more)", told.len() - 1) } else { String::new() };
        DRIFT
            .report(format!("{}: {first}{more}", review.title))
            .help("write it into the spec if it is meant, or let the next apply take it back")
            .about(subject(&drifted.id))
            .at(at, found);
    }
    let home = live.drifts.first().map(|drifted| drifted.at).or_else(|| review.changes.first().map(|change| change.at));
    for orphan in &live.orphans {
        let Some(at) = orphan.at.or(home) else { continue };
        ORPHANED
            .report(format!("{}: {}", review.title, words::orphan(review, orphan)))
            .help("the runbook of the review lets go of it and keeps the disk")
            .about(subject(&orphan.id))
            .at(at, found);
    }
}

/// Stores what is acknowledged and happens nowhere, at the entries themselves.
pub(crate) fn stale(review: &Review, acknowledged: &[(String, At)], found: &mut Diagnostics) {
    for (said, at) in acknowledged.iter().filter(|(said, _)| review.judgement.stale.contains(said)) {
        STALE_ACKNOWLEDGEMENT
            .report(format!("{}: `{said}` is acknowledged, but is not what happens here", review.title))
            .help("remove it: it would silence the same change another time")
            .at(*at, found);
    }
}

/// The first changed field at or below that one; the change's own place, if none is.
fn place_of(change: &Change, field: &str) -> At {
    change.fields.iter().find(|changed| changed.path.starts_with(field)).map_or(change.at, |changed| changed.at)
}

fn subject(id: &ResourceId) -> Subject {
    id.subject()
}
