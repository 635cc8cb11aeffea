//! `schema`: the JSON Schema of the spec.

use super::Outcome;
use super::output;
use clap::Args;

/// Print the JSON Schema of the spec.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Print the workspace's instead.
    #[arg(long)]
    workspace: bool,
}

impl Schema {
    pub(super) fn run(&self) -> Outcome {
        output::data(&if self.workspace { crate::workspace_schema() } else { crate::app_schema() });
        Outcome::Fine
    }
}
