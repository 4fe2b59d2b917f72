#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| idinit_fuzz::talk_request(data));
