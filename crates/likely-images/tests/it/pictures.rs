use likely_core::ImageShape;
use likely_images::{ImageSet, ImagesError, Part, Reading, Resize, Size, open};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pictures")
}

fn expected() -> Value {
    let text = fs::read_to_string(golden().join("expected.json")).expect("the golden file is there");
    serde_json::from_str::<Value>(&text).expect("it is JSON")["pictures"].take()
}

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().expect("a list").iter().map(|n| n.as_u64().expect("a number") as usize).collect()
}

/// The largest difference between a picture and what Pillow reads.
fn difference(found: &[u8], shape: ImageShape, expected: &Value) -> u8 {
    assert_eq!(numbers(&expected["shape"]), [shape.channels, shape.height, shape.width]);
    let levels = numbers(&expected["levels"]);
    assert_eq!(found.len(), levels.len());
    found.iter().zip(levels).map(|(a, b)| a.abs_diff(b as u8)).max().expect("there are pixels")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is a place for temporary files")
}

/// A folder with copies of golden files under other names.
fn folder_of(files: &[(&str, &str)]) -> TempDir {
    let folder = folder();
    for (from, to) in files {
        let to = folder.path().join(to);
        fs::create_dir_all(to.parent().expect("it is in a folder")).expect("a fresh folder");
        fs::copy(golden().join(from), to).expect("the golden file is there");
    }
    folder
}

fn grey() -> Reading {
    Reading { channels: Some(1), ..Reading::default() }
}

fn refused(path: &Path, reading: &Reading, words: &[&str]) {
    let error = open(path, reading).expect_err("it is refused").to_string();
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

#[test]
fn files_of_every_kind_are_as_pillow_reads_them() {
    let expected = expected();
    let (mut exact, mut near) = (0, 0);
    for (name, expected) in expected.as_object().unwrap().iter().filter(|(name, _)| name.contains('.')) {
        let set = open(&golden().join(name), &Reading::default()).unwrap();
        assert_eq!(set.count(), 1, "{name}");
        let off = difference(set.pixels(), set.shape(), expected);
        // Decoders of JPEG may round differently; half of the chroma is filled in by a filter of their own.
        let allowed = if name.ends_with("png") { 0 } else { JPEG };
        assert!(off <= allowed, "{name}: {off}");
        *(if off == 0 { &mut exact } else { &mut near }) += 1;
    }
    assert_eq!(exact + near, 10);
}
const JPEG: u8 = 3;

#[test]
fn a_folder_is_read_in_the_order_of_names_and_sub_folders_are_classes() {
    let flat = folder_of(&[("colour.png", "b.PNG"), ("opaque.png", "a.png"), ("full-chroma.jpg", "c.jpeg")]);
    fs::write(flat.path().join(".hidden.png"), "nothing").unwrap();
    fs::write(flat.path().join("notes.txt"), "nothing").unwrap();
    let set = open(flat.path(), &Reading::default()).unwrap();
    assert_eq!((set.count(), set.labels()), (3, None));
    assert_eq!(set.shape(), ImageShape { channels: 3, height: 18, width: 21 });
    let classes =
        folder_of(&[("grey.png", "cat/1.png"), ("bits.png", "bird/2.png"), ("grey-alpha.png", "cat/0.png")]);
    let set = open(classes.path(), &Reading::default()).unwrap();
    assert_eq!(set.labels(), Some(&[0, 1, 1][..]));
    let grey = &expected()["grey.png"];
    assert_eq!(difference(&set.pixels()[18 * 21..2 * 18 * 21], set.shape(), grey), 0);
}

#[test]
fn pictures_are_brought_to_channels_and_size() {
    let mixed = folder_of(&[("colour.png", "a.png"), ("grey.png", "b.png")]);
    refused(
        mixed.path(),
        &Reading::default(),
        &["b.png: it is 1x18x21", "a.png is 3x18x21", "1 or 3 channels"],
    );
    let set = open(mixed.path(), &grey()).unwrap();
    let first = set.select(&[0]).unwrap();
    assert_eq!(difference(first.pixels(), set.shape(), &expected()["colour-in-grey"]), 0);
    let way = Resize::find("pillow-bilinear").unwrap();
    let size = Some(Size { height: 9, width: 7, way });
    let small = open(mixed.path(), &Reading { size, ..grey() }).unwrap();
    assert_eq!(small, way.pictures(&set, 9, 7).unwrap());
    let colour = Reading { channels: Some(3), ..Reading::default() };
    let three = open(&golden().join("grey.png"), &colour).unwrap();
    assert_eq!(three.pixels(), open(&golden().join("grey.png"), &grey()).unwrap().pixels().repeat(3));
    let size = Some(Size { height: 9, width: 7, way: Resize::find("torch-bilinear").unwrap() });
    refused(mixed.path(), &Reading { size, ..grey() }, &["torch-bilinear", "pillow-bicubic"]);
    refused(mixed.path(), &Reading { channels: Some(2), ..grey() }, &["1 or 3 channels, not 2"]);
}

#[test]
fn what_is_wrong_with_a_picture_is_said_with_its_name() {
    let default = Reading::default();
    for (name, word) in [
        ("refused-transparent.png", "transparent"),
        ("refused-sixteen.png", "16 bits"),
        ("refused-cmyk.jpg", "red, green and blue"),
        ("refused-animated.png", "animated"),
    ] {
        refused(&golden().join(name), &default, &[name, word]);
    }
    let here = folder();
    let write = |name: &str, bytes: &[u8]| {
        let path = here.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let png = fs::read(golden().join("colour.png")).unwrap();
    let jpeg = fs::read(golden().join("full-chroma.jpg")).unwrap();
    refused(&write("empty.png", b""), &default, &["empty.png", "it is empty"]);
    refused(&write("page.png", b"<html>"), &default, &["page.png", "PNG and JPEG are"]);
    refused(&write("half.png", &png[..png.len() / 2]), &default, &["half.png", "damaged PNG"]);
    refused(&write("half.jpg", &jpeg[..jpeg.len() / 2]), &default, &["half.jpg", "damaged JPEG"]);
    refused(&write("head.jpg", &jpeg[..20]), &default, &["damaged JPEG"]);
    let mut flipped = png.clone();
    flipped[60] ^= 1;
    refused(&write("flipped.png", &flipped), &default, &["damaged PNG"]);
    // A header of 2^31 - 1 pixels a side, with its checksum.
    let mut huge = png[..16].to_vec();
    huge.extend([0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 8, 2, 0, 0, 0]);
    let sum = crc(&huge[12..29]);
    huge.extend(sum.to_be_bytes());
    huge.extend(&png[33..]);
    refused(&write("huge.png", &huge), &default, &["huge.png"]);
    refused(&write("picture.bmp", b"BM"), &default, &["none of the formats"]);
    refused(&here.path().join("absent.png"), &default, &["cannot read", "absent.png"]);
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |s, _| if s & 1 == 1 { s >> 1 ^ 0xedb8_8320 } else { s >> 1 })
    })
}

#[test]
fn a_folder_that_would_lose_pictures_silently_is_refused() {
    let default = Reading::default();
    refused(folder().path(), &default, &["no PNG or JPEG file"]);
    let both = folder_of(&[("grey.png", "a.png"), ("grey.png", "more/b.png")]);
    refused(both.path(), &default, &["also the folder", "more"]);
    let hollow = folder_of(&[("grey.png", "full/b.png")]);
    fs::create_dir(hollow.path().join("hollow")).unwrap();
    refused(hollow.path(), &default, &["hollow", "no PNG or JPEG file"]);
    let other = folder_of(&[("grey.png", "a.png"), ("grey.png", "b.webp")]);
    refused(other.path(), &default, &["b.webp", "save it as PNG"]);
    refused(both.path(), &Reading { part: Part::Test, ..default }, &["no test part"]);
}

#[test]
fn a_folder_of_the_format_of_mnist_has_two_parts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/data/digits");
    let training = open(&folder, &Reading::default()).unwrap();
    let test = open(&folder, &Reading { part: Part::Test, ..Reading::default() }).unwrap();
    assert_eq!((training.count(), test.count()), (1437, 360));
    assert!(training.labels().is_some_and(|labels| labels.starts_with(&[0, 1, 2])));
    assert_eq!(test.labels().map(<[u8]>::len), Some(360));
    // The files go about with a point in their names too.
    let points = folder_of(&[]);
    for (from, to) in [("images-idx3", "images.idx3"), ("labels-idx1", "labels.idx1")] {
        let to = points.path().join(format!("t10k-{to}-ubyte.gz"));
        fs::copy(folder.join(format!("t10k-{from}-ubyte.gz")), to).unwrap();
    }
    assert_eq!(open(points.path(), &Reading { part: Part::Test, ..Reading::default() }).unwrap(), test);
    let half = folder_of(&[]);
    fs::copy(folder.join("train-images-idx3-ubyte.gz"), half.path().join("train-images-idx3-ubyte.gz"))
        .unwrap();
    assert_eq!(open(half.path(), &Reading::default()).unwrap().labels(), None);
    refused(
        half.path(),
        &Reading { part: Part::Test, ..Reading::default() },
        &["no file begins with `t10k` or `test`", "train-images-idx3-ubyte.gz"],
    );
}

#[test]
fn parquet_files_of_the_hub_are_read() {
    let expected = expected();
    let set = open(&golden().join("train-00000-of-00001.parquet"), &Reading::default()).unwrap();
    assert_eq!((set.count(), set.labels()), (3, Some(&[2, 0, 1][..])));
    for (row, picture) in set.pictures().enumerate() {
        assert_eq!(difference(picture, set.shape(), &expected[format!("row {row}")]), 0, "row {row}");
    }
    let both = folder_of(&[
        ("train-00000-of-00001.parquet", "train-0.parquet"),
        ("test-00000-of-00001.parquet", "test-0.parquet"),
    ]);
    assert_eq!(open(both.path(), &Reading::default()).unwrap(), set);
    let test = open(both.path(), &Reading { part: Part::Test, ..Reading::default() }).unwrap();
    assert_eq!(test, set.select(&[2]).unwrap());
    refused(&golden().join("refused-zstd.parquet"), &Reading::default(), &["refused-zstd.parquet", "zstd"]);
}

#[test]
fn a_damaged_parquet_file_never_panics() {
    let whole = fs::read(golden().join("train-00000-of-00001.parquet")).unwrap();
    let here = folder();
    let path = here.path().join("damaged.parquet");
    for cut in [0, 3, 4, 100, whole.len() - 8, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        refused(&path, &Reading::default(), &["damaged.parquet"]);
    }
    let mut refused = 0;
    for place in (0..whole.len()).step_by(3) {
        let mut flipped = whole.clone();
        flipped[place] ^= 1 << (place % 8);
        fs::write(&path, &flipped).unwrap();
        // A flipped bit in what nobody reads is not seen; one in a picture is, because PNG has checksums.
        refused += usize::from(open(&path, &Reading::default()).is_err());
    }
    assert!(refused > whole.len() / 12, "{refused}");
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn open_npy(bytes: &[u8]) -> Result<ImageSet, ImagesError> {
    let here = folder();
    let path = here.path().join("array.npy");
    fs::write(&path, bytes).expect("a fresh folder");
    open(&path, &Reading::default())
}

#[test]
fn arrays_of_numpy_are_read_in_three_layouts_and_types() {
    let levels: Vec<u8> = (0..24).collect();
    let flat = open_npy(&npy("|u1", "4, 2, 3", &levels)).unwrap();
    assert_eq!((flat.count(), flat.shape()), (4, ImageShape { channels: 1, height: 2, width: 3 }));
    let first = open_npy(&npy("|u1", "2, 3, 2, 2", &levels)).unwrap();
    assert_eq!((first.pixels(), first.shape().channels), (&levels[..], 3));
    let last = open_npy(&npy("|u1", "2, 2, 2, 3", &levels)).unwrap();
    assert_eq!(last.pixels()[..12], [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    let eight: Vec<u8> = [0.0_f64, 0.2, 0.4, 1.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let four: Vec<u8> = [0.0_f32, 0.2, 0.4, 1.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    for bytes in [npy("<f8", "1, 2, 2", &eight), npy("<f4", "1, 2, 2", &four)] {
        assert_eq!(open_npy(&bytes).unwrap().pixels(), [0, 51, 102, 255]);
    }
}

#[test]
fn what_is_wrong_with_an_array_is_said() {
    let good = npy("|u1", "1, 2, 2", &[1, 2, 3, 4]);
    let floats = |values: [f64; 2]| npy("<f8", "2, 1, 1", &values.map(f64::to_le_bytes).concat());
    let cases: [(Vec<u8>, &str); 13] = [
        (Vec::new(), "does not start"),
        (good[..9].to_vec(), "inside its header"),
        (good[..good.len() - 1].to_vec(), "needs 4 bytes of numbers, and the file holds 3"),
        (npy("|u1", "18446744073709551615, 18446744073709551615, 2", &[1]), "than any file has"),
        (npy("<i8", "1, 1, 1", &[0; 8]), "|u1, <f4, <f8 are read"),
        (npy("|u1", "4,", &[0; 4]), "needed is (count, height, width)"),
        (npy("|u1", "1, 3, 2, 3", &[0; 18]), "not both"),
        (npy("|u1", "0, 2, 2", &[]), "no picture"),
        (npy("|u1", "0, 9223372036854775808, 9223372036854775808", &[]), "too many"),
        (npy("|u1", "0, 4294967296, 4294967296, 3", &[]), "too many"),
        (npy("|u1", "2, 0, 2", &[]), "no pixels"),
        (floats([0.5, 1.5]), "picture 1 has 1.5; numbers of pictures are in [0, 1]"),
        (floats([f64::NAN, 0.0]), "picture 0 has NaN"),
    ];
    for (bytes, word) in cases {
        let error = open_npy(&bytes).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("array.npy"), "{error}");
    }
}
