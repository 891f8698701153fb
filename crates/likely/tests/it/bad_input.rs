use crate::project::{Project, spec};

#[test]
fn bad_specs_are_refused_with_their_place() {
    // (what, text to find, its replacement, words of the message)
    let cases: [(&str, &str, &str, &[&str]); 13] = [
        ("unknown key", "lambda = [", "lamda = [", &["tiny.toml:", "`lamda`", "did you mean `lambda`?"]),
        (
            "unknown key in a nested table",
            "max-iterations = 200",
            "max-iteration = 200",
            &["tiny.toml:27:", "max-iterations"],
        ),
        ("wrong type in a nested table", "fixed = 0.5", "fixed = \"wide\"", &["tiny.toml:18:", "bandwidth"]),
        (
            "duplicate key",
            "segments = 8",
            "segments = 8\nsegments = 9",
            &["tiny.toml:6:", "`segments`", "twice"],
        ),
        ("NaN", "start = [-1.0, 0.0]", "start = [nan, 0.0]", &["tiny.toml:32:", "finite"]),
        ("infinity", "lambda = [0.0, 10.0]", "lambda = [0.0, inf]", &["tiny.toml:28:", "finite"]),
        ("negative weight", "lambda = [0.0, 10.0]", "lambda = [0.0, -1.0]", &["tiny.toml:28:", "0 or more"]),
        ("no segments", "segments = 8", "segments = 0", &["tiny.toml:5:", "`segments`", "at least 1"]),
        ("equal end points", "end = [1.0, 0.5]", "end = [-1.0, 0.0]", &["tiny.toml:", "same point"]),
        ("ends of different dimension", "end = [1.0, 0.5]", "end = [1.0]", &["tiny.toml:", "coordinates"]),
        ("an id with ../", "id = \"tiny\"", "id = \"../tiny\"", &["tiny.toml:1:", "../tiny", "a-z"]),
        ("unknown metric", "\"energy\"]\n", "\"enery\"]\n", &["tiny.toml:7:", "`energy`"]),
        ("no data", "points.csv", "nowhere.csv", &["tiny.toml:", "nowhere.csv"]),
    ];
    for (what, from, to, words) in cases {
        let text = spec(1);
        assert!(text.contains(from), "{what}");
        let project = Project::with(&text.replacen(from, to, 1));
        let answer = project.run(&["run", "experiments/tiny.toml", "--quiet"]).ends(2);
        for word in words {
            assert!(answer.err.contains(word), "{what}: `{word}` is not in: {}", answer.err);
        }
        assert_eq!(answer.out, "", "{what}");
        assert!(!project.path().join("results").exists(), "{what}: nothing is written");
        let json = project.run(&["plan", "experiments/tiny.toml", "--json"]).ends(2).json();
        assert_eq!(json["exit"], 2, "{what}");
    }
}

#[test]
fn bad_data_is_refused_with_its_place() {
    let npy = |shape: &str| {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend([0; 64]);
        bytes
    };
    let cases: [(&str, &str, Vec<u8>, &str); 7] = [
        ("ragged", "points.csv", b"x,y\n1,2\n3\n".to_vec(), "points.csv:3"),
        ("text", "points.csv", b"x,y\n1,2\n3,four\n".to_vec(), "points.csv:3:3: `four`"),
        ("NaN", "points.csv", b"x,y\n1,nan\n".to_vec(), "points.csv:2:"),
        ("empty", "points.csv", Vec::new(), "no points"),
        ("2^60 elements", "points.npy", npy("(1152921504606846976, 1)"), "(1152921504606846976, 1)"),
        (
            "2^120 elements",
            "points.npy",
            npy("(1152921504606846976, 1152921504606846976)"),
            "than any file has",
        ),
        ("another dimension", "points.csv", b"x\n1\n2\n".to_vec(), "coordinates"),
    ];
    for (what, name, bytes, words) in cases {
        let project = Project::with(&spec(1).replace("points.csv", name));
        project.write(&format!("experiments/{name}"), bytes);
        let answer = project.run(&["run", "experiments/tiny.toml", "--quiet"]).ends(2);
        assert!(answer.err.contains(words), "{what}: `{words}` is not in: {}", answer.err);
        assert!(!project.path().join("results").exists(), "{what}: nothing is written");
    }
}

#[test]
fn two_specs_with_one_id_are_refused_before_anything_runs() {
    let project = Project::new();
    project.write("experiments/second.toml", spec(1));
    let answer = project.run(&["reproduce", "--quiet"]).ends(2);
    assert!(answer.err.contains("the id `tiny` is that of"), "{}", answer.err);
    assert!(!project.path().join("results").exists());
}
