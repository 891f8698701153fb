//! Pictures as data.

use crate::samples::data;
use likely_core::Seed;
use likely_models::BuildError;
use std::path::{Path, PathBuf};

fn experiments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/models")
}

#[test]
fn fashion_mnist_holds_out_its_test_part() {
    let folder = experiments();
    let source = data("fashion-mnist", "folder = \"../data/fashion\", labels = true", &folder).unwrap().built;
    assert_eq!(source.dim(), 785);
    let split = source.split(2000, 500, Seed::new(1)).unwrap();
    assert_eq!((split.training.dim(), split.held_out.dim()), ((2000, 785), (500, 785)));
    for (points, each) in [(&split.training, 200), (&split.held_out, 50)] {
        assert!(points.iter().all(|value| (0.0..=9.0).contains(value)));
        for class in 0..10 {
            let labels = points.column(784);
            let of_class = labels.iter().filter(|label| (**label - f64::from(class)).abs() < 0.5);
            assert_eq!(of_class.count(), each);
        }
    }
    let plain = data("fashion-mnist", "folder = \"../data/fashion\"", &folder).unwrap().built;
    let few = plain.split(30, 7, Seed::new(1)).unwrap();
    assert_eq!(few.training, split.training.slice(ndarray::s![..30, ..784]));
    assert_eq!(few.held_out, split.held_out.slice(ndarray::s![..7, ..784]));
    assert_ne!(few, plain.split(30, 7, Seed::new(2)).unwrap());
    let error = plain.split(2001, 1, Seed::new(1)).unwrap_err().to_string();
    assert!(error.contains("2001 pictures to train on") && error.contains("there are 2000"), "{error}");
    assert!(plain.about().description.contains("2000") && plain.about().licence.contains("MIT"));
}

#[test]
fn other_pictures_are_no_fashion_mnist() {
    let error =
        data("fashion-mnist", "folder = \"../data/digits\"", &experiments()).err().unwrap().to_string();
    assert!(error.contains("1x8x8") && error.contains("image-folder"), "{error}");
    let missing = data("fashion-mnist", "folder = \"nowhere\"", &experiments()).err().unwrap();
    assert!(matches!(missing, BuildError::Read { .. }), "{missing}");
    assert!(data("fashion-mnist", "", &experiments()).err().unwrap().to_string().contains("folder"));
}

const CARD: &str = "description = \"digits\", source = \"UCI\", licence = \"CC BY 4.0\"";

#[test]
fn a_folder_is_cut_into_two_sets_that_share_nothing() {
    let digits = |more: &str| {
        data("image-folder", &format!("folder = \"../data/digits\", {more}{CARD}"), &experiments())
    };
    let source = digits("").unwrap().built;
    let whole = source.split(1000, 437, Seed::new(5)).unwrap();
    assert_eq!(whole.training.dim(), (1000, 64));
    let few = source.split(3, 437, Seed::new(5)).unwrap();
    assert_eq!(few.held_out, whole.held_out);
    assert_eq!(few.training, whole.training.slice(ndarray::s![..3, ..]));
    let total = |points: &ndarray::Array2<f64>| points.sum();
    let all = source.split(1437, 0, Seed::new(5)).unwrap();
    assert!((total(&whole.training) + total(&whole.held_out) - total(&all.training)).abs() < 1e-6);
    let error = source.split(1000, 438, Seed::new(5)).unwrap_err().to_string();
    assert!(error.contains("1437 in all"), "{error}");
    let sized = digits("size = [12, 10], channels = 3, resize = \"pillow-box\", labels = true, ").unwrap();
    assert_eq!(sized.built.dim(), 3 * 12 * 10 + 1);
    assert_eq!(sized.config["resize"].as_str(), Some("pillow-box"));
    assert_eq!(digits("").unwrap().config["resize"].as_str(), Some("pillow-bicubic"));
    let Err(BuildError::Config(error)) = digits("resize = \"bicubic\", ") else { panic!("it is refused") };
    assert!(error.to_string().contains("there is no way `bicubic`") && error.span().is_some(), "{error}");
}
