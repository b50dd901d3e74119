//! The explorer's panels and views.

pub mod fonts;
pub mod icons;
pub mod text;
pub mod theme;
