use likely_core::ImageShape;
use likely_images::{ImageSet, Resize};
use ndarray::{Array2, array};
use serde_json::Value;
use sha2::{Digest, Sha256};

const GOLDEN: &str = include_str!("../golden/resize.json");

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn sizes(value: &Value) -> [usize; 2] {
    let sizes = numbers(value);
    [sizes[0] as usize, sizes[1] as usize]
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn pictures_are_those_of_pillow_pytorch_and_tensorflow() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let (mut exact, mut single, mut near) = (0, 0, 0);
    for case in golden["cases"].as_array().unwrap() {
        let [height, width] = sizes(&case["from"]);
        let [to_height, to_width] = sizes(&case["to"]);
        let shape = ImageShape { channels: 1, height, width };
        let levels: Vec<u8> = numbers(&case["levels"]).iter().map(|level| *level as u8).collect();
        let set = ImageSet::new(shape, levels).unwrap();
        for (id, expected) in case["resized"].as_object().unwrap() {
            let way = Resize::find(id).unwrap_or_else(|| panic!("{id}"));
            let place = format!("{id} from {height}x{width} to {to_height}x{to_width}");
            if way.is_rounded() {
                let found = way.pictures(&set, to_height, to_width).unwrap();
                if let Some(hash) = expected.as_str() {
                    assert_eq!(sha256(found.pixels()), hash, "{place}");
                } else {
                    let expected: Vec<u8> = numbers(expected).iter().map(|level| *level as u8).collect();
                    assert_eq!(found.pixels(), expected, "{place}");
                }
                let (rows, to) = way.rows(set.rows().view(), shape, to_height, to_width).unwrap();
                assert_eq!((rows, to), (found.rows(), found.shape()), "{place}");
                exact += 1;
                continue;
            }
            let (found, to) = way.rows(set.rows().view(), shape, to_height, to_width).unwrap();
            assert_eq!((to.height, to.width), (to_height, to_width));
            // Pillow works on levels in single precision; torch-fidelity takes its weights in it.
            let (unit, tolerance, count) = match id.as_str() {
                "torch-bilinear" => (1.0, 1e-12, &mut near),
                "tensorflow1-bilinear" => (1.0, 2.0 * f64::from(f32::EPSILON), &mut near),
                _ => (255.0, 2.0 * f64::from(f32::EPSILON), &mut single),
            };
            *count += 1;
            let expected = numbers(expected);
            assert_eq!(found.len(), expected.len(), "{place}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected / unit).abs() <= tolerance,
                    "{place}: {found}, {}",
                    expected / unit
                );
            }
        }
    }
    assert_eq!((exact, single, near), (32, 28, 14));
}

#[test]
fn planes_do_not_mix_and_labels_stay() {
    let shape = ImageShape { channels: 3, height: 2, width: 2 };
    let set = ImageSet::new(shape, [[10; 4], [20; 4], [30; 4]].concat().repeat(2)).unwrap();
    let set = set.with_labels(vec![4, 5]).unwrap();
    let found = Resize::find("pillow-lanczos").unwrap().pictures(&set, 1, 3).unwrap();
    assert_eq!(found.pixels(), [[10; 3], [20; 3], [30; 3]].concat().repeat(2));
    assert_eq!(found.labels(), set.labels());
}

#[test]
fn overshoots_stay_in_numbers_and_are_cut_in_levels() {
    let shape = ImageShape { channels: 1, height: 1, width: 4 };
    let edge = array![[0.0, 0.0, 1.0, 1.0]];
    let wide = |id: &str| Resize::find(id).unwrap().rows(edge.view(), shape, 1, 16).unwrap().0;
    assert!(wide("pillow-float-bicubic").iter().any(|value| *value > 1.0));
    assert!(wide("pillow-bicubic").iter().all(|value| (0.0..=1.0).contains(value)));
}

#[test]
fn what_cannot_be_resized_is_refused() {
    let shape = ImageShape { channels: 1, height: 2, width: 2 };
    let way = Resize::find("torch-bilinear").unwrap();
    let refused = |rows: Array2<f64>, height: usize, expected: &str| {
        let error = way.rows(rows.view(), shape, height, 2).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(array![[0.0, 0.5, 1.0]], 2, "rows of 3 numbers");
    refused(array![[0.0, 0.5, 1.0, f64::NAN]], 2, "picture 0 has NaN at place 3");
    refused(array![[0.0, 0.5, 1.0, 1.5]], 2, "1.5 at place 3");
    refused(array![[0.0, 0.5, 1.0, 1.0]], 0, "0 x 2");
    refused(array![[0.0, 0.5, 1.0, 1.0]], usize::MAX, "from 1 to 16384");
    let set = ImageSet::new(shape, vec![0; 4]).unwrap();
    let error = way.pictures(&set, 4, 4).unwrap_err().to_string();
    assert!(error.contains("torch-bilinear") && error.contains("pillow-bicubic"), "{error}");
    assert!(Resize::find("bicubic").is_none());
}
