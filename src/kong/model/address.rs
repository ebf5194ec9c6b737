//! Addresses of targets as Kong stores them: with a port, and IPv6 written out.

// The value alone; `std::net` also holds sockets, which this layer must not reach.
use core::net::Ipv6Addr;

/// The port of a target that names none (Kong's target schema).
const DEFAULT_PORT: &str = "8000";

/// The stored form of a target: `name` becomes `name:8000`, `::1` and `[::1]:80` become
/// `[0000:0000:0000:0000:0000:0000:0000:0001]` with their port. Text of any other form stays as it is.
#[must_use]
pub fn normal(text: &str) -> String {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return ipv6(address, DEFAULT_PORT);
    }
    if let Some((inside, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = match after {
            "" => Some(DEFAULT_PORT),
            _ => after.strip_prefix(':').filter(|port| is_port(port)),
        };
        return match (inside.parse(), port) {
            (Ok(address), Some(port)) => ipv6(address, port),
            _ => text.to_owned(),
        };
    }
    if text.is_empty() || text.contains(':') {
        return text.to_owned();
    }
    format!("{text}:{DEFAULT_PORT}")
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn ipv6(address: Ipv6Addr, port: &str) -> String {
    let groups: Vec<String> = address
        .segments()
        .iter()
        .map(|group| format!("{group:04x}"))
        .collect();
    format!("[{}]:{port}", groups.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_port_is_8000() {
        assert_eq!(normal("stock.internal"), "stock.internal:8000");
        assert_eq!(normal("10.0.0.1"), "10.0.0.1:8000");
        assert_eq!(normal("stock.internal:443"), "stock.internal:443");
    }

    #[test]
    fn all_forms_of_an_ipv6_address_are_one() {
        let long = "[2001:0db8:0000:0000:0000:0000:0000:0001]:8000";
        for form in ["2001:db8::1", "[2001:db8::1]", "[2001:DB8::1]:8000", long] {
            assert_eq!(normal(form), long, "{form}");
        }
        assert_eq!(
            normal("[::1]:9000"),
            "[0000:0000:0000:0000:0000:0000:0000:0001]:9000"
        );
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "",
            "[::1",
            "[::1]x",
            "[::1]:",
            "{vault://env/target}",
            "[nonsense]:80",
        ] {
            assert_eq!(normal(text), text, "{text}");
        }
    }
}
