//! What a verdict rests on, in one line.

use super::{effects, more, notes, risks, shortened};
use crate::report::{counted, spoken};
use crate::review::Review;
use crate::review::verdict::{Decision, Missed, Pods, Refused};

/// All of it, the verdict first.
pub(super) fn line(review: &Review) -> String {
    let rest = rest(review);
    match &review.judgement.decision {
        Decision::New(_) | Decision::AtRisk { .. } | Decision::NoEffect => {
            format!("{}: {rest}", spoken(review.judgement.verdict))
        }
        _ => rest,
    }
}

/// The same without the verdict, where it stands before it.
pub(super) fn rest(review: &Review) -> String {
    match &review.judgement.decision {
        Decision::NoChanges => "no changes".into(),
        Decision::New(objects) => format!("{} to create", counted(*objects, "object")),
        Decision::AtRisk { risk, more: others, refused } => {
            let first = review.judgement.risks.get(*risk).map(|risk| risks::sentence(risk, &review.home));
            let as_well = if *refused { "; as it stands, the API server refuses it" } else { "" };
            format!("{}{}{as_well}", first.unwrap_or_default(), more(*others))
        }
        Decision::Refused { id, why, more: others } => {
            let what = match why {
                Refused::Fixed(first, 0) => format!("{first} cannot be changed in place"),
                Refused::Fixed(first, others) => format!("{first} and {others} more cannot be changed in place"),
                Refused::Said(field, detail) if field.is_empty() => detail.clone(),
                Refused::Said(field, detail) => format!("{field}: {detail}"),
                Refused::Pods { here, asked, why } => {
                    let pods = format!("{id} gets {here} of {}", counted(*asked, "pod"));
                    return format!("pods refused by the API server: {pods}: {why}{}", more(*others));
                }
            };
            format!("refused by the API server: {id}: {what}{}", more(*others))
        }
        Decision::NoEffect => "the cluster keeps what it has".into(),
        Decision::Pods(pods) => of_pods(pods, &review.home),
        Decision::OnDelete => held("when it is deleted (OnDelete)"),
        Decision::Partitioned => held("when the partition lets it"),
        Decision::InPlace { change, more: others } => {
            let change = change.and_then(|position| review.changes.get(position));
            let first = change.map(|change| format!(": {}: {}{}", change.id, effects::words(change), more(*others)));
            format!("changed in place, no pod restarts{}", first.unwrap_or_default())
        }
        Decision::Differs { changed: 0, old: (0, _), new: (0, _) } => "no difference".into(),
        Decision::Differs { changed, old, new } => {
            let only = |(count, name): &(usize, String)| match count {
                0 => String::new(),
                count => format!(", {count} only in {name}"),
            };
            format!("{changed} differ{}{}", only(old), only(new))
        }
    }
}

fn held(when: &str) -> String {
    format!("changed in place; each pod gets its new version {when}")
}

fn of_pods(pods: &Pods, home: &str) -> String {
    let mut parts = Vec::new();
    if !pods.restarted.is_empty() {
        parts.push(format!("restarts {}", shortened(&pods.restarted)));
    }
    if !pods.removed.is_empty() {
        parts.push(format!("removes {}", shortened(&pods.removed)));
    }
    if !pods.added.is_empty() {
        let none = if parts.is_empty() { ", no pod restarts" } else { "" };
        parts.push(format!("adds {}{none}", shortened(&pods.added)));
    }
    if !pods.rolled.is_empty() {
        parts.push(format!("restarts the pods of {}", shortened(&pods.rolled)));
    }
    if let Some(Missed { gone, user, more: others }) = &pods.missed {
        parts.push(format!("prunes {gone}, which {user} still names{}", more(*others)));
    }
    parts.extend(pods.waiting.iter().map(|pod| notes::waiting(pod, home)));
    parts.join("; ")
}
