//! Kubernetes, offline: what the API server, the volume binder and the StatefulSet controller would do. Pure data in, data out.

pub mod admission;
pub mod agenda;
pub mod apply;
pub mod binder;
pub mod cel;
pub mod change;
pub mod controller;
pub mod custom;
pub mod defaults;
pub mod dns;
pub mod facts;
pub mod judge;
pub mod kubectl;
pub mod mark;
pub mod outlook;
pub mod patch;
pub mod plugin;
pub mod rehearse;
pub mod scenario;
pub mod selector;
pub mod state;
pub mod store;
pub mod world;
