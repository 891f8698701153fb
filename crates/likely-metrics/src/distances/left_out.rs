//! Errors of distances between sets, from what they become when one group of generated images is left out.

use super::compare::{DENSITY_NEIGHBOURS, PRECISION_NEIGHBOURS};
use super::neighbours::Points;
use super::{DistanceError, FeatureSet, SetMetric, Side, frechet_distance, linear};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Standard errors of all metrics, in the order of [`SetMetric::ALL`], over groups of generated images that belong together, such as
/// the frames of one curve; shape of a group `(images, dim)`. The real images stay as they are.
///
/// The jackknife: with `t_g` the metric without group `g` and `G` groups, `sqrt((G - 1)/G sum_g (t_g - mean t)^2)`. For metrics that are
/// means over generated images it is the standard error of a mean over groups; for others it is too large rather than too small on
/// average. No group is counted twice, as it would be in a bootstrap, where the copies are each other's nearest neighbours. The kernel
/// distance is taken on all images at once.
///
/// # Errors
/// [`DistanceError`] for all metrics where there are fewer than two groups, a group has no image, or numbers of features differ; for each
/// metric where it has no value without some group.
///
/// # Source
/// Efron and Stein (1981), equation 1.3 and theorem 1.
pub fn errors_over_groups(
    real: &FeatureSet,
    groups: &[ArrayView2<'_, f64>],
) -> Result<[Result<f64, DistanceError>; 6], DistanceError> {
    let Some(real_rows) = real.rows() else {
        return Err(DistanceError::NeedsFeatures { metric: SetMetric::Kernel, side: Side::Real });
    };
    if groups.len() < 2 || groups.iter().any(|group| group.nrows() == 0) {
        return Err(DistanceError::Groups { groups: groups.len() });
    }
    if let Some(group) = groups.iter().find(|group| group.ncols() != real.dim()) {
        return Err(DistanceError::Dims { real: real.dim(), fake: group.ncols() });
    }
    let fake = concatenate(Axis(0), groups).expect("all groups have the same number of features");
    let of_group: Vec<usize> =
        groups.iter().enumerate().flat_map(|(g, group)| std::iter::repeat_n(g, group.nrows())).collect();
    let left_out = LeftOut { real: real_rows, fake, of_group, groups: groups.len() };
    let precision_recall = left_out.precision_recall();
    let density_coverage = left_out.density_coverage();
    let of = |both: &Result<[Vec<f64>; 2], DistanceError>, which: usize| {
        both.as_ref().map(|both| both[which].clone()).map_err(Clone::clone)
    };
    let values = SetMetric::ALL.map(|metric| match metric {
        SetMetric::Frechet => left_out.frechet(real),
        SetMetric::Kernel => left_out.kernel(),
        SetMetric::Precision => of(&precision_recall, 0),
        SetMetric::Recall => of(&precision_recall, 1),
        SetMetric::Density => of(&density_coverage, 0),
        SetMetric::Coverage => of(&density_coverage, 1),
    });
    Ok(values.map(|values| values.and_then(|values| jackknife(&values))))
}

fn jackknife(values: &[f64]) -> Result<f64, DistanceError> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = ((count - 1.0) / count * spread).sqrt();
    if error.is_finite() { Ok(error) } else { Err(DistanceError::NotFinite) }
}

/// Which groups are in a ball.
#[derive(Clone, Copy)]
enum Within {
    None,
    Only(usize),
    Several,
}

impl Within {
    fn and(self, group: usize) -> Self {
        match self {
            Self::None => Self::Only(group),
            Self::Only(known) if known == group => self,
            Self::Only(_) | Self::Several => Self::Several,
        }
    }
}

/// Real images, and generated ones of which one group at a time is left out; each function gives one value a group.
struct LeftOut<'a> {
    real: ArrayView2<'a, f64>,
    fake: Array2<f64>,
    of_group: Vec<usize>,
    groups: usize,
}

impl LeftOut<'_> {
    fn rows_of(&self, keep: impl Fn(usize) -> bool) -> Array2<f64> {
        let rows: Vec<usize> = (0..self.of_group.len()).filter(|&row| keep(self.of_group[row])).collect();
        self.fake.select(Axis(0), &rows)
    }

    fn frechet(&self, real: &FeatureSet) -> Result<Vec<f64>, DistanceError> {
        // Once, and not by every thread.
        real.statistics()?;
        let without = |group: usize| {
            let rest = FeatureSet::new(self.rows_of(|own| own != group), real.source().clone())?;
            Ok(frechet_distance(real, &rest)?.value)
        };
        (0..self.groups).into_par_iter().map(without).collect()
    }

    /// But for what the real images add by themselves, which is the same for all groups.
    fn kernel(&self) -> Result<Vec<f64>, DistanceError> {
        let real: Vec<f64> = self.real.iter().copied().collect();
        let all: Vec<f64> = self.fake.iter().copied().collect();
        let dim = self.real.ncols();
        let kernel = |product: &f64| (product / dim as f64 + 1.0).powi(3);
        // Sums of kernels of the images of a group: with those of each group but themselves, and with all real ones.
        let sums: Vec<(Vec<f64>, f64)> = (0..self.groups)
            .into_par_iter()
            .map(|group| {
                let own: Vec<f64> = self.rows_of(|other| other == group).iter().copied().collect();
                let first = self.of_group.partition_point(|&other| other < group);
                let mut products = vec![0.0; own.len() / dim * self.of_group.len()];
                linear::inner_products(&own, &all, dim, &mut products);
                let mut with_groups = vec![0.0; self.groups];
                for (row, products) in products.chunks_exact(self.of_group.len()).enumerate() {
                    for (other, product) in products.iter().enumerate().filter(|(j, _)| *j != first + row) {
                        with_groups[self.of_group[other]] += kernel(product);
                    }
                }
                let mut products = vec![0.0; own.len() / dim * self.real.nrows()];
                linear::inner_products(&own, &real, dim, &mut products);
                (with_groups, products.iter().map(kernel).sum())
            })
            .collect();
        let sizes = self.sizes();
        let (all_within, all_across): (f64, f64) = sums
            .iter()
            .fold((0.0, 0.0), |(a, b), (within, across)| (a + within.iter().sum::<f64>(), b + across));
        let without = |group: usize| {
            let n = (self.of_group.len() - sizes[group]) as f64;
            if n < 2.0 {
                return Err(DistanceError::Subsets { subsets: 1, size: n as usize });
            }
            let (own, across) = &sums[group];
            let within = all_within - 2.0 * own.iter().sum::<f64>() + own[group];
            Ok(within / (n * (n - 1.0)) - 2.0 * (all_across - across) / (n * self.real.nrows() as f64))
        };
        (0..self.groups).map(without).collect()
    }

    fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.groups];
        for &group in &self.of_group {
            sizes[group] += 1;
        }
        sizes
    }

    /// Refuses groups without which there are no `k` neighbours.
    fn points(&self, k: usize) -> Result<[Points; 2], DistanceError> {
        let largest = self.sizes().into_iter().max().unwrap_or(0);
        let fewest = self.of_group.len() - largest;
        if fewest <= k {
            return Err(DistanceError::Neighbours { k, real: self.real.nrows(), fake: fewest });
        }
        Points::both(self.real, self.fake.view(), k)
    }

    /// Sums over the groups that stay, from sums over each group, divided by `share` of the number of their images.
    fn shares(&self, of_images: &[usize], share: usize) -> Vec<f64> {
        let mut sums = vec![0; self.groups];
        for (&value, &group) in of_images.iter().zip(&self.of_group) {
            sums[group] += value;
        }
        let total: usize = sums.iter().sum();
        let rest = |(sum, size): (&usize, usize)| {
            (total - sum) as f64 / (share * (self.of_group.len() - size)) as f64
        };
        sums.iter().zip(self.sizes()).map(rest).collect()
    }

    fn density_coverage(&self) -> Result<[Vec<f64>; 2], DistanceError> {
        let k = DENSITY_NEIGHBOURS;
        let [real, fake] = self.points(k)?;
        let balls = real.squared_radii(k);
        let counts = fake.against(&real, |distances| {
            distances.iter().zip(&balls).filter(|(distance, ball)| distance < ball).count()
        });
        let within = real.against_indexed(&fake, |row, distances| {
            let inside = distances.iter().zip(&self.of_group).filter(|(distance, _)| **distance < balls[row]);
            inside.fold(Within::None, |within, (_, group)| within.and(*group))
        });
        let mut covered =
            vec![within.iter().filter(|within| !matches!(within, Within::None)).count(); self.groups];
        for within in &within {
            if let Within::Only(group) = *within {
                covered[group] -= 1;
            }
        }
        let coverage = covered.into_iter().map(|count| count as f64 / self.real.nrows() as f64).collect();
        Ok([self.shares(&counts, k), coverage])
    }

    fn precision_recall(&self) -> Result<[Vec<f64>; 2], DistanceError> {
        let k = PRECISION_NEIGHBOURS;
        let [real, fake] = self.points(k)?;
        let balls = real.squared_radii(k);
        let inside = fake.against(&real, |distances| {
            usize::from(distances.iter().zip(&balls).any(|(distance, ball)| distance <= ball))
        });
        let balls = self.fake_balls(&fake, k);
        // A ball grows where a neighbour is left out, so only who is in no other ball can gain or lose.
        let recalled = real.against_indexed(&fake, |_, distances| {
            let (mut within, mut gained) = (Within::None, BTreeSet::new());
            for ((&distance, ball), &group) in distances.iter().zip(&balls).zip(&self.of_group) {
                if distance <= ball.squared_radius {
                    within = within.and(group);
                } else {
                    let grown = ball.without.iter().filter(|(_, squared_radius)| distance <= *squared_radius);
                    gained.extend(grown.map(|(group, _)| *group));
                }
            }
            (within, gained)
        });
        let always = recalled.iter().filter(|(within, _)| !matches!(within, Within::None)).count();
        let mut counts = vec![always; self.groups];
        for (within, gained) in &recalled {
            match *within {
                Within::Several => {}
                Within::Only(group) => counts[group] -= usize::from(!gained.contains(&group)),
                Within::None => gained.iter().for_each(|&group| counts[group] += 1),
            }
        }
        let recall = counts.into_iter().map(|count| count as f64 / self.real.nrows() as f64).collect();
        Ok([self.shares(&inside, 1), recall])
    }

    /// The balls around generated images.
    fn fake_balls(&self, fake: &Points, k: usize) -> Vec<Ball> {
        let largest = self.sizes().into_iter().max().unwrap_or(0);
        fake.against_indexed(fake, |row, distances| {
            let nearest = Points::nearest(row, distances, k + largest);
            let radius_without = |left_out: Option<usize>| {
                let stay = nearest.iter().filter(|(_, other)| Some(self.of_group[*other]) != left_out);
                stay.map(|(distance, _)| *distance).nth(k - 1).unwrap_or(f64::INFINITY)
            };
            let near: BTreeSet<usize> = nearest[..k].iter().map(|(_, other)| self.of_group[*other]).collect();
            let others = near.into_iter().filter(|group| *group != self.of_group[row]);
            Ball {
                squared_radius: radius_without(None),
                without: others.map(|group| (group, radius_without(Some(group)))).collect(),
            }
        })
    }
}

/// A ball around a generated image.
struct Ball {
    squared_radius: f64,
    /// What it grows to without a group of near neighbours.
    without: Vec<(usize, f64)>,
}
