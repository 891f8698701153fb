//! Where numbers fall on an axis, and its ticks.

use crate::number::{shortest, significant, typeset};
use likely_record::Scale;

/// Share of a log axis with zero that lies left of its smallest positive number.
const ZERO_SHARE: f64 = 0.09;

/// On an axis with zero, a number this much smaller than the largest is zero but for rounding.
const ROUNDING: f64 = 1e-14;

/// An axis from 0 (left, bottom) to 1 (right, top).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Span {
    Linear {
        low: f64,
        high: f64,
    },
    Log {
        low: f64,
        high: f64,
    },
    LogWithZero {
        low: f64,
        high: f64,
    },
    /// Names at equal steps; the numbers are their places.
    Named(Vec<String>),
}

impl Span {
    /// An axis that holds all of `values` with some room at both ends; `None` without a number that fits the scale.
    pub(crate) fn holding(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut bounds: Option<(f64, f64)> = None;
        let values: Vec<f64> = values.filter(|&value| admits(scale, value)).collect();
        let rounding = ROUNDING * values.iter().copied().fold(0.0, f64::max);
        for value in values {
            // Zero has its own place on a log axis.
            if scale == Scale::LogWithZero && value <= rounding {
                bounds = bounds.or(Some((f64::INFINITY, f64::NEG_INFINITY)));
                continue;
            }
            let (low, high) = bounds.unwrap_or((value, value));
            bounds = Some((low.min(value), high.max(value)));
        }
        let (low, high) = bounds?;
        match scale {
            Scale::Linear => {
                let middle = low / 2.0 + high / 2.0;
                // One number alone says nothing of its scale but its size.
                if low >= high {
                    let room = if middle == 0.0 { 1.0 } else { middle.abs() / 2.0 };
                    let (low, high) = (middle - room, middle + room);
                    return (low.is_finite() && high.is_finite()).then_some(Self::Linear { low, high });
                }
                let half = (high / 2.0 - low / 2.0).max(middle.abs() * 1e-9).max(1e-300);
                let room = if half > middle.abs() * 1e-8 { 1.1 } else { 2.0 };
                let (low, high) = (middle - half * room, middle + half * room);
                (low.is_finite() && high.is_finite()).then_some(Self::Linear { low, high })
            }
            Scale::Log => {
                let room = (high / low).powf(0.06).max(1.15);
                Self::bounded_log(low / room, high * room).map(|(low, high)| Self::Log { low, high })
            }
            Scale::LogWithZero => {
                let (low, high) = if low > high { (0.1, 10.0) } else { (low, high) };
                let room = (high / low).powf(0.04).max(1.1);
                Self::bounded_log(low, high * room).map(|(low, high)| Self::LogWithZero { low, high })
            }
        }
    }

    fn bounded_log(low: f64, high: f64) -> Option<(f64, f64)> {
        (low > f64::MIN_POSITIVE && high.is_finite()).then_some((low, high))
    }

    /// The exact range, without room.
    pub(crate) fn exact(low: f64, high: f64) -> Option<Self> {
        (low.is_finite() && high.is_finite() && high > low).then_some(Self::Linear { low, high })
    }

    /// Where a number falls, from 0 to 1; `None` for a number that has no place.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let log = |low: f64, high: f64| (value / low).ln() / (high / low).ln();
        let place = match *self {
            Self::Linear { low, high } => (value - low) / (high - low),
            Self::Log { low, high } if value > 0.0 => log(low, high),
            Self::LogWithZero { low, .. } if (0.0..low).contains(&value) => ZERO_SHARE / 3.0,
            Self::LogWithZero { low, high } if value > 0.0 => {
                ZERO_SHARE + (1.0 - ZERO_SHARE) * log(low, high)
            }
            Self::Named(ref names) => (value + 0.5) / names.len() as f64,
            Self::Log { .. } | Self::LogWithZero { .. } => return None,
        };
        place.is_finite().then_some(place)
    }

    /// Places and texts of about `wanted` ticks, and places of small ticks between them.
    pub(crate) fn ticks(&self, wanted: usize) -> (Vec<(f64, String)>, Vec<f64>) {
        match *self {
            Self::Linear { low, high } => (linear_ticks(low, high, wanted), Vec::new()),
            Self::Log { low, high } => log_ticks(low, high, wanted),
            Self::LogWithZero { low, high } => {
                let (mut ticks, small) = log_ticks(low, high, wanted);
                ticks.insert(0, (0.0, "0".to_owned()));
                (ticks, small)
            }
            Self::Named(ref names) => {
                let every = names.len().div_ceil(wanted.max(1)).max(1);
                let named = names.iter().enumerate().step_by(every);
                (named.map(|(place, name)| (place as f64, name.clone())).collect(), Vec::new())
            }
        }
    }
}

/// Whether the scale has a place for a number.
pub(crate) fn admits(scale: Scale, value: f64) -> bool {
    value.is_finite()
        && match scale {
            Scale::Linear => true,
            Scale::Log => value > 0.0,
            Scale::LogWithZero => value >= 0.0,
        }
}

fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    // A few ticks too many rather than many too few.
    let rough = (high - low) / wanted.max(1) as f64 / 1.35;
    let decade = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|unit| unit * decade).find(|&step| step >= rough * 0.999);
    let step = step.unwrap_or(decade * 10.0);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first).clamp(0.0, 40.0) as usize;
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let largest = low.abs().max(high.abs());
    (0..=count)
        .map(|tick| {
            let value = (first + tick as f64) * step;
            let text = if (1e-3..1e6).contains(&largest) {
                format!("{value:.decimals$}")
            } else {
                // Enough digits to tell neighbours apart.
                let digits = (value.abs().max(step).log10() + 1e-9).floor() - (step.log10() + 1e-9).floor();
                trim_mantissa(&format!("{value:.*e}", digits.clamp(0.0, 16.0) as usize))
            };
            let text = if value.abs() < step / 2.0 { "0".to_owned() } else { text };
            (value, typeset(&text))
        })
        .collect()
}

/// `2.00e7` as `2e7`.
fn trim_mantissa(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

fn log_ticks(low: f64, high: f64, wanted: usize) -> (Vec<(f64, String)>, Vec<f64>) {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let inside = |value: f64| value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9);
    let within = |units: &[f64]| -> Vec<f64> {
        (first..=last)
            .flat_map(|exponent| units.iter().map(move |unit| unit * 10_f64.powi(exponent)))
            .filter(|&value| inside(value))
            .collect()
    };
    let decades = within(&[1.0]);
    let all = within(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let major = if decades.len() > wanted + 1 {
        let every = decades.len().div_ceil(wanted.max(1));
        decades.iter().copied().step_by(every).collect()
    } else if decades.len() >= 3 {
        decades.clone()
    } else {
        let fine = within(&[1.0, 2.0, 5.0]);
        if fine.len() >= 2 {
            fine
        } else {
            // Less than a factor of two or so: equal steps tell more.
            return (linear_ticks(low, high, wanted), Vec::new());
        }
    };
    let plain = major.iter().all(|&value| (0.0099..1.01e4).contains(&value));
    let text = |value: f64| {
        if plain { shortest(round_to(value)) } else { typeset(&trim_mantissa(&format!("{value:.0e}"))) }
    };
    let small = if decades.len() > 8 { decades } else { all };
    (major.iter().map(|&value| (value, text(value))).collect(), small)
}

fn round_to(value: f64) -> f64 {
    significant(value, 3).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(span: &Span) -> Vec<String> {
        span.ticks(5).0.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn one_number_alone_has_round_numbers_around_it() {
        for (value, ends) in [(0.0, (-1.0, 1.0)), (1.0, (0.5, 1.5)), (-40.0, (-60.0, -20.0))] {
            let span = Span::holding(Scale::Linear, [value, value].into_iter());
            assert_eq!(span, Some(Span::Linear { low: ends.0, high: ends.1 }), "{value}");
        }
    }

    #[test]
    fn ticks_are_round_numbers_inside_the_range() {
        assert_eq!(texts(&Span::Linear { low: -6.9, high: -4.5 }), ["−6.5", "−6.0", "−5.5", "−5.0", "−4.5"]);
        assert_eq!(
            texts(&Span::Linear { low: 0.0, high: 3e7 }),
            ["0", "5·10⁶", "10⁷", "1.5·10⁷", "2·10⁷", "2.5·10⁷", "3·10⁷"]
        );
        assert_eq!(texts(&Span::Log { low: 0.9, high: 1100.0 }), ["1", "10", "100", "1000"]);
        assert_eq!(texts(&Span::Log { low: 1e-6, high: 1e-3 }), ["10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³"]);
        let rounded =
            Span::holding(Scale::LogWithZero, [1e-29, 0.01, 3.0].into_iter()).expect("numbers that fit");
        assert!(rounded.place(1e-29) < rounded.place(0.01) && rounded.place(1e-29) == rounded.place(0.0));
        assert_eq!(texts(&Span::LogWithZero { low: 1.0, high: 1000.0 }), ["0", "1", "10", "100", "1000"]);
    }

    #[test]
    fn zero_has_its_own_place_left_of_a_log_axis_and_negative_numbers_have_none() {
        let span = Span::holding(Scale::LogWithZero, [0.0, 1.0, 100.0].into_iter()).unwrap();
        let places: Vec<f64> = [0.0, 1.0, 10.0, 100.0].map(|value| span.place(value).unwrap()).into();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
        assert_eq!(span.place(-1.0), None);
        assert_eq!(Span::Log { low: 1.0, high: 10.0 }.place(0.0), None);
    }

    #[test]
    fn ranges_that_would_hang_the_drawing_library_are_refused_or_widened() {
        assert_eq!(Span::holding(Scale::Linear, [f64::NAN, f64::INFINITY].into_iter()), None);
        assert_eq!(Span::holding(Scale::Log, [0.0, -1.0].into_iter()), None);
        assert_eq!(Span::holding(Scale::Linear, [-f64::MAX, f64::MAX].into_iter()), None);
        for constant in [0.0, 5.0, -1e300] {
            let span = Span::holding(Scale::Linear, [constant].into_iter()).unwrap();
            let place = span.place(constant).unwrap();
            assert!((place - 0.5).abs() < 1e-6, "{constant}: {place}");
        }
    }

    #[test]
    fn ticks_never_run_away() {
        for (low, high) in [(1.0, 1.0 + 1e-9), (-1e300, 1e300), (1e-300, 2e-300), (1e15, 1e15 + 4.0)] {
            let (ticks, _) = Span::Linear { low, high }.ticks(5);
            assert!(ticks.len() < 50 && ticks.iter().all(|(value, _)| value.is_finite()), "{low} {high}");
        }
    }
}
