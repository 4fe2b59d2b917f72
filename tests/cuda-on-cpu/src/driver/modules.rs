//! Modules, their functions and variables, and launches.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use super::{Address, Handle, exported, give};
use crate::device::launch::{SHARED_ON_REQUEST, Shape};
use crate::device::stream::stream_of;
use crate::device::{alive, lock};
use crate::error::Error;
use crate::report::wrong;

/// CUfunction_attribute.
const MOST_THREADS: c_int = 0;
const SHARED_BYTES: c_int = 1;
const MOST_DYNAMIC: c_int = 8;

exported! {
    fn cuModuleLoadData(module: *mut Handle, image: *const c_void) {
        // SAFETY: the program's promise: PTX text ends in a zero
        let made = unsafe { alive()?.load_module(image.cast()) }?;
        // SAFETY: the program's own pointer
        unsafe { give(module, made as Handle) }
    }

    fn cuModuleUnload(module: Handle) {
        let mut machine = lock();
        machine.drain_all();
        machine.unload_module(module as usize)
    }

    fn cuModuleGetFunction(function: *mut Handle, module: Handle, name: *const c_char) {
        // SAFETY: the program's text ends in a zero
        let name = unsafe { CStr::from_ptr(name) };
        let found = alive()?.function(module as usize, name)?;
        // SAFETY: the program's own pointer
        unsafe { give(function, found as Handle) }
    }

    fn cuModuleGetGlobal_v2(
        address: *mut Address,
        bytes: *mut usize,
        module: Handle,
        name: *const c_char,
    ) {
        // SAFETY: the program's text ends in a zero
        let name = unsafe { CStr::from_ptr(name) };
        let (start, room) = alive()?.variable(module as usize, name)?;
        // SAFETY: the program's own pointers
        unsafe {
            give(address, start as Address)?;
            give(bytes, room)
        }
    }

    fn cuFuncGetAttribute(value: *mut c_int, which: c_int, function: Handle) {
        let machine = lock();
        let function = machine.functions.get(&(function as usize)).ok_or(Error::InvalidHandle)?;
        let found = match which {
            MOST_THREADS => function.most_threads(),
            SHARED_BYTES => function.shared(),
            MOST_DYNAMIC => function.most_dynamic - function.shared(),
            _ => return wrong(Error::InvalidValue, format_args!("attribute {which} of a function")),
        };
        // SAFETY: the program's own pointer
        unsafe { give(value, found as c_int) }
    }

    fn cuFuncSetAttribute(function: Handle, which: c_int, value: c_int) {
        let mut machine = lock();
        let function = machine.functions.get_mut(&(function as usize)).ok_or(Error::InvalidHandle)?;
        let most = u32::try_from(value).map_err(|_| Error::InvalidValue)? + function.shared();
        if which != MOST_DYNAMIC || most > SHARED_ON_REQUEST {
            return wrong(Error::InvalidValue, format_args!("attribute {which} of a function to {value}"));
        }
        function.most_dynamic = most;
        Ok(())
    }

    fn cuLaunchKernel(
        function: Handle,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        dynamic: c_uint,
        stream: Handle,
        arguments: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) {
        if !extra.is_null() {
            return wrong(Error::NotSupported, "arguments in one buffer are not implemented");
        }
        let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
        let shape = Shape { grid, block, dynamic };
        // SAFETY: the program's promise: a pointer to a value for each parameter
        unsafe { alive()?.launch(function as usize, shape, stream_of(stream), arguments) }
    }
}
