//! `man`: the manual pages.

use super::output;
use super::{Arguments, Exit, Result};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use clap::{Args, CommandFactory};
use std::path::PathBuf;

/// Print the manual page, or write all of them into a folder.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write a page for each subcommand into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self) -> Result {
        let mut command = Arguments::command();
        command.build();
        let Some(folder) = self.out else {
            output::data(&page(command)?)?;
            return Ok(Exit::Fine);
        };
        let subcommands =
            command.get_subcommands().cloned().map(|sub| (format!("statewright-{}.1", sub.get_name()), sub));
        for (name, command) in std::iter::once(("statewright.1".to_owned(), command.clone())).chain(subcommands) {
            disk::write_file(&Reach::default(), &folder.join(name), &page(command)?)?;
        }
        Ok(Exit::Fine)
    }
}

fn page(command: clap::Command) -> std::result::Result<String, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| Failure::new(error.to_string()))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
