//! Endpoints that are down, silent, gone, or elsewhere.

mod first_call;
mod learned;
mod outcomes;
mod unix_socket;

use std::time::{Duration, Instant};

/// How long a future took, and what it came to.
async fn timed<T>(future: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let done = future.await;
    (began.elapsed(), done)
}
