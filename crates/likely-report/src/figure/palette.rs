//! Colours, dashes and markers that people with any colour vision, and printers without colour, can tell apart.

use super::picture::{Dash, Marker, Style};
use super::shape::Colour;

pub(crate) const INK: Colour = Colour::new(0x1f, 0x23, 0x28);
pub(crate) const FAINT: Colour = Colour::new(0x57, 0x60, 0x6a);
pub(crate) const GRID: Colour = Colour::new(0xe3, 0xe7, 0xeb);
pub(crate) const WHITE: Colour = Colour::new(0xff, 0xff, 0xff);

/// The palette of Okabe and Ito (2008), without its yellow, which vanishes on white.
/// Three darker colours follow for figures of many methods.
const COLOURS: [Colour; 10] = [
    Colour::new(0x00, 0x72, 0xb2),
    Colour::new(0xd5, 0x5e, 0x00),
    Colour::new(0x00, 0x9e, 0x73),
    Colour::new(0xcc, 0x79, 0xa7),
    Colour::new(0xe6, 0x9f, 0x00),
    Colour::new(0x56, 0xb4, 0xe9),
    Colour::new(0x00, 0x00, 0x00),
    Colour::new(0x88, 0x22, 0x55),
    Colour::new(0x7a, 0x7a, 0x00),
    Colour::new(0x8c, 0x8c, 0x8c),
];
const DASHES: [Dash; 5] = [&[], &[7.0, 3.5], &[1.5, 3.0], &[8.0, 3.0, 1.5, 3.0], &[14.0, 4.0]];
const MARKERS: [Marker; 6] =
    [Marker::Circle, Marker::Square, Marker::Up, Marker::Diamond, Marker::Down, Marker::Cross];

/// The look of the method at `place` among the methods of a run, the same in all its figures.
///
/// Later lines are thinner, so that lines that lie on one another all show.
pub(crate) fn method_style(place: usize) -> Style {
    Style {
        colour: COLOURS[place % COLOURS.len()],
        dash: dash(place),
        width: line_width(place),
        marker: Some(marker(place)),
        halo: false,
    }
}

/// The width of the line at `place`.
pub(crate) fn line_width(place: usize) -> f64 {
    (2.8 - 0.4 * place as f64).max(1.5)
}

/// The marker of the method at `place`.
pub(crate) fn marker(place: usize) -> Marker {
    MARKERS[place % MARKERS.len()]
}

/// The dash of the method at `place`; the second time that a colour comes, it comes with another dash.
pub(crate) fn dash(place: usize) -> Dash {
    DASHES[(place + place / COLOURS.len()) % DASHES.len()]
}

/// Dark blue to orange by way of red: `plasma` of matplotlib, without its pale end.
pub(crate) fn sequence(share: f64) -> Colour {
    const STOPS: [[f64; 3]; 7] = [
        [13.0, 8.0, 135.0],
        [84.0, 2.0, 163.0],
        [139.0, 10.0, 165.0],
        [185.0, 50.0, 137.0],
        [219.0, 92.0, 104.0],
        [244.0, 136.0, 73.0],
        [252.0, 170.0, 50.0],
    ];
    blend(&STOPS, share)
}

/// Colours for numbers from low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ramp {
    /// White to slate blue: pale enough for lines to stand out.
    Density,
    /// Ivory to petrol: pale enough for lines to stand out where it is shaded too.
    Surface,
    /// Dark blue to pale yellow by way of green, as `viridis` of matplotlib without its darkest end: for maps that are
    /// read by themselves.
    Map,
}

impl Ramp {
    /// The colour at a share from 0 to 1.
    pub(crate) fn colour(self, share: f64) -> Colour {
        const DENSITY: [[f64; 3]; 5] = [
            [252.0, 253.0, 253.0],
            [232.0, 238.0, 243.0],
            [205.0, 218.0, 229.0],
            [167.0, 188.0, 206.0],
            [122.0, 152.0, 180.0],
        ];
        const SURFACE: [[f64; 3]; 5] = [
            [247.0, 243.0, 232.0],
            [224.0, 233.0, 226.0],
            [184.0, 214.0, 212.0],
            [134.0, 184.0, 192.0],
            [88.0, 148.0, 168.0],
        ];
        const MAP: [[f64; 3]; 7] = [
            [62.0, 74.0, 137.0],
            [49.0, 104.0, 142.0],
            [38.0, 130.0, 142.0],
            [31.0, 158.0, 137.0],
            [74.0, 193.0, 109.0],
            [159.0, 218.0, 58.0],
            [253.0, 231.0, 37.0],
        ];
        match self {
            Self::Density => blend(&DENSITY, share),
            Self::Surface => blend(&SURFACE, share),
            Self::Map => blend(&MAP, share),
        }
    }
}

fn blend(stops: &[[f64; 3]], share: f64) -> Colour {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    let place = share * (stops.len() - 1) as f64;
    let low = (place.floor() as usize).min(stops.len() - 2);
    let right = place - low as f64;
    let mix = |channel: usize| {
        (stops[low][channel] * (1.0 - right) + stops[low + 1][channel] * right).round() as u8
    };
    Colour::new(mix(0), mix(1), mix(2))
}
