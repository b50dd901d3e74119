//! Similarity to a token of the whole picture: the class token, a register.
//!
//! Input: pictures with tokens. Output: `[rows, cols]` cosines a picture. The class token's map shows what the summary
//! of the picture is about; patches that all resemble it have lost what is local in them.

use serde::{Deserialize, Serialize};

use super::knobs::Knobs;
use super::prompts::token_query;
use super::subject::{Context, Found, FoundMap, Scale, Subject};
use super::{AnalysisError, Analyze, bad_setting};

/// Which token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The class token.
    #[default]
    Cls,
    /// One of the registers.
    Register,
}

/// Settings of a similarity to a token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// Class token or register.
    pub token: Kind,
    /// Which register, 0-based.
    pub register: usize,
    /// Asks the first picture's token of every picture, instead of each one's own.
    pub first: bool,
    /// How many of the best patches to report for each map.
    pub top: usize,
}

impl Analyze for Token {
    fn id(&self) -> &'static str {
        "token"
    }

    fn title(&self) -> &'static str {
        "Similarity to a token"
    }

    fn about(&self) -> &'static str {
        "How alike every patch is to the class token or a register."
    }

    fn knobs(&mut self, knobs: &mut dyn Knobs) {
        let mut kind = self.token as usize;
        knobs.choice(
            "token",
            "Class token or register.",
            &mut kind,
            &["cls", "register"],
        );
        self.token = [Kind::Cls, Kind::Register][kind];
        knobs.int(
            "register",
            "Which register, from 0.",
            &mut self.register,
            0..=64,
        );
        let help = "Asks the first picture's token of every picture, instead of each one's own.";
        knobs.toggle("first", help, &mut self.first);
        knobs.int(
            "top",
            "How many of the best patches to point out.",
            &mut self.top,
            0..=64,
        );
    }

    fn run(&self, subjects: &[Subject], cx: &Context) -> Result<Found, AnalysisError> {
        let mut found = Found::default();
        for (at, subject) in subjects.iter().enumerate() {
            cx.cancel.check()?;
            let source = if self.first { &subjects[0] } else { subject };
            let query = token_query(&source.features, self.of(source)?)?;
            let map = cx.compute.cosine(&subject.features, &query);
            let title = match self.token {
                Kind::Cls => format!("similarity to the class token of {}", source.name),
                Kind::Register => {
                    format!(
                        "similarity to register {} of {}",
                        self.register, source.name
                    )
                }
            };
            found
                .maps
                .push(FoundMap::scalar(at, title, map, Scale::Cosine, self.top));
        }
        Ok(found)
    }
}

impl Token {
    /// The token `[dim]` of a picture.
    fn of<'a>(&self, subject: &'a Subject) -> Result<&'a [f32], AnalysisError> {
        let missing = |what| AnalysisError::Missing {
            what,
            reason: "the network gave none",
            subject: subject.name.clone(),
        };
        let dim = subject.features.dim();
        match self.token {
            Kind::Cls if subject.cls.is_empty() => Err(missing("the class token")),
            Kind::Cls => Ok(&subject.cls),
            Kind::Register => {
                let mut registers = subject.registers.chunks_exact(dim);
                let count = registers.len();
                if count == 0 {
                    return Err(missing("the registers"));
                }
                registers.nth(self.register).ok_or_else(|| {
                    let found = format!("{} of {count} registers", self.register);
                    bad_setting("register", "a 0-based number below their count", &found)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{assert_close, subject, values};
    use super::*;
    use crate::feature_map::FeatureMap;

    fn picture() -> Subject {
        let features = FeatureMap::new(1, 2, 2, vec![1.0, 0.0, 0.0, 3.0]).unwrap();
        Subject {
            cls: [0.0, 2.0].into(),
            registers: [1.0, 0.0, 1.0, 1.0].into(),
            ..subject(&features)
        }
    }

    #[test]
    fn each_token_has_its_own_map() {
        let half = std::f32::consts::FRAC_1_SQRT_2;
        for (token, register, expected) in [
            (Kind::Cls, 0, [0.0, 1.0]),
            (Kind::Register, 0, [1.0, 0.0]),
            (Kind::Register, 1, [half, half]),
        ] {
            let settings = Token {
                token,
                register,
                ..Token::default()
            };
            let found = settings.run(&[picture()], &Context::default()).unwrap();
            assert_close(&values(&found, 0), &expected, 1e-6, "token");
        }
    }

    #[test]
    fn a_token_that_is_not_there_is_an_error() {
        let register = Token {
            token: Kind::Register,
            register: 2,
            ..Token::default()
        };
        let error = register.run(&[picture()], &Context::default()).unwrap_err();
        assert!(error.to_string().contains("2 of 2"), "{error}");
        let bare = Subject {
            cls: [].into(),
            ..picture()
        };
        assert!(Token::default().run(&[bare], &Context::default()).is_err());
    }
}
