//! What can go wrong with files of the hub.

use std::path::PathBuf;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The folder of the cache is not known.
    #[error("the folder of the hub's cache is not known: set HF_HOME, as there is no home folder")]
    NoCache,
    /// A file of the cache could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Cache {
        /// `read`, `write` and so on.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not in the cache and nothing may be fetched.
    #[error(
        "{file} is not in the cache and HF_HUB_OFFLINE is set: unset it, or copy {url} from another machine to {}",
        path.display()
    )]
    Offline {
        /// The file.
        file: String,
        /// Where it can be fetched.
        url: String,
        /// Where it is looked for.
        path: PathBuf,
    },
    /// The server could not be reached.
    #[error(
        "cannot reach {url}: {reason}; check the network, name a mirror with HF_ENDPOINT, or copy the file from another machine to {}",
        path.display()
    )]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What went wrong.
        reason: String,
        /// Where a copy is looked for.
        path: PathBuf,
    },
    /// The server wants to know who asks, or does not give the file to whoever asks.
    #[error("{url} answers {status}: {hint}")]
    Denied {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// What may help.
        hint: &'static str,
    },
    /// The server has no such file.
    #[error("{url} answers 404: there is no such file at that revision; check repo, file and revision")]
    NotThere {
        /// What was asked for.
        url: String,
    },
    /// The server failed.
    #[error("{url} answers {status}, after {tries} tries; try again later")]
    Failed {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// How often it was asked.
        tries: u32,
    },
    /// The server sent a page in place of the file.
    #[error(
        "{url} sends a page ({content}) and not the file: a login, a proxy or a wrong HF_ENDPOINT stands in between"
    )]
    Page {
        /// What was asked for.
        url: String,
        /// The type that the server states.
        content: String,
    },
    /// The server stopped sending.
    #[error(
        "{url} sent nothing for {seconds} s, after {received} bytes in all; run again to go on from there"
    )]
    Stalled {
        /// What was asked for.
        url: String,
        /// How long it was waited.
        seconds: f64,
        /// Bytes that are kept.
        received: u64,
    },
    /// The connection ended before the file did.
    #[error("{url} ended after {received} bytes ({reason}), {tries} times; run again to go on from there")]
    Cut {
        /// What was asked for.
        url: String,
        /// Bytes that are kept.
        received: u64,
        /// What went wrong.
        reason: String,
        /// How often it was tried.
        tries: u32,
    },
    /// What was fetched is not the pinned file; it was removed.
    #[error("{url} sent {bytes} bytes with SHA-256 {found} and {expected} is pinned; they were removed")]
    Wrong {
        /// What was asked for.
        url: String,
        /// The pinned hash.
        expected: String,
        /// The hash of what came.
        found: String,
        /// How much came.
        bytes: u64,
    },
    /// The cache holds a file that is not the pinned one.
    #[error(
        "{} is in the cache with SHA-256 {found}, and {expected} is pinned: correct the pinned hash or the revision, or remove the file if it is damaged",
        path.display()
    )]
    Pinned {
        /// The file.
        path: PathBuf,
        /// The pinned hash.
        expected: String,
        /// The hash of the file.
        found: String,
    },
    /// Another program is fetching the same file.
    #[error("another program is fetching {}; run again when it is done", path.display())]
    Busy {
        /// The file that it writes.
        path: PathBuf,
    },
}

impl HubError {
    pub(crate) fn cache(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Cache { action, path: path.to_path_buf(), source }
    }
}
