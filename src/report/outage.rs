//! What is lost when things fail, for a person and for programs. Decides nothing.

use super::words::outages::{self, Outages};
use super::{clean, counted, gaps};
use crate::cluster::world::Gap;
use crate::outage::aim::Part;
use crate::outage::fate::Hit;
use crate::outage::forecast::Forecast;
use crate::outage::remedy::{Remedy, Step, Way};
use crate::outage::stage::Stage;
use crate::outage::table::Table;
use serde_json::{Value, json};
use std::fmt::Write as _;

const BOLD: &str = "\u{1b}[1m";
const FAINT: &str = "\u{1b}[2m";
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[33m";
const GREEN: &str = "\u{1b}[32m";
/// No sentence is longer.
const WIDTH: usize = 110;
const PLAIN: &str = "\u{1b}[0m";

/// What is told of things that fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook<'a> {
    /// The cluster before.
    pub stage: &'a Stage,
    /// What comes of each.
    pub forecasts: &'a [Forecast],
    /// What was taken for granted or left open for want of facts.
    pub not_known: &'a [Gap],
    /// How many pods were not ready before.
    pub not_ready: usize,
    /// How many more things were to fail, and were not played.
    pub left_out: usize,
    /// Where several fail in turn, only what there is to be told of each, without its runbook.
    pub brief: bool,
}

/// For a person; colours are for terminals.
#[must_use]
pub(crate) fn render(outlook: &Outlook<'_>, colours: bool) -> String {
    let mut page = Page { out: String::new(), colours, words: Outages { home: &outlook.stage.home } };
    let (quiet, told): (Vec<&Forecast>, Vec<&Forecast>) =
        outlook.forecasts.iter().partition(|forecast| outlook.brief && forecast.hits.is_empty());
    for forecast in told {
        page.forecast(forecast, outlook);
    }
    if let Some(part) = quiet.first().map(|forecast| forecast.mishap.part) {
        let names: Vec<&str> = quiet.iter().map(|forecast| forecast.mishap.name.as_str()).collect();
        page.line(
            FAINT,
            &format!("No pod of these manifests is hit by {}: {}", part.word(), outages::nodes(&texts(&names))),
        );
        page.out.push('\n');
    }
    if outlook.not_ready > 0 {
        let pods = counted(outlook.not_ready, "pod");
        page.line(
            YELLOW,
            &format!("Before anything fails, {pods} not ready: see `statewright rehearse` without --fail."),
        );
    }
    if outlook.left_out > 0 {
        page.line(
            YELLOW,
            &format!("{} not played: name fewer with --fail.", counted(outlook.left_out, "more failure")),
        );
    }
    for presumption in &outlook.stage.presumed {
        page.told(FAINT, &format!("Not known: {}.", clean(&Outages::presumption(presumption))), 0);
    }
    for gap in outlook.not_known {
        page.told(FAINT, &format!("Not known: {}.", clean(&gaps::words(gap))), 0);
    }
    page.out
}

fn texts(names: &[&str]) -> Vec<crate::value::Text> {
    names.iter().map(|name| (*name).into()).collect()
}

struct Page<'a> {
    out: String,
    colours: bool,
    words: Outages<'a>,
}

impl Page<'_> {
    fn painted(&mut self, colour: &str, text: &str) {
        if self.colours && !colour.is_empty() && !text.is_empty() {
            let _ = write!(self.out, "{colour}{text}{PLAIN}");
        } else {
            self.out.push_str(text);
        }
    }

    fn line(&mut self, colour: &str, text: &str) {
        self.painted(colour, text);
        self.out.push('\n');
    }

    /// Words that begin in some column, in lines that are not too long; those that follow are indented.
    fn flow(&mut self, colour: &str, text: &str, column: usize, indent: usize) {
        for (number, line) in lines(text, column, indent).iter().enumerate() {
            if number > 0 {
                let _ = write!(self.out, "\n{:indent$}", "");
            }
            self.painted(colour, line);
        }
        self.out.push('\n');
    }

    /// The same on a line of its own.
    fn told(&mut self, colour: &str, text: &str, indent: usize) {
        let _ = write!(self.out, "{:indent$}", "");
        self.flow(colour, text, indent, indent + 2);
    }

    fn forecast(&mut self, forecast: &Forecast, outlook: &Outlook<'_>) {
        let Forecast { mishap, hits, companies, budgets, hangs, remedies } = forecast;
        self.line(BOLD, &clean(&Outages::title(mishap)));
        if hits.is_empty() {
            self.line("", "  no pod of these manifests is hit");
            self.out.push('\n');
            return;
        }
        for hit in hits {
            self.hit(hit, mishap.part);
        }
        for company in companies {
            let colour = if company.has_majority() { "" } else { YELLOW };
            self.told(colour, &clean(&self.words.company(company)), 2);
        }
        for budget in budgets {
            self.told("", &clean(&self.words.budget(budget)), 2);
        }
        if let Some(course) = Outages::course(mishap.part, outlook.stage.patience).filter(|_| !outlook.brief) {
            self.told(FAINT, &course, 2);
        }
        if !hangs.is_empty() {
            self.line(BOLD, "  until then");
            for hang in hangs {
                self.told("", &clean(&self.words.hang(hang)), 4);
            }
        }
        for (place, remedy) in remedies.iter().enumerate() {
            if outlook.brief && place > 0 {
                continue;
            }
            self.remedy(remedy, forecast, outlook.brief);
        }
        self.out.push('\n');
    }

    fn hit(&mut self, hit: &Hit, part: Part) {
        let word = hit.word(part);
        let colour = match word.word() {
            "survives" => GREEN,
            "waits" => YELLOW,
            _ => RED,
        };
        self.out.push_str("  ");
        self.out.push_str(&clean(&hit.pod.seen_from(self.words.home).to_string()));
        self.out.push(' ');
        self.painted(colour, word.word());
        let begun = 4 + hit.pod.seen_from(self.words.home).to_string().chars().count() + word.word().len();
        self.flow("", &format!(": {}", clean(&Outages::fate(hit, part))), begun, 4);
        if matches!(part, Part::Node | Part::Zone) {
            for disk in &hit.disks {
                let (claim, volume) = (clean(&disk.claim), clean(&disk.volume));
                let reach = clean(&Outages::reach(disk));
                self.told(FAINT, &format!("{claim} (volume {volume}) can be used on: {reach}"), 4);
            }
        }
    }

    fn remedy(&mut self, remedy: &Remedy, forecast: &Forecast, brief: bool) {
        let mark = if remedy.is_whole() { GREEN } else { YELLOW };
        self.out.push_str("  ");
        self.painted(BOLD, &clean(&Outages::way(remedy, &forecast.mishap)));
        let help = if remedy.helps() { "" } else { "does not help: " };
        self.out.push_str(": ");
        let begun = 4 + clean(&Outages::way(remedy, &forecast.mishap)).chars().count();
        self.flow(mark, &format!("{help}{}", clean(&self.words.ends(remedy))), begun, 4);
        if brief || !remedy.helps() && remedy.way != Way::DrainBefore {
            return;
        }
        for (number, step) in remedy.steps.iter().enumerate() {
            self.step(number + 1, step);
        }
        if remedy.steps.is_empty() {
            return;
        }
        self.told(FAINT, &format!("safe: {}", Outages::safe(remedy.safe)), 4);
        for risk in &remedy.risks {
            self.told(FAINT, &format!("risk: {}", clean(&Outages::risk(risk))), 4);
        }
    }

    fn step(&mut self, number: usize, step: &Step) {
        let _ = write!(self.out, "    {number}. ");
        if let Some(before) = &step.before {
            self.painted(BOLD, &format!("first: {}", clean(&Outages::before(before))));
            self.out.push_str("\n       ");
        }
        self.line("", &clean(&step.command.to_string()));
        self.told(FAINT, &format!("→ {}", clean(&self.words.expect(&step.expect))), 7);
        if let Some(check) = &step.check {
            self.line(FAINT, &format!("       see: {}", clean(&check.to_string())));
        }
    }
}

/// Why nothing can fail that is called so.
#[must_use]
pub(crate) fn no_such(missing: &crate::outage::NoSuch) -> String {
    clean(&Outages::no_such(missing))
}

/// A text in lines of at most so many columns, the first of which begins further right.
fn lines(text: &str, column: usize, indent: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = column;
    for word in text.split(' ') {
        let long = word.chars().count();
        let Some(last) = lines.last_mut() else { break };
        if !last.is_empty() && used + 1 + long > WIDTH {
            lines.push(word.to_owned());
            used = indent + long;
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
            used += 1;
        }
        last.push_str(word);
        used += long;
    }
    lines
}

/// For programs.
#[must_use]
pub(crate) fn json(outlook: &Outlook<'_>) -> String {
    let words = Outages { home: &outlook.stage.home };
    let presumed = outlook.stage.presumed.iter().map(Outages::presumption);
    let whole = json!({
        "namespace": outlook.stage.home,
        "notReadyBefore": outlook.not_ready,
        "notPlayed": outlook.left_out,
        "failures": outlook.forecasts.iter().map(|one| forecast(one, words)).collect::<Vec<_>>(),
        "notKnown": presumed.chain(outlook.not_known.iter().map(gaps::words)).collect::<Vec<_>>(),
    });
    crate::printable::json(&format!("{whole:#}\n"))
}

fn forecast(forecast: &Forecast, words: Outages<'_>) -> Value {
    let Forecast { mishap, hits, companies, budgets, hangs, remedies } = forecast;
    let name = |name: &crate::k8s::object::ObjectName| name.seen_from(words.home).to_string();
    let hit = |hit: &Hit| {
        let disk = |disk: &crate::outage::reach::Disk| {
            json!({
                "claim": disk.claim.as_str(), "volume": disk.volume.as_str(),
                "usableOn": disk.nodes.iter().map(crate::value::Text::as_str).collect::<Vec<_>>(),
                "onNode": disk.form.is_on_node(), "shared": disk.shared,
            })
        };
        json!({
            "pod": name(&hit.pod), "node": hit.node.as_deref(), "fate": hit.word(mishap.part).word(),
            "manager": hit.manager.as_ref().map(|(kind, one)| format!("{kind}/{}", name(one))),
            "why": Outages::fate(hit, mishap.part), "volumes": hit.disks.iter().map(disk).collect::<Vec<_>>(),
        })
    };
    let company = |one: &crate::outage::fate::Company| {
        json!({
            "kind": one.kind, "name": name(&one.name), "replicas": one.wanted, "readyBefore": one.before,
            "readyThen": one.left, "readyAfter": one.after, "majority": one.has_majority(),
        })
    };
    let budget = |one: &crate::cluster::state::BudgetState| {
        json!({
            "name": name(&one.name), "currentHealthy": one.healthy, "desiredHealthy": one.needed,
            "disruptionsAllowed": one.allowed, "expectedPods": one.expected,
        })
    };
    json!({
        "fails": mishap.part.word(), "name": mishap.name,
        "nodes": mishap.nodes.iter().map(crate::value::Text::as_str).collect::<Vec<_>>(),
        "pods": hits.iter().map(hit).collect::<Vec<_>>(),
        "workloads": companies.iter().map(company).collect::<Vec<_>>(),
        "budgets": budgets.iter().map(budget).collect::<Vec<_>>(),
        "hangs": hangs.iter().map(|hang| words.hang(hang)).collect::<Vec<_>>(),
        "remedies": remedies.iter().map(|one| remedy(one, forecast, words)).collect::<Vec<_>>(),
    })
}

fn remedy(remedy: &Remedy, forecast: &Forecast, words: Outages<'_>) -> Value {
    let step = |step: &Step| {
        json!({
            "before": step.before.as_ref().map(Outages::before),
            "command": step.command.to_string(),
            "expect": words.expect(&step.expect),
            "check": step.check.as_ref().map(ToString::to_string),
        })
    };
    json!({
        "way": remedy.way.word(), "title": Outages::way(remedy, &forecast.mishap), "bringsAllBack": remedy.is_whole(),
        "ends": remedy.ends.iter().map(|end| words.ends(&Remedy { ends: vec![end.clone()], ..remedy.clone() }))
            .collect::<Vec<_>>(),
        "steps": remedy.steps.iter().map(step).collect::<Vec<_>>(),
        "safe": Outages::safe(remedy.safe),
        "risks": remedy.risks.iter().map(Outages::risk).collect::<Vec<_>>(),
    })
}

/// The table of replicas by failures, for a person. Empty where there are no replicas.
#[must_use]
pub(crate) fn table(table: &Table, home: &str) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let mut rows = vec![["IF IT FAILS:", "ITS POD", "ITS NODE", "ITS ZONE", "A DISK"].map(str::to_owned)];
    rows.extend(table.rows.iter().map(|row| {
        let pod = clean(&row.pod.seen_from(home).to_string());
        let [one, node, zone, disk] = Part::ALL_BY_WEIGHT.map(|part| outages::cell(row.words.get(&part)).to_owned());
        [pod, one, node, zone, disk]
    }));
    let mut out = String::new();
    super::rows::write_rows(&rows, &mut out);
    if table.left_out > 0 {
        let _ = writeln!(out, "and {} more", table.left_out);
    }
    for line in lines(outages::LEGEND, 0, 0) {
        let _ = writeln!(out, "{line}");
    }
    for presumption in &table.presumed {
        let said = format!("Not known: {}.", clean(&Outages::presumption(presumption)));
        let _ = writeln!(out, "{}", lines(&said, 0, 2).join("\n  "));
    }
    out
}

/// The same for programs, by pod.
#[must_use]
pub(crate) fn table_json(table: &Table) -> Value {
    let rows = table.rows.iter().map(|row| {
        let words = row.words.iter().map(|(part, word)| (part.word().to_owned(), json!(word.word())));
        let words: serde_json::Map<String, Value> = words.collect();
        json!({ "pod": row.pod.name.as_str(), "namespace": row.pod.namespace.as_str(), "fails": words })
    });
    rows.collect()
}
