#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| etcd_fuzz::watch_machine::run(data));
