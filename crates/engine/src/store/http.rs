//! Addresses and headers, as text from a server that may be wrong: what does not fit is `None`.

use ureq::http::HeaderMap;

use super::verify::as_sha256;

/// A header's value, if there is one and it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The `ETag` of a large file is its SHA-256; that of a small one is a git hash of 40 digits.
pub(super) fn announced_sha256(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag"))?;
    as_sha256(tag.trim_start_matches("W/").trim_matches('"'))
}

/// A commit is part of addresses and of folder names, so nothing else may pass.
pub(super) fn as_commit(text: &str) -> Option<String> {
    let whole = (7..=64).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit());
    whole.then(|| text.to_owned())
}

/// First byte and whole size in `bytes 5-9/10`; the size may be `*`.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, total) = text(headers, "content-range")?
        .strip_prefix("bytes ")?
        .split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// `https://host:port` of an address.
pub(super) fn origin(address: &str) -> Option<&str> {
    let host = address.find("://")? + 3;
    let end = address[host..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |end| host + end);
    let known = matches!(&address[..host], "http://" | "https://");
    (known && end > host).then(|| &address[..end])
}

/// Where a redirect leads: a whole address, one without its scheme, or a path on the same host.
pub(super) fn join(address: &str, location: &str) -> Option<String> {
    let origin_of = origin(address)?;
    match location {
        _ if origin(location).is_some() => Some(location.to_owned()),
        _ if location.starts_with("//") => {
            Some(format!("{}{location}", &origin_of[..=origin_of.find(':')?]))
        }
        _ if location.starts_with('/') => Some(format!("{origin_of}{location}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_joined_to_its_host() {
        let from = "https://hub.co:8443/a/b?c=d";
        let cases = [
            ("https://cdn.co/x?y=z", Some("https://cdn.co/x?y=z")),
            ("//cdn.co/x", Some("https://cdn.co/x")),
            ("/x/y", Some("https://hub.co:8443/x/y")),
            ("file:///etc/passwd", None),
            ("x", None),
            ("", None),
        ];
        for (location, expected) in cases {
            assert_eq!(join(from, location).as_deref(), expected, "{location:?}");
        }
    }

    #[test]
    fn ranges_and_tags_are_read_or_ignored() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
        };
        let range = |value| content_range(&headers("content-range", value));
        assert_eq!(range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(range("bytes 5-9/*"), Some((5, None)));
        for broken in [
            "bytes */10",
            "bytes 5",
            "lines 5-9/10",
            "bytes -1-9/10",
            "bytes 99999999999999999999-1/2",
        ] {
            assert_eq!(range(broken), None, "{broken}");
        }
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let quoted = "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";
        assert_eq!(
            announced_sha256(&headers("x-linked-etag", quoted)).as_deref(),
            Some(digits)
        );
        assert_eq!(
            announced_sha256(&headers(
                "etag",
                "\"a9993e364706816aba3e25717850c26c9cd0d89d\""
            )),
            None
        );
    }
}
