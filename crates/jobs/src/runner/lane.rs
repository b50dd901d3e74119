//! Lanes: kinds of work that must not wait for each other.

use serde::Serialize;

/// Threads that a job runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Pictures and thumbnails.
    Decode,
    /// Networks: opening them and running them.
    Network,
    /// Analyses.
    Analysis,
    /// Folders, saving, exports.
    Files,
    /// Downloads.
    Transfer,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 5] = [
        Self::Decode,
        Self::Network,
        Self::Analysis,
        Self::Files,
        Self::Transfer,
    ];

    /// Its place in [`Lane::ALL`].
    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// Name of its threads.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Network => "network",
            Self::Analysis => "analysis",
            Self::Files => "files",
            Self::Transfer => "transfer",
        }
    }
}
