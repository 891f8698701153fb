use likely_core::ImageShape;
use likely_images::{Grid, ImageSet, Reading, encode_png, open, write_png};

#[test]
fn pictures_stand_row_after_row_on_white() {
    let shape = ImageShape { channels: 1, height: 1, width: 2 };
    let three = ImageSet::new(shape, vec![1, 2, 3, 4, 5, 6]).unwrap();
    let grid = Grid { columns: 2, gap: 1, enlarge: 1 }.of(&three).unwrap();
    assert_eq!(grid.shape(), ImageShape { channels: 1, height: 3, width: 5 });
    let w = u8::MAX;
    assert_eq!(grid.pixels(), [1, 2, w, 3, 4, w, w, w, w, w, 5, 6, w, w, w]);
    let large = Grid { columns: 9, gap: 0, enlarge: 2 }.of(&three.select(&[0]).unwrap()).unwrap();
    assert_eq!((large.shape().height, large.pixels()), (2, &[1, 1, 2, 2, 1, 1, 2, 2][..]));
}

#[test]
fn a_file_holds_the_picture_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    for channels in [1, 3] {
        let shape = ImageShape { channels, height: 2, width: 3 };
        let pictures = ImageSet::new(shape, (0..4 * shape.len() as u8).collect()).unwrap();
        let grid = Grid { columns: 2, gap: 2, enlarge: 3 }.of(&pictures).unwrap();
        let path = folder.path().join("grid.png");
        write_png(&path, &grid).unwrap();
        assert_eq!(open(&path, &Reading::default()).unwrap(), grid);
        assert_eq!(std::fs::read(&path).unwrap(), encode_png(&grid).unwrap());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_grid_is_refused() {
    let shape = ImageShape { channels: 2, height: 1, width: 1 };
    let two = ImageSet::new(shape, vec![0; 4]).unwrap();
    let none = two.select(&[]).unwrap();
    let grid = Grid { columns: 1, gap: 0, enlarge: 1 };
    assert!(grid.of(&none).unwrap_err().to_string().contains("needs pictures"));
    assert!(Grid { columns: 0, ..grid }.of(&two).is_err());
    assert!(Grid { enlarge: usize::MAX, ..grid }.of(&two).unwrap_err().to_string().contains("show fewer"));
    let error = encode_png(&two).unwrap_err().to_string();
    assert!(error.contains("not 2 in 2") && error.contains("grid"), "{error}");
    let one = ImageSet::new(ImageShape { channels: 1, height: 1, width: 1 }, vec![0]).unwrap();
    let missing = std::path::Path::new("no such folder/grid.png");
    assert!(write_png(missing, &one).unwrap_err().to_string().contains("grid.png"));
}
