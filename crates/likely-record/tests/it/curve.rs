use crate::sample;
use likely_record::{CurveFileError, CurveRecord, Embedded};
use proptest::prelude::*;

/// A safetensors file with this header and so many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn files_that_are_not_curves_are_refused_without_reading_what_they_claim() {
    let huge = r#"{"curve":{"dtype":"F64","shape":[1152921504606846976,1],"data_offsets":[0,16]}}"#;
    let longer = r#"{"curve":{"dtype":"F64","shape":[1024,1024],"data_offsets":[0,8388608]}}"#;
    let single = r#"{"curve":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    let flat = r#"{"curve":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}"#;
    let other = r#"{"weights":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]}}"#;
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("empty", Vec::new(), "not a safetensors file"),
        ("text", b"x,y\n1,2\n".to_vec(), "not a safetensors file"),
        (
            "header of 2^63 bytes",
            [&(1_u64 << 63).to_le_bytes()[..], b"{}"].concat(),
            "not a safetensors file",
        ),
        ("2^60 points", file(huge, 16), "not a safetensors file"),
        ("longer than the file", file(longer, 16), "not a safetensors file"),
        ("32 bits", file(single, 16), "type F64 and two dimensions, found F32 [2, 2]"),
        ("one dimension", file(flat, 16), "found F64 [2]"),
        ("another name", file(other, 16), "found `weights`"),
        ("no tensor", file("{}", 0), "found none"),
    ];
    for (what, bytes, words) in cases {
        let message = CurveRecord::from_bytes(&bytes).expect_err(what).to_string();
        assert!(message.contains(words), "{what}: {message}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = sample::curve().to_bytes().unwrap();
    let refused = (0..bytes.len()).filter(|&end| CurveRecord::from_bytes(&bytes[..end]).is_err()).count();
    assert_eq!(refused, bytes.len());
}

#[test]
fn what_is_not_a_curve_is_not_written() {
    let mut curve = sample::curve();
    curve.values[3] = f64::NAN;
    assert_eq!(curve.to_bytes(), Err(CurveFileError::NonFinite { tensor: "curve", point: 1 }));
    curve.values.pop();
    assert_eq!(curve.to_bytes(), Err(CurveFileError::Length { points: 3, dim: 2, found: 5 }));
}

#[test]
fn points_on_a_surface_stand_beside_the_curve() {
    let plain = sample::curve();
    let embedded = Embedded { dim: 3, values: (0..9).map(f64::from).collect() };
    let mut curve = CurveRecord { embedded: Some(embedded), ..plain.clone() };
    let bytes = curve.to_bytes().unwrap();
    assert_eq!(CurveRecord::from_bytes(&bytes).unwrap(), curve);
    assert_ne!(curve.sha256(), plain.sha256());
    for end in 0..bytes.len() {
        assert!(CurveRecord::from_bytes(&bytes[..end]).is_err(), "{end}");
    }

    let mut bad = |embedded| {
        curve.embedded = Some(embedded);
        curve.to_bytes().unwrap_err().to_string()
    };
    assert!(bad(Embedded { dim: 4, values: vec![0.0; 12] }).contains("at most 3 coordinates, found (3, 4)"));
    assert!(bad(Embedded { dim: 0, values: vec![] }).contains("found (3, 0)"));
    assert!(bad(Embedded { dim: 3, values: vec![0.0; 8] }).contains("3 points of 3"));
    assert!(bad(Embedded { dim: 1, values: vec![0.0, 1.0, f64::NAN] }).contains("point 2 of `embedded`"));

    let header = r#"{"curve":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]},"embedded":{"dtype":"F64","shape":[1,2],"data_offsets":[16,32]}}"#;
    let message = CurveRecord::from_bytes(&file(header, 32)).unwrap_err().to_string();
    assert!(message.contains("must have 2 points") && message.contains("found (1, 2)"), "{message}");
}

proptest! {
    #[test]
    fn curves_survive_their_file_bit_for_bit(
        values in proptest::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 2..40)
    ) {
        let curve = CurveRecord { points: values.len(), dim: 1, values, embedded: None };
        let bytes = curve.to_bytes().unwrap();
        let back = CurveRecord::from_bytes(&bytes).unwrap();
        let bits = |curve: &CurveRecord| curve.values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&curve), bits(&back));
        prop_assert_eq!(bytes, back.to_bytes().unwrap());
    }
}
