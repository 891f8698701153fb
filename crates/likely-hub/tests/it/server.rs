//! A small server on loopback that behaves as a test asks.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How one request is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    /// As the hub does, with a range where one is asked for.
    Whole,
    /// All of it, whatever was asked for.
    NoRanges,
    /// A part of it that begins somewhere else than was asked for.
    OtherRange,
    /// It says that the body is whole and ends after so many bytes.
    CutAfter(usize),
    /// It sends so many bytes and then nothing.
    StallAfter(usize),
    /// It takes the request and says nothing at all.
    Silent,
    /// A status and nothing else.
    Status(u16),
    /// A page with status 200.
    Page,
    /// Other bytes.
    Wrong,
    /// On to another path of this server.
    Redirect,
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) token: Option<String>,
}

pub(crate) struct Server {
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers one request after the other; the last answer is given for ever.
    pub(crate) fn start(body: &[u8], answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (body, answers, log) = (body.to_vec(), answers.to_vec(), Arc::clone(&asked));
        thread::spawn(move || {
            for (index, stream) in listener.incoming().flatten().enumerate() {
                let answer = answers[index.min(answers.len() - 1)].clone();
                let (body, log) = (body.clone(), Arc::clone(&log));
                // A client that went away is no concern of the server.
                thread::spawn(move || drop(serve(stream, &body, &answer, &log)));
            }
        });
        Self { endpoint, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no server panics").clone()
    }
}

fn serve(stream: TcpStream, body: &[u8], answer: &Answer, log: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut asked = Asked { path: line.split(' ').nth(1).unwrap_or_default().to_owned(), ..Asked::default() };
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => asked.range = Some(value.to_owned()),
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                asked.token = Some(value.to_owned());
            }
            Some(_) => {}
            None => break,
        }
    }
    let start = asked
        .range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    log.lock().expect("no server panics").push(asked);
    let mut out = stream;
    let head = |status: &str, length: usize, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n")
    };
    match (answer, start) {
        (Answer::Whole, Some(start)) if start >= body.len() => out.write_all(
            head("416 Range Not Satisfiable", 0, &format!("Content-Range: bytes */{}\r\n", body.len()))
                .as_bytes(),
        ),
        (Answer::Whole, Some(start)) => {
            let range = format!("Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
            out.write_all(head("206 Partial Content", body.len() - start, &range).as_bytes())?;
            out.write_all(&body[start..])
        }
        (Answer::Whole | Answer::NoRanges, _) => {
            out.write_all(head("200 OK", body.len(), "").as_bytes())?;
            out.write_all(body)
        }
        (Answer::OtherRange, _) => {
            let half = body.len() / 2;
            let range = format!("Content-Range: bytes {half}-{}/{}\r\n", body.len() - 1, body.len());
            out.write_all(head("206 Partial Content", body.len() - half, &range).as_bytes())?;
            out.write_all(&body[half..])
        }
        (Answer::CutAfter(count), _) => {
            out.write_all(head("200 OK", body.len(), "").as_bytes())?;
            out.write_all(&body[..*count])
        }
        (Answer::StallAfter(count), _) => {
            out.write_all(head("200 OK", body.len(), "").as_bytes())?;
            out.write_all(&body[..*count])?;
            out.flush()?;
            thread::sleep(Duration::from_mins(1));
            Ok(())
        }
        (Answer::Silent, _) => {
            thread::sleep(Duration::from_mins(1));
            Ok(())
        }
        (Answer::Status(status), _) => out.write_all(head(&format!("{status} So"), 0, "").as_bytes()),
        (Answer::Page, _) => {
            let page = b"<html>sign in</html>";
            out.write_all(
                head("200 OK", page.len(), "Content-Type: text/html; charset=utf-8\r\n").as_bytes(),
            )?;
            out.write_all(page)
        }
        (Answer::Wrong, _) => {
            let other = vec![b'x'; body.len()];
            out.write_all(head("200 OK", other.len(), "").as_bytes())?;
            out.write_all(&other)
        }
        (Answer::Redirect, _) => out.write_all(head("302 Found", 0, "Location: /elsewhere\r\n").as_bytes()),
    }
}
