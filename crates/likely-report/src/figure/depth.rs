//! What of a surface is nearest the viewer, sample by sample, and what it hides.

use super::view::{Mesh, Placement, View, cross, dot, unit};
use std::collections::BTreeMap;

/// Least depth by which something lies behind the surface before it counts as hidden, in half diagonals of the box.
const LEAST_TOLERANCE: f64 = 0.012;
const MOST_TOLERANCE: f64 = 0.08;

/// A sample and its neighbours.
const AROUND: [f64; 3] = [0.0, -1.0, 1.0];

/// The nearest depth at each sample of a rectangle.
pub(crate) struct DepthMap {
    columns: usize,
    rows: usize,
    /// Negative infinity where there is no surface.
    depth: Vec<f64>,
    tolerance: f64,
}

impl DepthMap {
    /// Of a mesh in a projection that is placed on `columns` by `rows` samples.
    pub(crate) fn new(mesh: &Mesh, view: &View, place: &Placement, columns: usize, rows: usize) -> Self {
        let mut map = Self {
            columns,
            rows,
            depth: vec![f64::NEG_INFINITY; columns * rows],
            tolerance: (3.0 * sagitta(mesh, view)).clamp(LEAST_TOLERANCE, MOST_TOLERANCE),
        };
        let corners = placed(mesh, view, place);
        for triangle in triangles(mesh) {
            fill(triangle.map(|corner| corners[corner]), columns, rows, |sample, _, depth| {
                let here = &mut map.depth[sample];
                *here = here.max(depth);
            });
        }
        map
    }

    /// Whether nothing of the surface lies before a point at `at` of the samples.
    ///
    /// Points on the surface itself show, and those beside its outline too.
    pub(crate) fn shows(&self, [x, y]: [f64; 2], depth: f64) -> bool {
        let (column, row) = (x.floor(), y.floor());
        let front = |down: f64, across: f64| {
            let (column, row) = (column + across, row + down);
            let inside =
                column >= 0.0 && row >= 0.0 && column < self.columns as f64 && row < self.rows as f64;
            if inside { self.depth[row as usize * self.columns + column as usize] } else { f64::NEG_INFINITY }
        };
        let nearest = depth + self.tolerance;
        AROUND.iter().any(|&down| AROUND.iter().any(|&across| front(down, across) <= nearest))
    }
}

/// What is seen at a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    /// How brightly it is lit, from 0 to 1.
    pub(crate) light: f64,
    /// Its colour share; `None` where there is no value.
    pub(crate) share: Option<f64>,
}

/// What is seen of the mesh at each sample; `None` beside it.
pub(crate) fn seen(
    mesh: &Mesh,
    view: &View,
    place: &Placement,
    columns: usize,
    rows: usize,
) -> Vec<Option<Seen>> {
    let corners = placed(mesh, view, place);
    let normals = normals(mesh, view);
    let light = view.towards_light();
    let mut depths = vec![f64::NEG_INFINITY; columns * rows];
    let mut picture = vec![None; columns * rows];
    for triangle in triangles(mesh) {
        let flat = flat_normal(triangle.map(|corner| view.scaled(mesh.points[corner])));
        let shares = triangle.map(|corner| mesh.shares[corner]);
        // Normals of one triangle point to the same side of it, whatever their neighbours do.
        let around = triangle.map(|corner| {
            let normal = normals[corner];
            if dot(normal, flat) < 0.0 { normal.map(|coordinate| -coordinate) } else { normal }
        });
        fill(triangle.map(|corner| corners[corner]), columns, rows, |sample, weights, depth| {
            if depth <= depths[sample] {
                return;
            }
            depths[sample] = depth;
            let sum =
                std::array::from_fn(|axis| (0..3).map(|corner| weights[corner] * around[corner][axis]).sum());
            let normal = unit(sum).unwrap_or(view.toward());
            let facing = if dot(normal, view.toward()) < 0.0 { -1.0 } else { 1.0 };
            let share = match shares {
                [Some(a), Some(b), Some(c)] => Some(weights[0] * a + weights[1] * b + weights[2] * c),
                _ => None,
            };
            picture[sample] = Some(Seen { light: (facing * dot(normal, light)).max(0.0), share });
        });
    }
    picture
}

/// Corners on the page and their depth; those that are not finite have NaN.
fn placed(mesh: &Mesh, view: &View, place: &Placement) -> Vec<[f64; 3]> {
    let of = |&point: &[f64; 3]| {
        let (at, depth) = view.project(point);
        let [x, y] = place.at(at);
        [x, y, depth]
    };
    mesh.points.iter().map(of).collect()
}

/// Two triangles a face, without those that have a corner which is not finite.
fn triangles(mesh: &Mesh) -> impl Iterator<Item = [usize; 3]> + '_ {
    mesh.faces()
        .flat_map(|[a, b, c, d]| [[a, b, c], [a, c, d]])
        .filter(|triangle| triangle.iter().all(|&corner| mesh.points[corner].iter().all(|x| x.is_finite())))
}

fn flat_normal([a, b, c]: [[f64; 3]; 3]) -> [f64; 3] {
    let side = |from: [f64; 3], to: [f64; 3]| std::array::from_fn(|axis| to[axis] - from[axis]);
    cross(side(a, b), side(a, c))
}

/// A normal at each corner, the same for corners at the same place; of either sign.
pub(crate) fn normals(mesh: &Mesh, view: &View) -> Vec<[f64; 3]> {
    let key =
        |corner: usize| view.scaled(mesh.points[corner]).map(|coordinate| (coordinate * 1e7).round() as i64);
    let mut sums: BTreeMap<[i64; 3], [f64; 3]> = BTreeMap::new();
    for triangle in triangles(mesh) {
        let flat = flat_normal(triangle.map(|corner| view.scaled(mesh.points[corner])));
        for corner in triangle {
            let sum = sums.entry(key(corner)).or_insert([0.0; 3]);
            let sign = if dot(*sum, flat) < 0.0 { -1.0 } else { 1.0 };
            for axis in 0..3 {
                sum[axis] += sign * flat[axis];
            }
        }
    }
    (0..mesh.points.len())
        .map(|corner| sums.get(&key(corner)).copied().and_then(unit).unwrap_or(view.toward()))
        .collect()
}

/// How far the flat faces lie from the surface between their corners at most, in half diagonals of the box.
fn sagitta(mesh: &Mesh, view: &View) -> f64 {
    let points: Vec<[f64; 3]> = mesh.points.iter().map(|&point| view.scaled(point)).collect();
    let mut bend = [0.0_f64; 2];
    for row in 0..mesh.rows {
        for column in 0..mesh.columns {
            let here = row * mesh.columns + column;
            let steps = [
                (1, column > 0 && column + 1 < mesh.columns),
                (mesh.columns, row > 0 && row + 1 < mesh.rows),
            ];
            for (bend, (step, inside)) in bend.iter_mut().zip(steps) {
                if inside {
                    let second = (0..3).map(|axis| {
                        points[here - step][axis] - 2.0 * points[here][axis] + points[here + step][axis]
                    });
                    let length = second.map(|coordinate| coordinate * coordinate).sum::<f64>().sqrt();
                    if length.is_finite() {
                        *bend = bend.max(length / 8.0);
                    }
                }
            }
        }
    }
    bend[0] + bend[1]
}

/// Calls `set` with the place, the weights of the corners and the depth of every sample inside a triangle.
fn fill(corners: [[f64; 3]; 3], columns: usize, rows: usize, mut set: impl FnMut(usize, [f64; 3], f64)) {
    let [a, b, c] = corners;
    let twice = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
    if twice.abs() < 1e-12 {
        return;
    }
    let range = |axis: usize, count: usize| {
        let (low, high) = (a[axis].min(b[axis]).min(c[axis]), a[axis].max(b[axis]).max(c[axis]));
        let first = (low - 0.5).ceil().max(0.0) as usize;
        let end = ((high - 0.5).floor() + 1.0).clamp(0.0, count as f64) as usize;
        first..end
    };
    for row in range(1, rows) {
        for column in range(0, columns) {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let of_b = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / twice;
            let of_c = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / twice;
            let of_a = 1.0 - of_b - of_c;
            // Neighbours share their edge: no sample falls between them.
            if of_a >= -1e-9 && of_b >= -1e-9 && of_c >= -1e-9 {
                let depth = of_a * a[2] + of_b * b[2] + of_c * c[2];
                set(row * columns + column, [of_a, of_b, of_c], depth);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::sphere;
    use super::*;

    #[test]
    fn a_sphere_shows_what_lies_on_its_near_side_and_hides_its_far_side() {
        let mesh = sphere(25, 49);
        let view = View::around(mesh.points.iter().copied()).unwrap();
        let place = Placement { scale: 400.0, centre: [400.0; 2] };
        let map = DepthMap::new(&mesh, &view, &place, 800, 800);
        let (mut near, mut far) = (0, 0);
        for point in &mesh.points {
            let facing = dot(*point, view.toward());
            let (at, depth) = view.project(*point);
            if facing > 0.02 {
                near += 1;
                assert!(map.shows(place.at(at), depth), "{point:?}");
            } else if facing < -0.15 {
                far += 1;
                assert!(!map.shows(place.at(at), depth), "{point:?}");
            }
        }
        assert!(near > 400 && far > 400, "{near} {far}");
        assert!(map.shows([1.0, 1.0], -10.0), "beside the sphere nothing is hidden");
    }

    #[test]
    fn every_sample_of_a_face_is_filled_once_or_twice_and_none_beside_it() {
        let mesh = Mesh {
            rows: 2,
            columns: 2,
            points: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, f64::NAN]],
            shares: vec![None; 4],
        };
        assert_eq!(triangles(&mesh).count(), 0, "a corner is not finite");
        let mut count = 0;
        fill([[0.0, 0.0, 1.0], [10.0, 0.0, 1.0], [0.0, 10.0, 1.0]], 20, 20, |_, _, depth| {
            assert!((depth - 1.0).abs() < 1e-12);
            count += 1;
        });
        assert_eq!(count, 55);
    }
}
