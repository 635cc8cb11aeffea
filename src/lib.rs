//! Statewright compiles the spec of a stateful app into its Kubernetes manifests, and rehearses them offline.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod cluster;
pub mod diagnostic;
pub mod disk;
pub mod failure;
pub mod k8s;
pub mod layout;
pub mod report;
pub mod source;
pub mod value;
pub mod yaml;
