//! Grids of candidates, with axes that may close, and the basins of a function on them.

use serde::{Deserialize, Serialize};

/// Candidates along one coordinate.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "WireAxis", rename_all = "kebab-case")]
pub(super) struct Axis {
    from: f64,
    to: f64,
    nodes: usize,
    /// Whether `from` and `to` are the same place, as on a circle.
    closed: bool,
}

/// An axis as a spec has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireAxis {
    from: f64,
    to: f64,
    nodes: u64,
    #[serde(default)]
    closed: bool,
}

/// Most candidates along one coordinate.
const MOST_NODES: u64 = 100_000;

impl TryFrom<WireAxis> for Axis {
    type Error = String;

    fn try_from(wire: WireAxis) -> Result<Self, String> {
        let WireAxis { from, to, nodes, closed } = wire;
        if !(from < to && (to - from).is_finite()) {
            return Err(format!("an axis from {from} to {to}; it must ascend and be finite"));
        }
        if !(3..=MOST_NODES).contains(&nodes) {
            return Err(format!("{nodes} nodes; an axis has 3..={MOST_NODES}"));
        }
        Ok(Self { from, to, nodes: nodes as usize, closed })
    }
}

impl Axis {
    /// The interval, a quarter wider on each side; one unit around a single point.
    pub(super) fn around(low: f64, high: f64, nodes: usize) -> Self {
        let margin = if high > low { 0.25 * (high - low) } else { 0.5 };
        Self { from: low - margin, to: high + margin, nodes, closed: false }
    }

    fn at(&self, index: usize) -> f64 {
        let intervals = if self.closed { self.nodes } else { self.nodes - 1 };
        self.from + (self.to - self.from) * index as f64 / intervals as f64
    }

    fn step(&self, index: usize, by: isize) -> Option<usize> {
        let moved = index.cast_signed() + by;
        if self.closed {
            Some(moved.rem_euclid(self.nodes.cast_signed()).cast_unsigned())
        } else {
            usize::try_from(moved).ok().filter(|&moved| moved < self.nodes)
        }
    }
}

/// All candidates, the last coordinate fastest.
#[derive(Debug)]
pub(super) struct Grid {
    axes: Vec<Axis>,
}

impl Grid {
    pub(super) fn new(axes: Vec<Axis>) -> Self {
        Self { axes }
    }

    pub(super) fn dim(&self) -> usize {
        self.axes.len()
    }

    pub(super) fn count(&self) -> usize {
        self.axes.iter().map(|axis| axis.nodes).product()
    }

    fn indices(&self, mut node: usize) -> Vec<usize> {
        let mut indices: Vec<usize> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let index = node % axis.nodes;
                node /= axis.nodes;
                index
            })
            .collect();
        indices.reverse();
        indices
    }

    fn node(&self, indices: &[usize]) -> usize {
        self.axes.iter().zip(indices).fold(0, |node, (axis, index)| node * axis.nodes + index)
    }

    pub(super) fn point(&self, node: usize) -> Vec<f64> {
        self.axes.iter().zip(self.indices(node)).map(|(axis, index)| axis.at(index)).collect()
    }

    /// The neighbours along one coordinate that come earlier in the order of the nodes.
    pub(super) fn before(&self, node: usize) -> Vec<usize> {
        let indices = self.indices(node);
        let back = |j: usize| {
            let mut moved = indices.clone();
            moved[j] = moved[j].checked_sub(1)?;
            Some(self.node(&moved))
        };
        (0..self.dim()).filter_map(back).collect()
    }

    /// All neighbours, diagonal ones too.
    fn around(&self, node: usize) -> Vec<usize> {
        let indices = self.indices(node);
        let mut around: Vec<Vec<usize>> = vec![Vec::new()];
        for (axis, &index) in self.axes.iter().zip(&indices) {
            around = around
                .into_iter()
                .flat_map(|begun| {
                    let steps = [-1, 0, 1].into_iter().filter_map(|by| axis.step(index, by));
                    steps.map(|step| [begun.as_slice(), &[step]].concat()).collect::<Vec<_>>()
                })
                .collect();
        }
        let mut nodes: Vec<usize> = around.iter().map(|indices| self.node(indices)).collect();
        nodes.retain(|&other| other != node);
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn on_boundary(&self, node: usize) -> bool {
        let at_end = |axis: &Axis, index: usize| !axis.closed && (index == 0 || index + 1 == axis.nodes);
        self.axes.iter().zip(self.indices(node)).any(|(axis, index)| at_end(axis, index))
    }

    /// A point and its repetitions along closed axes.
    pub(super) fn images(&self, point: &[f64]) -> Vec<Vec<f64>> {
        let mut images = vec![Vec::new()];
        for (axis, &x) in self.axes.iter().zip(point) {
            let period = axis.to - axis.from;
            let moved: Vec<f64> = if axis.closed {
                let home = axis.from + (x - axis.from).rem_euclid(period);
                vec![home - period, home, home + period]
            } else {
                vec![x]
            };
            images = images
                .into_iter()
                .flat_map(|begun| {
                    moved.iter().map(|x| [begun.as_slice(), &[*x]].concat()).collect::<Vec<_>>()
                })
                .collect();
        }
        images
    }

    /// Whether a curve may have to go from an image to a candidate: along closed axes, within one turn.
    pub(super) fn near(&self, image: &[f64], candidate: &[f64]) -> bool {
        let within = |axis: &Axis, a: f64, b: f64| !axis.closed || (a - b).abs() <= axis.to - axis.from;
        self.axes.iter().zip(image.iter().zip(candidate)).all(|(axis, (a, b))| within(axis, *a, *b))
    }
}

/// A local minimum on a grid: a connected set of nodes of equal value, none of which has a lower neighbour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Minimum {
    /// Its lowest node.
    pub(super) at: usize,
    pub(super) on_boundary: bool,
    /// Share of the nodes from which steepest descent ends here.
    pub(super) share: f64,
}

/// The minima of a function on a grid, and which of them each node descends to.
#[derive(Debug)]
pub(super) struct Basins {
    pub(super) minima: Vec<Minimum>,
    pub(super) of: Vec<usize>,
}

impl Basins {
    /// Neighbours within `equal` of each other are level.
    pub(super) fn of(grid: &Grid, values: &[f64], equal: f64) -> Self {
        let count = values.len();
        let lowest_around =
            |node: usize| grid.around(node).into_iter().min_by(|&a, &b| values[a].total_cmp(&values[b]));
        let down: Vec<Option<usize>> = (0..count)
            .map(|node| lowest_around(node).filter(|&other| values[other] < values[node] - equal))
            .collect();
        // Level nodes grow together.
        let mut plateau = vec![usize::MAX; count];
        let mut members: Vec<Vec<usize>> = Vec::new();
        for node in 0..count {
            if down[node].is_some() || plateau[node] != usize::MAX {
                continue;
            }
            let name = members.len();
            let mut all = vec![node];
            plateau[node] = name;
            let mut next = 0;
            while next < all.len() {
                for other in grid.around(all[next]) {
                    let level = down[other].is_none() && (values[other] - values[all[next]]).abs() <= equal;
                    if level && plateau[other] == usize::MAX {
                        plateau[other] = name;
                        all.push(other);
                    }
                }
                next += 1;
            }
            members.push(all);
        }
        // A plateau beside a level node from which it goes lower is no minimum.
        let way_out = |all: &Vec<usize>| {
            let lowest = all.iter().map(|&node| values[node]).fold(f64::INFINITY, f64::min);
            let beside = all.iter().flat_map(|&node| grid.around(node).into_iter().map(move |o| (node, o)));
            let mut level = beside.filter(|&(node, other)| (values[other] - values[node]).abs() <= equal);
            level.find_map(|(_, other)| down[other].filter(|&lower| values[lower] < lowest))
        };
        let ways_out: Vec<Option<usize>> = members.iter().map(way_out).collect();
        let mut of = vec![0; count];
        let mut sizes = vec![0_usize; members.len()];
        for (node, basin) in of.iter_mut().enumerate() {
            let mut at = node;
            while let Some(lower) = down[at].or_else(|| ways_out[plateau[at]]) {
                at = lower;
            }
            *basin = plateau[at];
            sizes[plateau[at]] += 1;
        }
        let minimum = |(all, size): (&Vec<usize>, &usize)| {
            let at = all.iter().copied().min_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0);
            let on_boundary = all.iter().any(|&node| grid.on_boundary(node));
            Minimum { at, on_boundary, share: *size as f64 / count as f64 }
        };
        let is_minimum: Vec<bool> = ways_out.iter().map(Option::is_none).collect();
        // Numbered without the plateaus that are none.
        let numbers: Vec<usize> = is_minimum
            .iter()
            .scan(0, |next, is| {
                let number = *next;
                *next += usize::from(*is);
                Some(number)
            })
            .collect();
        let minima = members.iter().zip(&sizes).zip(&is_minimum).filter(|(_, is)| **is);
        let minima = minima.map(|(both, _)| minimum(both)).collect();
        for basin in &mut of {
            *basin = numbers[*basin];
        }
        Self { minima, of }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these shares are exact")]
mod tests {
    use super::*;

    fn line(nodes: usize, closed: bool) -> Grid {
        Grid::new(vec![Axis { from: 0.0, to: 1.0, nodes, closed }])
    }

    #[test]
    fn minima_plateaus_and_boundaries_are_told_apart() {
        let values = [0.0, 2.0, 1.0, 1.0, 3.0, 0.5, 4.0, 5.0];
        let basins = Basins::of(&line(8, false), &values, 1e-12);
        let at: Vec<(usize, bool)> = basins.minima.iter().map(|m| (m.at, m.on_boundary)).collect();
        assert_eq!(at, [(0, true), (2, false), (5, false)]);
        assert_eq!(basins.of, [0, 0, 1, 1, 2, 2, 2, 2]);
        assert_eq!(basins.minima[2].share, 0.5);
        // On a circle the last node has a lower neighbour in the first.
        let closed = Basins::of(&line(8, true), &values, 1e-12);
        assert!(closed.minima.iter().all(|minimum| !minimum.on_boundary));
        assert_eq!(closed.of[7], 0);
    }

    #[test]
    fn a_plateau_with_a_way_out_is_no_minimum() {
        let basins = Basins::of(&line(8, false), &[9.0, 3.0, 3.0, 3.0, 3.0, 1.0, 2.0, 0.0], 1e-12);
        let at: Vec<usize> = basins.minima.iter().map(|minimum| minimum.at).collect();
        assert_eq!(at, [5, 7]);
        assert_eq!(basins.of, [0, 0, 0, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn nodes_and_images_lie_where_they_should() {
        let axis = |from, to, nodes, closed| Axis { from, to, nodes, closed };
        let grid = Grid::new(vec![axis(0.0, 4.0, 4, true), axis(-1.0, 1.0, 3, false)]);
        assert_eq!((grid.count(), grid.point(5)), (12, vec![1.0, 1.0]));
        assert_eq!(grid.before(5), [2, 4]);
        assert_eq!(grid.before(0), [0_usize; 0]);
        assert_eq!(grid.around(0), [1, 3, 4, 9, 10]);
        assert_eq!(grid.images(&[5.0, 0.5]), [[-3.0, 0.5], [1.0, 0.5], [5.0, 0.5]]);
        assert!(grid.near(&[-3.0, 9.0], &[1.0, 0.0]) && !grid.near(&[-3.0, 0.0], &[1.5, 0.0]));
    }
}
