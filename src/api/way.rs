//! The two ways in which manifests are applied: `kubectl apply`, which sends what differs from last time, and server-side
//! apply, where the server knows who manages which field.

use super::admission::Answer;
use super::apply::Applied;
use super::custom::{self, Customs};
use super::server_side::managers::Conflict;
use super::server_side::{self, Applier, Outcome};
use crate::k8s::version::Version;
use crate::value::Node;

/// How manifests are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// `kubectl apply`, and Argo CD unless it is told otherwise.
    #[default]
    Client,
    /// `kubectl apply --server-side`: a field that another manager has set to something else is a conflict.
    Server,
    /// `kubectl apply --server-side --force-conflicts`, Flux, and Argo CD with `ServerSideApply=true`: it is taken from
    /// the other manager.
    ServerForced,
}

/// Under which name manifests are applied. Whoever applied them last time did so under the same.
pub const MANAGER: &str = "kubectl";

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Client, Self::Server, Self::ServerForced];

    /// As a spec and the command line say it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::ServerForced => "server-forced",
        }
    }

    /// The way of that word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == word)
    }

    /// Whether the server merges.
    #[must_use]
    pub const fn is_server(self) -> bool {
        !matches!(self, Self::Client)
    }

    const fn applier(self) -> Applier<'static> {
        Applier { name: MANAGER, force: matches!(self, Self::ServerForced) }
    }

    /// What the server says to a new object.
    #[must_use]
    pub fn create(self, manifest: &Node, customs: &Customs, version: Version) -> Answer {
        match self {
            Self::Client => custom::create(manifest, customs, version),
            Self::Server | Self::ServerForced => server_side::create(manifest, customs, version),
        }
    }

    /// Applies a manifest over a stored object. Without a last-applied manifest nothing counts as removed.
    #[must_use]
    pub fn apply(
        self,
        last_applied: Option<&Node>,
        stored: &Node,
        manifest: &Node,
        customs: &Customs,
        version: Version,
    ) -> (Applied, Vec<Conflict>) {
        match self {
            Self::Client => {
                (custom::apply(last_applied.unwrap_or(manifest), stored, manifest, customs, version), Vec::new())
            }
            Self::Server | Self::ServerForced => {
                let Outcome { applied, conflicts, .. } =
                    server_side::apply(last_applied, stored, manifest, self.applier(), customs, version);
                (applied, conflicts)
            }
        }
    }
}
