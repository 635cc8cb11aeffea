//! What can come of a change of one object, as values. The words are made where reports are.

use crate::bundle::ResourceId;
use crate::value::Text;

/// One thing that comes of a change of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// None: the cluster keeps what it has.
    Kept,
    /// Only this one of two environments has it.
    OnlyIn(String),
    /// It is not applied: the API server refuses it.
    NotApplied,
    /// Its pods are not let in: so many of so many are there, and what the server says of the next.
    PodsRefused {
        /// How many pods there are in the end.
        here: usize,
        /// How many are asked for.
        asked: usize,
        /// What the API server says.
        why: String,
    },
    /// It is taken away.
    Pruned,
    /// It is made under its new name, and the old one taken away.
    Renamed(ResourceId),
    /// It goes, and this object still names it: the next pod of it does not start.
    StillNamed(ResourceId),
    /// It goes, and claims of this set still ask for it.
    StillAsked(ResourceId),
    /// The pods of a set end at once.
    PodsEnd,
    /// The claims of a set that goes.
    Claims {
        /// How many.
        count: usize,
        /// Whether they are deleted too.
        deleted: bool,
    },
    /// A volume is Terminating until its claim goes.
    Terminating,
    /// The disk of a volume that goes stays.
    DiskLeft,
    /// A volume stays Available: the claim that it is for has another one.
    Unclaimed {
        /// The claim.
        claim: Text,
        /// The volume that it has.
        volume: Text,
    },
    /// The disk of a volume keeps its size.
    DiskKeepsSize,
    /// Mount options hold from the next mount on.
    NextMount,
    /// A volume stays bound as it is.
    StaysBound,
    /// A volume's node affinity holds when a pod is next scheduled.
    NextScheduling,
    /// A class becomes the default one.
    DefaultClass,
    /// Files follow content soon, variables with the next pod.
    FilesFollow,
    /// The volume of a claim grows if it can.
    Grows,
    /// A scaler may act at once.
    Scales,
    /// The address of a Service and its names go.
    NamesGo,
    /// The load balancer of a Service is given back.
    BalancerGoes,
    /// The node ports of a Service are given back.
    NodePortsGo,
    /// Connections to a port fail.
    PortCloses(i64),
    /// A port has another name.
    PortRenamed {
        /// The port.
        number: i64,
        /// Its name before.
        from: String,
        /// Its name now.
        to: String,
    },
    /// A Service leads to no pod any more, of so many.
    LeadsNowhere(usize),
    /// A Service leads to fewer pods.
    LeadsTo {
        /// To how many.
        pods: usize,
        /// To how many before.
        before: usize,
    },
    /// What a policy does to the traffic of pods.
    Traffic(Traffic),
}

/// Which way traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To the pods.
    In,
    /// From them.
    Out,
}

impl Direction {
    /// The policy type, and the field of its rules.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::In => ("Ingress", "ingress"),
            Self::Out => ("Egress", "egress"),
        }
    }
}

/// What a policy does to the traffic of some pods in one direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traffic {
    /// The direction.
    pub direction: Direction,
    /// The pods.
    pub pods: Selected,
    /// What it does.
    pub does: Does,
}

/// What a policy does to traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Does {
    /// Lets some through that no other policy allows.
    LetsThrough,
    /// Denies all of it.
    Denies,
    /// Denies all but what it allows.
    DeniesRest,
    /// Denies, by going, what it alone allowed.
    DeniesOwn,
    /// Nothing restricts it any more.
    Opens,
    /// Its rules hold at once.
    Rules,
}

/// The pods that a policy selects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selected {
    /// All of its namespace.
    All,
    /// Those of no workload that is known.
    Unknown,
    /// Those of some workloads: the first by kind and name, and how many more.
    Of(Vec<(String, String)>, usize),
}
