//! The part of QEMU's plugin interface that is used here (`include/qemu/qemu-plugin.h`).

use core::ffi::{c_char, c_int, c_uint, c_void};

/// The version of the interface; QEMU refuses to load a plugin without it.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = match c_int::from_str_radix(env!("QEMU_PLUGIN_API"), 10) {
    Ok(version) => version,
    Err(_) => panic!("QEMU_PLUGIN_API is a number"),
};

/// QEMU's name for this plugin.
pub type Id = u64;
/// A run of guest instructions that QEMU translates at once.
pub type Block = c_void;
/// One guest instruction of a block.
pub type Instruction = c_void;
/// Called when a block is translated.
pub type OnBlock = extern "C" fn(Id, *mut Block);
/// Called each time an instruction is run, with the data it was registered with.
pub type OnRun = extern "C" fn(c_uint, *mut c_void);
/// Called when the guest is done.
pub type OnExit = extern "C" fn(Id, *mut c_void);

unsafe extern "C" {
    pub fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, call: OnBlock);
    pub fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    pub fn qemu_plugin_tb_get_insn(block: *const Block, i: usize) -> *mut Instruction;
    pub fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    pub fn qemu_plugin_insn_symbol(instruction: *const Instruction) -> *const c_char;
    pub fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        call: OnRun,
        flags: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_atexit_cb(id: Id, call: OnExit, data: *mut c_void);
}
