//! What happens in a cluster after the API server has taken a manifest: binder, scheduler, controllers, kubelets. Pure
//! data in, data out.

pub(crate) mod agenda;
pub(crate) mod binder;
pub(crate) mod controller;
pub(crate) mod denial;
pub(crate) mod dns;
pub mod facts;
pub mod kubectl;
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
pub mod world;
