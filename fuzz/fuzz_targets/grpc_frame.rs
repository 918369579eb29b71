#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| etcd_fuzz::grpc_frame::run(data));
