//! Whatever is asked of the test server over HTTP, it answers, and not without end.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use etcd_test_server::{Clock, Handler, Version};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};

/// What stands between the parts of a request, of which there are five.
const SEPARATOR: u8 = b'\n';
const PARTS: usize = 5;
/// How many requests are made of an input.
const MOST_REQUESTS: usize = 16;
/// How often a reply is waited for: a lock that another holds, or a watch, never comes.
const PATIENCE: usize = 8;
/// No reply to an input of a few thousand bytes is longer.
const LONGEST_REPLY: usize = 8 << 20;

fn versions() -> [Version; 4] {
    [Version::V0_3, Version::V2_3, Version::V3_4, Version::V3_7]
}

fn request(parts: &[&[u8]]) -> Option<Request<Full<Bytes>>> {
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let mut request = Request::new(Full::new(Bytes::copy_from_slice(part(4))));
    *request.method_mut() = Method::from_bytes(part(0)).ok()?;
    *request.uri_mut() = Uri::try_from(part(1)).ok()?;
    let mut set = |name: HeaderName, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request.headers_mut().insert(name, value);
        }
    };
    match part(2) {
        b"" => set(CONTENT_TYPE, b"application/x-www-form-urlencoded"),
        kind => set(CONTENT_TYPE, kind),
    }
    if !part(3).is_empty() {
        set(AUTHORIZATION, part(3));
    }
    Some(request)
}

/// What comes of a future within a few turns of all others.
async fn soon<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..PATIENCE {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(done) = polled {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// The body, as far as it came; whether that is all of it.
async fn body(reply: &mut Response<etcd_test_server::v3::Body>) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    loop {
        match soon(reply.body_mut().frame()).await {
            None => return (all, false),
            Some(None) => return (all, true),
            Some(Some(frame)) => {
                let frame = frame.expect("a body of our own does not break off");
                all.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                assert!(all.len() <= LONGEST_REPLY, "{} bytes of a reply", all.len());
            }
        }
    }
}

async fn ask(handler: &Handler, request: Request<Full<Bytes>>, index: &mut u64) {
    let (method, target) = (request.method().clone(), request.uri().clone());
    let Some(mut reply) = soon(handler.answer(request)).await else { return };
    let (body, is_whole) = body(&mut reply).await;
    let header = |name: &str| {
        reply.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
    };
    if let Some(now) = header("x-etcd-index") {
        let now = now.parse().expect("a number");
        // A request that cannot be read is told 0.
        assert!(now == 0 || now >= *index, "{method} {target}: {now} after {index}");
        *index = (*index).max(now);
    }
    let is_json = header("content-type").is_some_and(|kind| kind == "application/json");
    if is_json && is_whole && !body.is_empty() {
        let read =
            serde_json::Deserializer::from_slice(&body).into_iter::<serde_json::Value>().next();
        if let Some(Err(error)) = read {
            assert!(error.to_string().contains("recursion limit"), "{method} {target}: {error}");
        }
    }
    assert!(reply.status() != StatusCode::SWITCHING_PROTOCOLS);
}

/// The first byte says of which version; then come requests: method, target, content type,
/// authorization and body, a line each.
pub fn run(data: &[u8]) {
    let Some((&version, rest)) = data.split_first() else { return };
    let version = versions()[usize::from(version) % versions().len()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let handler = Handler::new(version, Clock::held());
        let lines: Vec<_> = rest.split(|byte| *byte == SEPARATOR).collect();
        let mut index = 0;
        for parts in lines.chunks(PARTS).take(MOST_REQUESTS) {
            if let Some(request) = request(parts) {
                ask(&handler, request, &mut index).await;
            }
        }
    });
}

/// What clients ask, of each part of the API.
pub fn seeds() -> Vec<Vec<u8>> {
    let keys = "PUT\n/v2/keys/a/b?prevExist=false\n\n\nvalue=1&ttl=5\n\
        GET\n/v2/keys/?recursive=true&sorted=true&quorum=true\n\n\n\n\
        POST\n/v2/keys/q\n\n\nvalue=%c3%a9+x\n\
        GET\n/v2/keys/a?wait=true&recursive=true&waitIndex=1\n\n\n\n\
        GET\n/v2/keys/a?wait=true&stream=true\n\n\n\n\
        PUT\n/v2/keys/a/b\n\n\nvalue=2&prevValue=1&prevIndex=1\n\
        PUT\n/v2/keys/a/b\n\n\nrefresh=true&ttl=9&prevExist=true\n\
        DELETE\n/v2/keys/a/b?prevValue=2\n\n\n\n\
        DELETE\n/v2/keys/a?dir=true&recursive=true\n\n\n\n";
    let auth = "PUT\n/v2/auth/users/root\napplication/json\n\n{\"user\":\"root\",\"password\":\"r\"}\n\
        PUT\n/v2/auth/roles/w\napplication/json\n\n\
        {\"role\":\"w\",\"permissions\":{\"kv\":{\"read\":[\"/w/*\"],\"write\":[\"/x\"]}}}\n\
        PUT\n/v2/auth/users/a\napplication/json\n\n{\"user\":\"a\",\"password\":\"a\",\"roles\":[\"w\"]}\n\
        PUT\n/v2/auth/enable\n\n\n\n\
        GET\n/v2/keys/w/a\n\nBasic YTph\n\n\
        PUT\n/v2/auth/roles/guest\n\nBasic cm9vdDpy\n\
        {\"role\":\"guest\",\"revoke\":{\"kv\":{\"read\":[\"/*\"]}}}\n\
        GET\n/v2/keys/x\n\n\n\n\
        GET\n/v2/auth/users\n\nBasic cm9vdDpy\n\n\
        DELETE\n/v2/auth/enable\n\nBasic cm9vdDpy\n\n";
    let members = "POST\n/v2/members\napplication/json\n\n{\"peerURLs\":[\"http://a:1\",\"http://b:1\"]}\n\
        PUT\n/v2/members/1\napplication/json; x\n\n{\"peerURLs\":[\"http://c:1\"]}\n\
        GET\n/v2/members\n\n\n\n\
        DELETE\n/v2/members/1\n\n\n\n\
        GET\n/v2/members/leader\n\n\n\n\
        GET\n/v2/machines\n\n\n\n\
        GET\n/v2/stats/self\n\n\n\n\
        GET\n/v2/stats/store\n\n\n\n\
        GET\n/v2/stats/leader\n\n\n\n";
    let modules = "POST\n/mod/v2/lock/k?ttl=5\n\n\n\n\
        POST\n/mod/v2/lock/k\n\n\nttl=5&value=x\n\
        GET\n/mod/v2/lock/k?field=index\n\n\n\n\
        PUT\n/mod/v2/lock/k?ttl=5&index=1\n\n\n\n\
        DELETE\n/mod/v2/lock/k?index=1\n\n\n\n\
        PUT\n/mod/v2/leader/k?name=a&ttl=5\n\n\n\n";
    let odd = "GET\n/v2//keys/../a\n\n\n\nGET\n*\n\n\n\nHEAD\n/version\n\n\n\nGET\n/health\n\n\n\n\
        PUT\n/v2/keys/%ff%00%22\n\n\nvalue=%ff&ttl=18446744073709551615\n";
    let each = |text: &str, version: u8| [&[version][..], text.as_bytes()].concat();
    let all = [keys, auth, members, modules, odd];
    all.into_iter().flat_map(|text| (0..3).map(move |version| each(text, version))).collect()
}
