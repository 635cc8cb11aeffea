//! `snapshot`: a dump of a cluster, reduced to what rehearsals and reviews need, to be kept in git.

use super::dump::{self, Dump, From};
use super::output;
use super::{Exit, Result};
use crate::cluster::snapshot::{Snapshot, reduce};
use crate::disk::{self, Reach};
use crate::report::reduced;
use crate::source::Sources;
use crate::yaml;
use clap::Args;
use std::path::PathBuf;

/// Reduce a dump of a cluster to what rehearsals and reviews need, fit for git and without what is in Secrets.
#[derive(Debug, Args)]
pub(super) struct Snapshots {
    /// What `kubectl get -A -o yaml --show-managed-fields` prints, a folder of such files, the `cluster-resources` of a
    /// Troubleshoot bundle, or what `kwokctl snapshot export` writes; `-` is standard input.
    #[arg(value_name = "PATH", required_unless_present = "context")]
    paths: Vec<PathBuf>,
    /// Read the cluster that kubectl calls so, and show the commands; nothing is changed, and no Secret is read.
    #[arg(long, value_name = "NAME", conflicts_with = "paths")]
    context: Option<String>,
    /// Write to a file instead of stdout.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[arg(skip)]
    reach: Reach,
}

impl Snapshots {
    pub(super) fn run(self) -> Result {
        let from = self.context.as_deref().map_or(From::Paths(&self.paths), From::Context);
        let mut sources = Sources::default();
        let Dump { inventory, findings } = dump::read(&self.reach, &from, &mut sources)?;
        output::findings(&findings, &output::Formats::default())?;
        if output::any_error(&findings) {
            return Ok(Exit::Found);
        }
        let snapshot = reduce(&inventory.bundle());
        let text = written(&snapshot);
        match &self.output {
            Some(file) => disk::write_file(&self.reach, file, &text)?,
            None => output::data(&text)?,
        }
        output::remark(&reduced::render(&snapshot));
        Ok(Exit::Fine)
    }
}

/// The objects, one document each.
fn written(snapshot: &Snapshot) -> String {
    let texts = crate::parallel::map(&snapshot.objects, |object| {
        let mut text = String::from("---\n");
        yaml::write_yaml(object, &mut text);
        text
    });
    texts.concat()
}
