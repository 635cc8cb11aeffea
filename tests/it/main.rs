//! One binary for all tests that look at the whole from outside.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests read files, print and may panic"
)]

mod admission;
#[cfg(unix)]
mod affected;
mod architecture;
mod argocd;
mod ceilings;
mod cel;
#[cfg(unix)]
mod ci;
mod circles;
mod client;
mod commands;
mod completions;
#[cfg(unix)]
mod confinement;
mod conflicts;
mod conformance;
mod corpus;
mod custom;
mod custom_resources;
#[cfg(unix)]
mod disk;
mod drifts;
mod editors;
mod examples;
mod examples_page;
mod failures;
mod fix;
mod fixed;
mod generated;
mod golden;
#[cfg(unix)]
mod graph;
mod hooks;
mod hostile;
#[cfg(unix)]
mod hostile_git;
#[cfg(unix)]
mod hostile_runbooks;
mod html;
#[cfg(unix)]
mod import;
mod init;
mod install;
#[cfg(unix)]
mod kills;
mod left_over;
mod live;
mod lsp;
mod mcp;
mod neighbours;
mod origins;
mod outputs;
mod pager;
mod pages;
mod published;
mod reference;
mod rehearsal;
mod reports;
mod review;
mod scenarios;
mod schema;
mod scratch;
mod script;
mod secrets;
mod server_side;
mod snapshots;
#[cfg(unix)]
mod tutorial;
mod upgrade;
mod uses;
#[cfg(unix)]
mod watch;
mod yaml;
