//! What baselines are called.

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Which baseline.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum BaselineName {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl BaselineName {
            /// All, in the order in which they are tuned.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The short name for tables.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The stage in which it learns and recommends.
            pub(super) fn stage(self) -> &'static str {
                match self { $(Self::$variant => concat!("baseline ", $name)),* }
            }

            /// The stage in which its settings are tried.
            pub(super) fn tuning(self) -> &'static str {
                match self { $(Self::$variant => concat!("tuning baseline ", $name)),* }
            }
        }
    };
}

impl std::str::FromStr for BaselineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = || Self::ALL.iter().map(|name| name.name()).collect::<Vec<_>>().join(", ");
        let known = Self::ALL.iter().find(|name| name.name() == text).copied();
        known.ok_or_else(|| format!("there is no baseline `{text}`; there are {}", all()))
    }
}

names! {
    /// [`Random`](super::Random)
    Random = "random",
    /// [`Popularity`](super::Popularity)
    Popularity = "popularity",
    /// [`PathCount`](super::PathCount)
    PathCount = "path-count",
    /// [`PathCount::tempered`](super::PathCount::tempered)
    PathCountTempered = "path-count-tempered",
    /// [`MetapathLogistic`](super::MetapathLogistic)
    MetapathLogistic = "metapath-logistic",
    /// [`PageRank`](super::PageRank)
    PageRank = "page-rank",
    /// [`ItemKnn`](super::ItemKnn)
    ItemKnn = "item-knn",
    /// [`UserKnn`](super::UserKnn)
    UserKnn = "user-knn",
    /// [`Rp3Beta`](super::Rp3Beta)
    Rp3Beta = "rp3beta",
    /// [`Ease`](super::Ease)
    Ease = "ease",
    /// [`Edlae`](super::Edlae)
    Edlae = "edlae",
    /// [`Slim`](super::Slim)
    Slim = "slim",
    /// [`LinearModel`](super::LinearModel) in which an item speaks for those chosen after it
    Slit = "slit",
    /// The same with what was chosen together in any order
    Slist = "slist",
    /// [`LinearModel`](super::LinearModel) of what stands near each other in histories
    WindowEase = "window-ease",
    /// The same with what items have in common in the graph
    WindowEaseKg = "window-ease-kg",
    /// [`LinearModel`](super::LinearModel) without order, with what items have in common in the graph
    AddEase = "add-ease",
    /// [`BprMf`](super::BprMf)
    BprMf = "bpr-mf",
    /// [`Ials`](super::Ials)
    Ials = "ials",
}
