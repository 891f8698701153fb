//! What a figure shows, before anything has a place on the page.

use super::palette::Ramp;
use super::scale::Span;
use super::shape::{Colour, Raster};
use super::solid::Solid;

/// A line's pattern, in pixels on and off; solid when empty.
pub(crate) type Dash = &'static [f64];

/// The form of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Up,
    Diamond,
    Down,
    Cross,
}

/// How a line and its markers look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub(crate) colour: Colour,
    pub(crate) dash: Dash,
    pub(crate) width: f64,
    pub(crate) marker: Option<Marker>,
    /// Whether a pale edge sets the line off from what is below it.
    pub(crate) halo: bool,
}

/// A point of a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spot {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Ends of the interval along x.
    pub(crate) x_interval: Option<[f64; 2]>,
    /// Ends of the interval along y.
    pub(crate) y_interval: Option<[f64; 2]>,
    /// Whether the marker is drawn open: the method stopped before it converged.
    pub(crate) open: bool,
    /// A text beside it, left out where there is no room.
    pub(crate) label: Option<String>,
}

impl Spot {
    pub(crate) fn new(x: f64, y: f64) -> Self {
        Self { x, y, x_interval: None, y_interval: None, open: false, label: None }
    }
}

/// A line through points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) style: Style,
    pub(crate) spots: Vec<Spot>,
    /// Pixels to the right, so that intervals at the same place do not cover each other.
    pub(crate) aside: f64,
}

/// A level that does not depend on the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    pub(crate) style: Style,
    pub(crate) y: f64,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PictureAxis {
    pub(crate) title: String,
    pub(crate) span: Span,
}

/// A picture of colours below everything else of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heat {
    pub(crate) raster: Raster,
    /// Left, bottom, right and top edge in the panel's coordinates.
    pub(crate) edges: [f64; 4],
    pub(crate) ramp: Ramp,
    /// Its own bar of colours, where the panels do not share one.
    pub(crate) bar: Option<Bar>,
}

/// One coordinate system.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) x: PictureAxis,
    pub(crate) y: PictureAxis,
    /// Height over width.
    pub(crate) aspect: f64,
    pub(crate) heat: Option<Heat>,
    pub(crate) dots: Vec<[f64; 2]>,
    pub(crate) levels: Vec<Level>,
    /// Lines of equal height of the picture of colours.
    pub(crate) contours: Vec<Vec<[f64; 2]>>,
    pub(crate) series: Vec<Series>,
    /// Marked places, drawn last.
    pub(crate) marks: Vec<(Marker, [f64; 2])>,
    /// A surface in space, in place of axes, lines and markers in the plane.
    pub(crate) solid: Option<Solid>,
}

/// An entry of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Key {
    /// A line with its marker.
    Line(String, Style),
    /// A black marker.
    Mark(String, Marker),
    /// An open marker.
    Open(String),
    /// A data point.
    Dot(String),
    /// A heading of the entries after it.
    Heading(String),
}

/// A bar of colours with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    pub(crate) title: String,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Whether smaller numbers share the lowest colour.
    pub(crate) open_below: bool,
    pub(crate) ramp: Ramp,
}

/// A figure: panels with one legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) panels: Vec<Panel>,
    pub(crate) legend: Vec<Key>,
    pub(crate) bar: Option<Bar>,
    /// Sentences below the picture: what was left out, what the bars mean.
    pub(crate) notes: Vec<String>,
}
