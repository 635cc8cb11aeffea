//! The page: nothing but text comes of anybody's text, nothing is loaded from anywhere, and a real browser runs it
//! without a complaint.

use crate::commands::statewright;
use crate::fixed::{HOSTILE, findings, large, report};
use crate::scratch::Scratch;
use sha2::{Digest, Sha256};
use statewright::report::{Against, Format, Report, html};
use std::path::Path;
use std::process::Command;

fn page(report: &Report) -> String {
    Format::Html.render(report, false)
}

#[test]
fn the_page_may_run_and_apply_its_own_files_alone() {
    let of = |text: &str| base64(&Sha256::digest(text.as_bytes()));
    assert_eq!(
        html::HASHES,
        [of(html::STYLE), of(html::SCRIPT)].map(|hash| &*hash.leak()),
        "src/report/html/mod.rs names other files"
    );
    let text = page(&report());
    assert_eq!(text.matches("<script").count(), 1);
    assert_eq!(text.matches("<style").count(), 1);
    assert!(text.contains("default-src 'none'"));
    assert!(!text.contains(HOSTILE) && text.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    for outside in ["src=", "url(", "@import", "http:", "https://", "style=\"", "onclick"] {
        let text = text.replace("https://example.com", "").replace("default-src=", "");
        assert!(!text.contains(outside), "{outside}");
    }
    for link in text.split("href=\"").skip(1) {
        assert!(link.starts_with('#'), "{}", &link[..40]);
    }
}

#[test]
fn elements_are_closed_and_names_are_unique() {
    for report in [
        report(),
        Report::of(findings()),
        Report::default(),
        Report::compared(Against::Files, Vec::new(), Vec::new()),
        large(3, 150, false),
    ] {
        let text = page(&report);
        let body = text.split("</style>").nth(1).unwrap().split("<script>").next().unwrap();
        for tag in [
            "details", "div", "section", "article", "span", "ul", "ol", "li", "dl", "p", "table", "td", "code",
            "header", "main", "nav",
        ] {
            let (begun, ended) = (
                body.matches(&format!("<{tag}>")).count() + body.matches(&format!("<{tag} ")).count(),
                body.matches(&format!("</{tag}>")).count(),
            );
            assert_eq!(begun, ended, "{tag}");
        }
        let mut names: Vec<&str> = body.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "an id is there twice");
    }
}

#[test]
fn a_large_change_makes_no_page_that_a_browser_chokes_on() {
    let text = page(&large(200, 99, true));
    assert!(text.len() < 8_000_000, "{}", text.len());
    assert!(text.contains("pets.data-app0199-0") || text.contains("app0199 in prod"));
    assert!(text.contains("more objects: "), "what is left out is counted");
}

/// What a person would do, as a script: it types into the filter, presses keys, and writes down what it saw.
const DRIVER: &str = r##"<script>
addEventListener("load", () => {
  const seen = [];
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((item) => item.offsetParent !== null).length;
  const press = (key) => (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const filter = document.querySelector("#filter");
  const type = (text) => { filter.value = text; filter.dispatchEvent(new Event("input")); };
  seen.push(`all ${shown(".object")} ${shown(".review")}`);
  press("/");
  seen.push(`focus ${document.activeElement.id}`);
  type("postgres");
  seen.push(`postgres ${shown(".object")} ${shown(".review")} ${document.querySelector("output").textContent}`);
  type("no such thing");
  seen.push(`nothing ${shown(".object")} ${shown(".review")} ${shown(".empty")}`);
  press("Escape");
  seen.push(`again ${shown(".object")} ${shown(".review")}`);
  press("j");
  press("j");
  seen.push(`at ${document.activeElement.textContent.includes("StatefulSet pets/kubia")}`);
  press("k");
  seen.push(`back ${document.activeElement.getAttribute("href")}`);
  press("e");
  seen.push(`open ${document.querySelectorAll("details.object[open]").length}`);
  document.querySelector(".verdicts .restart").click();
  seen.push(`restart ${shown(".object")}`);
  press("?");
  seen.push(`keys ${document.querySelector("dialog").open}`);
  const result = document.createElement("meta");
  result.name = "seen";
  result.content = seen.join(";");
  document.head.append(result);
});
</script></body>"##;

#[test]
fn a_browser_shows_it_and_answers_to_keys() {
    let Some(browser) = browser() else {
        return println!("left out: the page in a browser, because Chromium is not there");
    };
    let scratch = Scratch::new("html");
    let text = page(&report());
    let (dom, said) = run(&browser, &scratch, &text);
    assert!(!said.contains("CONSOLE"), "the browser complains\n{said}");
    assert!(dom.contains("class=\"tools\"><form"), "the script did not run");
    assert!(dom.contains("in place</button>"), "the script made no buttons");
    // Reading needs no script.
    let quiet = text.replace(html::HASHES[1], "none");
    let (dom, _) = run(&browser, &scratch, &quiet);
    assert!(
        dom.contains("class=\"tools\" hidden=\"\"") && dom.contains("data-kubia-2"),
        "without its script the page is not whole"
    );
    // The driver is another script than the page's own, so the policy goes.
    let (dom, said) = run(&browser, &scratch, &without_policy(&text, DRIVER));
    let expected = "all 9 5;focus filter;postgres 1 1 1 of 9 objects;nothing 0 0 1;again 9 5;at true;back #r0;open \
        5;restart 1;keys true";
    assert_eq!(seen(&dom), expected, "{said}");
}

/// Opens all that can be opened, and says whether anything is wider than the window.
const MEASURE: &str = r#"<script>
addEventListener("load", () => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const result = parent.document.createElement("meta");
  result.name = "seen";
  result.content = `${innerWidth} ${document.documentElement.scrollWidth <= innerWidth}`;
  parent.document.head.append(result);
});
</script></body>"#;

#[test]
fn nothing_is_wider_than_a_phone() {
    let Some(browser) = browser() else {
        return println!("left out: the page on a phone, because Chromium is not there");
    };
    let scratch = Scratch::new("html-phone");
    for (step, arguments) in
        [["compile", "."].as_slice(), &["diff", ".", "--format", "html=page.html"]].iter().enumerate()
    {
        for app in ["orders", "payments-of-all-customers-everywhere"] {
            scratch.write(
                &format!("{app}/statewright.yaml"),
                format!(
                    "apiVersion: statewright/v1\nkind: App\nname: {app}\nimage: example.com/app:{step}\nreplicas: 3\n\
                     ports: {{http: 80}}\nstorage: {{data: {{mount: /data, size: 1Gi}}}}\n\
                     environments: {{dev: {{}}, staging: {{}}, prod: {{volumes: {{hostPath: /disks}}}}}}\n"
                ),
            );
        }
        statewright(scratch.path(), arguments);
    }
    let text = std::fs::read_to_string(scratch.path().join("page.html")).unwrap();
    for page in [text, page(&report())] {
        // No window of a desktop is as narrow as a phone, but a frame can be.
        let page = without_policy(&page, MEASURE).replace('&', "&amp;").replace('"', "&quot;");
        let phone = "style=\"width: 390px; height: 844px; border: 0\"";
        let framed = format!("<!doctype html><html><body><iframe {phone} srcdoc=\"{page}\"></iframe></body></html>");
        let (dom, said) = run(&browser, &scratch, &framed);
        assert_eq!(seen(&dom), "390 true", "{said}");
    }
}

/// A page that a script of ours, which its policy would not let in, looks at.
fn without_policy(text: &str, driver: &str) -> String {
    let policy = text.find("<meta http-equiv").unwrap();
    let end = policy + text[policy..].find('>').unwrap() + 1;
    format!("{}{}", &text[..policy], &text[end..]).replace("</body>", driver)
}

/// What such a script noted.
fn seen(dom: &str) -> &str {
    dom.split("name=\"seen\" content=\"").nth(1).map(|rest| rest.split('"').next().unwrap()).unwrap_or_default()
}

/// A browser's elements after the page has run, and what it said.
fn run(browser: &str, scratch: &Scratch, page: &str) -> (String, String) {
    let file = scratch.write("page.html", page);
    let profile = scratch.path().join("profile");
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,1000"])
        .args(["--virtual-time-budget=3000", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn browser() -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders: Vec<_> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let paths = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    paths.into_iter().find(|path| Path::is_file(path)).map(|path| path.to_string_lossy().into_owned())
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * position) & 63) as usize];
            out.push(if position > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    out
}
