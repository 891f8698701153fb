//! Rows of images in blocks: the pictures of several studies in one figure.

use super::font::{width, wrap};
use super::layout::{NOTE_EM, TEXT_EM, TICK_EM, TITLE_EM, label};
use super::palette::{FAINT, INK};
use super::shape::{Anchor, Drawing, Label, Raster, Shape};
use crate::ReportError;
use crate::pictures::{Found, find};
use likely_record::{FigureRecord, Run, Together};

/// Device pixels of a page pixel: an image that is shown at this many is as sharp as a screen can show it.
const DEVICE: f64 = 2.0;
/// Widest row of images, in page pixels.
const ROOM: f64 = 560.0;
/// Largest image, in page pixels.
const LARGEST: f64 = 128.0;
/// Between neighbouring images, in device pixels.
const GAP: usize = 4;
const EDGE: f64 = 14.0;
/// Widest label of a row, in page pixels.
const LABEL_ROOM: f64 = 250.0;
/// Most rows of a figure: beyond them nobody compares.
const MOST_ROWS: usize = 120;

/// One image in red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Image {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Images side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ImageRow {
    label: String,
    columns: Vec<String>,
    images: Vec<Image>,
}

/// Rows under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    title: String,
    rows: Vec<ImageRow>,
}

/// A figure of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Images {
    pub(crate) id: String,
    pub(crate) title: String,
    blocks: Vec<Block>,
    pub(crate) notes: Vec<String>,
}

/// The figure of the pictures of one id.
pub(crate) fn images(
    run: &Run,
    record: &FigureRecord,
    picture: &str,
    together: Together,
    studies: &[String],
    most: Option<usize>,
) -> Result<Images, ReportError> {
    let (found, mut notes) = find(run, picture, studies)?;
    let names = names(&found);
    let mut blocks: Vec<Block> = Vec::new();
    let (mut drawn, mut left_out) = (0, 0);
    for (one, name) in found.iter().zip(&names) {
        let rows = &one.file.record().rows;
        let shown = most.unwrap_or(rows.len()).min(rows.len());
        for (place, own) in rows.iter().enumerate().take(shown) {
            if drawn == MOST_ROWS {
                left_out += 1;
                continue;
            }
            drawn += 1;
            let (title, label) = match together {
                Together::Picture => (name, own),
                Together::Label => (own, name),
            };
            let row = image_row(one, place, label);
            match blocks.iter_mut().find(|block| block.title == *title) {
                Some(block) => block.rows.push(row),
                None => blocks.push(Block { title: title.clone(), rows: vec![row] }),
            }
        }
    }
    if left_out > 0 {
        notes.push(format!("{left_out} more rows are in the files of the run."));
    }
    Ok(Images { id: record.id.clone(), title: record.title.clone(), blocks, notes })
}

/// What each picture is called: its study, with the model and the repetition where there are several.
fn names(found: &[Found]) -> Vec<String> {
    let models = found.iter().any(|one| one.model != found[0].model);
    let repetitions = found.iter().any(|one| one.repetition != found[0].repetition);
    let name = |one: &Found| {
        let mut name = if models { format!("{}: {}", one.model, one.study) } else { one.study.clone() };
        if repetitions {
            name = format!("{name} ({})", one.repetition);
        }
        name
    };
    found.iter().map(name).collect()
}

fn image_row(one: &Found, row: usize, label: &str) -> ImageRow {
    let record = one.file.record();
    let image = |column: usize| {
        let pixels = one.file.image(row, column).unwrap_or_default();
        let rgb = match record.channels {
            1 => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
            _ => pixels,
        };
        Image { width: record.width as usize, height: record.height as usize, rgb }
    };
    let columns = record.columns.clone();
    ImageRow { label: label.to_owned(), images: (0..columns.len()).map(image).collect(), columns }
}

impl Images {
    /// Whether there is nothing to draw: the notes say why.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn rows(&self) -> impl Iterator<Item = &ImageRow> {
        self.blocks.iter().flat_map(|block| &block.rows)
    }

    /// Gives everything its place; without title and notes where the page shows them as text.
    pub(crate) fn layout(&self, bare: bool) -> Drawing {
        let mut drawing = Drawing::default();
        let widest = self.rows().flat_map(|row| wrap(&row.label, TEXT_EM, false, LABEL_ROOM));
        let labels = widest.map(|line| width(&line, TEXT_EM, false)).fold(0.0, f64::max);
        let left = EDGE + labels + 10.0;
        let strips: Vec<Vec<Strip>> =
            self.blocks.iter().map(|block| block.rows.iter().map(Strip::new).collect()).collect();
        let room = strips.iter().flatten().map(|strip| strip.size()[0]).fold(0.0, f64::max);
        let page_width = (left + room + EDGE).max(320.0);
        let mut top = EDGE;
        if !bare {
            for line in wrap(&self.title, TITLE_EM, true, page_width - 2.0 * EDGE) {
                let at = [EDGE, top + TITLE_EM];
                drawing.text(Label { bold: true, ..label(&line, at, TITLE_EM, Anchor::Start, INK) });
                top += TITLE_EM * 1.35;
            }
        }
        let mut heads: &[String] = &[];
        for (block, strips) in self.blocks.iter().zip(&strips) {
            top += 8.0;
            for line in wrap(&block.title, TEXT_EM, true, page_width - 2.0 * EDGE) {
                top += TEXT_EM * 1.2;
                drawing.text(Label { bold: true, ..label(&line, [EDGE, top], TEXT_EM, Anchor::Start, INK) });
            }
            top += 6.0;
            for (row, strip) in block.rows.iter().zip(strips) {
                if row.columns != heads {
                    heads = &row.columns;
                    top = draw_heads(&mut drawing, heads, strip, [left, top]);
                }
                let [wide, high] = strip.size();
                let lines = wrap(&row.label, TEXT_EM, false, LABEL_ROOM);
                let first =
                    top + high / 2.0 - TEXT_EM * 1.25 * (lines.len() as f64 - 1.0) / 2.0 + 0.36 * TEXT_EM;
                for (place, line) in lines.iter().enumerate() {
                    let at = [left - 10.0, first + TEXT_EM * 1.25 * place as f64];
                    drawing.text(label(line, at, TEXT_EM, Anchor::End, INK));
                }
                drawing.shapes.push(Shape::Image {
                    left: left.ceil(),
                    top: top.ceil(),
                    width: wide,
                    height: high,
                    raster: strip.raster.clone(),
                });
                top += high.max(TEXT_EM * 1.25 * lines.len() as f64).ceil() + GAP as f64 / DEVICE;
            }
        }
        for note in self.notes.iter().filter(|_| !bare) {
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
}

/// Labels of columns, those that would run into their neighbours left out; the new upper edge.
fn draw_heads(drawing: &mut Drawing, heads: &[String], strip: &Strip, [left, top]: [f64; 2]) -> f64 {
    if heads.iter().all(String::is_empty) {
        return top;
    }
    let mut free = f64::NEG_INFINITY;
    for (place, head) in heads.iter().enumerate() {
        let half = width(head, TICK_EM, false) / 2.0;
        let centre = left.ceil() + strip.centre(place);
        if centre - half < free {
            continue;
        }
        free = centre + half + 4.0;
        drawing.text(label(head, [centre, top + TICK_EM], TICK_EM, Anchor::Middle, FAINT));
    }
    top + TICK_EM * 1.5
}

/// A row of images as one picture of device pixels.
struct Strip {
    raster: Raster,
    /// Device pixels from the left edge of an image to that of the next.
    step: usize,
    /// Device pixels of an image from left to right.
    wide: usize,
}

impl Strip {
    fn new(row: &ImageRow) -> Self {
        let first = &row.images[0];
        let count = row.images.len();
        // Whole factors keep the pixels of small images square and even.
        let fits = |wide: usize| {
            let page = (wide * count + GAP * (count - 1)) as f64 / DEVICE;
            page <= ROOM && wide as f64 / DEVICE <= LARGEST
        };
        let larger = (1..=64).rev().find(|factor| fits(first.width * factor));
        let (up, down) = match larger {
            Some(up) => (up, 1),
            None => (1, (2..first.width).find(|down| fits(first.width / down)).unwrap_or(first.width)),
        };
        let (wide, high) = ((first.width / down).max(1) * up, (first.height / down).max(1) * up);
        let step = wide + GAP;
        let columns = step * count - GAP;
        let mut rgb = vec![255; columns * high * 3];
        for (place, image) in row.images.iter().enumerate() {
            for line in 0..high {
                for column in 0..wide {
                    let from = [line / up * down, column / up * down];
                    let at = (line * columns + place * step + column) * 3;
                    rgb[at..at + 3].copy_from_slice(&image.mean(from, down));
                }
            }
        }
        Self { raster: Raster { columns, rows: high, rgb }, step, wide }
    }

    /// Width and height in page pixels.
    fn size(&self) -> [f64; 2] {
        [self.raster.columns as f64 / DEVICE, self.raster.rows as f64 / DEVICE]
    }

    /// The middle of an image, in page pixels from the left.
    fn centre(&self, place: usize) -> f64 {
        (place * self.step) as f64 / DEVICE + self.wide as f64 / DEVICE / 2.0
    }
}

impl Image {
    /// The mean colour of a square of pixels, as far as the image reaches.
    fn mean(&self, [top, left]: [usize; 2], side: usize) -> [u8; 3] {
        let (lines, columns) = (top..(top + side).min(self.height), left..(left + side).min(self.width));
        let count = (lines.len() * columns.len()).max(1);
        let sum = |channel: usize| -> usize {
            let pixel = |line: usize, column: usize| self.rgb[(line * self.width + column) * 3 + channel];
            lines
                .clone()
                .flat_map(|line| columns.clone().map(move |column| (line, column)))
                .map(|(line, column)| usize::from(pixel(line, column)))
                .sum()
        };
        [0, 1, 2].map(|channel| ((sum(channel) + count / 2) / count) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(width: usize, height: usize, count: usize) -> ImageRow {
        let rgb = (0..width * height * 3).map(|k| (k % 251) as u8).collect();
        let image = Image { width, height, rgb };
        ImageRow {
            label: "a coat to a boot by the accelerated method at a weight of one hundred".to_owned(),
            columns: (0..count).map(|k| k.to_string()).collect(),
            images: vec![image; count],
        }
    }

    #[test]
    fn a_strip_shows_every_pixel_at_a_whole_factor() {
        let row = row(28, 28, 12);
        let strip = Strip::new(&row);
        let up = strip.wide / 28;
        assert!(up >= 2 && strip.wide == 28 * up && strip.size()[0] <= ROOM);
        for (line, column) in [(0, 0), (13, 27), (27, 5)] {
            for place in [0, 11] {
                let at =
                    (line * up + up - 1) * strip.raster.columns + place * strip.step + column * up + up - 1;
                let from = (line * 28 + column) * 3;
                assert_eq!(strip.raster.rgb[at * 3..at * 3 + 3], row.images[place].rgb[from..from + 3]);
            }
        }
    }

    #[test]
    fn an_image_too_large_for_the_page_is_averaged() {
        let strip = Strip::new(&row(512, 256, 10));
        assert!(strip.size()[0] <= ROOM, "{:?}", strip.size());
        let grey = Image {
            width: 3,
            height: 2,
            rgb: [[10; 3], [20; 3], [30; 3], [40; 3], [50; 3], [61; 3]].concat(),
        };
        assert_eq!(grey.mean([0, 0], 2), [30; 3]);
        assert_eq!(grey.mean([0, 2], 2), [46; 3], "the edge has fewer pixels");
    }

    #[test]
    fn nothing_of_a_figure_lies_outside_the_page_or_on_something_else() {
        let block =
            |title: &str| Block { title: title.to_owned(), rows: vec![row(28, 28, 12), row(28, 28, 12)] };
        let images = Images {
            id: "i".to_owned(),
            title: "Curves".to_owned(),
            blocks: vec![block("ProbGEORCE, λ = 20"), block("Slerp")],
            notes: vec!["A note.".to_owned()],
        };
        let drawing = images.layout(false);
        let mut boxes: Vec<[f64; 4]> = drawing.labels().map(Label::bounds).collect();
        let texts = boxes.len();
        for shape in &drawing.shapes {
            if let Shape::Image { left, top, width, height, .. } = shape {
                boxes.push([*left, *top, left + width, top + height]);
            }
        }
        assert_eq!(boxes.len() - texts, 4);
        for (i, a) in boxes.iter().enumerate() {
            let inside = a[0] >= 0.0 && a[1] >= 0.0 && a[2] <= drawing.width && a[3] <= drawing.height;
            assert!(inside, "{a:?} on a page of {} x {}", drawing.width, drawing.height);
            for b in &boxes[..i] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                assert!(apart, "{a:?} and {b:?}");
            }
        }
    }
}
