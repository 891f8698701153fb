//! One file over the network, into the cache.

use crate::{HubError, HubFile, Kind};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, header};
use ureq::{Agent, Body, Error};

/// Bytes of the largest file that is fetched.
const LARGEST_FILE: u64 = 1 << 37;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;

/// Where files are fetched and with what patience.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) endpoint: String,
    pub(crate) token: Option<String>,
    /// How long the server may send nothing.
    pub(crate) silence: Duration,
    /// How often a request is made at most.
    pub(crate) tries: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            endpoint: "https://huggingface.co".to_owned(),
            token: None,
            silence: Duration::from_secs(30),
            tries: 4,
        }
    }
}

impl Server {
    /// Where a file is.
    pub(crate) fn url(&self, file: &HubFile) -> String {
        let named = file.named();
        let kind = match named.kind {
            Kind::Model => "",
            Kind::Dataset => "datasets/",
        };
        let mut path = String::new();
        for byte in named.file.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    path.push(char::from(byte));
                }
                _ => write!(path, "%{byte:02X}").expect("a text can be written to"),
            }
        }
        format!("{}/{kind}{}/resolve/{}/{path}", self.endpoint, named.repo, named.revision)
    }
}

/// A file on its way to `blob`; `pointer` is where people look for it.
pub(crate) struct Download<'a> {
    pub(crate) server: &'a Server,
    pub(crate) url: String,
    pub(crate) file: &'a HubFile,
    pub(crate) blob: &'a Path,
    pub(crate) pointer: &'a Path,
}

/// Why an attempt gave no file.
enum Failure {
    /// Another one may do better.
    Passing(HubError),
    /// No other one will.
    Final(HubError),
}

impl Download<'_> {
    /// Fetches what is missing of the file, checks it, and puts it in its place.
    pub(crate) fn run(&self, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<(), HubError> {
        let part = self.blob.with_extension("incomplete");
        let failed = |source| HubError::cache("write", &part, source);
        let mut out = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&part)
            .map_err(failed)?;
        match out.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(HubError::Busy { path: part }),
            // Not every file system knows locks; the hash is checked either way.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let agent = self.agent();
        let resumed = out.metadata().map_err(failed)?.len() > 0;
        self.fill(&agent, &mut out, &part, progress)?;
        let (mut found, mut bytes) = sha256(&part)?;
        if found != self.file.named().sha256 && resumed {
            // What an earlier fetch had left may have been wrong.
            out.set_len(0).map_err(failed)?;
            self.fill(&agent, &mut out, &part, progress)?;
            (found, bytes) = sha256(&part)?;
        }
        if found != self.file.named().sha256 {
            fs::remove_file(&part).map_err(|source| HubError::cache("remove the wrong", &part, source))?;
            let expected = self.file.named().sha256.clone();
            return Err(HubError::Wrong { url: self.url.clone(), expected, found, bytes });
        }
        out.sync_all().map_err(failed)?;
        fs::rename(&part, self.blob).map_err(|source| HubError::cache("write", self.blob, source))
    }

    fn agent(&self) -> Agent {
        Agent::config_builder()
            .timeout_connect(Some(self.server.silence))
            .timeout_per_read(Some(self.server.silence))
            .timeout_per_write(Some(self.server.silence))
            .http_status_as_error(false)
            // Files lie on other hosts, which must not see the token.
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .build()
            .into()
    }

    /// Tries until the file is whole or there is no hope.
    fn fill(
        &self,
        agent: &Agent,
        out: &mut File,
        part: &Path,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), HubError> {
        let mut tries = 1;
        loop {
            match self.attempt(agent, out, part, tries, progress) {
                Ok(()) => return Ok(()),
                Err(Failure::Passing(_)) if tries < self.server.tries => {
                    std::thread::sleep((self.server.silence / 10).min(Duration::from_secs(1) * tries));
                    tries += 1;
                }
                Err(Failure::Passing(error) | Failure::Final(error)) => return Err(error),
            }
        }
    }

    /// One request for the bytes after those that are there.
    fn attempt(
        &self,
        agent: &Agent,
        out: &mut File,
        part: &Path,
        tries: u32,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), Failure> {
        let local = |source| Failure::Final(HubError::cache("write", part, source));
        let mut start = out.seek(SeekFrom::End(0)).map_err(local)?;
        // A coded body could not be gone on with.
        let mut request = agent.get(&self.url).header(header::ACCEPT_ENCODING, "identity");
        if start > 0 {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        if let Some(token) = &self.server.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(|error| self.unreachable(error, start))?;
        self.check_status(&response, tries)?;
        match response.status().as_u16() {
            206 if first_byte(&response) == Some(start) => {}
            // Some other range than was asked for: nothing of it is of use.
            206 => {
                out.set_len(0).map_err(local)?;
                let (url, reason) = (self.url.clone(), "it sent another range; it starts anew".to_owned());
                return Err(Failure::Passing(HubError::Cut { url, received: 0, reason, tries }));
            }
            // The part is longer than the file, or was whole already.
            416 if start > 0 => {
                let whole = total_of_range(&response) == Some(start);
                if !whole {
                    out.set_len(0).map_err(local)?;
                }
                let url = self.url.clone();
                let again = HubError::Cut { url, received: 0, reason: "it starts anew".into(), tries };
                return if whole { Ok(()) } else { Err(Failure::Passing(again)) };
            }
            // The server sends all of it again.
            _ => {
                out.set_len(0).map_err(local)?;
                start = out.seek(SeekFrom::Start(0)).map_err(local)?;
            }
        }
        let total = response.body().content_length().and_then(|length| length.checked_add(start));
        let mut body = response.body_mut().as_reader();
        let mut block = vec![0; BLOCK];
        let mut received = start;
        progress(received, total);
        loop {
            let count = match body.read(&mut block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.cut(&error, received, tries)),
            };
            received += count as u64;
            if received > LARGEST_FILE {
                return Err(self.cut(&io::Error::other("it is larger than any file here"), received, tries));
            }
            out.write_all(&block[..count]).map_err(local)?;
            progress(received, total);
        }
        match total {
            Some(total) if received < total => {
                let missing = io::Error::other(format!("{} bytes are missing", total - received));
                Err(self.cut(&missing, received, tries))
            }
            _ => Ok(()),
        }
    }

    fn check_status(&self, response: &Response<Body>, tries: u32) -> Result<(), Failure> {
        let (url, status) = (self.url.clone(), response.status().as_u16());
        let denied = |hint| Failure::Final(HubError::Denied { url: url.clone(), status, hint });
        match status {
            200 | 206 => {
                let content = response.headers().get(header::CONTENT_TYPE);
                let content = content.and_then(|content| content.to_str().ok()).unwrap_or_default();
                let wanted = Path::new(&self.file.named().file).extension().unwrap_or_default();
                let is_page = ["html", "htm"].iter().any(|page| wanted.eq_ignore_ascii_case(page));
                if content.starts_with("text/html") && !is_page {
                    return Err(Failure::Final(HubError::Page { url, content: content.to_owned() }));
                }
                Ok(())
            }
            416 => Ok(()),
            401 if self.server.token.is_none() => {
                Err(denied("the repository is private, gated or misspelt; set HF_TOKEN"))
            }
            401 => Err(denied(
                "the token in HF_TOKEN, or that of a login, is not known there, or the repository is misspelt",
            )),
            403 => Err(denied(
                "accept the terms on the repository's page, or give a token with the right to read it",
            )),
            404 | 410 => Err(Failure::Final(HubError::NotThere { url })),
            408 | 425 | 429 | 500..=599 => Err(Failure::Passing(HubError::Failed { url, status, tries })),
            _ => Err(Failure::Final(HubError::Failed { url, status, tries })),
        }
    }

    /// There was no answer.
    fn unreachable(&self, error: Error, received: u64) -> Failure {
        let url = self.url.clone();
        match error {
            Error::Io(ref error) if is_silence(error) => Failure::Passing(self.stalled(received)),
            Error::Timeout(_) => Failure::Passing(self.stalled(received)),
            error => Failure::Passing(HubError::Unreachable {
                url,
                reason: error.to_string(),
                path: self.pointer.to_path_buf(),
            }),
        }
    }

    fn stalled(&self, received: u64) -> HubError {
        HubError::Stalled { url: self.url.clone(), seconds: self.server.silence.as_secs_f64(), received }
    }

    /// The answer ended too early; what came is kept.
    fn cut(&self, error: &io::Error, received: u64, tries: u32) -> Failure {
        Failure::Passing(if is_silence(error) {
            self.stalled(received)
        } else {
            HubError::Cut { url: self.url.clone(), received, reason: error.to_string(), tries }
        })
    }
}

/// Whether nothing came for too long.
fn is_silence(error: &io::Error) -> bool {
    let of_agent = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
        || matches!(of_agent, Some(Error::Timeout(_)))
}

fn range(response: &Response<Body>) -> Option<&str> {
    response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")
}

/// The first byte that a partial answer holds.
fn first_byte(response: &Response<Body>) -> Option<u64> {
    range(response)?.split('-').next()?.parse().ok()
}

/// How long the whole file is, by an answer about a range of it.
fn total_of_range(response: &Response<Body>) -> Option<u64> {
    range(response)?.split('/').nth(1)?.parse().ok()
}

/// SHA-256 of a file in lower-case hexadecimal digits, and its length.
pub(crate) fn sha256(path: &Path) -> Result<(String, u64), HubError> {
    let failed = |source| HubError::cache("read", path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let bytes = io::copy(&mut file, &mut hash).map_err(failed)?;
    let mut text = String::new();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("a text can be written to");
    }
    Ok((text, bytes))
}
