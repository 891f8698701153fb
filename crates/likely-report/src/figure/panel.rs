//! One panel: axes, grid, lines and markers.

use super::font::{width, wrap};
use super::layout::{TEXT_EM, TICK_EM, label};
use super::palette::{FAINT, GRID, INK, Ramp, WHITE};
use super::picture::{Dash, Marker, Panel, Series, Spot, Style};
use super::shape::{Anchor, Colour, Drawing, Label, Shape};

/// Smallest letters of a panel's title; a longer one is cut.
const SMALLEST_TITLE: f64 = 9.0;

/// Where the plot of a panel stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Frame {
    fn across(&self, share: f64) -> f64 {
        self.left + share * self.width
    }

    fn down(&self, share: f64) -> f64 {
        self.top + (1.0 - share) * self.height
    }

    fn place(&self, panel: &Panel, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        Some([self.across(panel.x.span.place(x)?), self.down(panel.y.span.place(y)?)])
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

fn y_ticks(panel: &Panel, plot_width: f64) -> (Vec<(f64, String)>, Vec<f64>) {
    panel.y.span.ticks(((plot_width * panel.aspect) / 48.0).clamp(3.0, 8.0) as usize)
}

/// Width of the widest text left of the plot.
pub(crate) fn tick_width(panel: &Panel, plot_width: f64) -> f64 {
    if panel.solid.is_some() {
        return 0.0;
    }
    let (ticks, _) = y_ticks(panel, plot_width);
    ticks.iter().map(|(_, text)| width(text, TICK_EM, false)).fold(0.0, f64::max)
}

/// Draws everything of a panel but its vertical title.
pub(crate) fn draw_panel(drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
    draw_title(drawing, panel, frame);
    if let Some(solid) = &panel.solid {
        solid.draw(drawing, frame);
        return;
    }
    if let Some(heat) = &panel.heat {
        let [x_low, y_low, x_high, y_high] = heat.edges;
        if let (Some([left, bottom]), Some([right, top])) =
            (frame.place(panel, [x_low, y_low]), frame.place(panel, [x_high, y_high]))
        {
            let raster = heat.raster.clone();
            let (width, height) = (right - left, bottom - top);
            drawing.shapes.push(Shape::Image { left, top, width, height, raster });
        }
    }
    draw_axes(drawing, panel, frame);
    for contour in &panel.contours {
        let places: Vec<[f64; 2]> = contour.iter().filter_map(|&point| frame.place(panel, point)).collect();
        drawing.line(&thinned(&places), INK.with_opacity(0.45), 0.9);
    }
    let vivid = panel.heat.as_ref().is_some_and(|heat| heat.ramp == Ramp::Map);
    for &dot in &panel.dots {
        if let Some(centre) = frame.place(panel, dot) {
            if vivid {
                drawing.shapes.push(Shape::Disc { centre, radius: 2.6, colour: WHITE });
                drawing.shapes.push(Shape::Disc { centre, radius: 1.7, colour: INK });
                continue;
            }
            drawing.shapes.push(Shape::Disc { centre, radius: 1.7, colour: FAINT.with_opacity(0.6) });
        }
    }
    for level in &panel.levels {
        if let Some(share) = panel.y.span.place(level.y) {
            let y = frame.down(share);
            draw_dashed(drawing, &[[frame.left, y], [frame.right(), y]], &level.style);
        }
    }
    draw_series(drawing, panel, frame);
    for &(marker, at) in &panel.marks {
        if let Some(at) = frame.place(panel, at) {
            draw_marker(drawing, marker, at, 6.0, WHITE, false);
            draw_marker(drawing, marker, at, 4.4, INK, false);
        }
    }
    draw_spot_labels(drawing, panel, frame);
    let corners = [
        [frame.left, frame.top],
        [frame.right(), frame.top],
        [frame.right(), frame.bottom()],
        [frame.left, frame.bottom()],
        [frame.left, frame.top],
    ];
    drawing.line(&corners, FAINT, 1.0);
}

fn draw_title(drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
    if !panel.title.is_empty() {
        let mut em = TEXT_EM;
        while em > SMALLEST_TITLE && width(&panel.title, em, true) > frame.width {
            em -= 0.5;
        }
        let line = wrap(&panel.title, em, true, frame.width);
        let text = if line.len() > 1 { format!("{} …", line[0]) } else { panel.title.clone() };
        let at = [frame.left + frame.width / 2.0, frame.top - 8.0];
        drawing.text(Label { bold: true, ..label(&text, at, em, Anchor::Middle, INK) });
    }
}

fn draw_axes(drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
    let grid = panel.heat.is_none();
    let inside = |share: &f64| (-1e-6..=1.0 + 1e-6).contains(share);
    let (x_ticks, x_small) = panel.x.span.ticks((frame.width / 62.0).clamp(3.0, 9.0) as usize);
    let (y_ticks, y_small) = y_ticks(panel, frame.width);
    let x_of = |value: f64| panel.x.span.place(value).filter(inside).map(|share| frame.across(share));
    let y_of = |value: f64| panel.y.span.place(value).filter(inside).map(|share| frame.down(share));
    let bottom = frame.bottom();
    if grid {
        for x in x_ticks.iter().filter_map(|(value, _)| x_of(*value)) {
            drawing.line(&[[x, frame.top], [x, bottom]], GRID, 1.0);
        }
        for y in y_ticks.iter().filter_map(|(value, _)| y_of(*value)) {
            drawing.line(&[[frame.left, y], [frame.right(), y]], GRID, 1.0);
        }
    }
    for x in x_small.iter().filter_map(|&value| x_of(value)) {
        drawing.line(&[[x, bottom], [x, bottom + 3.0]], FAINT, 0.8);
    }
    for y in y_small.iter().filter_map(|&value| y_of(value)) {
        drawing.line(&[[frame.left - 3.0, y], [frame.left, y]], FAINT, 0.8);
    }
    let mut taken = f64::NEG_INFINITY;
    for (value, text) in &x_ticks {
        let Some(x) = x_of(*value) else { continue };
        drawing.line(&[[x, bottom], [x, bottom + 5.0]], FAINT, 1.0);
        let half = width(text, TICK_EM, false) / 2.0;
        if x - half > taken + 5.0 {
            taken = x + half;
            drawing.text(label(text, [x, bottom + 17.0], TICK_EM, Anchor::Middle, INK));
        }
    }
    let mut lowest = f64::INFINITY;
    for (value, text) in &y_ticks {
        let Some(y) = y_of(*value) else { continue };
        drawing.line(&[[frame.left - 5.0, y], [frame.left, y]], FAINT, 1.0);
        if y < lowest - TICK_EM * 1.05 {
            lowest = y;
            let at = [frame.left - 8.0, y + TICK_EM * 0.36];
            drawing.text(label(text, at, TICK_EM, Anchor::End, INK));
        }
    }
    let mut em = TEXT_EM;
    while em > 8.0 && width(&panel.x.title, em, false) > frame.width {
        em -= 0.5;
    }
    let at = [frame.left + frame.width / 2.0, bottom + 35.0];
    drawing.text(label(&panel.x.title, at, em, Anchor::Middle, INK));
}

/// The places of a line's points, without those that the axes have no place for.
fn places(panel: &Panel, frame: &Frame, series: &Series) -> Vec<Option<[f64; 2]>> {
    let aside = |[x, y]: [f64; 2]| [x + series.aside, y];
    series.spots.iter().map(|spot| frame.place(panel, [spot.x, spot.y]).map(aside)).collect()
}

/// The connected pieces of a line; a point without a place leaves a gap instead of a false straight line.
fn pieces(places: &[Option<[f64; 2]>]) -> impl Iterator<Item = Vec<[f64; 2]>> + '_ {
    places.split(Option::is_none).map(|run| thinned(&run.iter().flatten().copied().collect::<Vec<_>>()))
}

fn draw_series(drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
    // Edges first: otherwise the edge of one line would cut through the next.
    for series in panel.series.iter().filter(|series| series.style.halo) {
        for piece in pieces(&places(panel, frame, series)) {
            drawing.line(&piece, WHITE.with_opacity(0.75), series.style.width + 2.0);
        }
    }
    for series in &panel.series {
        for (spot, place) in series.spots.iter().zip(places(panel, frame, series)) {
            if let Some(place) = place {
                draw_intervals(drawing, panel, frame, spot, place, &series.style);
            }
        }
    }
    for series in &panel.series {
        for piece in pieces(&places(panel, frame, series)) {
            draw_dashed(drawing, &piece, &series.style);
            // A point alone between two gaps has no line to be seen by.
            if let (&[centre], None) = (piece.as_slice(), series.style.marker) {
                let radius = series.style.width;
                drawing.shapes.push(Shape::Disc { centre, radius, colour: series.style.colour });
            }
        }
    }
    for series in &panel.series {
        for (spot, place) in series.spots.iter().zip(places(panel, frame, series)) {
            if let (Some(marker), Some(place)) = (series.style.marker, place) {
                draw_marker(drawing, marker, place, 4.6, series.style.colour, spot.open);
            }
        }
    }
}

/// Without points too close to their neighbours to be seen.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let far = kept.last().is_none_or(|last| (point[0] - last[0]).hypot(point[1] - last[1]) > 0.2);
        if far || index + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

fn draw_intervals(
    drawing: &mut Drawing,
    panel: &Panel,
    frame: &Frame,
    spot: &Spot,
    [x, y]: [f64; 2],
    style: &Style,
) {
    let colour = style.colour.with_opacity(0.55);
    if let Some(ends) = spot.y_interval {
        let [low, high] = ends.map(|end| frame.down(panel.y.span.place(end).unwrap_or(0.0).clamp(0.0, 1.0)));
        drawing.line(&[[x, low], [x, high]], colour, 1.2);
        for end in [low, high] {
            drawing.line(&[[x - 3.0, end], [x + 3.0, end]], colour, 1.2);
        }
    }
    if let Some(ends) = spot.x_interval {
        let [low, high] =
            ends.map(|end| frame.across(panel.x.span.place(end).unwrap_or(0.0).clamp(0.0, 1.0)));
        drawing.line(&[[low, y], [high, y]], colour, 1.2);
        for end in [low, high] {
            drawing.line(&[[end, y - 3.0], [end, y + 3.0]], colour, 1.2);
        }
    }
}

/// A line in the pattern of its style.
pub(crate) fn draw_dashed(drawing: &mut Drawing, points: &[[f64; 2]], style: &Style) {
    for piece in dashes(points, style.dash) {
        drawing.line(&piece, style.colour, style.width);
    }
}

/// The pieces of a line that its pattern leaves visible.
fn dashes(points: &[[f64; 2]], pattern: Dash) -> Vec<Vec<[f64; 2]>> {
    if pattern.is_empty() || points.len() < 2 {
        return vec![points.to_vec()];
    }
    let mut pieces = Vec::new();
    let mut piece = vec![points[0]];
    let (mut place, mut left) = (0, pattern[0]);
    for pair in points.windows(2) {
        let [mut from, to] = [pair[0], pair[1]];
        loop {
            let length = (to[0] - from[0]).hypot(to[1] - from[1]);
            if length <= left {
                left -= length;
                piece.push(to);
                break;
            }
            let share = left / length;
            from = [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
            piece.push(from);
            if place % 2 == 0 {
                pieces.push(std::mem::take(&mut piece));
            }
            piece = vec![from];
            place = (place + 1) % pattern.len();
            left = pattern[place];
        }
    }
    if place % 2 == 0 {
        pieces.push(piece);
    }
    pieces
}

/// A marker around `at`; an open one has a white inside.
pub(crate) fn draw_marker(
    drawing: &mut Drawing,
    marker: Marker,
    at: [f64; 2],
    radius: f64,
    colour: Colour,
    open: bool,
) {
    let inner = radius - 1.6;
    if marker == Marker::Circle {
        drawing.shapes.push(Shape::Disc { centre: at, radius, colour });
        if open {
            drawing.shapes.push(Shape::Disc { centre: at, radius: inner, colour: WHITE });
        }
        return;
    }
    let outline = |radius: f64| -> Vec<[f64; 2]> {
        let corners: &[[f64; 2]] = match marker {
            Marker::Square => &[[-0.88, -0.88], [0.88, -0.88], [0.88, 0.88], [-0.88, 0.88]],
            Marker::Up => &[[0.0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
            Marker::Down => &[[0.0, 1.2], [1.1, -0.8], [-1.1, -0.8]],
            Marker::Diamond => &[[0.0, -1.25], [1.05, 0.0], [0.0, 1.25], [-1.05, 0.0]],
            Marker::Cross | Marker::Circle => &[
                [-0.35, -1.1],
                [0.35, -1.1],
                [0.35, -0.35],
                [1.1, -0.35],
                [1.1, 0.35],
                [0.35, 0.35],
                [0.35, 1.1],
                [-0.35, 1.1],
                [-0.35, 0.35],
                [-1.1, 0.35],
                [-1.1, -0.35],
                [-0.35, -0.35],
            ],
        };
        corners.iter().map(|[x, y]| [at[0] + radius * x, at[1] + radius * y]).collect()
    };
    drawing.shapes.push(Shape::Area { points: outline(radius), colour });
    if open {
        drawing.shapes.push(Shape::Area { points: outline(inner * 0.85), colour: WHITE });
    }
}

/// Texts beside points, where they cover neither a marker nor another text and nobody near says the same.
fn draw_spot_labels(drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
    let mut spots: Vec<(&Spot, [f64; 2])> = Vec::new();
    for series in &panel.series {
        let placed = series.spots.iter().zip(places(panel, frame, series));
        spots.extend(placed.filter_map(|(spot, place)| Some((spot, place?))));
    }
    let mut taken: Vec<[f64; 4]> =
        spots.iter().map(|(_, [x, y])| [x - 5.0, y - 5.0, x + 5.0, y + 5.0]).collect();
    let mut said: Vec<(&str, [f64; 2])> = Vec::new();
    for (spot, [x, y]) in spots {
        let Some(text) = &spot.label else { continue };
        let near = |&(other, at): &(&str, [f64; 2])| other == text && (at[0] - x).hypot(at[1] - y) < 36.0;
        if said.iter().any(near) {
            continue;
        }
        let corners = [
            ([x + 7.0, y - 7.0], Anchor::Start),
            ([x - 7.0, y - 7.0], Anchor::End),
            ([x + 7.0, y + 14.0], Anchor::Start),
            ([x - 7.0, y + 14.0], Anchor::End),
        ];
        for (at, anchor) in corners {
            let candidate = label(text, at, 10.0, anchor, INK);
            let [left, top, right, bottom] = candidate.bounds();
            let inside = left > frame.left + 2.0
                && right < frame.right() - 2.0
                && top > frame.top + 2.0
                && bottom < frame.bottom() - 2.0;
            let free = taken
                .iter()
                .all(|other| right < other[0] || left > other[2] || bottom < other[1] || top > other[3]);
            if inside && free {
                let points = vec![
                    [left - 1.5, top],
                    [right + 1.5, top],
                    [right + 1.5, bottom - 0.5],
                    [left - 1.5, bottom - 0.5],
                ];
                drawing.shapes.push(Shape::Area { points, colour: WHITE.with_opacity(0.8) });
                taken.push(candidate.bounds());
                said.push((text, [x, y]));
                drawing.text(candidate);
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_keep_the_length_of_the_pattern_around_corners() {
        let line = [[0.0, 0.0], [5.0, 0.0], [5.0, 10.0]];
        let pieces = dashes(&line, &[7.0, 3.0]);
        assert_eq!(pieces, vec![vec![[0.0, 0.0], [5.0, 0.0], [5.0, 2.0]], vec![[5.0, 5.0], [5.0, 10.0]]]);
        assert_eq!(dashes(&line, &[]), vec![line.to_vec()]);
    }
}
