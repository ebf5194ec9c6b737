use secrecy::ExposeSecret;

use super::*;

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn later(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

fn data(certificate: &str, private_key: &str) -> BTreeMap<String, ByteString> {
    let entry = |key: &str, value: &str| (key.to_owned(), ByteString(value.as_bytes().to_vec()));
    [
        entry(CERTIFICATE_KEY, certificate),
        entry(PRIVATE_KEY_KEY, private_key),
    ]
    .into_iter()
    .collect()
}

fn secret(generated: &Generated) -> BTreeMap<String, ByteString> {
    data(
        &generated.certificate_pem,
        generated.private_key_pem.expose_secret(),
    )
}

#[test]
fn a_generated_certificate_is_for_clients_and_lasts_a_year() {
    let generated = generate("kong", "edge", now()).unwrap();
    let der = CertificateDer::from_pem_slice(generated.certificate_pem.as_bytes()).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=edge.kong");
    assert_eq!(certificate.public_key().parsed().unwrap().key_size(), 256);
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert!(!certificate.is_ca());
    assert_eq!(
        certificate.validity().not_before.timestamp(),
        now().as_second() - 300
    );
    assert_eq!(generated.not_after.to_string(), "2027-11-21T12:00:00Z");
    assert_eq!(
        certificate.validity().not_after.timestamp(),
        generated.not_after.as_second()
    );
}

#[test]
fn a_generated_certificate_is_accepted_by_our_own_reading() {
    let generated = generate("kong", "edge", now()).unwrap();
    let read = read(&secret(&generated), now()).unwrap();
    assert_eq!(read.not_after, generated.not_after);
    assert_eq!(
        Some(read.fingerprint),
        Fingerprint::of_pem(&generated.certificate_pem)
    );
}

#[test]
fn keys_of_other_kinds_are_read_too() {
    for algorithm in [
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_RSA_SHA256,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        read(&data(&certificate.pem(), &key.serialize_pem()), now()).unwrap();
    }
}

#[test]
fn no_two_certificates_are_alike() {
    let fingerprint = || Fingerprint::of_pem(&generate("kong", "edge", now()).unwrap().certificate_pem);
    assert_ne!(fingerprint(), fingerprint());
}

#[test]
fn the_fingerprint_does_not_depend_on_the_pem_text() {
    let pem = generate("kong", "edge", now()).unwrap().certificate_pem;
    let reflowed = format!("Bag Attributes\n  name: edge\n{}\n\n", pem.replace("\r\n", "\n"));
    assert_eq!(Fingerprint::of_pem(&pem), Fingerprint::of_pem(&reflowed));
    assert_eq!(Fingerprint::of_pem("-----BEGIN CERTIFICATE-----"), None);
    assert_eq!(
        Fingerprint::of_der(b"").to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn of_a_chain_only_the_leaf_is_pinned() {
    let leaf = generate("kong", "edge", now()).unwrap();
    let issuer = generate("kong", "issuer", now()).unwrap();
    let chain = format!("# leaf\n{}{}", leaf.certificate_pem, issuer.certificate_pem);
    let read = read(&data(&chain, leaf.private_key_pem.expose_secret()), now()).unwrap();
    assert_eq!(read.pem.trim(), leaf.certificate_pem.trim());
}

#[test]
fn every_fault_is_named() {
    let good = generate("kong", "edge", now()).unwrap();
    let other = generate("kong", "edge", now()).unwrap();
    let key = good.private_key_pem.expose_secret();
    let without = |missing: &str| {
        let mut data = secret(&good);
        data.remove(missing);
        data
    };
    for (data, at, fault) in [
        (without("tls.crt"), now(), CertificateFault::KeyMissing("tls.crt")),
        (without("tls.key"), now(), CertificateFault::KeyMissing("tls.key")),
        (data("", key), now(), CertificateFault::KeyMissing("tls.crt")),
        (data("nonsense", key), now(), CertificateFault::NoCertificate),
        (data(key, key), now(), CertificateFault::NoCertificate),
        (
            data(&good.certificate_pem, "nonsense"),
            now(),
            CertificateFault::NoPrivateKey,
        ),
        (
            data(&good.certificate_pem, other.private_key_pem.expose_secret()),
            now(),
            CertificateFault::KeyMismatch,
        ),
        (
            secret(&good),
            good.not_after,
            CertificateFault::Expired(good.not_after),
        ),
        (
            secret(&good),
            later(0) - Duration::from_secs(301),
            CertificateFault::NotYetValid(later(0) - CLOCK_SKEW),
        ),
    ] {
        assert_eq!(read(&data, at), Err(fault.clone()), "{fault}");
    }
}

#[test]
fn no_fault_shows_a_value() {
    let key = generate("kong", "edge", now()).unwrap().private_key_pem;
    let fault = read(&data(key.expose_secret(), key.expose_secret()), now()).unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains("PRIVATE KEY"));
}

#[test]
fn a_long_name_is_cut_to_what_a_common_name_holds() {
    assert_eq!(build_common_name("kong", "edge"), "edge.kong");
    let long = build_common_name("kong", &"a".repeat(253));
    assert_eq!(long.len(), 64);
    assert_ne!(long, build_common_name("gnok", &"a".repeat(253)));
}
