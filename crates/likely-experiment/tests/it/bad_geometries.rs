//! Bad geometries, studies, end points and files of claims: every message names its place and what would be right.

use crate::support::{CURVED, Place, spec_error};

/// Replaces a text of the curved spec, and what must be said then.
type Case = (&'static str, &'static str, &'static str);

/// The curved spec with one text replaced, which must be there once.
fn curved_with(old: &str, new: &str) -> String {
    assert_eq!(CURVED.matches(old).count(), 1, "`{old}` stands not once in the curved spec");
    CURVED.replace(old, new)
}

#[test]
fn geometries_and_studies_name_what_is_wrong_with_them() {
    let cases: &[Case] = &[
        (
            "geometry = \"Globe\"",
            "geometry = \"Glob\"",
            "spec.toml:17:12: there is no geometry `Glob`, did you mean `Globe`? there is: Globe",
        ),
        (
            "config = { dim = 2 }",
            "config = { dmi = 2 }",
            "spec.toml:12:12: unknown key `dmi`, did you mean `dim`? accepted: dim",
        ),
        (
            "config = { dim = 2 }",
            "config = { dim = 2 }\nsurface = { u = [1.0, 1.0] }",
            "spec.toml:13:17: `geometry[0].surface.u`: found [1, 1], expected the smaller number first",
        ),
        (
            "config = { dim = 2 }",
            "config = { dim = 2 }\nsurface = { rows = 1 }",
            "spec.toml:13:20: `geometry[0].surface.rows`: found 1, expected 2 to 1000",
        ),
        (
            "config = { dim = 2 }",
            "config = { dim = 2 }\nsurface = { row = 3 }",
            "spec.toml:13:13: unknown key `row`, did you mean `rows`? accepted: u, v, rows, columns",
        ),
        (
            "label = \"Globe\"",
            "label = \" \"",
            "spec.toml:10:9: `geometry[0].label`: expected a name of at least one visible character, on one line",
        ),
        (
            "config = { weight = { relative = 0.0 } }",
            "config = { wight = { relative = 0.0 } }",
            "spec.toml:33:12: unknown key `wight`, did you mean `weight`? accepted: weight, line-search, start, tolerance, max-iterations, reduction, quadrature, penalty",
        ),
        (
            "geometry = { kind = \"inverse-density\" }",
            "geometry = { kind = \"inverse-density\", config = { scale = 1.0 } }",
            "spec.toml:32:51: unknown key `scale`; accepted: none",
        ),
        (
            "models = [\"Sphere\"]",
            "models = [\"Spere\"]",
            "spec.toml:38:11: there is no model `Spere`, did you mean `Sphere`? there is: Sphere, Plane",
        ),
        (
            "models = [\"Sphere\"]",
            "models = []",
            "spec.toml:38:10: `study[0].models` is empty; give at least one model",
        ),
        (
            "label = \"Traces\"",
            "label = \"ProbGEORCE\"",
            "spec.toml:37:9: there is a method `ProbGEORCE` already; rename or remove one of the two",
        ),
        (
            "models = [\"Sphere\"]",
            "model = [\"Sphere\"]",
            "spec.toml:38:1: unknown key `model`, did you mean `models`? accepted: kind, label, models, lambda, geometry, config",
        ),
        (
            "studies = [\"Traces\"]",
            "studies = [\"Trace\"]",
            "spec.toml:53:84: there is no study `Trace`, did you mean `Traces`? there is: Traces",
        ),
        (
            "y = [\"regularised energy\"]",
            "y = []",
            "spec.toml:53:49: `figure[1].show.series-lines.y` is empty; give at least one column",
        ),
        (
            "geometry = \"Globe\"",
            "",
            "spec.toml:48:27: `figure[0].show.surface-curves`: no model names a `geometry`, so there is no surface to draw on",
        ),
        (
            "[[pair]]\n",
            "[tier.smoke]\nstudies = [\"Tracs\"]\n[[pair]]\n",
            "spec.toml:41:12: there is no study `Tracs`, did you mean `Traces`? there is: Traces",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(spec_error(&curved_with(old, new)), *expected, "{new}");
    }
    let whole_tables = [
        (
            "kind = \"sphere\"",
            "kind = \"spere\"",
            "spec.toml:11:8: there is no kind of geometry `spere`, did you mean `sphere`? there is: ",
        ),
        (
            "kind = \"inverse-density\"",
            "kind = \"invers-density\"",
            "spec.toml:32:21: there is no kind of derived geometry `invers-density`, did you mean `inverse-density`? there is: ",
        ),
        (
            "kind = \"optimiser-traces\"",
            "kind = \"optimizer-traces\"",
            "spec.toml:36:8: there is no kind of study `optimizer-traces`, did you mean `optimiser-traces`? there is: ",
        ),
    ];
    for (old, new, expected) in whole_tables {
        let message = spec_error(&curved_with(old, new));
        assert!(message.starts_with(expected), "{message}");
    }
    let without = CURVED
        .replace("[[study]]\nkind = \"optimiser-traces\"\nlabel = \"Traces\"\nmodels = [\"Sphere\"]\n", "");
    assert_eq!(
        spec_error(&without),
        "spec.toml:49:25: `figure[1].show.series-lines`: series and pictures come from studies, and the spec has no `[[study]]`"
    );
}

#[test]
fn end_points_name_what_is_wrong_with_them() {
    let cases: &[Case] = &[
        (
            "start = { linspace = [-0.0, -1.0] }",
            "start = { linspace = [0.0] }",
            "spec.toml:42:22: `pair[0].start.linspace`: invalid length 1, expected an array of length 2",
        ),
        (
            "start = { linspace = [-0.0, -1.0] }",
            "start = { linspase = [0.0, 1.0] }",
            "spec.toml:42:11: unknown key `linspase`, did you mean `linspace`? accepted: linspace, constant, file, row",
        ),
        (
            "end = { constant = 0.5 }",
            "end = { constant = 0.5, linspace = [0.0, 1.0] }",
            "spec.toml:43:7: `pair[0].end`: an end point has one form: expected just `linspace`, just `constant`, or `file` with `row`",
        ),
        (
            "end = { constant = 0.5 }",
            "end = 0.5",
            "spec.toml:43:7: `pair[0].end`: found floating point `0.5`, expected an array of coordinates, { linspace = [a, b] }, { constant = x } or { file = \"points.npy\", row = 0 }",
        ),
        (
            "end = { constant = 0.5 }",
            "end = [0.5, \"much\"]",
            "spec.toml:43:13: `pair[0].end[1]`: found string \"much\", expected a number",
        ),
        (
            "end = { constant = 0.5 }",
            "end = { constant = nan }",
            "spec.toml:43:20: `pair[0].end.constant` is nan, but every number in a spec must be finite",
        ),
        (
            "end = { constant = 0.5 }",
            "end = { constant = 0.5 }\nmodels = [\"Plan\"]",
            "spec.toml:44:11: there is no model `Plan`, did you mean `Plane`? there is: Sphere, Plane",
        ),
        (
            "end = { constant = 0.5 }",
            "end = { constant = 0.5 }\n[[pair]]\nname = \"0\"\nmodels = [\"Plane\"]\nstart = [0.0, 1.0]\nend = [1.0, 1.0]",
            "spec.toml:45:8: there is a pair `0` already; rename or remove one of the two",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(spec_error(&curved_with(old, new)), *expected, "{new}");
    }
    let place = Place::new();
    place.write("ends.csv", "a,b\n0.25,0.5\n");
    let planned: &[Case] = &[
        (
            "config = { dim = 2 }",
            "config = { dim = 3 }",
            "spec.toml:17:12: the geometry `Globe` has 3 coordinates where the model `Sphere` has 2; they must agree",
        ),
        (
            "end = { constant = 0.5 }",
            "end = { file = \"ends.csv\", row = 1 }",
            "spec.toml:40:1: pair `0`: ends.csv has 1 rows, numbered from 0 to 0; there is no row 1",
        ),
        (
            "end = { constant = 0.5 }",
            "end = { file = \"end.csv\" }",
            "spec.toml:40:1: pair `0`: data absent: there is no file end.csv; put it there, or name the one that is meant",
        ),
        (
            "end = { constant = 0.5 }",
            "end = [0.5, 0.5, 0.5]",
            "spec.toml:40:1: pair `0` has 3 coordinates where the model `Sphere` has 2; they must agree",
        ),
        (
            "end = { constant = 0.5 }",
            "end = [-0.0, -1.0]",
            "spec.toml:40:1: pair `0`: start and end are the same point, so there is nothing to interpolate; give two different points",
        ),
    ];
    for (old, new, expected) in planned {
        assert_eq!(place.plan_error(&curved_with(old, new)), *expected, "{new}");
    }
}

#[test]
fn claims_of_a_file_are_checked_at_their_place_in_it() {
    let place = Place::new();
    let good = "{ \"claims\": [\n  { \"model\": \"Sphere\", \"method\": \"Traces\", \"metric\": \"energy\",\n    \"value\": 1.0, \"tolerance\": 0.5, \"place\": \"made up\" }\n] }\n";
    let text = CURVED.replace("seed = 7", "seed = 7\nclaims = [\"claims.json\"]");
    let error = |claims: &str| {
        place.write("claims.json", claims);
        match likely_experiment::Spec::from_toml(&place.folder.path().join("spec.toml"), &text) {
            Ok(_) => panic!("the claims were accepted:\n{claims}"),
            Err(error) => error.to_string().replace(&format!("{}/", place.folder.path().display()), ""),
        }
    };
    let cases = [
        (
            "\"Sphere\"",
            "\"Spher\"",
            "claims.json:2:14: there is no model `Spher`, did you mean `Sphere`? there is: Sphere, Plane",
        ),
        (
            "\"Traces\"",
            "\"Trace\"",
            "claims.json:2:34: there is no method `Trace`, did you mean `Traces`? there is: ProbGEORCE, Inverse density, Traces",
        ),
        ("0.5", "-0.5", "claims.json:3:32: `claims[0].tolerance`: found -0.5, expected 0 or more"),
        (
            "\"energy\"",
            "\"enery\"",
            "claims.json:2:54: there is no entry in `metrics` called `enery`, did you mean `energy`? there is: energy, length, evaluations, iterations, best-regularised-energy, nearest-distance-mean",
        ),
        (
            "\"place\": \"made up\"",
            "\"lambda\": 3.0, \"place\": \"made up\"",
            "claims.json:3:47: the method `Traces` has no weight 3; it uses: none",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(error(&good.replace(old, new)), expected);
    }
    let starts = [
        ("\"value\"", "\"vlaue\"", "claims.json:3:11: this is no claim: unknown field `vlaue`"),
        ("\"claims\"", "\"claim\"", "claims.json:4:3: this is no claim: missing field `claims`"),
        ("1.0,", "1.0", "claims.json:3:18: this is no claim: expected `,` or `}`"),
    ];
    for (old, new, expected) in starts {
        let message = error(&good.replace(old, new));
        assert!(message.starts_with(expected) && message.contains("expected { \"claims\""), "{message}");
    }
    std::fs::remove_file(place.folder.path().join("claims.json")).unwrap();
    let missing = spec_error(&text);
    assert!(missing.starts_with("spec.toml:7:11: cannot read the claims claims.json: "), "{missing}");
}

#[test]
fn a_configuration_that_is_refused_as_a_whole_names_its_place() {
    let torus = "kind = \"torus\"\nconfig = { major = 1.0, minor = 3.0 }";
    let cases: &[Case] = &[
        (
            "kind = \"sphere\"\nconfig = { dim = 2 }",
            torus,
            "spec.toml:12:10: `geometry[0].config`: minor is 3 and major 1; minor must be less, or the tube meets the axis of the torus",
        ),
        (
            "kind = \"sphere\"\nconfig = { dim = 2 }",
            "kind = \"torus\"\n[geometry.config]\nmajor = 1.0\nminor = 3.0",
            "spec.toml:12:1: `geometry[0].config`: minor is 3 and major 1; minor must be less, or the tube meets the axis of the torus",
        ),
        (
            "kind = \"sphere\"\nconfig = { dim = 2 }",
            "kind = \"ellipsoid\"\nconfig = { dim = 2, semi-axes = [1.0, 2.0] }",
            "spec.toml:12:10: `geometry[0].config`: dim is 2 and there are 2 semi-axes; there must be one more than coordinates",
        ),
        (
            "kind = \"sphere\"\nconfig = { dim = 2 }",
            "kind = \"ellipsoid\"",
            "spec.toml:9:1: `geometry[0]`: neither dim nor semi-axes is given; give one of them",
        ),
        (
            "{ kind = \"inverse-density\" }",
            "{ kind = \"jacobi\" }",
            "spec.toml:32:12: `method[1].geometry` lacks the key `total`",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(spec_error(&curved_with(old, new)), *expected, "{new}");
    }
}

#[test]
fn a_formula_takes_no_geometry() {
    let mut refused = 0;
    for kind in likely_methods::ALL {
        let text = curved_with(
            "kind = \"prob-georce\"\nlabel = \"Inverse density\"",
            &format!("kind = \"{}\"\nlabel = \"Inverse density\"", kind.id),
        )
        .replace("config = { weight = { relative = 0.0 } }\n", "");
        match likely_experiment::Spec::from_toml(std::path::Path::new("spec.toml"), &text) {
            Ok(_) => {}
            Err(error) => {
                let expected = format!(
                    "spec.toml:32:12: the method `Inverse density` (kind `{}`) is a formula that minimises nothing in a geometry; remove `geometry`",
                    kind.id
                );
                assert_eq!(error.to_string(), expected);
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 7, "linear, lol, noise, noise-diffusion, norm-aware, slerp and variance-preserving");
    // A weight that is to be found is one all the same.
    let typical = "config = { weight = { typical = 0.5 } }";
    likely_experiment::Spec::from_toml(
        std::path::Path::new("spec.toml"),
        &curved_with("config = { weight = { relative = 0.0 } }", typical),
    )
    .unwrap();
}
