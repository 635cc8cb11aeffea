//! Kubernetes, offline: what the API server, the volume binder and the StatefulSet controller would do. Pure data in, data out.

pub mod admission;
pub mod apply;
pub mod defaults;
pub mod kubectl;
pub mod patch;
pub mod selector;
pub mod store;
