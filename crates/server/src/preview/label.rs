//! The first part of a preview's host name: says which port of which agent, and that we made it.

use protocol::ids::AgentId;
use uuid::Uuid;

/// Hexadecimal digits of an agent.
const AGENT: usize = 32;
/// Hexadecimal digits of a port.
const PORT: usize = 4;
/// Hexadecimal digits of our mark.
const MARK: usize = 16;

/// A port of an agent's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Whose machine.
    pub agent: AgentId,
    /// The port inside.
    pub port: u16,
}

impl Target {
    /// Its label; the same as long as the data folder lives.
    pub fn label(self, key: &[u8; 32]) -> String {
        let plain = format!("{}{:04x}", self.agent.uuid().simple(), self.port);
        let mark = mark(&plain, key);
        format!("p{plain}{mark}")
    }

    /// The target of a label of ours.
    ///
    /// TRUST: the mark keeps people from finding out which agents there are; what lets them in is the
    /// cookie.
    pub fn of_label(label: &str, key: &[u8; 32]) -> Option<Self> {
        let rest = label.strip_prefix('p').filter(|rest| rest.len() == AGENT + PORT + MARK)?;
        let (plain, given) = rest.split_at_checked(AGENT + PORT)?;
        let (agent, port) = plain.split_at_checked(AGENT)?;
        let target = Self {
            agent: AgentId::from_uuid(Uuid::try_parse(agent).ok()?),
            port: u16::from_str_radix(port, 16).ok()?,
        };
        (mark(plain, key) == given).then_some(target)
    }
}

fn mark(plain: &str, key: &[u8; 32]) -> String {
    let hash = blake3::keyed_hash(key, format!("preview {plain}").as_bytes());
    let hex = hash.to_hex();
    hex.get(..MARK).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_its_port_and_cannot_be_made_up() {
        let agent = AgentId::parse("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab").unwrap();
        let (target, key) = (Target { agent, port: 5173 }, [7; 32]);
        let label = target.label(&key);
        assert!(label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(Target::of_label(&label, &key), Some(target));
        assert_eq!(Target::of_label(&label, &[8; 32]), None);
        let other = label.replace("1435", "1436");
        for bad in [other.as_str(), "", "p", "www", &label[1..], &format!("{label}0")] {
            assert_eq!(Target::of_label(bad, &key), None, "{bad}");
        }
    }
}
