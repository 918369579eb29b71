#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| etcd_fuzz::v2_request::run(data));
