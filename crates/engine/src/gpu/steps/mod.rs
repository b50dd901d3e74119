//! Whole steps of analyses on the device: upload, run, read back. Each has a CPU twin with the same result.

mod channels;
mod clusters;
mod matching;
mod projection;
mod resample;
mod similarity;
