//! Points in time and lengths of time as Go reads and writes them. Knows no clock.

/// Nanoseconds of one second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// A point in time: seconds since 1970, and nanoseconds beyond them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// The rest, below one second.
    pub nanos: u32,
}

/// A day of a calendar, and the time of that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// From 1.
    pub day: i64,
    /// Of the day.
    pub hour: i64,
    /// Of the hour.
    pub minute: i64,
    /// Of the minute.
    pub second: i64,
    /// From Sunday.
    pub weekday: i64,
    /// Of the year, from 0.
    pub yearday: i64,
}

/// Days from 1970 to a day (Howard Hinnant's way).
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl Instant {
    /// The day and time of that day, so many seconds east of Greenwich.
    #[must_use]
    pub const fn civil(self, offset: i64) -> Civil {
        let local = self.seconds.saturating_add(offset);
        let (day, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let part = (5 * of_year + 2) / 153;
        let month = if part < 10 { part + 3 } else { part - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        Civil {
            year,
            month,
            day: of_year - (153 * part + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            weekday: (day + 4).rem_euclid(7),
            yearday: day - days(year, 1, 1),
        }
    }

    /// Nanoseconds from another point to this one, where they can be counted.
    #[must_use]
    pub fn since(self, other: Self) -> Option<i64> {
        let seconds = self.seconds.checked_sub(other.seconds)?.checked_mul(SECOND)?;
        seconds.checked_add(i64::from(self.nanos) - i64::from(other.nanos))
    }

    /// The point so many nanoseconds later.
    #[must_use]
    pub fn plus(self, nanos: i64) -> Option<Self> {
        let rest = i64::from(self.nanos) + nanos.rem_euclid(SECOND);
        let seconds = self.seconds.checked_add(nanos.div_euclid(SECOND))?.checked_add(rest / SECOND)?;
        Some(Self { seconds, nanos: u32::try_from(rest % SECOND).ok()? })
    }

    /// As RFC 3339 writes it, in Greenwich.
    #[must_use]
    pub fn written(self) -> String {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil(0);
        let fraction = format!("{:09}", self.nanos);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{dot}{fraction}Z")
    }
}

/// Reads digits, so many and no others.
fn number(text: &str, from: usize, length: usize) -> Option<i64> {
    text.get(from..from + length).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// A day written `2006-01-02`: its beginning in Greenwich.
#[must_use]
pub(crate) fn date(text: &str) -> Option<Instant> {
    if text.len() != 10 || text.get(4..5)? != "-" || text.get(7..8)? != "-" {
        return None;
    }
    let (year, month, day) = (number(text, 0, 4)?, number(text, 5, 2)?, number(text, 8, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    (1..=longest).contains(&day).then(|| Instant { seconds: days(year, month, day) * 86_400, nanos: 0 })
}

/// A point in time by RFC 3339, whether with a zone or, where that is allowed, without one.
#[must_use]
pub(crate) fn point(text: &str, zone_needed: bool) -> Option<Instant> {
    let day = date(text.get(..10)?)?;
    if text.get(10..11)? != "T" || text.get(13..14)? != ":" || text.get(16..17)? != ":" {
        return None;
    }
    let (hour, minute, second) = (number(text, 11, 2)?, number(text, 14, 2)?, number(text, 17, 2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        nanos = format!("{:0<9}", &fraction[..length]).get(..9)?.parse().ok()?;
        rest = &fraction[length..];
    }
    let offset = match rest {
        "Z" => 0,
        "" if !zone_needed => 0,
        zone => {
            let (sign, digits) =
                zone.strip_prefix('+').map(|digits| (1, digits)).or_else(|| Some((-1, zone.strip_prefix('-')?)))?;
            if digits.len() != 5 || digits.get(2..3)? != ":" {
                return None;
            }
            sign * (number(digits, 0, 2)? * 3600 + number(digits, 3, 2)? * 60)
        }
    };
    Some(Instant { seconds: day.seconds + hour * 3600 + minute * 60 + second - offset, nanos })
}

/// A length of time as Go's `time.ParseDuration` reads it, in nanoseconds: `1h30m`, `-1.5s`.
#[must_use]
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = rest.split_at(whole);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", after),
        };
        if digits.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit = after.bytes().take_while(|byte| *byte != b'.' && !byte.is_ascii_digit()).count();
        let (unit, after) = after.split_at(unit);
        let nanos = nanos_of(unit)?;
        let whole: i64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let mut part = i128::from(whole) * nanos;
        let kept = &fraction[..fraction.len().min(18)];
        if !kept.is_empty() {
            let digits = u32::try_from(kept.len()).unwrap_or(18);
            part += kept.parse::<i128>().ok()? * nanos / 10_i128.pow(digits);
        }
        total += part;
        if total > i128::from(i64::MAX) + 1 {
            return None;
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn nanos_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The same, and what Scala writes: `2 days`, `3weeks`. Other words around them are passed over.
#[must_use]
pub(crate) fn lenient_duration(text: &str) -> Option<i64> {
    if let Some(nanos) = duration(text) {
        return Some(nanos);
    }
    let mut total: i64 = 0;
    let mut found = false;
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let digits = &rest[start..];
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = digits.split_at(length);
        let spaced = after.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
        let unit = spaced.find(|letter: char| !(letter.is_ascii_alphabetic() || letter == 'µ')).unwrap_or(spaced.len());
        let (unit, after) = spaced.split_at(unit);
        rest = after;
        if unit.is_empty() {
            continue;
        }
        let factor: i64 = digits.parse().ok()?;
        if let Some(nanos) = scala(&unit.to_lowercase()) {
            found = true;
            total = total.wrapping_add(factor.wrapping_mul(nanos));
        }
    }
    found.then_some(total)
}

fn scala(unit: &str) -> Option<i64> {
    const UNITS: [(&[&str], i64); 8] = [
        (&["ns", "nano"], 1),
        (&["us", "µs", "micro"], 1_000),
        (&["ms", "milli"], 1_000_000),
        (&["s", "sec"], SECOND),
        (&["m", "min"], 60 * SECOND),
        (&["h", "hr", "hour"], 3600 * SECOND),
        (&["d", "day"], 86_400 * SECOND),
        (&["w", "wk", "week"], 7 * 86_400 * SECOND),
    ];
    let fits = |variants: &&(&[&str], i64)| {
        let (last, others) = variants.0.split_last().unwrap_or((&"", &[]));
        unit.starts_with(last) || others.contains(&unit)
    };
    UNITS.iter().find(fits).map(|(_, nanos)| *nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (text, nanos) in [
            ("1h30m", 5400 * SECOND),
            ("-1.5s", -1_500_000_000),
            ("0", 0),
            ("1.5us", 1500),
            (".5m", 30 * SECOND),
            ("+2ms", 2_000_000),
        ] {
            assert_eq!(duration(text), Some(nanos), "{text}");
        }
        for text in ["", "1", "s", "1x", "-", "9223372036854775808ns", "1h x", "99999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(lenient_duration("2 days and 1 hour"), Some(49 * 3600 * SECOND));
        assert_eq!(lenient_duration("many"), None);
    }

    #[test]
    fn points() {
        let made = point("2024-02-29T12:30:15.25+02:00", true).unwrap();
        assert_eq!(made.written(), "2024-02-29T10:30:15.25Z");
        let civil = made.civil(0);
        assert_eq!((civil.year, civil.month, civil.day, civil.weekday, civil.yearday), (2024, 2, 29, 4, 59));
        assert_eq!(point("1970-01-01T00:00:00Z", true), Some(Instant { seconds: 0, nanos: 0 }));
        assert_eq!(made.plus(750_000_000).unwrap().written(), "2024-02-29T10:30:16Z");
        assert_eq!(date("0001-01-01").unwrap().written(), "0001-01-01T00:00:00Z");
        for text in ["2023-02-29T00:00:00Z", "2023-01-01T24:00:00Z", "2023-01-01 00:00:00Z", "2023-01-01T00:00:00", "é"]
        {
            assert_eq!(point(text, true), None, "{text}");
        }
        assert!(point("2023-01-01T00:00:00", false).is_some());
    }
}
