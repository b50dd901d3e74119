//! One list makes an open set: every entry is a settings struct, and the enum over them is what menus, commands, saved
//! projects and tests walk.

/// Makes an enum of settings structs that share an object-safe trait.
///
/// ```text
/// registry! {
///     /// Every analysis.
///     pub enum Analysis: Analyze { Similarity, Pca }
/// }
/// ```
/// gives `Analysis::all()`, `Analysis::from_id(id)`, and `get` and `get_mut` as the trait.
macro_rules! registry {
    ($(#[$doc:meta])* pub enum $Enum:ident: $Trait:ident { $($Item:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $Enum {
            $(
                #[doc = concat!("See [`", stringify!($Item), "`].")]
                $Item($Item)
            ),+
        }

        impl $Enum {
            /// Every entry with its default settings, in the order of a menu.
            pub fn all() -> Vec<Self> {
                vec![$(Self::$Item($Item::default())),+]
            }

            /// The entry of that name, with its default settings.
            pub fn from_id(id: &str) -> Option<Self> {
                Self::all().into_iter().find(|entry| entry.get().id() == id)
            }

            /// The entry as what all entries are.
            pub fn get(&self) -> &dyn $Trait {
                match self { $(Self::$Item(entry) => entry),+ }
            }

            /// The same, to be changed.
            pub fn get_mut(&mut self) -> &mut dyn $Trait {
                match self { $(Self::$Item(entry) => entry),+ }
            }
        }

        $(
            impl From<$Item> for $Enum {
                fn from(entry: $Item) -> Self {
                    Self::$Item(entry)
                }
            }
        )+
    };
}

pub(crate) use registry;
