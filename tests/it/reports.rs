//! One fixed report in every format, and those with a published schema against that schema.

use crate::fixed::{findings, large, report};
use crate::golden::golden;
use statewright::report::{Format, Report, human, human_review};
use statewright::review::risk::Risk;

#[test]
fn formats() {
    for (format, extension) in [
        (Format::Human, "txt"),
        (Format::Json, "json"),
        (Format::Sarif, "sarif"),
        (Format::Github, "github.txt"),
        (Format::Gitlab, "gitlab.json"),
        (Format::Junit, "junit.xml"),
        (Format::Markdown, "md"),
        (Format::Html, "html"),
    ] {
        golden(&format!("reports/findings.{extension}"), &format.render(&Report::of(findings()), false));
        golden(&format!("reports/nothing.{extension}"), &format.render(&Report::default(), false));
        golden(&format!("reports/review.{extension}"), &format.render(&report(), false));
    }
}

#[test]
fn both_texts_stand_beside_each_other_where_there_is_room() {
    golden("reports/review.wide.txt", &human_review::render(&report(), false, 160));
    let narrow = human_review::render(&report(), false, 60);
    assert_eq!(narrow.matches(" │ ").count(), 5, "{narrow}");
    assert_eq!(human_review::render(&report(), false, 30), human_review::render(&report(), false, 0));
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = human::render(&findings(), true);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, human::render(&findings(), false));
    assert!(!human::render(&findings(), false).contains('\u{1b}'));
}

#[test]
fn findings_of_one_form_are_told_in_full_and_then_counted() {
    let own = findings();
    let told = human::render(&own, false);
    assert!(!told.contains("more like those above"), "{told}");
    let many: Vec<_> = own.iter().cloned().cycle().take(own.len() * 1000).collect();
    let text = human::render(&many, false);
    assert!(text.len() < told.len() * 25, "{} bytes for a thousand times {}", text.len(), told.len());
    let heads = |text: &str| text.lines().filter(|line| line.contains("[SW")).count();
    let counted: usize = text
        .lines()
        .filter_map(|line| line.split_once("]: ")?.1.split_once(" more like those above")?.0.parse::<usize>().ok())
        .sum();
    let lines_that_count = text.matches("more like those above").count();
    assert_eq!(heads(&text) - lines_that_count + counted, many.len());
}

#[test]
fn many_findings_stay_within_what_a_comment_and_a_step_take() {
    let many = Report::of(findings().into_iter().cycle().take(4000).collect());
    assert!(Format::Markdown.render(&many, false).chars().count() < 65_536);
    assert!(Format::Github.render(&many, false).lines().count() <= 30);
}

#[test]
fn a_comment_names_every_object_at_risk_whatever_the_size() {
    // 20,000 objects at risk, in names that end in numbers.
    let text = Format::Markdown.render(&large(200, 99, true), false);
    assert!(text.chars().count() < 65_536, "{}", text.len());
    for app in 0..200 {
        assert!(text.contains(&format!("StatefulSet `pets/app{app:04}`")), "app{app:04}");
        assert!(text.contains(&format!("`pets.data-app{app:04}-0…98`")), "app{app:04}");
    }
    assert!(!text.contains("at risk, whose names do not fit here"));
    assert!(text.contains("200 data at risk") && text.contains("Not shown here, for want of room: "), "{text}");
    // A thousand in names that nothing can shorten.
    let report = large(10, 100, false);
    let text = Format::Markdown.render(&report, false);
    assert!(text.chars().count() < 65_536, "{}", text.len());
    for risk in report.reviews.iter().flat_map(|review| &review.judgement.risks) {
        assert!(text.contains(risk.about.name.as_str()), "{} is not named", risk.about.name);
    }
    // More than fit: the worst first, the others counted.
    let mut report = large(200, 99, false);
    report.reviews[0].judgement.risks.iter_mut().for_each(|risk| risk.acknowledged = true);
    let text = Format::Markdown.render(&report, false);
    assert!(text.chars().count() < 65_536, "{}", text.len());
    let left = text.lines().find(|line| line.contains("whose names do not fit here")).unwrap();
    let left: usize = left.split(' ').nth(1).unwrap().parse().unwrap();
    let list = text.split("#### ").find(|section| section.starts_with("Data at risk")).unwrap();
    let is_named = |risk: &&Risk| list.contains(&format!("{}`", risk.about.name));
    let named = report.reviews.iter().flat_map(|review| &review.judgement.risks).filter(is_named).count();
    assert!(named > 1_000 && named + left == 20_000, "{named} and {left}");
    assert!(!text.contains("acknowledged: "), "what is acknowledged comes last");
}

/// GitHub's own grammar, as comrak has it: only our own tags come out, no link, no picture, and nothing in plain text
/// that GitHub or GitLab would make a reference of.
#[test]
fn a_comment_is_read_as_it_was_meant() {
    use comrak::nodes::NodeValue;
    for report in [report(), Report::of(findings()), large(3, 50, false)] {
        let text = Format::Markdown.render(&report, false);
        let mut options = comrak::Options::default();
        (options.extension.table, options.extension.autolink, options.extension.strikethrough) = (true, true, true);
        options.extension.math_dollars = true;
        let arena = comrak::Arena::new();
        let root = comrak::parse_document(&arena, &text, &options);
        for node in root.descendants() {
            match &node.data.borrow().value {
                NodeValue::HtmlInline(tag) => assert_eq!(tag, "<br>"),
                NodeValue::HtmlBlock(block) => {
                    for tag in block.literal.split('<').skip(1) {
                        let known = [
                            "!-- statewright -->",
                            "details>",
                            "/details>",
                            "summary>",
                            "/summary>",
                            "code>",
                            "/code>",
                        ];
                        assert!(known.iter().any(|known| tag.starts_with(known)), "<{tag}");
                    }
                }
                NodeValue::Link(_)
                | NodeValue::Image(_)
                | NodeValue::Strikethrough
                | NodeValue::Emph
                | NodeValue::Math(_) => {
                    panic!("{node:?}")
                }
                NodeValue::Text(text) => {
                    for sign in [
                        "@octocat",
                        "#1",
                        "www.example",
                        "://",
                        "![x",
                        "!1",
                        "~bug",
                        "%next",
                        "&1",
                        "$x",
                        ":tada:",
                        "GH-1",
                        "@b.org",
                    ] {
                        assert!(!text.contains(sign), "{sign} in {text}");
                    }
                }
                _ => {}
            }
        }
    }
}

/// A hundred apps that take one image are one thing to decide, and the one that loses data stands first.
#[test]
fn the_same_change_in_many_apps_is_told_once() {
    use statewright::review::Place;
    use statewright::review::verdict::Verdict;
    let mut report = large(1, 2, false);
    let template = report.reviews.remove(0);
    let one = crate::fixed::restart_of;
    let mut reviews: Vec<_> = (0..100)
        .flat_map(|app| ["dev", "prod"].map(|environment| (format!("app{app:03}"), environment)))
        .map(|(app, environment)| {
            let mut review = one(&app);
            review.title = format!("{app} in {environment}");
            review.place = Some(Place { app, environment: environment.into() });
            review
        })
        .collect();
    let mut other = template;
    other.title = "app050 in stage".into();
    other.place = Some(Place { app: "app050".into(), environment: "stage".into() });
    other.judgement.verdict = Verdict::AtRisk;
    reviews.push(other);
    let report = Report::compared(statewright::report::Against::Files, Vec::new(), reviews);
    let text = Format::Human.render(&report, false);
    assert!(text.lines().count() <= 60, "{text}");
    assert!(text.starts_with("app050 in stage: ") && text.contains("↻ restart"), "{text}");
    assert!(text.contains("200 reviews in 100 apps") && text.contains("Plan: 1 data at risk, 200 restart."), "{text}");
    let comment = Format::Markdown.render(&report, false);
    assert!(comment.lines().count() <= 120, "{comment}");
    assert!(comment.lines().nth(1).unwrap().contains("1 data at risk, 200 restart"), "{comment}");
    let page = Format::Html.render(&report, false);
    assert_eq!(page.matches("<article").count(), 2);
    assert!(page.contains("<table class=\"matrix\">") && page.len() < 1 << 20);
}
