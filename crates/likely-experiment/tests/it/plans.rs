//! Plans: which cells, from which numbers, under which identity.

use crate::support::{Place, SMALL, options, small_with};
use likely_experiment::{Plan, Tier};
use likely_record::CellKey;
use std::collections::BTreeSet;

fn keys(plan: &Plan) -> Vec<&CellKey> {
    plan.record().cells.iter().map(|cell| &cell.key).collect()
}

fn identity(place: &Place, text: &str, tier: Tier) -> String {
    place.plan(text, tier).record().identity.clone()
}

#[test]
fn cells_follow_the_order_of_the_spec_and_have_names_of_their_own() {
    let place = Place::new();
    let plan = place.plan(&SMALL.replace("seed = 7", "seed = 7\nrepetitions = 2"), Tier::Full);
    let keys = keys(&plan);
    assert_eq!(keys.len(), 48);
    let first: Vec<_> = keys[..3].iter().map(|key| (key.pair.as_str(), key.repetition)).collect();
    assert_eq!(first, [("0", 0), ("0", 1), ("1", 0)]);
    assert_eq!((keys[0].method.as_str(), keys[0].lambda), ("Linear", None));
    assert_eq!((keys[12].method.as_str(), keys[12].lambda), ("ProbGEORCE", Some(0.0)));
    assert_eq!(keys[47].lambda, Some(10.0));
    let hashes: BTreeSet<&str> = plan.record().cells.iter().map(|cell| cell.hash.as_str()).collect();
    assert_eq!(hashes.len(), 48);
    assert!(plan.record().cells.iter().all(|cell| cell.hash == cell.key.hash()));
}

#[test]
fn tiers_choose_models_methods_weights_pairs_repetitions_and_segments() {
    let place = Place::new();
    let text = small_with(
        "[pairs]",
        "[tier.smoke]\nmodels = [\"KDE\"]\nmethods = [\"ProbGEORCE\"]\nlambda = [5.0]\npairs = 2\nrepetitions = 3\nsegments = 4\n\n[pairs]",
    );
    let smoke = place.plan(&text, Tier::Smoke);
    assert_eq!(keys(&smoke).len(), 6);
    for key in keys(&smoke) {
        assert_eq!((key.method.as_str(), key.lambda, key.segments), ("ProbGEORCE", Some(5.0), 4));
    }
    assert_eq!(keys(&place.plan(&text, Tier::Laptop)).len(), 24);
    assert_eq!(smoke.record().tier, "smoke");
    assert_ne!(smoke.record().identity, identity(&place, &text, Tier::Laptop));
}

#[test]
fn a_tier_may_draw_more_pairs_than_the_spec_and_takes_the_first_listed_ones() {
    let place = Place::new();
    let pairs = |text: &str| {
        let plan = place.plan(
            &text.replace("[pairs]", "[tier.full]\npairs = 9\n[tier.smoke]\npairs = 1\n[pairs]"),
            Tier::Full,
        );
        keys(&plan).iter().map(|key| key.pair.clone()).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(pairs(SMALL), 9);
    let listed = "[[pair]]\nname = \"a\"\nstart = [0.0, 0.0]\nend = [1.0, 1.0]\n[[pair]]\nname = \"b\"\nstart = [0.0, 0.0]\nend = [2.0, 1.0]\n[tier.smoke]\npairs = 1\n";
    let text = small_with("[pairs]\ndraw = { from-dataset = { dataset = \"points\", count = 6 } }", listed);
    assert!(keys(&place.plan(&text, Tier::Smoke)).iter().all(|key| key.pair == "a"));
    assert_eq!(keys(&place.plan(&text, Tier::Full)).len(), 8);
}

#[test]
fn pairs_depend_on_seed_data_and_name_and_on_nothing_else() {
    let place = Place::new();
    let lines = |text: &str| {
        let plan = place.plan(text, Tier::Full);
        let (_, folder, _) = place.run(&plan, &format!("runs-{}", &plan.record().identity[..8]), 1);
        let run = likely_record::Run::read(&folder).unwrap();
        let ends = |cell: &likely_record::CellRecord| {
            let curve = run.curve(&cell.key.hash()).unwrap().values;
            (cell.key.pair.clone(), [curve[0], curve[1]], [curve[curve.len() - 2], curve[curve.len() - 1]])
        };
        run.cells.iter().filter(|cell| cell.key.method == "Linear").map(ends).collect::<Vec<_>>()
    };
    let base = lines(SMALL);
    assert_eq!(base.len(), 6);
    for (_, start, end) in &base {
        assert_ne!(start.map(f64::to_bits), end.map(f64::to_bits));
    }
    let fewer = lines(&SMALL.replace("count = 6", "count = 3"));
    assert_eq!(fewer, base[..3], "a pair does not change when others go");
    let other_methods =
        SMALL.replace("lambda = [0.0, 1.0, 10.0]", "lambda = [2.0]").replace("segments = 12", "segments = 5");
    assert_eq!(lines(&other_methods), base, "a pair does not change with the methods");
    assert_ne!(lines(&SMALL.replace("seed = 7", "seed = 8")), base);
}

#[test]
fn the_identity_moves_with_the_spec_the_data_the_program_and_not_with_comments() {
    let place = Place::new();
    let base = identity(&place, SMALL, Tier::Full);
    assert_eq!(identity(&place, &format!("# a comment\n{SMALL}"), Tier::Full), base);
    assert_eq!(
        identity(&place, &small_with("seed = 7", "seed = 7\nrepetitions = 1"), Tier::Full),
        base,
        "a default that is written out changes nothing"
    );
    assert_ne!(identity(&place, &small_with("seed = 7", "seed = 8"), Tier::Full), base);
    let mut options = options();
    options.program_sha256 = "1".repeat(64);
    let other = Plan::new(&place.spec(SMALL), Tier::Full, &options).unwrap();
    assert_ne!(other.record().identity, base);
    place.write("points.csv", "x,y\n0,1\n1,0\n2,3\n");
    assert_ne!(identity(&place, SMALL, Tier::Full), base);
}

#[test]
fn a_gpu_is_part_of_the_identity_and_not_of_the_keys_of_cells() {
    let place = Place::new();
    let plan = place.plan(SMALL, Tier::Full);
    assert_eq!(plan.device(), "cpu");
    let by = |device: &str| plan.identity_by(&options().program_sha256, device);
    assert_eq!(by("cpu"), plan.record().identity);
    assert_ne!(by("cuda:0 (NVIDIA A100)"), by("cpu"));
    assert_ne!(by("cuda:0 (NVIDIA A100)"), by("cuda:0 (NVIDIA H100)"));
    let keys = serde_json::to_string(&plan.record().cells).unwrap();
    assert!(!keys.contains("cpu") && !keys.contains("device"), "{keys}");
}

#[test]
fn a_parameter_file_of_a_model_belongs_to_the_identity() {
    let place = Place::new();
    let text = small_with("kind = \"kde\"", "kind = \"gmm\"")
        .replace("config = { bandwidth = { fixed = 1.0 } }", "config = { file = \"mixture.toml\" }");
    let mixture = |mean: &str| {
        format!("weights = [1.0]\nmeans = [[{mean}, 0.0]]\ncovariances = [[[1.0, 0.0], [0.0, 1.0]]]\n")
    };
    place.write("mixture.toml", mixture("0.0"));
    let plan = place.plan(&text, Tier::Full);
    assert_eq!(plan.data_sha256().keys().collect::<Vec<_>>(), ["mixture.toml", "points.csv"]);
    place.write("mixture.toml", mixture("1.0"));
    assert_ne!(identity(&place, &text, Tier::Full), plan.record().identity);
}

#[test]
fn the_resolved_spec_is_a_spec_and_resolves_to_itself() {
    let place = Place::new();
    let text = small_with("[pairs]", "[tier.smoke]\nlambda = [1.0]\n\n[tolerance]\nenergy = 1e-6\n\n[pairs]");
    let resolved = place.plan(&text, Tier::Full).resolved_spec().to_owned();
    for written_out in
        ["line-search = \"decrease\"", "repetitions = 1", "standardise = false", "reveal = \"potential\""]
    {
        assert!(resolved.contains(written_out), "{written_out} is not in\n{resolved}");
    }
    let again = place.plan(&resolved, Tier::Full);
    assert_eq!(again.resolved_spec(), resolved);
    assert_eq!(again.record().identity, identity(&place, &text, Tier::Full));
}

#[test]
fn the_density_of_a_figure_covers_the_points_with_a_margin() {
    let place = Place::new();
    let plan = place.plan(SMALL, Tier::Full);
    let [field] = &plan.presentation().fields[..] else { panic!("one field") };
    assert_eq!((field.grid.columns, field.grid.rows), (240, 180));
    assert_eq!(field.log_density.len(), 240 * 180);
    assert!(field.log_density.iter().all(|value| value.is_finite()));
    assert!(field.grid.x_min < 0.1 - 0.9 && field.grid.x_max > 9.3 + 0.9, "{:?}", field.grid);
    assert_eq!((field.points.len(), field.axes.clone()), (10, ["x".to_owned(), "y".to_owned()]));
    // The centre of each grid cell: the mass that the grid holds is close to 1.
    let cell =
        (field.grid.x_max - field.grid.x_min) * (field.grid.y_max - field.grid.y_min) / (240.0 * 180.0);
    let mass: f64 = field.log_density.iter().map(|value| value.exp() * cell).sum();
    assert!(mass > 0.5 && mass < 1.0, "{mass}");
}

#[test]
fn an_underflowing_density_is_drawn_as_the_lowest_value() {
    let place = Place::new();
    let text = small_with("fixed = 1.0", "fixed = 1e-3");
    let plan = place.plan(&text, Tier::Full);
    assert!(plan.presentation().fields[0].log_density.iter().all(|value| value.is_finite()));
}

#[test]
fn a_claim_about_a_method_with_one_weight_gets_that_weight() {
    let place = Place::new();
    let text =
        small_with("lambda = [0.0, 1.0, 10.0]", "").replace("method = \"Linear\"", "method = \"ProbGEORCE\"");
    assert_eq!(place.plan(&text, Tier::Full).presentation().claims[0].lambda, Some(1.0));
    assert_eq!(place.plan(SMALL, Tier::Full).presentation().claims[0].lambda, None);
}

#[test]
fn a_tier_is_not_held_to_claims_about_cells_that_it_leaves_out() {
    let place = Place::new();
    let text = small_with("[pairs]", "[tier.smoke]\nlambda = [1.0]\n\n[pairs]")
        .replace("method = \"Linear\"", "method = \"ProbGEORCE\"\nlambda = 10.0");
    assert_eq!(place.plan(&text, Tier::Full).presentation().claims.len(), 1);
    assert!(place.plan(&text, Tier::Smoke).presentation().claims.is_empty());
}

#[test]
fn a_tier_shows_the_savings_of_the_methods_that_it_runs() {
    let place = Place::new();
    let saving = "[[saving]]\nid = \"saved\"\ntitle = \"Saved\"\nbaseline = \"Linear\"\nmethods = [\"ProbGEORCE\", \"Slow\"]\nrows = [\"lambda\"]\n";
    let slow = "[[method]]\nkind = \"prob-georce\"\nlabel = \"Slow\"\n";
    let tiers = "[tier.smoke]\nmethods = [\"Linear\", \"Slow\"]\n[tier.laptop]\nmethods = [\"ProbGEORCE\", \"Slow\"]\n";
    let text = small_with("[pairs]", &format!("{slow}{saving}{tiers}[pairs]"))
        .replace("\"energy\", ", "\"energy\", \"regularised-energy\", ");
    let methods = |tier: Tier| {
        let plan = place.plan(&text, tier);
        plan.presentation().savings.iter().map(|saving| saving.methods.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(methods(Tier::Full), ["ProbGEORCE Slow"]);
    assert_eq!(methods(Tier::Smoke), ["Slow"]);
    assert!(methods(Tier::Laptop).is_empty(), "nothing is saved against a baseline that is not there");
    let resolved = place.plan(&text, Tier::Smoke).resolved_spec().to_owned();
    assert_eq!(place.plan(&resolved, Tier::Full).presentation().savings[0].methods.len(), 2);
}
