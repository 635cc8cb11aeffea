//! What a person can do about a mishap: command lines, what makes each of them safe, what it risks, and who is back after
//! it, as values. What comes of each is played in `trial`.

use super::fate::Stuck;
use crate::k8s::object::ObjectName;
use crate::shell::Command;
use crate::value::Text;

/// A way out.
#[derive(Clone, Debug)]
pub struct Remedy {
    /// Which.
    pub way: Way,
    /// What to type, in order.
    pub steps: Vec<Step>,
    /// What makes it safe.
    pub safe: Safe,
    /// What it risks.
    pub risks: Vec<Risk>,
    /// Who is back after it.
    pub ends: Vec<End>,
}

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The node comes back by itself, or is made to.
    NodeBack,
    /// The node is marked as off.
    OutOfService,
    /// The node is marked as off, and another takes its place.
    NewNode,
    /// The pods are deleted without waiting for the node.
    ForceDelete,
    /// The data on the node is given up: claims get other volumes.
    OtherVolume,
    /// The data on the node is given up: a volume of another node is made for each claim.
    OtherNode,
    /// The disk is given up, and its claim gets another volume.
    NewDisk,
    /// Nothing has to be done.
    Nothing,
    /// Before it happens, where it can be foreseen: the node is drained.
    DrainBefore,
}

impl Way {
    /// As it is called in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NodeBack => "node-back",
            Self::OutOfService => "out-of-service",
            Self::NewNode => "new-node",
            Self::ForceDelete => "force-delete",
            Self::OtherVolume => "other-volume",
            Self::OtherNode => "volume-on-another-node",
            Self::NewDisk => "new-disk",
            Self::Nothing => "nothing",
            Self::DrainBefore => "drain-before",
        }
    }
}

/// A step of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// What has to be so before.
    pub before: Option<Before>,
    /// What to type.
    pub command: Command,
    /// What to expect of it.
    pub expect: Expect,
    /// A command that shows it.
    pub check: Option<Command>,
}

/// What has to be so before a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// A node is off, and cannot write any more.
    Off(Text),
    /// It is back, and well.
    Back(Text),
    /// There is another node in its place: with these labels.
    Replacement(Text, Option<String>),
    /// There is such a folder or disk on a node.
    Folder(Text, String),
    /// Nobody needs what is on the disk: it is elsewhere too.
    Spare(String),
}

/// What to expect of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The node is not ready.
    NotReady,
    /// Within a minute its pods are gone, and their volumes detached.
    Collected,
    /// The pod is gone, and its successor is there.
    Succeeded,
    /// The same, and the successor waits for six minutes until its volume is taken from the node.
    SucceededLater,
    /// The pod is gone, and nobody makes another.
    Gone,
    /// The pods are ready.
    Ready,
    /// New pods may come to the node again.
    Untainted,
    /// The claim is gone, and made again for the pod.
    ClaimAnew,
    /// The claim goes when its pod does.
    ClaimEnding,
    /// The volume is there, for that claim.
    Volume(String),
    /// The pods have left the node.
    Drained,
    /// The drain is refused for as long as a budget has no room: whose, and the server's words.
    DrainRefused(ObjectName, String),
    /// New pods may come again.
    Uncordoned,
}

/// What makes a way safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    /// Nothing is done to anything that may still run.
    Untouched,
    /// The node is known to be off.
    KnownOff,
    /// The budgets keep as many as they say.
    Budgets,
    /// What is on the disk is lost already, or elsewhere too.
    Elsewhere,
}

/// What a way risks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Risk {
    /// If the node is only cut off, two pods of one identity run: the API server and the node's own pods do not see each
    /// other.
    TwoOfOne,
    /// If the node still writes, what it has not written yet is lost, and a file system may be damaged.
    TornWrites,
    /// The pods start with whatever that path holds on another node: nothing warns.
    OtherContent(Vec<Text>),
    /// What is on these claims is gone for good, unless the app has it elsewhere.
    DataGone(Vec<Text>),
    /// The taint stays until somebody takes it away.
    TaintStays,
    /// Fewer pods serve until it is done.
    FewerServe,
    /// These pods have no controller: nobody makes them again.
    NoController(Vec<Text>),
}

/// A pod after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The pod.
    pub pod: ObjectName,
    /// How it is.
    pub how: How,
}

/// How a pod is in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It is ready on that node, with the volumes that it had.
    Back(Text),
    /// It is ready on that node, with other volumes.
    BackEmpty(Text),
    /// It has not started, and why.
    Stuck(Stuck),
    /// It is still on that node, which is about to fail.
    Stays(Text),
    /// It still waits to be gone.
    Terminating,
    /// It is gone, and nobody makes another.
    Gone,
}

impl Remedy {
    /// How good it is: who is not back, and who is without what it had.
    #[must_use]
    pub fn rank(&self) -> (usize, usize) {
        let not_back = self.ends.iter().filter(|end| !matches!(end.how, How::Back(_) | How::BackEmpty(_))).count();
        let empty = self.ends.iter().filter(|end| matches!(end.how, How::BackEmpty(_))).count();
        (not_back, empty)
    }

    /// Whether anybody is back after it.
    #[must_use]
    pub fn helps(&self) -> bool {
        self.rank().0 < self.ends.len()
    }

    /// Whether all are back with what they had.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rank() == (0, 0)
    }
}
