//! The Gaussian of pixels against numpy and scipy.

use crate::support::{build, error};
use likely_core::{EvalError, ImageShape, ImageSpace};
use likely_models::{ImageGaussian, ImageGaussianError};
use ndarray::{Array2, s};

const SHAPE: ImageShape = ImageShape { channels: 1, height: 4, width: 3 };
const DIM: usize = 12;

/// The images of `scripts/golden_image_gaussian.py`.
fn rows() -> Array2<f64> {
    Array2::from_shape_fn((40, DIM), |(i, p)| ((i * 37 + p * p * 11 + i * p * 5) % 101) as f64 / 101.0)
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "{k}: {found}, not {expected}");
    }
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

#[test]
fn density_encoder_and_decoder_are_those_of_the_full_covariance() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../golden/image-gaussian.json")).unwrap();
    let model = ImageGaussian::fit(rows().view(), SHAPE, 5).unwrap();
    let likelihoods = model.log_likelihood(rows().slice(s![..6, ..])).unwrap();
    close(&likelihoods.to_vec(), &numbers(&golden["log_likelihood"]), 1e-10);
    let points = model.encode(rows().slice(s![..3, ..])).unwrap();
    close(&points.iter().copied().collect::<Vec<_>>(), &numbers(&golden["encoded"]), 1e-10);
    let points = Array2::from_shape_fn((3, DIM), |(i, j)| 0.1 * ((3 * i + 5 * j) % 7) as f64 - 0.3);
    let images = model.decode(points.view()).unwrap();
    close(&images.iter().copied().collect::<Vec<_>>(), &numbers(&golden["decoded"]), 1e-10);
}

#[test]
fn an_image_comes_back_from_its_point_and_nothing_leaves_the_unit_interval() {
    let model = ImageGaussian::fit(rows().view(), SHAPE, 3).unwrap();
    let back = model.decode(model.encode(rows().view()).unwrap().view()).unwrap();
    close(&back.iter().copied().collect::<Vec<_>>(), &rows().iter().copied().collect::<Vec<_>>(), 1e-12);
    let far = model.decode(Array2::from_elem((2, DIM), 40.0).view()).unwrap();
    assert!(far.iter().all(|x| (0.0..=1.0).contains(x)) && far.iter().any(|x| *x > 0.9));
    let wrong = model.decode(Array2::zeros((1, 5)).view()).unwrap_err();
    assert_eq!(wrong, EvalError::Dimension { expected: DIM, found: 5 });
}

#[test]
fn a_built_model_is_standard_normal_in_whitened_coordinates() {
    let built = build("image-gaussian", "folder = \"images.npy\", components = 5", None).unwrap();
    let space = built.images.unwrap();
    assert_eq!((space.shape(), built.potential.dim()), (SHAPE, DIM));
    let value = built.potential.value(Array2::zeros((1, DIM)).view()).unwrap()[0];
    assert!((value - 6.0 * std::f64::consts::TAU.ln()).abs() < 1e-12, "{value}");
}

#[test]
fn images_that_have_no_such_gaussian_are_refused_with_a_reason() {
    let fit = |rows: Array2<f64>, components| ImageGaussian::fit(rows.view(), SHAPE, components).unwrap_err();
    assert!(matches!(fit(rows(), 12), ImageGaussianError::TooFew { images: 40, dim: 12, components: 12 }));
    assert!(matches!(
        fit(rows().slice(s![..4, ..]).to_owned(), 3),
        ImageGaussianError::TooFew { images: 4, .. }
    ));
    let said =
        |images: usize, components| fit(rows().slice(s![..images, ..]).to_owned(), components).to_string();
    assert_eq!(
        said(4, 3),
        "4 images of 12 numbers allow at most 2 components, not 3; fit fewer, or more images"
    );
    assert!(said(40, 12).contains("allow at most 11 components"), "{}", said(40, 12));
    assert_eq!(said(1, 1), "1 image of 12 numbers: a Gaussian needs at least 3 images of 2 numbers");
    assert!(matches!(fit(Array2::zeros((9, 5)), 2), ImageGaussianError::Shape { found: 5, .. }));
    let flat =
        Array2::from_shape_fn((40, DIM), |(i, p)| if p < 2 { (i * (p + 3) % 11) as f64 / 11.0 } else { 0.5 });
    assert!(matches!(fit(flat, 4), ImageGaussianError::Flat { found: 2 }));
    let mut bad = rows();
    bad[[7, 3]] = f64::NAN;
    assert!(matches!(fit(bad, 4), ImageGaussianError::NotFinite { row: 7 }));
    let message = error("image-gaussian", "folder = \"nowhere\"", None).to_string();
    assert!(message.contains("nowhere"), "{message}");
}
