use flate2::{Compression, write::GzEncoder};
use likely_core::ImageShape;
use likely_images::{ImageSet, ImagesError, read_idx};
use std::io::Write;
use std::path::Path;

fn idx(lengths: &[u32], numbers: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, lengths.len() as u8];
    bytes.extend(lengths.iter().flat_map(|length| length.to_be_bytes()));
    bytes.extend(numbers);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

fn read(images: &[u8], labels: Option<&[u8]>) -> Result<ImageSet, ImagesError> {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let path = folder.path().join("images");
    std::fs::write(&path, images).expect("a fresh folder");
    let labels = labels.map(|labels| {
        let path = folder.path().join("labels");
        std::fs::write(&path, labels).expect("a fresh folder");
        path
    });
    read_idx(&path, labels.as_deref())
}

#[test]
fn plain_and_compressed_files_give_the_same_pictures() {
    let images = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    let labels = idx(&[2], &[9, 0]);
    let set = read(&images, Some(&labels)).unwrap();
    assert_eq!((set.count(), set.shape()), (2, ImageShape { channels: 1, height: 1, width: 3 }));
    assert_eq!((set.pixels(), set.labels()), (&[1, 2, 3, 4, 5, 6][..], Some(&[9, 0][..])));
    assert_eq!(read(&gz(&images), Some(&gz(&labels))).unwrap(), set);
    assert_eq!(read(&images, None).unwrap().labels(), None);
}

#[test]
fn damage_is_named_and_nothing_is_allocated_for_it() {
    let good = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    let mut cut = gz(&good);
    cut.truncate(cut.len() - 9);
    let mut flipped = gz(&good);
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[1]);
    let cases: [(Vec<u8>, &str); 14] = [
        (Vec::new(), "not an IDX file"),
        (b"hello, world".to_vec(), "not an IDX file"),
        (gz(b"hello, world"), "not an IDX file"),
        (vec![0x1f, 0x8b], "damaged"),
        (vec![0, 0, 13, 3, 0, 0], "unsigned bytes"),
        (idx(&[2], &[1, 2]), "has 3 axes, this one has 1"),
        (good[..10].to_vec(), "inside its header"),
        (good[..20].to_vec(), "2 x 1 x 3, which does not fit its 20 bytes"),
        ([&good[..], &[7]].concat(), "does not fit its 23 bytes"),
        (gz(&good[..20]), "ends after 4 numbers"),
        (gz(&[&good[..], &[7]].concat()), "more than that"),
        (huge.clone(), "does not fit"),
        (gz(&huge), "does not fit its at most"),
        (idx(&[0, 28, 28], &[]), "no picture"),
    ];
    for (bytes, expected) in &cases {
        let error = read(bytes, None).unwrap_err();
        assert!(matches!(error, ImagesError::File { .. }), "{error}");
        assert!(error.to_string().contains(expected) && error.to_string().contains("images"), "{error}");
    }
    for bytes in [cut, flipped] {
        let error = read(&bytes, None).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }
    let error = read(&good, Some(&idx(&[3], &[1, 2, 3]))).unwrap_err().to_string();
    assert!(error.contains("3 labels for 2 pictures") && error.contains("labels: "), "{error}");
    assert!(matches!(read_idx(Path::new("no such file"), None), Err(ImagesError::Read { .. })));
    assert!(read_idx(Path::new("."), None).unwrap_err().to_string().contains("not a file"));
}

#[test]
fn the_subset_of_fashion_mnist_is_balanced() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/data/fashion");
    for (part, each) in [("train", 200), ("t10k", 50)] {
        let set = read_idx(
            &folder.join(format!("{part}-images-idx3-ubyte.gz")),
            Some(&folder.join(format!("{part}-labels-idx1-ubyte.gz"))),
        )
        .unwrap();
        assert_eq!(set.shape(), ImageShape { channels: 1, height: 28, width: 28 });
        for label in 0..10 {
            assert_eq!(set.indices_of(label).len(), each, "{part}, class {label}");
        }
    }
}
