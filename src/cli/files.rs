//! Files and tokens that flags name.

use std::path::Path;
use std::{env, fs, io};

use secrecy::SecretString;

/// Why a file cannot be used. The text holds nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {path} ({flag}): {source}")]
    Read {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{path} ({flag}) is empty; put the token into it")]
    EmptyToken {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: String,
    },
}

/// The text of a file.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn text(flag: &'static str, path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|source| FileError::Read {
        flag,
        path: path.display().to_string(),
        source,
    })
}

/// The token of a file, else of an environment variable; white space around it means nothing. A token among the arguments
/// would be seen by every user of the machine.
///
/// # Errors
/// When the file cannot be read, or is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "a token is no flag: among the arguments every user of the machine would see it"
)]
pub fn token(
    flag: &'static str,
    file: Option<&Path>,
    variable: &str,
) -> Result<Option<SecretString>, FileError> {
    let Some(path) = file else {
        let token = env::var(variable).ok().filter(|token| !token.trim().is_empty());
        return Ok(token.map(SecretString::from));
    };
    let token = text(flag, path)?;
    if token.trim().is_empty() {
        return Err(FileError::EmptyToken {
            flag,
            path: path.display().to_string(),
        });
    }
    Ok(Some(SecretString::from(token)))
}

/// A new file that nobody else can read: a backup holds credentials, and is never overwritten.
///
/// # Errors
/// When it exists, or cannot be made.
pub fn private_file(path: &Path) -> io::Result<io::BufWriter<fs::File>> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(io::BufWriter::new)
}
