//! CPU time of the features of pictures on one thread, an image, as a JSON object: the smallest of several rounds over all of them.
//!
//!     side_by_side_features ID WEIGHTS.safetensors PICTURES.npy FEATURES.npy [ROUNDS]
//!
//! Writes the features, one row an image. `scripts/side_by_side_features.py` calls it.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_images::Reading;
use likely_models::feature_network;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [id, weights, pictures, out, rest @ ..] = &arguments[..] else {
        panic!("ID WEIGHTS.safetensors PICTURES.npy FEATURES.npy [ROUNDS]")
    };
    let rounds = rest.first().map_or(1, |rounds| rounds.parse().unwrap());
    let text = format!("id = \"{id}\"\nweights = \"{weights}\"");
    let network = feature_network(toml::de::DeTable::parse(&text).unwrap(), Path::new(".")).unwrap();
    let set = likely_images::open(Path::new(pictures), &Reading::default()).unwrap();
    let rows = set.rows();
    let (mut best, mut features) = (f64::INFINITY, None);
    for _ in 0..rounds {
        let begin = cpu_time::ProcessTime::now();
        features = Some(network.features(rows.view(), set.shape()).unwrap());
        best = best.min(begin.elapsed().as_secs_f64() / set.count() as f64);
    }
    let features = features.unwrap();
    let mut header = format!(
        "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}",
        features.nrows(),
        features.ncols()
    );
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(features.iter().flat_map(|value| value.to_le_bytes()));
    std::fs::write(out, bytes).unwrap();
    println!("{}", serde_json::json!({ "cpu_s": best, "weights": network.weights_sha256() }));
}
