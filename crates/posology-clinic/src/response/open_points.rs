//! How criteria on images declare what they leave open (the table `[response]` of a protocol, each point answered)
//! and the words in which a visit is told.

/// Declares an open point whose answers are words.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $answer:ident,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$meaning])* $answer,)+
        }
    };
}

/// Declares the settings of sets of criteria: a key left out has the value of the function named, which knows
/// the sets that these settings are for.
macro_rules! open_points {
    ($(#[$about:meta])* defaults: $defaults:path, sets: $sets:literal,
     $($(#[doc = $meaning:literal])+ $key:ident: $answer:ty,)+) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case", try_from = "Written")]
        pub struct Settings {
            /// The set of criteria.
            pub criteria: $crate::response::CriteriaSet,
            $($(#[doc = $meaning])+ pub $key: $answer,)+
        }

        /// The table as written, with what it leaves to the default.
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        struct Written {
            criteria: $crate::response::CriteriaSet,
            $(#[serde(default)] $key: Option<$answer>,)+
        }

        impl TryFrom<Written> for Settings {
            type Error = String;

            fn try_from(written: Written) -> Result<Self, Self::Error> {
                let default = $defaults(written.criteria).ok_or_else(|| {
                    format!(
                        "criteria: found {}, expected {}; mend: name one of these, or take the settings of {}",
                        written.criteria, $sets, written.criteria
                    )
                })?;
                Ok(Self {
                    criteria: written.criteria,
                    $($key: written.$key.unwrap_or(default.$key),)+
                })
            }
        }
    };
}

/// Declares an enum whose answers have codes, read letter for letter but for case.
macro_rules! codes {
    ($(#[$about:meta])* $name:ident, $what:literal { $($(#[$meaning:meta])* $answer:ident = $code:literal $(| $also:literal)*,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$meaning])* #[serde(rename = $code)] $answer,)+
        }

        impl $name {
            /// Every answer.
            pub const ALL: &'static [Self] = &[$(Self::$answer),+];

            /// The code as it is written.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$answer => $code,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.code())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let text = text.trim();
                $(if [$code $(, $also)*].iter().any(|code| code.eq_ignore_ascii_case(text)) {
                    return Ok(Self::$answer);
                })+
                Err(format!(
                    concat!("found {:?}, expected ", $what, ": {}; mend: write one of them"),
                    text,
                    Self::ALL.iter().map(|one| one.code()).collect::<Vec<_>>().join(", ")
                ))
            }
        }
    };
}
