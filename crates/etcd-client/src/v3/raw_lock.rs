//! The lock service of the server, as it is.

use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};
use etcd_transport::CallOptions;

use super::core::Core;
use super::namespace::Namespace;
use crate::error::Error;

/// The server's own lock calls. Cloning is cheap.
///
/// They tell nothing of a lock that is lost and keep no lease alive; other clients of etcd
/// contend in the same queue, whether they use these calls or not.
#[derive(Debug, Clone)]
pub struct RawLock {
    core: Core,
    namespace: Namespace,
    options: CallOptions,
}

impl RawLock {
    pub(super) fn new(core: Core, namespace: Namespace) -> Self {
        Self { core, namespace, options: CallOptions::default() }
    }

    /// The same, with options for each call: a deadline is how long to wait for a lock at most.
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Waits for a lock until the deadline, 5 s unless told otherwise. It is held until its key is
    /// [unlocked](Self::unlock) or the lease ends.
    ///
    /// When the wait is given up, whether by the deadline, an error or by dropping the call, the
    /// lock may be had all the same: revoke the lease.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without a lease, as the server would make
    /// one of 60 s that nobody knows; a refusal for a lease that is not there, or that no answer
    /// came in time.
    pub async fn lock(&self, mut request: LockRequest) -> Result<LockResponse, Error> {
        with_lease(request.lease)?;
        request.name = self.namespace.key(request.name);
        let mut reply = self.core.call_with(&request, &self.options.clone().waits()).await?;
        self.namespace.strip_key(&mut reply.key);
        Ok(reply)
    }

    /// Gives back the lock that a key stands for; one that is not held is no error.
    ///
    /// # Errors
    ///
    /// When no server answered.
    pub async fn unlock(&self, key: impl IntoBytes) -> Result<UnlockResponse, Error> {
        let request = UnlockRequest::new(self.namespace.key(key.into_bytes()));
        self.core.call_with(&request, &self.options).await
    }
}

/// A lease of its own is the only end that such a wait is sure to have.
pub(super) fn with_lease(lease: i64) -> Result<(), Error> {
    match lease {
        0 => Err(Error::invalid("a lease is missing: grant one, and name it in the request")),
        _ => Ok(()),
    }
}
