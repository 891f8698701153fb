//! Rows of images that studies left behind, as figures.

use crate::scene::{Cell, Outcome, figure, has_text, presentation, scene};
use likely_record::{FigureKind, PictureFile, PictureRecord, Together};
use likely_report::write_run;
use std::fs;

/// Two rows of five images of 28 x 28 pixels: a bar that moves to the right, darker in the second row.
fn picture(label: &str, channels: u32) -> PictureFile {
    let record = PictureRecord {
        id: "curves".to_owned(),
        label: label.to_owned(),
        rows: vec!["coat to boot".to_owned(), "bag to shirt".to_owned()],
        columns: ["start", "1", "2", "3", "end"].map(str::to_owned).into(),
        channels,
        height: 28,
        width: 28,
        sha256: String::new(),
    };
    let mut pixels = Vec::new();
    for line in 0..2 * 28 {
        for column in 0..5 * 28 {
            let (image, x) = (column / 28, column % 28);
            let light = if line < 28 { 200 } else { 120 };
            let on = (4 * image..4 * image + 8).contains(&x);
            pixels.extend((0..channels).map(|channel| if on { light - 40 * channel as u8 } else { 10 }));
        }
    }
    PictureFile::new(record, pixels).expect("the test makes as many pixels as it says")
}

fn study(model: &'static str, label: &'static str, channels: u32) -> Cell {
    let pictures = vec![picture(label, channels)];
    Cell { model, method: label, lambda: None, pair: "study", outcome: Outcome::Pictured(pictures) }
}

fn kind(together: Together, studies: &[&str], rows: Option<usize>) -> FigureKind {
    FigureKind::Pictures {
        picture: "curves".to_owned(),
        together,
        studies: studies.iter().map(|&label| label.to_owned()).collect(),
        rows,
    }
}

#[test]
fn pictures_of_studies_stand_below_each_other_and_on_the_page() {
    let failed = Cell {
        model: "VAE",
        method: "NoiseDiffusion",
        lambda: None,
        pair: "study",
        outcome: Outcome::Failed("it has no weights"),
    };
    let cells = [study("VAE", "Linear", 1), study("VAE", "ProbGEORCE, λ = 20", 3), failed];
    let figures = vec![
        figure(
            "by-study",
            kind(Together::Picture, &["ProbGEORCE, λ = 20", "Linear", "NoiseDiffusion"], None),
        ),
        figure("by-pair", kind(Together::Label, &[], Some(1))),
        figure(
            "nothing",
            FigureKind::Pictures {
                picture: "samples".to_owned(),
                together: Together::Picture,
                studies: Vec::new(),
                rows: None,
            },
        ),
    ];
    let scene = scene(&cells, presentation(Vec::new(), figures));
    write_run(&scene.run, &[]).unwrap();
    let read = |name: &str| fs::read_to_string(scene.run.path.join("figures").join(name)).unwrap();
    let by_study = read("by-study.svg");
    for text in ["Linear", "ProbGEORCE, λ = 20", "coat to boot", "bag to shirt", "start", "end"] {
        assert!(has_text(&by_study, text), "{text}");
    }
    assert!(
        by_study.find("ProbGEORCE").unwrap() < by_study.find("Linear").unwrap(),
        "in the order asked for"
    );
    assert_eq!(by_study.matches("<image ").count(), 4);
    let by_pair = read("by-pair.svg");
    assert_eq!(by_pair.matches("<image ").count(), 2);
    assert!(!has_text(&by_pair, "bag to shirt"), "one row was asked for");
    let page = fs::read_to_string(scene.run.path.join("report.html")).unwrap();
    assert_eq!(page.matches("<image ").count(), 6);
    for words in [
        "No picture <code>samples</code> in this run; there: curves.",
        "Studies without a result: NoiseDiffusion on VAE.",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn the_pixels_of_the_images_are_those_of_the_figure() {
    let scene = scene(
        &[study("VAE", "Linear", 3)],
        presentation(Vec::new(), vec![figure("f", kind(Together::Picture, &[], None))]),
    );
    write_run(&scene.run, &[]).unwrap();
    let bytes = fs::read(scene.run.path.join("figures/f.png")).unwrap();
    let mut reader = png::Decoder::new(bytes.as_slice()).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size()];
    reader.next_frame(&mut rgb).unwrap();
    // Eight of 28 columns of each image have the colour of the bar, in each of five images; edges are shared.
    let count = |colour: [u8; 3]| rgb.chunks_exact(3).filter(|pixel| **pixel == colour).count();
    let (bright, dark, ground) = (count([200, 160, 120]), count([120, 80, 40]), count([10, 10, 10]));
    assert!(bright > 0 && bright == dark, "{bright} and {dark}");
    let share = bright as f64 / (bright as f64 + ground as f64 / 2.0);
    assert!((share - 8.0 / 28.0).abs() < 0.03, "{share}");
}
