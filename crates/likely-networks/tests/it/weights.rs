//! Weights files: what is written is read back, by others too, and what is wrong is listed.

use likely_networks::{Activation, Dense, Expected, Mlp, MlpShape, Problems, Weights, WeightsError};
use proptest::prelude::*;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::path::Path;

fn example() -> Weights {
    let mut weights = Weights::new();
    for (name, shape, values) in [
        ("layers.0.weight", &[3, 2][..], vec![1.0, -2.0, 0.5, f32::MIN_POSITIVE, 3e38, -0.0]),
        ("layers.0.bias", &[3], vec![0.1, 0.2, 0.3]),
        ("scale", &[], vec![7.0]),
        ("none", &[0, 5], vec![]),
    ] {
        weights.insert(name, shape, values).expect("the tensors fit");
    }
    weights.metadata_mut().insert("trained-by".into(), "a test with \"quotes\"".into());
    weights.metadata_mut().insert("model".into(), "energy-network".into());
    weights
}

/// A file with the given header and this many bytes of numbers.
fn file(header: &str, numbers: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(std::iter::repeat_n(0_u8, numbers));
    bytes
}

fn refused(bytes: &[u8]) -> Vec<String> {
    match Weights::from_bytes(bytes) {
        Ok(_) => panic!("it was read"),
        Err(Problems(problems)) => {
            assert!(!problems.is_empty());
            problems
        }
    }
}

#[test]
fn what_is_written_is_read_back_with_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, "before").unwrap();
    let weights = example();
    let sha256 = weights.write(&path).unwrap();
    let stored = Weights::read(&path).unwrap();
    assert_eq!(stored.weights, weights);
    assert_eq!((&stored.sha256, &stored.weights.sha256()), (&sha256, &sha256));
    assert_eq!(sha256.len(), 64);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
    assert_eq!(std::fs::read(&path).unwrap(), weights.to_bytes());
    assert_eq!(weights.to_bytes(), example().to_bytes());
    assert_eq!(weights.count(), 10);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }
}

#[test]
fn the_safetensors_crate_reads_what_is_written_and_the_other_way_round() {
    let weights = example();
    let bytes = weights.to_bytes();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["model"], "energy-network");
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), 4);
    for (name, tensor) in weights.iter() {
        let other = theirs.tensor(name).unwrap();
        let values: Vec<u8> = tensor.values().iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!((other.shape(), other.data()), (tensor.shape(), &values[..]));
    }
    let views = theirs.tensors();
    let written = safetensors::serialize(views, header.metadata().clone()).unwrap();
    assert_eq!(Weights::from_bytes(&written).unwrap(), weights);
}

#[test]
fn hostile_files_are_refused_by_name() {
    let starts = |bytes: &[u8], expected: &str| {
        let problems = refused(bytes);
        assert!(problems[0].starts_with(expected), "{problems:?}");
    };
    starts(b"", "it has 0 bytes");
    starts(b"1234567", "it has 7 bytes");
    starts(b"a text that is no weights file at all", "it says that its header has");
    starts(&(1_u64 << 60).to_le_bytes(), "it says that its header has 1152921504606846976 bytes");
    starts(&u64::MAX.to_le_bytes(), "it says that its header has 18446744073709551615 bytes");
    starts(&[8, 0, 0, 0, 0, 0, 0, 0, b'{'], "its header should have 8 bytes, but the file ends after 1");
    starts(&file("[]", 0), "its header is no table of tensors");
    starts(&file("{\"a\":", 0), "its header is no table of tensors");
    starts(&file("\u{0}\u{0}", 0), "its header is no table of tensors");
    starts(&file(&"[".repeat(100_000), 0), "its header is no table of tensors");
    starts(&file(r#"{"__metadata__":{"steps":7}}"#, 0), "its metadata are not texts");
    let tensor = |entry: &str, numbers| file(&format!(r#"{{"a":{entry}}}"#), numbers);
    let entry = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    starts(&tensor("7", 0), "tensor `a`: ");
    starts(&tensor(&entry("F64", "[1]", 0, 8), 8), "tensor `a` has numbers of type F64; F32 is needed");
    starts(&tensor(&entry("Q4_K", "[1]", 0, 4), 4), "tensor `a` has numbers of type Q4_K");
    starts(&tensor(&entry("F32", "[-1]", 0, 4), 4), "tensor `a`: ");
    starts(&tensor(&entry("F32", "[3]", 0, 8), 8), "tensor `a` of shape [3] takes 12 bytes, but is said");
    starts(&tensor(&entry("F32", "[1]", 8, 4), 8), "tensor `a` of shape [1] takes 4 bytes, but is said");
    starts(&tensor(&entry("F32", "[4294967296,4294967296]", 0, 0), 0), "tensor `a` has shape");
    let huge = (1_u64 << 60).to_string();
    starts(
        &tensor(&entry("F32", &format!("[{huge}]"), 0, 1_u64 << 62), 8),
        "tensor `a` is said to lie from 0",
    );
    starts(&tensor(&entry("F32", "[2]", 4, 12), 12), "tensor `a` lies from byte 4, where 0 is needed");
    starts(&tensor(&entry("F32", "[2]", 0, 8), 12), "its tensors take 8 bytes, but there are 12");
    let two = |second| {
        let (first, second) = (entry("F32", "[1]", 0, 4), entry("F32", "[1]", second, second + 4));
        file(&format!(r#"{{"a":{first},"b":{second}}}"#), 8)
    };
    assert!(Weights::from_bytes(&two(4)).is_ok());
    starts(&two(0), "tensor `b` lies from byte 0, where 4 is needed");
    let one = entry("F32", "[1]", 0, 4);
    starts(&file(&format!(r#"{{"a":{one},"a":{one}}}"#), 4), "tensor `a` stands twice");
}

#[test]
fn a_file_that_is_cut_off_or_changed_anywhere_is_read_or_refused_but_never_panics() {
    let bytes = example().to_bytes();
    for end in 0..bytes.len() {
        refused(&bytes[..end]);
    }
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    for place in 0..8 + header {
        for byte in [0, b'0', b'9', b'"', b'}', b'[', 255] {
            let mut changed = bytes.clone();
            changed[place] = byte;
            if let Ok(weights) = Weights::from_bytes(&changed) {
                assert_eq!(weights.count(), 10);
            }
        }
    }
}

#[test]
fn everything_that_is_wrong_is_listed_at_once() {
    let mut bytes = example().to_bytes();
    let length = bytes.len();
    bytes[length - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let bias = length - 4 - 6 * 4 - 3 * 4;
    bytes[bias + 4..bias + 8].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert_eq!(
        refused(&bytes),
        [
            "tensor `layers.0.bias` has 1 numbers that are not finite; the first, inf, at [1]",
            "tensor `scale` has 1 numbers that are not finite; the first, NaN, at []",
        ]
    );

    let expected = [
        Expected::new("layers.0.weight", &[2, 3]),
        Expected::new("layers.0.bias", &[3]),
        Expected::new("layers.1.weight", &[1, 3]),
        Expected::new("scale", &[1]),
    ];
    let Problems(problems) = example().check(&expected).unwrap_err();
    assert_eq!(
        problems,
        [
            "the file says that it holds weights of a model `energy-network`",
            "tensor `layers.0.weight` has shape [3, 2] where [2, 3] is needed",
            "tensor `layers.1.weight` of shape [1, 3] is missing",
            "tensor `scale` has shape [] where [1] is needed",
            "tensor `none` is not one of the network's",
        ]
    );
    let many: Vec<Expected> = (0..9).map(|k| Expected::new(format!("layer.{k}"), &[1])).collect();
    let told = example();
    let all = 1 + many.len() + told.iter().count();
    let message = told.check(&many).unwrap_err().to_string();
    let start = "the file says that it holds weights of a model `energy-network`; tensor `layer.0` of shape [1] is missing; ";
    assert!(message.starts_with(start) && message.contains("`layer.3`"), "{message}");
    assert!(
        !message.contains("`layer.4`") && message.ends_with(&format!("; and {} more, {all} in all", all - 5)),
        "{message}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    example().write(&path).unwrap();
    let message = Weights::read_exactly(&path, &expected).unwrap_err().to_string();
    assert!(message.contains("model.safetensors: the file says that it holds"), "{message}");
    assert!(problems.iter().all(|problem| message.contains(problem)), "{message}");
}

#[test]
fn files_that_are_not_there_or_not_files_or_too_large_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Weights::read(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(missing, WeightsError::Read { .. }) && missing.to_string().contains("missing"));
    let not_a_file = Weights::read(folder.path()).unwrap_err().to_string();
    assert!(not_a_file.ends_with("it is not a file"), "{not_a_file}");
    let large = folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    let message = Weights::read(&large).unwrap_err().to_string();
    assert!(message.contains("it has 1099511627776 bytes"), "{message}");
    let nowhere = example().write(&folder.path().join("no/such/folder/file")).unwrap_err();
    assert!(matches!(nowhere, WeightsError::Write { .. }), "{nowhere}");
    assert!(matches!(example().write(Path::new("/")).unwrap_err(), WeightsError::Write { .. }));
}

#[test]
fn tensors_that_do_not_fit_are_not_added() {
    let mut weights = example();
    let Problems(problems) = weights.insert("scale", &[2], vec![f32::NAN]).unwrap_err();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(weights.insert("__metadata__", &[1], vec![0.0]).is_err());
    assert!(weights.insert("huge", &[usize::MAX, 2], vec![0.0; 2]).is_err());
    assert_eq!(weights, example());
    let message = weights.get("bias").unwrap_err().to_string();
    assert!(message.contains("`bias` is missing; there is: layers.0.bias, layers.0.weight"), "{message}");
}

#[test]
fn a_network_says_everything_that_its_weights_lack() {
    let shape = MlpShape::new(vec![2, 3, 4, 1], Activation::Tanh).unwrap();
    let Problems(problems) = Mlp::load(&example(), "layers", &shape).unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
    let shape = MlpShape::new(vec![3, 3, 4], Activation::Tanh).unwrap();
    let Problems(problems) = Mlp::load(&example(), "layers", &shape).unwrap_err();
    assert_eq!(problems[0], "tensor `layers.0.weight` has shape [3, 2] where [3, 3] is needed");
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(Dense::new(&[1.0; 5], &[1.0; 2]).is_err() && Dense::new(&[], &[]).is_err());
    let [a, b] = [6, 8].map(|count| Dense::new(&vec![0.0; count], &[0.0; 2]).unwrap());
    assert_eq!((b.inputs(), b.outputs()), (4, 2));
    let misfit = Mlp::new(vec![a, b], Activation::Elu).unwrap_err().to_string();
    assert_eq!(misfit, "layer 0 has 2 outputs, but layer 1 4 inputs");
    assert!(Mlp::new(vec![], Activation::Elu).is_err());
}

#[test]
fn the_description_of_a_network_is_checked_where_it_is_read() {
    let read = |text: &str| toml::from_str::<MlpShape>(text);
    let shape = read("widths = [2, 128, 128, 1]\nactivation = \"relu\"").unwrap();
    assert_eq!((shape.widths(), shape.activation()), (&[2, 128, 128, 1][..], Activation::Relu));
    assert_eq!(read(&toml::to_string(&shape).unwrap()).unwrap(), shape);
    let names: Vec<String> = shape.expected("net").into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names[..3], ["net.0.weight", "net.0.bias", "net.1.weight"]);
    for (text, wrong) in [
        ("widths = [2]\nactivation = \"relu\"", "[2] are no widths"),
        ("widths = [2, 0, 1]\nactivation = \"relu\"", "a layer of 0 numbers"),
        ("widths = [2, 1000000]\nactivation = \"relu\"", "a layer of 1000000 numbers"),
        ("widths = [2, 1]\nactivation = \"swish\"", "silu"),
        ("widths = [2, 1]\nactivation = \"relu\"\nbias = true", "bias"),
    ] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.contains(wrong), "{message}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Weights::from_bytes(&bytes);
    }

    #[test]
    fn any_header_is_read_or_refused(header in "[{}\\[\\]\":,0-9a-zF_]{0,120}", numbers in 0_usize..64) {
        let _ = Weights::from_bytes(&file(&header, numbers));
    }

    #[test]
    fn any_weights_survive_the_file(
        tensors in proptest::collection::btree_map(".{1,12}", (0_usize..4, 0_usize..4), 0..5),
        metadata in proptest::collection::btree_map(".{0,6}", ".{0,20}", 0..3),
    ) {
        let mut weights = Weights::new();
        for (name, (rows, columns)) in tensors {
            let values = (0..rows * columns).map(|k| k as f32 - 1.5).collect();
            weights.insert(name, &[rows, columns], values).unwrap();
        }
        *weights.metadata_mut() = metadata;
        let bytes = weights.to_bytes();
        prop_assert_eq!(Weights::from_bytes(&bytes).unwrap(), weights);
        prop_assert!(SafeTensors::deserialize(&bytes).is_ok());
    }
}

#[test]
fn numbers_of_another_type_from_the_safetensors_crate_are_named() {
    let values = 2.5_f64.to_le_bytes();
    let view = TensorView::new(Dtype::F64, vec![1], &values).unwrap();
    let bytes = safetensors::serialize([("wide", view)], None).unwrap();
    assert_eq!(refused(&bytes), ["tensor `wide` has numbers of type F64; F32 is needed"]);
}

#[test]
fn tensors_that_are_left_out_may_be_of_any_type_and_still_leave_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("norm.safetensors");
    let header = |counter: &str| {
        format!(
            r#"{{"norm.count":{{"dtype":"I64","shape":[1],"data_offsets":{counter}}},"norm.weight":{{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}}}"#
        )
    };
    std::fs::write(&path, file(&header("[0,8]"), 16)).unwrap();
    let refused = Weights::read(&path).unwrap_err().to_string();
    assert!(refused.contains("`norm.count` has numbers of type I64"), "{refused}");
    let stored = Weights::read_leaving_out(&path, |name| name.contains(".count")).unwrap();
    assert_eq!(stored.weights.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["norm.weight"]);
    for counter in ["[0,4]", "[8,0]", "[8,99]"] {
        std::fs::write(&path, file(&header(counter), 16)).unwrap();
        let refused =
            Weights::read_leaving_out(&path, |name| name.contains(".count")).unwrap_err().to_string();
        assert!(refused.contains("norm.safetensors") && refused.contains("byte"), "{counter}: {refused}");
    }
}
