//! Updates: off until a release says where they come from and whose signature they carry.
//!
//! `plugins.updater` of `tauri.conf.json` holds both. Without a public key nothing is ever asked of any server; with
//! one, the server is asked when somebody starts `dinoscope-app --update`. See `src-tauri/README.md`.

use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;
use tauri_plugin_updater::UpdaterExt;

/// Whether this build can be updated: its configuration has a public key.
pub(crate) fn is_possible(config: &tauri::Config) -> bool {
    let key = config
        .plugins
        .0
        .get("updater")
        .and_then(|it| it.get("pubkey"));
    key.and_then(|key| key.as_str())
        .is_some_and(|key| !key.trim().is_empty())
}

/// Looks for a newer version and installs it, then says so. The signature is checked before anything is installed.
pub(crate) fn start(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let text = match install(&app).await {
            Ok(Some(version)) => {
                format!("Version {version} is installed. It runs from the next start on.")
            }
            Ok(None) => "This is the newest version.".to_owned(),
            Err(error) => format!("The update failed: {error}"),
        };
        tracing::info!(text, "update");
        let notification = app.notification().builder().title("Dinoscope").body(text);
        if let Err(error) = notification.show() {
            tracing::warn!(%error, "no notification");
        }
    });
}

/// The version that was installed, if there is a newer one.
async fn install(app: &AppHandle) -> tauri_plugin_updater::Result<Option<String>> {
    let Some(update) = app.updater()?.check().await? else {
        return Ok(None);
    };
    update.download_and_install(|_, _| {}, || {}).await?;
    Ok(Some(update.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(updater: &str) -> tauri::Config {
        let text = format!(r#"{{"identifier": "a.b", "plugins": {{"updater": {updater}}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn updates_need_a_public_key() {
        assert!(!is_possible(&config(r#"{"pubkey": "", "endpoints": []}"#)));
        assert!(!is_possible(&config(r#"{"endpoints": []}"#)));
        assert!(is_possible(&config(r#"{"pubkey": "RWQ"}"#)));
    }

    #[test]
    fn this_build_asks_no_server() {
        let text = include_str!("../tauri.conf.json");
        let config: tauri::Config = serde_json::from_str(text).unwrap();
        assert!(!is_possible(&config));
        assert!(text.contains("https://updates.invalid/"));
    }
}
