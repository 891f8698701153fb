//! The hub: its cache, and where it is.

use crate::download::{Download, Server, sha256};
use crate::{HubError, HubFile, Kind};
use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where files come from and where they are kept.
#[derive(Debug, Clone)]
pub struct Hub {
    cache: Cache,
    server: Server,
    offline: bool,
}

impl Hub {
    /// A cache folder, and the hub itself to fetch from.
    pub fn new(cache: PathBuf) -> Self {
        Self { cache: Cache::new(cache), server: Server::default(), offline: false }
    }

    /// As the environment says, like Python's `huggingface_hub`: the cache in `HF_HUB_CACHE`, or `hub` in `HF_HOME`, or in the home folder;
    /// `HF_ENDPOINT`; `HF_TOKEN`, or the token that a login left beside the cache; `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// [`HubError::NoCache`].
    pub fn from_env() -> Result<Self, HubError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let cache = match (set("HF_HUB_CACHE"), set("HF_HOME"), std::env::home_dir()) {
            (Some(cache), ..) => PathBuf::from(cache),
            (None, Some(home), _) => Path::new(&home).join("hub"),
            (None, None, Some(home)) => home.join(".cache/huggingface/hub"),
            (None, None, None) => return Err(HubError::NoCache),
        };
        let mut hub = Self::new(cache);
        hub.server.token = set("HF_TOKEN").map(|token| token.trim().to_owned()).or_else(|| hub.cache.token());
        if let Some(endpoint) = set("HF_ENDPOINT") {
            hub = hub.with_endpoint(&endpoint);
        }
        let offline = set("HF_HUB_OFFLINE").map(|value| value.to_lowercase());
        Ok(hub
            .with_offline(offline.is_some_and(|value| ["1", "on", "true", "yes"].contains(&value.as_str()))))
    }

    /// The same, with another server in place of the hub.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: &str) -> Self {
        endpoint.trim_end_matches('/').clone_into(&mut self.server.endpoint);
        self
    }

    /// The same, with what says who asks.
    #[must_use]
    pub fn with_token(mut self, token: Option<String>) -> Self {
        self.server.token = token;
        self
    }

    /// The same, with or without the network.
    #[must_use]
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// The same, with how long a server may send nothing and how often a request is made at most.
    #[must_use]
    pub fn with_patience(mut self, silence: Duration, tries: u32) -> Self {
        self.server.silence = silence;
        self.server.tries = tries.max(1);
        self
    }

    fn repo(&self, file: &HubFile) -> CacheRepo {
        let named = file.named();
        let kind = match named.kind {
            Kind::Model => RepoType::Model,
            Kind::Dataset => RepoType::Dataset,
        };
        self.cache.repo(Repo::with_revision(named.repo.clone(), kind, named.revision.clone()))
    }

    /// Where the file is in the cache, or would be.
    pub fn path(&self, file: &HubFile) -> PathBuf {
        let named = file.named();
        self.repo(file).pointer_path(&named.revision).join(&named.file)
    }

    /// The file where the cache holds it; its content is checked.
    ///
    /// A file that is kept under its hash and has another one is damaged: it is removed and counts as absent. Anything else stays.
    ///
    /// # Errors
    /// [`HubError::Pinned`] where the cache holds a file that is not the pinned one; [`HubError::Cache`].
    pub fn cached(&self, file: &HubFile) -> Result<Option<PathBuf>, HubError> {
        let path = self.path(file);
        if !path.is_file() {
            return Ok(None);
        }
        let expected = &file.named().sha256;
        let (found, _) = sha256(&path)?;
        if found == *expected {
            return Ok(Some(path));
        }
        // Small files of other programs have names that say nothing of their content: a wrong pin must not cost them.
        let blob = fs::canonicalize(&path).map_err(|source| HubError::cache("find", &path, source))?;
        if blob.file_name().is_none_or(|name| name != expected.as_str()) {
            return Err(HubError::Pinned { path, expected: expected.clone(), found });
        }
        for damaged in [&path, &blob] {
            match fs::remove_file(damaged) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(HubError::cache("remove the damaged", damaged, source));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The file, from the cache or over the network; its content is checked either way.
    ///
    /// `progress` is told how many bytes are there and how many there will be. What a fetch that was cut short has left is gone on with.
    ///
    /// # Errors
    /// [`HubError`]; what was fetched is kept only as far as a later fetch can go on with it.
    pub fn fetch(
        &self,
        file: &HubFile,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<PathBuf, HubError> {
        if let Some(path) = self.cached(file)? {
            return Ok(path);
        }
        let (path, url) = (self.path(file), self.server.url(file));
        if self.offline {
            return Err(HubError::Offline { file: file.to_string(), url, path });
        }
        let blob = self.repo(file).blob_path(&file.named().sha256);
        create_folder_of(&blob)?;
        Download { server: &self.server, url, file, blob: &blob, pointer: &path }.run(progress)?;
        create_folder_of(&path)?;
        point(&blob, &path, file)?;
        Ok(path)
    }
}

fn create_folder_of(path: &Path) -> Result<(), HubError> {
    let folder = path.parent().expect("files of the cache lie in folders");
    fs::create_dir_all(folder).map_err(|source| HubError::cache("create", folder, source))
}

/// Lets the file's name at a revision lead to its content, by a relative link as the Python package makes it.
#[cfg(unix)]
fn point(blob: &Path, path: &Path, file: &HubFile) -> Result<(), HubError> {
    let name = blob.file_name().expect("blobs have names");
    // From `snapshots/<revision>/<folders of the file>` up to the repository.
    let up = "../".repeat(2 + file.named().file.matches('/').count());
    let target = Path::new(&up).join("blobs").join(name);
    match std::os::unix::fs::symlink(&target, path) {
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
            // A link that led nowhere, or another process was faster.
            fs::remove_file(path)
                .and_then(|()| std::os::unix::fs::symlink(&target, path))
                .map_err(|source| HubError::cache("write", path, source))
        }
        result => result.map_err(|source| HubError::cache("write", path, source)),
    }
}

#[cfg(not(unix))]
fn point(blob: &Path, path: &Path, _: &HubFile) -> Result<(), HubError> {
    fs::rename(blob, path).map_err(|source| HubError::cache("write", path, source))
}
