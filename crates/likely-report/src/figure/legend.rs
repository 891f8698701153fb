//! Legends and colour bars.

use super::font::{width, wrap};
use super::layout::{TEXT_EM, TICK_EM, label};
use super::palette::{FAINT, INK};
use super::panel::{draw_dashed, draw_marker};
use super::picture::{Bar, Key, Marker};
use super::scale::Span;
use super::shape::{Anchor, Drawing, Label, Raster, Shape};

/// Least share of the common range that every panel must fill for the panels to share their colours.
const COMMON: f64 = 0.3;
const SAMPLE: f64 = 32.0;
const ROW: f64 = 19.0;
const BAR: f64 = 15.0;
/// Widest text of an entry before it is broken.
const LIMIT: f64 = 220.0;

/// Width of a legend whose entries stand below each other.
pub(crate) fn legend_width(legend: &[Key]) -> f64 {
    legend.iter().map(key_width).fold(0.0, f64::max)
}

fn parts(key: &Key) -> (&str, f64, bool) {
    match key {
        Key::Line(text, _) | Key::Mark(text, _) | Key::Open(text) | Key::Dot(text) => {
            (text, SAMPLE + 7.0, false)
        }
        Key::Heading(text) => (text, 0.0, true),
    }
}

fn key_width(key: &Key) -> f64 {
    let (text, before, bold) = parts(key);
    let lines = wrap(text, TICK_EM, bold, LIMIT);
    before + lines.iter().map(|line| width(line, TICK_EM, bold)).fold(0.0, f64::max)
}

/// Draws an entry at the left and middle of its first line; returns the count of its lines.
fn draw_key(drawing: &mut Drawing, key: &Key, [x, y]: [f64; 2]) -> usize {
    let centre = [x + SAMPLE / 2.0, y];
    match key {
        Key::Line(_, style) => {
            draw_dashed(drawing, &[[x, y], [x + SAMPLE, y]], style);
            if let Some(marker) = style.marker {
                draw_marker(drawing, marker, centre, 4.6, style.colour, false);
            }
        }
        Key::Mark(_, marker) => draw_marker(drawing, *marker, centre, 4.4, INK, false),
        Key::Open(_) => draw_marker(drawing, Marker::Circle, centre, 4.6, INK, true),
        Key::Dot(_) => drawing.shapes.push(Shape::Disc { centre, radius: 1.7, colour: FAINT }),
        Key::Heading(_) => {}
    }
    let (text, before, bold) = parts(key);
    let lines = wrap(text, TICK_EM, bold, LIMIT);
    for (number, line) in lines.iter().enumerate() {
        let at = [x + before, y + TICK_EM * 0.36 + number as f64 * TICK_EM * 1.25];
        drawing.text(Label { bold, ..label(line, at, TICK_EM, Anchor::Start, INK) });
    }
    lines.len().max(1)
}

fn extra(lines: usize) -> f64 {
    (lines - 1) as f64 * TICK_EM * 1.25
}

/// Entries below each other; returns the bottom edge.
pub(crate) fn draw_legend_beside(drawing: &mut Drawing, legend: &[Key], [x, top]: [f64; 2]) -> f64 {
    let mut y = top;
    for (number, key) in legend.iter().enumerate() {
        if number > 0 && matches!(key, Key::Heading(_)) {
            y += 6.0;
        }
        let lines = draw_key(drawing, key, [x, y + ROW / 2.0]);
        y += ROW + extra(lines);
    }
    y
}

/// Entries side by side, a new row for each heading and where the row is full; returns the bottom edge.
pub(crate) fn draw_legend_below(
    drawing: &mut Drawing,
    legend: &[Key],
    [left, top]: [f64; 2],
    right: f64,
) -> f64 {
    let (mut x, mut y, mut lines) = (left, top, 1);
    for (number, key) in legend.iter().enumerate() {
        let heading = matches!(key, Key::Heading(_));
        if number > 0 && (heading || x + key_width(key) > right) {
            y += ROW + extra(lines);
            x = left;
            lines = 1;
        }
        lines = lines.max(draw_key(drawing, key, [x, y + ROW / 2.0]));
        x += key_width(key) + if heading { 14.0 } else { 22.0 };
    }
    if legend.is_empty() { top } else { y + ROW + extra(lines) }
}

/// Whether panels with these lowest and highest numbers can share their colours: every one fills enough of the whole.
pub(crate) fn shared(ranges: &[(f64, f64)]) -> bool {
    let low = ranges.iter().map(|range| range.0).fold(f64::INFINITY, f64::min);
    let high = ranges.iter().map(|range| range.1).fold(f64::NEG_INFINITY, f64::max);
    ranges.iter().all(|range| range.1 - range.0 >= COMMON * (high - low))
}

fn bar_ticks(bar: &Bar) -> Vec<(f64, String)> {
    let Some(span) = Span::exact(bar.low, bar.high) else { return Vec::new() };
    let mut ticks = span.ticks(5).0;
    if let (true, Some((_, text))) =
        (bar.open_below, ticks.first_mut().filter(|(at, _)| (at - bar.low).abs() < 1e-9))
    {
        *text = format!("≤ {text}");
    }
    ticks
}

/// Width of a colour bar with its numbers and title.
pub(crate) fn bar_width(bar: &Bar) -> f64 {
    let ticks = bar_ticks(bar).iter().map(|(_, text)| width(text, TICK_EM, false)).fold(0.0, f64::max);
    BAR + 9.0 + ticks + 10.0 + TEXT_EM
}

/// Draws a colour bar of the height of a plot.
pub(crate) fn draw_bar(drawing: &mut Drawing, bar: &Bar, [left, top]: [f64; 2], height: f64) {
    let rows = 128;
    let rgb = (0..rows).flat_map(|row| bar.ramp.colour(1.0 - (row as f64 + 0.5) / rows as f64).rgb).collect();
    let raster = Raster { columns: 1, rows, rgb };
    drawing.shapes.push(Shape::Image { left, top, width: BAR, height, raster });
    let (right, bottom) = (left + BAR, top + height);
    drawing.line(&[[left, top], [right, top], [right, bottom], [left, bottom], [left, top]], FAINT, 1.0);
    for (value, text) in bar_ticks(bar) {
        let y = bottom - (value - bar.low) / (bar.high - bar.low) * height;
        drawing.line(&[[right, y], [right + 4.0, y]], FAINT, 1.0);
        drawing.text(label(&text, [right + 7.0, y + TICK_EM * 0.36], TICK_EM, Anchor::Start, INK));
    }
    let at = [left + bar_width(bar) - 3.0, top + height / 2.0];
    drawing.text(Label { upwards: true, ..label(&bar.title, at, TEXT_EM, Anchor::Middle, INK) });
}
