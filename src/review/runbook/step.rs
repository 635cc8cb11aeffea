//! The steps of a runbook as values: what it is for, what a person types, and what to expect of it. Makes no sentence:
//! words are made of these in `report`.

use super::command::Command;
use crate::bundle::ResourceId;
use crate::cluster::plugin::Barrier;
use crate::k8s::quantity::StatedAmount;

/// Steps that carry one change out.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// What they do; several things where one file can only be applied when all are prepared.
    pub purposes: Vec<Purpose>,
    /// In order. None where nothing can be done but to change the manifest.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// What a person has to do first.
    pub before: Option<Before>,
    /// What to run, from the folder where the review ran.
    pub command: Command,
    /// What to expect of it.
    pub expect: Vec<Expect>,
    /// A command that shows it.
    pub check: Option<Command>,
}

/// What a person has to do before a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// The app moves what this replica holds to the others.
    Drain(String),
}

/// What a runbook is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Apply a manifest that names a field of one stored object: it cannot be.
    ServerField(ResourceId, &'static str),
    /// Apply a manifest that is too large for kubectl's annotation.
    ServerSide(ResourceId),
    /// Take fields of an object from another manager: these.
    TakeFields(ResourceId, Vec<String>),
    /// Apply a manifest that no cluster takes, and why: the field, which may be empty, and the server's words.
    Hopeless(ResourceId, String, String),
    /// Get an object, or its pods, past what stands in the way.
    Past {
        /// The object.
        id: ResourceId,
        /// Whether it is let in, and its pods are not.
        of_pods: bool,
        /// What stands in the way.
        barrier: Barrier,
    },
    /// Let go of an object that nothing makes any more.
    LetGo(ResourceId),
    /// Have the disks that new volumes name.
    Disks,
    /// Let workloads run without an account that is pruned.
    WithoutAccount(Vec<ResourceId>, String),
    /// Take a size back that nothing can give.
    KeepSize(ResourceId),
    /// Let a claim grow.
    Grow(ResourceId),
    /// Replace an object as a whole, where a merge is refused.
    ReplaceWhole(ResourceId),
    /// Take a change back, for the object could only be recreated, and all that it holds goes with it.
    TakeBack(ResourceId, Holds),
    /// Delete and recreate an object.
    Recreate(ResourceId, Recreated),
    /// Delete and recreate a workload; its old pods may serve until the new ones do.
    RecreateWorkload(ResourceId, Serving),
    /// Replace content that is fixed.
    Content(ResourceId),
    /// Give a claim another form.
    ExchangeClaim(ResourceId, Option<Fixed>, Fate),
    /// Give the claims of a set another form, replica by replica.
    ExchangeClaims(ResourceId, Option<Fixed>, Fate),
    /// Let an object take up the volumes that are there.
    TakeUp(ResourceId),
    /// Take a set away and keep its data.
    Remove(ResourceId),
    /// Give a name and keep the data.
    Rename(Renaming),
    /// The same, where the new volume names another disk than the one with the data: the volume, that disk, and the old
    /// one.
    RenameElsewhere(Renaming, ResourceId, String, String),
    /// More replicas: from so many to so many.
    ScaleUp(ResourceId, i64, i64),
    /// Fewer replicas.
    ScaleDown(ResourceId, i64, i64),
    /// Get a rollout going that waits for this pod, which cannot become ready as it was.
    Unblock(ResourceId, String),
    /// Take a rollout back that waits for this pod, which cannot become ready as it is to be.
    Undo(ResourceId, String),
    /// Delete and recreate a set under its running pods.
    Swap {
        /// The set.
        set: ResourceId,
        /// Why.
        reasons: Vec<Reason>,
        /// What comes of its pods.
        pods: Restart,
    },
    /// Change a selector that no longer matches the pods.
    Selector(ResourceId),
    /// Recreate volumes, each by its old and new name.
    Volumes {
        /// The volumes.
        volumes: Vec<(ResourceId, ResourceId)>,
        /// Whether they name the disks that they named.
        keep_disks: bool,
        /// The pod that is away meanwhile.
        pod: Option<String>,
    },
}

/// What goes when the object goes that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// All objects of a namespace.
    Namespace,
    /// All objects of a kind.
    Kind,
}

/// Objects that are deleted and recreated, by what is lacking meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recreated {
    /// Addresses and ports.
    Service,
    /// New volumes of that class.
    StorageClass,
    /// Work that runs again.
    Job,
    /// Rights.
    Binding,
    /// A pod.
    Pod,
    /// Whatever else it is.
    Other,
}

/// Who serves while a workload is recreated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// The old pods, until the new ones are ready.
    OldPods,
    /// Nobody.
    Nobody,
}

/// A property of a claim that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// It asks for less.
    SmallerSize,
    /// Its StorageClass.
    StorageClass,
    /// Its access modes.
    AccessModes,
    /// Which volumes it selects.
    Selector,
    /// What it is filled from.
    Source,
    /// The volume that it names.
    Volume,
    /// Files or a raw device.
    VolumeMode,
}

/// What happens to the data of a claim that gives way to another, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It stays on the volume that the manifests reserve for both.
    Kept,
    /// It stays on the volume, which is told how it may be used from now on.
    Told,
    /// It is copied.
    Copied,
    /// It stays on the old volume: nothing turns files into a raw device, or back.
    Empty,
}

/// What gets another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renaming {
    /// Claim templates of a set.
    Templates(ResourceId),
    /// An object: its pods are away meanwhile.
    Set(ResourceId, ResourceId),
    /// A claim: whoever mounts it is missing until it is back.
    Claim(ResourceId, ResourceId),
}

/// Why a set is deleted and recreated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its claims grow.
    Grow,
    /// Claims to come ask for more; volumes that people made keep their size.
    FutureSize,
    /// Its claim templates change otherwise.
    Templates,
    /// These fields change.
    Fields(Vec<&'static str>),
}

/// What comes of the pods of a set that is recreated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// They restart, from the first to the last.
    Ascending,
    /// They restart, from the last to the first.
    Descending,
    /// They restart for what changed in their template.
    ForTemplate,
    /// They restart at the end, for their DNS names.
    ForNames,
    /// None restarts.
    None,
}

/// What a step is expected to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// To objects that hold no data and run no pods, or to any object by its command's own word.
    Object(OfObject),
    /// To a set.
    Set(OfSet),
    /// To claims.
    Claim(OfClaim),
    /// To volumes and disks.
    Volume(OfVolume),
    /// To pods.
    Pod(OfPod),
}

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfObject {
    /// `created`.
    Created,
    /// `configured`.
    Configured,
    /// What stands in the way is shown.
    Obstacle(Barrier),
    /// It is applied by the server, and must be from now on.
    ServerSide,
    /// It is applied by the server, and has taken fields from another manager.
    Taken,
    /// It is replaced as a whole.
    Replaced,
    /// A workload's manifest no longer names an account, and the server keeps it.
    AccountKept,
    /// A workload no longer names an account.
    AccountTaken,
    /// A StorageClass lets claims grow.
    Expandable,
    /// A StorageClass says whether it lets claims grow.
    ExpandableIf,
    /// It is deleted, to be recreated.
    Deleted(Recreated),
    /// It is recreated.
    Recreated(Recreated),
    /// A workload is deleted, its pods run on.
    Orphaned,
    /// A workload is deleted with its pods.
    DeletedWithPods,
    /// A workload is recreated beside its old pods.
    CreatedBeside,
    /// A ConfigMap or Secret is deleted, to be recreated.
    ContentDeleted,
    /// A namespace is there, but not among the manifests.
    Namespace(String),
    /// What manifests name and do not bring is there, in this namespace.
    References(String),
    /// What is not among the new manifests is deleted, and its users must use the names of this set.
    Pruned(String),
    /// A governing Service that is not among the new manifests is deleted.
    ServiceDeleted,
    /// It is deleted for good.
    LetGo,
    /// What a set needs is there.
    Companions,
}

/// What happens to a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfSet {
    /// It is deleted, and its pods run on.
    Orphaned,
    /// It is deleted, having had no pods.
    Deleted,
    /// The same of the one with the old name.
    OldDeleted,
    /// It is created and takes over its pods and claims. By its name, as a shell reads it.
    Adopts(String),
    /// It is created with as many replicas as there are pods.
    CreatedForPods,
    /// It is applied after that.
    KeepsReplicas,
    /// It is created, and its claims are bound.
    CreatedBound,
    /// It is created, and its claims take up the volumes that are there.
    TakesUp,
    /// It is applied, and new replicas come: all at once, or in order.
    NewReplicas {
        /// Whether all of them at once.
        at_once: bool,
    },
    /// It is applied, and nothing happens while an earlier pod is not ready.
    WaitsForPod,
    /// It is rolled back, and nothing happens while the broken pod is there.
    RolledBack,
    /// It says how many replicas it has, which must be one.
    CountedOne,
    /// Claims are kept, whatever its retention policy said.
    RetainsClaims,
}

/// What happens to claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfClaim {
    /// It is patched to grow.
    Grows,
    /// It is applied to grow.
    GrowsApplied,
    /// All have their new size.
    Grown,
    /// It is bound, as it must be to grow.
    BoundToGrow,
    /// It is patched to another class of attributes.
    Modified,
    /// All have their new attributes.
    ModifiedAll,
    /// All have the labels of their template.
    Labelled,
    /// It is deleted, its volume is Released: the volume's name.
    DeletedReleased(String),
    /// It is deleted, its volume has new access modes and is Available.
    DeletedTold,
    /// It is deleted, its volume is reserved already.
    Deleted,
    /// It is deleted for one of another name.
    OldDeleted,
    /// The same of several.
    OldDeletedAll,
    /// It is deleted when no pod mounts it.
    DeletedUnmounted,
    /// They stay until their pod ends: one, or several.
    Terminating {
        /// Whether they are several.
        several: bool,
    },
    /// It is created in its new form.
    NewForm,
    /// It is bound to the old volume: its name.
    BoundToOld(String),
    /// It is bound.
    Bound,
    /// It is created and bound to the volume that was there.
    TakesUp,
    /// It is created and bound to a volume that was recreated.
    CreatedBound,
    /// It is bound to the volume at once.
    BoundAtOnce,
    /// It is created, empty.
    Empty,
    /// It is created, empty, and nothing can be copied from the claim of this name.
    EmptyForGood(String),
    /// A pod copies from one to the other.
    Copying(String, String),
    /// All is copied.
    Copied,
    /// The copying pod lets go; the claim of this name is kept for now.
    CopyEnded(String),
    /// They outlive their set; their volumes may not be among the manifests.
    LeftOfSet {
        /// Whether volumes of theirs are not among the new manifests.
        unlisted_volumes: bool,
    },
    /// They outlive their replicas: kept although the policy is to delete them, or by the policy.
    LeftOfReplicas {
        /// Whether claims go with their pods from now on.
        deleted_from_now: bool,
    },
}

/// What happens to volumes and disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfVolume {
    /// The disk of that name is there.
    Disk(String),
    /// The disk is to be grown by hand, to this size.
    GrowByHand(StatedAmount),
    /// The disk has this size.
    DiskGrown(StatedAmount),
    /// They are kept when their claims go.
    Retained,
    /// What is on the disk is kept when its objects go.
    DataRetained,
    /// It is free again for its claim.
    Available,
    /// It is free again, if an earlier claim left it.
    AvailableIf,
    /// It is applied in its new form.
    NewForm,
    /// A new one is created.
    New,
    /// They are created for replicas to come.
    ForReplicas,
    /// It is reserved for the first claim; the second is Lost.
    Reserved(String, String),
    /// It is reserved for the claim that holds the old data; the other is Lost.
    ReservedBefore(String, String),
    /// No claim has it: it says so.
    Unclaimed,
    /// No claim has them any more: one, or several.
    Released {
        /// Whether they are several.
        several: bool,
    },
    /// The object is deleted, the disk is not.
    Deleted,
    /// The same of the one with the old name.
    OldDeleted,
    /// The same of several.
    OldDeletedAll,
}

/// What happens to pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfPod {
    /// All are ready, and what is to be said of that.
    Ready(AllReady),
    /// They end.
    End,
    /// They end: all at once, or one after the other.
    EndInOrder {
        /// Whether all of them at once.
        at_once: bool,
    },
    /// None is left.
    None,
    /// None is left that writes.
    NoWriter,
    /// They come back.
    ComeBack,
    /// This one ends, its claims stay.
    Ends(String),
    /// A wait for its end is over.
    Ended,
    /// It ends and does not come back yet.
    EndsForNow {
        /// Whether a budget covers it, which does not limit this.
        budget: bool,
    },
    /// It ends, nothing recreates it.
    EndsUnowned,
    /// It ends, the new set recreates it.
    EndsRecreated,
    /// Those that remain are ready, before the next one goes.
    RemainingReady,
    /// It comes back with a new claim.
    BackWithClaim {
        /// Whether a budget covers it, which does not limit this.
        budget: bool,
    },
    /// It is ready with its new volume.
    ReadyWithVolume,
    /// It is found below the second Service once it has restarted, until then below the first.
    Renamed {
        /// The Service until then.
        before: String,
        /// The Service from then on.
        after: String,
        /// Whether a budget covers it and does not limit this; nothing where they restart by themselves.
        budget: bool,
    },
    /// It is ready again.
    ReadyAgain,
    /// Its claims go with it, and it waits for new ones.
    WaitsForClaims {
        /// More claims than one.
        several: bool,
        /// Whether a budget covers it and does not limit this.
        budget: bool,
    },
    /// It is ready, its claims bound to these volumes.
    ReadyBound(String, Vec<(String, String)>),
    /// It is ready, or is deleted and comes back.
    ReadyOrDeleted(Form),
    /// They restart and read the new content.
    RestartForContent,
    /// Those of the new workload are ready.
    NewReady,
    /// Those of the old workload end.
    OldEnd,
}

/// In which form a pod comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In its new one.
    New,
    /// As it was.
    Old,
}

/// What is to be said of pods that are all ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllReady {
    /// Nothing.
    Plain,
    /// They run under the other account.
    OtherAccount,
    /// Their data is to be looked at.
    LookAtData,
    /// This one has its new claim, whose data is to be looked at.
    OnNewClaim(String),
    /// With the data that was there.
    WithData,
    /// With the data that they had; from now on volumes may stay when their claims go.
    WithTheirData {
        /// Whether volumes are kept that would have gone with their claims.
        retained: bool,
    },
    /// The app is to take new members in.
    NewMembers,
    /// As they must be before one is taken away.
    BeforeScaleDown,
    /// The rollout goes on.
    RolloutGoesOn,
    /// They are as they were.
    AsBefore,
    /// Those whose template changed have restarted.
    ChangedRestarted,
    /// They restart because a mount goes, and have other names from then on: of the old and the new Service.
    MountGone(Option<(String, String)>),
    /// They restart because their template changed too.
    TemplateChanged(Option<(String, String)>),
    /// None restarted.
    NoneRestarted,
    /// They have new labels.
    NewLabels,
    /// They restarted in order.
    Restarted,
}

impl From<OfObject> for Expect {
    fn from(what: OfObject) -> Self {
        Self::Object(what)
    }
}

impl From<OfSet> for Expect {
    fn from(what: OfSet) -> Self {
        Self::Set(what)
    }
}

impl From<OfClaim> for Expect {
    fn from(what: OfClaim) -> Self {
        Self::Claim(what)
    }
}

impl From<OfVolume> for Expect {
    fn from(what: OfVolume) -> Self {
        Self::Volume(what)
    }
}

impl From<OfPod> for Expect {
    fn from(what: OfPod) -> Self {
        Self::Pod(what)
    }
}

impl From<AllReady> for Expect {
    fn from(what: AllReady) -> Self {
        Self::Pod(OfPod::Ready(what))
    }
}
