//! What is to be expected of manifests, as findings at their places: the API server's answer, and what the cluster would make of them.

pub mod judge;
pub mod outlook;
