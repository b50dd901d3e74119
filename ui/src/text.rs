//! The words of the window: Fluent catalogues in English and simplified Chinese, switched while it runs.
//!
//! [`set`] chooses the language of a context, [`tr`] gives a message, [`tr_with`] one with values in it. A message
//! without values costs a look-up, not an allocation. What Chinese lacks shows in English; what English lacks shows
//! as its id.
//!
//! The messages stand in `ui/text/<language>/<area>.ftl`; a new area is a line in `AREAS`.

use std::{collections::HashMap, fmt, ops::Deref, sync::Arc};

use egui::{Context, Id, RichText, WidgetText};
use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

pub use fluent_bundle::FluentValue as Value;

mod number;

pub use number::{bytes, count, decimal, millis};

/// The files of one area, `(area, English, Chinese)`.
macro_rules! areas {
    ($($area:literal),* $(,)?) => {
        /// The areas of the catalogues.
        const AREAS: &[(&str, &str, &str)] = &[$((
            $area,
            include_str!(concat!("../text/en/", $area, ".ftl")),
            include_str!(concat!("../text/zh-CN/", $area, ".ftl")),
        )),*];
    };
}

areas![
    "app",
    "library",
    "canvas",
    "similarity",
    "pca",
    "matches",
    "compare",
    "groups",
    "models",
    "settings",
    "commands",
    "edit",
    "export",
    "start",
    "project",
    "jobs",
    "panels",
    "errors",
];

/// What analyses say about themselves, in Chinese. Their English is the engine's: see [`tr_or`].
const ANALYSES: &str = include_str!("../text/zh-CN/analyses.ftl");

/// A language of the window.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Lang {
    /// All languages, in the order of the settings page.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// The language of the system, English if it is none of ours.
    pub fn of_system() -> Self {
        sys_locale::get_locale().map_or(Self::En, |locale| Self::of_locale(&locale))
    }

    /// The language for a locale such as `zh-Hans-CN`.
    pub fn of_locale(locale: &str) -> Self {
        let language = locale.split(['-', '_', '.']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("zh") {
            Self::ZhCn
        } else {
            Self::En
        }
    }

    /// Its own name, for the choice of the language.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::ZhCn => "简体中文",
        }
    }

    /// Its tag, as in the folders of the manual.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    fn sources(self) -> impl Iterator<Item = &'static str> {
        let own = match self {
            Self::En => None,
            Self::ZhCn => Some(ANALYSES),
        };
        let areas = AREAS.iter().map(move |&(_, en, zh)| match self {
            Self::En => en,
            Self::ZhCn => zh,
        });
        areas.chain(own)
    }
}

/// A piece of text that is cheap to clone; goes wherever egui takes text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Default for Text {
    fn default() -> Self {
        Self(Arc::from(""))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self(text.as_str().into())
    }
}

impl From<&Self> for Text {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_ref().to_owned()
    }
}

impl From<Text> for WidgetText {
    fn from(text: Text) -> Self {
        Self::from(&*text.0)
    }
}

impl From<&Text> for WidgetText {
    fn from(text: &Text) -> Self {
        Self::from(&*text.0)
    }
}

impl From<Text> for RichText {
    fn from(text: Text) -> Self {
        Self::new(&*text.0)
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

/// Shows `ctx` in `lang` from now on.
pub fn set(ctx: &Context, lang: Lang) {
    if ctx
        .data(|data| data.get_temp::<Arc<Catalogue>>(Id::NULL))
        .is_none_or(|it| it.lang != lang)
    {
        let catalogue = Arc::new(Catalogue::new(lang));
        ctx.data_mut(|data| data.insert_temp(Id::NULL, catalogue));
        ctx.request_repaint();
    }
}

/// The language that `ctx` is shown in; English before [`set`].
pub fn lang(ctx: &Context) -> Lang {
    catalogue(ctx).lang
}

/// The message `id` in the language of `ctx`. A `Ui` will do as a context.
pub fn tr(ctx: &Context, id: &str) -> Text {
    let catalogue = catalogue(ctx);
    match catalogue.fixed.get(id) {
        Some(text) => text.clone(),
        None => catalogue.format(id, &[]),
    }
}

/// The message `id` with `values` for its variables: `tr_with(ui, "library-count", &[("count", 12.into())])`.
pub fn tr_with(ctx: &Context, id: &str, values: &[(&str, Value<'_>)]) -> Text {
    catalogue(ctx).format(id, values)
}

/// The message `id`, or `otherwise` where no language has it.
pub fn tr_or(ctx: &Context, id: &str, otherwise: &str) -> Text {
    let catalogue = catalogue(ctx);
    let found = catalogue.fixed.get(id).cloned();
    found.unwrap_or_else(|| Text::from(otherwise))
}

/// As [`tr_with`], or `None` where no language has the message.
pub fn tr_if_known(ctx: &Context, id: &str, values: &[(&str, Value<'_>)]) -> Option<Text> {
    let catalogue = catalogue(ctx);
    let known = catalogue.bundles.iter().any(|it| it.has_message(id));
    known.then(|| catalogue.format(id, values))
}

fn catalogue(ctx: &Context) -> Arc<Catalogue> {
    if let Some(catalogue) = ctx.data(|data| data.get_temp(Id::NULL)) {
        return catalogue;
    }
    let catalogue = Arc::new(Catalogue::new(Lang::default()));
    ctx.data_mut(|data| data.insert_temp(Id::NULL, Arc::clone(&catalogue)));
    catalogue
}

/// The messages of a language.
struct Catalogue {
    lang: Lang,
    /// Messages without variables, formatted.
    fixed: HashMap<&'static str, Text>,
    /// The language's own messages, then English for what it lacks.
    bundles: Vec<FluentBundle<FluentResource>>,
}

impl Catalogue {
    fn new(lang: Lang) -> Self {
        let languages: &[Lang] = match lang {
            Lang::En => &[Lang::En],
            Lang::ZhCn => &[Lang::ZhCn, Lang::En],
        };
        let mut catalogue = Self {
            lang,
            fixed: HashMap::new(),
            bundles: Vec::new(),
        };
        for &language in languages {
            let bundle = bundle(language, lang);
            for id in language.sources().flat_map(ids) {
                if let Some(text) = fixed(&bundle, id) {
                    catalogue.fixed.entry(id).or_insert(text);
                }
            }
            catalogue.bundles.push(bundle);
        }
        catalogue
    }

    fn format(&self, id: &str, values: &[(&str, Value<'_>)]) -> Text {
        let patterns = self.bundles.iter().find_map(|bundle| {
            let pattern = bundle.get_message(id)?.value()?;
            Some((bundle, pattern))
        });
        let Some((bundle, pattern)) = patterns else {
            tracing::debug!(id, "no such message");
            return Text::from(id);
        };
        let args: FluentArgs<'_> = values
            .iter()
            .map(|(name, value)| (*name, value.clone()))
            .collect();
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
        for error in errors {
            tracing::debug!(id, %error, "message");
        }
        Text::from(text.as_ref())
    }
}

/// The messages of `language`, with numbers as in `shown`.
fn bundle(language: Lang, shown: Lang) -> FluentBundle<FluentResource> {
    let tag: LanguageIdentifier = language.tag().parse().expect("our tags are well-formed");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match shown {
        Lang::En => |value, _| number::formatted(value, Lang::En),
        Lang::ZhCn => |value, _| number::formatted(value, Lang::ZhCn),
    }));
    for source in language.sources() {
        // A faulty entry is left out and the rest stays; the tests refuse both faults.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(it, errors)| {
            tracing::debug!(?errors, "catalogue");
            it
        });
        if let Err(errors) = bundle.add_resource(resource) {
            tracing::debug!(?errors, "catalogue");
        }
    }
    bundle
}

/// The text of a message without variables.
fn fixed(bundle: &FluentBundle<FluentResource>, id: &str) -> Option<Text> {
    let pattern = bundle.get_message(id)?.value()?;
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, None, &mut errors);
    errors.is_empty().then(|| Text::from(text.as_ref()))
}

/// The ids in a catalogue: what stands before ` =` at the start of a line.
fn ids(source: &'static str) -> impl Iterator<Item = &'static str> {
    source.lines().filter_map(id_of_line)
}

fn id_of_line(line: &str) -> Option<&str> {
    let (id, _) = line.split_once('=')?;
    let id = id.trim_end();
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (line.starts_with(|c: char| c.is_ascii_alphabetic()) && id.bytes().all(letters)).then_some(id)
}

#[cfg(test)]
mod tests;
