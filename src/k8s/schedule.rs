//! When something is to be done, in the five fields of cron, as Kubernetes reads them. Knows no clock, and of time
//! zones only their names.

/// The zones that an API server can load, a line each: those in the time package of Go that it is built with.
static ZONES: &str = include_str!("../../schemas/kubernetes/time-zones.txt");

/// Whether a name is that of a time zone.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    ZONES.lines().any(|zone| zone == name)
}

/// What is wrong with a schedule, if anything.
#[must_use]
pub fn schedule_fault(text: &str) -> Option<String> {
    if let Some(named) = text.strip_prefix('@') {
        return (!is_descriptor(named)).then(|| format!("unrecognized descriptor: {text}"));
    }
    let text = match ["TZ=", "CRON_TZ="].iter().find(|start| text.starts_with(**start)) {
        Some(_) => text.split_once(' ').map_or("", |(_, rest)| rest.trim()),
        None => text,
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Some(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
    }
    FIELDS.iter().zip(fields).find_map(|(bounds, field)| {
        field.split(',').filter(|range| !range.is_empty()).find_map(|range| range_fault(range, bounds))
    })
}

/// What a field may hold.
struct Bounds {
    least: u64,
    most: u64,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Minute, hour, day of the month, month, day of the week.
static FIELDS: [Bounds; 5] = [
    Bounds { least: 0, most: 59, names: &[] },
    Bounds { least: 0, most: 23, names: &[] },
    Bounds { least: 1, most: 31, names: &[] },
    Bounds { least: 1, most: 12, names: &MONTHS },
    Bounds { least: 0, most: 6, names: &DAYS },
];

fn is_descriptor(named: &str) -> bool {
    matches!(named, "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly")
        || named.strip_prefix("every ").is_some_and(is_duration)
}

/// `1h30m`, as Go writes it.
fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if text == "0" {
        return true;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let digits = rest[..number].bytes().any(|byte| byte.is_ascii_digit());
        let unit =
            rest[number..].find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len() - number);
        let known = matches!(&rest[number..number + unit], "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h");
        if !digits || !known || rest[..number].matches('.').count() > 1 {
            return false;
        }
        rest = &rest[number + unit..];
    }
    !text.is_empty()
}

fn range_fault(range: &str, bounds: &Bounds) -> Option<String> {
    let mut steps = range.split('/');
    let limits = steps.next().unwrap_or_default();
    let mut ends = limits.split('-');
    let first = ends.next().unwrap_or_default();
    let single = !limits.contains('-');
    let (start, mut end) = if matches!(first, "*" | "?") {
        (bounds.least, bounds.most)
    } else {
        let start = match number_or_name(first, bounds) {
            Ok(start) => start,
            Err(fault) => return Some(fault),
        };
        match (ends.next(), ends.next()) {
            (None, _) => (start, start),
            (Some(last), None) => match number_or_name(last, bounds) {
                Ok(last) => (start, last),
                Err(fault) => return Some(fault),
            },
            _ => return Some(format!("too many hyphens: {range}")),
        }
    };
    let step = match (steps.next(), steps.next()) {
        (None, _) => 1,
        (Some(step), None) => match number(step) {
            Ok(step) => {
                if single {
                    end = bounds.most;
                }
                step
            }
            Err(fault) => return Some(fault),
        },
        _ => return Some(format!("too many slashes: {range}")),
    };
    if start < bounds.least {
        return Some(format!("beginning of range ({start}) below minimum ({}): {range}", bounds.least));
    }
    if end > bounds.most {
        return Some(format!("end of range ({end}) above maximum ({}): {range}", bounds.most));
    }
    if start > end {
        return Some(format!("beginning of range ({start}) beyond end of range ({end}): {range}"));
    }
    (step == 0).then(|| format!("step of range should be a positive number: {range}"))
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let named = bounds.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    match named {
        Some(position) => Ok(position as u64 + bounds.least),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let value: i64 = text
        .parse()
        .map_err(|_| format!("failed to parse int from {text}: strconv.Atoi: parsing \"{text}\": invalid syntax"))?;
    u64::try_from(value).map_err(|_| format!("negative number ({value}) not allowed: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for good in [
            "* * * * *",
            "*/5 0-6 1,15 jan-mar MON",
            "@daily",
            "@every 1h30m",
            "0 3 ? * *",
            "TZ=UTC 0 0 * * *",
            "5/15 * * * *",
        ] {
            assert_eq!(schedule_fault(good), None, "{good}");
        }
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@often",
            "@every x",
            "1-2-3 * * * *",
            "a * * * *",
        ] {
            assert!(schedule_fault(wrong).is_some(), "{wrong}");
        }
    }
}
