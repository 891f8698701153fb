//! Curved surfaces as meshes, for figures.

use super::PlannedModel;
use super::pairs::Pair;
use crate::spec::WireSurface;
use likely_core::{Geometry, Rows};
use likely_record::{Embedded, SurfaceRecord};
use ndarray::ArrayView2;
use std::f64::consts::{PI, TAU};

/// Vertices of the mesh, unless the spec says otherwise.
const COLUMNS: u32 = 96;
const ROWS: u32 = 64;
/// Part of the extent of the end points that is added on each side.
const MARGIN: f64 = 0.5;
/// Share of the way to infinity that the outermost ring of a closed surface lies at.
const OUTERMOST: f64 = 0.995;
/// A radius that counts as infinite when it is asked whether a surface closes there.
const FAR: f64 = 1e8;

/// The surface that `model` stands on, coloured by its log-density; `None` where a picture cannot show it.
pub(super) fn surface(model: &PlannedModel, shown: &WireSurface, pairs: &[Pair]) -> Option<SurfaceRecord> {
    let (rows, columns) = (shown.rows.unwrap_or(ROWS) as usize, shown.columns.unwrap_or(COLUMNS) as usize);
    let geometry = &*model.geometry;
    let vertices = vertices(geometry, shown, pairs, rows, columns)?;
    let dim = geometry.dim();
    let points = embedded(geometry, &vertices).filter(|points| points.dim == 3)?;
    let view = ArrayView2::from_shape((rows * columns, dim), &vertices).ok()?;
    let values = match model.potential.value(view) {
        Ok(values) => values.iter().map(|s| Some(-s).filter(|value| value.is_finite())).collect(),
        // The surface itself is still worth showing where the density cannot be evaluated all over it.
        Err(_) => vec![None; rows * columns],
    };
    let points = points.values.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
    Some(SurfaceRecord { model: model.label.clone(), rows, columns, points, values })
}

/// Points of a geometry in the space that pictures show, where it has such an embedding and all of them have an image.
pub(crate) fn embedded(geometry: &dyn Geometry, points: &[f64]) -> Option<Embedded> {
    let rows = Rows::new(points, geometry.dim()).ok()?;
    let (dim, values) = match geometry.embedding() {
        Some(embedding) if (1..=3).contains(&embedding.ambient_dim()) => {
            let mut values = vec![0.0; rows.count() * embedding.ambient_dim()];
            embedding.map(rows, &mut values).ok()?;
            (embedding.ambient_dim(), values)
        }
        // What is embedded in its own coordinates needs no map.
        None if geometry.projection().is_some() && geometry.dim() <= 3 => (geometry.dim(), points.to_vec()),
        _ => return None,
    };
    values.iter().all(|x| x.is_finite()).then_some(Embedded { dim, values })
}

/// The vertices in the coordinates of the geometry, row by row.
fn vertices(
    geometry: &dyn Geometry,
    shown: &WireSurface,
    pairs: &[Pair],
    rows: usize,
    columns: usize,
) -> Option<Vec<f64>> {
    let grid = |u: [f64; 2], v: [f64; 2]| {
        let at = |[low, high]: [f64; 2], i: usize, n: usize| low + (high - low) * i as f64 / (n - 1) as f64;
        (0..rows)
            .flat_map(move |row| (0..columns).map(move |column| [at(u, column, columns), at(v, row, rows)]))
    };
    match (geometry.dim(), geometry.projection()) {
        (3, Some(projection)) => {
            let (u, v) = (shown.u.unwrap_or([-PI, PI]), shown.v.unwrap_or([-PI / 2.0, PI / 2.0]));
            let directions: Vec<f64> =
                grid(u, v).flat_map(|[u, v]| [v.cos() * u.cos(), v.cos() * u.sin(), v.sin()]).collect();
            let mut vertices = vec![0.0; directions.len()];
            projection.project(Rows::new(&directions, 3).ok()?, &mut vertices).ok()?;
            Some(vertices)
        }
        (2, _) if shown.u.is_none() && shown.v.is_none() && closes(geometry) => {
            // Rings whose radii are evenly spaced on a sphere in stereographic coordinates.
            let rings = grid([0.0, TAU], [0.0, OUTERMOST * PI / 2.0]);
            Some(
                rings
                    .flat_map(|[angle, half]| [half.tan() * angle.cos(), half.tan() * angle.sin()])
                    .collect(),
            )
        }
        (2, _) => {
            let along = |axis| if turns(geometry, axis) { period(pairs, axis) } else { extent(pairs, axis) };
            let (u, v) = (shown.u.unwrap_or_else(|| along(0)), shown.v.unwrap_or_else(|| along(1)));
            Some(grid(u, v).flatten().collect())
        }
        _ => None,
    }
}

/// Whether all far points of a chart have one image: then the whole plane is the surface but for a point.
fn closes(geometry: &dyn Geometry) -> bool {
    let far = [FAR, 0.0, 0.0, FAR, -FAR, 0.0, 0.0, -FAR, FAR, FAR];
    let near = [0.0, 0.0, 1.0, 0.0];
    let (Some(far), Some(near)) = (embedded(geometry, &far), embedded(geometry, &near)) else { return false };
    let gap = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let size = gap(&near.values[..near.dim], &near.values[near.dim..]);
    far.values.chunks_exact(far.dim).all(|point| gap(point, &far.values[..far.dim]) <= 1e-6 * size)
}

/// Whether a coordinate is an angle: a full turn of it changes no image, and half of one does.
fn turns(geometry: &dyn Geometry, axis: usize) -> bool {
    let turned = |by: f64| {
        let points = [[0.3, 0.7], [1.9, 2.4], [-0.8, 1.1]].map(|mut point| {
            point[axis] += by;
            point
        });
        embedded(geometry, points.as_flattened())
    };
    let (Some(here), Some(half), Some(full)) = (turned(0.0), turned(PI), turned(TAU)) else { return false };
    let gap = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0_f64, f64::max);
    let size = gap(&here.values, &half.values);
    size > 0.0 && gap(&here.values, &full.values) <= 1e-9 * size
}

/// One full turn with the end points in its middle.
fn period(pairs: &[Pair], axis: usize) -> [f64; 2] {
    let [low, high] = extent(pairs, axis);
    let middle = f64::midpoint(low, high);
    [middle - PI, middle + PI]
}

/// Smallest and largest coordinate of the end points with a margin; never empty.
fn extent(pairs: &[Pair], axis: usize) -> [f64; 2] {
    let values = || pairs.iter().flat_map(|pair| [pair.start[axis], pair.end[axis]]);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return [-1.0, 1.0];
    }
    let margin = MARGIN * (high - low);
    // Equal coordinates still need an extent.
    let margin = if margin > 0.0 { margin } else { 1.0 };
    [low - margin, high + margin]
}
