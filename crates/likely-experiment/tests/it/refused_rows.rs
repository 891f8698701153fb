//! What a scene does not allow, from the spec to the row and its words.

use crate::support::Place;
use likely_experiment::Tier;
use likely_record::{CellRecord, Run, Status};

/// A Gaussian about the origin, on a geometry and solved by ProbGEORCE in one.
struct Scene {
    /// Of the model.
    geometry: &'static str,
    /// `[[method]]` keys beside the kind, the label and `config`.
    derived: &'static str,
    weight: f64,
    start: &'static [f64],
    end: &'static [f64],
}

const FLAT: Scene = Scene { geometry: "", derived: "", weight: 0.0, start: &[-2.0, 0.5], end: &[2.0, 1.0] };

impl Scene {
    fn text(&self) -> String {
        let Self { geometry, derived, weight, start, end } = self;
        let (ground, on) = match *geometry {
            "" => (String::new(), ""),
            geometry => {
                (format!("[[geometry]]\nlabel = \"Ground\"\n{geometry}\n"), "geometry = \"Ground\"\n")
            }
        };
        let centre = vec!["0.0"; start.len()].join(", ");
        format!(
            "id = \"refused\"\nversion = 1\ntitle = \"Refused\"\nsegments = 8\nseed = 7\nmetrics = [\"energy\", \"evaluations\"]\n{ground}[[model]]\nlabel = \"Gaussian\"\nkind = \"gaussian-average\"\n{on}config = {{ weights = [1.0], centres = [[{centre}]] }}\n[[method]]\nkind = \"prob-georce\"\nlabel = \"Solved\"\nconfig = {{ weight = {{ absolute = {weight:?} }} }}\n{derived}\n[[pair]]\nname = \"0\"\nstart = {start:?}\nend = {end:?}\n"
        )
    }

    /// The one row.
    fn row(&self) -> CellRecord {
        let place = Place::new();
        let (_, folder, _) = place.run(&place.plan(&self.text(), Tier::Full), "runs", 1);
        let mut cells = Run::read(&folder).unwrap().cells;
        assert_eq!(cells.len(), 1);
        cells.remove(0)
    }

    /// The words of the row, which must hold no number and no curve.
    fn refusal(&self) -> String {
        let row = self.row();
        assert_eq!(row.status, Status::Failed, "{row:?}");
        assert_eq!(row.curve_sha256, None);
        let reason = row.reason.clone().unwrap();
        assert_eq!(row.metrics.len(), 2);
        assert!(
            row.metrics.iter().all(|m| m.value.is_none() && m.reason.as_ref() == Some(&reason)),
            "{row:?}"
        );
        reason
    }
}

const NO_METRIC: &str = "evaluating the geometry on the starting curve: the metric tensor at point 0 is not positive definite; choose other end points or another start";

#[test]
fn a_tensor_that_is_not_positive_definite() {
    // -S + 1 is negative all along: S is log(2 pi) at least.
    let derived = "geometry = { kind = \"conformal-energy\", config = { form = \"released\" } }";
    assert_eq!(Scene { derived, ..FLAT }.refusal(), NO_METRIC);
    let derived = "geometry = { kind = \"conformal-energy\" }";
    assert_eq!(Scene { derived, ..FLAT }.row().status, Status::Ok, "as intended it is a metric");
}

#[test]
fn a_total_that_leaves_no_room_to_move() {
    let derived = "geometry = { kind = \"jacobi\", config = { total = -5.0 } }";
    assert_eq!(Scene { derived, ..FLAT }.refusal(), NO_METRIC);
    let derived = "geometry = { kind = \"jacobi\", config = { total = 1.0 } }";
    assert_eq!(Scene { derived, ..FLAT }.row().status, Status::Ok);
}

#[test]
fn a_point_outside_a_chart() {
    let geometry = "kind = \"hyperbolic\"\nconfig = { dim = 2 }";
    let below = Scene { geometry, end: &[2.0, -1.0], ..FLAT };
    // A height of 1/2 falls by 3/16 a segment, so the fourth point of the straight start is the first below zero.
    assert_eq!(
        below.refusal(),
        "evaluating the geometry on the starting curve: point 3 is outside the chart: its last coordinate is -6.25e-2, where a positive one is needed (between 1e-100 and 1e100); choose other end points or another start"
    );
    assert_eq!(Scene { geometry, ..FLAT }.row().status, Status::Ok);
}

const ANTIPODAL: &str = "no single shortest geodesic joins the points: the points of the sphere are antipodal, and every great circle through one joins them; move one of them a little";

#[test]
fn antipodal_points_of_a_sphere() {
    // The antipode of a point in stereographic coordinates is its inverse on the other side of the origin.
    let geometry = "kind = \"sphere\"\nconfig = { dim = 2 }";
    let far = Scene { geometry, start: &[0.5, 0.0], end: &[-2.0, 0.0], ..FLAT };
    assert_eq!(far.refusal(), ANTIPODAL);
    // A density says which way round.
    assert_eq!(Scene { weight: 1.0, ..far }.row().status, Status::Ok);
}

#[test]
fn antipodal_points_of_an_embedded_sphere() {
    let geometry = "kind = \"sphere-embedded\"\nconfig = { dim = 2 }";
    for weight in [0.0, 1.0] {
        let far = Scene { geometry, weight, start: &[0.6, 0.8, 0.0], end: &[-0.6, -0.8, 0.0], ..FLAT };
        assert_eq!(far.refusal(), ANTIPODAL);
        assert_eq!(Scene { end: &[0.0, 0.0, 1.0], ..far }.row().status, Status::Ok);
    }
}

#[test]
fn end_points_off_an_embedded_manifold() {
    let geometry = "kind = \"sphere-embedded\"\nconfig = { dim = 2 }";
    for (start, end, which) in
        [(&[0.0, 2.0, 0.0], &[1.0, 0.0, 0.0], "start"), (&[1.0, 0.0, 0.0], &[0.0, 2.0, 0.0], "end")]
    {
        // One away from the sphere at a norm of two.
        assert_eq!(
            Scene { geometry, start, end, ..FLAT }.refusal(),
            format!("the {which} is not on the manifold (3.333e-1 away, relative); give a point of it")
        );
    }
}

#[test]
fn end_points_with_other_coordinates_than_the_geometry_are_refused_before_there_is_a_row() {
    let geometry = "kind = \"sphere-embedded\"\nconfig = { dim = 2 }";
    let three = Scene { geometry, start: &[1.0, 0.0, 0.0], end: &[0.0, 1.0, 0.0], ..FLAT };
    let place = Place::new();
    let pair = three
        .text()
        .replace("start = [1.0, 0.0, 0.0]", "start = [1.0, 0.0]")
        .replace("[0.0, 1.0, 0.0]", "[0.0, 1.0]");
    assert_eq!(
        place.plan_error(&pair),
        "spec.toml:21:1: pair `0` has 2 coordinates where the model `Gaussian` has 3; they must agree"
    );
    let model = three.text().replace("dim = 2", "dim = 3");
    assert_eq!(
        place.plan_error(&model),
        "spec.toml:14:12: the geometry `Ground` has 4 coordinates where the model `Gaussian` has 3; they must agree"
    );
}
