//! What a library leaves alone: `errno`, and the signals of the program.

use std::mem::MaybeUninit;

use libc::{SIG_BLOCK, SIG_SETMASK, SIGPIPE, sigset_t};

/// Runs `work` such that the caller finds `errno` as it was, and is sent no SIGPIPE by it: a C program ends
/// by that where a server closed a connection.
pub(crate) fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: it points to this thread's own errno.
    let errno = unsafe { *libc::__errno_location() };
    let done = without_sigpipe(work);
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
    done
}

fn without_sigpipe<T>(work: impl FnOnce() -> T) -> T {
    let pipe = set_of(&[SIGPIPE]);
    let before = change(SIG_BLOCK, &pipe);
    let was_blocked = contains(&before, SIGPIPE);
    // One that is pending already is the program's own.
    let was_pending = was_blocked && contains(&pending(), SIGPIPE);
    let done = work();
    if !was_pending {
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both are valid, and nothing is asked to be told.
        unsafe { libc::sigtimedwait(&raw const pipe, std::ptr::null_mut(), &raw const now) };
    }
    if !was_blocked {
        change(SIG_SETMASK, &before);
    }
    done
}

/// Runs `work` with all signals blocked, which the threads that it starts inherit: the program's handlers
/// run on the program's threads.
pub(crate) fn all_blocked<T>(work: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::uninit();
    // SAFETY: it fills the set.
    let all = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        all.assume_init()
    };
    let before = change(SIG_BLOCK, &all);
    let done = work();
    change(SIG_SETMASK, &before);
    done
}

fn set_of(signals: &[libc::c_int]) -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: it empties the set, and the signals exist.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Changes the mask of this thread; answers with the one before.
fn change(how: libc::c_int, set: &sigset_t) -> sigset_t {
    let mut before = set_of(&[]);
    // SAFETY: both are valid.
    unsafe { libc::pthread_sigmask(how, set, &raw mut before) };
    before
}

fn pending() -> sigset_t {
    let mut pending = set_of(&[]);
    // SAFETY: it is valid.
    unsafe { libc::sigpending(&raw mut pending) };
    pending
}

fn contains(set: &sigset_t, signal: libc::c_int) -> bool {
    // SAFETY: it is valid.
    unsafe { libc::sigismember(set, signal) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno() -> libc::c_int {
        // SAFETY: this thread's own.
        unsafe { *libc::__errno_location() }
    }

    fn raise() {
        // SAFETY: it is blocked for this thread where the tests raise it.
        unsafe { libc::pthread_kill(libc::pthread_self(), SIGPIPE) };
    }

    #[test]
    fn errno_and_the_mask_are_as_they_were() {
        // SAFETY: this thread's own.
        unsafe { *libc::__errno_location() = 77 };
        let seen = undisturbed(|| {
            // SAFETY: it fails, on purpose.
            unsafe { libc::close(-1) };
            (errno(), contains(&change(SIG_BLOCK, &set_of(&[])), SIGPIPE))
        });
        assert_eq!(seen, (libc::EBADF, true));
        assert_eq!(errno(), 77);
        assert!(!contains(&change(SIG_BLOCK, &set_of(&[])), SIGPIPE));
    }

    #[test]
    fn a_sigpipe_of_ours_is_gone_and_one_of_the_programs_stays() {
        let pipe = set_of(&[SIGPIPE]);
        undisturbed(raise);
        change(SIG_BLOCK, &pipe);
        assert!(!contains(&pending(), SIGPIPE), "ours is gone");
        raise();
        undisturbed(raise);
        assert!(contains(&pending(), SIGPIPE), "the program's is there");
        undisturbed(|| {});
        assert!(contains(&change(SIG_BLOCK, &set_of(&[])), SIGPIPE), "and still blocked");
    }

    #[test]
    fn a_thread_that_is_started_has_all_blocked() {
        let there = all_blocked(|| {
            std::thread::spawn(|| contains(&change(SIG_BLOCK, &set_of(&[])), libc::SIGUSR1))
        });
        assert!(there.join().expect("no panic"));
        assert!(!contains(&change(SIG_BLOCK, &set_of(&[])), libc::SIGUSR1));
    }
}
