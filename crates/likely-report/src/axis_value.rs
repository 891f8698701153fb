//! What a cell has on an axis, and how that is called.

use crate::number::shortest;
use likely_record::{Axis, CellKey};

/// The value of a cell on an axis; equal values fall into one row or column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AxisValue {
    /// A model, method or pair.
    Name(String),
    /// Bits of a weight of the potential; none for methods without one.
    Weight(Option<u64>),
    /// A repetition or a count of segments.
    Whole(u32),
}

impl AxisValue {
    /// The value of a cell.
    pub(crate) fn of(axis: Axis, key: &CellKey) -> Self {
        match axis {
            Axis::Model => Self::Name(key.model.clone()),
            Axis::Method => Self::Name(key.method.clone()),
            Axis::Pair => Self::Name(key.pair.clone()),
            Axis::Lambda => Self::Weight(key.lambda.map(f64::to_bits)),
            Axis::Repetition => Self::Whole(key.repetition),
            Axis::Segments => Self::Whole(key.segments),
        }
    }

    /// The values of a cell on several axes.
    pub(crate) fn all(axes: &[Axis], key: &CellKey) -> Vec<Self> {
        axes.iter().map(|&axis| Self::of(axis, key)).collect()
    }

    /// The value alone, under a heading that names the axis.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Weight(None) => "–".to_owned(),
            Self::Weight(Some(bits)) => shortest(f64::from_bits(*bits)),
            Self::Whole(whole) => whole.to_string(),
        }
    }

    /// The value with the axis, where no heading names it.
    pub(crate) fn label(&self, axis: Axis) -> String {
        match (axis, self) {
            (Axis::Model | Axis::Method, _) => self.text(),
            (Axis::Lambda, Self::Weight(None)) => "no λ".to_owned(),
            (Axis::Lambda, _) => format!("λ = {}", self.text()),
            _ => format!("{} {}", axis_name(axis), self.text()),
        }
    }

    /// The value as a number, for a horizontal axis.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Name(_) => None,
            Self::Weight(bits) => bits.map(f64::from_bits),
            Self::Whole(whole) => Some(f64::from(*whole)),
        }
    }
}

/// The axis in a heading.
pub(crate) fn axis_name(axis: Axis) -> &'static str {
    match axis {
        Axis::Model => "model",
        Axis::Method => "method",
        Axis::Lambda => "λ",
        Axis::Pair => "pair",
        Axis::Repetition => "repetition",
        Axis::Segments => "segments",
    }
}

/// The axis as a column of a file.
pub(crate) fn axis_column(axis: Axis) -> &'static str {
    match axis {
        Axis::Lambda => "lambda",
        other => axis_name(other),
    }
}
