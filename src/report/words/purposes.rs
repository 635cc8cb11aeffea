//! What a runbook is for: what stands behind "to …".

use super::barriers;
use crate::bundle::ResourceId;
use crate::review::runbook::step::{Fate, Fixed, Holds, Purpose, Reason, Recreated, Renaming, Restart, Serving};

/// All that a runbook is for.
pub(super) fn title(purposes: &[Purpose]) -> String {
    purposes.iter().map(purpose).collect::<Vec<_>>().join("; and ")
}

fn purpose(purpose: &Purpose) -> String {
    match purpose {
        Purpose::ServerField(id, field) => {
            format!("apply {id}, take metadata.{field} out of its manifest first: only the server sets it")
        }
        Purpose::ServerSide(id) => format!(
            "apply {id} on the server: kubectl keeps a copy of each manifest in an annotation, and this one has no \
             room there"
        ),
        Purpose::TakeFields(id, fields) => format!(
            "apply {id}, leave {} to the other manager and out of the manifest, or take it from there",
            fields.join(", ")
        ),
        Purpose::Hopeless(id, field, detail) => {
            let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
            format!("apply {id}, fix it first: every cluster refuses it, even as a new object ({field}{detail})")
        }
        Purpose::Past { id, of_pods, barrier } => {
            let of = if *of_pods { "the pods of " } else { "" };
            format!("get {of}{id} past {}", barriers::name(barrier))
        }
        Purpose::LetGo(id) => format!("let go of {id}, which nothing makes any more, once its data is not needed"),
        Purpose::Disks => "have the disks that the new volumes name, before these manifests are applied".into(),
        Purpose::WithoutAccount(users, account) => {
            let users: Vec<String> = users.iter().map(ToString::to_string).collect();
            format!("let {} run without ServiceAccount {account}, before it is pruned", users.join(" and "))
        }
        Purpose::KeepSize(id) => format!(
            "take the new size of {id} back: its volume was made by people and grows with its disk only, in the \
             disk's own way; the claim need not ask for more"
        ),
        Purpose::Grow(id) => format!("let {id} grow"),
        Purpose::ReplaceWhole(id) => {
            format!("give {id} its new form as a whole: a merge of the two forms is refused, the new one is not")
        }
        Purpose::TakeBack(id, holds) => {
            let what = match holds {
                Holds::Namespace => "everything in it",
                Holds::Kind => "every object of its kind",
            };
            format!(
                "take that change back: {id} could only be deleted and recreated, and {what} would be \
                deleted with it"
            )
        }
        Purpose::Recreate(id, what) => format!("delete and recreate {id}: {}", meanwhile(*what)),
        Purpose::RecreateWorkload(id, serving) => {
            let pods = match serving {
                Serving::OldPods => "its old pods serve until the new ones are ready",
                Serving::Nobody => "its pods are down for a short while",
            };
            format!("delete and recreate {id}: {pods}")
        }
        Purpose::Content(id) => format!(
            "replace the fixed content of {id}, and restart those who read it; a new name would be the safer way"
        ),
        Purpose::ExchangeClaim(id, why, fate) => format!("give {id} {}: {}", form(*why), exchanged(*fate)),
        Purpose::ExchangeClaims(set, why, fate) => {
            format!("give the claims of {set} {}, one replica after the other: {}", form(*why), exchanged_all(*fate))
        }
        Purpose::TakeUp(id) => format!("let {id} take up the volumes that are there"),
        Purpose::Remove(set) => format!("take {set} away in order and keep its data"),
        Purpose::Rename(what) => {
            let who = match what {
                Renaming::Templates(_) | Renaming::Set(..) => "its pods are",
                Renaming::Claim(..) => "the pods that mount it are",
            };
            format!("{}: {who} down for a short while", renaming(what))
        }
        Purpose::RenameElsewhere(what, volume, empty, data) => format!(
            "{}, let the new volumes name the old disks first: {volume} names {empty}, which is empty; the data is on \
             {data}",
            renaming(what)
        ),
        Purpose::ScaleUp(set, from, to) => format!("scale {set} from {from} to {to}: its volumes first"),
        Purpose::ScaleDown(set, from, to) => format!("scale {set} from {from} to {to}, one replica at a time"),
        Purpose::Unblock(set, pod) => {
            format!("get the rollout of {set} going again, if it hangs: {pod} cannot become ready as it was")
        }
        Purpose::Undo(set, pod) => {
            format!("take {set} back, if this is applied as it stands and hangs: {pod} cannot become ready")
        }
        Purpose::Swap { set, reasons, pods } => {
            let reasons: Vec<String> = reasons.iter().map(reason).collect();
            let what = match reasons.join(" and ") {
                none if none.is_empty() => "delete and recreate".to_owned(),
                what => format!("{what} of"),
            };
            format!("{what} {set}: {}", restart(*pods))
        }
        Purpose::Selector(set) => {
            format!("change the selector of {set}: all its pods are down for a short while, the claims stay")
        }
        Purpose::Volumes { volumes: list, keep_disks, pod } => volumes(list, *keep_disks, pod.as_deref()),
    }
}

const fn exchanged(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept | Fate::Told => "it is recreated on the volume that it has",
        Fate::Copied => "another claim takes its place, its volume is kept, the data is copied",
        Fate::Empty => "another claim takes its place, its volume is kept, and the app must fill the new one",
    }
}

const fn exchanged_all(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept | Fate::Told => "each claim is recreated on the volume that it has",
        Fate::Copied => "the data is copied, and each old volume kept",
        Fate::Empty => "the app must fill the new volumes, and each old one is kept",
    }
}

fn volumes(volumes: &[(ResourceId, ResourceId)], keep_disks: bool, pod: Option<&str>) -> String {
    let fate = match (keep_disks, volumes.len()) {
        (true, 1) => "its disk and its data stay",
        (true, _) => "their disks and their data stay",
        (false, 1) => "what is on the old disk stays there, nothing is copied",
        (false, _) => "what is on the old disks stays there, nothing is copied",
    };
    let what = volumes.iter().map(|(old, new)| {
        if old == new { format!("delete and recreate {new}") } else { format!("replace {old} by {new}") }
    });
    let away = pod.map(|pod| format!("; pod {pod} is down meanwhile")).unwrap_or_default();
    format!("{}: {fate}{away}", what.collect::<Vec<_>>().join(", "))
}

/// What is lacking while an object is deleted and not yet recreated.
const fn meanwhile(what: Recreated) -> &'static str {
    match what {
        Recreated::Service => "clients get no endpoints until it is back",
        Recreated::StorageClass => "volumes that it made are not touched",
        Recreated::Job => "it runs again",
        Recreated::Binding => "its subjects lack these rights until it is back",
        Recreated::Pod | Recreated::Other => "it is missing until it is back",
    }
}

/// The form that a claim gets.
const fn form(why: Option<Fixed>) -> &'static str {
    match why {
        None => "another form",
        Some(Fixed::SmallerSize) => "a smaller size",
        Some(Fixed::StorageClass) => "another storage class",
        Some(Fixed::AccessModes) => "other access modes",
        Some(Fixed::Selector) => "another selector",
        Some(Fixed::Source) => "another source",
        Some(Fixed::Volume) => "another volume",
        Some(Fixed::VolumeMode) => "another volume mode",
    }
}

fn renaming(what: &Renaming) -> String {
    match what {
        Renaming::Templates(set) => format!("give claim templates of {set} another name and keep their data"),
        Renaming::Set(old, new) | Renaming::Claim(old, new) => format!("turn {old} into {new} and keep its data"),
    }
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Grow => "grow the claims".into(),
        Reason::FutureSize => "raise the size of future PVCs (existing volumes keep their size)".into(),
        Reason::Templates => "change the claim templates".into(),
        Reason::Fields(fields) => format!("change {}", fields.join(" and ")),
    }
}

const fn restart(pods: Restart) -> &'static str {
    match pods {
        Restart::Ascending => "its pods restart, from the first to the last",
        Restart::Descending => "its pods restart, from the last to the first",
        Restart::ForTemplate => "its pods restart only for what changed in their template",
        Restart::ForNames => "its pods restart for their new names only after it is done",
        Restart::None => "no pod restarts",
    }
}
