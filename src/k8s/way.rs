//! The two ways in which manifests are applied to a cluster, by their names.

/// How manifests are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// `kubectl apply`, and Argo CD unless it is told otherwise: it sends what differs from last time.
    #[default]
    Client,
    /// `kubectl apply --server-side`: the server knows who manages which field, and a field that another manager has set
    /// to something else is a conflict.
    Server,
    /// `kubectl apply --server-side --force-conflicts`, Flux, and Argo CD with `ServerSideApply=true`: such a field is
    /// taken from the other manager.
    ServerForced,
}

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
}
