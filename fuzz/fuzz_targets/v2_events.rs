#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| etcd_fuzz::v2_events::run(data));
