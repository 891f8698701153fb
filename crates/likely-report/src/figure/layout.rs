//! Where everything of a picture stands on the page.

use super::font::{width, wrap};
use super::legend::{bar_width, draw_bar, draw_legend_below, draw_legend_beside, legend_width};
use super::palette::{FAINT, INK};
use super::panel::{Frame, draw_panel, tick_width};
use super::picture::{Bar, Panel, Picture};
use super::shape::{Anchor, Colour, Drawing, Label};

pub(crate) const TEXT_EM: f64 = 12.0;
pub(crate) const TICK_EM: f64 = 11.0;
pub(crate) const TITLE_EM: f64 = 14.0;
pub(crate) const NOTE_EM: f64 = 10.5;
const EDGE: f64 = 14.0;
/// Room between neighbouring panels.
const GAP: f64 = 26.0;
/// Room between a panel and its own bar of colours.
const BAR_GAP: f64 = 10.0;
/// Room below a panel for its ticks and title.
const BELOW_PANEL: f64 = 46.0;
/// Room above a panel for its title.
const ABOVE_PANEL: f64 = 24.0;

/// A label at a place, with the usual look.
pub(crate) fn label(text: &str, at: [f64; 2], em: f64, anchor: Anchor, colour: Colour) -> Label {
    // Control characters are not allowed in SVG.
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Label { at, text, em, bold: false, anchor, upwards: false, colour }
}

/// Gives everything of the picture its place.
pub(crate) fn layout(picture: &Picture) -> Drawing {
    let mut drawing = Drawing::default();
    let across = match picture.panels.len() {
        0 | 1 => 1,
        2 | 4 => 2,
        _ => 3,
    };
    let solid = picture.panels.iter().any(|panel| panel.solid.is_some());
    // Surfaces have their numbers inside their frames.
    let plot_width = if solid { [520.0, 400.0, 330.0] } else { [440.0, 360.0, 290.0] }[across - 1];
    let below_panel = if solid { 14.0 } else { BELOW_PANEL };
    let beside = across == 1 && legend_width(&picture.legend) < 300.0;

    let mut lefts = Vec::with_capacity(across);
    let mut right = EDGE;
    for column in 0..across {
        let panels: Vec<&Panel> = picture.panels.iter().skip(column).step_by(across).collect();
        let titled = column == 0 || panels.iter().any(|panel| shows_y_title(picture, panel));
        let ticks = panels.iter().map(|panel| tick_width(panel, plot_width)).fold(0.0, f64::max);
        if column > 0 {
            right += GAP;
        }
        let left = right + ticks + 9.0 + if titled { TEXT_EM + 10.0 } else { 0.0 };
        lefts.push(left);
        let bars = panels.iter().filter_map(|panel| own_bar(panel)).map(bar_width).fold(0.0, f64::max);
        right = left + plot_width + if bars > 0.0 { bars + BAR_GAP } else { 0.0 };
    }
    let mut page_width = right + EDGE + 8.0;
    let bar_left = page_width;
    if let Some(bar) = &picture.bar {
        page_width += bar_width(bar) + EDGE;
    }
    let legend_left = page_width;
    if beside && !picture.legend.is_empty() {
        page_width += legend_width(&picture.legend) + EDGE;
    }

    let mut top = EDGE;
    for line in wrap(&picture.title, TITLE_EM, true, page_width - 2.0 * EDGE) {
        let at = [EDGE, top + TITLE_EM];
        drawing.text(Label { bold: true, ..label(&line, at, TITLE_EM, Anchor::Start, INK) });
        top += TITLE_EM * 1.35;
    }
    top += 6.0;
    let mut first_plot = None;
    for (row, panels) in picture.panels.chunks(across).enumerate() {
        let height = panels.iter().map(|panel| panel.aspect).fold(0.0, f64::max) * plot_width;
        let titled = panels.iter().any(|panel| !panel.title.is_empty());
        let plot_top = top + if titled { ABOVE_PANEL } else { 4.0 };
        for (column, panel) in panels.iter().enumerate() {
            let frame = Frame { left: lefts[column], top: plot_top, width: plot_width, height };
            draw_panel(&mut drawing, panel, &frame);
            if let Some(bar) = own_bar(panel) {
                draw_bar(&mut drawing, bar, [frame.left + plot_width + BAR_GAP, plot_top], height);
            }
            if column == 0 || shows_y_title(picture, panel) {
                draw_y_title(&mut drawing, panel, &frame);
            }
        }
        if row == 0 {
            first_plot = Some((plot_top, height));
        }
        top = plot_top + height + below_panel;
    }
    if let (Some(bar), Some((plot_top, height))) = (&picture.bar, first_plot) {
        draw_bar(&mut drawing, bar, [bar_left, plot_top], height);
    }
    if beside {
        let start = first_plot.map_or(top, |(plot_top, _)| plot_top);
        let bottom = draw_legend_beside(&mut drawing, &picture.legend, [legend_left, start]);
        top = top.max(bottom + 6.0);
    } else {
        top = draw_legend_below(&mut drawing, &picture.legend, [EDGE + 6.0, top], page_width - EDGE);
    }
    for note in &picture.notes {
        for line in wrap(note, NOTE_EM, false, page_width - 2.0 * EDGE) {
            top += NOTE_EM * 1.4;
            drawing.text(label(&line, [EDGE, top], NOTE_EM, Anchor::Start, FAINT));
        }
        top += 2.0;
    }
    drawing.width = page_width.ceil();
    drawing.height = (top + EDGE).ceil();
    drawing
}

/// The bar of colours that a panel has for itself.
fn own_bar(panel: &Panel) -> Option<&Bar> {
    let of_solid = panel.solid.as_ref().and_then(|solid| solid.bar.as_ref());
    panel.heat.as_ref().and_then(|heat| heat.bar.as_ref()).or(of_solid)
}

/// Panels right of the first show their vertical title only where it is another one.
fn shows_y_title(picture: &Picture, panel: &Panel) -> bool {
    picture.panels.first().is_some_and(|first| first.y.title != panel.y.title)
}

fn draw_y_title(drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
    let at = [frame.left - 9.0 - tick_width(panel, frame.width) - 8.0, frame.top + frame.height / 2.0];
    let mut em = TEXT_EM;
    while em > 8.0 && width(&panel.y.title, em, false) > frame.height + ABOVE_PANEL {
        em -= 0.5;
    }
    drawing.text(Label { upwards: true, ..label(&panel.y.title, at, em, Anchor::Middle, INK) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::palette::{Ramp, method_style};
    use crate::figure::picture::{Key, PictureAxis, Series, Spot};
    use crate::figure::scale::Span;
    use likely_record::Scale;

    fn panel(place: usize, size: f64) -> Panel {
        let spots: Vec<Spot> = (0..6)
            .map(|step| {
                let x = f64::from(step);
                Spot { label: Some(format!("{x}")), ..Spot::new(x, size * (x - 2.5)) }
            })
            .collect();
        let span = |values: Vec<f64>| Span::holding(Scale::Linear, values.into_iter()).unwrap();
        Panel {
            title: format!("a model with quite a long name, number {place}"),
            x: PictureAxis { title: "weight λ".to_owned(), span: span(vec![0.0, 5.0]) },
            y: PictureAxis {
                title: "energy (squared units)".to_owned(),
                span: span(vec![-3.0 * size, 3.0 * size]),
            },
            aspect: 0.75,
            heat: None,
            dots: Vec::new(),
            levels: Vec::new(),
            contours: Vec::new(),
            series: vec![Series { name: "one".to_owned(), style: method_style(0), spots, aside: 0.0 }],
            marks: Vec::new(),
            solid: None,
        }
    }

    #[test]
    fn no_text_leaves_the_page_or_covers_another() {
        let mut checked = 0;
        for panels in 1..=6 {
            for (size, bar) in [(1.0, false), (1e-7, true), (1.234_567e8, true)] {
                let legend = (0..7).map(|place| {
                    Key::Line(format!("a method with a name that is long, {place}"), method_style(place))
                });
                let picture = Picture {
                    id: "p".to_owned(),
                    title: "A title that is much longer than the picture is wide, as titles sometimes are, "
                        .repeat(2),
                    panels: (0..panels).map(|place| panel(place, size)).collect(),
                    legend: std::iter::once(Key::Heading("method".to_owned())).chain(legend).collect(),
                    bar: bar.then(|| Bar {
                        title: "log-density (nats)".to_owned(),
                        low: -16.0,
                        high: -3.3,
                        open_below: true,
                        ramp: Ramp::Density,
                    }),
                    notes: vec!["A note that explains what was left out. ".repeat(6)],
                };
                let drawing = layout(&picture);
                let labels: Vec<&Label> = drawing.labels().collect();
                assert!(drawing.is_finite() && labels.len() > 10);
                for (place, label) in labels.iter().enumerate() {
                    let [left, top, right, bottom] = label.bounds();
                    let inside =
                        left >= 0.0 && top >= 0.0 && right <= drawing.width && bottom <= drawing.height;
                    assert!(inside, "{panels} panels, size {size}: `{}` leaves the page", label.text);
                    for other in &labels[..place] {
                        let [l, t, r, b] = other.bounds();
                        let apart = right <= l || left >= r || bottom <= t || top >= b;
                        assert!(
                            apart,
                            "{panels} panels, size {size}: `{}` covers `{}`",
                            label.text, other.text
                        );
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 1000, "{checked}");
    }
}
