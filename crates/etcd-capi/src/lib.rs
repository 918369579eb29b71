//! libetcd: the ten calls of the old C library `etcd-api`, and more, over etcd's v2 and v3 API.
//!
//! `include/etcd-api.h` is the interface and its documentation; README.md says how to build and link.
//!
//! A call goes down these rooms: `old`, `data`, `locks`, `watches` and `options` are the functions of the
//! header, by what they are about; `call` is what all of them do: look up the handle, catch panics, leave
//! `errno` and signals alone, remember the error; `input` and `output` are the borders of memory.

mod block;
mod call;
mod data;
mod fault;
mod fork;
mod handle;
mod input;
mod last;
mod locks;
mod old;
mod open;
mod options;
mod output;
mod session;
mod signals;
mod watches;
mod watching;
