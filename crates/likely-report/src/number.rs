//! Numbers as people read them.

/// Significant digits of a number with no wish about its decimals.
const SIGNIFICANT: usize = 4;

/// A number with `decimals` digits after the point, or with four significant digits.
///
/// Magnitudes from 1e6 and below 1e-4 are written as `1.234e7` when no decimals are asked for. There is no `-0`.
pub(crate) fn number(value: f64, decimals: Option<usize>) -> String {
    if let Some(decimals) = decimals {
        return without_negative_zero(format!("{value:.decimals$}"));
    }
    significant(value, SIGNIFICANT)
}

/// A number with a fixed count of significant digits; whole numbers below 1e6 keep no decimals.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs();
    if magnitude < 1e6 && value.fract().abs() < f64::MIN_POSITIVE {
        return without_negative_zero(format!("{value:.0}"));
    }
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent: i32 = scientific.split('e').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = (i32::try_from(digits).unwrap_or(i32::MAX) - 1 - exponent).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        scientific
    }
}

/// The shortest digits that read back as the same number, such as a weight in a label.
pub(crate) fn shortest(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 1e7 || (magnitude > 0.0 && magnitude < 1e-4) {
        format!("{value:e}")
    } else {
        without_negative_zero(format!("{value}"))
    }
}

/// The same number with a true minus sign and powers of ten in superscripts: for pages and figures.
pub(crate) fn typeset(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.replace('-', "−");
    };
    let raised: String = exponent.chars().map(superscript).collect();
    let mantissa = mantissa.replace('-', "−");
    match mantissa.as_str() {
        "1" => format!("10{raised}"),
        "−1" => format!("−10{raised}"),
        _ => format!("{mantissa}·10{raised}"),
    }
}

fn superscript(character: char) -> char {
    match character {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        other => other,
    }
}

fn without_negative_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|character| matches!(character, '0' | '.')) => rest.to_owned(),
        _ => text,
    }
}

/// A count with its noun: `1 cell`, `3 cells`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_significant_digits_or_the_decimals_asked_for() {
        let shown: Vec<String> =
            [0.0, -0.0, 12.0, -4.832_1, 1234.567, 0.001_234_56, 9.999_96, 123_456.7, 1.5e7, 2.0e-7]
                .map(|value| number(value, None))
                .into();
        let expected =
            ["0", "0", "12", "-4.832", "1235", "0.001235", "10.00", "123457", "1.500e7", "2.000e-7"];
        assert_eq!(shown, expected);
        assert_eq!(number(-0.004, Some(2)), "0.00");
        assert_eq!(number(-4.775, Some(1)), "-4.8");
    }

    #[test]
    fn labels_keep_every_digit_and_read_like_mathematics() {
        assert_eq!(shortest(0.1), "0.1");
        assert_eq!(shortest(1000.0), "1000");
        assert_eq!(typeset(&shortest(1e-5)), "10⁻⁵");
        assert_eq!(typeset("-2.500e-7"), "−2.500·10⁻⁷");
        assert_eq!(count(1, "cell"), "1 cell");
        assert_eq!(count(0, "cell"), "0 cells");
    }
}
