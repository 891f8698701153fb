//! `likely fetch`: files of the Hugging Face hub, pinned by revision and hash.

use crate::answer::{Answer, Exit, Failure};
use crate::args;
use crate::progress::Show;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use likely_hub::{Hub, HubFile, Named};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Bytes of the largest list that is read.
const LARGEST_LIST: u64 = 1 << 20;

/// A list of files, as TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    file: Vec<HubFile>,
}

pub(crate) fn command(args: &args::Fetch, show: Show) -> anyhow::Result<Answer> {
    let files = match (&args.list, &args.name) {
        (Some(path), _) => read_list(path)?,
        (None, Some(name)) => vec![named(name)?],
        (None, None) => {
            return Err(Failure::usage(
                "name a list of files, or a file with --repo, --file, --revision and --sha256",
            ));
        }
    };
    let hub = Hub::from_env()?;
    let (mut text, mut documents) = (String::new(), Vec::new());
    for file in &files {
        let named = file.named();
        show.line(&format!("{file}: {}", named.licence));
        let mut bytes = Bytes::new(show, file);
        let path = hub.fetch(file, &mut |done, total| bytes.observe(done, total))?;
        bytes.bar.finish_and_clear();
        let _ = writeln!(text, "{}", path.display());
        documents.push(json!({ "repo": named.repo, "file": named.file, "revision": named.revision,
            "sha256": named.sha256, "licence": named.licence, "path": path }));
    }
    Ok(Answer { exit: Exit::Fine, text, json: json!({ "files": documents }) })
}

fn read_list(path: &Path) -> anyhow::Result<Vec<HubFile>> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > LARGEST_LIST {
        let message = format!("{} is not a file of at most {LARGEST_LIST} bytes", path.display());
        return Err(Failure::usage(message));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let list: List =
        toml::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(list.file)
}

fn named(name: &args::HubName) -> anyhow::Result<HubFile> {
    let kind = if name.dataset { likely_hub::Kind::Dataset } else { likely_hub::Kind::Model };
    let unstated = || format!("licence not stated; see the card of {}", name.repo);
    HubFile::try_from(Named {
        repo: name.repo.clone(),
        kind,
        file: name.file.clone(),
        revision: name.revision.clone(),
        sha256: name.sha256.clone(),
        licence: name.licence.clone().unwrap_or_else(unstated),
    })
    .map_err(Failure::usage)
}

/// How much of one file is there.
struct Bytes {
    show: Show,
    bar: ProgressBar,
    name: String,
    /// Tenths that were told.
    told: u64,
}

impl Bytes {
    fn new(show: Show, file: &HubFile) -> Self {
        let bar = match show {
            Show::Bar => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            Show::Nothing | Show::Lines => ProgressBar::hidden(),
        };
        // A template that does not parse leaves the plain bar.
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(file.named().file.clone());
        Self { show, bar, name: file.named().file.clone(), told: 0 }
    }

    fn observe(&mut self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_length(total);
            let tenths = done.saturating_mul(10) / total.max(1);
            if self.show == Show::Lines && tenths > self.told {
                self.show.line(&format!("{}: {done} of {total} bytes", self.name));
            }
            self.told = tenths;
        }
        self.bar.set_position(done);
    }
}
