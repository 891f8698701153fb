//! How many means there are, over a grid of candidates.

mod basins;

use crate::pair_problem::Iterations;
use crate::path::{Evaluated, Limits, Paths, Weighted, minimise};
use crate::settings::{Positive, Weights};
use crate::study::from_config;
use crate::{Column, Findings, Number, Observer, Reading, Series, Study, StudyError, StudyKind, Subject};
use basins::{Axis, Basins, Grid};
use likely_core::{Counted, Geometry};
use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "mean-uniqueness",
    summary: "Local minima of the objective of the mean over a grid of candidates, against the weight.",
    source: "arXiv 2510.26266, Equation 8 and the figure on existence and uniqueness",
    numbers: NUMBERS,
    build: from_config::<MeanUniqueness>,
};

const NUMBERS: &[Number] = &[
    Number {
        id: "uniqueness-minima-lightest",
        unit: "1",
        better: "neither",
        definition: "Local minima of F(mu) = N sum_k min (E + lambda_norm sum S) over curves from data point k to mu, inside the grid, at the smallest weight; neighbours of equal value (1e-9, relative to the range of F) count as one.",
    },
    Number {
        id: "uniqueness-minima-heaviest",
        unit: "1",
        better: "neither",
        definition: "As `uniqueness-minima-lightest`, at the largest weight.",
    },
    Number {
        id: "uniqueness-means-lightest",
        unit: "1",
        better: "neither",
        definition: "Of `uniqueness-minima-lightest`, those whose F lies within 1e-6 of the range of F of the lowest: more than one says that the mean is not unique.",
    },
    Number {
        id: "uniqueness-means-heaviest",
        unit: "1",
        better: "neither",
        definition: "As `uniqueness-means-lightest`, at the largest weight.",
    },
    Number {
        id: "uniqueness-lambda",
        unit: "1",
        better: "higher",
        definition: "Largest of the listed weights up to which F has one local minimum inside the grid.",
    },
    Number {
        id: "uniqueness-boundary-minima",
        unit: "1",
        better: "lower",
        definition: "Candidates on the boundary of the grid that are lower than their neighbours, largest over weights: minima may lie outside.",
    },
];

/// A grid of candidates in one or two coordinates, and curves from every data point to every candidate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct MeanUniqueness {
    /// `lambda_norm = lambda E_0 / |S_0|`, summed over straight lines from the data to their average.
    lambdas: Weights,
    /// One entry a coordinate; none for the box around the data, a quarter wider on each side.
    axes: Axes,
    tolerance: Positive,
    max_iterations: Iterations,
}

impl Default for MeanUniqueness {
    fn default() -> Self {
        Self {
            lambdas: Weights::of(&[0.0, 1.0, 5.0, 20.0]),
            axes: Axes(Vec::new()),
            tolerance: Positive::try_from(1e-6).expect("positive"),
            max_iterations: Iterations::new(1000),
        }
    }
}

/// None, one or two axes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<Axis>")]
struct Axes(Vec<Axis>);

impl TryFrom<Vec<Axis>> for Axes {
    type Error = String;

    fn try_from(axes: Vec<Axis>) -> Result<Self, String> {
        if axes.len() <= 2 {
            Ok(Self(axes))
        } else {
            Err(format!("{} axes; a grid has one or two", axes.len()))
        }
    }
}

/// Most curves of a scan: candidates times data points times weights.
const MOST_CURVES: u64 = 2_000_000;
/// Neighbours closer than this, relative to the range of the objective, are equal.
const EQUAL: f64 = 1e-9;
/// Minima closer than this, relative to the range of the objective, are equally low.
const EQUALLY_LOW: f64 = 1e-6;
/// Below this the potential of the straight lines is taken for zero, as the methods do.
const NEGLIGIBLE_POTENTIAL: f64 = 1e-6;

/// One weight.
struct Scan {
    lambda: f64,
    values: Vec<f64>,
    basins: Basins,
    /// Index and value of the minima inside, and their basins' shares.
    inside: Vec<usize>,
    means: usize,
}

/// The scan at one weight and the curves that neighbours start from.
struct Scanner<'s> {
    study: &'s MeanUniqueness,
    geometry: &'s dyn Geometry,
    segments: usize,
    counted: &'s Counted<'s>,
    grid: &'s Grid,
    points: Vec<Vec<f64>>,
    iterations: u64,
}

impl Scanner<'_> {
    /// `N min (E + lambda_norm sum S)` from one image of a data point to every candidate in turn.
    fn join(
        &mut self,
        point: &[f64],
        lambda_norm: f64,
        values: &mut [f64],
        observe: &mut dyn FnMut() -> bool,
    ) -> Result<(), StudyError> {
        let segments = self.segments;
        let limits =
            Limits { tolerance: self.study.tolerance.get(), iterations: self.study.max_iterations.get() };
        let mut curves: Vec<Option<Evaluated>> = vec![None; self.grid.count()];
        for (k, value) in values.iter_mut().enumerate() {
            let candidate = self.grid.point(k);
            if !self.grid.near(point, &candidate) {
                continue;
            }
            let paths = Paths {
                geometry: self.geometry,
                potential: self.counted,
                start: point.to_vec(),
                end: candidate.clone(),
            };
            let line = |from: &[f64], to: &[f64]| -> Vec<f64> {
                let shares = (1..segments).map(|i| i as f64 / segments as f64);
                shares
                    .flat_map(|t| from.iter().zip(to).map(move |(a, b)| a + t * (b - a)).collect::<Vec<_>>())
                    .collect()
            };
            let mut starts = vec![line(point, &candidate)];
            for neighbour in self.grid.before(k) {
                let Some(curve) = &curves[neighbour] else { continue };
                let moved: Vec<f64> =
                    candidate.iter().zip(self.grid.point(neighbour)).map(|(to, from)| to - from).collect();
                let shift = line(&vec![0.0; moved.len()], &moved);
                starts.push(curve.path.iter().zip(&shift).map(|(z, s)| z + s).collect());
            }
            for start in starts {
                let first = match paths.evaluate(start) {
                    Ok(first) if (first.energy + first.total).is_finite() => first,
                    // A start that leaves the chart or the support leads nowhere.
                    Ok(_)
                    | Err(
                        likely_core::EvalError::OutsideChart { .. }
                        | likely_core::EvalError::NonFinitePoint { .. },
                    ) => continue,
                    Err(error) => return Err(error.into()),
                };
                let found = minimise(&paths, first, &Weighted(lambda_norm), limits, observe)?
                    .ok_or(StudyError::Interrupted)?;
                self.iterations += found.iterations as u64;
                let height = segments as f64 * (found.at.energy + lambda_norm * found.at.total);
                if height < *value {
                    *value = height;
                    curves[k] = Some(found.at);
                }
            }
        }
        Ok(())
    }

    fn scan(
        &mut self,
        lambda: f64,
        lambda_norm: f64,
        observe: &mut dyn FnMut() -> bool,
    ) -> Result<Scan, StudyError> {
        let mut sums = vec![0.0; self.grid.count()];
        for point in self.points.clone() {
            let mut values = vec![f64::INFINITY; sums.len()];
            for image in self.grid.images(&point) {
                self.join(&image, lambda_norm, &mut values, observe)?;
            }
            sums.iter_mut().zip(&values).for_each(|(sum, value)| *sum += value);
        }
        let finite = sums.iter().copied().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Err(StudyError::Unsupported {
                reason: "no candidate mean can be joined to all data points; choose a grid inside the chart"
                    .to_owned(),
            });
        }
        let basins = Basins::of(self.grid, &sums, EQUAL * (high - low));
        let inside: Vec<usize> =
            (0..basins.minima.len()).filter(|&m| !basins.minima[m].on_boundary).collect();
        let lowest = inside.iter().map(|&m| sums[basins.minima[m].at]).fold(f64::INFINITY, f64::min);
        let is_mean = |m: &&usize| sums[basins.minima[**m].at] <= lowest + EQUALLY_LOW * (high - low);
        let means = inside.iter().filter(is_mean).count();
        Ok(Scan { lambda, values: sums, basins, inside, means })
    }
}

impl MeanUniqueness {
    fn grid(&self, points: ArrayView2<'_, f64>) -> Result<Grid, StudyError> {
        let dim = points.ncols();
        let refused = |reason: String| StudyError::Unsupported { reason };
        if !(1..=2).contains(&dim) {
            return Err(refused(format!("works in one or two coordinates and the data have {dim}")));
        }
        let axes = if self.axes.0.is_empty() {
            points
                .columns()
                .into_iter()
                .map(|column| {
                    let low = column.iter().copied().fold(f64::INFINITY, f64::min);
                    let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    Axis::around(low, high, if dim == 1 { 101 } else { 25 })
                })
                .collect()
        } else {
            self.axes.0.clone()
        };
        if axes.len() != dim {
            return Err(refused(format!(
                "{} axes for data with {dim} coordinates; name one a coordinate",
                axes.len()
            )));
        }
        let grid = Grid::new(axes);
        let curves = (grid.count() as u64)
            .saturating_mul(points.nrows() as u64)
            .saturating_mul(self.lambdas.get().len() as u64);
        if curves > MOST_CURVES {
            return Err(refused(format!(
                "{} candidates, {} data points and {} weights are {curves} curves, more than {MOST_CURVES}; use a coarser grid or fewer points",
                grid.count(),
                points.nrows(),
                self.lambdas.get().len()
            )));
        }
        Ok(grid)
    }
}

impl Study for MeanUniqueness {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let iterations = self.max_iterations.get() as u64;
        MOST_CURVES.saturating_mul(3 * segments as u64).saturating_mul(iterations)
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        _: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let refused = |reason: &str| StudyError::Unsupported { reason: reason.to_owned() };
        let points = subject.points.filter(|points| points.nrows() > 0).ok_or_else(|| {
            refused("needs data points, whose mean is sought; name a data set for the model")
        })?;
        if points.ncols() != subject.potential.dim() || points.ncols() != subject.geometry.dim() {
            return Err(refused("data, density and geometry have different numbers of coordinates"));
        }
        if subject.segments.get() < 2 {
            return Err(refused("one segment has no interior point; use 2 segments or more"));
        }
        let counted = Counted::new(subject.potential);
        let grid = self.grid(points)?;
        let per_lambda = per_lambda(subject, &counted, points)?;
        let mut scanner = Scanner {
            study: self,
            geometry: subject.geometry,
            segments: subject.segments.get(),
            counted: &counted,
            grid: &grid,
            points: points.rows().into_iter().map(|row| row.to_vec()).collect(),
            iterations: 0,
        };
        let of = self.lambdas.get().len() as f64;
        let mut scans = Vec::new();
        for (done, lambda) in self.lambdas.get().iter().enumerate() {
            let mut on = || observe(done as f64 / of).is_continue();
            if !on() {
                return Err(StudyError::Interrupted);
            }
            scans.push(scanner.scan(lambda.get(), lambda.get() * per_lambda, &mut on)?);
        }
        let iterations = scanner.iterations;
        let unique = scans.iter().take_while(|scan| scan.inside.len() == 1).last();
        let unique = unique.map(|scan| scan.lambda).ok_or_else(|| {
            let inside = scans.first().map_or(0, |scan| scan.inside.len());
            format!("at the smallest weight there are {inside} local minima inside the grid already")
        });
        let end = |last: bool, of: fn(&Scan) -> usize| {
            let scan = if last { scans.last() } else { scans.first() };
            Ok(scan.map_or(0, of) as f64)
        };
        let on_boundary = scans.iter().map(|scan| scan.basins.minima.len() - scan.inside.len()).max();
        let numbers = vec![
            Reading { id: "uniqueness-minima-lightest", value: end(false, |scan| scan.inside.len()) },
            Reading { id: "uniqueness-minima-heaviest", value: end(true, |scan| scan.inside.len()) },
            Reading { id: "uniqueness-means-lightest", value: end(false, |scan| scan.means) },
            Reading { id: "uniqueness-means-heaviest", value: end(true, |scan| scan.means) },
            Reading { id: "uniqueness-lambda", value: unique },
            Reading { id: "uniqueness-boundary-minima", value: Ok(on_boundary.unwrap_or(0) as f64) },
        ];
        let series = scans.iter().flat_map(|scan| series(&grid, scan)).collect();
        Ok(Findings { numbers, series, iterations, ..Findings::default() })
    }
}

/// `E_0 / |S_0|` over straight lines from the data to their average.
fn per_lambda(
    subject: &Subject<'_>,
    counted: &Counted<'_>,
    points: ArrayView2<'_, f64>,
) -> Result<f64, StudyError> {
    let segments = subject.segments.get();
    let count = points.nrows() as f64;
    let average: Vec<f64> = points.columns().into_iter().map(|column| column.sum() / count).collect();
    let (mut energy, mut total) = (0.0, 0.0);
    for point in points.rows() {
        let start = point.to_vec();
        let shares = (1..segments).map(|i| i as f64 / segments as f64);
        let path = shares
            .flat_map(|t| start.iter().zip(&average).map(move |(a, b)| a + t * (b - a)).collect::<Vec<_>>())
            .collect();
        let paths = Paths {
            geometry: subject.geometry,
            potential: counted,
            start: start.clone(),
            end: average.clone(),
        };
        let line = paths.evaluate(path)?;
        energy += line.energy;
        total += line.total;
    }
    if !(energy.is_finite() && total.is_finite()) {
        return Err(StudyError::Unsupported {
            reason: "energy or potential of the straight lines from the data to their average is not finite"
                .to_owned(),
        });
    }
    Ok(if total.abs() < NEGLIGIBLE_POTENTIAL { 1.0 } else { energy / total.abs() })
}

/// The objective over the grid with the basin of each candidate, and the minima.
fn series(grid: &Grid, scan: &Scan) -> [Series; 2] {
    let dim = grid.dim();
    let column = |name: &str| Column { name: name.to_owned(), unit: String::new() };
    let coordinates = || (1..=dim).map(|j| column(&format!("x{j}")));
    let label = format!("lambda = {}", scan.lambda);
    let over = Array2::from_shape_fn((grid.count(), dim + 2), |(row, column)| {
        // Where nothing was joined there is no objective.
        let objective = if scan.values[row].is_finite() { scan.values[row] } else { f64::NAN };
        let rest = [objective, scan.basins.of[row] as f64];
        if column < dim { grid.point(row)[column] } else { rest[column - dim] }
    });
    let minima = &scan.basins.minima;
    let at = Array2::from_shape_fn((minima.len(), dim + 3), |(row, column)| {
        let minimum = &minima[row];
        if column < dim {
            grid.point(minimum.at)[column]
        } else {
            [scan.values[minimum.at], minimum.share, f64::from(u8::from(minimum.on_boundary))][column - dim]
        }
    });
    [
        Series {
            id: "uniqueness-objective".to_owned(),
            label: label.clone(),
            columns: coordinates().chain(["objective", "basin"].map(column)).collect(),
            values: over,
        },
        Series {
            id: "uniqueness-minima".to_owned(),
            label,
            columns: coordinates()
                .chain(["objective", "share of the basin", "on the boundary"].map(column))
                .collect(),
            values: at,
        },
    ]
}
