//! The proxy between a listener and a client that are the test itself.

use std::io::{ErrorKind, Read, Write};
use std::net;
use std::time::{Duration, Instant};

use super::*;

fn pair() -> (Proxy, net::TcpStream, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(&listener.local_addr().unwrap().to_string()).unwrap();
    let client = net::TcpStream::connect(proxy.endpoint()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    }
    (proxy, client, server)
}

#[test]
fn it_passes_and_stalls_and_drips() {
    let (proxy, mut client, mut server) = pair();
    let mut heard = [0; 5];
    client.write_all(b"hello").unwrap();
    server.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");

    proxy.mode(Mode::Stall).unwrap();
    server.write_all(b"later").unwrap();
    assert_eq!(client.read(&mut heard).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.mode(Mode::Pass).unwrap();
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"later");

    proxy.mode(Mode::Drip(50)).unwrap();
    let began = Instant::now();
    client.write_all(b"slow!").unwrap();
    server.read_exact(&mut heard).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(80), "{:?}", began.elapsed());
    assert_eq!((proxy.open(), proxy.accepted()), (1, 1));
}

#[test]
fn it_cuts_as_it_is_told() {
    let (proxy, mut client, mut server) = pair();
    proxy.cut(Cut::Reset).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(proxy.open(), 0);

    let (proxy, mut client, mut server) = pair();
    proxy.cut(Cut::Finish).unwrap();
    assert_eq!((client.read(&mut [0]).unwrap(), server.read(&mut [0]).unwrap()), (0, 0));
}

#[test]
fn it_refuses_and_comes_back() {
    let (proxy, mut client, mut server) = pair();
    proxy.mode(Mode::Refuse).unwrap();
    let error = net::TcpStream::connect(proxy.endpoint()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    client.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
    proxy.mode(Mode::Pass).unwrap();
    net::TcpStream::connect(proxy.endpoint()).unwrap();
}

#[test]
fn one_direction_can_be_muted() {
    for (way, muted) in [(Way::ToServer, 0), (Way::ToClient, 1)] {
        let (proxy, client, server) = pair();
        let mut ends = [client, server];
        proxy.mode(Mode::Mute(way)).unwrap();
        for end in &mut ends {
            end.write_all(b"hello").unwrap();
        }
        let mut heard = [0; 5];
        ends[muted].read_exact(&mut heard).unwrap();
        let error = ends[1 - muted].read(&mut heard).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{way:?}");
        assert_eq!(proxy.carried(Way::ToServer) + proxy.carried(Way::ToClient), 5);
        proxy.mode(Mode::Pass).unwrap();
        ends[1 - muted].read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }
}

#[test]
fn a_reply_ends_at_the_byte_that_was_said() {
    for how in [Cut::Reset, Cut::Finish] {
        for carried in [0, 1, 5, 11] {
            let (proxy, mut client, mut server) = pair();
            proxy.set_fuse(Fuse::in_reply(carried, how));
            client.write_all(b"question").unwrap();
            server.read_exact(&mut [0; 8]).unwrap();
            server.write_all(b"long answer!").unwrap();
            let (heard, ended) = hear(&mut client);
            assert_eq!(heard, b"long answer!"[..carried as usize]);
            assert_eq!(ended, how, "after {carried} bytes");
            assert_eq!((proxy.carried(Way::ToServer), proxy.carried(Way::ToClient)), (8, carried));
            until(|| proxy.burnt() == 1);
        }
    }
}

#[test]
fn a_request_can_be_taken_and_never_carried() {
    let (proxy, mut client, mut server) = pair();
    proxy.set_fuse(Fuse::before_request(8));
    client.write_all(b"ques").unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    client.write_all(b"tion").unwrap();
    assert_eq!(hear(&mut client), (Vec::new(), Cut::Reset));
    assert_eq!(hear(&mut server), (Vec::new(), Cut::Reset));
    assert_eq!(proxy.carried(Way::ToServer), 0);
    until(|| proxy.burnt() == 1);
}

#[test]
fn a_fuse_burns_once_or_is_cleared() {
    let (proxy, mut client, mut server) = pair();
    proxy.set_fuse(Fuse::in_reply(0, Cut::Reset));
    proxy.clear_fuse();
    server.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    proxy.set_fuse(Fuse::in_reply(0, Cut::Reset));
    server.write_all(b"x").unwrap();
    assert_eq!(hear(&mut client), (Vec::new(), Cut::Reset));
    until(|| (proxy.burnt(), proxy.open()) == (1, 0));
}

/// What one end hears until its connection ends, and how that happens.
fn hear(end: &mut net::TcpStream) -> (Vec<u8>, Cut) {
    let mut heard = Vec::new();
    match end.read_to_end(&mut heard) {
        Ok(_) => (heard, Cut::Finish),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (heard, Cut::Reset),
        Err(error) => panic!("{error}"),
    }
}

fn until(condition: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < patience, "it never happens");
        thread::yield_now();
    }
}
