//! The server in this process, on a thread of its own.

use etcd_test_server::{TestServer, Version};
use tokio::runtime::{Builder, Runtime};

/// A server that speaks both APIs.
pub struct Served {
    server: TestServer,
    _runtime: Runtime,
}

impl Served {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = TestServer::builder().version(Version::V3_5);
        let server = runtime.block_on(server.start()).unwrap();
        Self { server, _runtime: runtime }
    }

    /// As a session takes it.
    pub fn servers(&self) -> String {
        self.server.endpoint().trim_start_matches("http://").to_owned()
    }
}
