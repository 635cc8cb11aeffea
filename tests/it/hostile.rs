//! Input made to hurt: each file is answered with a finding at its place, in bounded time and memory, as a spec and as
//! a manifest.

#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "texts are built to be read here, not to be fast"
)]

use crate::scratch::Scratch;
use std::process::Command;
use std::time::{Duration, Instant};

const SPEC: &str = "apiVersion: statewright/v1\nkind: App\nname: web\nimage: example.com/web:1.0\n";
const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

/// What it says about a text, as the spec of an app or as a manifest, with a gigabyte of address space and a minute.
fn said(text: &[u8], as_spec: bool) -> (Option<i32>, String) {
    let scratch = Scratch::new("hostile");
    let name = if as_spec { "statewright.yaml" } else { "manifest.yaml" };
    scratch.write(name, text);
    let start = Instant::now();
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 1000000; exec \"$0\" check \"$1\"", env!("CARGO_BIN_EXE_statewright"), name])
        .current_dir(scratch.path())
        .output()
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "{name}: {:?}", start.elapsed());
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}

/// Both uses of a text must name this code and this place.
#[track_caller]
fn finds(code: &str, place: &str, text: impl AsRef<[u8]>) {
    for (as_spec, name) in [(true, "statewright.yaml"), (false, "manifest.yaml")] {
        found(as_spec, name, code, place, text.as_ref());
    }
}

#[track_caller]
fn found(as_spec: bool, name: &str, code: &str, place: &str, text: &[u8]) {
    let (exit, said) = said(text, as_spec);
    let short: String = said.chars().take(2000).collect();
    assert_eq!(exit, Some(1), "{name}: {short}");
    assert!(
        said.contains(code) && said.contains(&format!("{name}:{place}")),
        "{name} should say {code} at {place}: {short}"
    );
}

#[test]
fn nesting() {
    finds("SW0008", "1:", "[".repeat(100_000));
    finds("SW0008", "1:", "{a: ".repeat(100_000));
    finds("SW0008", "1:", "- ".repeat(20_000) + "x");
    let steps: String = (0..5000).map(|depth| format!("{:depth$}a:\n", "")).collect();
    finds("SW0008", "", steps);
    finds("SW0008", "1:", "? ".repeat(20_000));
}

#[test]
fn aliases() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (letter, before) in ('b'..='k').zip('a'..) {
        bomb.push_str(&format!(
            "{letter}: &{letter} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}, \
                *{before}]\n"
        ));
    }
    found(true, "statewright.yaml", "SW0006", "2:8", bomb.as_bytes());
    found(false, "manifest.yaml", "SW0008", "", bomb.as_bytes());
    found(true, "statewright.yaml", "SW0005", "6:3", format!("{SPEC}env:\n  <<: {{A: b}}\n").as_bytes());
    found(true, "statewright.yaml", "SW0004", "5:", format!("{SPEC}vars: {{a: !!str 3}}\n").as_bytes());
}

#[test]
fn size() {
    let filler = "# ".to_owned() + &"x".repeat(998) + "\n";
    let large = SPEC.to_owned() + &filler.repeat(100_000);
    found(true, "statewright.yaml", "SW0008", "1:1", large.as_bytes());
    let large = MANIFEST.to_owned() + "data:\n  a: \"" + &"x".repeat(100_000_000) + "\"\n";
    found(false, "manifest.yaml", "SW0008", "1:1", large.as_bytes());
    let keys: String = (0..300_000).map(|number| format!("  k{number}: v\n")).collect();
    let (exit, said) = said(format!("{MANIFEST}data:\n{keys}").as_bytes(), false);
    assert!(matches!(exit, Some(0 | 1)), "{}", said.chars().take(500).collect::<String>());
}

#[test]
fn bytes() {
    finds("SW0002", "2:4", b"a: b\nc: \xff\n");
    finds("SW0002", "1:1", b"\xff\xfea\0:\0");
    finds("SW0001", "1:", "a: \u{1}\n");
    finds("SW0001", "1:", "a: \"\u{7}\"\n");
    finds("SW0002", "1:", b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\xff\xff");
}

#[test]
fn what_is_harmless_is_taken() {
    for text in
        [format!("\u{feff}{SPEC}"), SPEC.replace('\n', "\r\n"), format!("---\n{SPEC}---\n"), SPEC.trim_end().to_owned()]
    {
        let (exit, said) = said(text.as_bytes(), true);
        assert_eq!(exit, Some(0), "{text:?}: {said}");
    }
    for text in [
        format!("\u{feff}{MANIFEST}"),
        MANIFEST.replace('\n', "\r\n"),
        format!("---\n---\n{MANIFEST}---\n# end\n"),
        String::new(),
    ] {
        let (exit, said) = said(text.as_bytes(), false);
        assert_eq!(exit, Some(0), "{text:?}: {said}");
    }
}

#[test]
fn documents_and_keys() {
    found(true, "statewright.yaml", "SW0007", "1:1", b"");
    found(true, "statewright.yaml", "SW0007", "1:1", b"# nothing\n");
    found(true, "statewright.yaml", "SW0007", "6:1", format!("{SPEC}---\n{SPEC}").as_bytes());
    finds("SW0003", "", format!("{SPEC}name: other\n"));
    finds("SW0001", "1:", "a: b\n\tc: d\n");
    finds("SW0001", "", "a: [b\n");
}

/// Texts on which readers are known to take time that grows with the square of the length.
#[test]
fn slow_texts() {
    for text in [
        "a: ".to_owned() + &"x\n ".repeat(100_000),
        "a: \"".to_owned() + &"\\\n ".repeat(100_000) + "\"",
        "- |\n".to_owned() + &" \n".repeat(200_000),
        "a: '".to_owned() + &"''".repeat(200_000) + "'",
        "[".to_owned() + &"a: b, ".repeat(50_000) + "]",
        "{".to_owned() + &"? a : b, ".repeat(20_000) + "}",
        "#".repeat(400_000),
        "\n".repeat(400_000),
        "---\n".repeat(100_000),
        "--- a\n".repeat(50_000),
        "!".repeat(100_000),
        "&a ".repeat(100_000),
        "%TAG ! x\n".repeat(50_000),
        (0..50_000).map(|number| format!("&a{number} x{number}: *a{}\n", number - number.min(1))).collect(),
    ] {
        for as_spec in [true, false] {
            let begin = Instant::now();
            let (exit, said) = said(text.as_bytes(), as_spec);
            let head: String = text.chars().take(20).collect();
            println!("{head:?} {as_spec}: {:?}", begin.elapsed());
            assert!(matches!(exit, Some(0 | 1)), "{head:?}: {exit:?} {}", said.chars().take(500).collect::<String>());
        }
    }
}
