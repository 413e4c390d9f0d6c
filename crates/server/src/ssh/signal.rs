//! Signals as SSH names them and as Linux numbers them.

use russh::Sig;

/// Names outside the standard, as clients send them.
const OTHERS: [(&str, i32); 7] = [
    ("USR2", 12),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("WINCH", 28),
];

/// The number of a signal; none for one that Linux does not have.
pub fn number(signal: &Sig) -> Option<i32> {
    Some(match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(name) => {
            let name = name.split('@').next().unwrap_or_default();
            return OTHERS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
        }
    })
}

/// The name of a signal's number; none for one that SSH has no name for.
pub fn named(number: i32) -> Option<Sig> {
    Some(match number {
        1 => Sig::HUP,
        2 => Sig::INT,
        3 => Sig::QUIT,
        4 => Sig::ILL,
        6 => Sig::ABRT,
        8 => Sig::FPE,
        9 => Sig::KILL,
        10 => Sig::USR1,
        11 => Sig::SEGV,
        13 => Sig::PIPE,
        14 => Sig::ALRM,
        15 => Sig::TERM,
        other => {
            let (name, _) = OTHERS.iter().find(|(_, known)| *known == other)?;
            Sig::Custom((*name).to_owned())
        }
    })
}

/// Whether it is meant to end a program.
pub fn ends(signal: &Sig) -> bool {
    matches!(signal, Sig::HUP | Sig::INT | Sig::QUIT | Sig::ABRT | Sig::KILL | Sig::TERM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_belong_together() {
        for number in (1..=28).filter(|number| named(*number).is_some()) {
            assert_eq!(named(number).as_ref().and_then(super::number), Some(number));
        }
        assert_eq!(number(&Sig::Custom("USR2@openssh.com".to_owned())), Some(12));
        assert_eq!(number(&Sig::Custom("NOSUCH".to_owned())), None);
        assert!(ends(&Sig::TERM) && !ends(&Sig::USR1));
    }
}
