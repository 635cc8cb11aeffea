//! Why an object is not let in, though it is valid by itself; or a pod not evicted.

use crate::value::Text;

/// What a plugin says of an object that it refuses, without the object's name.
pub(super) type Refused = String;

/// Why an object is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// 403, 404, 422.
    pub code: u16,
    /// `Forbidden`, `NotFound`, `Invalid`.
    pub reason: &'static str,
    /// The server's sentence.
    pub message: String,
    /// Without the object's name.
    pub cause: String,
    /// What stands in the way.
    pub barrier: Barrier,
}

/// What stands in the way of an object that is valid by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barrier {
    /// Its namespace is not there.
    Namespace,
    /// The labels that it has, of a namespace.
    Labels,
    /// The limit ranges of its namespace.
    LimitRange,
    /// What its namespace asks of the security of pods.
    PodSecurity,
    /// Its service account.
    ServiceAccount,
    /// Its priority class.
    PriorityClass,
    /// Its runtime class.
    RuntimeClass,
    /// A policy of that name.
    Policy(Text),
    /// A policy of that name that changes objects.
    Mutation(Text),
    /// A quota of that name.
    Quota(Text),
}

/// What the server says to an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The pod is deleted, as far as its node lets it go.
    Evicted,
    /// There is no such pod.
    Absent,
    /// A budget has no room for it now: asking again later may help.
    NoRoom {
        /// Which budget.
        budget: String,
        /// In the server's words.
        cause: String,
    },
    /// Two budgets protect it, which the server does not know how to weigh.
    SeveralBudgets,
}
