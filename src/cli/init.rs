//! `init`: something to start from.

use super::output;
use super::{Exit, Result};
use crate::disk::{self, Reach};
use crate::failure::Failure;
use clap::Args;
use std::path::{Path, PathBuf};

/// Write a spec to start from.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The app's folder; its name becomes the app's.
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// Also write a workspace, with the CI step, the hook and the plugin's Application.
    #[arg(long)]
    workspace: bool,
}

const APP: &str = include_str!("scaffold/statewright.yaml");
const WORKSPACE: &[(&str, &str)] = &[
    ("statewright-workspace.yaml", include_str!("scaffold/statewright-workspace.yaml")),
    (".github/workflows/statewright.yaml", include_str!("scaffold/workflow.yaml")),
    (".pre-commit-config.yaml", include_str!("scaffold/pre-commit-config.yaml")),
    ("argocd/application.yaml", include_str!("scaffold/application.yaml")),
];

impl Init {
    pub(super) fn run(self) -> Result {
        let name = app_name(&self.folder)?;
        let mut files = vec![(disk::SPEC, APP.replace("{name}", &name))];
        if self.workspace {
            files.extend(WORKSPACE.iter().map(|(path, text)| (*path, text.replace("{name}", &name))));
        }
        let reach = Reach::default();
        for (path, text) in files {
            let path = self.folder.join(path);
            let word = if disk::write_new(&reach, &path, &text)? { "wrote" } else { "left as it is:" };
            output::remark(&format!("{word} {}\n", disk::name_of(&path)));
        }
        output::remark(&format!("next: statewright compile {}\n", disk::name_of(&self.folder)));
        Ok(Exit::Fine)
    }
}

/// The folder's name as an app's name.
fn app_name(folder: &Path) -> std::result::Result<String, Failure> {
    let absolute = std::path::absolute(folder).map_err(|error| Failure::io("read", folder, &error))?;
    let name = absolute.file_name().map_or_else(String::new, |name| name.to_string_lossy().to_lowercase());
    let name: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let name = name.trim_matches('-').trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
    Ok(if name.is_empty() { "app".to_owned() } else { name.chars().take(52).collect() })
}
