//! The specs of this project.

use likely_experiment::{Plan, PlanOptions, Spec, Tier};
use likely_models::OpenDevice;
use std::path::Path;

#[test]
fn every_spec_of_the_project_is_read_and_named_after_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let mut specs = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let spec = Spec::read(&path).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(path.file_stem().unwrap().to_str(), Some(spec.id()));
            specs += 1;
        }
    }
    assert!(specs > 0, "no spec in {}", folder.display());
}

#[test]
fn every_spec_of_the_project_plans_its_smoke_tier() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let mut cells = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let options = PlanOptions {
                program_sha256: String::new(),
                fields: false,
                device: OpenDevice::cpu().clone(),
            };
            let plan = Plan::new(&Spec::read(&path).unwrap(), Tier::Smoke, &options)
                .unwrap_or_else(|error| panic!("{error}"));
            assert!(!plan.record().cells.is_empty(), "{} plans nothing", path.display());
            cells += plan.record().cells.len();
        }
    }
    assert!(cells > 0, "no cell in {}", folder.display());
}
