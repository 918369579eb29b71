//! Sessions begin and end.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use etcd_client::{Error, parse_list, servers};

use crate::call::{guarded, quietly};
use crate::fault::Fault;
use crate::handle::{self, Handle, Held};
use crate::input;
use crate::session::Session;

/// One server, as the header has it.
#[repr(C)]
#[derive(Debug)]
pub struct EtcdServer {
    host: *mut c_char,
    port: libc::c_ushort,
}

/// See the header.
///
/// # Safety
///
/// The array has to end with a host of NULL, and hosts have to be texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_open(server_list: *mut EtcdServer) -> Handle {
    guarded(std::ptr::null_mut(), || {
        if server_list.is_null() {
            return Err(Fault::invalid("the list of servers is NULL"));
        }
        let mut texts = Vec::new();
        for at in 0.. {
            // SAFETY: the caller promises servers up to one without a host.
            let (host, port) = unsafe {
                let server = server_list.add(at);
                ((*server).host, (*server).port)
            };
            if host.is_null() {
                break;
            }
            // SAFETY: the caller promises a text.
            texts.push(server(unsafe { input::text("host", host, usize::MAX) }?, port)?);
        }
        open(texts.join(","))
    })
}

/// See the header.
///
/// # Safety
///
/// The list has to be a text, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_open_str(server_names: *mut c_char) -> Handle {
    guarded(std::ptr::null_mut(), || {
        // SAFETY: the caller promises a text.
        let list = unsafe { input::text("list of servers", server_names, usize::MAX) }?;
        servers::check(list)?;
        open(list.to_owned())
    })
}

fn open(list: String) -> Result<Handle, Fault> {
    parse_list(&list).map_err(Error::from)?;
    handle::add(Held::Session(Arc::new(Session::new(list))))
}

/// A server as it is written in a list.
fn server(host: &str, port: u16) -> Result<String, Fault> {
    let is_address =
        host.contains(':') && !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_ok();
    let host = if is_address { format!("[{host}]") } else { host.to_owned() };
    let text = if port == 0 { host } else { format!("{host}:{port}") };
    // Alone: a host that holds a separator is no two servers.
    text.parse::<etcd_client::Endpoint>().map_err(Error::from)?;
    Ok(text)
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_close(session: Handle) {
    quietly(|| handle::close_session(session));
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_close_str(session: Handle) {
    etcd_close(session);
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// See the header.
///
/// # Safety
///
/// The block has to be one that this library returned, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_free(block: *mut c_void) {
    // SAFETY: the caller promises that it is of malloc.
    unsafe { libc::free(block) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_as_in_a_list() {
        for (host, port, text) in [
            ("a", 0, "a"),
            ("a", 4001, "a:4001"),
            ("10.0.0.1", 2379, "10.0.0.1:2379"),
            ("::1", 0, "[::1]"),
            ("::1", 2379, "[::1]:2379"),
            ("[::1]", 2379, "[::1]:2379"),
            ("https://a", 2379, "https://a:2379"),
            ("unix:/run/etcd.sock", 0, "unix:/run/etcd.sock"),
        ] {
            assert_eq!(server(host, port).as_deref(), Ok(text));
        }
        for host in ["", "a,b", "a b", "a:1:2"] {
            assert!(server(host, 2379).is_err(), "{host:?}");
        }
    }
}
