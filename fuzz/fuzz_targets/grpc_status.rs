#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| etcd_fuzz::grpc_status::run(data));
