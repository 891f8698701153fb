//! Figures: first what they show, then where it stands, then its bytes.

mod backend;
mod chart;
mod contour;
mod curves;
mod density;
mod depth;
mod font;
mod images;
mod layout;
mod legend;
mod palette;
mod panel;
mod picture;
mod scale;
mod series_lines;
mod series_map;
mod shape;
mod solid;
mod solid_box;
mod surface;
mod view;

pub(crate) use backend::{FAMILIES, font_css};

use crate::ReportError;
use crate::series::Wanted;
use images::Images;
use likely_record::{CurveRecord, FieldRecord, FigureKind, FigureRecord, Run, write_atomic};
use picture::Picture;
use shape::Drawing;
use std::path::Path;

/// A figure, checked and ready to be drawn.
pub(crate) struct Figure {
    body: Body,
    pub(crate) caption: String,
}

/// What a figure is made of.
enum Body {
    /// Panels with axes.
    Panels(Picture),
    /// Rows of images.
    Images(Images),
}

impl Figure {
    /// Collects what a figure of a run shows.
    ///
    /// # Errors
    /// [`ReportError`] where it names a metric that the run does not have, a number is not finite, or a curve cannot be
    /// read or is not in the plane.
    pub(crate) fn new(run: &Run, record: &FigureRecord) -> Result<Self, ReportError> {
        let picture = match &record.show {
            FigureKind::DensityCurves { methods, pair, points } => {
                density::density_curves(run, record, methods, pair.as_deref(), *points)?
            }
            FigureKind::Lines { x, x_scale, y, y_scale, methods } => {
                chart::lines(run, record, *x, *x_scale, (y, *y_scale), methods)?
            }
            FigureKind::Tradeoff { x, x_scale, y, y_scale, methods } => {
                chart::tradeoff(run, record, (x, *x_scale), (y, *y_scale), methods)?
            }
            FigureKind::SurfaceCurves { methods, pair } => {
                surface::surface_curves(run, record, methods, pair.as_deref())?
            }
            FigureKind::SeriesLines { series, x, x_scale, y, y_scale, studies } => {
                let wanted = Wanted { series, studies };
                series_lines::series_lines(run, record, &wanted, (x.as_deref(), *x_scale), (y, *y_scale))?
            }
            FigureKind::SeriesMap { series, value, marks, studies } => {
                let wanted = Wanted { series, studies };
                series_map::series_map(run, record, &wanted, value, marks.as_deref())?
            }
            FigureKind::Pictures { picture, together, studies, rows } => {
                let images = images::images(run, record, picture, *together, studies, *rows)?;
                return Ok(Self { body: Body::Images(images), caption: record.caption.clone() });
            }
        };
        Ok(Self { body: Body::Panels(picture), caption: record.caption.clone() })
    }

    pub(crate) fn id(&self) -> &str {
        match &self.body {
            Body::Panels(picture) => &picture.id,
            Body::Images(images) => &images.id,
        }
    }

    pub(crate) fn title(&self) -> &str {
        match &self.body {
            Body::Panels(picture) => &picture.title,
            Body::Images(images) => &images.title,
        }
    }

    /// What was left out and what the bars mean; the files of the figure say it too.
    pub(crate) fn notes(&self) -> &[String] {
        match &self.body {
            Body::Panels(picture) => &picture.notes,
            Body::Images(images) => &images.notes,
        }
    }

    /// Whether there is nothing to draw: the notes say why.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.body {
            Body::Panels(picture) => picture.panels.is_empty(),
            Body::Images(images) => images.is_empty(),
        }
    }

    fn spoken_title(&self) -> &str {
        if self.title().is_empty() { "Curves" } else { self.title() }
    }

    /// Everything in its place; without title and notes where the page shows them as text.
    fn drawing(&self, bare: bool) -> Drawing {
        match &self.body {
            Body::Panels(picture) if bare => {
                layout::layout(&Picture { title: String::new(), notes: Vec::new(), ..picture.clone() })
            }
            Body::Panels(picture) => layout::layout(picture),
            Body::Images(images) => images.layout(bare),
        }
    }

    /// An element for a page that has the fonts, and that shows the title and the notes as text.
    pub(crate) fn inline(&self) -> Result<String, ReportError> {
        backend::inline_svg(self.id(), self.spoken_title(), &self.drawing(true))
    }

    /// The endings and bytes of its files.
    pub(crate) fn files(&self) -> Result<[(&'static str, Vec<u8>); 2], ReportError> {
        let drawing = self.drawing(false);
        let svg = backend::svg(self.id(), self.spoken_title(), &drawing)?;
        Ok([("svg", svg.into_bytes()), ("png", backend::png(self.id(), &drawing)?)])
    }
}

/// Writes `<stem>.svg` and `<stem>.png`: curves in the plane over the log-density of a model, where there is one.
///
/// `axes` names the two coordinates, with units. The pictures carry their fonts and have the same bytes every time.
///
/// # Errors
/// [`ReportError`] where a curve is not in the plane, a number is not finite, or a file cannot be written.
pub fn draw_curve_picture(
    field: Option<&FieldRecord>,
    curves: &[(String, &CurveRecord)],
    axes: &[String; 2],
    out_stem: &Path,
) -> Result<(), ReportError> {
    let picture = density::curve_picture(field, curves, axes)?;
    let figure = Figure { body: Body::Panels(picture), caption: String::new() };
    for (ending, bytes) in figure.files()? {
        let mut name = out_stem.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        write_atomic(Path::new(&name), &bytes)?;
    }
    Ok(())
}
