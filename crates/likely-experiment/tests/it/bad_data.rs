//! Bad data files, as a user of `read_points` and as a spec meet them.

use crate::support::{Place, SMALL, small_with};
use likely_experiment::{Points, read_points};
use ndarray::array;

fn read(place: &Place, name: &str, columns: Option<&[String]>) -> Result<Points, String> {
    let path = place.folder.path().join(name);
    read_points(&path, columns)
        .map_err(|error| error.to_string().replace(&format!("{}/", place.folder.path().display()), ""))
}

/// A file as `numpy.save` writes it, with any shape in its header.
fn npy(shape: &str, values: &[f64]) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let padding = 64 - (10 + header.len() + 1) % 64;
    let header = format!("{header}{}\n", " ".repeat(padding));
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn the_extension_decides_and_others_are_refused() {
    let place = Place::new();
    place.write("p.NPY", npy("(2, 2)", &[1.0, 2.0, 3.0, 4.0]));
    let points = read(&place, "p.NPY", Some(&["x2".to_owned()])).unwrap();
    assert_eq!((points.names, points.values), (vec!["x2".to_owned()], array![[2.0], [4.0]]));
    assert_eq!(read(&place, "points.csv", None).unwrap().values.dim(), (10, 2));
    place.write("p.txt", "1,2\n");
    assert_eq!(
        read(&place, "p.txt", None).unwrap_err(),
        "p.txt: points are read from .csv and .npy files; rename or convert this one"
    );
    std::fs::create_dir(place.folder.path().join("folder.csv")).unwrap();
    assert_eq!(read(&place, "folder.csv", None).unwrap_err(), "folder.csv is not a file");
    assert!(
        read(&place, "none.csv", None).unwrap_err().starts_with("data absent: there is no file none.csv; ")
    );
}

#[test]
fn a_column_may_be_chosen_twice_and_an_empty_choice_is_no_points() {
    let place = Place::new();
    let columns = ["y".to_owned(), "y".to_owned()];
    assert_eq!(read(&place, "points.csv", Some(&columns)).unwrap().values.row(0), array![0.3, 0.3]);
    assert_eq!(read(&place, "points.csv", Some(&[])).unwrap_err(), "points.csv: the file holds no points");
}

#[test]
fn a_spec_names_the_line_of_the_data_set_and_of_the_data() {
    let cases = [
        ("x,y\n1,2\n3\n", "points.csv:3: 1 fields, but the first line has 2; fields are separated by commas"),
        (
            "x,y\n1,2\n3,four\n",
            "points.csv:3:3: `four` in column `y` is not a number; write numbers like 1.5 or -2e-3, separated by commas",
        ),
        (
            "x,y\n1,2\n3,nan\n",
            "points.csv:3:3: `nan` in column `y` is not finite; fill it in or remove the row",
        ),
        ("x,y\n", "points.csv: the file holds no points"),
    ];
    let place = Place::new();
    for (text, expected) in cases {
        place.write("points.csv", text);
        assert_eq!(place.plan_error(SMALL), format!("spec.toml:9:1: dataset `points`: {expected}"));
    }
}

#[test]
fn a_npy_header_that_claims_the_world_is_an_error_of_the_spec() {
    let place = Place::new();
    place.write("points.npy", npy("(1152921504606846976, 2)", &[1.0, 2.0]));
    assert_eq!(
        place.plan_error(&small_with("file = \"points.csv\"", "file = \"points.npy\"")),
        "spec.toml:9:1: dataset `points`: points.npy: its shape (1152921504606846976, 2) needs more bytes of numbers \
         than any file has, and the file holds 16"
    );
}

#[test]
fn standardised_points_have_mean_0_and_variance_1_and_a_constant_column_has_no_scale() {
    let place = Place::new();
    let text = small_with("file = \"points.csv\"", "file = \"points.csv\"\nstandardise = true");
    let plan = place.plan(&text, likely_experiment::Tier::Full);
    let points = &plan.presentation().fields[0].points;
    for axis in 0..2 {
        let mean: f64 = points.iter().map(|point| point[axis]).sum::<f64>() / 10.0;
        let variance: f64 = points.iter().map(|point| (point[axis] - mean).powi(2)).sum::<f64>() / 10.0;
        assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12, "{mean} {variance}");
    }
    place.write("points.csv", "x,y\n1,2\n3,2\n");
    assert_eq!(
        place.plan_error(&text),
        "spec.toml:9:1: dataset `points`: points.csv: column `y` is the same in every row, so it cannot be standardised"
    );
}
