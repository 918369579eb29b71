//! Structures and the strings that they point to, in one block of `malloc`.

use std::ffi::c_char;
use std::ptr::null_mut;

use crate::fault::Fault;

/// A block that is being filled; freed when it is dropped before its end.
#[derive(Debug)]
pub(crate) struct Block<T> {
    start: *mut T,
    filled: usize,
    count: usize,
    strings: *mut u8,
    end: *mut u8,
}

impl<T> Block<T> {
    /// A block for so many structures, and strings of these lengths.
    pub(crate) fn new(count: usize, strings: impl Iterator<Item = usize>) -> Result<Self, Fault> {
        let structures = count.checked_mul(size_of::<T>());
        let size = strings
            .map(|length| length.checked_add(1))
            .try_fold(structures, |sum, length| Some(sum?.checked_add(length?)))
            .flatten()
            .ok_or_else(Fault::no_memory)?;
        // SAFETY: what malloc gives is aligned for any structure of C; one byte makes it not NULL.
        let start: *mut u8 = unsafe { libc::malloc(size.max(1)) }.cast();
        if start.is_null() {
            return Err(Fault::no_memory());
        }
        // SAFETY: both lie within what was asked for, or one behind it.
        let (strings, end) = unsafe { (start.add(count * size_of::<T>()), start.add(size)) };
        Ok(Self { start: start.cast(), filled: 0, count, strings, end })
    }

    /// A string, with a NUL byte behind it.
    pub(crate) fn string(&mut self, bytes: &[u8]) -> *mut c_char {
        let room = self.end.addr() - self.strings.addr();
        assert!(bytes.len() < room, "room was asked for");
        let start = self.strings;
        // SAFETY: there is room for it and a byte more.
        unsafe {
            start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            start.add(bytes.len()).write(0);
            self.strings = start.add(bytes.len() + 1);
        }
        start.cast()
    }

    /// A string that may be NULL.
    pub(crate) fn optional(&mut self, bytes: Option<&[u8]>) -> *mut c_char {
        bytes.map_or(null_mut(), |bytes| self.string(bytes))
    }

    pub(crate) fn push(&mut self, structure: T) {
        assert!(self.filled < self.count, "room was asked for");
        // SAFETY: there is room for it.
        unsafe { self.start.add(self.filled).write(structure) };
        self.filled += 1;
    }

    /// The first structure, from now on the caller's.
    pub(crate) fn finish(mut self) -> *mut T {
        assert_eq!(self.filled, self.count, "each was filled");
        std::mem::replace(&mut self.start, null_mut())
    }
}

impl<T> Drop for Block<T> {
    fn drop(&mut self) {
        // SAFETY: it is of malloc, or NULL where the caller has it.
        unsafe { libc::free(self.start.cast()) };
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn strings_lie_behind_the_structures() {
        let mut block = Block::new(2, [1, 0].into_iter()).expect("memory");
        let (a, empty) = (block.string(b"a"), block.string(b""));
        block.push(a);
        block.push(empty);
        let start = block.finish();
        // SAFETY: two were filled, with texts.
        unsafe {
            assert_eq!(CStr::from_ptr(*start), c"a");
            assert_eq!(CStr::from_ptr(*start.add(1)), c"");
            libc::free(start.cast());
        }
    }

    #[test]
    fn none_is_a_block_too_and_too_much_is_an_error() {
        let empty = Block::<u64>::new(0, std::iter::empty()).expect("memory").finish();
        assert!(!empty.is_null());
        // SAFETY: it is of malloc.
        unsafe { libc::free(empty.cast()) };
        assert!(Block::<u64>::new(usize::MAX, std::iter::empty()).is_err());
        assert!(Block::<u64>::new(1, [usize::MAX].into_iter()).is_err());
    }
}
