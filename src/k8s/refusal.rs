//! What the API server said, in one line.

/// The words of the API server alone, without the `Status` that carries them; those of the client where no answer came.
/// A missing right is followed by what to do about it; a quota, which is refused with 403 too, speaks for itself.
pub fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.is_forbidden() && status.message.contains(" cannot ") => {
            format!("{}; grant that right", words(&status.message, status.code))
        }
        kube::Error::Api(status) => words(&status.message, status.code),
        other => other.to_string(),
    }
}

fn words(message: &str, code: u16) -> String {
    match message.trim() {
        "" => format!("the API server answered {code}"),
        message => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn refused(message: &str, reason: &str, code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure(message, reason).with_code(code)))
    }

    #[test]
    fn the_servers_own_words_are_kept_and_nothing_else() {
        let quota = refused(
            "secrets \"a-plan\" is forbidden: exceeded quota: q",
            "Forbidden",
            403,
        );
        assert_eq!(said(&quota), "secrets \"a-plan\" is forbidden: exceeded quota: q");
        assert_eq!(said(&refused(" ", "", 503)), "the API server answered 503");
    }

    #[test]
    fn a_missing_right_is_followed_by_what_to_do() {
        let denied = refused("User \"a\" cannot get resource \"secrets\"", "Forbidden", 403);
        assert_eq!(
            said(&denied),
            "User \"a\" cannot get resource \"secrets\"; grant that right"
        );
    }
}
