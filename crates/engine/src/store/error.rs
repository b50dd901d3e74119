//! What can go wrong between the hub and the store, one line each.

use std::io;
use std::path::{Path, PathBuf};

/// Failure of the model store or of a download into it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system names no data folder for this user.
    #[error("no data folder for this user: set DINOSCOPE_HOME to a folder")]
    NoHome,
    /// A name that cannot be a folder of the store.
    #[error("not a model name: expected letters, digits, '.', '-' or '_', found {name:?}")]
    Name {
        /// The name as given.
        name: String,
    },
    /// A name that is neither a released model's nor a repository's.
    #[error("no model \"{name}\": expected a name of `dinoscope model list` or owner/name")]
    UnknownModel {
        /// The name as given.
        name: String,
    },
    /// A released model whose weights are not on the hub.
    #[error(
        "model {name} is not on the hub: get its file from its publisher and open it by its path"
    )]
    NotOnHub {
        /// The name as given.
        name: String,
    },
    /// A repository that is not of the form `owner/name`.
    #[error("not a repository: expected owner/name, found {repository:?}")]
    Repository {
        /// The repository as given.
        repository: String,
    },
    /// An endpoint that is not an address.
    #[error("not an endpoint: expected http:// or https://, found {endpoint:?}")]
    Endpoint {
        /// The endpoint as given.
        endpoint: String,
    },
    /// The weights are gated: the hub answered 401 or 403.
    #[error(
        "the weights of {repository} are gated (HTTP {status}, {}): log in at https://huggingface.co, \
         accept the DINOv3 license at https://huggingface.co/{repository}, make a token with read \
         access at https://huggingface.co/settings/tokens and set HF_TOKEN to it",
        if *with_token { "the token was not enough" } else { "no token was sent" }
    )]
    Gated {
        /// `owner/name` on the hub.
        repository: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The hub does not know the repository, or hides it.
    #[error("no such repository, or a private one that needs HF_TOKEN: {endpoint}/{repository}")]
    UnknownRepository {
        /// `owner/name` on the hub.
        repository: String,
        /// Address of the hub.
        endpoint: String,
    },
    /// The repository has no such file.
    #[error("no file {file:?} in the repository: {repository}")]
    UnknownFile {
        /// Name in the repository.
        file: String,
        /// `owner/name` on the hub.
        repository: String,
    },
    /// The repository holds no weights that Dinoscope reads.
    #[error(
        "expected model.safetensors or model.safetensors.index.json, found neither: {repository}"
    )]
    NoWeights {
        /// `owner/name` on the hub.
        repository: String,
    },
    /// The server answered with a status that helps nobody.
    #[error("the server answered HTTP {status}: {url}")]
    Server {
        /// HTTP status.
        status: u16,
        /// Address asked.
        url: String,
    },
    /// No answer, or one that is not HTTP.
    #[error("no connection: {reason}: {url}")]
    Connection {
        /// Cause, in the client's words.
        reason: String,
        /// Address asked.
        url: String,
    },
    /// The server speaks HTTP, but not as the hub does.
    #[error("the server's answer makes no sense: {reason}: {url}")]
    Answer {
        /// What is wrong with it.
        reason: String,
        /// Address asked.
        url: String,
    },
    /// The line was cut before the end of a file.
    #[error(
        "{file} was cut off: expected {expected} bytes, found {found} (kept, and resumed next time): {url}"
    )]
    Cut {
        /// Name in the repository.
        file: String,
        /// Size of the whole file in bytes.
        expected: u64,
        /// Bytes kept.
        found: u64,
        /// Address asked.
        url: String,
    },
    /// A file is not as long as the hub says.
    #[error("{file} has the wrong size: expected {expected} bytes, found {found}: {url}")]
    Size {
        /// Name in the repository.
        file: String,
        /// Bytes that the hub lists.
        expected: u64,
        /// Bytes sent or announced.
        found: u64,
        /// Address asked.
        url: String,
    },
    /// A file's content is not what the hub lists.
    #[error("{file} has the wrong content: expected sha256 {expected}, found {found}: {url}")]
    Hash {
        /// Name in the repository.
        file: String,
        /// Hexadecimal digits that the hub lists.
        expected: String,
        /// Hexadecimal digits of what was sent.
        found: String,
        /// Address asked.
        url: String,
    },
    /// A file without a listed hash is not of its kind.
    #[error("{file} has the wrong content: {reason}: {url}")]
    Content {
        /// Name in the repository.
        file: String,
        /// What is wrong with it.
        reason: String,
        /// Address asked.
        url: String,
    },
    /// The disk is full; what has arrived is kept.
    #[error("the disk is full: {needed} more bytes are needed (what arrived is kept, and resumed next time): {}", path.display())]
    DiskFull {
        /// Bytes still to come of this file.
        needed: u64,
        /// File being written.
        path: PathBuf,
    },
    /// The store's own files cannot be read or written.
    #[error("cannot {action}: {source}: {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The caller asked to stop; what has arrived is kept.
    #[error("the download was cancelled (what arrived is kept, and resumed next time)")]
    Cancelled,
}

impl StoreError {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Cut { .. } => true,
            Self::Server { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
