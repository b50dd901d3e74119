//! The manual, in a window of its own: pages that are part of the program, without scripts and without the network.

use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindowBuilder};

/// Label of the window; its capabilities are in `capabilities/help.json`.
const LABEL: &str = "help";

/// Shows `page` of the manual, in the window that is open or in a new one. Does not wait.
///
/// `page` is a name, `similarity`, with a language before it, `zh-CN/similarity`, or a place behind it, `models#gated`.
/// Anything else shows the first page. Without a language the system's is taken.
pub(crate) fn open(app: &AppHandle, page: &str) {
    let locale = sys_locale::get_locale().unwrap_or_default();
    let mut address = address(page, &locale);
    let file = address.split('#').next().unwrap_or_default().to_owned();
    if app.asset_resolver().get(file).is_none() {
        tracing::warn!(page, "no such page of the manual");
        address = self::address("index", &locale);
    }
    let app = app.clone();
    // Elsewhere than in a frame: making a window draws the others.
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = show(&app, &address) {
            tracing::error!(%error, "the manual did not open");
        }
    });
}

fn show(app: &AppHandle, address: &str) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(LABEL) {
        let target = window
            .url()?
            .join(&format!("/{address}"))
            .map_err(tauri::Error::InvalidUrl)?;
        window.navigate(target)?;
        window.unminimize()?;
        return window.set_focus();
    }
    let title = if address.starts_with("zh") {
        "Dinoscope 使用手册"
    } else {
        "Dinoscope manual"
    };
    let _window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(address.into()))
        .title(title)
        .inner_size(880.0, 760.0)
        .min_inner_size(400.0, 300.0)
        .disable_javascript()
        .incognito(true)
        .on_navigation(|url| is_inside(url) || leave(url))
        .on_new_window(|url, _| {
            leave(&url);
            NewWindowResponse::Deny
        })
        .build()?;
    Ok(())
}

/// Where a page is among the files of the manual.
fn address(page: &str, locale: &str) -> String {
    let (language, page) = match page.split_once('/') {
        Some((language @ ("en" | "zh-CN"), page)) => (language, page),
        Some(_) => (locale, ""),
        None => (locale, page),
    };
    let folder = if language.starts_with("zh") {
        "zh-CN"
    } else {
        "en"
    };
    let (name, place) = page.split_once('#').unwrap_or((page, ""));
    let is_word = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    match (name, place) {
        (name, place) if name.is_empty() || !is_word(name) || !is_word(place) => {
            format!("{folder}/index.html")
        }
        (name, "") => format!("{folder}/{name}.html"),
        (name, place) => format!("{folder}/{name}.html#{place}"),
    }
}

/// Whether an address is the manual's own: `tauri://localhost`, on Windows `http://tauri.localhost`.
fn is_inside(url: &Url) -> bool {
    url.scheme() == "tauri" || matches!(url.host_str(), Some("tauri.localhost"))
}

/// Shows an address of the web in the browser; never in the manual's window.
fn leave(url: &Url) -> bool {
    if url.scheme() == "https"
        && let Err(error) = opener::open_browser(url.as_str())
    {
        tracing::warn!(%error, %url, "no browser");
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_name_and_place() {
        assert_eq!(address("similarity", "fr-FR"), "en/similarity.html");
        assert_eq!(address("similarity", "zh-TW"), "zh-CN/similarity.html");
        assert_eq!(address("en/models#gated", "zh-CN"), "en/models.html#gated");
    }

    #[test]
    fn other_names_show_the_first_page() {
        for page in ["", "../secret", "a/b", "a.html", "a#b\"c", "#x", "A"] {
            assert_eq!(address(page, ""), "en/index.html", "{page}");
        }
    }

    #[test]
    fn only_the_manual_is_inside() {
        let inside = |text: &str| is_inside(&Url::parse(text).unwrap());
        assert!(inside("tauri://localhost/en/index.html") && inside("http://tauri.localhost/"));
        assert!(!inside("https://example.org/") && !inside("file:///etc/passwd"));
    }
}
