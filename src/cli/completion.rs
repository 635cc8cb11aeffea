//! What a shell offers at TAB: apps, environments, codes, fields and versions, as the folder has them at that moment.
//! Says nothing when something is wrong: whoever types is not to be interrupted.

use super::project::Selection;
use super::{Arguments, Exit, Result, output};
use crate::disk;
use crate::editor;
use crate::failure::Failure;
use crate::k8s::version::Version;
use crate::report::Format;
use clap::{Arg, Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::{CompleteEnv, Shells};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the scripts set when they ask.
const ASKS: &str = "STATEWRIGHT_COMPLETE";
/// So many apps are read for the names of their environments, and offered: a key was pressed, and somebody waits.
const MOST_APPS: usize = 200;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Result {
        let shells = Shells::builtins();
        let name = self.shell.to_string();
        let shell = shells.completer(&name).ok_or_else(|| Failure::new(format!("{name} cannot be served")))?;
        let (mut script, program) = (Vec::new(), "statewright");
        shell
            .write_registration(ASKS, program, program, program, &mut script)
            .map_err(|error| Failure::new(error.to_string()))?;
        output::data(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Fine)
    }
}

/// Answers a shell that asks, if one does.
pub(super) fn answered() -> Option<ExitCode> {
    let here = std::env::current_dir().ok();
    let request = CompleteEnv::with_factory(|| answering(Arguments::command())).var(ASKS);
    match request.try_complete(std::env::args_os(), here.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        Err(_) => Some(ExitCode::from(2)),
    }
}

/// The command line with what each of its arguments may be. That is told by what they are called, for many commands
/// have the same.
fn answering(command: Command) -> Command {
    let command = command.mut_subcommands(answering);
    command.mut_args(|argument| match argument.get_id().as_str() {
        "paths" => argument.add(apps()),
        "environments" | "environment" | "env" | "one" | "other" if !is_pair(&argument) => argument.add(environments()),
        "kubernetes" | "from" | "to" => argument.add(versions()),
        "targets" => argument.add(formats()),
        "what" => argument.add(explained()),
        _ => argument,
    })
}

/// Whether it is a name and a path: `prod=overlays/prod`.
fn is_pair(argument: &Arg) -> bool {
    argument.get_value_names().is_some_and(|names| names.iter().any(|name| name.contains('=')))
}

/// Environments of the apps that the words typed so far name, or of all below this folder.
fn environments() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut names = BTreeSet::new();
        for candidate in candidates().unwrap_or_default().iter().take(MOST_APPS) {
            let seen = candidate.peek(false, super::project::Loaded::environments);
            names.extend(seen.ok().flatten().unwrap_or_default());
        }
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Folders of apps, and any path.
fn apps() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let selection = Selection { paths: vec![PathBuf::from(".")], ..Selection::default() };
        let begins = typed.to_string_lossy().into_owned();
        let specs = disk::find_specs(&selection.reach, &selection.paths).unwrap_or_default();
        let folders = specs.iter().filter_map(|spec| Some(spec.parent()?.strip_prefix(".").ok()?.to_str()?.to_owned()));
        let fitting = folders.filter(|folder| !folder.is_empty() && folder.starts_with(&begins)).take(MOST_APPS);
        let mut list: Vec<CompletionCandidate> = fitting.map(CompletionCandidate::new).collect();
        list.extend(PathCompleter::any().complete(typed));
        list
    })
}

/// Codes, their names, and fields of the spec, a step at a time.
fn explained() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let offered = |name: String, text: &str| {
            CompletionCandidate::new(name).help(Some(text.lines().next().unwrap_or_default().to_owned().into()))
        };
        let (above, begun) = typed.rsplit_once('.').unwrap_or(("", &typed));
        let path: Vec<&str> = above.split('.').filter(|step| !step.is_empty()).collect();
        let root = crate::spec::root();
        let joined = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        let fields = editor::proposals(root, &path, &crate::kubernetes_fields).into_iter().filter(|one| one.is_field);
        let mut list: Vec<CompletionCandidate> = fields
            .filter(|field| field.name.starts_with(begun))
            .map(|field| offered(joined(&field.name), &field.text))
            .collect();
        if above.is_empty() {
            for code in crate::codes() {
                let fitting = [(code.id, code.name), (code.name, code.id)].into_iter();
                list.extend(
                    fitting
                        .filter(|(name, _)| name.starts_with(begun))
                        .map(|(name, other)| offered(name.to_owned(), other)),
                );
            }
            list.extend(PathCompleter::file().complete(OsStr::new(&*typed)));
        }
        list
    })
}

/// The versions of Kubernetes that are known.
fn versions() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        Version::all().rev().map(|version| CompletionCandidate::new(version.to_string())).collect()
    })
}

/// The formats of reports.
fn formats() -> ArgValueCandidates {
    ArgValueCandidates::new(|| Format::ALL.iter().map(|(name, _)| CompletionCandidate::new(*name)).collect())
}

/// The apps that are meant: those in what was named already.
fn candidates() -> Option<Vec<super::project::Candidate>> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(3).map(PathBuf::from);
    let mut paths: Vec<PathBuf> = words.filter(|word| is_of_apps(word)).collect();
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    Selection { paths, ..Selection::default() }.candidates().ok()
}

fn is_of_apps(path: &Path) -> bool {
    !path.as_os_str().is_empty() && super::check::holds_specs(&crate::disk::Reach::default(), path)
}
