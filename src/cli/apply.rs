//! `--apply`: in which way a run takes manifests to be applied.

use crate::k8s::way::Way;
use clap::ValueEnum;

/// A way of applying, as an argument.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Apply {
    // As `kubectl apply` does it, and Argo CD unless it is told otherwise.
    Client,
    // As `kubectl apply --server-side`: what another manager has set is a conflict.
    Server,
    // As `kubectl apply --server-side --force-conflicts`, and Flux.
    ServerForced,
}

impl From<Apply> for Way {
    fn from(apply: Apply) -> Self {
        match apply {
            Apply::Client => Self::Client,
            Apply::Server => Self::Server,
            Apply::ServerForced => Self::ServerForced,
        }
    }
}
