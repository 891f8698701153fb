//! Densities of 2-D models on a grid, for figures.

use super::pairs::Pair;
use super::{PlanError, PlannedModel};
use likely_record::{FieldRecord, Grid};
use ndarray::{Array2, Axis};

/// Cells of the grid, a resolution that a page can show.
const COLUMNS: usize = 240;
const ROWS: usize = 180;
/// Part of the extent of the data that is added on each side.
const MARGIN: f64 = 0.1;
/// Part of the larger extent that is added on each side of end points alone: curves between them take a turn.
const ROOM: f64 = 0.3;
/// Points evaluated at once.
const BLOCK: usize = 4096;

/// The log-density of `model` over the box of its points and end points; `None` where it is not two-dimensional.
///
/// Where the density underflows, the smallest value of the grid stands in, because a file holds finite numbers only.
pub(super) fn field(model: &PlannedModel, pairs: &[Pair]) -> Result<Option<FieldRecord>, PlanError> {
    if model.potential.dim() != 2 {
        return Ok(None);
    }
    let points: Vec<[f64; 2]> = model
        .points
        .as_ref()
        .map(|points| points.values.rows().into_iter().map(|row| [row[0], row[1]]).collect())
        .unwrap_or_default();
    let ends = pairs.iter().flat_map(|pair| [&pair.start, &pair.end]).map(|end| [end[0], end[1]]);
    let shown: Vec<[f64; 2]> = points.iter().copied().chain(ends).collect();
    let ((mut x_min, mut x_max), (mut y_min, mut y_max)) = (extent(&shown, 0), extent(&shown, 1));
    if points.is_empty() && !shown.is_empty() {
        let room = (ROOM - MARGIN) / (1.0 + 2.0 * MARGIN) * (x_max - x_min).max(y_max - y_min);
        (x_min, x_max, y_min, y_max) = (x_min - room, x_max + room, y_min - room, y_max + room);
    }
    let grid = Grid { x_min, x_max, y_min, y_max, columns: COLUMNS, rows: ROWS };
    let log_density = log_density(model, &grid)?;
    let names = model.points.as_ref().map(|points| points.names.as_slice());
    let axes = match names {
        Some([x, y]) => [x.clone(), y.clone()],
        _ => ["x1".to_owned(), "x2".to_owned()],
    };
    Ok(Some(FieldRecord { model: model.label.clone(), grid, log_density, points, axes }))
}

/// Smallest and largest coordinate with a margin; never empty.
fn extent(points: &[[f64; 2]], axis: usize) -> (f64, f64) {
    let values = || points.iter().map(|point| point[axis]);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return (-1.0, 1.0);
    }
    let margin = MARGIN * (high - low);
    // A column of equal values still needs an extent that survives rounding.
    let margin = if margin > 0.0 { margin } else { low.abs().max(1.0) };
    (low - margin, high + margin)
}

fn log_density(model: &PlannedModel, grid: &Grid) -> Result<Vec<f64>, PlanError> {
    let centre = |low: f64, high: f64, i: usize, n: usize| low + (high - low) * (i as f64 + 0.5) / n as f64;
    let centres = Array2::from_shape_fn((grid.rows * grid.columns, 2), |(i, axis)| match axis {
        0 => centre(grid.x_min, grid.x_max, i % grid.columns, grid.columns),
        _ => centre(grid.y_min, grid.y_max, i / grid.columns, grid.rows),
    });
    let mut values = Vec::with_capacity(centres.nrows());
    for block in centres.axis_chunks_iter(Axis(0), BLOCK) {
        let potential = model
            .potential
            .value(block)
            .map_err(|source| PlanError::Field { model: model.label.clone(), source })?;
        values.extend(potential.iter().map(|s| -s));
    }
    let lowest = values.iter().copied().filter(|value| value.is_finite()).fold(f64::INFINITY, f64::min);
    let lowest = if lowest.is_finite() { lowest } else { 0.0 };
    for value in &mut values {
        if !value.is_finite() {
            *value = lowest;
        }
    }
    Ok(values)
}
