//! A member without connections: what it is handed is answered.

use std::time::Duration;

use bytes::Bytes;
use etcd_test_server::{Clock, Handler, Version};
use http::Request;
use http_body_util::{BodyExt, Full};

async fn ask(handler: &Handler, method: &str, target: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(target).body(Full::<Bytes>::default());
    let reply = handler.answer(request.expect("a request")).await;
    let status = reply.status().as_u16();
    let body = reply.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_handler_answers_keeps_and_forgets_when_it_is_asked() {
    let clock = Clock::held();
    let handler = Handler::new(Version::V3_4, clock.clone());
    assert_eq!(ask(&handler, "PUT", "/v2/keys/k?value=1&ttl=5").await.0, 201);
    let (status, body) = ask(&handler.clone(), "GET", "/v2/keys/k").await;
    assert!(status == 200 && body.contains("\"value\":\"1\""), "{body}");
    clock.advance(Duration::from_secs(6));
    assert_eq!(ask(&handler, "GET", "/v2/keys/k").await.0, 404);
    assert_eq!(ask(&handler, "GET", "/v2/members/leader").await.0, 200);
}
