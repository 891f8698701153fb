//! The numbers of an array.

/// A type of numbers, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// `u1`.
    Byte,
    /// `<f4`.
    Single,
    /// `<f8`.
    Double,
    /// `<i4`.
    Integer,
    /// `<i8`.
    LongInteger,
}

impl Number {
    /// The two widths of floats.
    pub const FLOATS: [Self; 2] = [Self::Single, Self::Double];

    /// As numpy writes it.
    pub fn descr(self) -> &'static str {
        match self {
            Self::Byte => "|u1",
            Self::Single => "<f4",
            Self::Double => "<f8",
            Self::Integer => "<i4",
            Self::LongInteger => "<i8",
        }
    }

    /// Whether a header means it; the order of a single byte does not matter.
    pub(crate) fn is(self, descr: &str) -> bool {
        descr == self.descr() || self == Self::Byte && matches!(descr, "<u1" | ">u1")
    }

    /// Bytes of a number.
    pub fn width(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Single | Self::Integer => 4,
            Self::Double | Self::LongInteger => 8,
        }
    }

    /// Appends the numbers that `bytes` hold, a whole number of them. An integer beyond `2^53`, which shares its float with others, is NaN.
    pub fn decode(self, bytes: &[u8], out: &mut Vec<f64>) {
        let (fours, eights) = (bytes.as_chunks::<4>().0, bytes.as_chunks::<8>().0);
        match self {
            Self::Byte => out.extend(bytes.iter().map(|byte| f64::from(*byte))),
            Self::Single => out.extend(fours.iter().map(|word| f64::from(f32::from_le_bytes(*word)))),
            Self::Double => out.extend(eights.iter().map(|word| f64::from_le_bytes(*word))),
            Self::Integer => out.extend(fours.iter().map(|word| f64::from(i32::from_le_bytes(*word)))),
            Self::LongInteger => out.extend(eights.iter().map(|word| exact(i64::from_le_bytes(*word)))),
        }
    }
}

fn exact(value: i64) -> f64 {
    if value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS { value as f64 } else { f64::NAN }
}
