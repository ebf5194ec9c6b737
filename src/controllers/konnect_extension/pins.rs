//! Which of a control plane's pinned certificates matter to an extension.
//!
//! A pin carries its maker's UID in its title from the very call that makes it, so that after a crash at any point the
//! list in Konnect alone tells what is there and whose it is.

use kube::ResourceExt;

use super::certificate::Fingerprint;
use crate::{
    api::konnect_extension::KonnectExtension, k8s::FIELD_MANAGER_PREFIX, kong::konnect::DataPlaneCertificate,
};

/// The title of the pins that an extension makes; unique, because the UID is.
pub fn build_title(extension: &KonnectExtension) -> String {
    format!(
        "{FIELD_MANAGER_PREFIX} {}/{} {}",
        extension.namespace().unwrap_or_default(),
        extension.name_any(),
        extension.uid().unwrap_or_default(),
    )
}

/// Whether some pin, whoever made it, lets this certificate in.
pub fn is_listed(pins: &[DataPlaneCertificate], fingerprint: Fingerprint) -> bool {
    pins.iter()
        .any(|pin| Fingerprint::of_pem(&pin.cert) == Some(fingerprint))
}

/// The pins with this title: what one extension made.
pub fn made_under<'a>(
    pins: &'a [DataPlaneCertificate],
    title: &'a str,
) -> impl Iterator<Item = &'a DataPlaneCertificate> {
    pins.iter().filter(move |pin| pin.title.as_deref() == Some(title))
}

/// Own pins of one certificate beyond the first: a call whose answer was lost may have made another. The order is the
/// ids', so that two who look at once keep the same one.
pub fn surplus<'a>(
    pins: &'a [DataPlaneCertificate],
    title: &'a str,
    fingerprint: Fingerprint,
) -> Vec<&'a DataPlaneCertificate> {
    let mut own: Vec<_> = made_under(pins, title)
        .filter(|pin| Fingerprint::of_pem(&pin.cert) == Some(fingerprint))
        .collect();
    own.sort_by(|a, b| a.id.cmp(&b.id));
    own.into_iter().skip(1).collect()
}

/// Those pins that deletion must remove: made under this title, unless it is the only pin of a certificate that another
/// extension still uses; removing a pin disconnects the nodes behind it.
pub fn removable<'a>(
    pins: &'a [DataPlaneCertificate],
    title: &'a str,
    still_used: Option<Fingerprint>,
) -> Vec<&'a DataPlaneCertificate> {
    let pinned_by_others = |fingerprint: Fingerprint| {
        pins.iter()
            .filter(|pin| pin.title.as_deref() != Some(title))
            .any(|pin| Fingerprint::of_pem(&pin.cert) == Some(fingerprint))
    };
    let kept = still_used.filter(|fingerprint| !pinned_by_others(*fingerprint));
    made_under(pins, title)
        .filter(|pin| kept.is_none() || Fingerprint::of_pem(&pin.cert) != kept)
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{super::certificate::generate, *};

    fn certificate() -> String {
        generate(
            "kong",
            "edge",
            Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(1 << 30),
        )
        .unwrap()
        .certificate_pem
    }

    fn pin(id: &str, cert: &str, title: Option<&str>) -> DataPlaneCertificate {
        DataPlaneCertificate {
            id: id.to_owned(),
            cert: cert.to_owned(),
            title: title.map(str::to_owned),
        }
    }

    fn ids(pins: Vec<&DataPlaneCertificate>) -> Vec<&str> {
        pins.into_iter().map(|pin| pin.id.as_str()).collect()
    }

    #[test]
    fn a_pin_is_found_by_its_certificate_not_by_its_text() {
        let cert = certificate();
        let fingerprint = Fingerprint::of_pem(&cert).unwrap();
        assert!(!is_listed(&[], fingerprint));
        assert!(!is_listed(
            &[pin("1", &certificate(), None), pin("2", "garbage", None)],
            fingerprint
        ));
        assert!(is_listed(
            &[pin("1", &format!("\n{}\n\n", cert.trim()), None)],
            fingerprint
        ));
    }

    #[test]
    fn only_own_pins_are_removed() {
        let cert = certificate();
        let pins = [
            pin("own", &cert, Some("t")),
            pin("foreign", &cert, Some("u")),
            pin("untitled", &cert, None),
        ];
        assert_eq!(ids(removable(&pins, "t", None)), ["own"]);
    }

    #[test]
    fn of_equal_own_pins_one_stays() {
        let (cert, other) = (certificate(), certificate());
        let pins = [
            pin("b", &cert, Some("t")),
            pin("a", &cert, Some("t")),
            pin("c", &other, Some("t")),
            pin("d", &cert, None),
        ];
        let fingerprint = Fingerprint::of_pem(&cert).unwrap();
        assert_eq!(ids(surplus(&pins, "t", fingerprint)), ["b"]);
    }

    #[test]
    fn a_pin_that_others_need_stays() {
        let (shared, old) = (certificate(), certificate());
        let pins = [pin("shared", &shared, Some("t")), pin("old", &old, Some("t"))];
        let still_used = Fingerprint::of_pem(&shared);
        assert_eq!(ids(removable(&pins, "t", still_used)), ["old"]);
        let theirs = [&pins[..], &[pin("theirs", &shared, Some("u"))]].concat();
        assert_eq!(ids(removable(&theirs, "t", still_used)), ["shared", "old"]);
    }

    #[test]
    fn the_title_changes_with_the_uid() {
        let mut extension: KonnectExtension = serde_json::from_value(serde_json::json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectExtension",
            "metadata": {"name": "edge", "namespace": "kong", "uid": "1"},
            "spec": {"konnect": {"controlPlane": {"ref": {"konnectNamespacedRef": {"name": "inventory"}}}}},
        }))
        .unwrap();
        let title = build_title(&extension);
        assert_eq!(title, "gateway-migration-operator kong/edge 1");
        extension.metadata.uid = Some("2".to_owned());
        assert_ne!(build_title(&extension), title);
    }
}
