//! Pictures to learn from: where they are, in which order they come, decoded and cropped ahead of the network.
//!
//! A [`Source`] → [`DataSet`], a list of [`Item`]s. An [`Order`] says which items a batch has, as a function of the seed
//! and the batch's number alone, so that a resumed run sees the same pictures. A [`Loader`] makes samples of them on
//! threads.

mod error;
mod loader;
mod manifest;
mod order;
mod set;
mod split;

pub use error::DataError;
pub(crate) use loader::AHEAD;
pub use loader::{Batch, Decoded, Loader, LoaderSettings};
pub use manifest::write_manifest;
pub use order::Order;
pub use set::{DataSet, Item, Source};

#[cfg(test)]
mod claims;
#[cfg(test)]
mod tests;
