//! Numbers that a configuration may hold, refused where they are read.

use serde::{Deserialize, Serialize};

/// A finite number above zero.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Positive(f64);

impl Positive {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Positive {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value > 0.0 && value.is_finite() {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not a finite number above 0"))
        }
    }
}

/// A weight of the potential: finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Lambda(f64);

impl Lambda {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Lambda {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value >= 0.0 && value.is_finite() {
            Ok(Self(value))
        } else {
            Err(format!("lambda is {value}; it must be finite and not negative"))
        }
    }
}

/// A share in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Share(f64);

impl Share {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(format!("{value} is not in [0, 1]")) }
    }
}

/// The factor between neighbours of a geometric sequence: above 1, at most 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Growth(f64);

impl Growth {
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Growth {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if value > 1.0 && value <= 100.0 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not in (1, 100]"))
        }
    }
}

/// A number of things, in `1..=MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub(crate) struct Count<const MOST: u64>(u64);

impl<const MOST: u64> Count<MOST> {
    pub(crate) const fn new(value: u64) -> Self {
        assert!(value >= 1 && value <= MOST);
        Self(value)
    }

    pub(crate) fn get(self) -> usize {
        self.0 as usize
    }
}

impl<const MOST: u64> From<Count<MOST>> for u64 {
    fn from(count: Count<MOST>) -> Self {
        count.0
    }
}

impl<const MOST: u64> TryFrom<u64> for Count<MOST> {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if (1..=MOST).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not in 1..={MOST}"))
        }
    }
}

/// Segments of a curve with something to move: in `2..=100000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub(crate) struct Segments(u64);

impl Segments {
    pub(crate) fn get(self) -> usize {
        self.0 as usize
    }
}

impl From<Segments> for u64 {
    fn from(segments: Segments) -> Self {
        segments.0
    }
}

impl TryFrom<u64> for Segments {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if (2..=100_000).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("{value} segments; a curve with something to move has 2..=100000"))
        }
    }
}

/// Most weights in a list.
const MOST_WEIGHTS: usize = 64;

/// Ascending weights, at least one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<Lambda>")]
pub(crate) struct Weights(Vec<Lambda>);

impl TryFrom<Vec<Lambda>> for Weights {
    type Error = String;

    fn try_from(weights: Vec<Lambda>) -> Result<Self, String> {
        if !(1..=MOST_WEIGHTS).contains(&weights.len()) {
            return Err(format!("{} weights; name 1..={MOST_WEIGHTS}", weights.len()));
        }
        match weights.windows(2).find(|pair| pair[1] <= pair[0]) {
            Some(pair) => Err(format!("{} follows {}; weights must ascend", pair[1].get(), pair[0].get())),
            None => Ok(Self(weights)),
        }
    }
}

impl Weights {
    /// The weights of a default.
    pub(crate) fn of(weights: &[f64]) -> Self {
        let lambda = |&weight| Lambda::try_from(weight).expect("defaults are finite and not negative");
        Self(weights.iter().map(lambda).collect())
    }

    pub(crate) fn get(&self) -> &[Lambda] {
        &self.0
    }

    /// The largest.
    pub(crate) fn heaviest(&self) -> f64 {
        self.0.last().map_or(0.0, |weight| weight.get())
    }
}
