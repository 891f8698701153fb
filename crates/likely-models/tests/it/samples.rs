//! The data: draws against densities.

use crate::support::{check_draws, difference};
use likely_core::Seed;
use likely_models::training::DataSource;
use likely_models::{BuildError, DATA, Resolved};
use std::path::Path;

pub(crate) fn data(id: &str, config: &str, folder: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    let entry = DATA.iter().find(|entry| entry.id == id).expect("in the table");
    (entry.build)(toml::Spanned::new(span, table), folder)
}

/// Written like the table of the Datasaurus dozen, with three points of each set.
const DOZEN: &str =
    "dataset\tx\ty\naway\t1.0\t2.0\ndino\t55.0\t97.0\ndino\t40.5\t20\ndino\t70\t48.0\nstar\t3\t4\n";

/// Data, configuration, and the box and step of a grid over it in every coordinate.
type Grid = (&'static str, &'static str, &'static [(f64, f64)], f64);

const GRIDS: &[Grid] = &[
    ("checkerboard", "", &[(-2.4, 2.4), (-2.4, 2.4)], 0.02),
    ("circle-3d", "", &[(-1.8, 1.8), (-1.8, 1.8), (-0.9, 0.9)], 0.05),
    ("dino", "file = \"dozen.tsv\", noise = 2.0", &[(-3.0, 3.0), (-4.2, 6.6)], 0.05),
    ("half-moons", "noise = 0.05", &[(-3.4, 5.0), (-2.8, 4.4)], 0.05),
    ("sine", "", &[(-3.0, 3.0), (-1.8, 1.8)], 0.02),
    ("two-moons", "", &[(-4.2, 4.2), (-4.2, 4.2)], 0.05),
];

#[test]
fn draws_follow_the_density_which_is_normalised() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dozen.tsv"), DOZEN).unwrap();
    for (id, config, sides, step) in GRIDS {
        let source = data(id, config, folder.path()).unwrap_or_else(|e| panic!("{id}: {e}")).built;
        assert_eq!(source.dim(), sides.len(), "{id}");
        let mut stream = Seed::new(1).stream(&[("test", id)]);
        let points = source.fresh(20_000, &mut stream).unwrap();
        check_draws(id, sides, (*step, 1e-6), points.view(), |at| source.log_density(at).unwrap());
    }
    // Events of the earth and two kinds of pictures are measured and not drawn.
    assert_eq!(GRIDS.len() + 3, DATA.len());
}

#[test]
fn a_split_is_a_function_of_the_seed_and_neither_count_moves_the_other_set() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dozen.tsv"), DOZEN).unwrap();
    for (id, config, ..) in GRIDS {
        let source = data(id, config, folder.path()).unwrap().built;
        let first = source.split(50, 20, Seed::new(3)).unwrap();
        assert_eq!(first, source.split(50, 20, Seed::new(3)).unwrap(), "{id}");
        assert_eq!(first.held_out, source.split(7, 20, Seed::new(3)).unwrap().held_out, "{id}");
        assert_eq!(first.training, source.split(50, 3, Seed::new(3)).unwrap().training, "{id}");
        assert_ne!(first, source.split(50, 20, Seed::new(4)).unwrap(), "{id}");
        assert_eq!((first.training.nrows(), first.held_out.nrows()), (50, 20), "{id}");
        assert!(first.training.rows().into_iter().all(|a| first.held_out.rows().into_iter().all(|b| a != b)));
        assert!(!source.about().description.is_empty() && !source.about().licence.is_empty());
        assert_eq!(source.split(0, 1, Seed::new(3)).unwrap().training.nrows(), 0);
    }
    let sine = data("sine", "", folder.path()).unwrap().built.split(7, 0, Seed::new(3)).unwrap().training;
    assert!(difference(sine.column(0), &[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]) < 1e-15);
}

#[test]
fn a_bad_file_of_the_dinosaur_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        std::fs::write(folder.path().join("dozen.tsv"), text).unwrap();
        data("dino", "file = \"dozen.tsv\"", folder.path()).err().expect("refused").to_string()
    };
    assert!(refused("").contains("empty"));
    assert!(refused("set\tx\ty\n").contains("`dataset`"));
    assert!(refused("dataset\tx\ty\ndino\t1.0\tabc\n").contains("line 2: column 3"));
    assert!(refused("dataset\tx\ty\ndino\t1.0\n").contains("line 2: column 3"));
    assert!(refused("dataset\tx\ty\ndino\tnan\t2\n").contains("line 2: column 2"));
    assert!(refused("dataset\tx\ty\nstar\t1.0\t2\n").contains("`dino`"));
    let missing = data("dino", "file = \"other.tsv\"", folder.path()).err().unwrap();
    assert!(matches!(missing, BuildError::Read { .. }), "{missing}");
    let of_folder = data("dino", "file = \".\"", folder.path()).err().unwrap();
    assert!(matches!(of_folder, BuildError::File { .. }), "{of_folder}");
    let unset = data("dino", "", folder.path()).err().unwrap();
    assert!(unset.to_string().contains("file"), "{unset}");
    for (id, config, place) in [("sine", "noise = 0.0", "0.0"), ("two-moons", "noise = 1.0", "noise")] {
        let Err(BuildError::Config(error)) = data(id, config, folder.path()) else { panic!("{id} {config}") };
        let text = format!("config = {{ {config} }}");
        assert_eq!(error.span().map(|span| &text[span]), Some(place), "{id} {config}");
    }
}
