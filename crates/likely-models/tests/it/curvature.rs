//! Second and third derivatives against those that mpmath takes of the definitions.

use crate::support::{build, cases, difference, list, rows};
use likely_core::{Potential, Rows};
use likely_models::{Bandwidth, ChiSquareNorm, Circle, Covariances, KernelDensity, Mixture};
use ndarray::{Array1, Array3};
use serde_json::Value;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

fn model(case: &Value) -> Box<dyn Potential> {
    let dim = case["dim"].as_u64().map(|dim| NonZeroU32::new(dim as u32).expect("not 0"));
    match case["model"].as_str().expect("a name") {
        "gmm" => {
            let (weights, means) = (Array1::from(list(&case["weights"])), rows(&case["means"]));
            let all: Vec<Vec<Vec<f64>>> =
                serde_json::from_value(case["covariances"].clone()).expect("matrices");
            let shape = (means.nrows(), means.ncols(), means.ncols());
            let all = Array3::from_shape_vec(shape, all.into_iter().flatten().flatten().collect())
                .expect("of one shape");
            Box::new(Mixture::new(weights.view(), means.view(), Covariances::Full(all)).expect("valid"))
        }
        "kde" => {
            let bandwidth = Bandwidth::Fixed(case["bandwidth"].as_f64().expect("a number"));
            Box::new(KernelDensity::new(rows(&case["centres"]).view(), bandwidth).expect("valid"))
        }
        "finite-set" => {
            let config = format!(
                "time = {}, latent = {}, smoothing = {}",
                case["time"], case["latent"], case["smoothing"]
            );
            build("finite-set", &config, Some(rows(&case["training"]).view())).expect("valid").potential
        }
        "chi-square-norm" => Box::new(ChiSquareNorm::new(dim.expect("given"))),
        "circle" => Box::new(Circle::new(dim.expect("given"))),
        other => panic!("{other}"),
    }
}

#[test]
fn hessians_and_third_derivatives_agree_with_sixty_digits() {
    let mut compared: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases(include_str!("../golden/curvatures.json")) {
        let model = model(&case);
        let (dim, at) = (model.dim(), list(&case["at"]));
        let (u, v) = (list(&case["u"]), list(&case["v"]));
        let curvature = model.curvature().unwrap();
        let points = Rows::new(&at, dim).unwrap();
        let [mut hessian, mut third, mut product] = [dim * dim, dim, dim].map(|n| vec![0.0; n]);
        curvature.hessian(points, &mut hessian).unwrap();
        curvature.hessian_gradient(points, &u, &v, &mut third).unwrap();
        curvature.hessian_vector(points, &v, &mut product).unwrap();
        let expected = rows(&case["hessian"]);
        assert!(difference(&hessian, &expected) < 1e-12, "{case}: {hessian:?}");
        assert!(difference(&product, &expected.dot(&Array1::from(v))) < 1e-12, "{case}: {product:?}");
        assert!(difference(&third, &list(&case["form_gradient"])) < 1e-12, "{case}: {third:?}");
        *compared.entry(case["model"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let expected = [("chi-square-norm", 12), ("circle", 12), ("finite-set", 6), ("gmm", 9), ("kde", 9)];
    assert_eq!(compared, expected.map(|(model, count)| (model.to_owned(), count)).into());
}

#[test]
fn far_points_have_the_curvature_of_one_summand_and_never_nan() {
    let centres = ndarray::array![[0.0, 0.0], [1.0, 0.5]];
    let density = KernelDensity::new(centres.view(), Bandwidth::Fixed(0.5)).unwrap();
    let model = Mixture::new(
        ndarray::array![0.5, 0.5].view(),
        centres.view(),
        Covariances::Spherical(ndarray::array![0.25, 0.25]),
    )
    .unwrap();
    for potential in [&density as &dyn Potential, &model] {
        let mut hessian = [0.0; 8];
        let at = [1e8, 1e8, 1e200, 0.0];
        let curvature = potential.curvature().unwrap();
        curvature.hessian(Rows::new(&at, 2).unwrap(), &mut hessian).unwrap();
        assert!(difference(&hessian[..4], &[4.0, 0.0, 0.0, 4.0]) < 1e-14, "{hessian:?}");
        assert!(hessian.iter().all(|h| h.is_finite()), "{hessian:?}");
    }
}
