//! What happens in a cluster after the API server has taken a manifest: binder, scheduler, controllers, kubelets. Pure
//! data in, data out.

pub mod agenda;
pub mod binder;
pub mod controller;
pub mod denial;
pub mod dns;
pub mod facts;
pub mod kubectl;
pub mod mark;
pub mod object;
pub mod plugin;
pub mod rehearse;
pub mod residents;
pub mod selector;
pub mod state;
pub mod store;
pub mod world;
