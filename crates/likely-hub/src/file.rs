//! Which file of the hub.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of repository holds a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Weights and their configuration.
    #[default]
    Model,
    /// Data.
    Dataset,
}

/// What names a file of the hub, as a spec gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// `owner/name`.
    pub repo: String,
    /// What kind of repository it is; a model when absent.
    #[serde(default)]
    pub kind: Kind,
    /// The file's path in the repository.
    pub file: String,
    /// The commit, 40 hexadecimal digits: a branch may hold another file tomorrow.
    pub revision: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Under which terms the file may be used, in the words of its card.
    pub licence: String,
}

/// A file of the hub at one revision, with the hash that it must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub struct HubFile(Named);

impl TryFrom<Named> for HubFile {
    type Error = String;

    /// Checks the name.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    fn try_from(mut named: Named) -> Result<Self, String> {
        named.revision.make_ascii_lowercase();
        named.sha256.make_ascii_lowercase();
        let parts: Vec<&str> = named.repo.split('/').collect();
        let is_name = |part: &&str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if parts.len() > 2 || !parts.iter().all(is_name) {
            return Err(format!("`{}` is no repository; they are named `owner/name`", named.repo));
        }
        let is_step =
            |step: &str| !step.is_empty() && step != "." && step != ".." && !step.contains(['\\', ':']);
        if !named.file.split('/').all(is_step) || named.file.chars().any(char::is_control) {
            return Err(format!("`{}` is no path of a file in a repository", named.file));
        }
        if !is_hex(&named.revision, 40) {
            return Err(format!(
                "`{}` is no revision; give the commit, 40 hexadecimal digits, and not a branch or tag, which may move",
                named.revision
            ));
        }
        if !is_hex(&named.sha256, 64) {
            return Err(format!("`{}` is no SHA-256, which has 64 hexadecimal digits", named.sha256));
        }
        Ok(Self(named))
    }
}

impl From<HubFile> for Named {
    fn from(file: HubFile) -> Self {
        file.0
    }
}

impl HubFile {
    /// What it is called.
    pub fn named(&self) -> &Named {
        &self.0
    }
}

impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} at {}", self.0.file, self.0.repo, &self.0.revision[..8])
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut Named);

    #[test]
    fn a_name_that_could_move_or_escape_is_refused() {
        let good = Named {
            repo: "owner/name".into(),
            kind: Kind::Model,
            file: "unet/model.safetensors".into(),
            revision: "A".repeat(40),
            sha256: "0".repeat(64),
            licence: "MIT".into(),
        };
        let file = HubFile::try_from(good.clone()).unwrap();
        assert_eq!(file.to_string(), "unet/model.safetensors of owner/name at aaaaaaaa");
        let cases: [(Spoil, &str); 9] = [
            (|n| n.repo = "a/b/c".into(), "owner/name"),
            (|n| n.repo = "../b".into(), "owner/name"),
            (|n| n.repo = "a b".into(), "owner/name"),
            (|n| n.file = "../model".into(), "no path"),
            (|n| n.file = "/etc/model".into(), "no path"),
            (|n| n.file = "a//b".into(), "no path"),
            (|n| n.file = String::new(), "no path"),
            (|n| n.revision = "main".into(), "not a branch"),
            (|n| n.sha256 = "abc".into(), "64 hexadecimal digits"),
        ];
        for (spoil, word) in cases {
            let mut named = good.clone();
            spoil(&mut named);
            let error = HubFile::try_from(named).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_spec_names_a_file() {
        let text = format!(
            "repo = \"o/n\"\nkind = \"dataset\"\nfile = \"a.parquet\"\nrevision = \"{}\"\nsha256 = \"{}\"\nlicence = \"MIT\"\n",
            "b".repeat(40),
            "c".repeat(64)
        );
        let file: HubFile = toml::from_str(&text).unwrap();
        assert_eq!(file.named().kind, Kind::Dataset);
        let error = toml::from_str::<HubFile>(&text.replace('b', "x")).unwrap_err().to_string();
        assert!(error.contains("not a branch"), "{error}");
    }
}
