//! What reading a declarative file brings to light. The reader remarks on it; the words are here.

use crate::migration::finding::rules;

rules! {
    DECLARED_LIST_UNKNOWN: Error, waivable, "declared-list-unknown",
        "The declarative file has a list that neither decK nor Kong knows; its entries stay behind.",
        "Correct the name of the list, or move what it stands for by hand.",
        "A file with a list servces.";
    DECLARED_LIST_NOT_MOVED: Error, waivable, "declared-list-not-moved",
        "The declarative file has a list of things that are not moved to a control plane; they stay behind.",
        "Set them up in Konnect by hand where they are needed, and remove the list from the file.",
        "A file with a list service_packages.";
    DECLARED_NAME_NOT_FOUND: Error, waivable, "declared-name-not-found",
        "The entity names another one that the declarative file does not define; it is not written.",
        "Correct the name, or export the file again with everything that it refers to.",
        "A route with service: cart, and no service of that name.";
    DECLARED_PASSWORD_HASH: Error, waivable, "declared-password-hash-without-consumer-id",
        "The password is a hash made with the id of a consumer that has no id in the file; no password will match it.",
        "Export the file again with the ids (decK: --with-id), or set a new password.",
        "A decK dump of a basic-auth credential without ids.";
    DECLARED_SETTING_IGNORED: Info, waivable, "declared-setting-ignored",
        "The declarative file has a setting that has no effect on a migration.",
        "Check that the migration does what the setting was meant for.",
        "A file with _konnect: {control_plane_name: cart}.";
    DECLARED_VERSION_UNKNOWN: Warning, waivable, "declared-version-unknown",
        "The declarative file does not tell which gateway it was written for, so the defaults of Kong 3.13 and older are filled in.",
        "Set spec.source.declarativeConfig.kongVersion, or --kong-version on the command line.",
        "A file with _format_version 3.0, and no kongVersion in the spec.";
    DECLARED_DEFAULT_UNKNOWN: Warning, waivable, "declared-default-unknown",
        "The declarative file leaves a field to its default, which is another one in the target than in the gateway.",
        "Write the field into the file with the value that the gateway uses.",
        "A statsd plugin without config.metrics.";
}
