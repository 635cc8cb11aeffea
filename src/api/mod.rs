//! The API server, offline: what it makes of a manifest, of a change and of an apply, in its own paths and words. Knows
//! no cluster.

pub mod admission;
pub mod apply;
pub mod cel;
pub mod change;
pub mod custom;
pub(crate) mod defaults;
pub mod live;
pub(crate) mod patch;
pub(crate) mod plugin;
pub mod server_side;
pub mod way;
