//! Bad specs: every message names file, line, column, the key, and what would be right.

use crate::support::{Place, SMALL, small_with, spec_error};

/// Replaces a text of the small spec, and what must be said then.
type Case = (&'static str, &'static str, &'static str);

const DRAW: &str = "[pairs]\ndraw = { from-dataset = { dataset = \"points\", count = 6 } }";
const MODEL: &str = "kind = \"kde\"\ndata = \"points\"\nconfig = { bandwidth = { fixed = 1.0 } }";

fn check(cases: &[Case]) {
    for (old, new, expected) in cases {
        assert_eq!(spec_error(&small_with(old, new)), *expected, "{new}");
    }
}

#[test]
fn unknown_and_missing_keys_name_what_is_accepted() {
    check(&[
        (
            "lambda = [0.0, 1.0, 10.0]",
            "lamda = [0.0, 1.0, 10.0]",
            "spec.toml:27:1: unknown key `lamda`, did you mean `lambda`? accepted: kind, label, lambda, geometry, config",
        ),
        (
            "segments = 12",
            "segment = 12",
            "spec.toml:5:1: unknown key `segment`, did you mean `segments`? accepted: id, version, title, paper, analysis, segments, seed, repetitions, metrics, claims, pairs, images, tolerance, tier, dataset, geometry, model, method, sampler, study, pair, table, saving, ranking, figure, claim",
        ),
        (
            "weight = { relative = 1.0 }",
            "wieght = { relative = 1.0 }",
            "spec.toml:26:12: unknown key `wieght`, did you mean `weight`? accepted: weight, line-search, start, tolerance, max-iterations, reduction, quadrature, penalty",
        ),
        (
            "seed = 7",
            "seed = 7\nseed = 8",
            "spec.toml:7:1: the key `seed` stands twice in this table; keep one",
        ),
        (
            "seed = 7",
            "seed = ",
            "spec.toml:6:8: this is not TOML: string values must be quoted, expected literal string",
        ),
        ("version = 1", "", "spec.toml:1:1: the spec lacks the key `version`"),
        (
            r#"dataset = "points", count = 6"#,
            r#"dataset = "points", cuont = 6"#,
            "spec.toml:30:47: unknown key `cuont`, did you mean `count`? accepted: dataset, count",
        ),
        (
            "[pairs]\n",
            "[tier.smok]\nlambda = [1.0]\n[pairs]\n",
            "spec.toml:29:7: unknown key `smok`, did you mean `smoke`? accepted: smoke, laptop, full",
        ),
    ]);
}

#[test]
fn names_that_do_not_exist_come_with_those_that_do() {
    check(&[
        (
            "weight = { relative = 1.0 }",
            "weight = { relativ = 1.0 }",
            "spec.toml:26:23: `method[1].config.weight` cannot be `relativ`, did you mean `relative`? choices: relative, absolute, continuous, typical",
        ),
        (
            "weight = { relative = 1.0 }",
            r#"weight = { relative = 1.0 }, line-search = "armjo""#,
            "spec.toml:26:55: `method[1].config.line-search` cannot be `armjo`, did you mean `armijo`? choices: decrease, armijo, armijo-released, adaptive",
        ),
        (
            r#"data = "points""#,
            r#"data = "pionts""#,
            "spec.toml:16:8: there is no dataset `pionts`, did you mean `points`? there is: points",
        ),
        (
            r#"methods = ["Linear", "ProbGEORCE"]"#,
            r#"methods = ["Linear", "ProbGeorce"]"#,
            "spec.toml:35:50: there is no method `ProbGeorce`, did you mean `ProbGEORCE`? there is: Linear, ProbGEORCE",
        ),
        (
            r#"metric = "energy""#,
            r#"metric = "length""#,
            "spec.toml:40:10: there is no entry in `metrics` called `length`; there is: log-likelihood-mean, energy, evaluations, typicality-gap",
        ),
        (
            r#"dataset = "points", count = 6"#,
            r#"dataset = "point", count = 6"#,
            "spec.toml:30:37: there is no dataset `point`, did you mean `points`? there is: points",
        ),
        (
            DRAW,
            "[[pair]]\nname = \"0\"\nstart = [1.0, 2.0]\nend = [1.0, 2.0]",
            "spec.toml:29:1: pair `0`: start and end are the same point, so there is nothing to interpolate; give two different points",
        ),
        (
            "[pairs]\n",
            "[tier.smoke]\nmethods = [\"Lin\"]\n[pairs]\n",
            "spec.toml:30:12: there is no method `Lin`; there is: Linear, ProbGEORCE",
        ),
        (
            "[pairs]\n",
            "[tolerance]\nlength = 1e-9\n[pairs]\n",
            "spec.toml:30:10: there is no entry in `metrics` called `length`; there is: log-likelihood-mean, energy, evaluations, typicality-gap",
        ),
        (
            "[pairs]\n",
            "[[sampler]]\nkind = \"eular\"\nlabel = \"E\"\n[pairs]\n",
            "spec.toml:30:8: there is no kind of sampler `eular`, did you mean `euler`? there is: euler, euler-maruyama",
        ),
    ]);
}

#[test]
fn a_kind_that_does_not_exist_comes_with_the_whole_table() {
    let list = |ids: &[&str]| ids.join(", ");
    let models: Vec<&str> = likely_models::ALL.iter().map(|kind| kind.id).collect();
    let methods: Vec<&str> = likely_methods::ALL.iter().map(|kind| kind.id).collect();
    assert_eq!(
        spec_error(&small_with(r#"kind = "kde""#, r#"kind = "gan""#)),
        format!("spec.toml:15:8: there is no kind of model `gan`; there is: {}", list(&models))
    );
    assert_eq!(
        spec_error(&small_with(r#"kind = "prob-georce""#, r#"kind = "prob-geroce""#)),
        format!(
            "spec.toml:24:8: there is no kind of method `prob-geroce`, did you mean `prob-georce`? there is: {}",
            list(&methods)
        )
    );
}

#[test]
fn numbers_out_of_range_and_wrong_types_name_the_key_however_deep() {
    check(&[
        (
            "weight = { relative = 1.0 }",
            r#"weight = { relative = "much" }"#,
            r#"spec.toml:26:34: `method[1].config.weight.relative`: found string "much", expected a number"#,
        ),
        (
            "weight = { relative = 1.0 }",
            "weight = { relative = nan }",
            "spec.toml:26:34: `method[1].config.weight.relative` is nan, but every number in a spec must be finite",
        ),
        (
            "weight = { relative = 1.0 }",
            "weight = { relative = -1.0 }",
            "spec.toml:26:21: `method[1].config.weight`: lambda is -1; it must be finite and not negative",
        ),
        (
            "weight = { relative = 1.0 }",
            r#"weight = { relative = 1.0 }, tolerance = "small""#,
            r#"spec.toml:26:53: `method[1].config.tolerance`: found string "small", expected a number"#,
        ),
        (
            "weight = { relative = 1.0 }",
            "weight = { relative = 1.0 }, max-iterations = -3",
            "spec.toml:26:58: `method[1].config.max-iterations`: found integer `-3`, expected an integer of 0 or more",
        ),
        (
            "lambda = [0.0, 1.0, 10.0]",
            "lambda = [0.0, inf]",
            "spec.toml:27:16: `method[1].lambda[1]` is inf, but every number in a spec must be finite",
        ),
        (
            "lambda = [0.0, 1.0, 10.0]",
            "lambda = [0.0, 1e999]",
            "spec.toml:27:16: `method[1].lambda[1]` is 1e999, but every number in a spec must be finite",
        ),
        (
            "lambda = [0.0, 1.0, 10.0]",
            "lambda = [0.0, -1.0]",
            "spec.toml:27:16: the weight `lambda` is -1; it must be 0 or more",
        ),
        (
            "lambda = [0.0, 1.0, 10.0]",
            "lambda = []",
            "spec.toml:27:10: `lambda` is empty; give at least one weight",
        ),
        (
            r#"label = "Linear""#,
            "label = \"Linear\"\nlambda = [1.0]",
            "spec.toml:22:10: the method `Linear` (kind `linear`) has no weight to sweep; remove `lambda`",
        ),
        (
            "seed = 7",
            "seed = -1",
            "spec.toml:6:8: `seed`: found integer `-1`, expected an integer of 0 or more",
        ),
        (
            "seed = 7",
            "seed = 1.5",
            "spec.toml:6:8: `seed`: found floating point `1.5`, expected an integer of 0 or more",
        ),
        (
            "seed = 7",
            "seed = 99999999999999999999",
            "spec.toml:6:8: `seed`: found integer `99999999999999999999`, expected an integer of 0 or more",
        ),
        ("segments = 12", "segments = 0", "spec.toml:5:12: `segments` is 0; it must be at least 1"),
        (
            "segments = 12",
            "segments = 4000000000",
            "spec.toml:5:12: `segments`: found 4000000000, expected at most 1000000",
        ),
        (
            "segments = 12",
            r#"segments = "twelve""#,
            r#"spec.toml:5:12: `segments`: found string "twelve", expected an integer of 0 or more"#,
        ),
        (
            r#"method = "Linear""#,
            r#"method = "ProbGEORCE""#,
            "spec.toml:37:1: the claim does not say which `lambda` of `ProbGEORCE` it is about: 0, 1, 10",
        ),
        (
            r#"dataset = "points", count = 6"#,
            r#"dataset = "points", count = 0"#,
            "spec.toml:30:55: `pairs.draw.from-dataset.count` is 0; it must be at least 1",
        ),
        (
            "[pairs]\n",
            "[tier.smoke]\nlambda = [-1.0]\n[pairs]\n",
            "spec.toml:30:11: the weight `lambda` is -1; it must be 0 or more",
        ),
    ]);
}

#[test]
fn entries_that_contradict_each_other_are_refused() {
    check(&[
        (
            "lambda = [0.0, 1.0, 10.0]",
            "lambda = [1.0, 1.0]",
            "spec.toml:27:16: there is a weight `1` already; rename or remove one of the two",
        ),
        (
            r#"id = "small""#,
            r#"id = "../small""#,
            "spec.toml:2:6: `id` is `../small`; use 1 to 64 of a-z, 0-9 and -, and no - in front",
        ),
        (
            r#""typicality-gap"]"#,
            r#""energy"]"#,
            "spec.toml:7:60: there is a metric `energy` already; rename or remove one of the two",
        ),
        (
            r#"label = "Linear""#,
            r#"label = "ProbGEORCE""#,
            "spec.toml:25:9: there is a method `ProbGEORCE` already; rename or remove one of the two",
        ),
        (
            r#"method = "Linear""#,
            "method = \"ProbGEORCE\"\nlambda = 5.0",
            "spec.toml:40:10: the method `ProbGEORCE` has no weight 5; it uses: 0, 1, 10",
        ),
        (
            DRAW,
            "",
            "spec.toml:1:1: the spec has methods but no pairs of end points; give either `[[pair]]` tables or one `[pairs]` table with `draw`",
        ),
        (
            "[pairs]\n",
            "[[pair]]\nname = \"0\"\nstart = [1.0, 2.0]\nend = [1.0, 3.0]\n\n[pairs]\n",
            "spec.toml:29:1: pairs are both listed and drawn; give either `[[pair]]` tables or one `[pairs]` table with `draw`",
        ),
        (
            DRAW,
            "[[pair]]\nname = \"0\"\nstart = [1.0, 2.0]\nend = [1.0, 2.0, 3.0]",
            "spec.toml:29:1: pair `0`: the start has 2 coordinates and the end has 3; they must agree",
        ),
        (
            r#"id = "curves""#,
            r#"id = "../curves""#,
            "spec.toml:33:6: `figure[0].id` is `../curves`; use 1 to 64 of a-z, 0-9 and -, and no - in front",
        ),
    ]);
}

#[test]
fn a_saving_speaks_of_methods_metrics_and_axes_that_there_are() {
    let with = |keys: &str, metrics: &str| {
        let saving = format!("[[saving]]\nid = \"saved\"\ntitle = \"Saved\"\n{keys}\n\n[[figure]]");
        small_with("[[figure]]", &saving).replace(r#""energy", "#, metrics)
    };
    let energy = r#""regularised-energy", "#;
    let good = "baseline = \"Linear\"\nmethods = [\"ProbGEORCE\"]\nrows = [\"model\", \"lambda\"]";
    let cases = [
        (good, "", "spec.toml:32:1: `saving[0]`: a saving needs `regularised-energy` in `metrics`"),
        (
            "baseline = \"Liner\"\nmethods = [\"ProbGEORCE\"]\nrows = [\"model\"]",
            energy,
            "spec.toml:35:12: there is no method `Liner`, did you mean `Linear`? there is: Linear, ProbGEORCE",
        ),
        (
            "baseline = \"Linear\"\nmethods = [\"ProbGEROCE\"]\nrows = [\"model\"]",
            energy,
            "spec.toml:36:12: there is no method `ProbGEROCE`, did you mean `ProbGEORCE`? there is: Linear, ProbGEORCE",
        ),
        (
            "baseline = \"Linear\"\nmethods = [\"Linear\"]\nrows = [\"model\"]",
            energy,
            "spec.toml:36:12: `saving[0].methods`: a method cannot be held against itself",
        ),
        (
            "baseline = \"Linear\"\nmethods = []\nrows = [\"model\"]",
            energy,
            "spec.toml:36:11: `saving[0].methods` is empty; give at least one method",
        ),
        (
            "baseline = \"Linear\"\nmethods = [\"ProbGEORCE\"]\nrows = [\"model\", \"method\"]",
            energy,
            "spec.toml:37:18: `saving[0].rows`: every method has rows of its own; name other axes",
        ),
        (
            "baseline = \"Linear\"\nmethods = [\"ProbGEORCE\"]\nrows = []",
            energy,
            "spec.toml:37:8: `saving[0].rows` is empty; give at least one axis",
        ),
    ];
    for (keys, metrics, expected) in cases {
        assert_eq!(spec_error(&with(keys, metrics)), expected, "{keys}");
    }
    let twice = with(good, energy).replace(
        "[[figure]]",
        &format!("[[saving]]\nid = \"saved\"\ntitle = \"Again\"\n{good}\n\n[[figure]]"),
    );
    assert_eq!(
        spec_error(&twice),
        "spec.toml:40:6: there is a table or saving `saved` already; rename or remove one of the two"
    );
}

#[test]
fn a_ranking_speaks_of_a_method_a_metric_and_axes_that_there_are() {
    let with = |keys: &str| {
        let ranking = format!("[[ranking]]\nid = \"standing\"\ntitle = \"Standing\"\n{keys}\n\n[[figure]]");
        small_with("[[figure]]", &ranking)
    };
    let good = "method = \"ProbGEORCE\"\nmetric = \"log-likelihood-mean\"\nrows = [\"model\"]";
    let cases = [
        (
            good.replace("\"ProbGEORCE\"", "\"ProbGEROCE\""),
            "spec.toml:35:10: there is no method `ProbGEROCE`, did you mean `ProbGEORCE`? there is: Linear, ProbGEORCE",
        ),
        (
            good.replace("log-likelihood-mean", "length"),
            "spec.toml:36:10: there is no entry in `metrics` called `length`; there is: log-likelihood-mean, energy, evaluations, typicality-gap",
        ),
        (
            format!("{good}\nmethods = [\"ProbGEORCE\"]"),
            "spec.toml:38:11: `ranking[0].methods`: a method cannot be held against itself",
        ),
        (
            format!("{good}\nlambda = 3.0"),
            "spec.toml:38:10: the method `ProbGEORCE` has no weight 3; it uses: 0, 1, 10",
        ),
        (
            good.replace("[\"model\"]", "[]"),
            "spec.toml:37:8: `ranking[0].rows` is empty; give at least one axis",
        ),
        (
            good.replace("[\"model\"]", "[\"lambda\"]"),
            "spec.toml:37:8: `ranking[0].rows`: methods at their weights are what is ranked in a row; name other axes",
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(spec_error(&with(&keys)), expected, "{keys}");
    }
}

#[test]
fn a_study_takes_a_geometry_only_where_it_can_use_it() {
    let with =
        |study: &str| small_with("[[figure]]", &format!("[[study]]\nlabel = \"S\"\n{study}\n\n[[figure]]"));
    let cases = [
        (
            "kind = \"frechet-mean\"\ngeometry = { kind = \"monge\" }",
            "spec.toml:35:12: `study[0].geometry`: `frechet-mean` with this configuration works on the background of the model; leave the geometry out",
        ),
        (
            "kind = \"mean-curves\"\ngeometry = { kind = \"mongo\" }",
            "spec.toml:35:21: there is no kind of derived geometry `mongo`, did you mean `monge`? there is: conformal-energy, conformal-energy-inverse, conformal-energy-inverse-released, conformal-energy-released, density-fisher-rao, generative, generative-released, inverse-density, inverse-density-released, jacobi, jacobian, monge, monge-collapsed, pull-back",
        ),
    ];
    let more = [
        (
            "kind = \"image-curves\"\ngeometry = { kind = \"pull-back\" }",
            "spec.toml:35:12: `study[0].geometry`: `image-curves` with this configuration works on the background of the model; leave the geometry out",
        ),
        (
            "kind = \"image-curves\"\nconfig = { method = \"prob-georce\" }\ngeometry = { kind = \"pull-back\", config = { scale = 2.0 } }",
            "spec.toml:36:45: unknown key `scale`; accepted: ridge",
        ),
        (
            "kind = \"image-curves\"\nconfig = { method = \"prob-georce\" }\ngeometry = { kind = \"pull-back\", config = { ridge = -1.0 } }",
            "spec.toml:36:53: `study[0].geometry.config.ridge`: -1 is not a finite number of 0 or more",
        ),
    ];
    for (study, expected) in cases.into_iter().chain(more) {
        assert_eq!(spec_error(&with(study)), expected, "{study}");
    }
}

#[test]
fn an_unknown_metric_comes_with_all_metrics() {
    let message = spec_error(&small_with("[\"log-likelihood-mean\",", "[\"log-likelihod-mean\","));
    let start = "spec.toml:7:12: there is no metric `log-likelihod-mean`, did you mean `log-likelihood-mean`? there is: ";
    let listed: Vec<&str> = message.strip_prefix(start).unwrap().split(", ").collect();
    assert!(listed.contains(&"energy") && listed.contains(&"nearest-distance-mean"), "{message}");
    assert!(listed.is_sorted(), "{message}");
}

#[test]
fn what_only_planning_can_find_names_its_place_too() {
    let cases: &[Case] = &[
        (
            "bandwidth = { fixed = 1.0 }",
            "bandwidth = { fixed = -1.0 }",
            "spec.toml:17:34: `model[0].config.bandwidth.fixed`: found floating point `-1.0`, expected a finite number above 0",
        ),
        (
            "bandwidth = { fixed = 1.0 }",
            "bandwith = { fixed = 1.0 }",
            "spec.toml:17:12: unknown key `bandwith`, did you mean `bandwidth`? accepted: bandwidth",
        ),
        (
            "bandwidth = { fixed = 1.0 }",
            r#"bandwidth = "scot""#,
            "spec.toml:17:24: `model[0].config.bandwidth` cannot be `scot`, did you mean `scott`? choices: fixed, scott, silverman",
        ),
        (
            r#"file = "points.csv""#,
            r#"file = "nothing.csv""#,
            "spec.toml:9:1: dataset `points`: data absent: there is no file nothing.csv; put it there, or name the one that is meant",
        ),
        (
            r#"file = "points.csv""#,
            "file = \"points.csv\"\ncolumns = [\"x\", \"z\"]",
            "spec.toml:9:1: dataset `points`: points.csv: there is no column `z`; there is: x, y",
        ),
        (
            r#"data = "points""#,
            "",
            r#"spec.toml:13:1: model `KDE`: model `kde` is fitted to points; name a data set with `data = "..."`"#,
        ),
        (
            MODEL,
            "kind = \"chi-square-norm\"\nconfig = { dim = 4000000000 }",
            "spec.toml:5:12: a curve of 12 segments in 4000000000 dimensions (model `KDE`) has more than 134217728 numbers; use fewer segments",
        ),
        (
            MODEL,
            "kind = \"chi-square-norm\"\nconfig = { dim = 3 }",
            "spec.toml:29:8: pair `0` has 2 coordinates where the model `KDE` has 3; they must agree",
        ),
        (
            r#"file = "points.csv""#,
            r#"file = "same.csv""#,
            "spec.toml:30:8: pairs cannot be drawn from `points`: it has no two different points",
        ),
        (
            DRAW,
            "[[pair]]\nname = \"0\"\nstart = [1.0, 2.0, 1.0]\nend = [1.0, 2.0, 3.0]",
            "spec.toml:29:1: pair `0` has 3 coordinates where the model `KDE` has 2; they must agree",
        ),
    ];
    let place = Place::new();
    place.write("same.csv", "x,y\n1,2\n1,2\n");
    for (old, new, expected) in cases {
        assert_eq!(place.plan_error(&small_with(old, new)), *expected, "{new}");
    }
}

#[test]
fn an_unreadable_spec_is_named() {
    let error = likely_experiment::Spec::read(std::path::Path::new("no/such.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the spec no/such.toml: "), "{error}");
}

#[test]
fn no_damage_to_a_spec_makes_reading_it_panic() {
    let read = |text: &str| likely_experiment::Spec::from_toml(std::path::Path::new("spec.toml"), text);
    let mut refused = 0;
    for end in 0..SMALL.len() {
        refused += usize::from(read(&SMALL[..end]).is_err());
    }
    for at in 0..SMALL.len() {
        for byte in ["", "\"", "[", "=", "é", "9", "\0"] {
            let text = format!("{}{byte}{}", &SMALL[..at], &SMALL[at + 1..]);
            if let Err(error) = read(&text) {
                assert!(error.to_string().starts_with("spec.toml:"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > SMALL.len(), "{refused}");
    for opening in ["[", "{ a = ", "[{ a = "] {
        let text = format!("id = {}", opening.repeat(100_000));
        assert!(read(&text).unwrap_err().to_string().contains("not TOML"));
    }
}
