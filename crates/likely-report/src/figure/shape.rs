//! A drawing as a list of shapes, in units of one pixel of a plain screen.

/// A colour with its opacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colour {
    pub(crate) rgb: [u8; 3],
    pub(crate) opacity: f64,
}

impl Colour {
    pub(crate) const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { rgb: [red, green, blue], opacity: 1.0 }
    }

    pub(crate) const fn with_opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }
}

/// Which part of a text stands at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text on one line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    /// Where the anchor of the baseline stands.
    pub(crate) at: [f64; 2],
    pub(crate) text: String,
    pub(crate) em: f64,
    pub(crate) bold: bool,
    pub(crate) anchor: Anchor,
    /// Whether it reads upwards.
    pub(crate) upwards: bool,
    pub(crate) colour: Colour,
}

impl Label {
    /// Left, top, right and bottom edge.
    pub(crate) fn bounds(&self) -> [f64; 4] {
        let width = super::font::width(&self.text, self.em, self.bold);
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let (up, down) = (0.76 * self.em, 0.24 * self.em);
        let [x, y] = self.at;
        if self.upwards {
            [x - up, y - (width - before), x + down, y + before]
        } else {
            [x - before, y - up, x - before + width, y + down]
        }
    }
}

/// A picture of coloured squares, row by row from the top.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Raster {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) rgb: Vec<u8>,
}

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Line {
        points: Vec<[f64; 2]>,
        colour: Colour,
        width: f64,
    },
    Area {
        points: Vec<[f64; 2]>,
        colour: Colour,
    },
    Disc {
        centre: [f64; 2],
        radius: f64,
        colour: Colour,
    },
    Text(Label),
    /// A raster stretched over left, top, width and height; always below everything else.
    Image {
        left: f64,
        top: f64,
        width: f64,
        height: f64,
        raster: Raster,
    },
}

/// Shapes on a white page.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
}

impl Drawing {
    pub(crate) fn line(&mut self, points: &[[f64; 2]], colour: Colour, width: f64) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points: points.to_vec(), colour, width });
        }
    }

    pub(crate) fn text(&mut self, label: Label) {
        self.shapes.push(Shape::Text(label));
    }

    /// The texts, in order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &Label> {
        self.shapes.iter().filter_map(|shape| match shape {
            Shape::Text(label) => Some(label),
            _ => None,
        })
    }

    /// Whether every coordinate is finite.
    pub(crate) fn is_finite(&self) -> bool {
        let ok = |points: &[[f64; 2]]| points.iter().flatten().all(|coordinate| coordinate.is_finite());
        let page = self.width.is_finite() && self.height.is_finite();
        page && self.shapes.iter().all(|shape| match shape {
            Shape::Line { points, .. } | Shape::Area { points, .. } => ok(points),
            Shape::Disc { centre, radius, .. } => ok(&[*centre]) && radius.is_finite(),
            Shape::Text(label) => ok(&[label.at]),
            Shape::Image { left, top, width, height, .. } => ok(&[[*left, *top], [*width, *height]]),
        })
    }
}
