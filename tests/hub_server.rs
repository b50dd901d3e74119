//! A hub on the loopback interface that can also misbehave.
//!
//! A [`Repository`] answers as the Hugging Face hub does: a listing, files by range, large files by
//! a redirect to another host. A test wraps it in a closure that spoils some of the answers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Commit that every repository here is at.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Path and query.
    pub(crate) path: String,
    /// Headers, names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Request {
    /// First byte asked for by a range.
    pub(crate) fn offset(&self) -> Option<usize> {
        self.headers
            .get("range")?
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    }

    /// Whether the content of `file` is asked for, at the hub or where it redirects to.
    pub(crate) fn is_for(&self, file: &str) -> bool {
        self.path.ends_with(&format!("/{file}"))
    }
}

/// An answer, and how much of it really goes over the line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Length to announce; `None` announces none, and the end of the line ends the body.
    pub(crate) length: Option<usize>,
    /// The line is cut after so many bytes of the body.
    pub(crate) cut_after: Option<usize>,
    /// The line stays silent for so long after the body.
    pub(crate) hang: Duration,
}

impl Reply {
    /// A status and nothing else.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            length: Some(0),
            ..Self::default()
        }
    }

    /// A body with its true length.
    pub(crate) fn body(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            length: Some(body.len()),
            body,
            ..Self::default()
        }
    }

    /// The same with one header more.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Files of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    /// `owner/name`.
    pub(crate) id: &'static str,
    /// Name, content and SHA-256; small files have none listed.
    pub(crate) files: Vec<(&'static str, Vec<u8>, Option<String>)>,
    /// Whether the listing is served; a plain mirror has files only.
    pub(crate) listed: bool,
}

impl Repository {
    pub(crate) fn new(id: &'static str) -> Self {
        Self {
            id,
            files: Vec::new(),
            listed: true,
        }
    }

    /// Adds a small file, which the hub serves itself.
    pub(crate) fn small(mut self, name: &'static str, content: &[u8]) -> Self {
        self.files.push((name, content.to_vec(), None));
        self
    }

    /// Adds a large file, which the hub redirects to another host.
    pub(crate) fn large(mut self, name: &'static str, content: &[u8], sha256: &str) -> Self {
        self.files
            .push((name, content.to_vec(), Some(sha256.to_owned())));
        self
    }

    /// The answer of a well-behaved hub.
    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let listing = format!("/api/models/{}/revision/main?blobs=true", self.id);
        if request.path == listing && self.listed {
            return Reply::body(200, self.listing().into_bytes());
        }
        let (place, name) = request.path.rsplit_once('/').unwrap_or_default();
        let Some((_, content, sha256)) = self.files.iter().find(|file| file.0 == name) else {
            return Reply::status(404);
        };
        let resolve = [COMMIT, "main"].map(|revision| format!("/{}/resolve/{revision}", self.id));
        match sha256 {
            _ if place == "/cdn" => ranged(content, request),
            _ if !resolve.contains(&place.to_owned()) => Reply::status(404),
            None => ranged(content, request)
                .header("etag", "\"a9993e364706816aba3e25717850c26c9cd0d89d\"")
                .header("x-repo-commit", COMMIT),
            // The same server under its other name, which is another host to the client.
            Some(sha256) => Reply::status(302)
                .header(
                    "location",
                    format!("http://localhost:{}/cdn/{name}", port(request)),
                )
                .header("x-linked-etag", format!("\"{sha256}\""))
                .header("x-linked-size", content.len().to_string())
                .header("x-repo-commit", COMMIT),
        }
    }

    fn listing(&self) -> String {
        let files = self.files.iter().map(|(name, content, sha256)| {
            let size = content.len();
            let lfs = sha256.as_ref().map_or(String::new(), |sha256| {
                format!(r#", "lfs": {{"sha256": "{sha256}", "size": {size}, "pointerSize": 134}}"#)
            });
            format!(r#"{{"rfilename": "{name}", "size": {size}{lfs}}}"#)
        });
        let files: Vec<String> = files.collect();
        format!(
            r#"{{"sha": "{COMMIT}", "siblings": [{}]}}"#,
            files.join(", ")
        )
    }
}

/// The part of `content` that a request asks for, as any file server gives it.
fn ranged(content: &[u8], request: &Request) -> Reply {
    let total = content.len();
    match request.offset() {
        None => Reply::body(200, content.to_vec()),
        Some(offset) if offset >= total => {
            Reply::status(416).header("content-range", format!("bytes */{total}"))
        }
        Some(offset) => Reply::body(206, content[offset..].to_vec()).header(
            "content-range",
            format!("bytes {offset}-{}/{total}", total - 1),
        ),
    }
}

fn port(request: &Request) -> &str {
    request.headers["host"]
        .rsplit_once(':')
        .expect("a loopback address has a port")
        .1
}

/// A server on a port of its own; it ends with the value.
#[derive(Debug)]
pub(crate) struct HubServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HubServer {
    /// Answers every request with what `answer` makes of it and of the number of those before it
    /// for the same path.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (log, stopped, answer) = (Arc::clone(&requests), Arc::clone(&stop), Arc::new(answer));
        let accept = move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &log, answer.as_ref()));
            }
        };
        Self {
            address,
            requests,
            stop,
            thread: Some(thread::spawn(accept)),
        }
    }

    /// Address to give as the endpoint.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests
            .lock()
            .expect("no thread panics with the log")
            .clone()
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread so that it sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// One request, one reply. A client that goes away early is no error here.
fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Request>>,
    answer: &(impl Fn(&Request, usize) -> Reply + ?Sized),
) {
    let Some(request) = read_request(&stream) else {
        return;
    };
    let before = {
        let mut log = log.lock().expect("no thread panics with the log");
        let before = log
            .iter()
            .filter(|earlier| earlier.path == request.path)
            .count();
        log.push(request.clone());
        before
    };
    let reply = answer(&request, before);
    let length = reply
        .length
        .map(|length| ("content-length", length.to_string()));
    let mut head = vec![
        format!("HTTP/1.1 {} Test", reply.status),
        "connection: close".to_owned(),
    ];
    head.extend(
        reply
            .headers
            .iter()
            .chain(&length)
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let head = head.join("\r\n") + "\r\n\r\n";
    let sent = reply.cut_after.unwrap_or(usize::MAX).min(reply.body.len());
    let written = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&reply.body[..sent]))
        .and_then(|()| stream.flush());
    if written.is_ok() && !reply.hang.is_zero() {
        drop(stream.set_read_timeout(Some(reply.hang)));
        drop(stream.read(&mut [0]));
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    Some(Request { path, headers })
}
