//! What the embedded store's proxy keeps on disk beside its control socket: the folder they are in, the secret, and from
//! its end to the next start its memory.
//!
//! Owns that all of it is this user's alone. The folder may be below a place where anybody can write.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::ids;

/// This process's user, as the owner of what it makes.
pub fn user() -> u32 {
    std::fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid())
}

fn is_ours(found: &Metadata) -> bool {
    found.uid() == user() && found.mode() & 0o022 == 0
}

/// Makes the folder of `path` if it is not there. One that others could write to is refused only if it is the
/// default one, which is nobody's choice.
pub fn folder_of(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) else { return Ok(()) };
    if !folder.exists() {
        return DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
    let chosen = !folder.starts_with(std::env::temp_dir().join(default_name()));
    if chosen || is_ours(&folder.symlink_metadata()?) {
        return Ok(());
    }
    let why = format!("{} belongs to another user, or others can write to it", folder.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// The folder's name below the system's folder for temporary files: one a user.
pub fn default_name() -> String {
    format!("collab-proxy-{}", user())
}

/// The secret that signs pages, the same after a restart: pages that are open then can join again.
pub fn secret(control: &Path) -> io::Result<Vec<u8>> {
    let path = PathBuf::from(format!("{}.secret", control.display()));
    match File::open(&path) {
        Ok(mut file) => {
            let mut secret = Vec::new();
            if !is_ours(&file.metadata()?) || file.read_to_end(&mut secret)? < 32 {
                let why = format!("{} is not a secret of this user's; remove it", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            Ok(secret)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let secret = ids::random::<32>();
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(&secret)?;
            Ok(secret.to_vec())
        }
        Err(e) => Err(e),
    }
}

fn memory_file(control: &Path) -> PathBuf {
    PathBuf::from(format!("{}.state", control.display()))
}

/// Keeps what the process knew, for the next one.
pub fn keep_memory(control: &Path, memory: &[u8]) -> io::Result<()> {
    let path = memory_file(control);
    let fresh = PathBuf::from(format!("{}.new", path.display()));
    let _ = std::fs::remove_file(&fresh);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(memory)?;
    file.sync_all()?;
    std::fs::rename(fresh, path)
}

/// What the process before knew, once: it is gone from the disk when this returns.
pub fn take_memory(control: &Path) -> io::Result<Option<Vec<u8>>> {
    let path = memory_file(control);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let ours = is_ours(&file.metadata()?);
    let mut memory = Vec::new();
    file.read_to_end(&mut memory)?;
    std::fs::remove_file(&path)?;
    match ours {
        true => Ok(Some(memory)),
        false => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to another user, or others can write to it",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_found_once_and_is_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("c.sock");
        assert!(take_memory(&control).unwrap().is_none());
        keep_memory(&control, b"first").unwrap();
        keep_memory(&control, b"second").unwrap();
        let file = folder.path().join("c.sock.state");
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(take_memory(&control).unwrap().as_deref(), Some(&b"second"[..]));
        assert!(take_memory(&control).unwrap().is_none());
        keep_memory(&control, b"third").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        assert!(take_memory(&control).is_err());
        assert!(!file.exists());
    }

    #[test]
    fn the_secret_stays_and_is_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("deep/er/c.sock");
        folder_of(&control).unwrap();
        let first = secret(&control).unwrap();
        assert_eq!((first.len(), secret(&control).unwrap()), (32, first));
        let file = folder.path().join("deep/er/c.sock.secret");
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        std::fs::write(&file, "short").unwrap();
        assert!(secret(&control).unwrap_err().to_string().contains("remove it"));
    }
}
