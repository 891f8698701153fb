//! The box around a surface: its back walls with a grid, and the numbers and titles of its axes.

use super::font::width;
use super::layout::{TEXT_EM, TICK_EM, label};
use super::palette::{FAINT, GRID, INK};
use super::scale::Span;
use super::shape::{Anchor, Colour, Drawing, Label};
use super::solid::Sight;
use super::view::{Placement, View};

/// Room beside, above and below the box for its numbers.
pub(crate) const ROOM: [f64; 3] = [40.0, 4.0, 40.0];
const EDGE: Colour = Colour::new(0xb4, 0xbc, 0xc4);

/// Ticks of an axis of the box.
fn ticks(view: &View, axis: usize) -> Vec<(f64, String)> {
    let (low, high) = (view.low[axis], view.high[axis]);
    let Some(span) = Span::exact(low, high) else { return Vec::new() };
    span.ticks(4).0.into_iter().filter(|(value, _)| (low..=high).contains(value)).collect()
}

/// The side of the box on an axis that faces the viewer (or, `back`, the one that does not).
fn side(view: &View, axis: usize, back: bool) -> f64 {
    if (view.toward()[axis] > 0.0) == back { view.low[axis] } else { view.high[axis] }
}

/// Draws the three back walls with a grid at the ticks, as far as the surface does not hide them.
pub(crate) fn draw_back(drawing: &mut Drawing, sight: &Sight<'_>, axes: &[String; 3]) {
    let view = sight.view;
    let back: [f64; 3] = std::array::from_fn(|axis| side(view, axis, true));
    let mut lines: Vec<([[f64; 3]; 2], Colour)> = Vec::new();
    for axis in 0..axes.len() {
        for (value, _) in ticks(view, axis) {
            for along in (0..3).filter(|&along| along != axis) {
                // At the tick, on the wall that `axis` and `along` span.
                let mut ends = [back; 2];
                for (end, bound) in ends.iter_mut().zip([view.low[along], view.high[along]]) {
                    end[axis] = value;
                    end[along] = bound;
                }
                lines.push((ends, GRID));
            }
        }
    }
    for along in 0..3 {
        let [one, other] = [(along + 1) % 3, (along + 2) % 3];
        for (at_one, at_other) in [
            (back[one], back[other]),
            (back[one], side(view, other, false)),
            (side(view, one, false), back[other]),
        ] {
            let mut ends = [back; 2];
            for (end, bound) in ends.iter_mut().zip([view.low[along], view.high[along]]) {
                end[along] = bound;
                end[one] = at_one;
                end[other] = at_other;
            }
            lines.push((ends, EDGE));
        }
    }
    for (ends, colour) in lines {
        for piece in sight.pieces(&ends).iter().filter(|piece| piece.shown) {
            drawing.line(&piece.points, colour, 1.0);
        }
    }
}

/// Draws ticks, numbers and titles along the edges of the box that stand free.
pub(crate) fn draw_numbers(drawing: &mut Drawing, view: &View, place: &Placement, axes: &[String; 3]) {
    let at = |point: [f64; 3]| place.at(view.project(point).0);
    let mut taken: Vec<[f64; 4]> = Vec::new();
    for (axis, title) in axes.iter().enumerate() {
        let (edge, outward) = free_edge(view, place, axis);
        let on_edge = |value: f64| {
            let mut point = edge;
            point[axis] = value;
            at(point)
        };
        for (value, text) in ticks(view, axis) {
            let from = on_edge(value);
            let to = [from[0] + 4.0 * outward[0], from[1] + 4.0 * outward[1]];
            let number = beside(&text, to, outward, 3.0, TICK_EM);
            if taken.iter().all(|other| apart(&number.bounds(), other)) {
                drawing.line(&[from, to], FAINT, 1.0);
                taken.push(number.bounds());
                drawing.text(number);
            }
        }
        // The title stands further out, in the middle or where it finds room along the edge.
        let candidates = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8]
            .into_iter()
            .flat_map(|share| [20.0, 27.0, 34.0].map(|distance| (share, distance)));
        for (share, distance) in candidates {
            let middle = on_edge(view.low[axis] + share * (view.high[axis] - view.low[axis]));
            let text = beside(title, middle, outward, distance, TEXT_EM);
            if taken.iter().all(|other| apart(&text.bounds(), other)) {
                taken.push(text.bounds());
                drawing.text(text);
                break;
            }
        }
    }
}

/// A point of the edge that carries the numbers of an axis, and the direction away from the box on the page.
fn free_edge(view: &View, place: &Placement, axis: usize) -> ([f64; 3], [f64; 2]) {
    let mut edge: [f64; 3] = std::array::from_fn(|other| side(view, other, false));
    if axis == 2 {
        // Of the two upright edges at the outline, the one on the left.
        let swapped = |back: usize| {
            let mut corner = edge;
            corner[back] = side(view, back, true);
            corner
        };
        let (a, b) = (swapped(0), swapped(1));
        let across = |point: [f64; 3]| view.project(point).0[0];
        return (if across(a) < across(b) { a } else { b }, [-1.0, 0.0]);
    }
    edge[2] = view.low[2];
    let other = 1 - axis;
    let mut inner = edge;
    inner[other] = side(view, other, true);
    let (from, to) = (place.at(view.project(inner).0), place.at(view.project(edge).0));
    let step = [to[0] - from[0], to[1] - from[1]];
    let length = step[0].hypot(step[1]).max(1e-9);
    // More down than the edge itself points, so that numbers stand below the box and not beside the next edge.
    let outward = [step[0] / length, (step[1] / length).max(0.0) + 0.5];
    let length = outward[0].hypot(outward[1]);
    (edge, outward.map(|coordinate| coordinate / length))
}

/// A text that touches the point `distance` away from `at`, on the far side of it.
fn beside(text: &str, at: [f64; 2], outward: [f64; 2], distance: f64, em: f64) -> Label {
    let half = [width(text, em, false) / 2.0, em * 0.38];
    let reach = |axis: usize| outward[axis] * (distance + half[axis]);
    let centre = [at[0] + reach(0), at[1] + reach(1)];
    label(text, [centre[0], centre[1] + em * 0.36], em, Anchor::Middle, INK)
}

fn apart(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[2] + 7.0 < b[0] || a[0] > b[2] + 7.0 || a[3] + 2.0 < b[1] || a[1] > b[3] + 2.0
}
