use crate::server::{Answer, Server};
use likely_hub::{Hub, HubError, HubFile, Kind, Named};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

fn body() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn file_with(sha256: String) -> HubFile {
    HubFile::try_from(Named {
        repo: "owner/name".into(),
        kind: Kind::Model,
        file: "part/model 1.safetensors".into(),
        revision: REVISION.into(),
        sha256,
        licence: "MIT".into(),
    })
    .expect("a good name")
}

fn file() -> HubFile {
    file_with(hex(&body()))
}

struct Case {
    folder: TempDir,
    server: Server,
    hub: Hub,
}

impl Case {
    fn new(answers: &[Answer]) -> Self {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let server = Server::start(&body(), answers);
        let hub = Hub::new(folder.path().join("hub"))
            .with_endpoint(&server.endpoint)
            .with_patience(Duration::from_secs(20), 2);
        Self { folder, server, hub }
    }

    /// The same with a client that soon gives up.
    fn impatient(mut self, tries: u32) -> Self {
        self.hub = self.hub.with_patience(Duration::from_secs(1), tries);
        self
    }

    fn fetch(&self) -> Result<PathBuf, HubError> {
        self.hub.fetch(&file(), &mut |_, _| {})
    }

    fn blobs(&self) -> PathBuf {
        self.folder.path().join("hub/models--owner--name/blobs")
    }

    fn part(&self) -> PathBuf {
        self.blobs().join(format!("{}.incomplete", hex(&body())))
    }

    fn refused(&self, words: &[&str]) {
        let error = self.fetch().expect_err("there is no file");
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert!(!self.hub.path(&file()).exists(), "{text}");
    }
}

#[test]
fn a_file_is_fetched_once_and_lies_where_the_python_package_looks() {
    let case = Case::new(&[Answer::Whole]);
    let mut told = Vec::new();
    let path = case.hub.fetch(&file(), &mut |done, total| told.push((done, total))).unwrap();
    assert_eq!(fs::read(&path).unwrap(), body());
    let expected = format!("models--owner--name/snapshots/{REVISION}/part/model 1.safetensors");
    assert_eq!(path, case.folder.path().join("hub").join(expected));
    assert_eq!(fs::canonicalize(&path).unwrap(), fs::canonicalize(case.blobs()).unwrap().join(hex(&body())));
    assert!(fs::read_link(&path).unwrap().starts_with("../../../blobs"));
    assert_eq!(told.last(), Some(&(300_000, Some(300_000))));
    assert!(told.is_sorted() && told[0].0 == 0);
    assert_eq!(case.fetch().unwrap(), path);
    let asked = case.server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, format!("/owner/name/resolve/{REVISION}/part/model%201.safetensors"));
    assert_eq!((&asked[0].range, &asked[0].token), (&None, &None));
}

#[test]
fn a_token_is_sent_and_a_data_set_has_its_own_place() {
    let mut case = Case::new(&[Answer::Redirect, Answer::Whole]);
    case.hub = case.hub.with_token(Some("hf_secret".into()));
    let mut named: Named = file().into();
    named.kind = Kind::Dataset;
    let path = case.hub.fetch(&HubFile::try_from(named).unwrap(), &mut |_, _| {}).unwrap();
    assert!(path.starts_with(case.folder.path().join("hub/datasets--owner--name/snapshots")));
    let asked = case.server.asked();
    assert!(asked[0].path.starts_with("/datasets/owner/name/resolve/"));
    assert_eq!(asked[0].token.as_deref(), Some("Bearer hf_secret"));
    assert_eq!(asked[1].path, "/elsewhere");
}

#[test]
fn a_body_that_was_cut_is_gone_on_with() {
    for case in [
        Case::new(&[Answer::CutAfter(100_000), Answer::Whole]),
        Case::new(&[Answer::StallAfter(100_000), Answer::Whole]).impatient(9),
    ] {
        assert_eq!(fs::read(case.fetch().unwrap()).unwrap(), body());
        assert_eq!(case.server.asked()[1].range.as_deref(), Some("bytes=100000-"));
    }
    let case = Case::new(&[Answer::CutAfter(100_000)]);
    case.refused(&["ended after 100000 bytes", "2 times", "run again"]);
    assert_eq!(fs::metadata(case.part()).unwrap().len(), 100_000);
    // The next call goes on, also with a server that knows no ranges.
    let other = Server::start(&body(), &[Answer::NoRanges]);
    let path = case.hub.clone().with_endpoint(&other.endpoint).fetch(&file(), &mut |_, _| {}).unwrap();
    assert_eq!(fs::read(path).unwrap(), body());
    assert_eq!(other.asked()[0].range.as_deref(), Some("bytes=100000-"));
    assert!(!case.part().exists());
}

#[test]
fn another_range_than_was_asked_for_is_thrown_away() {
    let case = Case::new(&[Answer::CutAfter(100_000), Answer::OtherRange, Answer::Whole]).impatient(9);
    assert_eq!(fs::read(case.fetch().unwrap()).unwrap(), body());
    let ranges: Vec<_> = case.server.asked().into_iter().map(|asked| asked.range).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-".to_owned()), None]);
    Case::new(&[Answer::OtherRange]).refused(&["another range", "2 times"]);
}

#[test]
fn what_an_earlier_fetch_left_is_not_trusted() {
    for left in [vec![b'x'; 1000], body(), vec![b'x'; 400_000]] {
        let case = Case::new(&[Answer::Whole]);
        fs::create_dir_all(case.blobs()).unwrap();
        fs::write(case.part(), &left).unwrap();
        assert_eq!(fs::read(case.fetch().unwrap()).unwrap(), body());
    }
}

#[test]
fn a_server_that_does_not_behave_is_named_and_leaves_no_file() {
    let cases: [(Answer, &[&str], usize); 7] = [
        (Answer::Status(401), &["401", "set HF_TOKEN"], 1),
        (Answer::Status(403), &["403", "accept the terms"], 1),
        (Answer::Status(404), &["404", "check repo, file and revision"], 1),
        (Answer::Status(500), &["500", "after 2 tries"], 2),
        (Answer::Status(418), &["418"], 1),
        (Answer::Page, &["a page (text/html; charset=utf-8)", "HF_ENDPOINT"], 1),
        (Answer::Wrong, &["SHA-256", "they were removed", &hex(&body())], 1),
    ];
    for (answer, words, requests) in cases {
        let case = Case::new(&[answer]);
        case.refused(words);
        assert_eq!(case.server.asked().len(), requests, "{words:?}");
        let left =
            fs::read_dir(case.blobs()).unwrap().flatten().filter(|entry| entry.metadata().unwrap().len() > 0);
        assert_eq!(left.count(), 0, "{words:?}");
    }
    let case = Case::new(&[Answer::Silent]).impatient(2);
    case.refused(&["sent nothing for 1 s, after 0 bytes"]);
    assert_eq!(case.server.asked().len(), 2);
    Case::new(&[Answer::StallAfter(1000)]).impatient(1).refused(&["sent nothing for 1 s, after 1000 bytes"]);
}

#[test]
fn a_server_that_is_absent_is_said_with_what_may_help() {
    let case = Case::new(&[Answer::Whole]);
    // A port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hub = case.hub.clone().with_endpoint(&format!("http://127.0.0.1:{port}/"));
    let error = hub.fetch(&file(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("HF_ENDPOINT") && text.contains("snapshots") && text.contains(&port.to_string()),
        "{text}"
    );
}

#[test]
fn without_the_network_only_the_cache_counts() {
    let mut case = Case::new(&[Answer::Whole]);
    case.hub = case.hub.with_offline(true);
    case.refused(&[
        "HF_HUB_OFFLINE",
        "model 1.safetensors of owner/name at 01234567",
        "snapshots",
        "/resolve/",
    ]);
    assert!(case.server.asked().is_empty());
    // A file that somebody copied there is enough.
    let path = case.hub.path(&file());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, body()).unwrap();
    assert_eq!(case.fetch().unwrap(), path);
}

#[test]
fn a_damaged_file_of_the_cache_is_fetched_again() {
    let case = Case::new(&[Answer::Whole]);
    let path = case.fetch().unwrap();
    let spoil = |path: &Path| {
        let mut bytes = body();
        bytes[7] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    spoil(&path);
    assert_eq!(fs::read(case.fetch().unwrap()).unwrap(), body());
    assert_eq!(case.server.asked().len(), 2);
    spoil(&path);
    let offline = case.hub.clone().with_offline(true);
    assert!(matches!(offline.fetch(&file(), &mut |_, _| {}), Err(HubError::Offline { .. })));
    assert!(!path.exists());
}

#[test]
fn a_whole_file_under_a_wrong_pin_is_kept() {
    let case = Case::new(&[Answer::Whole]);
    let path = case.fetch().unwrap();
    let error = case.hub.fetch(&file_with("0".repeat(64)), &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.contains(&hex(&body())) && error.contains("correct the pinned hash"), "{error}");
    assert_eq!(fs::read(path).unwrap(), body());
}

#[test]
fn a_small_file_of_another_program_is_kept_under_a_wrong_pin() {
    let case = Case::new(&[Answer::Whole]);
    let path = case.fetch().unwrap();
    // Other programs name the content of small files by forty digits that are no SHA-256.
    let blob = case.blobs().join("a".repeat(40));
    fs::rename(fs::canonicalize(&path).unwrap(), &blob).unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&blob, &path).unwrap();
    assert_eq!(case.fetch().unwrap(), path);
    let offline = case.hub.clone().with_offline(true);
    let error = offline.fetch(&file_with("0".repeat(64)), &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.contains("correct the pinned hash"), "{error}");
    assert_eq!(fs::read(blob).unwrap(), body());
}

#[test]
fn two_fetches_of_one_file_do_not_mix() {
    let case = Case::new(&[Answer::Whole]);
    fs::create_dir_all(case.blobs()).unwrap();
    let other = fs::File::create(case.part()).unwrap();
    other.lock().unwrap();
    case.refused(&["another program is fetching", "incomplete"]);
    drop(other);
    assert_eq!(fs::read(case.fetch().unwrap()).unwrap(), body());
}
