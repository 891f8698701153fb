//! From which side a surface in space is looked at.

use super::depth::{DepthMap, normals};

/// Degrees above the horizon of the views that are tried.
const HEIGHTS: [f64; 3] = [24.0, 38.0, 58.0];
/// Degrees around the vertical axis of the views that are tried; the first is the usual one.
const TURNS: [f64; 8] = [-60.0, -30.0, 30.0, 60.0, 120.0, 150.0, 210.0, 240.0];
/// Longest side of the box over its shortest one, above which the sides are drawn in different scales.
const LONGEST: f64 = 4.0;
/// Side of the depth map that judges a view, in samples.
const JUDGED: usize = 140;
/// How much more a piece of a curve counts at the near corner of the box than in its middle.
const NEARNESS: f64 = 0.5;
/// What a view must gain in visible share to be taken before an earlier one.
const GAIN: f64 = 0.03;

/// An orthographic projection of a box in space.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    /// Lowest corner of the box.
    pub(crate) low: [f64; 3],
    /// Highest corner of the box.
    pub(crate) high: [f64; 3],
    /// Factor of each axis; the box drawn has half a diagonal of length one.
    scale: [f64; 3],
    right: [f64; 3],
    up: [f64; 3],
    /// From the box to the viewer.
    toward: [f64; 3],
}

impl View {
    /// The usual view of the box around `points`; `None` where there is no point, or the box has no size.
    pub(crate) fn around(points: impl Iterator<Item = [f64; 3]>) -> Option<Self> {
        let mut low = [f64::INFINITY; 3];
        let mut high = [f64::NEG_INFINITY; 3];
        for point in points {
            for axis in 0..3 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let longest = (0..3).map(|axis| high[axis] - low[axis]).fold(0.0, f64::max);
        if !longest.is_finite() || longest <= f64::MIN_POSITIVE {
            return None;
        }
        for axis in 0..3 {
            // A flat side gets some room, so that its axis has numbers.
            let side = high[axis] - low[axis];
            let room = if side < longest * 1e-6 { longest * 0.1 } else { side * 0.03 };
            low[axis] -= room;
            high[axis] += room;
        }
        let longest = (0..3).map(|axis| high[axis] - low[axis]).fold(0.0, f64::max);
        let drawn: Vec<f64> = (0..3).map(|axis| (high[axis] - low[axis]).max(longest / LONGEST)).collect();
        let half = drawn.iter().map(|side| side * side).sum::<f64>().sqrt() / 2.0;
        let mut scale = [0.0; 3];
        for axis in 0..3 {
            scale[axis] = drawn[axis] / (high[axis] - low[axis]) / half;
        }
        let good = scale.iter().all(|factor| factor.is_finite());
        let flat = Self { low, high, scale, right: [0.0; 3], up: [0.0; 3], toward: [0.0; 3] };
        good.then(|| flat.turned(TURNS[0], HEIGHTS[0]))
    }

    /// The same box from another side, in degrees.
    fn turned(&self, turn: f64, height: f64) -> Self {
        let (turn, height) = (turn.to_radians(), height.to_radians());
        Self {
            right: [-turn.sin(), turn.cos(), 0.0],
            up: [-height.sin() * turn.cos(), -height.sin() * turn.sin(), height.cos()],
            toward: [height.cos() * turn.cos(), height.cos() * turn.sin(), height.sin()],
            ..self.clone()
        }
    }

    /// The side among a fixed few from which most of the curves is seen, long and near.
    pub(crate) fn facing(self, mesh: &Mesh, curves: &[&[[f64; 3]]]) -> Self {
        let total: f64 = curves.iter().flat_map(|curve| curve.windows(2)).map(|pair| self.length(pair)).sum();
        if total <= 0.0 {
            return self;
        }
        let pieces = self.pieces(mesh, curves);
        let mut best: Option<(f64, Self)> = None;
        for height in HEIGHTS {
            for turn in TURNS {
                let view = self.turned(turn, height);
                let seen = view.seen(mesh, &pieces) / total;
                if best.as_ref().is_none_or(|(most, _)| seen > most + GAIN) {
                    best = Some((seen, view));
                }
            }
        }
        best.map_or(self, |(_, view)| view)
    }

    /// The pieces of the curves with the normals of the surface below them.
    fn pieces(&self, mesh: &Mesh, curves: &[&[[f64; 3]]]) -> Vec<Stretch> {
        let normals = normals(mesh, self);
        let corners: Vec<[f64; 3]> = mesh.points.iter().map(|&point| self.scaled(point)).collect();
        let distance =
            |a: [f64; 3], b: [f64; 3]| -> f64 { (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum() };
        curves
            .iter()
            .flat_map(|curve| curve.windows(2))
            .map(|pair| {
                let from = self.scaled(pair[0]);
                let below = (0..corners.len())
                    .min_by(|&a, &b| distance(from, corners[a]).total_cmp(&distance(from, corners[b])));
                let normal = below.map_or([0.0; 3], |corner| normals[corner]);
                Stretch { from: pair[0], to: pair[1], normal }
            })
            .collect()
    }

    /// Projected length of what is visible of the curves; what is near and faces the viewer counts more.
    fn seen(&self, mesh: &Mesh, pieces: &[Stretch]) -> f64 {
        let place = Placement { scale: JUDGED as f64 / 2.0, centre: [JUDGED as f64 / 2.0; 2] };
        let map = DepthMap::new(mesh, self, &place, JUDGED, JUDGED);
        let mut seen = 0.0;
        for piece in pieces {
            let (from, to) = (self.project(piece.from), self.project(piece.to));
            let middle = [f64::midpoint(from.0[0], to.0[0]), f64::midpoint(from.0[1], to.0[1])];
            let depth = f64::midpoint(from.1, to.1);
            if map.shows(place.at(middle), depth) {
                let facing = dot(piece.normal, self.toward).abs().sqrt();
                let length = (to.0[0] - from.0[0]).hypot(to.0[1] - from.0[1]);
                seen += length * facing * (1.0 + NEARNESS * depth);
            }
        }
        seen
    }

    /// Whether the surface hides more than a speck of a curve.
    pub(crate) fn hides(&self, mesh: &Mesh, curves: &[&[[f64; 3]]]) -> bool {
        let side = 4 * JUDGED;
        let place = Placement { scale: side as f64 / 2.0, centre: [side as f64 / 2.0; 2] };
        let map = DepthMap::new(mesh, self, &place, side, side);
        let hidden = |point: &[f64; 3]| {
            let (at, depth) = self.project(*point);
            !map.shows(place.at(at), depth)
        };
        curves.iter().any(|curve| curve.windows(2).any(|pair| pair.iter().all(hidden)))
    }

    /// A point in the scales of the drawing, the box's middle at the origin.
    pub(crate) fn scaled(&self, point: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| {
            (point[axis] - self.low[axis] / 2.0 - self.high[axis] / 2.0) * self.scale[axis]
        })
    }

    /// Right and up on the page, and how near the viewer.
    pub(crate) fn project(&self, point: [f64; 3]) -> ([f64; 2], f64) {
        let point = self.scaled(point);
        ([dot(self.right, point), dot(self.up, point)], dot(self.toward, point))
    }

    pub(crate) fn toward(&self) -> [f64; 3] {
        self.toward
    }

    /// The vector from the viewer's lower left behind towards the upper right, in the scales of the drawing.
    pub(crate) fn towards_light(&self) -> [f64; 3] {
        let sum = std::array::from_fn(|axis| {
            self.toward[axis] * 0.78 - self.right[axis] * 0.42 + self.up[axis] * 0.46
        });
        unit(sum).unwrap_or(self.toward)
    }

    /// Whether all axes have the same scale.
    pub(crate) fn is_true(&self) -> bool {
        let (low, high) = self.scale.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), &s| (l.min(s), h.max(s)));
        high <= low * (1.0 + 1e-9)
    }

    /// The eight corners of the box.
    pub(crate) fn corners(&self) -> [[f64; 3]; 8] {
        std::array::from_fn(|corner| {
            std::array::from_fn(|axis| if corner >> axis & 1 == 0 { self.low[axis] } else { self.high[axis] })
        })
    }

    /// Left, bottom, right and top edge of the projected box.
    pub(crate) fn extent(&self) -> [f64; 4] {
        let mut extent = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for corner in self.corners() {
            let ([x, y], _) = self.project(corner);
            extent = [extent[0].min(x), extent[1].min(y), extent[2].max(x), extent[3].max(y)];
        }
        extent
    }

    fn length(&self, pair: &[[f64; 3]]) -> f64 {
        let (from, to) = (self.scaled(pair[0]), self.scaled(pair[1]));
        (0..3).map(|axis| (to[axis] - from[axis]).powi(2)).sum::<f64>().sqrt()
    }
}

/// A piece of a curve with the normal of the surface below it, of either sign.
struct Stretch {
    from: [f64; 3],
    to: [f64; 3],
    normal: [f64; 3],
}

/// Where the projection stands on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    /// Pixels for a length of one.
    pub(crate) scale: f64,
    /// Where the middle of the box stands.
    pub(crate) centre: [f64; 2],
}

impl Placement {
    pub(crate) fn at(&self, [right, up]: [f64; 2]) -> [f64; 2] {
        [self.centre[0] + right * self.scale, self.centre[1] - up * self.scale]
    }
}

/// A surface as a grid of points, with a colour share at each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mesh {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Row by row.
    pub(crate) points: Vec<[f64; 3]>,
    /// From 0 to 1; `None` where there is no value.
    pub(crate) shares: Vec<Option<f64>>,
}

impl Mesh {
    /// Places of the corners of every face, in order around it.
    pub(crate) fn faces(&self) -> impl Iterator<Item = [usize; 4]> + '_ {
        (0..self.rows.saturating_sub(1)).flat_map(move |row| {
            (0..self.columns.saturating_sub(1)).map(move |column| {
                let first = row * self.columns + column;
                [first, first + 1, first + self.columns + 1, first + self.columns]
            })
        })
    }
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The vector at length one; `None` where it has no direction.
pub(crate) fn unit(a: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(a, a).sqrt();
    (length > 1e-30).then(|| a.map(|coordinate| coordinate / length))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};

    /// The unit sphere by latitude and longitude.
    pub(crate) fn sphere(rows: usize, columns: usize) -> Mesh {
        let points: Vec<[f64; 3]> = (0..rows)
            .flat_map(|row| {
                let polar = PI * row as f64 / (rows - 1) as f64;
                (0..columns).map(move |column| {
                    let turn = TAU * column as f64 / (columns - 1) as f64;
                    [polar.sin() * turn.cos(), polar.sin() * turn.sin(), polar.cos()]
                })
            })
            .collect();
        Mesh { rows, columns, shares: vec![None; points.len()], points }
    }

    #[test]
    fn curves_on_the_far_side_turn_the_view_until_they_are_seen() {
        let mesh = sphere(25, 49);
        let usual = View::around(mesh.points.iter().copied()).unwrap();
        assert!(usual.is_true());
        for far in [0.3, 2.0, 4.0, 5.5] {
            let arc: Vec<[f64; 3]> = (0..=40)
                .map(|step| {
                    let turn = far + f64::from(step) * 0.02;
                    [0.8 * turn.cos(), 0.8 * turn.sin(), 0.6]
                })
                .collect();
            let view = usual.clone().facing(&mesh, &[&arc]);
            let middle = arc[20];
            assert!(dot(middle, view.toward()) > 0.5, "from {far}");
        }
        assert_eq!(usual.clone().facing(&mesh, &[]), usual);
    }

    #[test]
    fn axes_of_very_different_lengths_are_drawn_in_different_scales_and_flat_ones_keep_room() {
        let long = View::around([[0.0, 0.0, 0.0], [1.0, 1.0, 100.0]].into_iter()).unwrap();
        assert!(!long.is_true());
        let flat = View::around([[0.0, 0.0, 5.0], [1.0, 1.0, 5.0]].into_iter()).unwrap();
        assert!(flat.low[2] < 5.0 && flat.high[2] > 5.0);
        assert!(View::around([[1.0; 3]].into_iter()).is_none());
        assert!(View::around(std::iter::empty()).is_none());
    }
}
