//! What runs otherwise than its manifests say, in sentences: who made it so, what each side says, and what an apply does.

use super::listed;
use crate::k8s::way::Way;
use crate::review::names::Names;
use crate::review::orphans::{Orphan, What};
use crate::review::running::{Does, Drifted, Field, Live, Sort, Ways, Who};
use crate::value::{Data, Node};

/// All of it.
pub(super) fn sentences(live: &Live) -> Vec<String> {
    let drifts = live.drifts.iter().flat_map(drift);
    let ways = live.ways.iter().map(ways);
    let absent = live.absent.iter().map(|id| format!("{id} was compiled before and does not run"));
    drifts.chain(ways).chain(absent).chain(live.orphans.iter().map(orphan)).collect()
}

/// What is otherwise about an object.
pub(super) fn drift(drifted: &Drifted) -> Vec<String> {
    let id = &drifted.id;
    let mut told = Vec::new();
    if let Some(time) = &drifted.ending {
        told.push(format!("drift: {id} is being deleted since {time}, and waits for its finalizers"));
    }
    if let Some(who) = &drifted.made_by {
        told.push(format!("drift: {id} is not applied by `kubectl apply`, but managed by {}", name(who)));
    }
    if drifted.is_unnoted {
        told.push(format!(
            "drift: {id} has lost kubectl's last-applied annotation: the next `kubectl apply` takes nothing away"
        ));
    }
    let changed = drifted.fields.iter().filter(|field| field.sort != Sort::Held);
    told.extend(changed.map(|field| format!("drift: {id}: {}", sentence(field))));
    let held: Names =
        drifted.fields.iter().filter(|field| field.sort == Sort::Held).map(|field| field.path.clone()).collect();
    if !held.is_empty() && drifted.made_by.is_none() {
        let who = drifted.fields.iter().find(|field| field.sort == Sort::Held).and_then(|field| field.by.as_ref());
        let who = who.map_or_else(|| "another manager".to_owned(), name);
        told.push(format!("{id}: {} as the manifest says, and managed by {who} too", verb(&held)));
    }
    told
}

fn verb(names: &Names) -> String {
    format!("{} {}", listed(names), if names.all == 1 { "is" } else { "are" })
}

/// One field: what runs, who did it, and what is committed and comes.
pub(super) fn sentence(field: &Field) -> String {
    let who = match &field.by {
        Some(who) if who.is_applier => format!("applied by {} from another manifest", name(who)),
        Some(who) => format!("by {}", name(who)),
        None => "by whom is not recorded".to_owned(),
    };
    let path = &field.path;
    let live = shown(field.live.as_ref());
    let what = match field.sort {
        Sort::Added => format!("{path}: {live} is not in the manifest ({who})"),
        Sort::Removed => format!("{path} is gone ({who})"),
        Sort::Changed | Sort::Held => format!("{path} is {live} ({who})"),
    };
    let (committed, fresh) = (shown(field.committed.as_ref()), shown(field.fresh.as_ref()));
    if field.sort == Sort::Added && field.fresh.is_none() {
        return what;
    }
    let default = if field.is_stated { "" } else { " (default)" };
    if field.committed == field.fresh {
        format!("{what}; the manifest says {committed}{default}")
    } else {
        format!("{what}; committed {committed}, the spec makes {fresh}")
    }
}

/// `kubectl-edit (2026-11-28T21:21:20Z)`
fn name(who: &Who) -> String {
    let scale = if who.subresource.is_empty() { String::new() } else { format!(", subresource {}", who.subresource) };
    let time = if who.time.is_empty() { String::new() } else { format!(" at {}", who.time) };
    format!("`{}`{scale}{time}", who.manager)
}

/// So much of a value is shown.
const MOST: usize = 80;

fn shown(value: Option<&Node>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = match &value.data {
        Data::Text(text) => text.to_string(),
        _ => crate::json::from_node(value).to_string(),
    };
    if text.chars().count() <= MOST {
        return format!("`{text}`");
    }
    let cut: String = text.chars().take(MOST).collect();
    format!("`{cut}…`")
}

fn ways(ways: &Ways) -> String {
    let of = |(way, does): &(Way, Does)| {
        let command = match way {
            Way::Client => "`kubectl apply`",
            Way::Server => "`--server-side`",
            Way::ServerForced => "`--force-conflicts`",
        };
        format!("{command} {}", self::does(does))
    };
    format!("{}: {}", ways.id, ways.of.iter().map(of).collect::<Vec<_>>().join("; "))
}

fn does(does: &Does) -> String {
    match does {
        Does::Nothing => "changes nothing".into(),
        Does::Changes { fields, restarts } => {
            let fields: Names = fields.iter().collect();
            format!("changes {}{}", listed(&fields), if *restarts { " and restarts pods" } else { "" })
        }
        Does::Conflicts(conflicts) => {
            let fields: Names = conflicts.iter().map(|(who, field)| format!("{field} with {who}")).collect();
            format!("is refused: conflict over {}", listed(&fields))
        }
        Does::Refused(field, detail) if field.is_empty() => format!("is refused: {detail}"),
        Does::Refused(field, detail) => format!("is refused: {field}: {detail}"),
    }
}

/// What an orphan is, and what it costs to keep it.
pub(super) fn orphan(orphan: &Orphan) -> String {
    let id = &orphan.id;
    match &orphan.what {
        What::Claim { set, size, class, volume } => {
            let class = if class.is_empty() { String::new() } else { format!(" of class {class}") };
            let after = match volume {
                Some((volume, reclaim)) if reclaim == "Delete" => {
                    format!("; its volume {volume} and its data are deleted with it (reclaim policy Delete)")
                }
                Some((volume, reclaim)) => format!("; its volume {volume} would stay (reclaim policy {reclaim})"),
                None => String::new(),
            };
            format!("orphaned: {id} of {set} has no replica and no pod, and keeps {size}{class}{after}")
        }
        What::Volume { claim, size, reclaim } => format!(
            "orphaned: {id} was of claim {claim}, which is gone, and keeps {size} and its disk (reclaim policy {reclaim})"
        ),
        What::Object => format!("orphaned: {id} has the labels of the app, and no manifest makes it"),
    }
}
