//! Random streams by named axes.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The root of all random streams of an experiment.
///
/// A stream is the `ChaCha8` generator keyed by SHA-256 over the base seed and a list of named axes, so that two streams
/// with different names are independent and a stream never depends on which others were drawn, or in which order.
/// The method is deliberately not an axis: all methods see the same end points and the same noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// A root with the given base seed.
    pub const fn new(base: u64) -> Self {
        Self(base)
    }

    /// The base seed.
    pub const fn base(self) -> u64 {
        self.0
    }

    /// The stream named by `axes`, a list of (axis, value).
    ///
    /// Names and values are hashed with their lengths, so `("ab", "c")` and `("a", "bc")` differ.
    pub fn stream(self, axes: &[(&str, &str)]) -> ChaCha8Rng {
        let mut hash = Sha256::new();
        hash.update(b"likely seed v1");
        hash.update(self.0.to_le_bytes());
        for (axis, value) in axes {
            for part in [axis, value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        ChaCha8Rng::from_seed(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngCore;

    #[test]
    fn a_stream_is_pinned_to_its_name() {
        // Published seeds must draw the same numbers for ever: a change here invalidates every pinned result.
        let mut stream = Seed::new(2712).stream(&[("experiment", "fig3"), ("pair", "0")]);
        assert_eq!(stream.next_u64(), PINNED);
    }
    // From scripts/golden_seed.py, which implements the definition anew.
    const PINNED: u64 = 14_029_573_291_787_375_688;

    #[test]
    fn streams_with_different_names_differ() {
        let first = |axes: &[(&str, &str)]| Seed::new(1).stream(axes).next_u64();
        assert_ne!(first(&[("ab", "c")]), first(&[("a", "bc")]));
        assert_ne!(first(&[("a", "b"), ("c", "d")]), first(&[("c", "d"), ("a", "b")]));
        assert_ne!(first(&[]), Seed::new(2).stream(&[]).next_u64());
    }
}
