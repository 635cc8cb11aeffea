//! What can cost data, a sentence each.

use super::{is_or_are, listed, stays_or_stay};
use crate::review::danger::{Danger, Loss, Mounted};
use crate::review::mounts::Kept;
use crate::review::risk::Risk;
use crate::review::set::When;
use crate::value::Text;

/// What a risk is. `home` is the namespace that goes without saying.
pub(super) fn sentence(risk: &Risk, home: &str) -> String {
    let id = &risk.of;
    match &risk.danger {
        Danger::Selector => format!(
            "the selector of {id} changes: the set must be deleted with all its pods and recreated, and its claims are \
             taken up again by name only"
        ),
        Danger::Retention(when) => {
            let when = match when {
                When::Deleted => "the StatefulSet is deleted",
                When::Scaled => "an ordinal is scaled away",
            };
            format!("from now on claims of {id} are deleted when {when}")
        }
        Danger::ScaleDown { old, new, unsaid, claims, deleted } => {
            let (names, are) = (listed(claims), is_or_are(claims));
            let fate = if *deleted {
                format!("{names} {are} deleted")
            } else {
                format!("{names} {are} orphaned, with {} data", if claims.all == 1 { "its" } else { "their" })
            };
            let why = if *unsaid { ", for `replicas` is no longer said and means one" } else { "" };
            format!("{id} loses {} of {old} replicas{why}; {fate}", old.saturating_sub(*new))
        }
        Danger::Ordinals { old, new } => {
            format!(
                "ordinals of {id} begin at {new} instead of {old}: replicas outside go, new ones begin with empty \
                    claims"
            )
        }
        Danger::Shrink { template, from, to } => {
            let what =
                template.as_ref().map_or_else(|| id.to_string(), |name| format!("claim template {name} of {id}"));
            format!("{what} shrinks from {from} to {to}: no volume can, so data must be copied to a smaller one")
        }
        Danger::Class { template, from, to } => {
            let class = |class: &Option<Text>| {
                class.as_ref().map_or("the default class".to_owned(), |class| format!("`{class}`"))
            };
            format!(
                "claim template {template} of {id} moves from {} to {}: claims that exist keep their volumes, only new \
                 ordinals get the other class, and data must be copied replica by replica",
                class(from),
                class(to)
            )
        }
        Danger::RenameTemplate { from, to, empty, left } => format!(
            "claim template {from} of {id} is renamed to {to}: each replica begins with an empty claim ({}); {} {} \
                unused",
            listed(empty),
            listed(left),
            stays_or_stay(left)
        ),
        Danger::DropTemplate { template, left } => {
            format!(
                "claim template {template} of {id} goes: {} {} with data that no pod mounts",
                listed(left),
                stays_or_stay(left)
            )
        }
        Danger::Mount { container, kept, path, fate } => mount(container, kept, path, fate, &id.to_string()),
        Danger::Rename { to, loss } => renamed(&id.to_string(), &to.to_string(), loss, home),
        Danger::Remove(loss) => removed(&id.to_string(), &id.name, loss, home),
        Danger::Reclaim(policy) => {
            let fate = match policy.as_str() {
                "Delete" => "deleted",
                "Recycle" => "wiped",
                other => other,
            };
            format!("{id} is no longer kept: once its claim is gone, its disk is {fate}")
        }
        Danger::Claim { from, to } => {
            format!(
                "{id} is to belong to {}: the claim {} that it is bound to loses it and is Lost",
                to.seen_from(""),
                from.seen_from("")
            )
        }
        Danger::Disk { from, to } => {
            format!("{id} is to name {to} instead of {from}: what is on the old disk is not moved")
        }
        Danger::Governing { set } => format!(
            "{id} goes, which gives the pods of {set} their DNS names: replicas that find each other by name lose each \
             other"
        ),
        Danger::Share { disk, volumes } => {
            let all = if volumes.all == 2 { "both" } else { "all" };
            format!("{} are {all} {disk}: replicas write over each other's data", listed(volumes))
        }
        Danger::DeleteClaim(claim) => format!("the claim {} is deleted", claim.seen_from(home)),
        Danger::ReplaceClaim(claim) => format!("the claim {} is deleted and recreated, empty", claim.seen_from(home)),
        Danger::LoseClaim(claim) => format!("the claim {} loses its volume", claim.seen_from(home)),
    }
}

fn mount(container: &str, kept: &Kept<Text>, path: &str, fate: &Mounted, id: &str) -> String {
    let whole = |directory: &Text| if directory.is_empty() { "/".to_owned() } else { directory.to_string() };
    match fate {
        Mounted::At(other) => format!(
            "container {container} of {id} has {kept} at {other} instead of {path}: an app that still looks at {path} \
             starts without its data, and what it writes there ends with the pod"
        ),
        Mounted::Directory(from, to) => format!(
            "container {container} of {id} has at {path} the directory `{}` of {kept} instead of `{}`: the app \
                starts on \
             what is there, which is nothing until somebody moves the data",
            whole(to),
            whole(from)
        ),
        Mounted::Other(other) => {
            format!(
                "container {container} of {id} has {other} at {path}, where {kept} was: the app starts on other data"
            )
        }
        Mounted::Nowhere => format!(
            "no container of {id} mounts {kept} any more: its data stays where no pod reads it, and what is written to \
             {path} ends with the pod"
        ),
    }
}

const CLAIM_GOES: &str = "and its volume with it unless it is retained";

fn renamed(id: &str, next: &str, loss: &Loss, home: &str) -> String {
    match loss {
        Loss::Set { .. } => {
            format!(
                "{id} is renamed to {next}: all its pods end at once, {}, and {next} begins with empty claims",
                claims_of_a_set(loss)
            )
        }
        Loss::Volume(claim) => format!(
            "{id} is renamed to {next}: the old one is deleted as soon as the claim {} goes, and {next} stays unused \
             meanwhile",
            claim.seen_from(home)
        ),
        Loss::Claim => {
            format!("{id} is renamed to {next}: the old claim is deleted, {CLAIM_GOES}, and the new one is empty")
        }
        Loss::Namespace(_) | Loss::Definition => removed(id, id, loss, home),
    }
}

fn removed(id: &str, name: &str, loss: &Loss, home: &str) -> String {
    match loss {
        Loss::Set { .. } => format!("{id} goes: all its pods end at once, {}", claims_of_a_set(loss)),
        Loss::Volume(claim) => format!(
            "{id} is deleted while the claim {} uses it: it ends with the claim, and the disk is left unmanaged",
            claim.seen_from(home)
        ),
        Loss::Claim => format!("the claim {name} is deleted, {CLAIM_GOES}"),
        Loss::Namespace(claims) => {
            let known = if *claims > 0 { format!(", {claims} known claims among it") } else { String::new() };
            format!("{id} goes, and everything in it is deleted{known}")
        }
        Loss::Definition => format!("{id} goes, and every object of that kind is deleted, in all namespaces"),
    }
}

fn claims_of_a_set(loss: &Loss) -> String {
    match loss {
        Loss::Set { claims, deleted: true } => format!("its claims {} are deleted with it", listed(claims)),
        Loss::Set { claims, deleted: false } => format!("its claims {} stay without a pod", listed(claims)),
        _ => String::new(),
    }
}
