//! Files of features and statistics, as other programs write them and as nobody should.

use crate::distances::features;
use likely_metrics::distances::{
    FeatureFileError, FeatureSet, FeatureSource, FeatureStatistics, frechet_distance, write_statistics,
};
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/features").join(name)
}

/// The largest difference between entries of mean and covariance.
fn difference(a: &FeatureStatistics, b: &FeatureStatistics) -> f64 {
    let mean = (&a.mean() - &b.mean()).fold(0.0_f64, |most, d| most.max(d.abs()));
    (&a.covariance() - &b.covariance()).fold(mean, |most, d| most.max(d.abs()))
}

#[test]
fn files_of_numpy_are_read_in_every_form() {
    let expected = FeatureStatistics::of(features(21, 30, 5, 0.0).view()).unwrap();
    // File, whether it holds features, whether it says the count, its precision.
    let cases = [
        ("rows.npy", true, true, 1e-15),
        ("fortran.npy", true, true, 1e-15),
        ("single.npy", true, true, 1e-7),
        ("feats.npz", true, true, 1e-7),
        ("deflated.npz", false, false, 1e-15),
        ("single.npz", false, false, 1e-7),
        ("labelled.npz", false, true, 1e-15),
    ];
    for (name, rows, counted, precision) in cases {
        for keep in [true, false] {
            let set = FeatureSet::read(&golden(name), keep).unwrap();
            assert_eq!(set.rows().is_some(), rows && (keep || name.starts_with("fortran")), "{name}");
            assert_eq!(set.count(), counted.then_some(30), "{name}");
            let found = difference(set.statistics().unwrap(), &expected);
            assert!(found <= precision, "{name}: {found}");
        }
    }
    let hash = "0123456789abcdef".repeat(4);
    let said = FeatureSource::new(Some("inception-v3"), Some(&hash), Some("pil-bicubic")).unwrap();
    assert_eq!(*FeatureSet::read(&golden("labelled.npz"), false).unwrap().source(), said);
    assert_eq!(*FeatureSet::read(&golden("feats.npz"), false).unwrap().source(), FeatureSource::default());
}

#[test]
fn written_statistics_come_back_and_are_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let rows = features(4, 700, 20, 0.0);
    let statistics = FeatureStatistics::of(rows.view()).unwrap();
    let hash = "f".repeat(64);
    for (name, source) in [
        ("said.npz", FeatureSource::new(Some("a-network"), Some(&hash), Some("box")).unwrap()),
        ("unsaid.npz", FeatureSource::default()),
    ] {
        let path = folder.path().join(name);
        write_statistics(&path, &statistics, &source).unwrap();
        let bytes = fs::read(&path).unwrap();
        let back = FeatureSet::read(&path, false).unwrap();
        assert_eq!((back.statistics().unwrap(), back.source()), (&statistics, &source));
        write_statistics(&path, &statistics, &source).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let streamed = frechet_distance(
        &FeatureSet::read(&folder.path().join("said.npz"), false).unwrap(),
        &FeatureSet::new(rows, FeatureSource::default()).unwrap(),
    );
    assert!(streamed.unwrap().value < 1e-12);

    let refused = write_statistics(&folder.path().join("a.npy"), &statistics, &FeatureSource::default());
    assert!(matches!(refused, Err(FeatureFileError::Extension { .. })));
    let nowhere = folder.path().join("none/a.npz");
    let refused = write_statistics(&nowhere, &statistics, &FeatureSource::default()).unwrap_err();
    assert!(refused.to_string().contains("none/a.npz"), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half is left");
}

#[test]
fn no_damage_of_an_archive_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let good = FeatureSet::read(&golden("labelled.npz"), false).unwrap();
    let mut refused = 0;
    for name in ["labelled.npz", "deflated.npz"] {
        let bytes = fs::read(golden(name)).unwrap();
        for length in (0..bytes.len()).step_by(3) {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(FeatureSet::read(&path, true).is_err(), "{name} cut after {length} bytes");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, &damaged).unwrap();
            // A byte that no reader looks at, such as that of a date, may change; a number may not.
            match FeatureSet::read(&path, true) {
                Ok(set) => assert_eq!(
                    set.statistics().unwrap().covariance(),
                    good.statistics().unwrap().covariance()
                ),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn archive(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), SimpleFileOptions::default()).expect("memory takes it");
        zip.write_all(bytes).expect("memory takes it");
    }
    zip.finish().expect("memory takes it").into_inner()
}

#[test]
fn bad_files_are_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let four = doubles(&[1.0, 2.0, 3.0, 4.0]);
    let mu = ("mu", npy("<f8", "(2,)", &doubles(&[0.0, 0.0])));
    let sigma = |values: &[f64]| ("sigma", npy("<f8", "(2, 2)", &doubles(values)));
    let unit = sigma(&[1.0, 0.0, 0.0, 1.0]);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a.npy", b"x,y\n1,2\n".to_vec(), "does not start with"),
        ("a.npy", Vec::new(), "does not start with"),
        ("a.npy", b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "version is 9"),
        ("a.npy", npy("<i8", "(2, 2)", &four), "`<i8`; <f4, <f8 are read"),
        (
            "a.npy",
            npy("<f8", "(2, 2)", &four[..31]),
            "its shape (2, 2) needs 32 bytes of numbers, and the file holds 31",
        ),
        ("a.npy", npy("<f8", "(4,)", &four), "its shape is (4,); needed is two axes, (images, features)"),
        ("a.npy", npy("<f8", "(1152921504606846976, 1152921504606846976)", &four), "than any file has"),
        ("a.npy", npy("<f8", "(1152921504606846975, 2)", &four), "holds 32"),
        ("a.npy", npy("<f8", "(1, 4)", &four), "there is one image"),
        ("a.npy", npy("<f8", "(0, 4)", &[]), "there are no features: 0 images"),
        ("a.npy", npy("<f8", "(2, 2)", &doubles(&[1.0, 2.0, 3.0, f64::NAN])), "row 1, column 1 is NaN"),
        ("a.npy", npy("<f8", "(3, 1)", &doubles(&[1.0, f64::INFINITY, 3.0])), "row 1, column 0 is inf"),
        ("a.csv", b"1,2\n".to_vec(), "read from .npy and .npz"),
        ("a.npz", b"not a zip".to_vec(), "not a .npz archive"),
        ("a.npz", archive(&[("arr_0", npy("<f8", "(2, 2)", &four))]), "holds the arrays arr_0.npy"),
        ("a.npz", archive(std::slice::from_ref(&mu)), "needed are `mu` and `sigma`"),
        (
            "a.npz",
            archive(&[mu.clone(), ("sigma", npy("<f8", "(2, 1)", &doubles(&[1.0, 1.0])))]),
            "needed is (2, 2)",
        ),
        (
            "a.npz",
            archive(&[mu.clone(), sigma(&[1.0, 0.5, 0.0, 1.0])]),
            "not symmetric: [1, 0] is 0, [0, 1] is 0.5",
        ),
        ("a.npz", archive(&[mu.clone(), sigma(&[1.0, f64::NAN, 0.0, 1.0])]), "NaN"),
        ("a.npz", archive(&[mu.clone(), sigma(&[1.0, 0.0, 0.0, -1.0])]), "variance -1 at [1, 1]"),
        ("a.npz", archive(&[("mu", npy("<f8", "(0,)", &[])), unit.clone()]), "mu: its shape is (0,)"),
        (
            "a.npz",
            archive(&[("mu", npy("<f8", "(99999999,)", &[0; 64])), unit.clone()]),
            "needed is one axis of 1 to 16384 features",
        ),
        (
            "a.npz",
            archive(&[mu.clone(), unit.clone(), ("n", npy("<i8", "()", &(-3_i64).to_le_bytes()))]),
            "not negative",
        ),
        (
            "a.npz",
            archive(&[mu.clone(), unit.clone(), ("n", npy("<i8", "()", &1_i64.to_le_bytes()))]),
            "one image",
        ),
        (
            "a.npz",
            archive(&[mu.clone(), unit.clone(), ("network", npy("|S3", "()", b"A b"))]),
            "network `A b` is not a name",
        ),
        (
            "a.npz",
            archive(&[mu, unit, ("network", npy("|S9000000", "()", &vec![b'a'; 9_000_000]))]),
            "network: its shape is ()",
        ),
    ];
    assert_eq!(cases.len(), 26);
    for (name, bytes, words) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        for keep in [true, false] {
            let message = FeatureSet::read(&path, keep).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains(words), "`{words}` is not in: {message}");
        }
    }
    let missing = FeatureSet::read(&folder.path().join("none.npy"), true).unwrap_err();
    assert!(matches!(missing, FeatureFileError::Read { .. }));
    fs::create_dir(folder.path().join("folder.npy")).unwrap();
    let refused = FeatureSet::read(&folder.path().join("folder.npy"), true).unwrap_err().to_string();
    assert!(refused.contains("not a regular file"), "{refused}");
}

#[test]
fn a_claimed_size_beyond_deflate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let mut bytes = fs::read(golden("feats.npz")).unwrap();
    // The uncompressed size in the central directory, which stands 22 bytes before the file's name.
    let entry = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[entry + 24..entry + 28].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let refused = FeatureSet::read(&path, true).unwrap_err();
    assert!(refused.to_string().contains("cannot be 2147483647 bytes compressed"), "{refused}");
}
