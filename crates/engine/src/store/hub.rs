//! Requests to the Hugging Face hub: what a repository holds, and a file from a given byte on.
//!
//! Addresses and the token file come from `hf-hub`; the requests are made here with `ureq`, since
//! `hf-hub` 0.5 checks neither length nor hash of what arrives, ends on a 416, offers no way to
//! stop, sends the token on to the host that a file is redirected to, and panics on some redirects.

use std::time::Duration;

use hf_hub::Repo;
use serde::Deserialize;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body, BodyReader};

use super::http::{announced_sha256, as_commit, content_range, join, origin, text};
use super::options::{DownloadOptions, Token};
use super::verify::as_sha256;
use super::{INDEX, StoreError, WEIGHTS, is_plain_name};

const REDIRECTS: usize = 8;
/// Longest listing in bytes; a repository of thousands of files stays far below.
const LISTING_LIMIT: u64 = 16 << 20;
/// Longest text file of a model in bytes; the index of the 7B model is under 100 KiB.
const TEXT_LIMIT: u64 = 16 << 20;
/// Asked for one by one where a server has files but no listing, as simple mirrors do.
const STANDARD_FILES: [&str; 5] = [
    "config.json",
    "preprocessor_config.json",
    "LICENSE.md",
    WEIGHTS,
    INDEX,
];

/// One repository of one hub.
#[derive(Debug)]
pub(super) struct Hub {
    agent: Agent,
    endpoint: String,
    repository: String,
    token: Option<Token>,
}

/// A file as the hub lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    /// Name in the repository, without folders.
    pub name: String,
    /// Size in bytes, if the hub tells it.
    pub size: Option<u64>,
    /// SHA-256 in hexadecimal digits; the hub tells it for large files only.
    pub sha256: Option<String>,
}

/// What a repository holds at one commit.
#[derive(Debug)]
pub(super) struct Listing {
    /// Commit, or `main` where the server names none.
    pub revision: String,
    /// Files at the top of the repository.
    pub files: Vec<Remote>,
}

/// Answer to a request for a file.
pub(super) enum Opened {
    /// The content follows.
    Content(Content),
    /// The server cannot go on at the byte asked for; it has to be the whole file.
    NoResume,
}

/// A file on its way.
pub(super) struct Content {
    /// The bytes from `start` on.
    pub reader: BodyReader<'static>,
    /// Position of the first byte that follows; 0 where the server ignores ranges.
    pub start: u64,
    /// Size of the whole file in bytes, if announced.
    pub total: Option<u64>,
    /// SHA-256 that the hub announces beside the content.
    pub sha256: Option<String>,
    revision: Option<String>,
}

struct Answer {
    response: Response<Body>,
    /// The hub itself answered, and not a host that it redirected to.
    from_hub: bool,
    sha256: Option<String>,
    revision: Option<String>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

impl Remote {
    /// Most bytes that such a file may have, whatever the server says.
    pub(super) fn longest(&self) -> u64 {
        if self.name.ends_with(".safetensors") {
            u64::MAX
        } else {
            TEXT_LIMIT
        }
    }
}

impl Hub {
    pub(super) fn new(repository: &str, options: &DownloadOptions) -> Result<Self, StoreError> {
        let endpoint = options.endpoint.trim_end_matches('/');
        if origin(endpoint).is_none() {
            return Err(StoreError::Endpoint {
                endpoint: options.endpoint.clone(),
            });
        }
        Ok(Self {
            agent: agent(options.stall),
            endpoint: endpoint.to_owned(),
            repository: repository.to_owned(),
            token: options.token.clone(),
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// Address of a file at a commit.
    pub(super) fn url(&self, revision: &str, file: &str) -> String {
        let repo = Repo::model(self.repository.clone());
        format!("{}/{}/resolve/{revision}/{file}", self.endpoint, repo.url())
    }

    /// Files of the default branch, with sizes and hashes as far as the hub tells them.
    pub(super) fn listing(&self) -> Result<Listing, StoreError> {
        let repo = Repo::model(self.repository.clone());
        let url = format!("{}/api/{}?blobs=true", self.endpoint, repo.api_url());
        let mut answer = self.get(&url, 0)?;
        match answer.response.status() {
            StatusCode::OK => {
                let body = answer
                    .response
                    .body_mut()
                    .with_config()
                    .limit(LISTING_LIMIT);
                let text = body
                    .read_to_vec()
                    .map_err(|error| connection(&error, &url))?;
                let info: Info =
                    serde_json::from_slice(&text).map_err(|error| StoreError::Answer {
                        reason: error.to_string(),
                        url,
                    })?;
                Ok(Listing::from(info))
            }
            StatusCode::NOT_FOUND if error_code(&answer.response) != "RepoNotFound" => self.probe(),
            StatusCode::NOT_FOUND => Err(self.unknown_repository()),
            _ => Err(self.refusal(&answer, "", &url)),
        }
    }

    /// Asks for `file` from byte `offset` on.
    pub(super) fn open(
        &self,
        revision: &str,
        file: &str,
        offset: u64,
    ) -> Result<Opened, StoreError> {
        let url = self.url(revision, file);
        let answer = self.get(&url, offset)?;
        let headers = answer.response.headers();
        let (start, total) = match answer.response.status() {
            // Packed content has a length of its own, which says nothing about the file.
            StatusCode::OK if headers.contains_key("content-encoding") => (0, None),
            StatusCode::OK => (0, answer.response.body().content_length()),
            StatusCode::PARTIAL_CONTENT => match content_range(headers) {
                Some((start, total)) if start == offset => (start, total),
                _ => return Ok(Opened::NoResume),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => return Ok(Opened::NoResume),
            _ => return Err(self.refusal(&answer, file, &url)),
        };
        let (sha256, revision) = (answer.sha256, answer.revision);
        let reader = answer.response.into_body().into_reader();
        Ok(Opened::Content(Content {
            reader,
            start,
            total,
            sha256,
            revision,
        }))
    }

    /// A listing made by asking for each file that a model usually has.
    fn probe(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing {
            revision: "main".to_owned(),
            files: Vec::new(),
        };
        for name in STANDARD_FILES {
            match self.open("main", name, 0) {
                Ok(Opened::Content(content)) => {
                    let (size, sha256) = (content.total, content.sha256);
                    listing.files.push(Remote {
                        name: name.to_owned(),
                        size,
                        sha256,
                    });
                    listing.revision = content.revision.unwrap_or(listing.revision);
                }
                Ok(Opened::NoResume) | Err(StoreError::UnknownFile { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if listing.files.is_empty() {
            Err(self.unknown_repository())
        } else {
            Ok(listing)
        }
    }

    /// GET, redirects followed. The token goes to the hub alone, never to where it redirects.
    fn get(&self, url: &str, offset: u64) -> Result<Answer, StoreError> {
        let mut address = url.to_owned();
        let (mut sha256, mut revision) = (None, None);
        for _ in 0..=REDIRECTS {
            let from_hub = origin(&address) == origin(&self.endpoint);
            let mut request = self.agent.get(&address);
            if let Some(token) = self.token.as_ref().filter(|_| from_hub) {
                request = request.header("authorization", format!("Bearer {}", token.secret()));
            }
            if offset > 0 {
                request = request.header("range", format!("bytes={offset}-"));
            }
            let response = request.call().map_err(|error| connection(&error, url))?;
            if from_hub {
                sha256 = announced_sha256(response.headers()).or(sha256);
                revision = text(response.headers(), "x-repo-commit")
                    .and_then(as_commit)
                    .or(revision);
            }
            if !response.status().is_redirection() {
                return Ok(Answer {
                    response,
                    from_hub,
                    sha256,
                    revision,
                });
            }
            address = text(response.headers(), "location")
                .and_then(|location| join(&address, location))
                .ok_or_else(|| StoreError::Answer {
                    reason: "a redirect to nowhere".into(),
                    url: url.into(),
                })?;
        }
        Err(StoreError::Answer {
            reason: "redirects without end".into(),
            url: url.to_owned(),
        })
    }

    fn refusal(&self, answer: &Answer, file: &str, url: &str) -> StoreError {
        let status = answer.response.status().as_u16();
        match status {
            401 if error_code(&answer.response) == "RepoNotFound" => self.unknown_repository(),
            401 | 403 if answer.from_hub => StoreError::Gated {
                repository: self.repository.clone(),
                status,
                with_token: self.token.is_some(),
            },
            404 => StoreError::UnknownFile {
                file: file.to_owned(),
                repository: self.repository.clone(),
            },
            _ => StoreError::Server {
                status,
                url: url.to_owned(),
            },
        }
    }

    fn unknown_repository(&self) -> StoreError {
        StoreError::UnknownRepository {
            repository: self.repository.clone(),
            endpoint: self.endpoint.clone(),
        }
    }
}

impl From<Info> for Listing {
    fn from(info: Info) -> Self {
        let files = info
            .siblings
            .into_iter()
            .filter(|file| is_plain_name(&file.rfilename));
        let files = files.map(|file| {
            let lfs = file.lfs.unwrap_or(Lfs {
                sha256: None,
                size: None,
            });
            Remote {
                name: file.rfilename,
                size: lfs.size.or(file.size),
                sha256: lfs.sha256.as_deref().and_then(as_sha256),
            }
        });
        let revision = as_commit(&info.sha).unwrap_or_else(|| "main".to_owned());
        Self {
            revision,
            files: files.collect(),
        }
    }
}

fn agent(stall: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("dinoscope/", env!("CARGO_PKG_VERSION")))
        // Packed content could not be resumed by position.
        .accept_encoding("identity")
        .timeout_connect(Some(stall))
        .timeout_recv_response(Some(stall))
        .timeout_per_read(Some(stall))
        .build()
        .into()
}

fn connection(error: &ureq::Error, url: &str) -> StoreError {
    StoreError::Connection {
        reason: error.to_string(),
        url: url.to_owned(),
    }
}

fn error_code(response: &Response<Body>) -> &str {
    text(response.headers(), "x-error-code").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_drops_names_and_hashes_that_are_none() {
        let json = r#"{"sha": "../../etc", "other": 1, "siblings": [
            {"rfilename": "config.json", "size": 5},
            {"rfilename": "../evil"}, {"rfilename": "sub/model.safetensors"},
            {"rfilename": "model.safetensors", "size": 1, "lfs": {"sha256": "zz", "size": 9, "pointerSize": 1}}]}"#;
        let listing = Listing::from(serde_json::from_str::<Info>(json).unwrap());
        assert_eq!(listing.revision, "main");
        let remote = |name: &str, size| Remote {
            name: name.into(),
            size: Some(size),
            sha256: None,
        };
        assert_eq!(
            listing.files,
            [remote("config.json", 5), remote("model.safetensors", 9)]
        );
    }

    #[test]
    fn an_endpoint_needs_a_scheme_and_a_host() {
        for (endpoint, good) in [
            ("https://hub.co/", true),
            ("http://localhost:1", true),
            ("hub.co", false),
            ("ftp://hub.co", false),
            ("http://", false),
            ("", false),
        ] {
            let options = DownloadOptions {
                endpoint: endpoint.into(),
                ..DownloadOptions::default()
            };
            assert_eq!(Hub::new("a/b", &options).is_ok(), good, "{endpoint:?}");
        }
    }
}
