//! What a caller tells a download, and what a download tells its caller.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fmt, fs};

use hf_hub::Cache;

use super::StoreError;

const HUB: &str = "https://huggingface.co";

/// Access token of the hub; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, blanks around it removed; `None` if nothing is left.
    pub fn new(token: &str) -> Option<Self> {
        let token = token.trim();
        (!token.is_empty()).then(|| Self(token.to_owned()))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Where from and how stubbornly to download.
#[derive(Clone, Debug)]
pub struct DownloadOptions {
    /// Address of the hub.
    pub endpoint: String,
    /// Access token, sent to the endpoint's host only.
    pub token: Option<Token>,
    /// Download again even if the model is in the store and whole.
    pub replace: bool,
    /// Tries after a failed one, for each file; a try that brings 8 MiB starts the count anew.
    pub retries: u32,
    /// Wait before the first retry; doubled each time, up to 30 seconds.
    pub backoff: Duration,
    /// Longest silence of a server before the connection is given up.
    pub stall: Duration,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            endpoint: HUB.to_owned(),
            token: None,
            replace: false,
            retries: 5,
            backoff: Duration::from_millis(500),
            stall: Duration::from_secs(30),
        }
    }
}

impl DownloadOptions {
    /// The defaults, with what the tools of the hub read from the environment: `HF_ENDPOINT`,
    /// `HF_TOKEN`, and else the token file (`HF_TOKEN_PATH`, or `token` in `HF_HOME`).
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok().filter(|value| !value.trim().is_empty()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let token = variable("HF_TOKEN").or_else(|| token_in_file(&variable));
        Self {
            endpoint: variable("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned()),
            token: token.as_deref().and_then(Token::new),
            ..Self::default()
        }
    }
}

fn token_in_file(variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
    if let Some(path) = variable("HF_TOKEN_PATH") {
        return fs::read_to_string(path).ok();
    }
    let hidden = |cache: PathBuf| cache.join("huggingface");
    let home = variable("HF_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| hidden(cache.into())))
        .or_else(|| {
            Some(hidden(
                directories::BaseDirs::new()?.home_dir().join(".cache"),
            ))
        })?;
    Cache::new(home.join("hub")).token()
}

/// What a download is doing. Numbers are bytes.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Another process is downloading the same model.
    Waiting,
    /// The files are known; `total` is `None` where the hub does not list every size.
    Started {
        /// Number of files.
        files: usize,
        /// Size of all files.
        total: Option<u64>,
    },
    /// A piece of a file has arrived.
    Bytes {
        /// Name of the file.
        file: &'a str,
        /// Bytes of it on disk, those of earlier tries included.
        done: u64,
        /// Its size.
        total: Option<u64>,
    },
    /// A file is complete and is being read for its hash.
    Verifying {
        /// Name of the file.
        file: &'a str,
        /// Bytes read.
        done: u64,
        /// Its size.
        total: Option<u64>,
    },
    /// A try has failed and the next one follows after a wait.
    Retrying {
        /// Name of the file; empty for the listing.
        file: &'a str,
        /// Why the try failed.
        error: &'a StoreError,
        /// Time until the next one.
        wait: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_the_token_file_and_blanks_are_none() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("token"), " from-file\n").unwrap();
        let home = dir.path().to_str().unwrap().to_owned();
        let options = |variables: Vec<(&str, &str)>| {
            DownloadOptions::from_variables(|name| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let token = |text| Token::new(text);
        let both = options(vec![("HF_TOKEN", "from-env"), ("HF_HOME", &home)]);
        assert_eq!(both.token, token("from-env"));
        assert_eq!(options(vec![("HF_HOME", &home)]).token, token("from-file"));
        let file = dir.path().join("token");
        let path = options(vec![
            ("HF_TOKEN_PATH", file.to_str().unwrap()),
            ("HF_HOME", "/none"),
        ]);
        assert_eq!(path.token, token("from-file"));
        let set = options(vec![("HF_ENDPOINT", "http://mirror"), ("HF_HOME", "/none")]);
        assert_eq!((set.endpoint.as_str(), set.token), ("http://mirror", None));
        assert_eq!(token(" \n"), None);
        assert!(
            !format!("{both:?}").contains("from-env"),
            "a token must not reach a log"
        );
    }
}
