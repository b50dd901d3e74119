//! The explorer's panels and views.
