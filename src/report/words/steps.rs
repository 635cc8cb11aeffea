//! What to do before a step of a runbook, and what to expect of it.

use super::barriers;
use crate::review::runbook::step::{
    AllReady, Before, Expect, Form, OfClaim, OfObject, OfPod, OfSet, OfVolume, Recreated,
};

/// What a person has to do first.
pub(super) fn before(before: &Before) -> String {
    match before {
        Before::Drain(pod) => format!(
            "have the app move the data of {pod} to its other members, and remove it \
            from them"
        ),
    }
}

/// What a step does.
pub(super) fn expect(expect: &[Expect]) -> String {
    let said = expect.iter().map(|expect| match expect {
        Expect::Object(what) => of_object(what),
        Expect::Set(what) => of_set(what),
        Expect::Claim(what) => of_claim(what),
        Expect::Volume(what) => of_volume(what),
        Expect::Pod(what) => of_pod(what),
    });
    said.collect::<Vec<_>>().join("; ")
}

fn of_object(what: &OfObject) -> String {
    let plain = match what {
        OfObject::Created => "`created`",
        OfObject::Configured => "`configured`",
        OfObject::Obstacle(barrier) => barriers::remedy(barrier),
        OfObject::ServerSide => {
            "`serverside-applied`. From now on it must be applied so each time: tell whatever applies it, or divide it \
             into several"
        }
        OfObject::Taken => "`serverside-applied`: the fields are yours from now on, and no longer the other manager's",
        OfObject::Replaced => "`replaced`: the object stays the same one, and later applies go on from here",
        OfObject::AccountKept => {
            "`configured`: `serviceAccountName` is no longer set by the manifest, and the API server keeps the account"
        }
        OfObject::AccountTaken => "`patched`: its pods are replaced, and run as account `default`",
        OfObject::Expandable => {
            "`patched`: the class did not let claims grow. Set it in its manifest too; its driver must be able to do it"
        }
        OfObject::ExpandableIf => {
            "`true`. If it prints nothing, the class lets no claim grow: set `allowVolumeExpansion: true` in it first, \
             if its driver can do it"
        }
        OfObject::Deleted(what) => deleted(*what),
        OfObject::Recreated(what) => recreated(*what),
        OfObject::Orphaned => "it is gone; its pods run on",
        OfObject::DeletedWithPods => "it is gone, and all its pods have ended: no two copies ever share a volume",
        OfObject::CreatedBeside => "`created`, with pods of its own beside the old ones",
        OfObject::ContentDeleted => {
            "it is gone; pods that run keep what they have read, pods that start meanwhile wait for it"
        }
        OfObject::ServiceDeleted => "it is not among the new manifests any more, and no pod has a name below it",
        OfObject::LetGo => "it is gone; apply an older revision of the manifests to have it back",
        OfObject::Companions => "what the set needs is there",
        OfObject::Namespace(name) => {
            return format!(
                "`Active`, or `created`. Namespace `{name}` is not among the manifests: give it the labels, quotas and \
                 policies that it needs before you go on"
            );
        }
        OfObject::References(namespace) => {
            return format!(
                "each is there. The manifests name them and do not bring them along: create in namespace \
                 `{namespace}` what is missing before you go on, or pods do not start"
            );
        }
        OfObject::Pruned(set) => {
            return format!(
                "what is not among the new manifests any more is gone. Whoever used the old names must use those of \
                 {set} by now"
            );
        }
    };
    plain.into()
}

const fn deleted(what: Recreated) -> &'static str {
    match what {
        Recreated::Service => {
            "its names and addresses are gone, with every port and outside address that was allocated to it; the pods \
             run on"
        }
        Recreated::StorageClass => {
            "the class is gone; claims that are bound stay bound, new ones wait until it is back"
        }
        Recreated::Job => "the job is gone, and its pods with it",
        Recreated::Binding => "its subjects have lost these rights",
        Recreated::Pod => "the pod has ended",
        Recreated::Other => "it is gone",
    }
}

const fn recreated(what: Recreated) -> &'static str {
    match what {
        Recreated::Service => "`created`; within seconds its endpoints are the same pods as before",
        Recreated::StorageClass => "`created`; it holds for volumes that are made from now on",
        Recreated::Job => "`created`; it runs from the beginning",
        Recreated::Binding => "`created`; they have the rights of the new role",
        Recreated::Pod | Recreated::Other => "`created`",
    }
}

fn of_set(what: &OfSet) -> String {
    let plain = match what {
        OfSet::Orphaned => {
            "the set is gone; its pods run on and its claims stay. Until the next step nothing replaces a pod that ends"
        }
        OfSet::Deleted => "the set is gone; it had no pods any more",
        OfSet::OldDeleted => "the old set is gone; it had no pods any more",
        OfSet::Adopts(name) => {
            return format!("`statefulset.apps/{name} created`; its pods and claims are its own by their names");
        }
        OfSet::CreatedForPods => {
            "`created`, with as many replicas as there are pods: its manifest does not say how many, and alone would \
             mean one"
        }
        OfSet::KeepsReplicas => "`configured`, with a warning that an annotation was missing; the replicas stay",
        OfSet::CreatedBound => "`created`; its claims are bound to the volumes at once",
        OfSet::TakesUp => "`created`; its claims take up the volumes",
        OfSet::NewReplicas { at_once: true } => "`configured`; the new replicas come all at once",
        OfSet::NewReplicas { at_once: false } => {
            "`configured`; the new replicas come in order, each once the one before is ready"
        }
        OfSet::WaitsForPod => {
            "`configured`. Where a pod of the earlier form is not ready, nothing else happens: the controller waits \
             for it, and does not replace it"
        }
        OfSet::RolledBack => {
            "`rolled back`: the pods are to be as they were. Take the change back in the manifests, too. Nothing else \
             happens yet: the controller waits for the broken pod, and does not replace it"
        }
        OfSet::CountedOne => {
            "1. The manifests do not say how many replicas there are, and these steps are written for one. If it \
             prints more, state that number as `replicas` in both, and review again before you go on"
        }
        OfSet::RetainsClaims => "claims are no longer deleted with pods or with the set",
    };
    plain.into()
}

fn of_claim(what: &OfClaim) -> String {
    let plain = match what {
        OfClaim::Grows => "`patched`: its volume grows under the running pod",
        OfClaim::GrowsApplied => "`configured`: its volume grows under the running pods",
        OfClaim::Grown => {
            "`condition met` for each. A driver may round up: then it never is, and the claim shows more. A claim that \
             stays at FileSystemResizePending grows when its pod is next restarted"
        }
        OfClaim::BoundToGrow => "`condition met`: a claim that has no volume yet cannot grow",
        OfClaim::Modified => "`patched`: its volume is modified under the running pod, if its driver can do that",
        OfClaim::ModifiedAll => "`condition met` for each: its volume has the attributes of the class",
        OfClaim::Labelled => {
            "each claim says what its template says; the controller never changes a claim that is there"
        }
        OfClaim::DeletedReleased(volume) => {
            return format!("the claim is gone; {volume} is Released, with all its data");
        }
        OfClaim::DeletedTold => {
            "the claim is gone; its volume is kept with all its data, has the new access modes, and is Available for a \
             claim of that name"
        }
        OfClaim::Deleted => "the old claim is gone, its volume and its data are not",
        OfClaim::OldDeleted => "the old claim is gone; its volume is kept, with all its data",
        OfClaim::OldDeletedAll => "the old claims are gone; their volumes are kept, with all their data",
        OfClaim::DeletedUnmounted => "gone as soon as no pod mounts it; `kubectl describe pvc` says who does",
        OfClaim::Terminating { several: false } => "the claim is Terminating until its pod ends",
        OfClaim::Terminating { several: true } => "the claims are Terminating until their pod ends",
        OfClaim::NewForm => "the claim has its new form",
        OfClaim::BoundToOld(claim) => return format!("{claim} is Bound to the old volume"),
        OfClaim::Bound => "`condition met`",
        OfClaim::TakesUp => "`created`, and bound to the volume that was there",
        OfClaim::CreatedBound => "`created`, and bound to the volume",
        OfClaim::BoundAtOnce => "the claim is bound to the volume at once",
        OfClaim::Empty => "the new claim, empty",
        OfClaim::EmptyForGood(claim) => {
            return format!(
                "the new claim, empty: files and a raw device cannot be copied into each other. The data stays on \
                 {claim}, from which or from its peers the app must fill it"
            );
        }
        OfClaim::Copying(from, to) => {
            return format!(
                "a pod copies all of {from} to {to}. An app that rebuilds a replica from its peers can do without this \
                 and the next step"
            );
        }
        OfClaim::Copied => "`condition met`: everything is copied",
        OfClaim::CopyEnded(claim) => {
            return format!(
                "its pod lets go of both claims. Keep {claim} until you have seen that nothing is missing; its volume \
                 outlives it, until you delete that too"
            );
        }
        OfClaim::LeftOfSet { unlisted_volumes: false } => {
            "Bound still, with all data. Delete them, and then their volumes, only when nobody needs it"
        }
        OfClaim::LeftOfSet { unlisted_volumes: true } => {
            "Bound still, with all data. Delete them, and then their volumes, only when nobody needs it. Their volumes \
             are not among the new manifests any more, and are not deleted by that"
        }
        OfClaim::LeftOfReplicas { deleted_from_now: true } => {
            "Bound still: they were kept on purpose. Delete them when nobody needs their data any more; from now on \
             they go with their pods"
        }
        OfClaim::LeftOfReplicas { deleted_from_now: false } => {
            "Bound still: a replica that comes back takes them up. Delete them, and then their volumes, only when \
             nobody needs their data"
        }
    };
    plain.into()
}

fn of_volume(what: &OfVolume) -> String {
    let plain = match what {
        OfVolume::Disk(name) => {
            return format!(
                "the disk `{name}` is shown, if it is there, or created, empty, if it is not: state its type too, \
                 where the app needs another than the default"
            );
        }
        OfVolume::GrowByHand(size) => {
            return format!(
                "grow the disk behind it to {size}, in its own way, and its file system; the claim keeps what it asked \
                 for"
            );
        }
        OfVolume::DiskGrown(size) => {
            return format!(
                "the disk is {size}; its file system grows when it is next mounted, or by resize2fs or xfs_growfs on \
                 its node"
            );
        }
        OfVolume::Retained => "the volumes and their data are kept, whatever happens to the claims",
        OfVolume::DataRetained => "what is on the disk stays, whatever happens to its objects",
        OfVolume::Available => "the volume is Available again, for a claim of that name",
        OfVolume::AvailableIf => {
            "nothing, if its claim is still there or it was never used. `patched`, if an earlier claim has left it: it \
             is Available again, with its data, for a claim of that name"
        }
        OfVolume::NewForm => "the volume has its new form",
        OfVolume::New => "the new volume is there",
        OfVolume::ForReplicas => "`created`: each is reserved for the claim of a replica to come",
        OfVolume::Reserved(claim, old) => {
            return format!("the volume is reserved for {claim}; {old} says Lost, and goes next");
        }
        OfVolume::ReservedBefore(claim, old) => {
            return format!("the volume is reserved for a claim {claim}; {old} says Lost, and goes next");
        }
        OfVolume::Unclaimed => {
            "`/`: no claim has it. If it names one, end the pods that mount that claim and delete the claim first"
        }
        OfVolume::Released { several: false } => "`condition met`: no claim has the volume any more",
        OfVolume::Released { several: true } => "`condition met` for each: no claim has the volumes any more",
        OfVolume::Deleted => "the object is gone; the disk is not",
        OfVolume::OldDeleted => "the old object is gone; the disk behind it is not",
        OfVolume::OldDeletedAll => "the old objects are gone; the disks behind them are not",
    };
    plain.into()
}

fn of_pod(what: &OfPod) -> String {
    let (plain, budget) = match what {
        OfPod::Ready(ready) => return all_ready(ready),
        OfPod::Ends(pod) => return format!("{pod} ends; its claims stay"),
        OfPod::ReadyBound(pod, bound) => {
            let bound: Vec<String> = bound.iter().map(|(claim, volume)| format!("{claim} bound to {volume}")).collect();
            let its = if bound.len() == 1 { "its claim" } else { "its claims" };
            return format!("{pod} is ready, {its} {}", bound.join(", "));
        }
        OfPod::Renamed { before, after, budget } => {
            return format!(
                "until then pods are found below `{before}` only, and from then on below `{after}` only: keep Service \
                 `{before}` until all have restarted{}",
                caution(*budget)
            );
        }
        OfPod::End => ("its pods end", false),
        OfPod::EndInOrder { at_once: true } => ("its pods end, all at once", false),
        OfPod::EndInOrder { at_once: false } => {
            ("its pods end, the last first, each once the one before has ended", false)
        }
        OfPod::None => ("no pod is left", false),
        OfPod::NoWriter => ("no pod is left, so nothing writes any more", false),
        OfPod::ComeBack => ("its pods come back", false),
        OfPod::Ended => ("`condition met`", false),
        OfPod::EndsForNow { budget } => ("it ends and does not come back yet: the app must tolerate that", *budget),
        OfPod::EndsUnowned => ("it ends in its own time; nothing recreates it", false),
        OfPod::EndsRecreated => ("it ends, and the new set recreates it", false),
        OfPod::RemainingReady => {
            ("the remaining pods are ready, and the app says that it is whole, before the next one goes", false)
        }
        OfPod::BackWithClaim { budget } => (
            "it comes back with the new claim. The controller cannot add a volume to a running pod, and is stuck at \
             the first one without",
            *budget,
        ),
        OfPod::ReadyWithVolume => ("there with its new volume and ready, before the next one goes", false),
        OfPod::ReadyAgain => ("ready again, before the next one goes", false),
        OfPod::WaitsForClaims { several: false, budget } => {
            ("the claim goes with it; the pod and an empty claim come back and wait", *budget)
        }
        OfPod::WaitsForClaims { several: true, budget } => {
            ("the claims go with it; the pod and empty claims come back and wait", *budget)
        }
        OfPod::ReadyOrDeleted(Form::New) => (
            "`condition met` where it is ready. `deleted` where it is not: it comes back in its new form, with its \
             claims",
            false,
        ),
        OfPod::ReadyOrDeleted(Form::Old) => (
            "`condition met` where it is ready. `deleted` where it is not: it comes back as it was, with its claims",
            false,
        ),
        OfPod::RestartForContent => ("its pods restart and read the new content", false),
        OfPod::NewReady => ("the new pods are ready", false),
        OfPod::OldEnd => {
            ("the old pods end, the new ones serve alone. See before that every Service finds the new pods", false)
        }
    };
    format!("{plain}{}", caution(budget))
}

/// What a person who deletes a pod should know when a disruption budget covers it.
const fn caution(budget: bool) -> &'static str {
    if budget { ". Its disruption budget does not limit this: continue only when all pods are Ready" } else { "" }
}

fn all_ready(ready: &AllReady) -> String {
    let rest = match ready {
        AllReady::Plain => "",
        AllReady::OtherAccount => ", under the other account",
        AllReady::LookAtData => ": look at their data",
        AllReady::OnNewClaim(pod) => {
            return format!("all pods ready, {pod} on its new claim: look at its data before you go on");
        }
        AllReady::WithData => ", with the data that was there",
        AllReady::WithTheirData { retained: false } => ", with the data that they had",
        AllReady::WithTheirData { retained: true } => {
            ", with the data that they had; from now on each volume stays when its claim goes, whatever its class says"
        }
        AllReady::NewMembers => ". Have the app take in the new members, if it does not do so itself",
        AllReady::BeforeScaleDown => ": wait until all pods are Ready, or quorum may be lost",
        AllReady::RolloutGoesOn => ": the rollout goes on, from the last to the first",
        AllReady::AsBefore => ", as they were",
        AllReady::ChangedRestarted => "; those whose template changed restart, from the last to the first",
        AllReady::MountGone(names) => {
            return format!(
                "all pods ready: they restart, from the last to the first, because the mount goes too; the claims \
                 stay{}",
                names_follow(names.as_ref())
            );
        }
        AllReady::TemplateChanged(names) => {
            return format!(
                "all pods ready: they restart, from the last to the first, because their template changed too{}",
                names_follow(names.as_ref())
            );
        }
        AllReady::NoneRestarted => ", none restarted",
        AllReady::NewLabels => ", under the new labels; each has taken up its claims by name",
        AllReady::Restarted => ", restarted from the last to the first",
    };
    format!("all pods ready{rest}")
}

/// Under which Service's name each pod is found, when.
fn names_follow(names: Option<&(String, String)>) -> String {
    names.map_or_else(String::new, |(before, after)| {
        format!("; each is found below `{after}` only once it has restarted, until then below `{before}`")
    })
}
