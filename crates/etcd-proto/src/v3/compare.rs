//! The conditions of a transaction.

use bytes::Bytes;

use super::open_enum::open_enum;
use crate::ids::{LeaseId, Revision};
use crate::key::{IntoBytes, KeyRange};

/// A condition of a transaction: what is at a key, compared with something.
///
/// Over a range it must hold for every key. Where there is no key, its version, revisions and lease
/// compare as zero, and a comparison of the value never holds.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Compare {
    /// What must be the case, as a number; see [`result`](Self::result).
    #[prost(int32, tag = "1")]
    pub result: i32,
    /// What is compared, as a number; see [`target`](Self::target).
    #[prost(int32, tag = "2")]
    pub target: i32,
    /// The key, or the first of the range.
    #[prost(bytes = "bytes", tag = "3")]
    pub key: Bytes,
    /// What it is compared with, of the kind that `target` says; nothing compares with zero.
    #[prost(oneof = "TargetUnion", tags = "4, 5, 6, 7, 8")]
    pub target_union: Option<TargetUnion>,
    /// The first key behind the range; empty for one key alone, `\0` for no end. Since 3.3.
    #[prost(bytes = "bytes", tag = "64")]
    pub range_end: Bytes,
}

impl Compare {
    /// How many changes there were since the key was created; zero when there is no key.
    pub fn version(key: impl Into<KeyRange>, result: CompareResult, version: i64) -> Self {
        Self::with(key, result, CompareTarget::VERSION, TargetUnion::Version(version))
    }

    /// The revision in which the key was created; zero when there is no key.
    pub fn create_revision(
        key: impl Into<KeyRange>,
        result: CompareResult,
        revision: impl Into<Revision>,
    ) -> Self {
        let operand = TargetUnion::CreateRevision(revision.into().0);
        Self::with(key, result, CompareTarget::CREATE, operand)
    }

    /// The revision of the key's last change; zero when there is no key.
    pub fn mod_revision(
        key: impl Into<KeyRange>,
        result: CompareResult,
        revision: impl Into<Revision>,
    ) -> Self {
        let operand = TargetUnion::ModRevision(revision.into().0);
        Self::with(key, result, CompareTarget::MOD, operand)
    }

    /// The key's value. This never holds when there is no key, not even as `NOT_EQUAL`.
    pub fn value(key: impl Into<KeyRange>, result: CompareResult, value: impl IntoBytes) -> Self {
        let operand = TargetUnion::Value(value.into_bytes());
        Self::with(key, result, CompareTarget::VALUE, operand)
    }

    /// The lease that the key goes with; zero for none. Since 3.3.
    pub fn lease(
        key: impl Into<KeyRange>,
        result: CompareResult,
        lease: impl Into<LeaseId>,
    ) -> Self {
        let operand = TargetUnion::Lease(lease.into().0);
        Self::with(key, result, CompareTarget::LEASE, operand)
    }

    /// There is such a key.
    pub fn exists(key: impl Into<KeyRange>) -> Self {
        Self::create_revision(key, CompareResult::GREATER, 0)
    }

    /// There is no such key.
    pub fn absent(key: impl Into<KeyRange>) -> Self {
        Self::create_revision(key, CompareResult::EQUAL, 0)
    }

    /// The same for every key before `range_end` too. Since 3.3; older servers look at one key.
    pub fn over(self, range_end: impl IntoBytes) -> Self {
        Self { range_end: range_end.into_bytes(), ..self }
    }

    /// The same for every key that starts with the key. Since 3.3; older servers look at one key.
    pub fn prefix(self) -> Self {
        let KeyRange { key, range_end } = KeyRange::prefix(self.key);
        Self { key, range_end, ..self }
    }

    fn with(
        key: impl Into<KeyRange>,
        result: CompareResult,
        target: CompareTarget,
        operand: TargetUnion,
    ) -> Self {
        let KeyRange { key, range_end } = key.into();
        let target_union = Some(operand);
        Self { result: result.0, target: target.0, key, target_union, range_end }
    }

    /// What must be the case.
    pub fn result(&self) -> CompareResult {
        CompareResult(self.result)
    }

    /// What is compared.
    pub fn target(&self) -> CompareTarget {
        CompareTarget(self.target)
    }

    /// The keys that are looked at.
    pub fn range(&self) -> KeyRange {
        KeyRange { key: self.key.clone(), range_end: self.range_end.clone() }
    }
}

/// What something at a key can be compared with.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum TargetUnion {
    /// A number of changes since creation.
    #[prost(int64, tag = "4")]
    Version(i64),
    /// A revision of creation.
    #[prost(int64, tag = "5")]
    CreateRevision(i64),
    /// A revision of a last change.
    #[prost(int64, tag = "6")]
    ModRevision(i64),
    /// A value.
    #[prost(bytes = "bytes", tag = "7")]
    Value(Bytes),
    /// A lease; zero for none. Since 3.3.
    #[prost(int64, tag = "8")]
    Lease(i64),
}

open_enum! {
    /// How what is at a key relates to what it is compared with.
    CompareResult {
        /// It is the same.
        EQUAL = 0,
        /// It is greater.
        GREATER = 1,
        /// It is less.
        LESS = 2,
        /// It is not the same. Since 3.1.
        NOT_EQUAL = 3,
    }
}

open_enum! {
    /// What of a key is compared.
    CompareTarget {
        /// The number of changes since creation.
        VERSION = 0,
        /// The revision of creation.
        CREATE = 1,
        /// The revision of the last change.
        MOD = 2,
        /// The value.
        VALUE = 3,
        /// The lease. Since 3.3.
        LEASE = 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_says_its_target_twice() {
        let said = |compare: Compare| (compare.target().to_string(), compare.target_union);
        let equal = CompareResult::EQUAL;
        assert_eq!(
            said(Compare::version("k", equal, 7)),
            ("VERSION".into(), Some(TargetUnion::Version(7)))
        );
        assert_eq!(
            said(Compare::create_revision("k", equal, 7)),
            ("CREATE".into(), Some(TargetUnion::CreateRevision(7)))
        );
        assert_eq!(
            said(Compare::mod_revision("k", equal, Revision(7))),
            ("MOD".into(), Some(TargetUnion::ModRevision(7)))
        );
        assert_eq!(
            said(Compare::value("k", equal, "")),
            ("VALUE".into(), Some(TargetUnion::Value("".into())))
        );
        assert_eq!(
            said(Compare::lease("k", equal, LeaseId(7))),
            ("LEASE".into(), Some(TargetUnion::Lease(7)))
        );
    }

    #[test]
    fn a_condition_can_cover_a_range() {
        assert_eq!(Compare::absent("a/").prefix(), Compare::absent(KeyRange::prefix("a/")));
        assert_eq!(Compare::exists("a").over("c"), Compare::exists(KeyRange::between("a", "c")));
        assert_eq!(Compare::exists("a").range(), KeyRange::one("a"));
    }
}
