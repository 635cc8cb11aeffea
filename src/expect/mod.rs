//! What is to be expected of manifests, as findings at their places: the API server's answer, and what the cluster
//! would make of them.

mod home;
pub mod judge;
pub(crate) mod named;
pub(crate) mod outlook;
pub(crate) mod overlap;
pub mod upgrade;
