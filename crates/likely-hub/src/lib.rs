//! Files of the Hugging Face hub, pinned by revision and hash, from its cache or over the network.
//!
//! The cache is that of the Python package `huggingface_hub`: what either fetches, both find. The client of the crate `hf-hub`
//! checks no content and waits for ever for a server that stalls, so only its cache is used, and files are fetched here.

mod download;
mod error;
mod file;
mod hub;

pub use error::HubError;
pub use file::{HubFile, Kind, Named};
pub use hub::Hub;
