//! Who the replicas are: ordinal to pod, host, DNS names, claims, volumes. Everything that names a replica asks here.

use crate::source::At;
use crate::stateful_set::claim_name;
use crate::value::Text;
use serde::Serialize;

/// What the names of all replicas are made of.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The StatefulSet.
    pub app: Text,
    /// Its namespace; `default` where none was said.
    pub namespace: Text,
    /// Whether the namespace was said, or something is tied to it.
    pub namespace_written: bool,
    /// The governing Service; empty where there is none.
    pub governing: Text,
    /// The cluster's DNS domain.
    pub domain: Text,
    /// The first ordinal.
    pub start: i64,
    /// How many replicas.
    pub replicas: i64,
    /// Where the app's name is written.
    pub at: At,
}

/// One replica.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Replica {
    /// Its ordinal.
    pub ordinal: i64,
    /// The pod's name, also its host name.
    pub pod: String,
    /// Its name inside the namespace: `kubia-0.kubia`.
    pub host: String,
    /// Its full name.
    pub fqdn: String,
    /// What it keeps.
    pub claims: Vec<Claim>,
}

/// A claim of a replica.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Claim {
    /// The storage item.
    pub item: String,
    /// The claim's name.
    pub name: String,
    /// The volume that is written out for it; none when the cluster makes it.
    pub volume: Option<String>,
    /// What people call the disk behind it.
    pub disk: Option<String>,
}

/// An SRV record of the governing Service: one target per replica.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Srv {
    /// The port's name.
    pub port: String,
    /// The record's name.
    pub name: String,
    /// The number behind it.
    pub number: i64,
}

impl Identity {
    /// The ordinals, in order.
    pub fn ordinals(&self) -> impl Iterator<Item = i64> + use<> {
        self.start..self.start.saturating_add(self.replicas.max(0))
    }

    /// `kubia-0`
    #[must_use]
    pub fn pod(&self, ordinal: i64) -> String {
        format!("{}-{ordinal}", self.app)
    }

    /// `kubia-0.kubia`
    #[must_use]
    pub fn host(&self, ordinal: i64) -> String {
        format!("{}-{ordinal}.{}", self.app, self.governing)
    }

    /// `kubia.default.svc.cluster.local`, for any Service of the namespace.
    #[must_use]
    pub fn service(&self, name: &str) -> String {
        format!("{name}.{}.svc.{}", self.namespace, self.domain)
    }

    /// `kubia-0.kubia.default.svc.cluster.local`
    #[must_use]
    pub fn fqdn(&self, ordinal: i64) -> String {
        format!("{}.{}", self.pod(ordinal), self.service(&self.governing))
    }

    /// `_http._tcp.kubia.default.svc.cluster.local`
    #[must_use]
    pub fn srv(&self, port: &str, protocol: &str) -> String {
        format!("_{port}._{}.{}", protocol.to_lowercase(), self.service(&self.governing))
    }

    /// `data-kubia-0`
    #[must_use]
    pub fn claim(&self, item: &str, ordinal: i64) -> String {
        claim_name(item, &self.app, ordinal).into()
    }

    /// `default.data-kubia-0`. A PersistentVolume has no namespace; a namespace has no dot, so no two claims of a
    /// cluster meet.
    #[must_use]
    pub fn volume(&self, item: &str, ordinal: i64) -> String {
        format!("{}.{}", self.namespace, self.claim(item, ordinal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_controller_makes_them() {
        let at = At::top(crate::source::Sources::default().add("t", ""));
        let identity = Identity {
            app: "kubia".into(),
            namespace: "pets".into(),
            namespace_written: true,
            governing: "kubia".into(),
            domain: "cluster.local".into(),
            start: 5,
            replicas: 2,
            at,
        };
        assert_eq!(identity.ordinals().collect::<Vec<_>>(), [5, 6]);
        assert_eq!(identity.fqdn(5), "kubia-5.kubia.pets.svc.cluster.local");
        assert_eq!(identity.srv("http", "TCP"), "_http._tcp.kubia.pets.svc.cluster.local");
        assert_eq!(identity.volume("data", 6), "pets.data-kubia-6");
    }
}
