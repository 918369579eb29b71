//! Several operations in one, under conditions.

use super::compare::Compare;
use super::header::{ResponseHeader, with_revision};
use super::kv::{DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse};
use super::range::{RangeRequest, RangeResponse};

/// Does one of two lists of operations, whole, as conditions hold or not.
///
/// All operations see the same state and make one revision. Servers refuse more than 128 of them,
/// and a key that is written twice.
///
/// ```
/// use etcd_proto::v3::{Compare, PutRequest, RangeRequest, TxnRequest};
///
/// let create = TxnRequest::new()
///     .when([Compare::absent("/leader")])
///     .then([PutRequest::new("/leader", "me")])
///     .or_else([RangeRequest::new("/leader")]);
/// assert!(!create.only_reads());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct TxnRequest {
    /// The conditions, all of which must hold; when there are none they do.
    #[prost(message, repeated, tag = "1")]
    pub compare: Vec<Compare>,
    /// What to do when they hold.
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<RequestOp>,
    /// What to do when one of them does not.
    #[prost(message, repeated, tag = "3")]
    pub failure: Vec<RequestOp>,
}

impl TxnRequest {
    /// A transaction that does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds conditions.
    pub fn when(mut self, conditions: impl IntoIterator<Item = Compare>) -> Self {
        self.compare.extend(conditions);
        self
    }

    /// Adds operations to do when all conditions hold.
    ///
    /// Those of another kind can be added by another call.
    pub fn then(mut self, operations: impl IntoIterator<Item = impl Into<RequestOp>>) -> Self {
        self.success.extend(operations.into_iter().map(Into::into));
        self
    }

    /// Adds operations to do when a condition does not hold.
    pub fn or_else(mut self, operations: impl IntoIterator<Item = impl Into<RequestOp>>) -> Self {
        self.failure.extend(operations.into_iter().map(Into::into));
        self
    }

    /// Whether nothing can be written or removed, in any branch and however deep.
    ///
    /// An operation of a kind that is not known here may write.
    pub fn only_reads(&self) -> bool {
        self.success.iter().chain(&self.failure).all(RequestOp::only_reads)
    }
}

/// One operation of a transaction.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RequestOp {
    /// The operation; nothing when it is of a kind that is not known here.
    #[prost(oneof = "RequestUnion", tags = "1, 2, 3, 4")]
    pub request: Option<RequestUnion>,
}

impl RequestOp {
    fn only_reads(&self) -> bool {
        match &self.request {
            Some(RequestUnion::Range(_)) => true,
            Some(RequestUnion::Txn(txn)) => txn.only_reads(),
            Some(RequestUnion::Put(_) | RequestUnion::DeleteRange(_)) | None => false,
        }
    }
}

/// The operations that a transaction can be made of.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum RequestUnion {
    /// Reads keys.
    #[prost(message, tag = "1")]
    Range(RangeRequest),
    /// Writes a key.
    #[prost(message, tag = "2")]
    Put(PutRequest),
    /// Removes keys.
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRangeRequest),
    /// A transaction within this one. Since 3.3.
    #[prost(message, tag = "4")]
    Txn(TxnRequest),
}

/// What a transaction did.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct TxnResponse {
    /// Who answered, and how far its store was: the revision of what was written.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Whether all conditions held.
    #[prost(bool, tag = "2")]
    pub succeeded: bool,
    /// What each operation did, in their order.
    #[prost(message, repeated, tag = "3")]
    pub responses: Vec<ResponseOp>,
}

/// What one operation of a transaction did.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ResponseOp {
    /// The reply; nothing when it is of a kind that is not known here.
    #[prost(oneof = "ResponseUnion", tags = "1, 2, 3, 4")]
    pub response: Option<ResponseUnion>,
}

/// The replies that operations of a transaction have.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum ResponseUnion {
    /// Keys were read.
    #[prost(message, tag = "1")]
    Range(RangeResponse),
    /// A key was written.
    #[prost(message, tag = "2")]
    Put(PutResponse),
    /// Keys were removed.
    #[prost(message, tag = "3")]
    DeleteRange(DeleteRangeResponse),
    /// A transaction within this one was done. Since 3.3.
    #[prost(message, tag = "4")]
    Txn(TxnResponse),
}

macro_rules! operations {
    ($($kind:ident: $request:ident, $response:ident, $as:ident, $into:ident;)*) => {
        $(
            impl From<$request> for RequestOp {
                fn from(request: $request) -> Self {
                    Self { request: Some(RequestUnion::$kind(request)) }
                }
            }

            impl From<$response> for ResponseOp {
                fn from(response: $response) -> Self {
                    Self { response: Some(ResponseUnion::$kind(response)) }
                }
            }
        )*

        impl ResponseOp {
            $(
                #[doc = concat!("The [`", stringify!($response), "`], if it is one.")]
                pub fn $as(&self) -> Option<&$response> {
                    match &self.response {
                        Some(ResponseUnion::$kind(response)) => Some(response),
                        _ => None,
                    }
                }

                #[doc = concat!("Takes the [`", stringify!($response), "`] out, if it is one.")]
                pub fn $into(self) -> Option<$response> {
                    match self.response {
                        Some(ResponseUnion::$kind(response)) => Some(response),
                        _ => None,
                    }
                }
            )*
        }
    };
}

operations! {
    Range: RangeRequest, RangeResponse, as_range, into_range;
    Put: PutRequest, PutResponse, as_put, into_put;
    DeleteRange: DeleteRangeRequest, DeleteRangeResponse, as_delete_range, into_delete_range;
    Txn: TxnRequest, TxnResponse, as_txn, into_txn;
}

with_revision!(TxnResponse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_in_any_branch_is_found() {
        let read = || TxnRequest::new().then([RangeRequest::new("a")]);
        let put = || TxnRequest::new().or_else([PutRequest::new("a", "")]);
        let removal = || TxnRequest::new().then([DeleteRangeRequest::new("a")]);
        assert!(TxnRequest::new().only_reads() && read().only_reads());
        assert!(read().then([read()]).or_else([read().then([read()])]).only_reads());
        assert!(!put().only_reads() && !removal().only_reads());
        for write in [put(), removal()] {
            assert!(!read().then([read().or_else([read().then([write.clone()])])]).only_reads());
            assert!(!read().or_else([write]).only_reads());
        }
        assert!(!read().then([RequestOp { request: None }]).only_reads());
    }

    #[test]
    fn operations_of_several_kinds_keep_their_order() {
        let txn = TxnRequest::new()
            .then([PutRequest::new("a", "1"), PutRequest::new("b", "2")])
            .then([RangeRequest::new("c")])
            .then([RequestOp::from(DeleteRangeRequest::new("d")), TxnRequest::new().into()]);
        let keys = txn.success.into_iter().map(|operation| match operation.request {
            Some(RequestUnion::Put(put)) => put.key,
            Some(RequestUnion::Range(range)) => range.key,
            Some(RequestUnion::DeleteRange(range)) => range.key,
            Some(RequestUnion::Txn(_)) | None => Default::default(),
        });
        assert_eq!(keys.collect::<Vec<_>>(), ["a", "b", "c", "d", ""]);
    }

    #[test]
    fn a_reply_is_taken_as_what_it_is() {
        let response = ResponseOp::from(RangeResponse { count: 3, ..Default::default() });
        assert_eq!(response.as_range().map(|range| range.count), Some(3));
        assert_eq!(
            (response.as_put(), response.as_delete_range(), response.as_txn()),
            (None, None, None)
        );
        assert_eq!(response.clone().into_put(), None);
        assert_eq!(response.into_range().map(|range| range.count), Some(3));
        assert_eq!(ResponseOp { response: None }.as_range(), None);
    }
}
