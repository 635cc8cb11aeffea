//! A live object: what the next apply of a manifest makes of it, and what others made of it since the last one. Knows no
//! cluster, and no bundle.

pub mod drift;
pub mod next;
pub(crate) mod note;
pub mod place;

/// The manager by whose name `kubectl apply` merges on its own side.
pub const CLIENT_SIDE: &str = "kubectl-client-side-apply";
