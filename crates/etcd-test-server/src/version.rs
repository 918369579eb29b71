//! Which etcd the server answers as.

/// Which etcd the server answers as: decides what is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 0.3.0: v2 keys, with the lock and leader modules.
    V0_3,
    /// 2.3.8: v2 alone.
    V2_3,
    /// 3.4.23: v2 (as with `--enable-v2=true`) and v3.
    V3_4,
    /// 3.5.35: v2 (as with `--enable-v2=true`) and v3.
    V3_5,
    /// 3.7.3: v3 alone, with `RangeStream`.
    #[default]
    V3_7,
}

impl Version {
    /// Every version there is, oldest first.
    pub const ALL: [Self; 5] = [Self::V0_3, Self::V2_3, Self::V3_4, Self::V3_5, Self::V3_7];

    /// The number that the server gives as its own.
    pub const fn number(self) -> &'static str {
        match self {
            Self::V0_3 => "0.3.0",
            Self::V2_3 => "2.3.8",
            Self::V3_4 => "3.4.23",
            Self::V3_5 => "3.5.35",
            Self::V3_7 => "3.7.3",
        }
    }

    /// Whether the v2 API is there.
    pub const fn has_v2(self) -> bool {
        !matches!(self, Self::V3_7)
    }

    /// Whether the v3 API is there.
    pub const fn has_v3(self) -> bool {
        matches!(self, Self::V3_4 | Self::V3_5 | Self::V3_7)
    }

    /// Whether the lock and leader modules of the first etcds are there.
    pub const fn has_modules(self) -> bool {
        matches!(self, Self::V0_3)
    }
}
