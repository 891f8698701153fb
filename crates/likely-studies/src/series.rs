//! Points of curves as columns.

use crate::{Column, Series};
use ndarray::{Array2, ArrayView2};

/// Coordinates of a point that a series shows; the others are left out.
const SHOWN: usize = 16;

/// A column without a unit.
pub(crate) fn column(name: impl Into<String>) -> Column {
    Column { name: name.into(), unit: String::new() }
}

/// A curve against an abscissa, its first sixteen coordinates, and the potential along it.
pub(crate) fn curve(
    id: &str,
    label: String,
    abscissa: &str,
    times: &[f64],
    points: ArrayView2<'_, f64>,
    potential: &[f64],
) -> Series {
    let shown = points.ncols().min(SHOWN);
    let mut columns = vec![column(abscissa)];
    columns.extend((1..=shown).map(|j| column(format!("x{j}"))));
    columns.push(Column { name: "potential".to_owned(), unit: "nats".to_owned() });
    let mut values = Array2::zeros((times.len(), shown + 2));
    for (i, mut row) in values.rows_mut().into_iter().enumerate() {
        row[0] = times[i];
        for j in 0..shown {
            row[j + 1] = points[[i, j]];
        }
        row[shown + 1] = potential[i];
    }
    Series { id: id.to_owned(), label, columns, values }
}

/// Series with equal columns as one, with an empty row between each and the next.
pub(crate) fn apart(several: Vec<Series>, label: &str) -> Option<Series> {
    let mut several = several.into_iter();
    let first = several.next()?;
    let mut rows: Vec<f64> = first.values.iter().copied().collect();
    let width = first.columns.len();
    for next in several {
        rows.extend(std::iter::repeat_n(f64::NAN, width));
        rows.extend(next.values);
    }
    let values = Array2::from_shape_vec((rows.len() / width, width), rows).ok()?;
    Some(Series { label: label.to_owned(), values, ..first })
}
