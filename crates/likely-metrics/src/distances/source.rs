//! Where features come from, which is what makes two sets comparable.

use serde::{Deserialize, Serialize};

/// The network that saw the features, and how images came to its size; what is absent is not known.
///
/// Numbers from different networks, weights or resize kernels are not comparable, so nothing compares sets whose sources differ,
/// also where one says what the other does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureSource {
    network: Option<String>,
    weights_sha256: Option<String>,
    resize: Option<String>,
}

/// What is wrong with a source, or differs between two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// A name that is not one.
    #[error(
        "the {what} `{found}` is not a name of at most 64 lower-case letters, digits, dots and single dashes"
    )]
    Name {
        /// What it should name.
        what: &'static str,
        /// What stands there.
        found: String,
    },
    /// A hash that is not one.
    #[error("the weights hash `{found}` is not a SHA-256: 64 lower-case hexadecimal digits")]
    Hash {
        /// What stands there.
        found: String,
    },
    /// Two sources differ.
    #[error("the {what} differs: {first} and {second}; numbers from unlike features cannot be compared")]
    Differs {
        /// In what.
        what: &'static str,
        /// What the first says.
        first: String,
        /// What the second says.
        second: String,
    },
}

impl FeatureSource {
    /// From the id of a network, the SHA-256 of its weights and the name of a resize kernel.
    ///
    /// # Errors
    /// [`SourceError`] where one of them is not a name, or not a hash.
    pub fn new(
        network: Option<&str>,
        weights_sha256: Option<&str>,
        resize: Option<&str>,
    ) -> Result<Self, SourceError> {
        for (what, name) in [("network", network), ("resize kernel", resize)] {
            if let Some(name) = name.filter(|name| !is_name(name)) {
                return Err(SourceError::Name { what, found: shortened(name) });
            }
        }
        if let Some(hash) = weights_sha256.filter(|hash| !is_hash(hash)) {
            return Err(SourceError::Hash { found: shortened(hash) });
        }
        let own = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self { network: own(network), weights_sha256: own(weights_sha256), resize: own(resize) })
    }

    /// The id of the network, such as `inception-v3`.
    pub fn network(&self) -> Option<&str> {
        self.network.as_deref()
    }

    /// The SHA-256 of its weights file.
    pub fn weights_sha256(&self) -> Option<&str> {
        self.weights_sha256.as_deref()
    }

    /// The name of the kernel by which images were resized, such as `pil-bicubic`.
    pub fn resize(&self) -> Option<&str> {
        self.resize.as_deref()
    }

    /// This source, and from `declared` what it does not say.
    ///
    /// # Errors
    /// [`SourceError::Differs`] where both say something else.
    pub fn completed_by(&self, declared: &Self) -> Result<Self, SourceError> {
        for (what, own, other) in self.beside(declared) {
            if let (Some(first), Some(second)) = (own, other)
                && first != second
            {
                return Err(SourceError::Differs {
                    what,
                    first: first.to_owned(),
                    second: second.to_owned(),
                });
            }
        }
        let own =
            |own: &Option<String>, declared: &Option<String>| own.as_ref().or(declared.as_ref()).cloned();
        Ok(Self {
            network: own(&self.network, &declared.network),
            weights_sha256: own(&self.weights_sha256, &declared.weights_sha256),
            resize: own(&self.resize, &declared.resize),
        })
    }

    /// Refuses another source; the error says in what it differs.
    ///
    /// # Errors
    /// [`SourceError::Differs`].
    pub fn check_equal(&self, other: &Self) -> Result<(), SourceError> {
        let said = |text: Option<&str>| text.map_or_else(|| "not said".to_owned(), str::to_owned);
        match self.beside(other).into_iter().find(|(_, first, second)| first != second) {
            Some((what, first, second)) => {
                Err(SourceError::Differs { what, first: said(first), second: said(second) })
            }
            None => Ok(()),
        }
    }

    fn beside<'a>(&'a self, other: &'a Self) -> [(&'static str, Option<&'a str>, Option<&'a str>); 3] {
        [
            ("network", self.network(), other.network()),
            ("weights hash", self.weights_sha256(), other.weights_sha256()),
            ("resize kernel", self.resize(), other.resize()),
        ]
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.';
    text.len() <= 64 && text.split('-').all(|word| !word.is_empty() && word.bytes().all(allowed))
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
