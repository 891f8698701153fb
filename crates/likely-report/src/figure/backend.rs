//! Drawings as SVG and PNG, by way of plotters.

use super::font::{BOLD, REGULAR, face, scale};
use super::shape::{Anchor, Drawing, Label, Raster, Shape};
use crate::ReportError;
use crate::base64::base64;
use crate::html::escape;
use ab_glyph::{Font, ScaleFont, point};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, IntoFont, RGBAColor, ShapeStyle, TextStyle};
use std::fmt::Write as _;

/// plotters keeps whole coordinates only; an SVG drawn this much larger has smooth lines.
const SVG_SCALE: f64 = 8.0;
/// Device pixels of a PNG for each pixel of a plain screen.
const PNG_SCALE: usize = 2;
/// Samples along each side of a pixel of a PNG.
const SAMPLES: usize = 3;
/// Families of the texts in SVG: the embedded one first.
pub(crate) const FAMILIES: &str = "'Likely Sans', 'DejaVu Sans', Verdana, sans-serif";
/// The name that plotters knows the fonts by; it is replaced by [`FAMILIES`].
const PLOTTERS_FAMILY: &str = "likely-sans";
/// plotters writes sizes divided by this into SVG.
const PLOTTERS_EM: f64 = 1.24;

/// Rules that make the embedded fonts known to a browser.
pub(crate) fn font_css() -> String {
    let mut css = String::new();
    for (weight, bytes) in [("normal", REGULAR), ("bold", BOLD)] {
        let _ = writeln!(
            css,
            "@font-face{{font-family:'Likely Sans';font-weight:{weight};src:url(data:font/ttf;base64,{}) format('truetype')}}",
            base64(bytes)
        );
    }
    css
}

/// The drawing as a standalone SVG that carries its fonts.
pub(crate) fn svg(figure: &str, title: &str, drawing: &Drawing) -> Result<String, ReportError> {
    let inline = inline_svg(figure, title, drawing)?;
    let (head, body) = inline.split_once('>').unwrap_or((&inline, ""));
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{head} xmlns=\"http://www.w3.org/2000/svg\">\n<style>\n{}</style>{body}",
        font_css()
    ))
}

/// The drawing as an SVG element of a page that knows the fonts; it has no ids, so that many fit on one page.
pub(crate) fn inline_svg(figure: &str, title: &str, drawing: &Drawing) -> Result<String, ReportError> {
    check(figure, drawing)?;
    let size = ((drawing.width * SVG_SCALE).ceil() as u32, (drawing.height * SVG_SCALE).ceil() as u32);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let failed = |reason: String| ReportError::Draw { figure: figure.to_owned(), reason };
        draw_shapes(&area, drawing, SVG_SCALE).map_err(|error| failed(error.to_string()))?;
        for label in drawing.labels() {
            draw_svg_text(&area, label).map_err(|error| failed(error.to_string()))?;
        }
        area.present().map_err(|error| failed(error.to_string()))?;
    }
    let body_at = text.find(">\n").map_or(0, |place| place + 2);
    let body = text[body_at..]
        .replace(&format!("font-family=\"{PLOTTERS_FAMILY}\""), &format!("font-family=\"{FAMILIES}\""))
        .replace(" dy=\"-0.5ex\"", "")
        .replace(" opacity=\"1\"", "");
    let mut out = format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         stroke-linejoin=\"round\" stroke-linecap=\"round\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n",
        drawing.width.ceil(),
        drawing.height.ceil(),
        size.0,
        size.1,
        escape(title)
    );
    for shape in &drawing.shapes {
        if let Shape::Image { left, top, width, height, raster } = shape {
            let bytes = encode_png(figure, raster.columns, raster.rows, &raster.rgb, png::FilterType::Sub)?;
            let _ = writeln!(
                out,
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"data:image/png;base64,{}\"/>",
                (left * SVG_SCALE).round(),
                (top * SVG_SCALE).round(),
                (width * SVG_SCALE).round(),
                (height * SVG_SCALE).round(),
                base64(&bytes)
            );
        }
    }
    out.push_str(&body);
    Ok(out)
}

/// The drawing as a PNG with two device pixels for each pixel of a plain screen.
pub(crate) fn png(figure: &str, drawing: &Drawing) -> Result<Vec<u8>, ReportError> {
    check(figure, drawing)?;
    let factor = (PNG_SCALE * SAMPLES) as f64;
    let columns = drawing.width.ceil() as usize * PNG_SCALE;
    let rows = drawing.height.ceil() as usize * PNG_SCALE;
    let (fine_columns, fine_rows) = (columns * SAMPLES, rows * SAMPLES);
    let mut fine = vec![255; fine_columns * fine_rows * 3];
    for shape in &drawing.shapes {
        if let Shape::Image { left, top, width, height, raster } = shape {
            let place = [left * factor, top * factor, width * factor, height * factor];
            stretch(&mut fine, fine_columns, fine_rows, place, raster);
        }
    }
    {
        let area = BitMapBackend::with_buffer(&mut fine, (fine_columns as u32, fine_rows as u32))
            .into_drawing_area();
        let failed = |reason: String| ReportError::Draw { figure: figure.to_owned(), reason };
        draw_shapes(&area, drawing, factor).map_err(|error| failed(error.to_string()))?;
        area.present().map_err(|error| failed(error.to_string()))?;
    }
    let mut coarse = average(&fine, columns, rows);
    for label in drawing.labels() {
        draw_png_text(&mut coarse, columns, rows, label);
    }
    let smooth = drawing.shapes.iter().any(|shape| matches!(shape, Shape::Image { .. }));
    let filter = if smooth { png::FilterType::Up } else { png::FilterType::NoFilter };
    encode_png(figure, columns, rows, &coarse, filter)
}

/// plotters does not return from ranges that are not finite.
fn check(figure: &str, drawing: &Drawing) -> Result<(), ReportError> {
    if drawing.is_finite() {
        Ok(())
    } else {
        Err(ReportError::NotFinite { figure: figure.to_owned(), place: "its layout".to_owned() })
    }
}

type Drawn<B> = Result<(), plotters::drawing::DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// The line in pieces that turn by less than 120 degrees: the mitre of a sharper corner would reach far out of it.
fn strokes(places: &[(i32, i32)]) -> Vec<&[(i32, i32)]> {
    let mut pieces = Vec::new();
    let mut first = 0;
    for corner in 1..places.len() - 1 {
        let step = |from: usize| {
            let ((x, y), (to_x, to_y)) = (places[from], places[from + 1]);
            [f64::from(to_x - x), f64::from(to_y - y)]
        };
        let (before, after) = (step(corner - 1), step(corner));
        let lengths = before[0].hypot(before[1]) * after[0].hypot(after[1]);
        if before[0] * after[0] + before[1] * after[1] < -0.5 * lengths {
            pieces.push(&places[first..=corner]);
            first = corner;
        }
    }
    pieces.push(&places[first..]);
    pieces
}

fn draw_shapes<B: DrawingBackend>(area: &DrawingArea<B, Shift>, drawing: &Drawing, factor: f64) -> Drawn<B> {
    let at = |point: &[f64; 2]| ((point[0] * factor).round() as i32, (point[1] * factor).round() as i32);
    let colour = |colour: &super::shape::Colour| {
        RGBAColor(colour.rgb[0], colour.rgb[1], colour.rgb[2], colour.opacity)
    };
    for shape in &drawing.shapes {
        match shape {
            Shape::Line { points, colour: stroke, width } => {
                let mut places: Vec<(i32, i32)> = points.iter().map(at).collect();
                places.dedup();
                if places.len() < 2 {
                    continue;
                }
                let stroke_width = (width * factor).round().max(1.0) as u32;
                let style = ShapeStyle { color: colour(stroke), filled: false, stroke_width };
                for stroke in strokes(&places) {
                    area.draw(&PathElement::new(stroke.to_vec(), style))?;
                }
            }
            Shape::Area { points, colour: fill } => {
                let style = ShapeStyle { color: colour(fill), filled: true, stroke_width: 0 };
                area.draw(&Polygon::new(points.iter().map(at).collect::<Vec<_>>(), style))?;
            }
            Shape::Disc { centre, radius, colour: fill } => {
                let style = ShapeStyle { color: colour(fill), filled: true, stroke_width: 0 };
                area.draw(&Circle::new(at(centre), (radius * factor).round().max(1.0) as i32, style))?;
            }
            Shape::Text(_) | Shape::Image { .. } => {}
        }
    }
    Ok(())
}

fn draw_svg_text<B: DrawingBackend>(area: &DrawingArea<B, Shift>, label: &Label) -> Drawn<B> {
    let style = if label.bold { FontStyle::Bold } else { FontStyle::Normal };
    let mut font = (PLOTTERS_FAMILY, label.em * SVG_SCALE * PLOTTERS_EM, style).into_font();
    if label.upwards {
        font = font.transform(FontTransform::Rotate270);
    }
    let h_pos = match label.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let [red, green, blue] = label.colour.rgb;
    let ink = RGBAColor(red, green, blue, label.colour.opacity);
    let style = TextStyle::from(font).color(&ink).pos(Pos::new(h_pos, VPos::Bottom));
    let at = ((label.at[0] * SVG_SCALE).round() as i32, (label.at[1] * SVG_SCALE).round() as i32);
    area.draw(&Text::new(label.text.as_str(), at, style))
}

/// Sets a text with the side bearings that plotters leaves out.
fn draw_png_text(rgb: &mut [u8], columns: usize, rows: usize, label: &Label) {
    let factor = PNG_SCALE as f64;
    let face = face(label.bold);
    let size = scale(face, label.em * factor);
    let scaled = face.as_scaled(size);
    let width = super::font::width(&label.text, label.em * factor, label.bold);
    let before = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    let [x, y] = label.at.map(|coordinate| coordinate * factor);
    let mut along = -before as f32;
    let mut last = None;
    for character in label.text.chars() {
        let id = face.glyph_id(character);
        if let Some(last) = last {
            along += scaled.kern(last, id);
        }
        last = Some(id);
        // Letters that read upwards are drawn flat around the origin and turned afterwards.
        let origin = if label.upwards { point(along, 0.0) } else { point(x as f32 + along, y as f32) };
        along += scaled.h_advance(id);
        let Some(outline) = face.outline_glyph(id.with_scale_and_position(size, origin)) else { continue };
        let bounds = outline.px_bounds();
        outline.draw(|right, down, coverage| {
            let flat =
                [f64::from(bounds.min.x) + f64::from(right), f64::from(bounds.min.y) + f64::from(down)];
            let [column, row] =
                if label.upwards { [x.round() + flat[1], y.round() - flat[0] - 1.0] } else { flat };
            if column < 0.0 || row < 0.0 || column >= columns as f64 || row >= rows as f64 {
                return;
            }
            let place = (row as usize * columns + column as usize) * 3;
            let opacity = f64::from(coverage.clamp(0.0, 1.0)) * label.colour.opacity;
            for (channel, ink) in rgb[place..place + 3].iter_mut().zip(label.colour.rgb) {
                *channel = (f64::from(*channel) * (1.0 - opacity) + f64::from(ink) * opacity).round() as u8;
            }
        });
    }
}

/// Lays a raster over a rectangle, with straight lines between its colours.
fn stretch(rgb: &mut [u8], columns: usize, rows: usize, place: [f64; 4], raster: &Raster) {
    let [left, top, width, height] = place;
    let (from_column, from_row) = (left.round().max(0.0) as usize, top.round().max(0.0) as usize);
    let (to_column, to_row) = ((left + width).round() as usize, (top + height).round() as usize);
    let sample = |column: usize, row: usize, channel: usize| {
        f64::from(raster.rgb[(row * raster.columns + column) * 3 + channel])
    };
    let between = |place: f64, count: usize| {
        let place = (place * count as f64 - 0.5).clamp(0.0, (count - 1) as f64);
        let low = place.floor() as usize;
        (low, (low + 1).min(count - 1), place - place.floor())
    };
    for row in from_row..to_row.min(rows) {
        let (low, high, down) = between((row as f64 + 0.5 - top) / height, raster.rows);
        for column in from_column..to_column.min(columns) {
            let (west, east, right) = between((column as f64 + 0.5 - left) / width, raster.columns);
            for channel in 0..3 {
                let upper = sample(west, low, channel) * (1.0 - right) + sample(east, low, channel) * right;
                let lower = sample(west, high, channel) * (1.0 - right) + sample(east, high, channel) * right;
                rgb[(row * columns + column) * 3 + channel] =
                    (upper * (1.0 - down) + lower * down).round() as u8;
            }
        }
    }
}

/// The mean colour of the samples of each pixel.
fn average(fine: &[u8], columns: usize, rows: usize) -> Vec<u8> {
    let mut coarse = Vec::with_capacity(columns * rows * 3);
    let samples = (SAMPLES * SAMPLES) as u32;
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..3 {
                let mut sum = 0_u32;
                for down in 0..SAMPLES {
                    let first = ((row * SAMPLES + down) * columns + column) * SAMPLES;
                    for right in 0..SAMPLES {
                        sum += u32::from(fine[(first + right) * 3 + channel]);
                    }
                }
                coarse.push(((sum + samples / 2) / samples) as u8);
            }
        }
    }
    coarse
}

/// Flat colours shrink most as they are, smooth ones as differences.
fn encode_png(
    figure: &str,
    columns: usize,
    rows: usize,
    rgb: &[u8],
    filter: png::FilterType,
) -> Result<Vec<u8>, ReportError> {
    let failed = |error: png::EncodingError| ReportError::Draw {
        figure: figure.to_owned(),
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns as u32, rows as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_filter(filter);
    encoder.set_compression(png::Compression::Default);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
