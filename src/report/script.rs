//! The steps of all runbooks as one script: it asks before each, keeps what is done, and goes on where it was stopped.
//! Its commands are those that are printed, to the letter.

use super::{Report, clean, counted, words};
use crate::printable;
use std::fmt::Write as _;

/// What runs the steps.
const ENGINE: &str = include_str!("script.sh");

/// The whole script.
#[must_use]
pub(crate) fn render(report: &Report) -> String {
    let mut body = String::new();
    let mut number = 0;
    for review in &report.reviews {
        for book in words::books(review) {
            let _ = writeln!(body, "\npart {} {}", word(&review.title), word(&book.title));
            for step in &book.steps {
                number += 1;
                write(step, number, &mut body);
            }
        }
    }
    let what = match report.reviews.iter().filter(|review| !review.judgement.runbooks.is_empty()).collect::<Vec<_>>()[..]
    {
        [] => "nothing: all of it can just be applied".to_owned(),
        [review] => clean(&review.title).replace('\n', " "),
        ref several => counted(several.len(), "review"),
    };
    let engine = ENGINE.replace("@WHAT@", &what).replace("@STEPS@", &number.to_string());
    format!("{engine}{body}\nfinish\n")
}

fn write(step: &words::Told, number: usize, out: &mut String) {
    let command =
        if step.command.contains(|letter: char| letter != '\n' && letter != '\t' && printable::commands(letter)) {
            clean(&step.command)
        } else {
            step.command.clone()
        };
    let mut end = String::from("COMMAND");
    while command.lines().any(|line| line == end) {
        end.push('_');
    }
    let _ = writeln!(
        out,
        "step {number} {} {} {} <<'{end}'\n{command}\n{end}",
        word(&step.before),
        word(&step.expect),
        word(&step.check)
    );
}

/// A text as one word of a shell.
fn word(text: &str) -> String {
    format!("'{}'", clean(text).replace('\'', "'\\''"))
}
