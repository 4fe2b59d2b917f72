//! Modules: PTX text, translated, compiled and opened.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, process};

use super::Machine;
use super::launch::{Function, Kernel, Run};
use crate::compiler;
use crate::error::{Error, Result};
use crate::ptx;
use crate::report::wrong;

pub struct Module {
    library: *mut c_void,
    variables: Vec<(CString, usize, usize)>,
}

// SAFETY: a handle of dlopen is not bound to a thread
unsafe impl Send for Module {}

/// `Variable` of runtime/run.h.
#[repr(C)]
struct Variable {
    name: *const c_char,
    address: u64,
    bytes: u64,
}

/// A file of its own for each load of a module: one file would be one library, with one set of variables.
fn own_copy(library: &Path, number: usize) -> std::io::Result<PathBuf> {
    let copy = library.with_extension(format!("{}-{number}.so", process::id()));
    fs::copy(library, &copy)?;
    Ok(copy)
}

impl Machine {
    /// # Safety
    ///
    /// `image` is PTX text that ends in a zero, or starts like a binary.
    pub unsafe fn load_module(&mut self, image: *const c_char) -> Result<usize> {
        // SAFETY: the caller's promise; four bytes are read one by one while they fit
        let start = unsafe { std::slice::from_raw_parts(image.cast::<u8>(), 4) };
        if start == b"\x7fELF" || start == [0x50, 0xed, 0x55, 0xba] {
            return wrong(Error::NoBinary, "a module: compiled code cannot run here, only PTX");
        }
        // SAFETY: the caller's promise
        let text = unsafe { CStr::from_ptr(image) }.to_str().map_err(|_| Error::InvalidPtx)?;
        let library = match self.library(text) {
            Ok(library) => library,
            Err(what) => return wrong(Error::InvalidPtx, format_args!("a module: {what}")),
        };
        let copy = match own_copy(&library, self.handle()) {
            Ok(copy) => copy,
            Err(what) => return wrong(Error::InvalidImage, format_args!("a module: {what}")),
        };
        let path = CString::new(copy.as_os_str().as_bytes()).map_err(|_| Error::InvalidImage)?;
        // SAFETY: a library that the compiler made here; its variables are a list that ends in a null
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            let _ = fs::remove_file(&copy);
            if library.is_null() {
                let why = CStr::from_ptr(libc::dlerror()).to_string_lossy();
                return wrong(Error::InvalidImage, format_args!("a module: {why}"));
            }
            let mut variables = vec![];
            let mut next =
                libc::dlsym(library, c"cuda_on_cpu_variables".as_ptr()).cast::<Variable>();
            while !next.is_null() && !(*next).name.is_null() {
                let (address, bytes) = ((*next).address as usize, (*next).bytes as usize);
                self.memory.adopt(address, bytes);
                variables.push((CStr::from_ptr((*next).name).to_owned(), address, bytes));
                next = next.add(1);
            }
            let module = self.handle();
            self.modules.insert(module, Module { library, variables });
            Ok(module)
        }
    }

    /// The compiled library of a module's text.
    fn library(&mut self, text: &str) -> std::result::Result<PathBuf, String> {
        if let Some(library) = self.libraries.get(text).filter(|library| library.exists()) {
            return Ok(library.clone());
        }
        let library = compiler::compile(&ptx::translate(text)?)?;
        self.libraries.insert(text.to_owned(), library.clone());
        Ok(library)
    }

    pub fn unload_module(&mut self, module: usize) -> Result {
        let module = self.modules.remove(&module).ok_or(Error::InvalidHandle)?;
        for (_, address, _) in &module.variables {
            self.memory.free(*address)?;
        }
        // SAFETY: opened by `load_module`, and no kernel of it is queued
        unsafe { libc::dlclose(module.library) };
        Ok(())
    }

    pub fn function(&mut self, module: usize, name: &CStr) -> Result<usize> {
        let library = self.modules.get(&module).ok_or(Error::InvalidHandle)?.library;
        let name = name.to_str().map_err(|_| Error::NotFound)?;
        let symbol = CString::new(ptx::kernel_symbol(name)).map_err(|_| Error::NotFound)?;
        // SAFETY: symbols of a library that this crate wrote
        let (kernel, run) = unsafe {
            (
                libc::dlsym(library, symbol.as_ptr()).cast::<Kernel>(),
                libc::dlsym(library, c"cuda_on_cpu_run".as_ptr()),
            )
        };
        if kernel.is_null() || run.is_null() {
            return wrong(Error::NotFound, format_args!("no kernel {name} in the module"));
        }
        // SAFETY: its type in runtime/ptx.h
        let run = unsafe { std::mem::transmute::<*mut c_void, Run>(run) };
        let function = self.handle();
        self.functions.insert(function, Function::new(kernel, run));
        Ok(function)
    }

    pub fn variable(&self, module: usize, name: &CStr) -> Result<(usize, usize)> {
        let module = self.modules.get(&module).ok_or(Error::InvalidHandle)?;
        let found = module.variables.iter().find(|(it, _, _)| it.as_c_str() == name);
        found.map(|(_, address, bytes)| (*address, *bytes)).ok_or(Error::NotFound)
    }
}

/// The return of a run, for the type above.
pub type Code = c_int;
