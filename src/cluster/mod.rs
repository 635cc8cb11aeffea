//! What happens in a cluster after the API server has taken a manifest: binder, scheduler, controllers, kubelets. Pure
//! data in, data out.

pub(crate) mod agenda;
pub(crate) mod binder;
pub(crate) mod controller;
pub mod denial;
pub(crate) mod dns;
pub(crate) mod eviction;
pub mod facts;
pub mod fleet;
pub mod incident;
pub mod kubectl;
pub mod machine;
pub(crate) mod mark;
pub(crate) mod object;
pub(crate) mod plugin;
pub mod rehearse;
pub(crate) mod residents;
pub mod resume;
pub(crate) mod selector;
pub mod snapshot;
pub mod state;
pub mod store;
pub(crate) mod toleration;
pub mod world;
