//! A surface in space with curves on it, drawn in projection.

use super::depth::{DepthMap, seen};
use super::palette::{Ramp, WHITE};
use super::panel::{Frame, draw_dashed, draw_marker};
use super::picture::{Bar, Marker, Style};
use super::shape::{Drawing, Raster, Shape};
use super::solid_box::{ROOM, draw_back, draw_numbers};
use super::view::{Mesh, Placement, View};

/// Samples of the surface along each pixel of a plain screen.
const FINE: usize = 4;
/// Samples averaged along each side of a pixel of the raster.
const SAMPLES: usize = 2;
/// Steps of brightness and of colour; runs of equal pixels make small files.
const STEPS: f64 = 64.0;
/// Mesh lines drawn in each direction, about.
const MESH_LINES: usize = 18;
/// Longest step of a line between two tests of whether it is hidden, in pixels.
const STEP: f64 = 1.5;
/// Pieces of a line shorter than so many steps take the look of their neighbours.
const SHORTEST: usize = 4;
/// The pattern of what the surface hides.
const HIDDEN: &[f64] = &[3.0, 3.5];

/// A surface with the curves on it and the side that it is seen from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Solid {
    pub(crate) view: View,
    pub(crate) mesh: Mesh,
    pub(crate) curves: Vec<SolidCurve>,
    /// Titles of the three axes.
    pub(crate) axes: [String; 3],
    /// Its own bar of colours, where the panels do not share one.
    pub(crate) bar: Option<Bar>,
}

/// A curve in space.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SolidCurve {
    pub(crate) style: Style,
    pub(crate) points: Vec<[f64; 3]>,
}

/// The look of the hidden part of a line.
pub(crate) fn hidden_style(style: &Style) -> Style {
    let colour = style.colour.with_opacity(0.7);
    Style { colour, dash: HIDDEN, width: (style.width * 0.65).max(1.3), marker: None, halo: false }
}

impl Solid {
    /// Height over width that suits the view.
    pub(crate) fn aspect(&self) -> f64 {
        let [left, bottom, right, top] = self.view.extent();
        (0.8 * (top - bottom) / (right - left) + 0.12).clamp(0.55, 1.05)
    }

    /// Where the projection stands in a frame.
    fn placement(&self, frame: &Frame) -> Placement {
        let [left, bottom, right, top] = self.view.extent();
        let [side, above, below] = ROOM;
        let scale = ((frame.width - 2.0 * side) / (right - left))
            .min((frame.height - above - below) / (top - bottom))
            .max(1.0);
        let middle =
            [frame.left + frame.width / 2.0, frame.top + above + (frame.height - above - below) / 2.0];
        Placement {
            scale,
            centre: [
                middle[0] - scale * f64::midpoint(left, right),
                middle[1] + scale * f64::midpoint(bottom, top),
            ],
        }
    }

    /// Draws the surface, its box and its curves.
    pub(crate) fn draw(&self, drawing: &mut Drawing, frame: &Frame) {
        let place = self.placement(frame);
        let [left, bottom, right, top] = self.view.extent();
        let (corner, opposite) = (place.at([left, top]), place.at([right, bottom]));
        let corner = corner.map(f64::floor);
        let columns = (opposite[0] - corner[0]).ceil().max(1.0) as usize;
        let rows = (opposite[1] - corner[1]).ceil().max(1.0) as usize;
        // The same projection on the samples of the raster.
        let fine = Placement {
            scale: place.scale * FINE as f64,
            centre: [0, 1].map(|axis: usize| (place.centre[axis] - corner[axis]) * FINE as f64),
        };
        let raster = self.raster(&fine, columns * FINE, rows * FINE);
        drawing.shapes.push(Shape::Image {
            left: corner[0],
            top: corner[1],
            width: columns as f64,
            height: rows as f64,
            raster,
        });
        let map = DepthMap::new(&self.mesh, &self.view, &fine, columns * FINE, rows * FINE);
        let sight = Sight { view: &self.view, place, fine, map: &map };
        draw_back(drawing, &sight, &self.axes);
        self.draw_mesh(drawing, &sight);
        let looks: Vec<(&SolidCurve, Vec<Piece>)> =
            self.curves.iter().map(|curve| (curve, sight.pieces(&curve.points))).collect();
        for (curve, pieces) in &looks {
            for piece in pieces.iter().filter(|piece| !piece.shown) {
                draw_dashed(drawing, &piece.points, &hidden_style(&curve.style));
            }
        }
        for (curve, pieces) in &looks {
            for piece in pieces.iter().filter(|piece| piece.shown) {
                drawing.line(&piece.points, WHITE.with_opacity(0.75), curve.style.width + 2.0);
            }
        }
        for (curve, pieces) in &looks {
            for piece in pieces.iter().filter(|piece| piece.shown) {
                draw_dashed(drawing, &piece.points, &curve.style);
            }
        }
        self.draw_ends(drawing, &sight);
        draw_numbers(drawing, &self.view, &place, &self.axes);
    }

    fn raster(&self, fine: &Placement, columns: usize, rows: usize) -> Raster {
        let samples = seen(&self.mesh, &self.view, fine, columns, rows);
        let colours: Vec<[u8; 3]> = samples
            .iter()
            .map(|sample| {
                let Some(sample) = sample else { return WHITE.rgb };
                let light = 0.70 + 0.34 * (sample.light * STEPS).round() / STEPS;
                let base = match sample.share {
                    Some(share) => Ramp::Surface.colour((share * STEPS).round() / STEPS).rgb,
                    None => [226, 230, 234],
                };
                base.map(|channel| (f64::from(channel) * light).round().min(255.0) as u8)
            })
            .collect();
        let (out_columns, out_rows) = (columns / SAMPLES, rows / SAMPLES);
        let mut rgb = Vec::with_capacity(out_columns * out_rows * 3);
        for row in 0..out_rows {
            for column in 0..out_columns {
                let mut sums = [0_usize; 3];
                for down in 0..SAMPLES {
                    let first = (row * SAMPLES + down) * columns + column * SAMPLES;
                    for colour in &colours[first..first + SAMPLES] {
                        for (sum, &channel) in sums.iter_mut().zip(colour) {
                            *sum += usize::from(channel);
                        }
                    }
                }
                rgb.extend(sums.map(|sum| (sum / (SAMPLES * SAMPLES)) as u8));
            }
        }
        Raster { columns: out_columns, rows: out_rows, rgb }
    }

    /// Every few lines of the mesh, where the surface does not hide them.
    fn draw_mesh(&self, drawing: &mut Drawing, sight: &Sight<'_>) {
        let (rows, columns) = (self.mesh.rows, self.mesh.columns);
        let every = |count: usize| {
            let step = count.saturating_sub(1).div_ceil(MESH_LINES).max(1);
            (0..count).filter(move |place| place % step == 0 || place + 1 == count)
        };
        let along: Vec<Vec<[f64; 3]>> = every(rows)
            .map(|row| self.mesh.points[row * columns..(row + 1) * columns].to_vec())
            .chain(
                every(columns)
                    .map(|column| self.mesh.points.iter().skip(column).step_by(columns).copied().collect()),
            )
            .collect();
        for line in along {
            for piece in sight.pieces(&line).iter().filter(|piece| piece.shown) {
                drawing.line(&piece.points, WHITE.with_opacity(0.5), 0.7);
            }
        }
    }

    /// The end points of the first curve; open where the surface hides them.
    fn draw_ends(&self, drawing: &mut Drawing, sight: &Sight<'_>) {
        let Some(curve) = self.curves.first() else { return };
        let ends = [(Marker::Circle, curve.points.first()), (Marker::Square, curve.points.last())];
        for (marker, point) in ends {
            let Some(&point) = point else { continue };
            let (at, shown) = sight.look(point);
            draw_marker(drawing, marker, at, 6.0, WHITE, false);
            draw_marker(drawing, marker, at, 4.4, super::palette::INK, !shown);
        }
    }
}

/// The eye: where points stand on the page and whether the surface hides them.
pub(crate) struct Sight<'a> {
    pub(crate) view: &'a View,
    pub(crate) place: Placement,
    fine: Placement,
    map: &'a DepthMap,
}

/// A piece of a line that is shown or hidden throughout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) shown: bool,
    pub(crate) points: Vec<[f64; 2]>,
}

impl Sight<'_> {
    /// Where a point stands, and whether it shows.
    pub(crate) fn look(&self, point: [f64; 3]) -> ([f64; 2], bool) {
        let (at, depth) = self.view.project(point);
        (self.place.at(at), self.map.shows(self.fine.at(at), depth))
    }

    /// The line cut where the surface begins or ends to hide it.
    pub(crate) fn pieces(&self, line: &[[f64; 3]]) -> Vec<Piece> {
        let mut samples: Vec<([f64; 2], bool)> = Vec::new();
        for pair in line.windows(2) {
            let [from, to] = [pair[0], pair[1]].map(|point| self.place.at(self.view.project(point).0));
            let steps = ((to[0] - from[0]).hypot(to[1] - from[1]) / STEP).ceil().clamp(1.0, 2000.0);
            let first = usize::from(!samples.is_empty());
            samples.extend((first..=steps as usize).map(|step| {
                let share = step as f64 / steps;
                self.look(std::array::from_fn(|axis| pair[0][axis] + share * (pair[1][axis] - pair[0][axis])))
            }));
        }
        cut(&samples)
    }
}

/// Runs of samples with the same look; runs too short to be seen join their neighbours.
fn cut(samples: &[([f64; 2], bool)]) -> Vec<Piece> {
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for run in samples.chunk_by(|a, b| a.1 == b.1) {
        match runs.last_mut() {
            Some((shown, length)) if run.len() < SHORTEST || *shown == run[0].1 => *length += run.len(),
            _ => runs.push((run[0].1, run.len())),
        }
    }
    // The first run has no neighbour before it.
    if runs.len() > 1 && runs[0].1 < SHORTEST {
        let (_, length) = runs.remove(0);
        runs[0].1 += length;
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let mut from = 0;
    for (shown, length) in runs {
        // Pieces meet at the sample where the next one begins.
        let to = (from + length + 1).min(samples.len());
        let mut points: Vec<[f64; 2]> = Vec::new();
        for (at, _) in &samples[from..to] {
            let far = points.last().is_none_or(|last| (at[0] - last[0]).hypot(at[1] - last[1]) > 0.4);
            if far {
                points.push(*at);
            }
        }
        pieces.push(Piece { shown, points: straightened(&points) });
        from += length;
    }
    pieces
}

/// Without the points that lie on the straight line between their neighbours.
fn straightened(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for (place, &point) in points.iter().enumerate() {
        if let (Some(&last), Some(&next)) = (kept.last(), points.get(place + 1)) {
            let along = [next[0] - last[0], next[1] - last[1]];
            let length = along[0].hypot(along[1]).max(1e-12);
            let aside = ((point[0] - last[0]) * along[1] - (point[1] - last[1]) * along[0]).abs() / length;
            if aside < 0.04 && length < 12.0 {
                continue;
            }
        }
        kept.push(point);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_their_look_changes_and_not_at_specks() {
        let samples: Vec<([f64; 2], bool)> = (0..40)
            .map(|step| ([f64::from(step), f64::from(step * step) / 20.0], step < 20 && step != 7))
            .collect();
        let pieces = cut(&samples);
        assert_eq!(pieces.iter().map(|piece| piece.shown).collect::<Vec<_>>(), [true, false]);
        assert_eq!(pieces[0].points.last(), pieces[1].points.first(), "no gap between them");
        assert_eq!(pieces[1].points.last(), Some(&samples[39].0));
        assert!(cut(&[]).is_empty());
        let straight: Vec<[f64; 2]> = (0..5).map(|step| [f64::from(step), 0.0]).collect();
        assert_eq!(straightened(&straight), [[0.0, 0.0], [4.0, 0.0]]);
    }
}
