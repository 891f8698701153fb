//! `likely fetch`, from a server on loopback.

use crate::project::{Answer, Project};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const BODY: &[u8] = b"weights";
/// `printf weights | sha256sum`
const SHA256: &str = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c";
const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// Where a server listens that has one file and gives it to everybody.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let asked =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let _ = asked.count();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", BODY.len());
            let _ = (&stream).write_all(&[head.as_bytes(), BODY].concat());
        }
    });
    endpoint
}

fn fetch(project: &Project, endpoint: &str, offline: &str, arguments: &[&str]) -> Answer {
    let mut command = project.likely(&[&["fetch", "--json"], arguments].concat());
    command.env("HF_HOME", project.path().join("hub-home")).env_remove("HF_HUB_CACHE").env_remove("HF_TOKEN");
    Answer::of(command.env("HF_ENDPOINT", endpoint).env("HF_HUB_OFFLINE", offline).output().unwrap())
}

fn list(sha256: &str) -> String {
    format!(
        "[[file]]\nrepo = \"owner/name\"\nkind = \"dataset\"\nfile = \"a.bin\"\nrevision = \"{REVISION}\"\n\
         sha256 = \"{sha256}\"\nlicence = \"MIT\"\n"
    )
}

#[test]
fn a_file_is_fetched_once_and_then_found_without_the_network() {
    let project = Project::new();
    let name =
        ["--repo", "owner/name", "--file", "a.bin", "--revision", REVISION, "--sha256", SHA256, "--dataset"];
    let before = fetch(&project, "http://127.0.0.1:9", "1", &name).ends(2).json();
    assert!(before["error"].as_str().unwrap().contains("HF_HUB_OFFLINE"), "{before}");
    let answer = fetch(&project, &serve(), "0", &name).ends(0).json();
    let path = answer["files"][0]["path"].as_str().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), BODY);
    assert!(answer["files"][0]["licence"].as_str().unwrap().contains("see the card of owner/name"));
    project.write("files.toml", list(SHA256));
    let again = fetch(&project, "http://127.0.0.1:9", "1", &["files.toml"]).ends(0).json();
    assert_eq!(again["files"][0]["path"], answer["files"][0]["path"]);
    assert_eq!(again["files"][0]["licence"], "MIT");
}

#[test]
fn a_list_that_pins_nothing_is_refused_with_its_place() {
    let project = Project::new();
    project.write("files.toml", list(SHA256).replace(REVISION, "main"));
    let error = fetch(&project, "http://127.0.0.1:9", "0", &["files.toml"]).ends(2).json().to_string();
    assert!(
        error.contains("files.toml") && error.contains("not a branch") && error.contains("line"),
        "{error}"
    );
    project.write("files.toml", list(&"0".repeat(64)));
    let error = fetch(&project, &serve(), "0", &["files.toml"]).ends(2).json().to_string();
    assert!(error.contains(SHA256) && error.contains("removed"), "{error}");
    let error = fetch(&project, "http://127.0.0.1:9", "0", &["none.toml"]).ends(2).json().to_string();
    assert!(error.contains("none.toml"), "{error}");
    assert!(fetch(&project, "http://127.0.0.1:9", "0", &[]).ends(2).json().to_string().contains("--repo"));
}
