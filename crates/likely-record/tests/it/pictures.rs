use crate::sample;
use likely_record::{CellRecord, CellState, FolderError, PictureFile, PictureRecord, Run, RunFolder};
use std::fs;

/// Two rows of three grey images, or of colours, whose pixels all differ.
fn picture(id: &str, channels: u32) -> PictureFile {
    let record = PictureRecord {
        id: id.to_owned(),
        label: "slerp".to_owned(),
        rows: vec!["coat to boot".to_owned(), "bag to shirt".to_owned()],
        columns: ["start", "1", "end"].map(str::to_owned).into(),
        channels,
        height: 4,
        width: 2,
        sha256: String::new(),
    };
    let pixels = (0..2 * 4 * 3 * 2 * channels).map(|k| (k * 37 % 251) as u8).collect();
    PictureFile::new(record, pixels).unwrap()
}

fn study() -> (CellRecord, Vec<PictureFile>) {
    let pictures = vec![picture("curves", 1), picture("held-out", 3)];
    let mut cell = sample::cell("0");
    cell.curve_sha256 = None;
    cell.pictures = pictures.iter().map(|picture| picture.record().clone()).collect();
    (cell, pictures)
}

fn open(runs: &std::path::Path) -> RunFolder {
    let (plan, presentation) = (sample::plan(), sample::presentation());
    RunFolder::create_or_resume(runs, &plan, &presentation, &sample::provenance(), "").unwrap()
}

#[test]
fn an_image_of_a_picture_is_found_at_its_row_and_column() {
    for channels in [1, 3] {
        let picture = picture("curves", channels);
        // Row 1, column 2: its first pixel is in line 4 of the picture, 4 pixels from the left.
        let first = (4 * 6 + 4) * channels;
        let image = picture.image(1, 2).unwrap();
        assert_eq!(image.len(), 4 * 2 * channels as usize);
        assert_eq!(u32::from(image[0]), first * 37 % 251);
        let second_line = first + 6 * channels;
        assert_eq!(u32::from(image[2 * channels as usize]), second_line * 37 % 251);
        assert_eq!((picture.image(2, 0), picture.image(0, 3)), (None, None));
    }
}

#[test]
fn pictures_are_read_back_and_stand_in_the_checksums() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path());
    assert!(!folder.path().join("pictures").exists(), "a run without pictures has no such folder");
    let (cell, pictures) = study();
    folder.write_study(&cell, None, &pictures, &sample::TIMING).unwrap();
    folder.write_study(&cell, None, &pictures, &sample::TIMING).unwrap();
    folder.finish().unwrap();
    let hash = cell.key.hash();
    let run = Run::read(folder.path()).unwrap();
    assert_eq!(run.pictures(&hash).unwrap(), pictures);
    let sums = fs::read_to_string(folder.path().join("checksums.txt")).unwrap();
    for picture in &pictures {
        let PictureRecord { id, sha256, .. } = picture.record();
        assert!(sums.contains(&format!("{sha256}  pictures/{hash}-{id}.png\n")), "{sums}");
    }
    assert!(matches!(run.pictures("ff"), Err(FolderError::NotPlanned { .. })));
}

#[test]
fn a_damaged_picture_makes_its_cell_count_as_missing_and_is_written_again() {
    let (cell, pictures) = study();
    let hash = cell.key.hash();
    let mut flipped = pictures[1].png().to_vec();
    flipped[60] ^= 1;
    let cases: [(Option<&[u8]>, &str); 3] = [
        (None, "file is missing"),
        (Some(&flipped), "SHA-256 differs"),
        (Some(pictures[0].png()), "SHA-256 differs"),
    ];
    for (bytes, words) in cases {
        let runs = tempfile::tempdir().unwrap();
        let folder = open(runs.path());
        folder.write_study(&cell, None, &pictures, &sample::TIMING).unwrap();
        let whole = Run::read(folder.path()).unwrap();
        let path = folder.path().join(format!("pictures/{hash}-held-out.png"));
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let CellState::Damaged { path: named, reason } = folder.cell(&hash) else { panic!("{words}") };
        assert!(named == path && reason.contains(words), "{reason}");
        let message = whole.pictures(&hash).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        folder.write_study(&cell, None, &pictures, &sample::TIMING).unwrap();
        assert_eq!(folder.cell(&hash), CellState::Done(Box::new(cell.clone())));
    }
}

#[test]
fn what_is_no_picture_is_refused_before_its_pixels_are_allocated() {
    let good = picture("curves", 1);
    let with = |change: fn(&mut PictureRecord)| {
        let mut record = good.record().clone();
        change(&mut record);
        PictureFile::from_png(record, good.png().to_vec()).unwrap_err().to_string()
    };
    assert!(with(|record| record.id = "../curves".to_owned()).contains("cannot name a file"));
    assert!(with(|record| record.channels = 4).contains("4 channels"));
    assert!(with(|record| record.height = u32::MAX).contains("no picture"));
    assert!(with(|record| record.rows.clear()).contains("no picture"));
    assert!(with(|record| record.width = 20_000).contains("is needed"));
    assert!(with(|record| record.sha256 = "00".repeat(32)).contains("SHA-256 differs"));
    let error = PictureFile::new(good.record().clone(), vec![0; 5]).unwrap_err().to_string();
    assert_eq!(error, "the picture has 5 numbers where 48 are needed");
}

#[test]
fn a_cell_that_names_other_pictures_or_one_twice_is_not_written() {
    let runs = tempfile::tempdir().unwrap();
    let folder = open(runs.path());
    let (mut cell, pictures) = study();
    let write = |cell: &CellRecord, pictures: &[PictureFile]| {
        folder.write_study(cell, None, pictures, &sample::TIMING).unwrap_err().to_string()
    };
    assert!(write(&cell, &pictures[..1]).contains("other pictures"));
    cell.pictures[1] = cell.pictures[0].clone();
    let twice = [pictures[0].clone(), pictures[0].clone()];
    assert!(write(&cell, &twice).contains("two pictures have the id `curves`"));
    assert!(Run::read(folder.path()).unwrap().cells.is_empty());
    assert!(!folder.path().join("pictures").exists());
}

#[test]
fn a_cell_of_a_run_without_pictures_has_no_key_for_them() {
    let cell = sample::cell("0");
    let text = serde_json::to_string(&cell).unwrap();
    assert!(!text.contains("pictures"), "{text}");
    assert_eq!(serde_json::from_str::<CellRecord>(&text).unwrap(), cell);
}
