//! The few things that need the operating system's own calls. All `unsafe` code of the crate is in this file.
#![allow(unsafe_code, reason = "each call is a plain system call without memory to manage; see the comments")]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// The user whose rights this process has; 0 is root.
pub fn effective_user() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The group whose rights this process has.
pub fn effective_group() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getegid() }
}

/// Whether this process may create files in a folder, with groups and access lists taken into account.
pub fn can_write(folder: &Path) -> bool {
    let Ok(path) = CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: the string is terminated and outlives the call.
    unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

/// Sends a signal to exactly one process.
pub fn send(pid: u32, signal: i32) -> io::Result<()> {
    // 0 and negative numbers mean whole groups of processes, and 1 is nobody's PostgreSQL.
    let target = i32::try_from(pid).ok().filter(|pid| *pid > 1).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: takes numbers only.
    match unsafe { libc::kill(target, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether a process of this number exists, whoever owns it.
pub fn exists(pid: u32) -> bool {
    match send(pid, 0) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() == Some(libc::EPERM),
    }
}

/// Lets the kernel send `signal` to the child when the thread that spawns it ends, killed or not. Linux only;
/// elsewhere it does nothing and the next start finds the process that was left behind.
#[cfg(target_os = "linux")]
pub fn dies_with_parent(command: &mut Command, signal: i32) {
    use std::os::unix::process::CommandExt;

    let parent = std::process::id();
    // SAFETY: the closure runs between fork and exec and only makes system calls. It runs after the change of user,
    // which matters: changing the user clears the setting.
    unsafe {
        command.pre_exec(move || {
            let no = 0 as libc::c_ulong;
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong, no, no, no) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before the line above: then nobody would ever send the signal.
            if libc::getppid().unsigned_abs() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}

/// See the Linux version.
#[cfg(not(target_os = "linux"))]
pub fn dies_with_parent(_command: &mut Command, _signal: i32) {}

/// The command line of a running process, its arguments separated by spaces. `None` for one that has ended, even if
/// its parent has not yet asked for its exit status.
#[cfg(target_os = "linux")]
pub fn command_line(pid: u32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
    (!line.trim().is_empty()).then_some(line)
}

/// See the Linux version.
#[cfg(not(target_os = "linux"))]
pub fn command_line(pid: u32) -> Option<String> {
    let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
    (!line.trim().is_empty()).then_some(line)
}

/// The numbers of all processes that can be seen.
#[cfg(target_os = "linux")]
pub fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// See the Linux version.
#[cfg(not(target_os = "linux"))]
pub fn processes() -> Vec<u32> {
    let Ok(output) = Command::new("ps").args(["-axo", "pid="]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}
