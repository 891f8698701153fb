//! Feature networks of published distances beside PyTorch, with made-up weights.

use likely_core::{FeatureNetwork, ImageShape};
use likely_models::{BuildError, Weights, feature_network};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

#[derive(Debug, Deserialize)]
struct Golden {
    pictures: Vec<Size>,
    cases: Vec<Case>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Size {
    height: usize,
    width: usize,
    channels: usize,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    picture: usize,
    single: f64,
    every: usize,
    features: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/feature-networks.json")).unwrap()
}

/// Numbers in [0, 1), as `scripts/golden_inception.py` has them.
fn uniform(key: u32, count: usize) -> impl Iterator<Item = f64> {
    (0..count as u32).map(move |i| {
        let mut x = i.wrapping_add(key.wrapping_mul(0x9E37_79B9));
        x ^= x >> 16;
        x = x.wrapping_mul(0x7FEB_352D);
        x ^= x >> 15;
        x = x.wrapping_mul(0x846C_A68B);
        x ^= x >> 16;
        f64::from(x) / 4_294_967_296.0
    })
}

fn made_up(key: u32, name: &str, shape: &[usize]) -> Vec<f32> {
    let taps: usize = shape[1..].iter().product();
    let scale = (24.0 / taps as f64).sqrt();
    let near_one = name.ends_with("bn.weight") || name.ends_with("running_var");
    uniform(key, shape.iter().product())
        .map(|u| match (shape.len() > 1, near_one) {
            (true, _) => (u - 0.5) * scale,
            (false, true) => 1.0 + 0.5 * (u - 0.5),
            (false, false) => 0.5 * (u - 0.5),
        } as f32)
        .collect()
}

/// The picture as a row in [0, 1].
fn picture(key: u32, size: Size) -> (Array2<f64>, ImageShape) {
    let Size { height, width, channels } = size;
    let slope = [0.6, 0.3, 0.1];
    let levels = uniform(1000 + key, channels * height * width).enumerate().map(|(i, noise)| {
        let (channel, column) = (i / (height * width), i % width);
        (256.0 * (0.4 * noise + column as f64 / width as f64 * slope[channel])).floor() / 255.0
    });
    let row = Array2::from_shape_vec((1, channels * height * width), levels.collect()).unwrap();
    (row, ImageShape { channels, height, width })
}

/// Convolutions of Inception v3: name, outputs, inputs, height and width of the kernel.
fn convolutions() -> Vec<(String, [usize; 4])> {
    let mut all = Vec::new();
    let mut add = |name: String, shape: [usize; 4]| all.push((name, shape));
    for (name, shape) in [
        ("Conv2d_1a_3x3", [32, 3, 3, 3]),
        ("Conv2d_2a_3x3", [32, 32, 3, 3]),
        ("Conv2d_2b_3x3", [64, 32, 3, 3]),
        ("Conv2d_3b_1x1", [80, 64, 1, 1]),
        ("Conv2d_4a_3x3", [192, 80, 3, 3]),
        ("Mixed_6a.branch3x3", [384, 288, 3, 3]),
        ("Mixed_6a.branch3x3dbl_1", [64, 288, 1, 1]),
        ("Mixed_6a.branch3x3dbl_2", [96, 64, 3, 3]),
        ("Mixed_6a.branch3x3dbl_3", [96, 96, 3, 3]),
        ("Mixed_7a.branch3x3_1", [192, 768, 1, 1]),
        ("Mixed_7a.branch3x3_2", [320, 192, 3, 3]),
        ("Mixed_7a.branch7x7x3_1", [192, 768, 1, 1]),
        ("Mixed_7a.branch7x7x3_2", [192, 192, 1, 7]),
        ("Mixed_7a.branch7x7x3_3", [192, 192, 7, 1]),
        ("Mixed_7a.branch7x7x3_4", [192, 192, 3, 3]),
    ] {
        add(name.to_owned(), shape);
    }
    for (name, inputs, pool) in [("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)] {
        for (branch, shape) in [
            ("branch1x1", [64, inputs, 1, 1]),
            ("branch5x5_1", [48, inputs, 1, 1]),
            ("branch5x5_2", [64, 48, 5, 5]),
            ("branch3x3dbl_1", [64, inputs, 1, 1]),
            ("branch3x3dbl_2", [96, 64, 3, 3]),
            ("branch3x3dbl_3", [96, 96, 3, 3]),
            ("branch_pool", [pool, inputs, 1, 1]),
        ] {
            add(format!("Mixed_{name}.{branch}"), shape);
        }
    }
    for (name, c) in [("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)] {
        for (branch, shape) in [
            ("branch1x1", [192, 768, 1, 1]),
            ("branch7x7_1", [c, 768, 1, 1]),
            ("branch7x7_2", [c, c, 1, 7]),
            ("branch7x7_3", [192, c, 7, 1]),
            ("branch7x7dbl_1", [c, 768, 1, 1]),
            ("branch7x7dbl_2", [c, c, 7, 1]),
            ("branch7x7dbl_3", [c, c, 1, 7]),
            ("branch7x7dbl_4", [c, c, 7, 1]),
            ("branch7x7dbl_5", [192, c, 1, 7]),
            ("branch_pool", [192, 768, 1, 1]),
        ] {
            add(format!("Mixed_{name}.{branch}"), shape);
        }
    }
    for (name, inputs) in [("7b", 1280), ("7c", 2048)] {
        for (branch, shape) in [
            ("branch1x1", [320, inputs, 1, 1]),
            ("branch3x3_1", [384, inputs, 1, 1]),
            ("branch3x3_2a", [384, 384, 1, 3]),
            ("branch3x3_2b", [384, 384, 3, 1]),
            ("branch3x3dbl_1", [448, inputs, 1, 1]),
            ("branch3x3dbl_2", [384, 448, 3, 3]),
            ("branch3x3dbl_3a", [384, 384, 1, 3]),
            ("branch3x3dbl_3b", [384, 384, 3, 1]),
            ("branch_pool", [192, inputs, 1, 1]),
        ] {
            add(format!("Mixed_{name}.{branch}"), shape);
        }
    }
    all
}

/// Names and shapes of the tensors of a file of pytorch-fid, sorted.
fn inception_tensors() -> BTreeMap<String, Vec<usize>> {
    let mut tensors = BTreeMap::new();
    for (name, shape) in convolutions() {
        tensors.insert(format!("{name}.conv.weight"), shape.to_vec());
        for what in ["weight", "bias", "running_mean", "running_var"] {
            tensors.insert(format!("{name}.bn.{what}"), vec![shape[0]]);
        }
    }
    tensors
}

fn inception_weights() -> Weights {
    let mut weights = Weights::new();
    for (key, (name, shape)) in inception_tensors().into_iter().enumerate() {
        let values = made_up(key as u32, &name, &shape);
        weights.insert(name, &shape, values).unwrap();
    }
    weights
}

/// Shapes of the weights of `MobileNetV2`, in order.
fn mobilenet_shapes() -> Vec<[usize; 4]> {
    let mut shapes = vec![[48, 3, 3, 3]];
    let mut inputs = 48;
    for (expansion, outputs, count) in
        [(1, 24, 1), (6, 32, 2), (6, 48, 3), (6, 88, 4), (6, 136, 3), (6, 224, 3), (6, 448, 1)]
    {
        for _ in 0..count {
            if expansion > 1 {
                shapes.push([expansion * inputs, inputs, 1, 1]);
            }
            shapes.extend([[expansion * inputs, 1, 3, 3], [outputs, expansion * inputs, 1, 1]]);
            inputs = outputs;
        }
    }
    shapes.push([1792, inputs, 1, 1]);
    shapes
}

fn mobilenet_weights() -> Weights {
    let mut weights = Weights::new();
    for (k, shape) in mobilenet_shapes().iter().enumerate() {
        let key = 2000 + 2 * k as u32;
        let bias = made_up(key + 1, "bias", &shape[..1]);
        weights.insert(format!("convolutions.{k}.weight"), shape, made_up(key, "weight", shape)).unwrap();
        weights.insert(format!("convolutions.{k}.bias"), &shape[..1], bias).unwrap();
    }
    weights
}

/// A folder with the made-up weights of both networks, written once.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        inception_weights().write(&folder.path().join("inception.safetensors")).unwrap();
        mobilenet_weights().write(&folder.path().join("mobilenet.safetensors")).unwrap();
        folder
    });
    folder.path()
}

fn build(folder: &Path, config: &str) -> Result<Box<dyn FeatureNetwork>, BuildError> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text).expect("valid TOML");
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    feature_network(toml::Spanned::new(span, table), folder)
}

/// The network whose numbers carry `id`.
fn named(id: &str) -> Box<dyn FeatureNetwork> {
    let (base, features) = match id.rsplit_once('-') {
        Some((base, tap @ ("768" | "192" | "64"))) => (base, format!(", features = {tap}")),
        _ => (id, String::new()),
    };
    let weights = if id.starts_with("mobilenet") { "mobilenet" } else { "inception" };
    let config = format!("id = \"{base}\", weights = \"{weights}.safetensors\"{features}");
    let network = build(folder(), &config).unwrap();
    assert_eq!(network.id(), id);
    network
}

/// The root mean square of the difference over that of the second.
fn gap(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let sum = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>();
    let difference = sum(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
    (difference / sum(&mut expected.iter().copied())).sqrt()
}

#[test]
fn features_are_those_of_pytorch() {
    let Golden { pictures, cases } = golden();
    let mut networks = BTreeMap::new();
    for case in &cases {
        let network = networks.entry(case.id.as_str()).or_insert_with(|| named(&case.id));
        let (row, shape) = picture(case.picture as u32, pictures[case.picture]);
        let features = network.features(row.view(), shape).unwrap();
        assert_eq!(features.dim(), (1, network.dim()), "{}", case.id);
        let found: Vec<f64> = features.row(0).iter().copied().step_by(case.every).collect();
        // What PyTorch's own single precision makes of it, which rounds as often.
        let (gap, most) = (gap(&found, &case.features), 2.0 * case.single + 1e-7);
        assert!(gap < most, "{}, picture {}: {gap:e}, at most {most:e}", case.id, case.picture);
    }
    assert_eq!((cases.len(), networks.len()), (20, 8));
}

#[test]
fn features_do_not_depend_on_the_images_beside_nor_on_threads() {
    let network = named("fid-inception-v3-192");
    let Golden { pictures, .. } = golden();
    let (row, shape) = picture(0, pictures[0]);
    let (other, _) = picture(7, pictures[0]);
    let alone = network.features(row.view(), shape).unwrap();
    let together = concatenate![Axis(0), other, row, other];
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| network.features(together.view(), shape).unwrap());
        assert_eq!(found.row(1), alone.row(0));
        assert_eq!(found.row(0), found.row(2));
    }
    let none = network.features(together.slice(s![..0, ..]), shape).unwrap();
    assert_eq!(none.dim(), (0, 192));
}

#[test]
fn pictures_that_no_network_can_see_are_refused() {
    let network = named("mobilenet-v2-nsfwjs");
    let features = |rows: ArrayView2<'_, f64>, channels, height, width| {
        network.features(rows, ImageShape { channels, height, width })
    };
    // One pixel is a plain picture, whatever the resize.
    let pixel = features(Array2::from_elem((1, 1), 0.2).view(), 1, 1, 1).unwrap();
    let plain = features(Array2::from_elem((1, 3 * 9 * 9), 0.2).view(), 3, 9, 9).unwrap();
    assert_eq!(pixel, plain);
    for (rows, shape, part) in [
        (Array2::from_elem((1, 4), 0.5), [1, 3, 3], "rows of 4 numbers are no pictures of shape 1x3x3"),
        (Array2::from_elem((1, 8), 0.5), [2, 2, 2], "grey or coloured pictures, not those of shape 2x2x2"),
        (Array2::from_elem((1, 4), 1.5), [1, 2, 2], "picture 0 has 1.5 at place 0"),
        (Array2::from_elem((1, 4), f64::NAN), [1, 2, 2], "picture 0 has NaN at place 0"),
    ] {
        let wrong = features(rows.view(), shape[0], shape[1], shape[2]).unwrap_err().to_string();
        assert!(wrong.contains(part), "{wrong}");
    }
}

/// The message for weights in which `change` was made.
fn refused(change: impl FnOnce(&mut BTreeMap<String, (Vec<usize>, Vec<f32>)>)) -> String {
    let mut tensors = BTreeMap::new();
    for (name, shape) in inception_tensors() {
        let count = shape.iter().product();
        tensors.insert(name, (shape, vec![0.5; count]));
    }
    change(&mut tensors);
    let mut weights = Weights::new();
    for (name, (shape, values)) in tensors {
        weights.insert(name, &shape, values).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    weights.write(&folder.path().join("w.safetensors")).unwrap();
    match build(folder.path(), "id = \"fid-inception-v3\", weights = \"w.safetensors\"") {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn weights_that_are_not_those_of_the_network_are_refused_by_name() {
    let scale = "Mixed_6e.branch7x7dbl_4.bn.weight";
    let missing = refused(|tensors| drop(tensors.remove(scale)));
    assert!(missing.contains(&format!("tensor `{scale}` of shape [192] is missing")), "{missing}");
    let shape = refused(|tensors| drop(tensors.insert(scale.to_owned(), (vec![3], vec![1.0; 3]))));
    assert!(shape.contains(&format!("tensor `{scale}` has shape [3] where [192] is needed")), "{shape}");
    let extra = refused(|tensors| drop(tensors.insert("logits.weight".to_owned(), (vec![1], vec![1.0]))));
    assert!(extra.contains("tensor `logits.weight` is not one of the network's"), "{extra}");
    let variance = refused(|tensors| {
        tensors.get_mut("Conv2d_2a_3x3.bn.running_var").unwrap().1[5] = -0.25;
    });
    assert!(variance.contains("has the variance -0.25 at channel 5"), "{variance}");
    let tolerated = refused(|tensors| {
        for name in [
            "fc.weight",
            "fc.bias",
            "AuxLogits.conv0.conv.weight",
            "Mixed_7c.branch_pool.bn.num_batches_tracked",
        ] {
            tensors.insert(name.to_owned(), (vec![2], vec![1.0; 2]));
        }
    });
    assert_eq!(tolerated, "");
}

#[test]
fn files_that_hold_no_weights_are_refused_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    // The first bytes of a file of torch.save, which is an archive.
    write("a.pth", b"PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00archive/data.pkl");
    write("empty.safetensors", b"");
    let mut weights = mobilenet_weights().to_bytes();
    let end = weights.len();
    weights[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    write("nan.safetensors", &weights);
    for (config, part) in [
        ("id = \"fid-inception-v3\", weights = \"a.pth\"", "scripts/convert_inception.py"),
        ("id = \"fid-inception-v3\", weights = \"empty.safetensors\"", "it has 0 bytes"),
        ("id = \"fid-inception-v3\", weights = \"absent.safetensors\"", "absent.safetensors"),
        ("id = \"mobilenet-v2-nsfwjs\", weights = \"nan.safetensors\"", "numbers that are not finite"),
        ("id = \"fid-inception-v3\"", "missing field `weights`"),
        (
            "id = \"fid-inception-v3\", weights = \"a.pth\", features = 100",
            "2048, 768, 192 or 64 features, not 100",
        ),
        ("id = \"mobilenet-v2-nsfwjs\", weights = \"a.pth\", features = 64", "features"),
    ] {
        let Err(error) = build(folder.path(), config) else { panic!("{config} was accepted") };
        assert!(error.to_string().contains(part), "{config}: {error}");
    }
    let hash = "00".repeat(32);
    let pinned =
        format!("id = \"mobilenet-v2-nsfwjs\", weights = \"mobilenet.safetensors\", sha256 = \"{hash}\"");
    let Err(error) = build(self::folder(), &pinned) else { panic!("another file was accepted") };
    assert!(error.to_string().contains(&format!("and {hash} was asked for")), "{error}");
    let sha256 = named("mobilenet-v2-nsfwjs").weights_sha256().to_owned();
    let pinned = pinned.replace(&hash, &sha256);
    assert!(build(self::folder(), &pinned).is_ok());
}

#[test]
fn a_network_that_overflows_gives_no_numbers() {
    let mut weights = Weights::new();
    for (name, tensor) in inception_weights().iter() {
        let factor = if name.ends_with("conv.weight") { 1e30 } else { 1.0 };
        let values = tensor.values().iter().map(|value| value * factor).collect();
        weights.insert(name, tensor.shape(), values).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    weights.write(&folder.path().join("large.safetensors")).unwrap();
    let config = "id = \"fid-inception-v3\", weights = \"large.safetensors\", features = 64";
    let network = build(folder.path(), config).unwrap();
    let (row, shape) = picture(1, golden().pictures[1]);
    let wrong = network.features(row.view(), shape).unwrap_err().to_string();
    assert!(wrong.contains("image 0: numbers inside the network are not finite"), "{wrong}");
}
