//! A pager, as git has one: a text that does not fit on the screen is shown by what the user pages with. Knows nothing of
//! the text.
#![expect(clippy::disallowed_methods, reason = "PAGER is read here, at the edge")]

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

/// Shows a text that is longer than the screen. Says whether it could: if not, nothing was printed.
pub(super) fn shows(text: &str) -> bool {
    let stdout = std::io::stdout();
    let rows = terminal_size::terminal_size_of(&stdout).map_or(0, |(_, height)| usize::from(height.0));
    if !stdout.is_terminal() || rows == 0 || text.lines().count() < rows {
        return false;
    }
    pager().is_some_and(|pager| runs(&pager, text))
}

/// What the user pages with; none where that is nothing, or `cat`.
fn pager() -> Option<String> {
    let said = ["STATEWRIGHT_PAGER", "PAGER"].iter().find_map(|name| std::env::var(name).ok());
    let pager = said.or_else(|| (!cfg!(windows)).then(|| "less".to_owned()))?;
    (!pager.trim().is_empty() && pager.trim() != "cat").then_some(pager)
}

/// Runs it as a shell does, because people write options into the variable.
fn runs(pager: &str, text: &str) -> bool {
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(shell);
    command.arg(option).arg(pager).stdin(Stdio::piped());
    // A short text is not paged, colours are shown, and what was read stays on the screen.
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut input) = child.stdin.take() {
        // Whoever has read enough leaves the rest.
        let _ = input.write_all(text.as_bytes());
    }
    // A shell that finds no such program says so, and gives 127.
    child.wait().is_ok_and(|status| status.code() != Some(127))
}
