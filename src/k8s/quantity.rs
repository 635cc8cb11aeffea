//! Amounts of storage, memory and time as the API server reads, compares and writes them. Knows no field and no unit's
//! meaning.

use crate::json::number;
use crate::value::{Data, Node};
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// An amount: exact up to 38 significant digits, never finer than a billionth.
#[derive(Clone, Debug)]
pub struct Quantity {
    negative: bool,
    /// The digits without the sign; the value is `digits * 10^exponent`.
    digits: u128,
    exponent: i32,
    suffix: Family,
    /// The server keeps small amounts in 64 bits and others in arbitrary precision; the two overflow differently.
    small: bool,
    /// The text as given, where the server keeps it instead of writing its own.
    verbatim: Option<SmolStr>,
}

/// Which suffixes an amount was written with, and will be written with again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Binary,
    Decimal,
    Exponent,
}

/// An amount in a manifest, and how it is written there: `1024Mi` is called so, and is as much as `1Gi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedAmount {
    /// How much it is.
    pub amount: Quantity,
    text: SmolStr,
}

impl StatedAmount {
    /// The amount that a manifest states.
    #[must_use]
    pub fn of(stated: &Node) -> Option<Self> {
        let amount = Quantity::of(stated)?;
        let text = stated.as_str().map_or_else(|| amount.to_string().into(), SmolStr::from);
        Some(Self { amount, text })
    }
}

impl fmt::Display for StatedAmount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Why a text is no quantity, in the server's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// Letters or signs where none may be.
    Format,
    /// No digits.
    Number,
    /// No such suffix.
    Suffix,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Format => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            }
            Self::Number => "unable to parse numeric part of quantity",
            Self::Suffix => "unable to parse quantity's suffix",
        })
    }
}

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, i32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// The finest amount there is, as a power of ten.
const FINEST: i32 = -9;
/// What amounts with binary suffixes are capped at.
const LARGEST: u128 = i64::MAX as u128;
/// So many digits always fit into the digits of a [`Quantity`].
const DIGITS: usize = 38;

impl Quantity {
    /// Nothing at all: what null means.
    pub const ZERO: Self =
        Self { negative: false, digits: 0, exponent: 0, suffix: Family::Decimal, small: true, verbatim: None };

    /// A whole number, without a suffix.
    #[must_use]
    pub const fn whole(value: i64) -> Self {
        Self { negative: value < 0, digits: value.unsigned_abs() as u128, ..Self::ZERO }
    }

    /// Reads what the server reads: text with spaces around it, a number, or null, which is nothing.
    ///
    /// # Errors
    /// When it is no quantity, in the server's words.
    pub fn read(stated: &Node) -> Result<Self, QuantityError> {
        match &stated.data {
            Data::Null => Ok(Self::ZERO),
            Data::Text(text) => text.trim_matches(' ').parse(),
            Data::Int(value) => Ok(Self::whole(*value)),
            Data::Float(value) => number(*value).parse(),
            Data::Bool(_) | Data::List(_) | Data::Map(_) => Err(QuantityError::Format),
        }
    }

    /// The amount that a manifest states; none where it is null or cannot be read.
    #[must_use]
    pub fn of(stated: &Node) -> Option<Self> {
        if stated.is_null() { None } else { Self::read(stated).ok() }
    }

    /// An amount of an object that was decoded already; where it is absent or unreadable it counts as nothing.
    #[must_use]
    pub fn stored(node: Option<&Node>) -> Self {
        node.and_then(Self::of).unwrap_or(Self::ZERO)
    }

    /// Less than zero, zero, or more.
    #[must_use]
    pub const fn sign(&self) -> Ordering {
        match (self.digits, self.negative) {
            (0, _) => Ordering::Equal,
            (_, true) => Ordering::Less,
            (_, false) => Ordering::Greater,
        }
    }

    /// In whole units, rounded up. Overflows as the server's own arithmetic does.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.scaled(0)
    }

    /// In thousandths, rounded up. Overflows as the server's own arithmetic does.
    #[must_use]
    pub fn milli(&self) -> i64 {
        self.scaled(3)
    }

    /// The same amount, no finer than a thousandth: rounded away from zero.
    #[must_use]
    pub fn in_thousandths(&self) -> Self {
        let excess = -3 - self.exponent;
        let Some(divisor) =
            u32::try_from(excess).ok().filter(|excess| *excess > 0).and_then(|excess| 10_u128.checked_pow(excess))
        else {
            return self.clone();
        };
        Self { digits: self.digits.div_ceil(divisor), exponent: -3, verbatim: None, ..self.clone() }
    }

    /// The sum, with the suffixes of the first. What is finer than both can hold is dropped.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        // Below the 36th digit of the larger nothing counts.
        let top =
            [self, other].into_iter().filter(|quantity| quantity.digits > 0).map(Self::magnitude).max().unwrap_or(0);
        let least = i32::try_from(top.saturating_sub(36)).unwrap_or(i32::MAX);
        let low = self.exponent.min(other.exponent).max(least);
        let aligned = |quantity: &Self| {
            let power = 10_u128.checked_pow(quantity.exponent.abs_diff(low));
            let digits = match power {
                Some(power) if quantity.exponent >= low => quantity.digits.saturating_mul(power),
                Some(power) => quantity.digits / power,
                None => 0,
            };
            let digits = i128::try_from(digits).unwrap_or(i128::MAX / 2);
            if quantity.negative { -digits } else { digits }
        };
        let sum = aligned(self).saturating_add(aligned(other));
        let suffix = if self.digits == 0 { other.suffix } else { self.suffix };
        let small = self.small && other.small;
        Self { negative: sum < 0, digits: sum.unsigned_abs(), exponent: low, suffix, small, verbatim: None }
    }

    /// The same amount on the other side of zero.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { negative: !self.negative && self.digits > 0, verbatim: None, ..self.clone() }
    }

    /// The whole number that it is, if it is one and was not written in parts of one.
    #[must_use]
    pub fn whole_value(&self) -> Option<i64> {
        let power = 10_u128.checked_pow(u32::try_from(self.exponent).ok()?)?;
        let value = i64::try_from(self.digits.checked_mul(power)?).ok()?;
        Some(self.signed(value))
    }

    /// The nearest floating point number.
    #[must_use]
    pub fn approximate(&self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", self.digits, self.exponent).parse().unwrap_or_default()
    }

    /// In units of `10^-places`, rounded away from zero.
    fn scaled(&self, places: i32) -> i64 {
        let shift = self.exponent.saturating_add(places);
        if shift >= 0 {
            let wide = 10_u128.checked_pow(shift.unsigned_abs()).and_then(|power| self.digits.checked_mul(power));
            if self.small {
                // Small amounts that overflow come out as nothing.
                return wide.and_then(|value| i64::try_from(value).ok()).map_or(0, |value| self.signed(value));
            }
            let low = wide.unwrap_or_else(|| {
                let power = if shift >= 64 { 0 } else { 10_u128.wrapping_pow(shift.unsigned_abs()) };
                self.digits.wrapping_mul(power)
            });
            return self.signed(low_bits(low));
        }
        let divisor = 10_u128.checked_pow(shift.unsigned_abs());
        self.signed(
            divisor.map_or_else(|| i64::from(self.digits > 0), |divisor| low_bits(self.digits.div_ceil(divisor))),
        )
    }

    const fn signed(&self, value: i64) -> i64 {
        if self.negative { value.wrapping_neg() } else { value }
    }

    /// How many decimal digits stand before the point; what two amounts are first compared by.
    fn magnitude(&self) -> i64 {
        i64::from(self.digits.checked_ilog10().unwrap_or(0)) + i64::from(self.exponent)
    }

    /// Compares without the signs.
    fn compare_absolute(&self, other: &Self) -> Ordering {
        if self.digits == 0 || other.digits == 0 {
            return self.digits.cmp(&other.digits);
        }
        self.magnitude().cmp(&other.magnitude()).then_with(|| {
            let low = self.exponent.min(other.exponent);
            let aligned = |quantity: &Self| {
                let power = 10_u128.saturating_pow(quantity.exponent.abs_diff(low));
                quantity.digits.saturating_mul(power)
            };
            aligned(self).cmp(&aligned(other))
        })
    }

    /// The digits and exponent without trailing zeros.
    const fn reduced(&self) -> (u128, i32) {
        let (mut digits, mut exponent) = (self.digits, self.exponent);
        while digits >= 10 && digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        (digits, exponent)
    }

    /// The whole number it is, if it is one of at least 1024 that can be written with a binary suffix.
    fn binary(&self) -> Option<u128> {
        let (digits, exponent) = self.reduced();
        let whole = 10_u128.checked_pow(u32::try_from(exponent).ok()?)?.checked_mul(digits)?;
        (whole >= 1024).then_some(whole)
    }
}

/// The low 64 bits, as the server's conversion leaves them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "losing the high bits is what the server does"
)]
const fn low_bits(value: u128) -> i64 {
    value as u64 as i64
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parts = Parts::split(text)?;
        let (family, exponent) = family_of(parts.suffix).ok_or(QuantityError::Suffix)?;
        parts.small(text, family, exponent).map_or_else(|| parts.large(family, exponent), Ok)
    }
}

/// A quantity's text, taken apart.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: &'a str,
    /// Digits behind the point.
    fraction: &'a str,
    suffix: &'a str,
    /// Whether there is a digit at all.
    has_digits: bool,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Format);
        }
        let negative = text.starts_with('-');
        let unsigned = if text.starts_with(['-', '+']) { &text[1..] } else { text };
        let trimmed = unsigned.trim_start_matches('0');
        let digits_end = |text: &str| text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (whole, rest) = trimmed.split_at(digits_end(trimmed));
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(digits_end(rest)),
            None => ("", rest),
        };
        let exponent = suffix.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if digits_end(exponent) < exponent.len() {
            return Err(QuantityError::Format);
        }
        let has_digits = trimmed.len() < unsigned.len() || !whole.is_empty() || !fraction.is_empty();
        Ok(Self { negative, whole, fraction, suffix, has_digits })
    }

    /// How many digits the server counts: an empty whole part is one zero.
    fn length(&self) -> usize {
        self.whole.len().max(1) + self.fraction.len()
    }

    /// The amount if it is one that the server keeps in 64 bits.
    fn small(&self, text: &str, family: Family, exponent: i32) -> Option<Quantity> {
        let (room, scale, factor) = match family {
            Family::Binary if self.fraction.is_empty() => (15 - exponent * 3 / 10 - 1, 0, 1_u128 << exponent),
            Family::Binary => return None,
            Family::Decimal | Family::Exponent => (18, exponent, 1),
        };
        let scale = scale.checked_sub(i32::try_from(self.fraction.len()).ok()?)?;
        if i32::try_from(self.length()).ok()? > room || scale < FINEST {
            return None;
        }
        let number = read_digits(self.whole, self.fraction).0;
        let digits = number.checked_mul(factor).filter(|digits| *digits <= LARGEST)?;
        let kept = match family {
            Family::Binary => number & 7 != 0,
            _ if text == "0" => true,
            _ => scale % 3 == 0 && !self.ends_with_three_zeros() && !self.whole.is_empty(),
        };
        let verbatim = kept.then(|| SmolStr::new(text));
        Some(Quantity {
            negative: self.negative && digits > 0,
            digits,
            exponent: scale,
            suffix: family,
            small: true,
            verbatim,
        })
    }

    fn ends_with_three_zeros(&self) -> bool {
        let zeros = |text: &str| text.bytes().rev().take_while(|digit| *digit == b'0').count();
        let behind = zeros(self.fraction);
        (if behind == self.fraction.len() { behind + zeros(self.whole) } else { behind }) >= 3
    }

    /// The amount in full precision: never finer than a billionth, and capped where its suffix is binary.
    fn large(&self, family: Family, exponent: i32) -> Result<Quantity, QuantityError> {
        if !self.has_digits {
            return Err(QuantityError::Number);
        }
        let (mut digits, dropped) = read_digits(self.whole, self.fraction);
        let places = i32::try_from(self.fraction.len()).unwrap_or(i32::MAX);
        let mut scale = dropped.saturating_sub(places);
        if family == Family::Binary {
            let factor = 1_u128 << exponent;
            while digits.checked_mul(factor).is_none() {
                digits = digits.div_ceil(10);
                scale += 1;
            }
            digits *= factor;
        } else {
            scale = scale.saturating_add(exponent);
        }
        if digits > 0 && scale < FINEST {
            let power = 10_u128.checked_pow(FINEST.abs_diff(scale));
            digits = power.map_or(1, |power| digits.div_ceil(power));
            scale = FINEST;
        }
        let mut quantity = Quantity {
            negative: self.negative && digits > 0,
            digits,
            exponent: scale,
            suffix: family,
            small: false,
            verbatim: None,
        };
        if family == Family::Binary {
            let largest = Quantity { digits: LARGEST, ..Quantity::ZERO };
            if quantity.compare_absolute(&largest).is_gt() {
                (quantity.digits, quantity.exponent) = (LARGEST, 0);
            } else if quantity.compare_absolute(&Quantity::whole(1)).is_lt() {
                quantity.suffix = Family::Decimal;
            }
        }
        Ok(quantity)
    }
}

/// The digits of both parts as one number, and how many of the last were dropped (rounding up) because they did not
/// fit.
fn read_digits(whole: &str, fraction: &str) -> (u128, i32) {
    let (mut number, mut taken, mut dropped, mut rest) = (0_u128, 0, 0_i32, false);
    for digit in whole.bytes().chain(fraction.bytes()) {
        if taken < DIGITS {
            number = number * 10 + u128::from(digit - b'0');
            taken += usize::from(number > 0);
        } else {
            dropped = dropped.saturating_add(1);
            rest |= digit != b'0';
        }
    }
    (number + u128::from(rest), dropped)
}

fn family_of(suffix: &str) -> Option<(Family, i32)> {
    let known = |table: &[(&str, i32)]| table.iter().find(|(name, _)| *name == suffix).map(|(_, exponent)| *exponent);
    if let Some(exponent) = known(&DECIMAL) {
        return Some((Family::Decimal, exponent));
    }
    if let Some(exponent) = known(&BINARY) {
        return Some((Family::Binary, exponent));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i64>().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "the server cuts it the same way")]
    Some((Family::Exponent, exponent as i32))
}

impl fmt::Display for Quantity {
    /// As the server writes it back.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(verbatim) = &self.verbatim {
            return out.write_str(verbatim);
        }
        if self.digits == 0 {
            return out.write_str("0");
        }
        if self.negative {
            out.write_str("-")?;
        }
        if self.suffix == Family::Binary
            && let Some(mut whole) = self.binary()
        {
            let mut step = 0;
            while whole >= 1024 && whole.is_multiple_of(1024) {
                (whole, step) = (whole / 1024, step + 1);
            }
            let suffix = BINARY.iter().find(|(_, exponent)| *exponent == step * 10).map_or("", |(name, _)| name);
            return write!(out, "{whole}{suffix}");
        }
        let (digits, exponent) = self.reduced();
        let excess = exponent.rem_euclid(3);
        write!(out, "{digits}{}", ["", "0", "00"][excess.unsigned_abs() as usize])?;
        match (self.suffix, exponent - excess) {
            (Family::Exponent, 0) => Ok(()),
            (Family::Exponent, exponent) => write!(out, "e{exponent}"),
            // An amount beyond the last suffix loses it: so does the server's.
            (_, exponent) => {
                out.write_str(DECIMAL.iter().find(|(_, known)| *known == exponent).map_or("", |(name, _)| name))
            }
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_absolute(other),
            (true, true) => other.compare_absolute(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_whole_numbers() {
        let read = |text: &str| text.parse::<Quantity>().unwrap();
        for (one, other, sum) in [
            ("1Gi", "1Gi", "2Gi"),
            ("1", "500m", "1500m"),
            ("1Gi", "-1Gi", "0"),
            ("5", "-10", "-5"),
            ("1n", "1E", "1000000000000000000000000001n"),
        ] {
            assert_eq!(read(one).plus(&read(other)).to_string(), read(sum).to_string(), "{one} + {other}");
        }
        assert_eq!(read("3").plus(&read("5").negated()), read("-2"));
        assert_eq!(
            (read("2k").whole_value(), read("-3").whole_value(), read("1.5").whole_value()),
            (Some(2000), Some(-3), None)
        );
        assert!((read("1500m").approximate() - 1.5).abs() < 1e-9);
        let huge = read("1e2147483647");
        assert!(huge.plus(&read("1")).sign().is_gt());
    }

    fn read(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn written_back_as_the_server_does() {
        let table = [
            ("0", "0"),
            ("10Gi", "10Gi"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("0.5", "500m"),
            ("1500m", "1500m"),
            ("1000m", "1"),
            ("1.500", "1.500"),
            ("+05Gi", "+05Gi"),
            ("1000", "1k"),
            ("1e3", "1e3"),
            ("12e6", "12e6"),
            ("1E3", "1E3"),
            ("1000E", "1"),
            ("99999999999999999999", "99999999999999999999"),
            ("16Ei", "9223372036854775807"),
            ("0.1m", "100u"),
            ("0.0000000001", "1n"),
            ("0.0001Ki", "102400u"),
            ("-1.5Gi", "-1536Mi"),
            ("Gi", "0"),
            ("-", "0"),
            (".", "0"),
            ("512", "512"),
            ("1.5Ki", "1536"),
        ];
        for (given, written) in table {
            assert_eq!(read(given).to_string(), written, "{given}");
        }
    }

    #[test]
    fn refused_in_the_server_s_words() {
        for (given, error) in [
            ("", QuantityError::Format),
            ("5GB", QuantityError::Format),
            ("five", QuantityError::Format),
            ("1.2.3", QuantityError::Format),
            ("10 Gi", QuantityError::Format),
            ("5mm", QuantityError::Suffix),
            ("1e", QuantityError::Suffix),
            ("10gi", QuantityError::Format),
            ("10K", QuantityError::Suffix),
            ("Ei", QuantityError::Number),
        ] {
            assert_eq!(given.parse::<Quantity>().err(), Some(error), "{given}");
        }
    }

    #[test]
    fn compared_exactly() {
        for (less, more) in
            [("1G", "1Gi"), ("999m", "1"), ("-2", "-1"), ("-1", "0"), ("0", "1n"), ("1e400", "2e400"), ("1Ei", "1e30")]
        {
            assert!(read(less) < read(more), "{less} < {more}");
        }
        for (one, other) in [("1Gi", "1024Mi"), ("1", "1000m"), ("0", "0Gi"), ("1e3", "1k"), ("0.5Gi", "512Mi")] {
            assert_eq!(read(one), read(other), "{one} = {other}");
        }
    }

    #[test]
    fn whole_and_milli_values_round_up() {
        assert_eq!((read("1.5").value(), read("1.5").milli(), read("100m").value()), (2, 1500, 1));
        assert_eq!((read("0.5Mi").value(), read("1n").milli()), (524_288, 1));
        assert_ne!(read("99999999999999999999").milli() % 1000, 0);
        assert_eq!(
            (read("1E").in_thousandths().to_string(), read("100u").in_thousandths().to_string()),
            ("1E".into(), "1m".into())
        );
    }

    proptest::proptest! {
        #[test]
        fn hostile_texts_never_panic(text in "[-+0-9.eEinumkKMGTP]{0,60}") {
            if let Ok(quantity) = text.parse::<Quantity>() {
                let again: Quantity = quantity.to_string().parse().unwrap();
                let _ = (again.cmp(&quantity), quantity.milli(), quantity.value(), quantity.sign());
            }
        }
    }
}
