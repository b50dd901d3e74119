//! The model store against a hub that cuts the line, lies, refuses and redirects.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use dinoscope_engine::store::{
    DownloadOptions, Installed, Progress, Store, StoreError, Token, Wanted, sha256_file,
};
use tempfile::TempDir;

use crate::hub_server::{COMMIT, HubServer, Reply, Repository, Request};

const REPOSITORY: &str = "facebook/dinov3-tiny";
const WEIGHTS: &str = "model.safetensors";

/// A valid safetensors file of a bit over `len` bytes; `seed` varies its content.
fn weights(len: usize, seed: u8) -> Vec<u8> {
    let header = format!(r#"{{"x":{{"dtype":"U8","shape":[{len}],"data_offsets":[0,{len}]}}}}"#);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..len).map(|i| (i % 251) as u8 ^ seed));
    bytes
}

fn sha256(content: &[u8]) -> String {
    let dir = tempfile::tempdir().expect("a temporary folder is usable");
    fs::write(dir.path().join("content"), content).expect("a temporary folder is usable");
    sha256_file(&dir.path().join("content"), |_| true).expect("a temporary folder is usable")
}

fn repository(content: &[u8]) -> Repository {
    Repository::new(REPOSITORY)
        .small("config.json", b"{\"model_type\": \"dinov3_vit\"}")
        .small("README.md", b"# not wanted")
        .small("LICENSE.md", b"DINOv3 License")
        .large(WEIGHTS, content, &sha256(content))
}

/// A store of its own and the settings for one server.
struct Client {
    dir: TempDir,
    options: DownloadOptions,
}

impl Client {
    fn new(server: &HubServer) -> Self {
        let options = DownloadOptions {
            endpoint: server.endpoint(),
            retries: 3,
            backoff: Duration::from_millis(1),
            stall: Duration::from_secs(5),
            ..DownloadOptions::default()
        };
        Self {
            dir: tempfile::tempdir().expect("a temporary folder is usable"),
            options,
        }
    }

    fn store(&self) -> Store {
        Store::at(self.dir.path())
    }

    fn models(&self) -> Vec<Installed> {
        self.store().models().expect("the store is readable")
    }

    fn download(&self) -> Result<Installed, StoreError> {
        self.download_with(&mut |_| {}, &|| false)
    }

    fn download_with(
        &self,
        progress: &mut dyn FnMut(Progress<'_>),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Installed, StoreError> {
        let wanted = Wanted::new("tiny", REPOSITORY).expect("both names are plain");
        self.store()
            .download(&wanted, &self.options, progress, cancelled)
    }

    fn staging(&self) -> PathBuf {
        self.dir
            .path()
            .join(format!("models/.partial/tiny@{COMMIT}"))
    }

    /// Leaves what an interrupted run would have left of the weights.
    fn leave_part(&self, bytes: &[u8]) {
        fs::create_dir_all(self.staging()).expect("a temporary folder is usable");
        fs::write(self.part(), bytes).expect("a temporary folder is usable");
    }

    fn part(&self) -> PathBuf {
        self.staging().join("model.safetensors.part")
    }

    fn assert_installed(&self, model: &Installed, content: &[u8]) {
        assert_eq!(model.path, self.dir.path().join("models/tiny"));
        assert!(
            fs::read(model.path.join(WEIGHTS)).expect("a temporary folder is usable") == content,
            "the content differs"
        );
        assert!(model.is_whole());
        assert_eq!(self.models(), std::slice::from_ref(model));
        assert!(!self.staging().exists());
    }

    fn assert_nothing_installed(&self) {
        assert_eq!(self.models(), []);
        assert_eq!(self.store().find("tiny"), None);
    }
}

/// Starts offsets of the requests for the weights' bytes.
fn offsets(server: &HubServer) -> Vec<usize> {
    let requests = server.requests();
    let bytes = requests
        .iter()
        .filter(|request| request.path == format!("/cdn/{WEIGHTS}"));
    bytes.map(|request| request.offset().unwrap_or(0)).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a temporary folder is usable");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("a temporary folder is usable")
                .file_name()
                .into_string()
                .expect("names are ASCII")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_model_arrives_with_its_license_and_its_source() {
    let content = weights(200_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| hub.answer(request));
    let client = Client::new(&server);
    let mut last = (0, None);
    let mut started = None;
    let model = client
        .download_with(
            &mut |progress| match progress {
                Progress::Started { files, total } => started = Some((files, total)),
                Progress::Bytes {
                    file: WEIGHTS,
                    done,
                    total,
                } => last = (done, total),
                _ => {}
            },
            &|| false,
        )
        .unwrap();
    client.assert_installed(&model, &content);
    let expected = ["LICENSE.md", "config.json", WEIGHTS, "source.json"];
    assert_eq!(names_in(&model.path), expected);
    let source = model.source.unwrap();
    assert_eq!(
        (source.repository.as_str(), source.revision.as_str()),
        (REPOSITORY, COMMIT)
    );
    let record = source
        .files
        .iter()
        .find(|file| file.name == WEIGHTS)
        .unwrap();
    assert_eq!(record.sha256, sha256(&content));
    let len = content.len() as u64;
    assert_eq!((record.size, last), (len, (len, Some(len))));
    assert_eq!(started, Some((3, Some(len + 28 + 14))));

    let asked = server.requests().len();
    client.download().unwrap();
    assert_eq!(
        server.requests().len(),
        asked,
        "a whole model needs no request"
    );
}

#[test]
fn a_cut_line_is_resumed_where_it_broke() {
    let content = weights(300_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, before| {
        let mut reply = hub.answer(request);
        if request.path.starts_with("/cdn/") && before < 2 {
            reply.cut_after = Some(100_000);
        }
        reply
    });
    let client = Client::new(&server);
    let mut retries = Vec::new();
    let model = client
        .download_with(
            &mut |progress| {
                if let Progress::Retrying { error, .. } = progress {
                    retries.push(error.to_string());
                }
            },
            &|| false,
        )
        .unwrap();
    client.assert_installed(&model, &content);
    assert_eq!(offsets(&server), [0, 100_000, 200_000]);
    assert_eq!(retries.len(), 2);
    assert!(retries[0].contains("found 100000"), "{}", retries[0]);
}

#[test]
fn a_later_run_resumes_what_an_earlier_one_left() {
    let content = weights(300_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, before| {
        let mut reply = hub.answer(request);
        if request.path.starts_with("/cdn/") && before == 0 {
            reply.cut_after = Some(120_000);
        }
        reply
    });
    let mut client = Client::new(&server);
    client.options.retries = 0;
    let error = client.download().unwrap_err();
    assert!(
        matches!(error, StoreError::Cut { found: 120_000, .. }),
        "{error}"
    );
    client.assert_nothing_installed();
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
    assert_eq!(offsets(&server), [0, 120_000]);
    let requests = server.requests();
    let small = requests
        .iter()
        .filter(|request| request.is_for("config.json"))
        .count();
    assert_eq!(small, 1, "a file that was complete is not fetched again");
}

#[test]
fn a_line_that_is_always_cut_ends_after_the_last_retry() {
    let hub = repository(&weights(300_000, 0));
    let server = HubServer::start(move |request, _| {
        let mut reply = hub.answer(request);
        if request.path.starts_with("/cdn/") {
            reply.cut_after = Some(10);
        }
        reply
    });
    let client = Client::new(&server);
    let error = client.download().unwrap_err();
    assert!(
        matches!(error, StoreError::Cut { found: 40, .. }),
        "{error}"
    );
    assert_eq!(offsets(&server), [0, 10, 20, 30]);
    assert_eq!(fs::metadata(client.part()).unwrap().len(), 40);
}

#[test]
fn a_silent_server_is_given_up_and_asked_again() {
    let content = weights(50_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, before| {
        let mut reply = hub.answer(request);
        if request.path.starts_with("/cdn/") && before == 0 {
            (reply.cut_after, reply.hang) = (Some(20_000), Duration::from_secs(10));
        }
        reply
    });
    let mut client = Client::new(&server);
    client.options.stall = Duration::from_millis(200);
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
    assert_eq!(offsets(&server), [0, 20_000]);
}

#[test]
fn gates_are_explained_and_nothing_is_left_under_the_name() {
    for status in [401, 403] {
        let hub = repository(&weights(100, 0));
        let server = HubServer::start(move |request, _| {
            if request.path.contains("/resolve/") {
                Reply::status(status)
            } else {
                hub.answer(request)
            }
        });
        let client = Client::new(&server);
        let message = client.download().unwrap_err().to_string();
        for part in [
            &*format!("HTTP {status}"),
            "gated",
            "log in",
            "accept the DINOv3 license at https://huggingface.co/facebook/dinov3-tiny",
            "HF_TOKEN",
            "no token was sent",
        ] {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
        assert!(!message.contains('\n'));
        client.assert_nothing_installed();
    }
}

#[test]
fn the_token_goes_to_the_hub_and_not_to_where_it_redirects() {
    let content = weights(1000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| {
        let allowed = request
            .headers
            .get("authorization")
            .is_some_and(|it| it == "Bearer hf_secret");
        if allowed || request.path.starts_with("/cdn/") {
            hub.answer(request)
        } else {
            Reply::status(401)
        }
    });
    let mut client = Client::new(&server);
    assert!(matches!(
        client.download(),
        Err(StoreError::Gated {
            with_token: false,
            ..
        })
    ));
    client.options.token = Token::new("hf_wrong");
    assert!(matches!(
        client.download(),
        Err(StoreError::Gated {
            with_token: true,
            ..
        })
    ));
    client.options.token = Token::new("hf_secret");
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
    let with_token = |request: &&Request| request.headers.contains_key("authorization");
    let requests = server.requests();
    let (cdn, own): (Vec<_>, Vec<_>) = requests.iter().partition(|it| it.path.starts_with("/cdn/"));
    assert_eq!(
        (cdn.len(), cdn.iter().filter(|it| with_token(it)).count()),
        (1, 0)
    );
    assert_eq!(own.iter().filter(|it| !with_token(it)).count(), 1);
}

#[test]
fn an_unknown_repository_and_a_missing_file_are_told_apart() {
    let server = HubServer::start(|_, _| Reply::status(404));
    let client = Client::new(&server);
    let error = client.download().unwrap_err();
    assert!(
        matches!(error, StoreError::UnknownRepository { .. }),
        "{error}"
    );

    // The hub answers 401 for what does not exist, to hide what is private.
    let server = HubServer::start(|_, _| Reply::status(401).header("x-error-code", "RepoNotFound"));
    let error = Client::new(&server).download().unwrap_err();
    assert!(
        matches!(error, StoreError::UnknownRepository { .. }),
        "{error}"
    );

    let hub = repository(&weights(100, 0));
    let server = HubServer::start(move |request, _| {
        if request.path.contains("/resolve/") {
            Reply::status(404)
        } else {
            hub.answer(request)
        }
    });
    let error = Client::new(&server).download().unwrap_err();
    assert!(matches!(error, StoreError::UnknownFile { .. }), "{error}");

    let hub = Repository::new(REPOSITORY).small("config.json", b"{}");
    let server = HubServer::start(move |request, _| hub.answer(request));
    let error = Client::new(&server).download().unwrap_err();
    assert!(matches!(error, StoreError::NoWeights { .. }), "{error}");
}

#[test]
fn a_refused_range_starts_the_file_again() {
    let content = weights(50_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| {
        if request.offset().is_some() {
            Reply::status(416)
        } else {
            hub.answer(request)
        }
    });
    let client = Client::new(&server);
    client.leave_part(&content[..10_000]);
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
}

#[test]
fn an_ignored_range_and_a_wrong_one_start_the_file_again() {
    let content = weights(50_000, 0);
    for wrong in [false, true] {
        let hub = repository(&content);
        let server = HubServer::start(move |request, _| {
            let mut whole = request.clone();
            if !request.path.starts_with("/cdn/") || whole.headers.remove("range").is_none() {
                return hub.answer(request);
            }
            let mut reply = hub.answer(&whole);
            if wrong {
                reply = reply.header("content-range", "bytes 0-1/2");
                reply.status = 206;
            }
            reply
        });
        let client = Client::new(&server);
        client.leave_part(&content[..10_000]);
        let model = client.download().unwrap();
        client.assert_installed(&model, &content);
    }
}

#[test]
fn a_server_error_is_tried_again_a_bounded_number_of_times() {
    for (status, place) in [
        (500, "/api/"),
        (503, "/resolve/"),
        (502, "/cdn/"),
        (429, "/api/"),
    ] {
        let content = weights(100, 0);
        let hub = repository(&content);
        let server = HubServer::start(move |request, before| {
            if request.path.contains(place) && before < 2 {
                Reply::status(status)
            } else {
                hub.answer(request)
            }
        });
        let client = Client::new(&server);
        let model = client.download().unwrap();
        client.assert_installed(&model, &content);
    }
    let server = HubServer::start(|_, _| Reply::status(500));
    let error = Client::new(&server).download().unwrap_err();
    assert!(
        matches!(error, StoreError::Server { status: 500, .. }),
        "{error}"
    );
    assert_eq!(server.requests().len(), 4, "one try and three retries");
}

#[test]
fn a_hub_that_is_not_there_is_an_error() {
    let server = HubServer::start(|_, _| Reply::status(500));
    let client = Client::new(&server);
    drop(server);
    let error = client.download().unwrap_err();
    assert!(matches!(error, StoreError::Connection { .. }), "{error}");
    client.assert_nothing_installed();
}

#[test]
fn sizes_that_contradict_the_listing_are_refused() {
    let content = weights(50_000, 0);
    for lie in [49_000, 60_000] {
        let hub = repository(&content);
        let mut lying = content.clone();
        lying.resize(lie, 7);
        let server = HubServer::start(move |request, _| match request.path.as_str() {
            "/cdn/model.safetensors" => Reply::body(200, lying.clone()),
            _ => hub.answer(request),
        });
        let client = Client::new(&server);
        let error = client.download().unwrap_err();
        assert!(matches!(error, StoreError::Size { .. }), "{error}");
        client.assert_nothing_installed();
        assert!(!client.part().exists(), "nothing of a lie is kept");
    }
}

#[test]
fn more_bytes_than_listed_are_noticed_without_an_announced_length() {
    let content = weights(50_000, 0);
    let hub = repository(&content);
    let endless = [content, vec![7; 1_000_000]].concat();
    let server = HubServer::start(move |request, _| match request.path.as_str() {
        "/cdn/model.safetensors" => Reply {
            length: None,
            ..Reply::body(200, endless.clone())
        },
        _ => hub.answer(request),
    });
    let client = Client::new(&server);
    let error = client.download().unwrap_err();
    let StoreError::Size {
        expected, found, ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(
        found,
        expected + 1,
        "reading stops at the first byte too many"
    );
    assert!(!client.part().exists());
    client.assert_nothing_installed();
}

#[test]
fn wrong_content_of_the_right_size_is_refused_and_dropped() {
    let content = weights(50_000, 0);
    let hub = repository(&content);
    let other = weights(50_000, 1);
    let server = HubServer::start(move |request, _| match request.path.as_str() {
        "/cdn/model.safetensors" => Reply::body(200, other.clone()),
        _ => hub.answer(request),
    });
    let client = Client::new(&server);
    let error = client.download().unwrap_err();
    assert!(matches!(error, StoreError::Hash { .. }), "{error}");
    assert_eq!(offsets(&server).len(), 1);
    assert!(!client.part().exists());
    client.assert_nothing_installed();
}

#[test]
fn a_spoiled_part_is_dropped_and_the_file_fetched_anew() {
    let content = weights(50_000, 0);
    for len in [10_000, content.len(), content.len() + 5] {
        let hub = repository(&content);
        let server = HubServer::start(move |request, _| hub.answer(request));
        let client = Client::new(&server);
        client.leave_part(&vec![9; len]);
        let model = client.download().unwrap();
        client.assert_installed(&model, &content);
    }
}

#[test]
fn parts_of_another_commit_are_not_continued() {
    let content = weights(50_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| hub.answer(request));
    let client = Client::new(&server);
    let stale = client.dir.path().join("models/.partial/tiny@abcdef0123");
    fs::create_dir_all(&stale).unwrap();
    fs::write(stale.join("model.safetensors.part"), vec![9; 10_000]).unwrap();
    client.download().unwrap();
    assert_eq!(offsets(&server), [0]);
    assert!(!stale.exists());
}

#[test]
fn a_mirror_without_a_listing_serves_as_well() {
    let content = weights(50_000, 0);
    let hub = Repository {
        listed: false,
        ..repository(&content)
    };
    let server = HubServer::start(move |request, _| hub.answer(request));
    let client = Client::new(&server);
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
    assert_eq!(model.source.unwrap().revision, COMMIT);

    // The hash of the redirect is the only one here, and it does not fit.
    let hub = Repository {
        listed: false,
        ..Repository::new(REPOSITORY)
    };
    let hub = hub.large(WEIGHTS, &content, &sha256(b"other"));
    let server = HubServer::start(move |request, _| hub.answer(request));
    let error = Client::new(&server).download().unwrap_err();
    assert!(matches!(error, StoreError::Hash { .. }), "{error}");
}

#[test]
fn a_login_page_instead_of_a_file_is_noticed() {
    let hub = Repository {
        listed: false,
        ..repository(&weights(100, 0))
    };
    let server = HubServer::start(move |request, _| {
        if request.path.starts_with("/api/") {
            return hub.answer(request);
        }
        Reply::body(200, b"<html>Please log in to this network</html>".to_vec())
    });
    let client = Client::new(&server);
    let error = client.download().unwrap_err();
    assert!(matches!(error, StoreError::Content { .. }), "{error}");
    client.assert_nothing_installed();
}

#[test]
fn an_endless_settings_file_is_refused() {
    let hub = Repository {
        listed: false,
        ..repository(&weights(100, 0))
    };
    let server = HubServer::start(move |request, _| {
        if request.is_for("config.json") {
            return Reply {
                length: None,
                ..Reply::body(200, vec![b' '; 17 << 20])
            };
        }
        hub.answer(request)
    });
    let error = Client::new(&server).download().unwrap_err();
    assert!(matches!(error, StoreError::Content { .. }), "{error}");
}

#[test]
fn redirects_without_end_or_to_nowhere_are_errors() {
    for location in ["/again", "file:///etc/passwd", "nowhere"] {
        let server = HubServer::start(move |_, _| Reply::status(302).header("location", location));
        let error = Client::new(&server).download().unwrap_err();
        assert!(
            matches!(error, StoreError::Answer { .. }),
            "{location}: {error}"
        );
        assert!(server.requests().len() < 20);
    }
}

#[test]
fn a_listing_that_is_no_listing_is_an_error() {
    for body in ["", "[]", "{\"sha\": 1}", "<html>"] {
        let server = HubServer::start(move |_, _| Reply::body(200, body.into()));
        let error = Client::new(&server).download().unwrap_err();
        assert!(
            matches!(error, StoreError::Answer { .. }),
            "{body:?}: {error}"
        );
    }
}

#[test]
fn every_shard_of_an_index_arrives() {
    let (one, two) = (weights(1000, 1), weights(2000, 2));
    let index = br#"{"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors",
        "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}"#;
    let hub = Repository::new(REPOSITORY)
        .small("model.safetensors.index.json", index)
        .large("model-00001-of-00002.safetensors", &one, &sha256(&one))
        .large("model-00002-of-00002.safetensors", &two, &sha256(&two))
        .large("unrelated.safetensors", &two, &sha256(&two));
    let server = HubServer::start(move |request, _| hub.answer(request));
    let client = Client::new(&server);
    let model = client.download().unwrap();
    let expected = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "source.json",
    ];
    assert_eq!(names_in(&model.path), expected);
    assert!(fs::read(model.path.join(expected[1])).unwrap() == two);
}

#[test]
fn cancelling_stops_at_once_and_keeps_the_part() {
    let content = weights(3_000_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| hub.answer(request));
    let client = Client::new(&server);
    let stop = Cell::new(false);
    let result = client.download_with(
        &mut |progress| {
            if let Progress::Bytes {
                file: WEIGHTS,
                done,
                ..
            } = progress
            {
                stop.set(done > 100_000);
            }
        },
        &|| stop.get(),
    );
    assert!(matches!(result, Err(StoreError::Cancelled)));
    client.assert_nothing_installed();
    let kept = fs::metadata(client.part()).unwrap().len() as usize;
    assert!((100_000..content.len()).contains(&kept), "{kept}");
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
    assert_eq!(offsets(&server), [0, kept]);
}

#[test]
fn a_damaged_model_is_fetched_again_and_a_whole_one_only_when_asked() {
    let content = weights(5000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| hub.answer(request));
    let mut client = Client::new(&server);
    let model = client.download().unwrap();
    fs::write(model.path.join(WEIGHTS), b"cut").unwrap();
    assert!(!client.store().models().unwrap()[0].is_whole());
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
    client.options.replace = true;
    let model = client.download().unwrap();
    client.assert_installed(&model, &content);
    assert_eq!(offsets(&server).len(), 3);
}

#[test]
fn two_downloads_of_one_model_do_not_disturb_each_other() {
    let content = weights(2_000_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| hub.answer(request));
    let client = Client::new(&server);
    let (send, arrived) = channel();
    let (waiting, go_on) = channel();
    let client = &client;
    std::thread::scope(|scope| {
        // The first stops in the middle until the second has been seen to wait for it.
        scope.spawn(move || {
            let mut held = false;
            let mut progress = |progress: Progress<'_>| {
                if matches!(progress, Progress::Bytes { file: WEIGHTS, .. }) && !held {
                    held = true;
                    send.send(()).unwrap();
                    go_on.recv_timeout(Duration::from_secs(20)).unwrap();
                }
            };
            client.download_with(&mut progress, &|| false).unwrap();
        });
        arrived.recv_timeout(Duration::from_secs(20)).unwrap();
        let mut waited = 0;
        let mut progress = |progress: Progress<'_>| {
            if matches!(progress, Progress::Waiting) {
                waited += 1;
                let _ = waiting.send(());
            }
        };
        let model = client.download_with(&mut progress, &|| false).unwrap();
        client.assert_installed(&model, &content);
        assert!(waited > 0);
    });
    assert_eq!(
        offsets(&server),
        [0],
        "the second found the first one's work"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    let content = weights(50_000, 0);
    let hub = repository(&content);
    let server = HubServer::start(move |request, _| hub.answer(request));
    let client = Client::new(&server);
    fs::create_dir_all(client.staging()).unwrap();
    // Every write to this device fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", client.part()).unwrap();
    let error = client.download().unwrap_err();
    let needed = content.len() as u64;
    assert!(
        matches!(&error, StoreError::DiskFull { needed: n, .. } if *n == needed),
        "{error}"
    );
    client.assert_nothing_installed();
}

#[test]
fn an_unusable_folder_is_an_error() {
    let server = HubServer::start(|_, _| Reply::status(500));
    let client = Client::new(&server);
    fs::write(client.dir.path().join("models"), b"a file").unwrap();
    let error = client.download().unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}
