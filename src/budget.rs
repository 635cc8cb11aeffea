//! How much may be made for one app in one environment, and of one expression on the way: the numbers, why each is what
//! it is, and an account that is paid before anything is made. Knows no app and reports nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// So many replicas of a set are played while things fail: each failure is played several times, and a quorum has far
/// fewer.
pub(crate) const MOST_FAILING_REPLICAS: i64 = 50;

/// So many failures are played in one run of `rehearse --fail`: a cluster of that many nodes, one after the other.
pub(crate) const MOST_FAILURES: usize = 100;

/// So many places for pods, each on each node, are looked at while one thing fails; a tenth of it where all fail in turn.
pub(crate) const MOST_FAILING_PLACES: usize = 20_000;

/// Bytes that one expression may be written in. The longest of 136 specs that were looked at has 176.
pub(crate) const EXPRESSION_WRITTEN: usize = 4096;

/// Bytes of text that one expression may give. A list of 1,000 peers by names of some
/// 70 bytes has about 70 KiB (an estimate); etcd refuses objects of 1.5 MiB.
pub(crate) const EXPRESSION_GIVES: usize = 256 << 10;

/// Bytes that one expression may make on the way. Ten times what is estimated for 1,000 peers, formatted,
/// sorted and joined.
pub(crate) const EXPRESSION_MAKES: u64 = 4 << 20;

/// Values that one expression may give, such as the items of a list: 20 for each of 1,000 peers.
pub(crate) const EXPRESSION_VALUES: usize = 20_000;

/// Bytes that may be made for one app in one environment: what its expressions make, its fields once they are merged,
/// its volumes and Services. The volumes of 1,000 replicas with three each pay 24 MB by `OBJECT`; no spec that was
/// looked at has more than six replicas.
pub(crate) const ENVIRONMENT: u64 = 64_000_000;

/// Bytes that may be made for all environments of one app: each may make its share of it, at most what one environment
/// may. Four environments get all of theirs, a hundred get 2.5 MB each. What apps with many environments make was not
/// measured: none was found.
pub(crate) const APP: u64 = 256_000_000;

/// Environments that one app may have. No spec that was looked at has more than four; each costs a file tree and a
/// rehearsal.
pub(crate) const ENVIRONMENTS: usize = 1_000;

/// Environments that one may start from, one from another. The specs that were looked at seem to have one at most
/// (counted by their lines, not followed); more than ten nobody can follow.
pub(crate) const BASES: usize = 16;

/// Bytes that a value of a tree takes in memory: the node, and its part of the list or map that it is in.
pub(crate) const VALUE: u64 = 64;

/// Checks that one custom resource may take: a value against a schema is one. An object of etcd's 1.5 MiB with a field
/// in every ten bytes has 150,000, and few schemas look at a value more than twice (an estimate).
pub(crate) const CUSTOM_STEPS: u64 = 2_000_000;

/// Replicas that the other apps may have together that one app names: the names of each are kept.
pub(crate) const REPLICAS_OF_OTHERS: i64 = 50_000;

/// Parts that an object may have once policies have changed it, and what they lay over it. A server takes 3 MiB, with a
/// part in every fifteen bytes.
pub(crate) const MUTATED_PARTS: usize = 200_000;

/// What it may cost to ask whether the pods of workloads are let in whose controllers are not played.
pub(crate) const TRIED: u64 = 200_000;

/// Bytes of what the copies of one patch may copy together: `JSONPatchMaxCopyBytes`, k8s.io/apiserver/pkg/server/config.go.
pub(crate) const COPIED: usize = 3 << 20;

/// Bytes that a dump of a cluster may have. One of 5,000 objects with their managed fields has some 40 MB.
pub(crate) const DUMP: usize = 256 << 20;

/// Objects that a dump of a cluster may have: each takes some five kilobytes, read or not.
pub(crate) const OBJECTS: usize = 60_000;

/// Objects of it that one namespace, or no namespace, may have: an app of that namespace is played among all of them.
pub(crate) const NEIGHBOURS: usize = 25_000;

/// Bytes that a volume, or the Service of a pod, takes as a manifest, as a tree and as text.
pub(crate) const OBJECT: u64 = 8_000;

/// What may still be made, for somebody who makes things.
#[derive(Debug)]
pub struct Account {
    limit: u64,
    made: AtomicU64,
    told: AtomicBool,
}

/// More was to be made than there may be: the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded(pub u64);

impl Account {
    /// An account of so many bytes.
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self { limit, made: AtomicU64::new(0), told: AtomicBool::new(false) }
    }

    /// The account of one of so many environments of an app.
    #[must_use]
    pub fn of_environment(environments: usize) -> Self {
        Self::new((APP / environments.max(1) as u64).min(ENVIRONMENT))
    }

    /// Pays for what is to be made now.
    ///
    /// # Errors
    /// When it is more than there may be; then it must not be made.
    pub fn pay(&self, bytes: u64) -> Result<(), Exceeded> {
        let before = self.made.fetch_add(bytes.min(self.limit + 1), Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limit { Err(Exceeded(self.limit)) } else { Ok(()) }
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.made.load(Ordering::Relaxed))
    }

    /// How much there may be in all.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether nobody has been told yet that it is empty: it is said once.
    pub fn is_news(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }
}

impl Default for Account {
    fn default() -> Self {
        Self::new(ENVIRONMENT)
    }
}

/// An amount as a message says it: `64 MB`, `300 kB`, `4 MiB`.
#[must_use]
pub(crate) fn shown(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes.is_multiple_of(1 << 16) => format!("{} KiB", bytes >> 10),
        bytes if bytes >= 1_000_000 => format!("{} MB", bytes / 1_000_000),
        bytes => format!("{} kB", bytes / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_paid_until_it_is_empty() {
        let account = Account::new(10);
        assert_eq!(account.pay(4), Ok(()));
        assert_eq!(account.left(), 6);
        assert_eq!(account.pay(6), Ok(()));
        assert_eq!(account.pay(1), Err(Exceeded(10)));
        assert_eq!(Account::new(10).pay(u64::MAX), Err(Exceeded(10)));
        assert_eq!(
            (Account::of_environment(3).left(), Account::of_environment(ENVIRONMENTS).left()),
            (ENVIRONMENT, 256_000)
        );
    }

    #[test]
    fn amounts_are_read_by_people() {
        assert_eq!(
            (shown(ENVIRONMENT), shown(EXPRESSION_MAKES), shown(256_000)),
            ("64 MB".into(), "4 MiB".into(), "256 kB".into())
        );
    }
}
