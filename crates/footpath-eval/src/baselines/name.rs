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
    /// [`BprMf`](super::BprMf)
    BprMf = "bpr-mf",
}
