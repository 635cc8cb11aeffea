//! `schema`: the JSON Schemas of what users write, and of what programs read.

use super::output;
use super::{Exit, Result};
use clap::Args;

/// Print the JSON Schema of the spec.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Print the workspace's instead.
    #[arg(long)]
    workspace: bool,
    /// Print that of the reports that `--format json` gives instead.
    #[arg(long, conflicts_with = "workspace")]
    report: bool,
}

impl Schema {
    pub(super) fn run(&self) -> Result {
        match (self.workspace, self.report) {
            (true, _) => output::data(&crate::workspace_schema()),
            (_, true) => output::data(crate::report::json::SCHEMA),
            _ => output::data(&crate::app_schema()),
        }?;
        Ok(Exit::Fine)
    }
}
