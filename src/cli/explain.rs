//! `explain`: the page of a finding, the meaning of a field, the spec behind a generated file.

use super::output;
use super::{Exit, Result};
use crate::diagnostic::nearest;
use crate::disk::{self, Reach};
use crate::editor;
use crate::failure::Failure;
use crate::layout::HEADER;
use clap::Args;
use std::path::Path;

/// Explain a finding or a field of the spec; for a generated file, say which spec made it.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A code (`SW0101`), its name (`unknown-field`), a field (`storage.size`), or a generated file.
    #[arg(value_name = "CODE, FIELD or FILE")]
    what: String,
}

impl Explain {
    pub(super) fn run(self) -> Result {
        let what = self.what.as_str();
        if let Some(code) =
            crate::codes().into_iter().find(|code| code.id.eq_ignore_ascii_case(what) || code.name == what)
        {
            output::pages(&format!("{} ({}, {})\n\n{}", code.id, code.name, code.level.word(), code.page))?;
            return Ok(Exit::Fine);
        }
        if disk::is_file(Path::new(what)) {
            return generated(Path::new(what));
        }
        if let Some(text) = field(what) {
            output::pages(&text)?;
            return Ok(Exit::Fine);
        }
        let help = similar(what).map_or_else(
            || {
                "it may be a code such as `SW0201`, a field such as `storage.size`, or a generated file. \
                    `docs/rules/` lists all codes"
                    .to_owned()
            },
            |near| format!("did you mean `{near}`?"),
        );
        Err(Failure::new(format!("nothing is known of `{what}`; {help}")))
    }
}

/// What was most likely meant: a code, the name of one, or a field, by its path.
fn similar(what: &str) -> Option<String> {
    let codes = crate::codes();
    let words = codes.iter().flat_map(|code| [code.id, code.name]);
    let fields = crate::spec::root().all_fields();
    let near = nearest(what, words.chain(fields.iter().map(|field| field.name))).map(str::to_owned);
    near.or_else(|| {
        let parts: Vec<&str> = what.split('.').collect();
        let wrong = (1..parts.len()).find(|end| field(&parts[..=*end].join(".")).is_none())?;
        // What stands there may be a name of the user's own, with the fields one deeper.
        let above = &parts[..wrong];
        let deeper = [above, &["name"]].concat();
        let known: Vec<String> = [above, &deeper[..]]
            .into_iter()
            .flat_map(|path| editor::proposals(crate::spec::root(), path, &crate::kubernetes_fields))
            .map(|proposal| proposal.name)
            .collect();
        let mut meant = above.to_vec();
        meant.push(nearest(parts[wrong], known.iter().map(String::as_str))?);
        meant.extend(&parts[wrong + 1..]);
        let meant = meant.join(".");
        field(&meant).is_some().then_some(meant)
    })
}

/// Says which spec made a file, from the file's own first line.
fn generated(path: &Path) -> Result {
    let first = disk::first_line(&Reach::default(), path)?;
    let Some(rest) = first.strip_prefix(HEADER) else {
        return Err(Failure::new(format!(
            "{} was not made by statewright: its first line does not say so",
            path.display()
        )));
    };
    output::data(&format!("{}: made from {rest}\n", path.display()))?;
    Ok(Exit::Fine)
}

/// The meaning of a field, by its path.
fn field(path: &str) -> Option<String> {
    let meaning = editor::meaning(crate::spec::root(), path.split('.'))?;
    Some(editor::page(path, meaning, &crate::kubernetes_fields))
}
