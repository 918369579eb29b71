//! A file that appears at its path when it is whole.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::File;

/// A file that is being written beside its path; dropping it removes it.
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
    beside: Beside,
    file: File,
}

/// Removes a file, unless it has found its place.
#[derive(Debug)]
struct Beside(Option<PathBuf>);

impl Unfinished {
    /// A new file in the directory of this path.
    pub(super) async fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{path:?} names no file"))
        })?;
        let number = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{number:016x}.part"));
        let (path, beside) = (path.to_owned(), path.with_file_name(hidden));
        // There and then, so that the file goes too when nobody waits for it any more.
        let opened = tokio::task::spawn_blocking(move || {
            let file = create(&beside)?;
            Ok::<_, io::Error>((Beside(Some(beside)), file))
        });
        let (beside, file) = opened.await.map_err(io::Error::other)??;
        Ok(Self { path, beside, file: File::from_std(file) })
    }

    /// Where to write.
    pub(super) fn writer(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes sure that it is on the disk, and puts it in its place.
    pub(super) async fn finish(self) -> io::Result<()> {
        let Self { path, beside, file } = self;
        file.sync_all().await?;
        drop(file);
        let placed = tokio::task::spawn_blocking(move || {
            beside.place(&path)?;
            sync_directory(&path)
        });
        placed.await.map_err(io::Error::other)?
    }
}

impl Beside {
    fn place(mut self, path: &Path) -> io::Result<()> {
        if let Some(beside) = &self.0 {
            fs::rename(beside, path)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It may never have been there; nothing better can be done here.
            let _ = fs::remove_file(path);
        }
    }
}

/// A new file that only its owner may read.
fn create(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A name is on the disk when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    match cfg!(unix) {
        true => fs::File::open(directory)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
    }

    #[tokio::test]
    async fn a_file_is_there_when_it_is_whole_and_leaves_nothing_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.snapshot");
        fs::write(&path, "old").expect("a file");

        let mut file = Unfinished::beside(&path).await.expect("a new file");
        file.writer().write_all(b"half").await.expect("written");
        assert_eq!(names(directory.path()).len(), 2);
        drop(file);
        assert_eq!(names(directory.path()), ["a.snapshot"]);
        assert_eq!(fs::read(&path).expect("still there"), b"old");

        let mut file = Unfinished::beside(&path).await.expect("a new file");
        file.writer().write_all(b"whole").await.expect("written");
        file.writer().flush().await.expect("flushed");
        file.finish().await.expect("in its place");
        assert_eq!(names(directory.path()), ["a.snapshot"]);
        assert_eq!(fs::read(&path).expect("there"), b"whole");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn what_names_no_file_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        for path in [Path::new(""), Path::new("/"), &directory.path().join("none/a")] {
            assert!(Unfinished::beside(path).await.is_err(), "{path:?}");
        }
        // A directory stands there: the file cannot take its place, and is gone.
        let path = directory.path().join("taken");
        fs::create_dir_all(path.join("full")).expect("a directory");
        let file = Unfinished::beside(&path).await.expect("a new file");
        assert!(file.finish().await.is_err());
        assert_eq!(names(directory.path()), ["taken"]);
    }
}
