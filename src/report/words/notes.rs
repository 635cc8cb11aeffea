//! What a reviewer should know of how a change is carried out, a sentence each.

use super::listed;
use crate::bundle::ResourceId;
use crate::expect::judge::said;
use crate::k8s::way::Way;
use crate::review::notes::{Barred, Note, Otherwise, Taken, Waiting};

pub(super) fn sentence(note: &Note, home: &str) -> String {
    match note {
        Note::OneAtATime { set, seconds } => {
            let rest = if *seconds > 0 { format!(" for {seconds} s") } else { String::new() };
            format!(
                "pods of {} are replaced one at a time, the highest ordinal first: each once the one before has been \
                 ready{rest}",
                set.seen_from(home)
            )
        }
        Note::Budget(budget) => {
            format!("{budget} does not limit this: budgets limit evictions, not rolling updates")
        }
        Note::Partition { at, pods } => {
            let verb = if pods.all == 1 { "keeps its" } else { "keep their" };
            format!("partition {at}: {} {verb} version until it is lowered", listed(pods))
        }
        Note::OthersApplied(1) => "objects are applied one by one: the other change is made all the same".into(),
        Note::OthersApplied(others) => {
            format!("objects are applied one by one: {others} other changes are made all the same")
        }
        Note::Waiting(pod) => waiting(pod, home),
        Note::PodsRefused(Barred { set, why }) => {
            format!("the API server refuses the next pod of {}: {why}", set.seen_from(home))
        }
        Note::PodsLeftOut(pods) => format!("{pods} of the pods were not rehearsed, and are not counted"),
        Note::Alike { version, objects } => {
            let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
            format!("each object comes back as the API server of Kubernetes {version} stores it: {}", names.join(", "))
        }
        Note::Taken(Taken { object, manager, fields }) => {
            format!("server-side apply takes {} of {object} from {manager}", listed(fields))
        }
        Note::OtherWay { way, otherwise, objects } => other_way(*way, otherwise, objects),
        Note::Beyond { simulated, sets } => {
            format!(
                "only the first {simulated} replicas of {} were rehearsed: the pods beyond them are not counted",
                listed(sets)
            )
        }
    }
}

/// In which way objects were judged, where the other way makes a difference.
fn other_way(way: Way, otherwise: &Otherwise, objects: &[ResourceId]) -> String {
    let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let (here, there) = match way {
        Way::Client => ("`kubectl apply`", "server-side apply"),
        Way::Server => ("server-side apply", "`kubectl apply`"),
        Way::ServerForced => ("server-side apply with --force-conflicts", "`kubectl apply`"),
    };
    let what = match otherwise {
        Otherwise::Refused { field, kind, detail } => {
            format!("would be refused by {there}: {field}: {}", said(kind, detail))
        }
        Otherwise::Taken => format!("would be accepted by {there}"),
        Otherwise::Stored => format!("would be stored otherwise by {there}"),
    };
    format!("validated as {here}: {} {what}", names.join(", "))
}

pub(super) fn waiting(Waiting { pod, claim, why }: &Waiting, home: &str) -> String {
    let claim = claim.as_ref().map(|claim| format!("claim {}: ", claim.seen_from(home))).unwrap_or_default();
    format!("{} does not start: {claim}{why}", pod.seen_from(home))
}
