//! Servers that misbehave: each call ends in time, with their name and a reason, and never well.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use etcd_live::program::{Ended, EtcdTest};

use crate::impostor::{Impostor, Request, forever, reply};

const COMMANDS: [&[&str]; 9] = [
    &["get", "k"],
    &["list"],
    &["tree"],
    &["set", "k", "v"],
    &["delete", "k"],
    &["leader"],
    &["lock", "-t", "5", "k"],
    &["unlock", "-i", "7", "k"],
    &["watch"],
];
/// How long a command may take, which asks a few times, on a busy machine.
const MOST: Duration = Duration::from_secs(30);
const HTML: &str = "<!DOCTYPE html><html><body>Welcome to our intranet</body></html>";
const GIBIBYTE: usize = 1 << 30;
/// In KiB.
const MOST_MEMORY: u64 = 200 << 10;

#[test]
fn one_that_speaks_no_http() {
    let impostor = Impostor::talking(|stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")?;
        io::copy(stream, &mut io::sink()).map(drop)
    });
    everything_fails(&impostor, &["does not speak HTTP"]);
}

#[test]
fn one_that_answers_with_pages() {
    for status in ["200 OK", "404 Not Found", "503 Service Unavailable"] {
        let page = move |_: &Request, stream: &mut TcpStream| page(status, stream);
        everything_fails(&Impostor::answering(page), &["Welcome to our intranet"]);
        everything_fails(&Impostor::behind_a_version(page), &["Welcome to our intranet"]);
    }
}

#[test]
fn one_whose_json_ends_too_early() {
    let cut = |_: &Request, stream: &mut TcpStream| cut_json(stream);
    everything_fails(&Impostor::answering(cut), &["cannot read"]);
    everything_fails(&Impostor::behind_a_version(cut), &["cannot read"]);
}

#[test]
fn what_became_of_a_write_is_only_said_where_it_is_proved() {
    type Answer = fn(&mut TcpStream) -> io::Result<()>;
    let cases: [(Answer, i32, &str); 6] = [
        // It may stand before an etcd that the write has reached.
        (|stream| page("200 OK", stream), 5, "(the write may have taken effect)"),
        (|stream| page("502 Bad Gateway", stream), 5, "(the write may have taken effect)"),
        (|stream| page("403 Forbidden", stream), 1, "HTTP 403 Forbidden"),
        // Only an etcd that has done it has an index to tell.
        (cut_json, 1, "(the write took effect)"),
        (|_| Ok(()), 5, "(the write may have taken effect)"),
        (|stream| forever(stream, "", ""), 5, "(the write may have taken effect)"),
    ];
    for (answer, status, known) in cases {
        let impostor = Impostor::for_writes(move |_, stream| answer(stream));
        let etcd_test = EtcdTest::on(impostor.endpoint());
        for args in [["set", "k", "v"].as_slice(), &["delete", "k"]] {
            let said = etcd_test.fails([&["--timeout", "1"], args].concat(), status);
            assert!(said.contains(known), "{args:?}: {said}");
            assert!(said.contains(&impostor.endpoint()), "{args:?}: {said}");
        }
    }
}

#[test]
fn one_that_hangs_up_in_the_middle() {
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"action\":";
    for said in ["", "HTTP/1.1 20", announced] {
        let hang_up = |_: &Request, stream: &mut TcpStream| stream.write_all(said.as_bytes());
        everything_fails(
            &Impostor::behind_a_version(hang_up),
            &["closed the connection", "end of file"],
        );
    }
}

#[test]
fn one_whose_reply_is_a_gibibyte() {
    let mut most = 0;
    let length = format!("Content-Length: {GIBIBYTE}");
    for header in [length, "Connection: close".to_owned()] {
        let stream_it = move |_: &Request, stream: &mut TcpStream| {
            write!(stream, "HTTP/1.1 200 OK\r\n{header}\r\n\r\n")?;
            let piece = vec![b' '; 64 << 10];
            (0..GIBIBYTE / piece.len()).try_for_each(|_| stream.write_all(&piece))
        };
        for impostor in
            [Impostor::answering(stream_it.clone()), Impostor::behind_a_version(stream_it)]
        {
            for args in [["get", "k"].as_slice(), &["list"], &["set", "k", "v"], &["watch"]] {
                let etcd_test = EtcdTest::on(impostor.endpoint());
                let args = [&["--timeout", "25"], args].concat();
                let (ended, memory) = etcd_test.start(&args).wait_and_weigh();
                failed(&args, &ended, &impostor, &["more than"]);
                assert!(memory < MOST_MEMORY, "{args:?}: {memory} KiB");
                most = most.max(memory);
            }
        }
    }
    println!("replies of 1 GiB cost etcd-test {} MiB at most", most >> 10);
}

#[test]
fn some_that_redirect_to_each_other() {
    let to_itself = |request: &Request, stream: &mut TcpStream| {
        let here = stream.local_addr()?;
        write!(
            stream,
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{here}{}\r\n",
            request.path
        )?;
        stream.write_all(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    };
    everything_fails(&Impostor::answering(to_itself), &["is no etcd (answered 307"]);
    let other = Impostor::behind_a_version(to_itself).endpoint();
    let to_other = move |request: &Request, stream: &mut TcpStream| {
        write!(
            stream,
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{other}{}\r\n",
            request.path
        )?;
        stream.write_all(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    };
    everything_fails(&Impostor::behind_a_version(to_other), &["redirected more than 3 times"]);
}

#[test]
fn one_whose_reply_never_ends() {
    let body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    for (begin, again) in [(body, "1\r\n \r\n"), ("HTTP/1.1 200 OK\r\n", "X: y\r\n"), ("", "")] {
        let endless = move |_: &Request, stream: &mut TcpStream| forever(stream, begin, again);
        everything_fails_within("1", &Impostor::answering(endless), &["no answer"]);
        everything_fails_within("1", &Impostor::behind_a_version(endless), &["no answer"]);
    }
}

/// Each command fails, and says why and by whom: the answers come at once, but nine programs that start
/// together on a busy machine may take a while to read them.
fn everything_fails(impostor: &Impostor, reason: &[&str]) {
    everything_fails_within("10", impostor, reason);
}

/// Each command fails in this time, which is all of it where no answer comes.
fn everything_fails_within(seconds: &str, impostor: &Impostor, reason: &[&str]) {
    let etcd_test = EtcdTest::on(impostor.endpoint());
    let start = |args: &[&str]| etcd_test.start([&["--timeout", seconds], args].concat());
    for (args, running) in COMMANDS.map(|args| (args, start(args))) {
        failed(args, &running.wait(), impostor, reason);
    }
}

fn page(status: &str, stream: &mut TcpStream) -> io::Result<()> {
    reply(stream, status, &["Content-Type: text/html"], HTML)
}

fn cut_json(stream: &mut TcpStream) -> io::Result<()> {
    let json = r#"{"action":"get","node":{"key":"/k","value":"v","modifiedIn"#;
    reply(stream, "200 OK", &["X-Etcd-Index: 7"], json)
}

fn failed(args: &[&str], ended: &Ended, impostor: &Impostor, reason: &[&str]) {
    let Ended { status, stdout, stderr, took } = ended;
    assert!([1, 5, 6].contains(status), "{args:?}: status {status}: {stderr}");
    assert_eq!(stdout, "", "{args:?}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.starts_with("etcd-test: "), "{args:?}: {stderr}");
    assert!(stderr.contains(&impostor.endpoint()), "{args:?}: {stderr}");
    assert!(
        reason.iter().any(|reason| stderr.contains(reason)),
        "{args:?}: {reason:?} in {stderr}"
    );
    assert!(*took < MOST, "{args:?}: {took:?}: {stderr}");
}
