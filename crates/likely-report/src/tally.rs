//! What a method saved against a baseline, over a group of cells.

use crate::group::Row;
use likely_record::{SavingRecord, Status};

/// Relative difference up to which two energies are the same.
const SAME: f64 = 1e-6;
/// Relative difference up to which two factors in front of the potential are the same but for rounding.
const SAME_FACTOR: f64 = 1e-9;

/// One of the two cells that are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Side {
    pub(crate) evaluations: f64,
    pub(crate) energy: f64,
    /// The factor in front of the potential.
    pub(crate) factor: Option<f64>,
    pub(crate) converged: bool,
}

impl Side {
    /// Of a cell that ran and has both numbers.
    pub(crate) fn of(row: &Row<'_>) -> Option<Self> {
        let cell = row.cell.filter(|cell| cell.status == Status::Ok)?;
        let metric = |id| cell.metric(id).filter(|value| value.is_finite());
        Some(Self {
            evaluations: metric(SavingRecord::EVALUATIONS)?,
            energy: metric(SavingRecord::ENERGY)?,
            factor: cell.lambda_norm,
            converged: cell.stop.as_ref().is_some_and(|stop| stop.converged),
        })
    }

    /// Whether both minimised the same; energies of different objectives say nothing of each other.
    fn has_objective_of(&self, other: &Self) -> bool {
        match (self.factor, other.factor) {
            (Some(own), Some(its)) => (own - its).abs() <= SAME_FACTOR * own.abs().max(its.abs()),
            (own, its) => own.is_none() && its.is_none(),
        }
    }

    fn evaluates(&self) -> bool {
        self.evaluations > 0.0
    }
}

/// A cell of the method beside that of the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Duel {
    baseline: Side,
    method: Side,
}

/// How the method's energy stands to the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Lower,
    Same,
    Higher,
}

impl Duel {
    fn standing(&self) -> Standing {
        let (method, baseline) = (self.method.energy, self.baseline.energy);
        let same = SAME * method.abs().max(baseline.abs());
        if (method - baseline).abs() <= same {
            Standing::Same
        } else if method < baseline {
            Standing::Lower
        } else {
            Standing::Higher
        }
    }

    /// Evaluations of the baseline over those of the method.
    fn ratio(&self) -> Ratio {
        Ratio {
            value: self.baseline.evaluations / self.method.evaluations,
            at_least: !self.baseline.converged,
        }
    }

    /// Fewer evaluations are no saving where the curve is worse or was not finished.
    fn counts(&self) -> bool {
        self.method.converged && self.standing() != Standing::Higher
    }
}

/// A ratio, or a bound below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) value: f64,
    /// Whether it would be larger had the baseline not stopped before it converged.
    pub(crate) at_least: bool,
}

impl Ratio {
    /// A statistic of sorted ratios; itself a bound where larger ratios in place of the bounds would move it.
    fn statistic(ratios: &[Self], of: impl Fn(&[f64]) -> f64) -> Option<Self> {
        if ratios.is_empty() {
            return None;
        }
        let with = |value: fn(&Self) -> f64| {
            let mut values: Vec<f64> = ratios.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            of(&values)
        };
        let value = with(|ratio| ratio.value);
        let raised = with(|ratio| if ratio.at_least { f64::INFINITY } else { ratio.value });
        Some(Self { value, at_least: raised > value })
    }

    fn median(ratios: &[Self]) -> Option<Self> {
        Self::statistic(ratios, median)
    }
}

/// The median of sorted values.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(below), Some(above)) if sorted.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        (_, Some(value)) => *value,
        (_, None) => f64::NAN,
    }
}

/// What a method saved over a group of cells.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Tally {
    duels: Vec<Duel>,
    /// Pairs in which a side took no evaluation, so that there is nothing to save.
    pub(crate) idle: usize,
    /// Cells of the method without a number of their own or of the baseline for the same objective.
    pub(crate) absent: usize,
}

impl Tally {
    /// Takes in one cell of the method, with the baseline's where there is one.
    pub(crate) fn take(&mut self, method: Option<Side>, baseline: Option<Side>) {
        match (method, baseline) {
            (Some(method), Some(baseline)) if method.has_objective_of(&baseline) => {
                if method.evaluates() && baseline.evaluates() {
                    self.duels.push(Duel { baseline, method });
                } else {
                    self.idle += 1;
                }
            }
            _ => self.absent += 1,
        }
    }

    /// Takes in everything of another group.
    pub(crate) fn join(&mut self, other: &Self) {
        self.duels.extend(&other.duels);
        self.idle += other.idle;
        self.absent += other.absent;
    }

    /// Pairs compared.
    pub(crate) fn compared(&self) -> usize {
        self.duels.len()
    }

    /// Median, least and largest ratio over all pairs.
    pub(crate) fn ratios(&self) -> Option<[Ratio; 3]> {
        let ratios: Vec<Ratio> = self.duels.iter().map(Duel::ratio).collect();
        let least = Ratio::statistic(&ratios, |sorted| sorted[0])?;
        let largest = Ratio::statistic(&ratios, |sorted| sorted[sorted.len() - 1])?;
        Some([Ratio::median(&ratios)?, least, largest])
    }

    /// How many ratios count.
    pub(crate) fn counted(&self) -> usize {
        self.duels.iter().filter(|duel| duel.counts()).count()
    }

    /// Median of the ratios that count.
    pub(crate) fn counted_median(&self) -> Option<Ratio> {
        let ratios: Vec<Ratio> = self.duels.iter().filter(|duel| duel.counts()).map(Duel::ratio).collect();
        Ratio::median(&ratios)
    }

    /// How often the method's energy is lower, the same and higher.
    pub(crate) fn standings(&self) -> [usize; 3] {
        [Standing::Lower, Standing::Same, Standing::Higher]
            .map(|standing| self.duels.iter().filter(|duel| duel.standing() == standing).count())
    }

    /// Mean energy of the baseline and of the method, over the same pairs.
    pub(crate) fn energies(&self) -> Option<[f64; 2]> {
        let mean = |of: fn(&Duel) -> f64| self.duels.iter().map(of).sum::<f64>() / self.duels.len() as f64;
        (!self.duels.is_empty()).then(|| [mean(|duel| duel.baseline.energy), mean(|duel| duel.method.energy)])
    }

    /// How often the baseline and the method stopped before they converged.
    pub(crate) fn unconverged(&self) -> [usize; 2] {
        let count = |of: fn(&Duel) -> bool| self.duels.iter().filter(|duel| !of(duel)).count();
        [count(|duel| duel.baseline.converged), count(|duel| duel.method.converged)]
    }

    /// Whether a ratio is a bound.
    pub(crate) fn has_bounds(&self) -> bool {
        self.duels.iter().any(|duel| duel.ratio().at_least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duel(evaluations: [f64; 2], energy: [f64; 2], converged: [bool; 2]) -> Tally {
        let side = |place: usize| Side {
            evaluations: evaluations[place],
            energy: energy[place],
            factor: Some(2.0),
            converged: converged[place],
        };
        let mut tally = Tally::default();
        tally.take(Some(side(1)), Some(side(0)));
        tally
    }

    #[test]
    fn fewer_evaluations_count_only_for_a_finished_curve_that_is_not_worse() {
        let both = [true, true];
        for (tally, standings, counted) in [
            (duel([100.0, 10.0], [1.0, 1.0 + 5e-7], both), [0, 1, 0], 1),
            (duel([100.0, 10.0], [-8.0, -8.1], both), [1, 0, 0], 1),
            (duel([100.0, 10.0], [-8.0, -7.9], both), [0, 0, 1], 0),
            (duel([100.0, 10.0], [1.0, 0.5], [true, false]), [1, 0, 0], 0),
            (duel([100.0, 10.0], [0.0, 0.0], both), [0, 1, 0], 1),
        ] {
            assert_eq!((tally.standings(), tally.counted()), (standings, counted), "{tally:?}");
            assert_eq!(tally.ratios().map(|[median, ..]| median.value.to_bits()), Some(10.0_f64.to_bits()));
        }
    }

    #[test]
    fn a_statistic_is_a_bound_where_it_rests_on_one() {
        let ratio = |value, at_least| Ratio { value, at_least };
        let median = |ratios: &[Ratio]| Ratio::median(ratios).unwrap();
        assert_eq!(median(&[ratio(1.0, false), ratio(9.0, true), ratio(2.0, false)]), ratio(2.0, false));
        assert_eq!(median(&[ratio(1.0, true), ratio(9.0, false), ratio(2.0, false)]), ratio(2.0, true));
        assert_eq!(median(&[ratio(2.0, false), ratio(4.0, true)]), ratio(3.0, true));
        assert_eq!(Ratio::median(&[]), None);
    }

    #[test]
    fn energies_of_different_objectives_are_not_compared() {
        let side = |factor| Side { evaluations: 10.0, energy: 1.0, factor, converged: true };
        let compared = |method, baseline| {
            let mut tally = Tally::default();
            tally.take(Some(side(method)), Some(side(baseline)));
            (tally.compared(), tally.absent)
        };
        assert_eq!(compared(Some(2.0), Some(2.0 + 1e-12)), (1, 0));
        assert_eq!(compared(Some(2.0), Some(2.1)), (0, 1));
        assert_eq!(compared(Some(2.0), None), (0, 1));
        assert_eq!(compared(None, None), (1, 0));
    }

    #[test]
    fn nothing_is_saved_where_nothing_is_evaluated() {
        let tally = duel([0.0, 10.0], [1.0; 2], [true; 2]);
        assert_eq!((tally.idle, tally.compared(), tally.ratios()), (1, 0, None));
    }
}
