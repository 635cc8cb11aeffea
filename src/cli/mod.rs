//! The command line: arguments, dispatch, exit codes. One file per subcommand; decides nothing about manifests.

mod affected;
mod apply;
mod argocd;
mod check;
mod ci;
mod claims;
mod cluster;
mod committed;
mod compare;
mod compile;
mod completion;
mod definitions;
mod diff;
mod dump;
mod examples;
mod explain;
mod fix;
mod given;
mod graph;
mod import;
mod init;
mod inspect;
mod kubectl;
mod left_over;
mod like;
mod lsp;
mod manual;
mod mcp;
mod neighbours;
mod output;
mod page;
mod pager;
mod project;
mod record;
mod rehearse;
mod schema;
mod snapshot;
mod upgrade;
mod uses;
mod watch;
mod wire;

pub use lsp::replies;

use crate::diagnostic::Code;
use crate::failure::Failure;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::process::ExitCode;
use std::time::Instant;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to complain of.
    Fine,
    /// Something in the user's files is wrong, stale, or differs.
    Found,
    /// A change puts data at risk and nobody has acknowledged it.
    AtRisk,
}

impl From<Exit> for ExitCode {
    fn from(outcome: Exit) -> Self {
        match outcome {
            Exit::Fine => Self::SUCCESS,
            Exit::Found => Self::from(1),
            Exit::AtRisk => Self::from(3),
        }
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  no problems found
  1  something is wrong, stale, or differs
  2  statewright could not run: I/O error or invalid arguments
  3  diff, ci: a change puts data at risk and is not acknowledged";

/// Compiles the specs of stateful apps into Kubernetes manifests, and rehearses them offline.
#[derive(Debug, Parser)]
#[command(name = "statewright", version, about, after_help = EXIT_CODES, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    manner: output::Manner,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a spec to start from.
    #[command(after_help = examples::INIT)]
    Init(init::Init),
    /// Write the specs of apps that run already from their manifests, and prove that nothing changes.
    #[command(after_help = examples::IMPORT)]
    Import(import::Import),
    /// Write the manifests of every app below the paths.
    #[command(after_help = examples::COMPILE)]
    Compile(compile::Compile),
    /// Check specs or any Kubernetes manifests and report every problem.
    #[command(after_help = examples::CHECK)]
    Check(check::Check),
    /// Check the specs and what is committed, and review the change; for pipelines.
    #[command(after_help = examples::CI)]
    Ci(ci::Ci),
    /// Compile, check and review whenever a file changes; with a page for the browser if asked.
    #[command(after_help = examples::WATCH)]
    Watch(watch::Watch),
    /// Compare what would be compiled with what is committed; or two folders of manifests.
    #[command(after_help = examples::DIFF)]
    Diff(diff::Diff),
    /// Compare two environments of each app with each other.
    #[command(after_help = examples::COMPARE)]
    Compare(compare::Compare),
    /// Say what a newer Kubernetes refuses, leaves out, fills in, warns of or does otherwise.
    #[command(after_help = examples::UPGRADE)]
    Upgrade(upgrade::Upgrade),
    /// Simulate applying manifests step by step and show the resulting cluster.
    #[command(after_help = examples::REHEARSE)]
    Rehearse(rehearse::Rehearse),
    /// Reduce a dump of a cluster to what rehearsals and reviews need, fit for git and without what is in Secrets.
    #[command(after_help = examples::SNAPSHOT)]
    Snapshot(snapshot::Snapshots),
    /// List the pods, DNS names, claims, volumes and disks of each replica.
    #[command(after_help = examples::INSPECT)]
    Inspect(inspect::Inspect),
    /// List who uses what of each cluster: disks, node ports, hosts, addresses, names; and how much.
    #[command(after_help = examples::USES)]
    Uses(uses::Uses),
    /// Print what is to be run for each app and environment, with all that it reads and writes, for an engine of builds.
    #[command(after_help = examples::GRAPH)]
    Graph(graph::Graph),
    /// Explain a finding or a field of the spec; for a generated file, say which spec made it.
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::Explain),
    /// Print the JSON Schema of the spec.
    #[command(after_help = examples::SCHEMA)]
    Schema(schema::Schema),
    /// Serve an editor: findings while you type, the meaning of fields, completion.
    #[command(after_help = examples::LSP)]
    Lsp(lsp::Lsp),
    /// Serve an agent: the same checks, reviews and rehearsals over the Model Context Protocol; writes nothing.
    #[command(after_help = examples::MCP)]
    Mcp(mcp::Mcp),
    /// What Argo CD's config-management plugin runs.
    #[command(after_help = examples::ARGOCD)]
    Argocd(argocd::Argocd),
    /// Print a completion script for a shell.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(completion::Completions),
    /// Print the manual page, or write all of them into a folder.
    #[command(after_help = examples::MAN)]
    Man(manual::Man),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let began = Instant::now();
    if let Some(exit) = completion::answered() {
        return exit;
    }
    let read = || {
        let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut command = Arguments::command().color(output::help_colours(&words));
        let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    };
    let arguments: Arguments = match read() {
        Ok(arguments) => arguments,
        Err(error) => {
            if error.use_stderr() {
                refused(&error);
                return ExitCode::from(2);
            }
            // Help and the version are data: whoever asked for them must get them.
            return output::printed(error.print()).map_or_else(failed, |()| ExitCode::SUCCESS);
        }
    };
    arguments.manner.begin();
    let outcome = match arguments.command {
        Command::Init(init) => init.run(),
        Command::Import(import) => import.run(),
        Command::Compile(compile) => compile.run(),
        Command::Check(check) => check.run(),
        Command::Ci(ci) => ci.run(),
        Command::Watch(watch) => watch.run(),
        Command::Diff(diff) => diff.run(),
        Command::Compare(compare) => compare.run(),
        Command::Upgrade(upgrade) => upgrade.run(),
        Command::Rehearse(rehearse) => rehearse.run(),
        Command::Snapshot(snapshot) => snapshot.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Uses(uses) => uses.run(),
        Command::Graph(graph) => graph.run(),
        Command::Explain(explain) => explain.run(),
        Command::Schema(schema) => schema.run(),
        Command::Lsp(lsp) => lsp.run(),
        Command::Mcp(mcp) => mcp.run(),
        Command::Argocd(argocd) => argocd.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    };
    output::detail(&format!("took {:.2} s\n", began.elapsed().as_secs_f32()));
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(failure) => failed(failure),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the end of it")]
fn failed(failure: Failure) -> ExitCode {
    output::talk(&format!("error: {}\n", crate::printable::text(&crate::secret::masked(&failure.message))));
    ExitCode::from(2)
}

/// Says what is wrong with the arguments, which may hold anything.
fn refused(error: &clap::Error) {
    let text = error.render().to_string();
    let said = crate::printable::text(&crate::secret::masked(&text));
    if said == text {
        let _ = error.print();
    } else {
        output::talk(&said);
    }
}

/// The codes of what only a run can find: how the files on disk are.
pub(crate) static CODES: &[&[&Code]] =
    &[ci::CODES, claims::CODES, committed::CODES, definitions::CODES, neighbours::CODES, project::CODES];

/// The result of a subcommand.
type Result = std::result::Result<Exit, Failure>;
