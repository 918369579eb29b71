//! The same without async.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use etcd_client::blocking::{Session, v2::Client};
use etcd_client::session::{Api, SessionOptions};
use etcd_client::{Error, ErrorKind};

use crate::seconds;
use crate::server::Server;

fn v2() -> SessionOptions {
    SessionOptions::new().api(Api::V2)
}

#[test]
fn a_lock_is_kept_while_work_goes_on() -> Result<(), Error> {
    let server = Server::start();
    let client = Client::new(&server.address.to_string())?;
    let mut lock = client.lock("k", seconds(5))?;
    assert_eq!(lock.key().as_str(), "/k");
    let (index, before) = (lock.index(), lock.deadline());
    let first = server.expires(index);
    let held = lock.run(|held| {
        while held.is_held() && server.expires(index) == first {
            thread::sleep(Duration::from_millis(5));
        }
        held.is_held()
    })?;
    assert!(held && server.expires(index) > first && lock.deadline() >= before);
    lock.unlock()
}

#[test]
fn work_is_told_that_its_lock_is_lost() -> Result<(), Error> {
    let server = Server::start();
    let client = Client::new(&server.address.to_string())?;
    let mut lock = client.lock("k", seconds(1))?;
    server.remove(lock.index());
    let lost = lock.run(|held| {
        while held.is_held() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(lost.unwrap_err().kind(), &ErrorKind::LockLost);
    assert_eq!(lock.keep().kind(), &ErrorKind::LockLost);
    Ok(())
}

#[test]
fn a_wait_ends_when_it_is_told_to() -> Result<(), Error> {
    let server = Server::start();
    let holder = server.enter();
    let servers = server.address.to_string();
    let mut asked = 0;
    let mut stop = || {
        asked += 1;
        asked > 3
    };
    let busy = Client::new(&servers)?.lock_unless("k", seconds(9), &mut stop);
    assert_eq!(busy.unwrap_err().kind(), &ErrorKind::LockBusy);
    let busy = Session::open_with(&servers, v2())?.lock_unless("k", seconds(9), &mut stop);
    assert_eq!(busy.unwrap_err().kind(), &ErrorKind::LockBusy);
    assert_eq!((asked, server.queue()), (5, vec![holder]));
    Ok(())
}

#[test]
fn a_panic_of_the_work_goes_on_as_it_was() -> Result<(), Error> {
    let server = Server::start();
    let servers = server.address.to_string();
    let session = Session::open_with(&servers, v2())?;
    let mut ticket = session.lock("k", seconds(60))?;
    let work = || session.hold(&mut ticket, |_| panic!("of the work"));
    let panic = catch_unwind(AssertUnwindSafe(work)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"of the work"));
    session.unlock("k", ticket.index)?;

    let mut lock = Client::new(&servers)?.lock("k", seconds(60))?;
    let panic = catch_unwind(AssertUnwindSafe(|| lock.run(|_| panic!("again")))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"again"));
    lock.unlock()
}
