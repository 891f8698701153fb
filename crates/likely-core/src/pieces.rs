//! Functions of one number that are constant in pieces.

/// `K` numbers for each piece of the real line between sorted places.
///
/// [`crate::Number::piece`] looks them up: with a middle, a value and a slope for each piece it makes any function that is
/// linear in pieces, at a cost that hardly grows with their number.
#[derive(Debug, Clone, PartialEq)]
pub struct Pieces<const K: usize> {
    breaks: Vec<f64>,
    values: Vec<[f64; K]>,
    first: f64,
    buckets_per_unit: f64,
    /// How many breaks lie before each bucket; the buckets cut the range of the breaks equally.
    before: Vec<u32>,
}

/// Buckets for each break.
const BUCKETS: usize = 4;

impl<const K: usize> Pieces<K> {
    /// The numbers of `values`, one entry for each piece: before the first of `breaks`, between two of them, and after the last.
    ///
    /// `None` where the breaks are not finite and in order, or there is not one more value than breaks.
    pub fn new(breaks: Vec<f64>, values: Vec<[f64; K]>) -> Option<Self> {
        let sorted = breaks.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || !breaks.iter().all(|x| x.is_finite()) || values.len() != breaks.len() + 1 {
            return None;
        }
        let [first, last] = [breaks.first(), breaks.last()].map(|x| x.copied().unwrap_or(0.0));
        let count = BUCKETS * breaks.len() + 1;
        let width = last - first;
        let buckets_per_unit = if width > 0.0 && width.is_finite() { count as f64 / width } else { 0.0 };
        let mut before = vec![0; count];
        for x in breaks.iter().rev() {
            // A break that its bucket begins after is passed before the search begins.
            let bucket = bucket(first, buckets_per_unit, count, *x);
            for later in before.iter_mut().skip(bucket + 1) {
                *later += 1;
            }
        }
        Some(Self { breaks, values, first, buckets_per_unit, before })
    }

    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The numbers of the piece that `x` lies in; a break belongs to the piece before it, and NaN to the first.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    pub fn at(&self, x: f64) -> &[f64; K] {
        let bucket = bucket(self.first, self.buckets_per_unit, self.before.len(), x);
        let mut piece = self.before[bucket] as usize;
        while piece < self.breaks.len() && self.breaks[piece] < x {
            piece += 1;
        }
        &self.values[piece]
    }
}

/// The bucket that `x` lies in; the first and the last take what is outside.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn bucket(first: f64, per_unit: f64, count: usize, x: f64) -> usize {
    // Conversion of numbers out of range and of NaN saturates.
    (((x - first) * per_unit) as usize).min(count - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::LANES;
    use crate::{Dual, Lanes, Number, Seed};
    use rand::Rng;

    #[test]
    fn every_number_finds_its_piece() {
        let mut rng = Seed::new(1).stream(&[("test", "pieces")]);
        for count in [0, 1, 2, 3, 17, 400] {
            // Clustered: most breaks share a few buckets.
            let mut breaks: Vec<f64> = (0..count).map(|_| rng.random_range(-2.0..2.0_f64).powi(9)).collect();
            breaks.sort_by(f64::total_cmp);
            breaks.dedup();
            let values: Vec<[f64; 1]> = (0..=breaks.len()).map(|k| [k as f64]).collect();
            let pieces = Pieces::new(breaks.clone(), values).unwrap();
            assert_eq!(pieces.count(), breaks.len() + 1);
            let drawn: Vec<f64> = (0..500).map(|_| rng.random_range(-3.0..3.0_f64).powi(9)).collect();
            let special = [f64::NEG_INFINITY, -1e300, -0.0, 0.0, 1e300, f64::INFINITY, f64::MIN_POSITIVE];
            for x in breaks.iter().chain(&drawn).chain(&special) {
                let expected = breaks.iter().filter(|place| *place < x).count() as f64;
                assert_eq!(pieces.at(*x)[0].to_bits(), expected.to_bits(), "{x} of {count}");
            }
            assert_eq!(pieces.at(f64::NAN)[0].to_bits(), 0.0_f64.to_bits());
        }
    }

    #[test]
    fn lanes_and_dual_numbers_look_up_the_same_constants() {
        let pieces = Pieces::new(vec![-1.0, 0.5], vec![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).unwrap();
        let x = Lanes(std::array::from_fn(|l| l as f64 * 0.4 - 1.4));
        let found = x.piece(&pieces);
        for l in 0..LANES {
            assert_eq!([found[0].0[l], found[1].0[l]].map(f64::to_bits), pieces.at(x.0[l]).map(f64::to_bits));
        }
        let dual = Dual { value: 0.0, slope: 7.0 }.piece(&pieces);
        assert_eq!(dual, [Dual { value: 3.0, slope: 0.0 }, Dual { value: 4.0, slope: 0.0 }]);
    }

    #[test]
    fn breaks_out_of_order_and_missing_values_are_refused() {
        assert!(Pieces::new(vec![1.0, 1.0], vec![[0.0]; 3]).is_none());
        assert!(Pieces::new(vec![2.0, 1.0], vec![[0.0]; 3]).is_none());
        assert!(Pieces::new(vec![f64::NAN], vec![[0.0]; 2]).is_none());
        assert!(Pieces::new(vec![1.0], vec![[0.0]; 1]).is_none());
    }
}
